//! What a capture misses must accuse nobody: each capture of the lab is damaged in ways that real captures are,
//! and whatever is then said that the truth contradicts is counted.
//!
//! Only what is wrong counts: an outcome that is neither the truth's, nor a weaker one that is true as well, nor
//! `undecided`; and a fault that the whole capture does not show of that connection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::{env, fs};

use closewait::capture::Input;
use closewait::diagnose::{Context, Doubts, Finding, Severity, diagnose};
use closewait::dissect::{Dissected, Dissector, IcmpError};
use closewait::flow::{Finished, Flow, Judge, Limits, Outlet, Table};
use closewait::tcp::Segment;
use closewait::time::TimeDelta;

use crate::compare::outcomes_of;
use crate::truth::{Connection, Truth, Tuple, tuple_of};
use crate::{captures, lab, load_truth};

/// What remains: how often, damage, what is said falsely. By kind:
///
/// - *A RST is missing.* It takes no sequence space and draws no answer, so nothing in its flow tells: the
///   connection looks open, half-closed (FIN101), or its SYN unanswered.
/// - *A FIN is missing with all that acknowledges it,* or a connection's whole end: the same.
/// - *One direction only.* SYNs whose answers or refusals go the other way look unanswered; only the capture as a
///   whole can tell.
/// - *The segment that drew a RST is missing:* the RST answers another, or seems to come from nowhere.
/// - *Whether a RST was heeded* shows in later plain ACKs of its receiver, and these are missing.
/// - *No SYN:* several connections on one four-tuple, without their beginnings, are told as one.
/// - *No plain ACK:* what is repeated after a lost ACK looks never acknowledged.
/// - *Forged RSTs* of which the alleged sender's own segments, and with them its time to live, are missing.
/// - *5 ms later* is enough to be late by a second for one that was so by less than 5 ms.
const REMAINING: &str = include_str!("../../testdata/golden/thinned.txt");

#[test]
fn thinned_captures_accuse_nobody_falsely() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut flows = 0;
    for name in captures().iter().filter(|name| !name.starts_with("x_")) {
        let truth = load_truth(name);
        let whole = read(&truth);
        let known = Known::of(&truth, &whole);
        for (damage, apply) in DAMAGES {
            let packets = apply(&whole);
            observe(&packets, |flow, findings| {
                flows += 1;
                for wrong in known.contradicts(damage, flow, findings) {
                    *counts.entry(format!("{damage}: {wrong}")).or_default() += 1;
                }
            });
        }
    }
    let mut found = String::new();
    for (what, count) in &counts {
        writeln!(found, "{count:5} {what}").unwrap();
    }
    assert!(flows > 50_000, "{flows}");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden/thinned.txt"), &found).unwrap();
        return;
    }
    assert!(found == REMAINING, "testdata/golden/thinned.txt should say:\n{found}");
}

#[derive(Clone)]
enum Packet {
    Segment(Segment),
    Icmp(IcmpError),
}

impl Packet {
    fn segment(&self) -> Option<&Segment> {
        match self {
            Self::Segment(segment) => Some(segment),
            Self::Icmp(_) => None,
        }
    }

    fn record(&self) -> u64 {
        match self {
            Self::Segment(segment) => segment.record,
            Self::Icmp(error) => error.record,
        }
    }

    /// The same, `millis` later (or earlier).
    fn shifted(&self, millis: i64) -> Self {
        let by = TimeDelta::from_millis(millis);
        match self {
            Self::Segment(segment) => Self::Segment(Segment { time: segment.time + by, ..*segment }),
            Self::Icmp(error) => Self::Icmp(IcmpError { time: error.time + by, ..*error }),
        }
    }

    fn nanos(&self) -> i64 {
        match self {
            Self::Segment(segment) => segment.time.nanos(),
            Self::Icmp(error) => error.time.nanos(),
        }
    }

    fn to_service(&self) -> bool {
        self.segment().is_some_and(|segment| {
            let (low, high) = segment.tuple.ports();
            (low > high) == segment.from_low
        })
    }
}

type Damage = fn(&[Packet]) -> Vec<Packet>;

const DAMAGES: &[(&str, Damage)] = &[
    ("1 % lost", |whole| keep(whole, |packet| chance(packet, 1) >= 10)),
    ("5 % lost", |whole| keep(whole, |packet| chance(packet, 2) >= 50)),
    ("20 % lost", |whole| keep(whole, |packet| chance(packet, 3) >= 200)),
    ("one packet of each flow lost", one_of_each),
    ("begins late", |whole| whole[whole.len() / 3..].to_vec()),
    ("ends early", |whole| whole[..whole.len() * 2 / 3].to_vec()),
    ("only towards the service", |whole| keep(whole, Packet::to_service)),
    ("only from the service", |whole| keep(whole, |packet| !packet.to_service())),
    ("no SYN", |whole| {
        keep(whole, |packet| packet.segment().is_none_or(|it| !it.flags.syn() || it.flags.ack()))
    }),
    ("no plain ACK", |whole| {
        keep(whole, |packet| packet.segment().is_none_or(|it| it.flags.is_control() || it.octets > 0))
    }),
    ("each packet again 5 ms later", again_later),
    ("one direction 5 ms early", |whole| {
        in_order(whole.iter().map(|it| it.shifted(if it.to_service() { -5 } else { 0 })).collect())
    }),
    ("the clock set back by 30 s in the middle", |whole| {
        let middle = whole.len() / 2;
        let back = whole.iter().enumerate().map(|(at, it)| it.shifted(if at < middle { 0 } else { -30_000 }));
        back.collect()
    }),
];

fn keep(whole: &[Packet], keep: impl Fn(&Packet) -> bool) -> Vec<Packet> {
    whole.iter().filter(|packet| keep(packet)).cloned().collect()
}

/// 0..1000, the same for the same record in every run.
fn chance(packet: &Packet, seed: u64) -> u64 {
    let mixed = (packet.record() ^ seed << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 32) % 1000
}

fn one_of_each(whole: &[Packet]) -> Vec<Packet> {
    let mut victims: BTreeMap<Tuple, (u64, u64)> = BTreeMap::new();
    for segment in whole.iter().filter_map(Packet::segment) {
        let lot = chance(&Packet::Segment(*segment), 4);
        let victim = victims.entry(endpoints(segment)).or_insert((lot, segment.record));
        *victim = (*victim).min((lot, segment.record));
    }
    let victims: BTreeSet<u64> = victims.into_values().map(|(_, record)| record).collect();
    keep(whole, |packet| !victims.contains(&packet.record()))
}

fn again_later(whole: &[Packet]) -> Vec<Packet> {
    let mut packets = whole.to_vec();
    packets.extend(whole.iter().filter_map(Packet::segment).map(|segment| {
        let ttl = segment.ttl.saturating_sub(1).max(1);
        Packet::Segment(Segment { ttl, ..*segment }).shifted(5)
    }));
    in_order(packets)
}

fn in_order(mut packets: Vec<Packet>) -> Vec<Packet> {
    packets.sort_by_key(Packet::nanos);
    packets
}

fn read(truth: &Truth) -> Vec<Packet> {
    let mut input = Input::open(&truth.files(lab()));
    let mut dissector = Dissector::new();
    let mut packets = Vec::new();
    while let Some(record) = input.next_record() {
        match dissector.dissect(&record) {
            Dissected::Segment(segment) => packets.push(Packet::Segment(segment)),
            Dissected::IcmpError(error) => packets.push(Packet::Icmp(error)),
            Dissected::Skipped => {}
        }
    }
    packets
}

/// The analysis of `packets`, numbered as they stand, but known by the records they had in the whole capture.
fn observe(packets: &[Packet], mut tell: impl FnMut(&Flow, &[Finding])) {
    let limits = Limits::default();
    let mut table = Table::new(limits);
    let mut findings = Vec::new();
    let mut done = |flow: &Flow| {
        diagnose(
            flow,
            &Context { limits: &limits, now: flow.decided, doubts: Doubts::default() },
            &mut findings,
        );
        tell(flow, &findings);
    };
    let mut finished = Finished::default();
    let mut out = Outlet::gather(&mut finished);
    for (record, packet) in (1..).zip(packets) {
        match packet {
            Packet::Segment(segment) => table.observe(&Segment { record, ..*segment }, &mut out),
            Packet::Icmp(error) => table.observe_icmp(&IcmpError { record, ..*error }, &mut out),
        }
    }
    let coming = table.directions();
    table.finish(&mut out);
    let mut judge = Judge::new(limits);
    judge.expect(coming);
    judge.judge(&mut finished, &mut done);
}

/// What is true of each four-tuple.
struct Known {
    tuples: BTreeMap<Tuple, Facts>,
}

#[derive(Default)]
struct Facts {
    outcomes: BTreeSet<String>,
    classes: BTreeSet<String>,
    faults: BTreeSet<&'static str>,
    one_closed_first: bool,
}

impl Known {
    fn of(truth: &Truth, whole: &[Packet]) -> Self {
        let mut tuples: BTreeMap<Tuple, Facts> = BTreeMap::new();
        for (tuple, connections) in truth.by_tuple() {
            let facts = tuples.entry(tuple).or_default();
            for connection in connections.iter().filter(|connection| connection.is_visible()) {
                facts.learn(connection);
            }
        }
        observe(whole, |flow, findings| {
            if let Some(facts) = tuples.get_mut(&tuple_of(flow.initiator, flow.responder)) {
                facts.allow(flow.outcome.as_str());
                facts.one_closed_first |= flow.active_closer.is_some();
                facts.faults.extend(faults(findings));
            }
        });
        Self { tuples }
    }

    /// In words, what of a flow's verdict the truth contradicts.
    fn contradicts(&self, damage: &str, flow: &Flow, findings: &[Finding]) -> Vec<String> {
        let Some(facts) = self.tuples.get(&tuple_of(flow.initiator, flow.responder)) else {
            return Vec::new();
        };
        let truth = || facts.classes.iter().cloned().collect::<Vec<_>>().join("+");
        // What a capture shows until it breaks off is true until then.
        let is_early = damage == "ends early";
        let outcome = flow.outcome.as_str();
        let mut wrong = Vec::new();
        let is_true = facts.outcomes.contains(outcome) || is_early && SO_FAR.contains(&outcome);
        if !is_true {
            wrong.push(format!("{outcome}, truth {}", truth()));
        }
        for code in faults(findings) {
            let is_so_far = is_early && code == "FIN101" && facts.one_closed_first;
            let is_kin =
                KIN.iter().any(|kin| kin.contains(&code) && kin.iter().any(|it| facts.faults.contains(it)));
            if !facts.faults.contains(code) && !is_kin && !is_so_far {
                wrong.push(format!("{code} as a fault, truth {}", truth()));
            }
        }
        wrong
    }
}

/// Outcomes of connections that go on.
const SO_FAR: [&str; 8] = [
    "open",
    "open_unanswered",
    "open_stalled",
    "open_unacked",
    "half_closed",
    "syn_unanswered",
    "handshake_incomplete",
    "fin_unacked",
];
/// Faults of one story: who had not closed.
const KIN: [&[&str]; 1] = [&["FIN101", "RST101", "RST102", "TUP101"]];

fn faults(findings: &[Finding]) -> impl Iterator<Item = &'static str> {
    findings.iter().filter(|finding| finding.severity == Severity::Fault).map(|finding| finding.rule.code)
}

impl Facts {
    fn learn(&mut self, connection: &Connection) {
        self.classes.insert(connection.class.clone());
        self.allow("undecided");
        for outcome in outcomes_of(&connection.class) {
            self.allow(outcome);
        }
        for outcome in connection.expect.shows.iter().flatten() {
            self.allow(outcome);
        }
    }

    /// `outcome`, and those that say less and are true as well.
    fn allow(&mut self, outcome: &str) {
        let weaker: &[&str] = match outcome {
            "late_fin_rst" | "late_fin_into_successor" => {
                &["reset_initiator", "reset_responder", "delayed_fin", "clean_close"]
            }
            "late_data_rst" | "late_probe_rst" => &["reset_initiator", "reset_responder"],
            "refused" => &["reset_responder"],
            "delayed_fin" => &["clean_close"],
            _ => &[],
        };
        self.outcomes.extend([outcome].iter().chain(weaker).map(|&outcome| outcome.to_owned()));
    }
}

fn endpoints(segment: &Segment) -> Tuple {
    tuple_of(segment.tuple.low(), segment.tuple.high())
}
