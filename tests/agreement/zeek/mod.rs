//! `conn_state` and `history` as Zeek gives them.

mod rules;

use closewait::report::rows::conn_state;
use serde::Deserialize;

use crate::captures::{Capture, captures, rows};
use crate::place::{End, Pair, Place, nanos, pair};
use crate::tally::{Difference, Tally};

/// A line of `conn.log`.
#[derive(Deserialize)]
struct Row {
    /// Empty in a baseline.
    ts: String,
    orig_h: String,
    orig_p: u16,
    resp_h: String,
    resp_p: u16,
    conn_state: String,
    history: String,
    missed_bytes: Option<u64>,
    orig_pkts: Option<u64>,
    resp_pkts: Option<u64>,
}

/// The two words that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Words {
    state: String,
    history: String,
}

/// Zeek as run over the captures, without its time-outs: these cut connections where nothing happened.
pub(crate) fn compare() -> Tally {
    let tally = Tally::new("Zeek: conn_state and history per connection", "known-zeek.csv");
    compare_rows(tally, "oracles/zeek-conn.csv", |row| &row[1] == "no-timeouts", true)
}

/// What Zeek's authors expect of their own captures, where no script changes it.
pub(crate) fn compare_baselines() -> Tally {
    let tally =
        Tally::new("Zeek's own baselines: conn_state and history per connection", "known-baselines.csv");
    compare_rows(tally, "zeek-conn-states.csv", |row| row.iter().any(|cell| cell == "plain"), false)
}

/// `complete` is true when the oracle tells every connection of a capture.
fn compare_rows(
    mut tally: Tally,
    oracle: &str,
    wanted: fn(&csv::StringRecord) -> bool,
    complete: bool,
) -> Tally {
    for (pcap, theirs) in rows::<Row>(oracle, wanted) {
        let capture = &captures().unwrap()[pcap];
        let pairs = pair(&capture.flows, &theirs, Row::place);
        for pair in &pairs.both {
            compare_pair(&mut tally, pcap, capture, pair);
        }
        for row in pairs.theirs {
            let how = format!("missing, {} {}", row.conn_state, row.history);
            tally.differs(pcap, &Difference { key: row.key(), how });
        }
        for flow in pairs.ours.into_iter().filter(|_| complete) {
            let how = format!("not there: {}", Words::of(flow));
            tally.differs(pcap, &Difference { key: format!("frame {}", flow.first.record), how });
        }
    }
    tally
}

fn compare_pair(tally: &mut Tally, pcap: &str, capture: &Capture, pair: &Pair<'_, Row>) {
    let (mut own, mut theirs) = (Words::of(pair.flow), pair.row.words());
    let how = format!("{own} not {theirs}");
    if own == theirs && !pair.swapped {
        return tally.agrees();
    }
    let mut classes = Vec::new();
    let mut reasons = Vec::new();
    for rule in rules::ALL {
        let before = (own.clone(), theirs.clone());
        (rule.amend)(capture, pair, &mut own, &mut theirs);
        if (&own, &theirs) != (&before.0, &before.1) || rule.is_about_roles && rules::are_guessed(pair) {
            classes.push(rule.class);
            reasons.push(rule.reason);
        }
        let swap_is_explained = !pair.swapped || rules::are_guessed(pair) || rules::is_lone_syn_ack(pair);
        if own == theirs && swap_is_explained {
            return tally.differs_by_rule(&classes.join(" and "), &reasons.join("; "));
        }
    }
    tally.differs(pcap, &Difference { key: pair.row.key(), how });
}

impl Row {
    fn place(&self) -> Place {
        let ends = [End::new(&self.orig_h, self.orig_p), End::new(&self.resp_h, self.resp_p)];
        Place { ends, start: nanos(&self.ts) }
    }

    fn key(&self) -> String {
        self.place().key(&self.ts)
    }

    fn words(&self) -> Words {
        Words { state: self.conn_state.clone(), history: self.history.clone() }
    }

    fn packets(&self) -> u64 {
        self.orig_pkts.unwrap_or(0) + self.resp_pkts.unwrap_or(0)
    }
}

impl Words {
    fn of(flow: &closewait::flow::Flow) -> Self {
        Self { state: conn_state(flow).to_owned(), history: flow.letters.to_string() }
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.state, self.history)
    }
}
