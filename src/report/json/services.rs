//! What services and their clients did over capture time, as rows of `report.json`.

use std::cmp::Reverse;
use std::net::IpAddr;

use serde::Serialize;

use crate::delays::Delays;
use crate::net::{Endpoint, Role};
use crate::survey::{Interval, Pair, Service, View, Waits};
use crate::time::{TimeDelta, Timestamp};

/// Services that are told, those with most connections.
const SERVICES: usize = 200;
/// Clients that are told of each.
const CLIENTS: usize = 50;

/// The services of a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct JsonServices {
    services: Vec<JsonService>,
    /// Further services that are not told.
    services_left_out: usize,
    /// Flows of services beyond those that were told apart.
    flows_left_out: u64,
    /// Flows of pairs of client and service beyond those that were told apart.
    flows_of_clients_left_out: u64,
}

#[derive(Debug, Serialize)]
struct JsonService {
    service: Endpoint,
    flows: u64,
    established: u64,
    refused: u64,
    unanswered_syns: u64,
    first_answered: Option<Timestamp>,
    last_answered: Option<Timestamp>,
    unanswered_requests: u64,
    late_answers: u64,
    delays: JsonDelaysOf,
    close_wait: Option<JsonWaits>,
    interval: TimeDelta,
    intervals: Vec<Interval>,
    clients: Vec<JsonClient>,
    clients_left_out: usize,
}

/// What was measured of one service.
#[derive(Debug, Serialize)]
struct JsonDelaysOf {
    connect: Option<JsonDelays>,
    slowest_answer: Option<JsonDelays>,
    patience: Option<JsonDelays>,
    fin_delay: Option<JsonDelays>,
    idle_before_close_by_initiator: Option<JsonDelays>,
    idle_before_close_by_responder: Option<JsonDelays>,
}

#[derive(Debug, Serialize)]
struct JsonDelays {
    count: u64,
    least: TimeDelta,
    median: TimeDelta,
    p90: TimeDelta,
    p99: TimeDelta,
    most: TimeDelta,
}

#[derive(Debug, Serialize)]
struct JsonWaits {
    connections: u64,
    still: u64,
    peak: u64,
    peak_at: Timestamp,
    longest: TimeDelta,
}

#[derive(Debug, Serialize)]
struct JsonClient {
    client: IpAddr,
    flows: u64,
    established: u64,
    open: u64,
    used: u64,
    waiting: u64,
    ports_held: u64,
    close_wait: Option<JsonWaits>,
}

impl JsonServices {
    pub(super) fn of(view: &View) -> Self {
        let mut services: Vec<&Service> = view.services.values().map(|service| &**service).collect();
        services.sort_by_key(|service| (Reverse(service.flows), service.endpoint));
        let services_left_out = services.len().saturating_sub(SERVICES);
        Self {
            services: services
                .into_iter()
                .take(SERVICES)
                .map(|service| JsonService::of(view, service))
                .collect(),
            services_left_out,
            flows_left_out: view.left_out,
            flows_of_clients_left_out: view.pairs_left_out,
        }
    }
}

impl JsonService {
    fn of(view: &View, service: &Service) -> Self {
        let requests = &service.requests;
        let mut clients: Vec<&Pair> = view.clients_of(service.endpoint).map(|(_, pair)| pair).collect();
        clients.sort_by_key(|pair| (Reverse(pair.flows), pair.client));
        Self {
            service: service.endpoint,
            flows: service.flows,
            established: service.established,
            refused: service.refused,
            unanswered_syns: service.unanswered_syns,
            first_answered: requests.answered.first(),
            last_answered: requests.answered.last(),
            unanswered_requests: requests.count,
            late_answers: requests.late_answers,
            delays: JsonDelaysOf {
                connect: JsonDelays::of(&service.connect),
                slowest_answer: JsonDelays::of(&requests.slowest),
                patience: JsonDelays::of(&requests.patience),
                fin_delay: JsonDelays::of(&service.fin_delay),
                idle_before_close_by_initiator: JsonDelays::of(&service.idle[Role::Initiator]),
                idle_before_close_by_responder: JsonDelays::of(&service.idle[Role::Responder]),
            },
            close_wait: JsonWaits::of(&service.stuck),
            interval: service.series.length(),
            intervals: service.series.told(),
            clients_left_out: clients.len().saturating_sub(CLIENTS),
            clients: clients.into_iter().take(CLIENTS).map(JsonClient::of).collect(),
        }
    }
}

impl JsonDelays {
    fn of(delays: &Delays) -> Option<Self> {
        (delays.count() > 0).then(|| Self {
            count: delays.count(),
            least: delays.min(),
            median: delays.median(),
            p90: delays.quantile(0.9),
            p99: delays.quantile(0.99),
            most: delays.max(),
        })
    }
}

impl JsonWaits {
    fn of(waits: &Waits) -> Option<Self> {
        let peak = waits.curve.peak();
        (waits.connections > 0).then(|| Self {
            connections: waits.connections,
            still: waits.still,
            peak: peak.level,
            peak_at: peak.at,
            longest: waits.lasted.max(),
        })
    }
}

impl JsonClient {
    fn of(pair: &Pair) -> Self {
        Self {
            client: pair.client,
            flows: pair.flows,
            established: pair.established,
            open: pair.open,
            used: pair.standing.used,
            waiting: pair.waiting,
            ports_held: pair.held,
            close_wait: JsonWaits::of(&pair.stuck),
        }
    }
}
