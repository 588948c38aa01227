//! Sockets of tables and flows of a capture, by four-tuple.

mod absent;
mod candidate;
mod file;
mod listeners;
mod moment;
mod narrow;
mod notes;
mod owner;
mod parties;
mod received;
mod result;
mod spans;
mod verdict;

use std::collections::HashMap;
use std::ops::Range;

use self::absent::Suspects;
use self::candidate::Candidates;
use self::file::join_file;
pub use self::listeners::Listener;
pub use self::moment::Moment;
pub use self::parties::{Holders, PartySockets, Tally};
pub use self::result::{Absent, FileJoin, Fit, JoinedSocket, SocketJoin};
pub use self::verdict::{Holder, Verdict};
use super::{SocketFile, SocketRow};
use crate::flow::{Flow, Limits};
use crate::net::{Endpoint, FourTuple};
use crate::time::Timestamp;

/// A table, and when it was taken if somebody said so.
#[derive(Clone, Debug)]
pub struct SocketTable {
    /// What it says.
    pub file: SocketFile,
    /// When that was; `None` to find it out from the states of the sockets.
    pub taken: Option<Timestamp>,
}

/// Gathers the flows that tables tell of, while flows are finished.
///
/// Memory follows the tables, not the capture: of flows with other four-tuples at most ten thousand per table are
/// remembered, those that are stuck.
#[derive(Debug)]
pub struct Joiner {
    tables: Vec<Table>,
    /// Where in `slots` the sockets of a four-tuple are.
    index: HashMap<FourTuple, Range<usize>>,
    slots: Vec<Slot>,
    limits: Limits,
}

#[derive(Debug)]
struct Table {
    table: SocketTable,
    suspects: Suspects,
}

/// A socket of a table.
#[derive(Debug)]
struct Slot {
    table: usize,
    row: usize,
    local: Endpoint,
    candidates: Candidates,
}

impl Joiner {
    /// Joins `tables` with flows that are to be added. `limits` say from which time on a CLOSE-WAIT counts as a wait.
    pub fn new(tables: Vec<SocketTable>, limits: Limits) -> Self {
        let mut keyed = Vec::new();
        for (table, SocketTable { file, .. }) in tables.iter().enumerate() {
            for (row, (local, peer)) in file.rows.iter().map(ends).enumerate().filter_map(flatten) {
                let tuple = FourTuple::new(local, peer, 0).0;
                keyed.push((tuple, Slot { table, row, local, candidates: Candidates::default() }));
            }
        }
        keyed.sort_by_key(|(tuple, _)| tuple.raw());
        let mut index: HashMap<_, Range<usize>> = HashMap::with_capacity(keyed.len());
        for (place, (tuple, _)) in keyed.iter().enumerate() {
            index.entry(*tuple).or_insert(place..place).end = place + 1;
        }
        let slots = keyed.into_iter().map(|(_, slot)| slot).collect();
        let suspects = |table: SocketTable| Table { suspects: Suspects::at(&table.file), table };
        Self { tables: tables.into_iter().map(suspects).collect(), index, slots, limits }
    }

    /// Adds a flow that is finished.
    pub fn add(&mut self, flow: &Flow) {
        let tuple = FourTuple::new(flow.initiator, flow.responder, 0).0;
        let slots = self.index.get(&tuple).cloned().unwrap_or_default();
        let mut known_to = Vec::new();
        for slot in self.slots.get_mut(slots).unwrap_or_default() {
            let Some(table) = self.tables.get(slot.table) else { continue };
            let Some(row) = table.table.file.rows.get(slot.row) else { continue };
            slot.candidates.add(flow, slot.local, row.state);
            known_to.push(slot.table);
        }
        if flow.close_wait.is_none() {
            return;
        }
        for (place, table) in self.tables.iter_mut().enumerate() {
            if !known_to.contains(&place) {
                table.suspects.add(flow);
            }
        }
    }

    /// What came of it.
    pub fn finish(self) -> SocketJoin {
        let Self { tables, slots, limits, .. } = self;
        let mut candidates: Vec<Vec<Option<Candidates>>> =
            tables.iter().map(|table| vec![None; table.table.file.rows.len()]).collect();
        for slot in slots {
            let place = candidates.get_mut(slot.table).and_then(|rows| rows.get_mut(slot.row));
            if let Some(place) = place {
                *place = Some(slot.candidates);
            }
        }
        let files = tables.into_iter().zip(candidates);
        let files: Vec<_> = files.map(|(table, candidates)| join_file(table, candidates, &limits)).collect();
        SocketJoin { parties: parties::by_party(&files), files }
    }
}

/// Both ends of a connection; `None` for what listens.
fn ends(row: &SocketRow) -> Option<(Endpoint, Endpoint)> {
    Some((row.local.endpoint()?, row.peer.endpoint()?))
}

fn flatten((row, ends): (usize, Option<(Endpoint, Endpoint)>)) -> Option<(usize, (Endpoint, Endpoint))> {
    Some((row, ends?))
}
