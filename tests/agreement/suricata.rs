//! Flows as Suricata logs them, midstream pickup on.

use closewait::flow::{EventKind, Flow, Origin};
use closewait::net::{Role, Sides};
use closewait::report::rows::conn_state;
use serde::Deserialize;

use crate::captures::{Capture, captures, rows};
use crate::place::{End, Pair, Place, nanos, pair};
use crate::tally::{Difference, Tally};

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
    let _ = capture;
    let (own, theirs) = (told(pair.flow, pair.swapped), pair.row.told());
    let state = conn_state(pair.flow);
    let state_fits = fits(state, &pair.row.tcp_state);
    if own == theirs && state_fits && (!pair.swapped || pair.flow.origin == Origin::Midstream) {
        return tally.agrees();
    }
    let how = format!("{own:?} {state} not {theirs:?} {}", pair.row.tcp_state);
    tally.differs(pcap, &Difference { key: pair.row.key(), how });
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
        "S2" | "S3" => &["fin_wait1", "fin_wait2", "close_wait"],
        "SH" | "SHR" => &["fin_wait1", "fin_wait2", "close_wait"],
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
