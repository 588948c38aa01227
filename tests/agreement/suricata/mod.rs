//! Flows as Suricata logs them, midstream pickup on.

mod expected;

use closewait::flow::{EventKind, Flow, Origin};
use closewait::net::{Role, Sides};
use closewait::report::rows::conn_state;
use serde::Deserialize;

use crate::captures::{Capture, captures, rows};
use crate::place::{End, Pair, Place, nanos, pair};
use crate::tally::{Difference, Tally};

pub(crate) use expected::compare as compare_expected;

#[derive(Deserialize)]
struct Row {
    src_ip: String,
    src_port: u16,
    dest_ip: String,
    dest_port: u16,
    start: String,
    pkts_toserver: u64,
    pkts_toclient: u64,
    tcp_state: String,
    tcp_flags_toserver_hex: String,
    tcp_flags_toclient_hex: String,
}

/// FIN, SYN and RST among the flags of a TCP header.
const CONTROL: u8 = 0b111;

pub(crate) fn compare() -> Tally {
    let what = "Suricata: packets and flags of each side, and the state at the end per flow";
    let mut tally = Tally::new(what, "known-suricata.csv");
    for (pcap, theirs) in rows::<Row>("oracles/suricata-flows.csv", |row| &row[1] == "midstream") {
        let capture = &captures().unwrap()[pcap];
        let pairs = pair(&capture.flows, &theirs, Row::place);
        for pair in &pairs.both {
            compare_pair(&mut tally, pcap, capture, pair);
        }
        for row in pairs.theirs {
            tally.differs(pcap, &Difference { key: row.key(), how: "missing".to_owned() });
        }
        for flow in pairs.ours {
            let how = format!("not there: {} {}", flow.initiator, flow.responder);
            tally.differs(pcap, &Difference { key: format!("frame {}", flow.first.record), how });
        }
    }
    tally
}

fn compare_pair(tally: &mut Tally, pcap: &str, capture: &Capture, pair: &Pair<'_, Row>) {
    let (own, theirs) = (told(pair.flow, pair.swapped), pair.row.told());
    let state = conn_state(pair.flow);
    let same_state = fits(state, &pair.row.tcp_state);
    if own == theirs && same_state && (!pair.swapped || pair.flow.origin == Origin::Midstream) {
        return tally.agrees();
    }
    let compared = Compared { capture, pair, own, theirs, same_state };
    if let Some((class, reason, _)) = RULES.iter().find(|(.., holds)| holds(&compared)) {
        return tally.differs_by_rule(class, reason);
    }
    let how = format!("{own:?} {state} not {theirs:?} {}", pair.row.tcp_state);
    tally.differs(pcap, &Difference { key: pair.row.key(), how });
}

struct Compared<'a> {
    capture: &'a Capture,
    pair: &'a Pair<'a, Row>,
    own: Told,
    theirs: Told,
    same_state: bool,
}

/// A class, its reason, and when a difference belongs to it.
type Rule = (&'static str, &'static str, fn(&Compared<'_>) -> bool);

const RULES: &[Rule] = &[
    (
        "no session",
        "Suricata keeps no session for the packet that a flow begins with here (a FIN, a RST, no flags, no handshake), \
         so it has neither flags nor a state",
        |it| {
            it.pair.row.tcp_state.is_empty()
                && it.packets_agree()
                && it.theirs.iter().all(|&(_, flags)| flags == 0)
        },
    ),
    (
        "one direction only",
        "with async-oneside Suricata calls a connection established of which only one side was captured",
        |it| {
            let silent = it.own.iter().any(|&(packets, _)| packets == 0);
            silent && it.own == it.theirs && it.pair.row.tcp_state == "established"
        },
    ),
    ("copies", "the capture holds packets more than once; Suricata counts every copy", |it| {
        let more = it.own.iter().zip(&it.theirs).all(|(own, theirs)| own.0 <= theirs.0 && own.1 == theirs.1);
        let sum = |told: &Told| told.iter().map(|&(packets, _)| packets).sum::<u64>();
        let further = sum(&it.theirs).saturating_sub(sum(&it.own));
        more && it.same_state && (1..=it.capture.copies).contains(&further)
    }),
    (
        "payload cut by the snap length",
        "Suricata does not count packets of which the payload was not written, nor their flags",
        |it| {
            let fewer = it.own.iter().zip(&it.theirs).all(|(own, theirs)| {
                theirs.0 <= own.0 && (theirs.0 == 0) == (own.0 == 0) && theirs.1 & !own.1 == 0
            });
            fewer && !it.packets_agree() && it.capture.is_snapped()
        },
    ),
];

impl Compared<'_> {
    fn packets_agree(&self) -> bool {
        self.own.map(|(packets, _)| packets) == self.theirs.map(|(packets, _)| packets)
    }
}

/// Packets and control flags of each side.
type Told = [(u64, u8); 2];

fn told(flow: &Flow, swapped: bool) -> Told {
    let mut flags = Sides::<u8>::default();
    for event in flow.events.iter().filter(|event| event.kind != EventKind::IcmpError) {
        flags[event.from] |= event.flags.0 & CONTROL;
    }
    let mut told = Role::BOTH.map(|role| (flow.traffic[role].packets, flags[role]));
    if swapped {
        told.swap(0, 1);
    }
    told
}

/// True when Suricata's state is one that Zeek's word allows.
fn fits(conn_state: &str, tcp_state: &str) -> bool {
    let allowed: &[&str] = match conn_state {
        "S0" => &["syn_sent"],
        "S1" => &["established", "syn_recv"],
        "SF" => &["closed", "time_wait", "last_ack"],
        "S2" | "S3" | "SH" | "SHR" => &["fin_wait1", "fin_wait2", "close_wait"],
        "REJ" | "RSTO" | "RSTR" | "RSTOS0" | "RSTRH" => &["closed"],
        _ => &["established"],
    };
    allowed.contains(&tcp_state)
}

impl Row {
    fn place(&self) -> Place {
        let ends = [End::new(&self.src_ip, self.src_port), End::new(&self.dest_ip, self.dest_port)];
        Place { ends, start: nanos(&self.start) }
    }

    fn key(&self) -> String {
        self.place().key(&self.start)
    }

    fn told(&self) -> Told {
        let flags = |text: &str| u8::from_str_radix(text, 16).unwrap_or(0) & CONTROL;
        [
            (self.pkts_toserver, flags(&self.tcp_flags_toserver_hex)),
            (self.pkts_toclient, flags(&self.tcp_flags_toclient_hex)),
        ]
    }
}
