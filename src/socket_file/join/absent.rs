//! Connections that are stuck according to the capture and not in a table.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Absent, Moment};
use crate::flow::{Flow, FlowOutcome};
use crate::net::Endpoint;
use crate::socket_file::SocketFile;
use crate::tcp::State;

/// Flows that are remembered for one table.
const MOST: usize = 10_000;

/// Flows in CLOSE-WAIT at a table's host that are not in it, as long as its moment is not known.
#[derive(Clone, Debug)]
pub(super) struct Suspects {
    /// Addresses of the host.
    hosts: BTreeSet<IpAddr>,
    /// Endpoints of which it tells sockets, its own and its peers': it may have been asked for these alone.
    services: BTreeSet<Endpoint>,
    list: Vec<Absent>,
    left_out: u64,
}

impl Suspects {
    /// None yet, at the host of `file`.
    pub(super) fn at(file: &SocketFile) -> Self {
        let connections = file.rows.iter().filter(|row| row.state != Some(State::Listen));
        let ends: Vec<_> = connections.filter_map(super::ends).collect();
        let mut services: BTreeSet<_> = ends.iter().flat_map(|&(local, peer)| [local, peer]).collect();
        let mut hosts: BTreeSet<_> = ends.iter().map(|(local, _)| local.addr).collect();
        for local in file.rows.iter().filter_map(|row| row.local.endpoint()) {
            hosts.insert(local.addr);
            services.insert(local);
        }
        Self { hosts, services, list: Vec::new(), left_out: 0 }
    }

    /// Remembers `flow` if it was in CLOSE-WAIT at the host.
    pub(super) fn add(&mut self, flow: &Flow) {
        let Some(wait) = flow.close_wait.filter(|wait| wait.proven) else { return };
        let (local, peer) = (flow.endpoint(wait.at), flow.endpoint(!wait.at));
        let is_named = self.services.contains(&local) || self.services.contains(&peer);
        if !is_named || !self.hosts.contains(&local.addr) || flow.outcome == FlowOutcome::Undecided {
            return;
        }
        if self.list.len() >= MOST {
            self.left_out += 1;
            return;
        }
        let (since, until) = (wait.since.time, wait.until.map(|until| until.time));
        self.list.push(Absent { flow: flow.id, local, peer, since, until });
    }

    /// Those that were so all the time in which the table may have been taken, and how many more there may be.
    pub(super) fn during(self, moment: Option<&Moment>) -> (Vec<Absent>, u64) {
        let Some(moment) = moment else { return (Vec::new(), 0) };
        let (from, until) = moment.reach();
        let mut list = self.list;
        list.retain(|absent| {
            let ends_later = absent.until.is_none_or(|end| moment.until.is_some() && end > until);
            absent.since < from && ends_later
        });
        list.sort_unstable_by_key(|absent| absent.flow);
        (list, self.left_out)
    }
}
