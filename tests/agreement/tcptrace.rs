//! Connections as tcptrace counts them.

use closewait::flow::{Event, EventKind, Flow};
use closewait::net::{Role, Sides};
use serde::Deserialize;

use crate::captures::{Capture, captures, rows};
use crate::place::{End, Pair, Place, nanos, pair};
use crate::tally::{Difference, Tally};

#[derive(Deserialize)]
struct Row {
    conn: u64,
    host_a: String,
    port_a: u16,
    host_b: String,
    port_b: u16,
    first_ts: String,
    complete: String,
    /// Segments with SYN and with FIN: `1/1`.
    syn_fin_sent_ab: String,
    syn_fin_sent_ba: String,
    resets_ab: u64,
    resets_ba: u64,
    pkts_ab: u64,
    pkts_ba: u64,
}

/// What both tell of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    complete: String,
    sides: [Counts; 2],
}

/// What one side sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    packets: u64,
    syns: u64,
    fins: u64,
    resets: u64,
}

pub(crate) fn compare() -> Tally {
    let what = "tcptrace: packets, SYNs, FINs and RSTs of each side, and completeness per connection";
    let mut tally = Tally::new(what, "known-tcptrace.csv");
    for (pcap, theirs) in rows::<Row>("oracles/tcptrace-conns.csv", |_| true) {
        let capture = &captures().unwrap()[pcap];
        let pairs = pair(&capture.flows, &theirs, Row::place);
        for pair in &pairs.both {
            compare_pair(&mut tally, pcap, capture, pair);
        }
        for row in pairs.theirs {
            let how = format!("missing: {}", row.place().key(&row.first_ts));
            tally.differs(pcap, &Difference { key: row.conn.to_string(), how });
        }
        for flow in pairs.ours {
            let how = format!("not there: {} {}", flow.initiator, flow.responder);
            tally.differs(pcap, &Difference { key: format!("frame {}", flow.first.record), how });
        }
    }
    tally
}

fn compare_pair(tally: &mut Tally, pcap: &str, capture: &Capture, pair: &Pair<'_, Row>) {
    let (own, theirs) = (Told::of(pair.flow, pair.swapped), pair.row.told());
    if own == theirs {
        return tally.agrees();
    }
    if own.fewer_copies(&theirs, capture) {
        let reason = "the capture holds packets more than once; tcptrace counts every copy";
        return tally.differs_by_rule("copies", reason);
    }
    let how = format!("{own:?} not {theirs:?}");
    tally.differs(pcap, &Difference { key: pair.row.conn.to_string(), how });
}

impl Row {
    fn place(&self) -> Place {
        // IPv6 addresses are printed without their zeros.
        let end = |host: &str, port| End { addr: host.parse().ok().filter(std::net::IpAddr::is_ipv4), port };
        Place {
            ends: [end(&self.host_a, self.port_a), end(&self.host_b, self.port_b)],
            start: nanos(&self.first_ts),
        }
    }

    fn told(&self) -> Told {
        let side = |packets, syn_fin: &str, resets| {
            let (syns, fins) = syn_fin.split_once('/').unwrap();
            Counts { packets, syns: syns.parse().unwrap(), fins: fins.parse().unwrap(), resets }
        };
        Told {
            complete: self.complete.clone(),
            sides: [
                side(self.pkts_ab, &self.syn_fin_sent_ab, self.resets_ab),
                side(self.pkts_ba, &self.syn_fin_sent_ba, self.resets_ba),
            ],
        }
    }
}

impl Told {
    fn of(flow: &Flow, swapped: bool) -> Self {
        let mut sides = [Counts::of(flow, Role::Initiator), Counts::of(flow, Role::Responder)];
        if swapped {
            sides.swap(0, 1);
        }
        let complete = if sides.iter().any(|side| side.resets > 0) {
            "RESET"
        } else if sides.iter().all(|side| side.syns > 0 && side.fins > 0) {
            "yes"
        } else {
            "no"
        };
        Self { complete: complete.to_owned(), sides }
    }

    /// True when theirs is more of the same, and no more than the copies that the capture holds.
    fn fewer_copies(&self, theirs: &Self, capture: &Capture) -> bool {
        let more = |own: u64, theirs: u64| own <= theirs && (own == 0) == (theirs == 0);
        let sides = self.sides.iter().zip(&theirs.sides);
        let all_more = sides.clone().all(|(own, theirs)| {
            more(own.packets, theirs.packets)
                && more(own.syns, theirs.syns)
                && more(own.fins, theirs.fins)
                && more(own.resets, theirs.resets)
        });
        let sum = |told: &Self| told.sides.iter().map(|side| side.packets).sum::<u64>();
        all_more
            && self.complete == theirs.complete
            && (1..=capture.copies).contains(&sum(theirs).saturating_sub(sum(self)))
    }
}

impl Counts {
    /// As the newest incarnation of the four-tuple has them, ghosts of the one before included.
    fn of(flow: &Flow, role: Role) -> Self {
        let mut own = Sides::<Vec<&Event>>::default();
        for event in &flow.events {
            if !event.into_successor && event.kind != EventKind::IcmpError {
                own[event.from].push(event);
            }
        }
        let count = |is: fn(&Event) -> bool| own[role].iter().filter(|event| is(event)).count() as u64;
        Self {
            packets: flow.traffic[role].packets,
            syns: count(|event| event.flags.syn()),
            fins: count(|event| event.flags.fin()),
            resets: count(|event| event.flags.rst()),
        }
    }
}
