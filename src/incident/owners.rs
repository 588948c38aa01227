//! Who holds the sockets of an incident, where a socket table was attached.

use crate::diagnose::Facts;
use crate::socket_file::{Holder, Holders, SocketJoin, Verdict};
use crate::survey::Party;
use crate::words::{counted, enumerated};

/// What attached tables say of one party.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// In sentences; empty when they say nothing.
    pub(super) told: String,
    /// The same in numbers.
    pub(super) facts: Option<Facts>,
    /// Connections were found in the accept queue: no program had them.
    pub(super) never_accepted: u64,
}

impl Owners {
    /// Of `party`'s sockets, if `join` has any.
    pub(super) fn of(join: Option<&SocketJoin>, party: &Party) -> Self {
        let Some(sockets) = join.and_then(|join| join.by_party(party)) else { return Self::default() };
        let waiting: Vec<&Holders> = sockets.holders.iter().filter(|holders| stuck(holders) > 0).collect();
        if waiting.is_empty() {
            return Self::default();
        }
        let told: Vec<String> = waiting.iter().map(|holders| sentence(holders)).collect();
        let facts = waiting.iter().map(|holders| numbers(holders)).collect::<Vec<_>>();
        Self {
            told: told.join("; "),
            facts: Some(Facts::new().and("party", *party).and("holders", facts)),
            never_accepted: sockets.with_verdict(Verdict::NeverAccepted)
                + sockets.with_verdict(Verdict::WaitsForAccept),
        }
    }
}

/// Sockets that something waits for.
fn stuck(holders: &Holders) -> u64 {
    let waits = holders.verdicts.iter().filter(|(verdict, _)| verdict.is_wait());
    waits.map(|(_, tally)| tally.sockets).sum()
}

fn sentence(holders: &Holders) -> String {
    let verdicts = holders.verdicts.iter().filter(|(verdict, _)| verdict.is_wait());
    let told: Vec<String> =
        verdicts.map(|(verdict, tally)| format!("{} {}", tally.sockets, verdict.in_words())).collect();
    format!("{}: {}", owner(holders), enumerated(&told))
}

fn owner(holders: &Holders) -> String {
    let programs: Vec<String> =
        holders.programs.iter().map(|(name, pid)| format!("{name} (pid {pid})")).collect();
    let sockets = counted(stuck(holders), "socket");
    match holders.holder {
        Holder::Named => format!("{} holds {sockets}", enumerated(&programs)),
        Holder::Hidden => format!("a program that the table does not name holds {sockets}"),
        Holder::Nobody => format!("no program holds {sockets}"),
        Holder::Unknown => format!("the table does not tell who holds {sockets}"),
    }
}

fn numbers(holders: &Holders) -> Facts {
    let programs: Vec<Facts> = holders
        .programs
        .iter()
        .map(|(name, pid)| Facts::new().and("name", name.as_str()).and("pid", u64::from(*pid)))
        .collect();
    let waits = holders.verdicts.iter().filter(|(verdict, _)| verdict.is_wait());
    let verdicts: Vec<Facts> = waits
        .map(|(verdict, tally)| Facts::new().and("verdict", verdict.in_words()).and("sockets", tally.sockets))
        .collect();
    Facts::new().and("sockets", stuck(holders)).and("programs", programs).and("verdicts", verdicts)
}
