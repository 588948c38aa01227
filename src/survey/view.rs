//! What services, their clients and hosts did, once all flows are known.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Memory, Pair, Release, Service, Survey};
use crate::flow::Limits;
use crate::net::Endpoint;
use crate::time::Timestamp;

/// The whole capture by who took part, each list in the order of addresses.
#[derive(Debug, Default)]
pub struct View {
    /// Thresholds.
    pub limits: Limits,
    /// The start of the capture, as far as flows tell.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Services.
    pub services: BTreeMap<Endpoint, Box<Service>>,
    /// Hosts as clients of services, with the number that [`Place`](super::Place) tells.
    pub pairs: BTreeMap<(Endpoint, IpAddr), (u32, Box<Pair>)>,
    /// How long hosts remember what they closed first.
    pub hosts: BTreeMap<IpAddr, Memory>,
    /// Flows of services beyond those that are told apart.
    pub left_out: u64,
    /// Flows of pairs beyond those that are told apart.
    pub pairs_left_out: u64,
}

impl View {
    pub(super) fn new(survey: Survey, stopped: Option<Timestamp>) -> Self {
        let Survey { limits, services, pairs, hosts, span, left_out, pairs_left_out, .. } = survey;
        let (start, end) = span.unwrap_or_default();
        let end = stopped.map_or(end, |stopped| stopped.max(end));
        let mut services: BTreeMap<_, _> =
            services.into_values().map(|service| (service.endpoint, service)).collect();
        for service in services.values_mut() {
            service.settle(end);
        }
        let mut pairs: BTreeMap<_, _> =
            pairs.into_values().map(|pair| ((pair.1.service, pair.1.client), pair)).collect();
        for (_, pair) in pairs.values_mut() {
            pair.settle();
        }
        Self {
            limits,
            start,
            end,
            services,
            pairs,
            hosts: hosts.into_values().collect(),
            left_out,
            pairs_left_out,
        }
    }

    /// The clients of one service.
    pub fn clients_of(&self, service: Endpoint) -> impl Iterator<Item = (u32, &Pair)> {
        let least = (service, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.pairs
            .range(least..)
            .take_while(move |((of, _), _)| *of == service)
            .map(|(_, (number, pair))| (*number, &**pair))
    }

    /// Who released whom, of flows whose initiator had closed.
    pub fn released(&self) -> Vec<Release> {
        let bursts = self.services.values().flat_map(|service| &service.releases.bursts);
        let with_holder = bursts.filter_map(|burst| Some((burst.holder?, &burst.released)));
        let releases = with_holder.flat_map(|(holder, released)| {
            released.iter().filter(|it| it.abandoned).map(move |it| Release {
                flow: it.flow,
                holder: holder.flow,
                ended: holder.ended.zip(it.released).map(|(end, at)| (end.time, at.time - end.time)),
            })
        });
        releases.collect()
    }
}
