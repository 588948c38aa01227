//! Who holds a socket, where its line names no program.

use std::collections::BTreeSet;

use super::candidate::Chosen;
use super::listeners::Listeners;
use super::{Holder, Moment};
use crate::net::{Endpoint, Role};
use crate::socket_file::{SocketFile, SocketRow};
use crate::tcp::State;

/// What a file tells of programs.
#[derive(Clone, Debug)]
pub(super) struct Owners {
    names_programs: bool,
    not_root: bool,
    /// Local ends of which at least one socket is shown with its program.
    seen: BTreeSet<Endpoint>,
}

impl Owners {
    pub(super) fn of(file: &SocketFile) -> Self {
        let owned = file.rows.iter().filter(|row| !row.processes.is_empty());
        Self {
            names_programs: file.names_programs(),
            not_root: file.not_root,
            seen: owned.filter_map(|row| row.local.endpoint()).collect(),
        }
    }

    /// Who holds the socket of `row`, which is in `state`.
    pub(super) fn holder(
        &self,
        row: &SocketRow,
        state: Option<State>,
        listeners: &Listeners,
        chosen: Option<&Chosen<'_>>,
        moment: Option<&Moment>,
    ) -> Holder {
        match row.inode {
            _ if !row.processes.is_empty() => return Holder::Named,
            // A socket gets its inode when accept() makes a file of it.
            Some(0) => return Holder::Nobody,
            Some(_) => return Holder::Hidden,
            None => {}
        }
        if !matches!(state, Some(State::Established | State::CloseWait)) {
            return if self.names_programs { Holder::Nobody } else { Holder::Unknown };
        }
        let Some(local) = row.local.endpoint() else { return Holder::Unknown };
        let holder = self.by_queue(local, listeners, chosen);
        let is_accepted = chosen.is_some_and(|chosen| {
            let received = &chosen.candidate.received;
            let was_read = received.total.is_some_and(|total| row.recv_q <= total);
            received.had_answered(moment) || state == Some(State::CloseWait) && was_read
        });
        if holder == Holder::Nobody && is_accepted { Holder::Hidden } else { holder }
    }

    /// What the accept queue says: no more can wait than it holds.
    fn by_queue(&self, local: Endpoint, listeners: &Listeners, chosen: Option<&Chosen<'_>>) -> Holder {
        let is_initiator = chosen.is_some_and(|chosen| chosen.candidate.role == Role::Initiator);
        match listeners.find(local) {
            // Nobody accepts what he opened himself: it is held until it is closed.
            _ if is_initiator => Holder::Hidden,
            Some(listener) if listener.waiting == 0 => Holder::Hidden,
            _ if !self.names_programs => Holder::Unknown,
            Some(listener) if listener.unowned <= listener.waiting => Holder::Nobody,
            // A table is not of one moment: a few may have been accepted while it was written.
            Some(listener) => {
                let is_near = listener.unowned.saturating_sub(listener.waiting) <= listener.waiting / 4 + 4;
                let shown = !self.not_root && !listener.processes.is_empty();
                if is_near && shown { Holder::Nobody } else { Holder::Unknown }
            }
            None if !self.not_root && self.seen.contains(&local) => Holder::Nobody,
            None => Holder::Unknown,
        }
    }
}
