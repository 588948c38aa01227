//! What one host did as the client of one service.

use std::net::IpAddr;

use super::curve::Curve;
use super::stuck::Waits;
use crate::delays::Delays;
use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, Limits};
use crate::net::{Endpoint, Role};
use crate::time::{TimeDelta, Timestamp};

/// Local ports that are remembered with the time from which they were held.
const PORTS: usize = 1 << 12;

/// One client host toward one service.
#[derive(Debug)]
pub struct Pair {
    /// The client host.
    pub client: IpAddr,
    /// The service.
    pub service: Endpoint,
    /// Flows between them.
    pub flows: u64,
    /// Flows whose handshake was complete, or that were open before the capture began.
    pub established: u64,
    /// Connections that neither side had closed when the capture ended.
    pub open: u64,
    /// Of these, those that carried one exchange and nothing after it.
    pub used_once: u64,
    /// Of those that are open, how many wait for an answer.
    pub waiting: u64,
    /// How long the open ones had been idle when the capture ended.
    pub idle: Delays,
    /// When the last octets came on any connection.
    pub last_octets: Option<Timestamp>,
    /// When the first and the last connection was asked for.
    pub opened: Option<(Timestamp, Timestamp)>,
    /// How many connections were open at once that were for `--fin-delay` or longer.
    pub curve: Curve,
    /// Connections that the client left in CLOSE-WAIT.
    pub stuck: Waits,
    /// Local ports that were still held when the capture ended, the first ones, with the time of their SYN.
    pub ports: Vec<(Timestamp, u16)>,
    /// How many these are.
    pub held: u64,
    /// Of all connections, lowest and highest local port.
    pub port_range: Option<(u16, u16)>,
    /// The first open flows.
    pub examples: Vec<u64>,
}

impl Pair {
    /// Of no flow so far.
    pub fn new(client: IpAddr, service: Endpoint) -> Self {
        Self {
            client,
            service,
            flows: 0,
            established: 0,
            open: 0,
            used_once: 0,
            waiting: 0,
            idle: Delays::default(),
            last_octets: None,
            opened: None,
            curve: Curve::default(),
            stuck: Waits::default(),
            ports: Vec::new(),
            held: 0,
            port_range: None,
            examples: Vec::new(),
        }
    }

    /// Adds a finished flow.
    pub fn add(&mut self, flow: &Flow, limits: &Limits) {
        self.flows += 1;
        let (start, port) = (flow.first.time, flow.initiator.port);
        self.opened =
            Some(self.opened.map_or((start, start), |(first, last)| (first.min(start), last.max(start))));
        self.port_range =
            Some(self.port_range.map_or((port, port), |(low, high)| (low.min(port), high.max(port))));
        if is_established(flow) {
            self.established += 1;
            // What is over at once says nothing of what stays open.
            let (since, until) = (established_at(flow), end_of(flow));
            if until.is_none_or(|until| until - since >= limits.fin_delay) {
                self.curve.add(since, until);
            }
        }
        if let Some((_, at)) = flow.last_talker {
            self.last_octets = self.last_octets.max(Some(at.time));
        }
        if is_open(flow.outcome) {
            self.add_open(flow);
        }
        if let Some(wait) = flow.close_wait.filter(|wait| wait.at == Role::Initiator)
            && super::is_stuck(flow, &wait, limits)
        {
            self.stuck.add(flow, &wait);
        }
        if holds_port(flow) {
            self.held += 1;
            if self.ports.len() < PORTS {
                self.ports.push((start, port));
            }
        }
    }

    fn add_open(&mut self, flow: &Flow) {
        self.open += 1;
        self.used_once += u64::from(flow.exchanges == 1 && flow.unanswered_octets == 0);
        self.waiting += u64::from(flow.unanswered_octets > 0);
        if let Some((_, at)) = flow.last_talker {
            self.idle.add((flow.decided - at.time).max(TimeDelta::ZERO));
        }
        if self.examples.len() < 3 {
            self.examples.push(flow.id);
        }
    }
}

/// Neither side had closed when the capture ended.
const fn is_open(outcome: FlowOutcome) -> bool {
    matches!(
        outcome,
        FlowOutcome::Open | FlowOutcome::OpenUnanswered | FlowOutcome::OpenStalled | FlowOutcome::OpenUnacked
    )
}

fn is_established(flow: &Flow) -> bool {
    !matches!(flow.handshake, Handshake::Syn | Handshake::SynAck)
}

fn established_at(flow: &Flow) -> Timestamp {
    let done = flow.events.iter().find(|event| event.kind == EventKind::HandshakeAck);
    done.map_or(flow.first.time, |event| event.at.time)
}

/// When the first FIN or the deciding RST came: it was open until then.
fn end_of(flow: &Flow) -> Option<Timestamp> {
    let fin = flow.first_fin().map(|(_, fin)| fin.first.time);
    let reset = flow.reset().map(|reset| reset.at.time);
    match (fin, reset) {
        (Some(fin), Some(reset)) => Some(fin.min(reset)),
        (fin, reset) => fin.or(reset),
    }
}

/// True when the client's socket still occupied its port when the capture ended, TIME-WAIT left out.
fn holds_port(flow: &Flow) -> bool {
    is_open(flow.outcome)
        || flow.outcome == FlowOutcome::HalfClosed && flow.active_closer == Some(Role::Responder)
}
