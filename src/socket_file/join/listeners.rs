//! Listening sockets: whom they wait for, how many wait for them, and whether there is room for more.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::net::Endpoint;
use crate::socket_file::{Format, Process, SocketEnd, SocketRow};
use crate::tcp::State;

/// All sockets that listen at one end (several where programs share it, `SO_REUSEPORT`).
#[derive(Clone, Debug, Serialize)]
pub struct Listener {
    /// Lines of the file.
    pub lines: Vec<u64>,
    /// Where it listens.
    pub local: SocketEnd,
    /// Connections that wait to be accepted, those included that ended while they waited.
    pub waiting: u64,
    /// How many may wait (`listen()`, bounded by `net.core.somaxconn`); `None` where the tool does not tell.
    pub backlog: Option<u64>,
    /// One of its queues takes no more: connections are answered no more, or only their SYN is.
    pub full: Option<bool>,
    /// Programs that accept here; empty where none is shown.
    pub processes: Vec<Process>,
    /// Connections to it in the file without a program, or with one that is not shown.
    pub unowned: u64,
}

/// All listeners of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners {
    list: Vec<Listener>,
    by_port: BTreeMap<u16, Vec<usize>>,
}

impl Listeners {
    pub(super) fn of(rows: &[SocketRow], format: Format) -> Self {
        let mut ends: BTreeMap<&SocketEnd, Vec<&SocketRow>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.state == Some(State::Listen)) {
            ends.entry(&row.local).or_default().push(row);
        }
        let mut list: Vec<_> = ends.into_values().filter_map(|rows| one(&rows, format)).collect();
        list.sort_by(|one, other| one.lines.cmp(&other.lines));
        let mut by_port: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (index, listener) in list.iter().enumerate() {
            by_port.entry(listener.local.port.unwrap_or_default()).or_default().push(index);
        }
        let mut listeners = Self { list, by_port };
        for row in rows.iter().filter(|row| is_unowned(row)) {
            let index = row.local.endpoint().and_then(|local| listeners.index(local));
            if let Some(listener) = index.and_then(|index| listeners.list.get_mut(index)) {
                listener.unowned += 1;
            }
        }
        listeners
    }

    /// The listener that gets connections to `local`: one that is bound to the address before one that takes any.
    pub(super) fn find(&self, local: Endpoint) -> Option<&Listener> {
        self.index(local).and_then(|index| self.list.get(index))
    }

    fn index(&self, local: Endpoint) -> Option<usize> {
        let serving = self.by_port.get(&local.port)?.iter().copied();
        let serving = serving.filter_map(|index| Some((index, &self.list.get(index)?.local)));
        let serving = serving.filter(|(_, end)| end.serves(local));
        serving.min_by_key(|(_, end)| end.endpoint().is_none()).map(|(index, _)| index)
    }

    pub(super) fn into_list(self) -> Vec<Listener> {
        self.list
    }
}

fn one(rows: &[&SocketRow], format: Format) -> Option<Listener> {
    let mut processes: Vec<_> = rows.iter().flat_map(|row| row.processes.iter().cloned()).collect();
    processes.sort_unstable();
    processes.dedup();
    // Elsewhere that column holds nothing for a listener.
    let tells_backlog = format == Format::Ss;
    Some(Listener {
        lines: rows.iter().map(|row| row.line).collect(),
        local: rows.first()?.local.clone(),
        waiting: rows.iter().map(|row| row.recv_q).fold(0, u64::saturating_add),
        backlog: rows.iter().map(|row| row.send_q).min().filter(|_| tells_backlog),
        // Linux takes one more than the backlog (sk_acceptq_is_full).
        full: tells_backlog.then(|| rows.iter().any(|row| row.recv_q > row.send_q)),
        processes,
        unowned: 0,
    })
}

/// True for a connection that may wait in an accept queue, as far as its own line tells.
pub(super) fn is_unowned(row: &SocketRow) -> bool {
    let may_wait = matches!(row.state, Some(State::Established | State::CloseWait) | None);
    may_wait && row.processes.is_empty() && row.inode.is_none_or(|inode| inode == 0)
}
