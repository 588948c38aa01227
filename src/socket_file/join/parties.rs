//! Sockets by who has them at which service, and by program.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{FileJoin, Holder, JoinedSocket, Verdict};
use crate::net::Endpoint;
use crate::survey::Party;
use crate::tcp::State;

/// Flows named as examples.
const EXAMPLES: usize = 3;

/// The sockets of one party.
#[derive(Clone, Debug, Serialize)]
pub struct PartySockets {
    /// Whose they are.
    pub party: Party,
    /// The same by who holds them, most sockets first.
    pub holders: Vec<Holders>,
}

/// The sockets of one party that the same programs hold, or none does.
#[derive(Clone, Debug, Serialize)]
pub struct Holders {
    /// Whether any does.
    pub holder: Holder,
    /// Each program with its process id; several where processes share the sockets.
    pub programs: Vec<(String, u32)>,
    /// Sockets in all.
    pub sockets: u64,
    /// The same by state, those that occur.
    pub states: BTreeMap<&'static str, u64>,
    /// The same by verdict, those that occur.
    pub verdicts: BTreeMap<Verdict, Tally>,
}

/// Sockets with one verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many.
    pub sockets: u64,
    /// The first flows among them.
    pub flows: Vec<u64>,
}

impl Tally {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.sockets += other.sockets;
        self.flows.extend_from_slice(&other.flows);
        self.flows.sort_unstable();
        self.flows.truncate(EXAMPLES);
    }
}

impl PartySockets {
    /// How many are in `state`.
    pub fn in_state(&self, state: State) -> u64 {
        self.holders.iter().map(|holders| holders.states.get(state.as_str()).copied().unwrap_or(0)).sum()
    }

    /// How many have `verdict`.
    pub fn with_verdict(&self, verdict: Verdict) -> u64 {
        self.holders
            .iter()
            .filter_map(|holders| holders.verdicts.get(&verdict))
            .map(|tally| tally.sockets)
            .sum()
    }
}

type Programs = Vec<(String, u32)>;

/// Sorts the sockets of all `files` by party.
pub(super) fn by_party(files: &[FileJoin]) -> Vec<PartySockets> {
    let mut last: BTreeMap<(Endpoint, Endpoint), &JoinedSocket> = BTreeMap::new();
    for socket in files.iter().flat_map(|file| &file.sockets) {
        let Some(ends) = socket.ends() else { continue };
        let known = last.entry(ends).or_insert(socket);
        // The later file, unless the earlier alone tells who holds it.
        if socket.holder != Holder::Unknown || known.holder == Holder::Unknown {
            *known = socket;
        }
    }
    let mut parties: BTreeMap<Party, BTreeMap<(Holder, Programs), Vec<&JoinedSocket>>> = BTreeMap::new();
    for socket in last.into_values() {
        if let Some(party) = socket.party {
            let holders = parties.entry(party).or_default();
            holders.entry((socket.holder, programs(socket))).or_default().push(socket);
        }
    }
    let parties = parties.into_iter();
    parties.map(|(party, holders)| PartySockets { party, holders: sorted(holders) }).collect()
}

fn programs(socket: &JoinedSocket) -> Programs {
    let mut programs: Vec<_> =
        socket.processes.iter().map(|process| (process.name.clone(), process.pid)).collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

fn sorted(holders: BTreeMap<(Holder, Programs), Vec<&JoinedSocket>>) -> Vec<Holders> {
    let holders = holders.into_iter().map(|((holder, programs), sockets)| count(holder, programs, &sockets));
    let mut holders: Vec<_> = holders.collect();
    holders.sort_by_key(|holders| std::cmp::Reverse(holders.sockets));
    holders
}

fn count(holder: Holder, programs: Programs, sockets: &[&JoinedSocket]) -> Holders {
    let (mut states, mut verdicts) = (BTreeMap::new(), BTreeMap::<_, Tally>::new());
    for socket in sockets {
        if let Some(state) = socket.state {
            *states.entry(state.as_str()).or_default() += 1;
        }
        if let Some(verdict) = socket.verdict {
            let flows = socket.flow.into_iter().collect();
            verdicts.entry(verdict).or_default().add(&Tally { sockets: 1, flows });
        }
    }
    Holders { holder, programs, sockets: sockets.len() as u64, states, verdicts }
}
