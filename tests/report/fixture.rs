//! Six flows built by hand, one of each kind that the reports must tell apart, and what they come to.

use closewait::diagnose::{
    Certainty, Check, Evidence, Facts, Finding, InputFinding, Rule, Severity, Signs, find_rule,
};
use closewait::flow::{
    Answered, CloseWait, EndpointState, Event, EventKind, FinFacts, Flow, FlowOutcome, Handshake, Letter,
    Letters, Order, Origin, Premise, RecordRef, Reset, ResetKind, Reuse, ReuseKind, Traffic, replay,
};
use closewait::incident::{CausalEdge, Cause, Confirmation, Incident, Incidents, Kind, Member, Statement};
use closewait::net::{Endpoint, Role, Sides};
use closewait::report::{FileFacts, InputFacts, Plan, Skipped};
use closewait::survey::{Causes, Party, Release};
use closewait::tcp::{Flags, SeqNumber};
use closewait::time::{TimeDelta, Timestamp};

use Role::{Initiator, Responder};

/// 2026-11-21 08:00:00 UTC.
pub(crate) const START: i64 = 1_795_248_000_000_000_000;
const SYN: u8 = 2;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;
const FIN_ACK: u8 = 0x11;
const PUSH_ACK: u8 = 0x18;
const RST: u8 = 4;
const RST_ACK: u8 = 0x14;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_nanos(START + millis * 1_000_000)
}

fn endpoint(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { addr: address.ip(), port: address.port() }
}

fn rule(code: &'static str, title: &'static str, severity: Severity) -> &'static Rule {
    Box::leak(Box::new(Rule {
        code,
        title,
        severity,
        explanation: "",
        check: Check::Flow {
            needs: Signs::of(&[]),
            find: |_, _| None,
            summary: |flow, finding| {
                let lasted = finding.lasted.map_or(String::new(), |span| format!(" for {span}"));
                format!("{} kept {} waiting{lasted}", finding.endpoint, flow.initiator)
            },
        },
    }))
}

/// What to write down of one event: milliseconds, record, sender, kind, flags, seq, ack, octets.
type Line = (i64, u64, Role, EventKind, u8, u32, u32, u32);

fn event(&(millis, record, from, kind, flags, seq, ack, octets): &Line) -> Event {
    Event {
        at: RecordRef { record, time: at(millis) },
        seq: SeqNumber(seq),
        ack: SeqNumber(ack),
        octets,
        window: 501,
        flags: Flags(flags),
        from,
        kind,
        into_successor: false,
    }
}

fn flow(stream: u64, initiator: &str, responder: &str, outcome: FlowOutcome, lines: &[Line]) -> Flow {
    let events: Vec<_> = lines.iter().map(event).collect();
    let (first, last) = (events[0].at, events[events.len() - 1].at);
    let own: Vec<_> = events.iter().filter(|event| event.kind != EventKind::Ghost).copied().collect();
    let fin = |role| fin_facts(&own, role);
    let fins = Sides { initiator: fin(Initiator), responder: fin(Responder) };
    let active_closer = own.iter().find(|event| event.flags.fin()).map(|event| event.from);
    let mut flow = Flow {
        id: first.record,
        stream,
        initiator: endpoint(initiator),
        responder: endpoint(responder),
        scope: 0,
        order: Order::Times,
        evicted: false,
        first,
        last,
        origin: Origin::Handshake,
        handshake: Handshake::Complete,
        handshake_rtt: Some(TimeDelta::from_nanos(38_000)),
        syn_retries: 0,
        fast_open: false,
        mptcp_join: false,
        outcome,
        undecided_because: None,
        states: Sides::default(),
        active_closer,
        fin_delay: fins.initiator.zip(fins.responder).map(|(a, b)| (b.first.time - a.first.time).abs()),
        fin: fins,
        data_after_fin: false,
        close_wait: None,
        resets: Vec::new(),
        deciding_reset: None,
        incarnation: 1,
        reuse: None,
        successor: None,
        replaced: None,
        ghosts: Vec::new(),
        traffic: traffic(&own),
        exchanges: 0,
        unanswered_octets: 0,
        last_talker: None,
        last_octets: 0,
        asked: None,
        active: last,
        replies: None,
        pause: None,
        icmp_reporter: None,
        letters: letters(&own),
        events,
        events_dropped: 0,
        premise: Premise::default(),
        decided: last.time,
    };
    flow.states = replay(&flow).last().map_or_else(Sides::<EndpointState>::default, |step| step.after);
    flow
}

fn fin_facts(events: &[Event], role: Role) -> Option<FinFacts> {
    let copies: Vec<_> = events.iter().filter(|event| event.from == role && event.flags.fin()).collect();
    let first = copies.first()?;
    let acks = |event: &&Event| {
        event.from != role
            && event.flags.ack()
            && event.ack == first.end()
            && event.at.record > first.at.record
    };
    Some(FinFacts {
        first: first.at,
        last: copies[copies.len() - 1].at,
        copies: u32::try_from(copies.len()).unwrap(),
        acked: events.iter().find(acks).map(|event| event.at),
        end: first.end(),
        acknowledges_peer: false,
        into_successor: false,
    })
}

fn traffic(events: &[Event]) -> Sides<Traffic> {
    let mut traffic: Sides<Traffic> = Sides::default();
    for event in events {
        traffic[event.from].packets += 1;
        traffic[event.from].octets += u64::from(event.octets);
    }
    traffic
}

fn letters(events: &[Event]) -> Letters {
    let mut letters = Letters::default();
    for event in events {
        let letter = match event.flags.0 {
            SYN => Letter::S,
            SYN_ACK => Letter::H,
            FIN_ACK => Letter::F,
            RST | RST_ACK => Letter::R,
            _ if event.octets > 0 => Letter::D,
            _ => Letter::A,
        };
        letters.note(event.from, letter);
    }
    letters
}

fn opening(millis: i64, record: u64) -> [Line; 3] {
    [
        (millis, record, Initiator, EventKind::Syn, SYN, 100, 0, 0),
        (millis, record + 1, Responder, EventKind::SynAck, SYN_ACK, 900, 101, 0),
        (millis, record + 2, Initiator, EventKind::HandshakeAck, ACK, 101, 901, 0),
    ]
}

fn close_wait(flow: &mut Flow, until: Option<u64>, capture_end: i64) {
    let acked = flow.fin.initiator.unwrap().acked.unwrap();
    let until = until.map(|record| flow.events.iter().find(|event| event.at.record == record).unwrap().at);
    let end = until.map_or_else(|| at(capture_end), |until| until.time);
    flow.close_wait =
        Some(CloseWait { at: Responder, since: acked, until, lasted: end - acked.time, proven: true });
}

fn reset(by: Role, kind: ResetKind, at: RecordRef, answers: Option<(Answered, RecordRef)>) -> Reset {
    Reset {
        by,
        kind,
        at,
        answers,
        after_close: false,
        ignored: false,
        sender_goes_on: false,
        ttl: 64,
        sender_ttl: (64, 64),
    }
}

/// One request, one answer, closed in order.
pub(crate) fn clean() -> Flow {
    let mut lines = opening(0, 1).to_vec();
    lines.extend([
        (1, 4, Initiator, EventKind::Data, PUSH_ACK, 101, 901, 79),
        (3, 5, Responder, EventKind::Data, PUSH_ACK, 901, 180, 512),
        (4, 6, Initiator, EventKind::Fin, FIN_ACK, 180, 1413, 0),
        (5, 7, Responder, EventKind::Fin, FIN_ACK, 1413, 181, 0),
        (6, 8, Initiator, EventKind::AckOfFin, ACK, 181, 1414, 0),
    ]);
    let mut flow = flow(0, "10.100.0.2:49580", "10.100.0.1:8880", FlowOutcome::CleanClose, &lines);
    flow.exchanges = 1;
    flow
}

/// The responder closes 30.1 s after the initiator.
pub(crate) fn delayed() -> Flow {
    let mut lines = opening(1000, 11).to_vec();
    lines.extend([
        (1001, 14, Initiator, EventKind::Fin, FIN_ACK, 101, 901, 0),
        (1041, 15, Responder, EventKind::AckOfFin, ACK, 901, 102, 0),
        (31_101, 60, Responder, EventKind::Fin, FIN_ACK, 901, 102, 0),
        (31_102, 61, Initiator, EventKind::AckOfFin, ACK, 102, 902, 0),
    ]);
    let mut flow = flow(1, "10.100.0.2:54590", "10.100.0.1:8880", FlowOutcome::DelayedFin, &lines);
    close_wait(&mut flow, Some(60), 0);
    flow
}

/// The responder never closes.
pub(crate) fn half_closed() -> Flow {
    let mut lines = opening(2000, 21).to_vec();
    lines.extend([
        (2001, 24, Initiator, EventKind::Fin, FIN_ACK, 101, 901, 0),
        (2041, 25, Responder, EventKind::AckOfFin, ACK, 901, 102, 0),
    ]);
    let mut flow = flow(2, "[2001:db8::2]:40000", "[2001:db8::1]:443", FlowOutcome::HalfClosed, &lines);
    close_wait(&mut flow, None, 92_700);
    flow.decided = at(92_700);
    flow
}

/// The responder's FIN comes when the initiator has forgotten the port.
pub(crate) fn late_fin_rst() -> Flow {
    let mut lines = opening(4178, 57).to_vec();
    lines.extend([
        (4179, 62, Initiator, EventKind::Fin, FIN_ACK, 101, 901, 0),
        (4219, 63, Responder, EventKind::AckOfFin, ACK, 901, 102, 0),
        (91_043, 229, Responder, EventKind::Fin, FIN_ACK, 901, 102, 0),
        (91_043, 230, Initiator, EventKind::Rst, RST, 102, 0, 0),
    ]);
    let mut flow = flow(4, "10.100.0.2:54594", "10.100.0.1:8880", FlowOutcome::LateFinRst, &lines);
    close_wait(&mut flow, Some(229), 0);
    let fin = flow.fin.responder.unwrap().first;
    flow.resets = vec![reset(Initiator, ResetKind::StaleFin, flow.last, Some((Answered::Fin, fin)))];
    flow.deciding_reset = Some(0);
    flow
}

/// Nobody listens.
pub(crate) fn refused() -> Flow {
    let lines = [
        (5000, 70, Initiator, EventKind::Syn, SYN, 100, 0, 0),
        (5001, 71, Responder, EventKind::Rst, RST_ACK, 0, 101, 0),
    ];
    let mut flow = flow(5, "10.100.0.2:54600", "10.100.0.1:9999", FlowOutcome::Refused, &lines);
    flow.handshake = Handshake::Syn;
    flow.handshake_rtt = None;
    flow.resets = vec![reset(Responder, ResetKind::Refusal, flow.last, Some((Answered::Syn, flow.first)))];
    flow.deciding_reset = Some(0);
    flow
}

/// The port of the late FIN again, a ghost of the predecessor, a repeated FIN.
pub(crate) fn reuse() -> Flow {
    let mut lines = opening(91_500, 240).to_vec();
    lines.extend([
        (91_600, 243, Responder, EventKind::Ghost, FIN_ACK, 901, 102, 0),
        (91_700, 244, Initiator, EventKind::Fin, FIN_ACK, 101, 901, 0),
        (91_900, 245, Initiator, EventKind::FinAgain, FIN_ACK, 101, 901, 0),
        (91_901, 246, Responder, EventKind::AckOfFin, ACK, 901, 102, 0),
        (92_000, 247, Responder, EventKind::Fin, FIN_ACK, 901, 102, 0),
        (92_001, 248, Initiator, EventKind::AckOfFin, ACK, 102, 902, 0),
    ]);
    let mut flow = flow(6, "10.100.0.2:54594", "10.100.0.1:8880", FlowOutcome::CleanClose, &lines);
    flow.incarnation = 2;
    let gap = TimeDelta::from_millis(457);
    flow.reuse =
        Some(Reuse { predecessor: 57, gap: Some(gap), kind: ReuseKind::Clean, waiting: None, since: None });
    flow
}

/// Every flow in the order of its end, with what is found in it.
pub(crate) fn flows() -> Vec<(Flow, Vec<Finding>)> {
    let refusal = rule("SYN101", "connection refused", Severity::Warning);
    let late = rule("FIN102", "delayed FIN", Severity::Warning);
    let stuck = rule("FIN101", "half-closed and never finished", Severity::Fault);
    let stale = rule("RST101", "RST to a stale port: late FIN", Severity::Fault);
    let about_fins = |rule, flow: &Flow| {
        let shown = Evidence::new(flow.fin.initiator.unwrap().first, "FIN")
            .and_maybe(flow.fin.responder.map(|fin| fin.first), "FIN of its peer");
        Finding::new(rule, flow, flow.responder, shown).lasting(flow.close_wait.unwrap().lasted)
    };
    let (refused, delayed, late_rst, half) = (refused(), delayed(), late_fin_rst(), half_closed());
    let refusals =
        vec![Finding::new(refusal, &refused, refused.responder, Evidence::new(refused.last, "RST"))];
    let delays = vec![about_fins(late, &delayed)];
    let answered =
        Evidence::new(late_rst.resets[0].at, "RST").and(late_rst.fin.responder.unwrap().first, "late FIN");
    let stales =
        vec![about_fins(late, &late_rst), Finding::new(stale, &late_rst, late_rst.initiator, answered)];
    let stucks = vec![about_fins(stuck, &half).presumed()];
    vec![
        (refused, refusals),
        (clean(), vec![]),
        (delayed, delays),
        (late_rst, stales),
        (reuse(), vec![]),
        (half, stucks),
    ]
}

pub(crate) fn plan() -> Plan {
    Plan {
        version: "0.0.0".to_owned(),
        inputs: vec!["captures/incident.pcapng".to_owned()],
        options: vec![("--fin-delay".to_owned(), "1".to_owned())],
        ..Plan::default()
    }
}

/// The service of most flows.
pub(crate) fn service() -> Party {
    Party::Service(endpoint("10.100.0.1:8880"))
}

fn member(code: &'static str, party: Party, count: u64, flows: &[u64], records: &[u64]) -> Member {
    let title = find_rule(code).unwrap().title;
    Member { code, title, party, count, flows: flows.to_vec(), records: records.to_vec() }
}

/// A story with everything that a story may have.
pub(crate) fn incident() -> Incident {
    let service = service();
    let client = Party::Client { host: endpoint("10.100.0.2:1").addr, service: endpoint("10.100.0.1:8880") };
    let told = |label, text: &str| Statement { label, text: text.to_owned() };
    let confirmation = |state: &str, expect: &str| Confirmation {
        host: endpoint("10.100.0.1:1").addr,
        command: format!("ss -tanp state {state} 'sport = :8880'"),
        expect: expect.to_owned(),
    };
    Incident {
        id: 1,
        kind: Kind::AcceptStarvation,
        title: "10.100.0.1:8880 accepted nothing for 89.9 s (08:00:01.2 – 08:01:31.1)".to_owned(),
        severity: Severity::Fault,
        certainty: Certainty::Proven,
        party: service,
        since: at(1200),
        until: Some(at(91_100)),
        connections: 30,
        statements: vec![
            told(
                "cause",
                "flow 1 (10.100.0.2:49580; an idle keep-alive connection, closed after 90.0 s) held the only place",
            ),
            told("effect", "30 connections waited in the accept queue"),
            told("effect", "14 FINs came up to 39.1 s late"),
            told("sockets", "CLOSE-WAIT at 10.100.0.1:8880: 27 at once"),
            told("who", "the service on 10.100.0.1:8880 must accept more than one connection at a time"),
            told(
                "else",
                "A service that was stalled as a whole; `net.ipv4.tcp_fin_timeout` says how long hosts remember.",
            ),
        ],
        confirm: vec![
            confirmation("close-wait", "sockets without a process: they were never accepted"),
            confirmation("listening", "Recv-Q is the length of the accept queue"),
        ],
        filter: "ip.addr == 10.100.0.1 && tcp.port == 8880".to_owned(),
        facts: Facts::new().and("waited", 30_u64).and("service", endpoint("10.100.0.1:8880")),
        findings: vec![
            member("SVC102", service, 1, &[], &[60, 229]),
            member("FIN102", client, 25, &[11, 57], &[60, 229]),
            member("RST101", client, 11, &[57], &[230]),
        ],
        causes: vec![CausalEdge {
            effect: "SVC102 10.100.0.1:8880".to_owned(),
            how: Cause::ReleasedBy,
            cause: "flow 1".to_owned(),
            score: 0.95,
            reason: "30 released 0.7 to 24 ms after its end".to_owned(),
        }],
        curve: (0..48).map(|place| if place < 47 { place / 2 } else { 27 }).collect(),
    }
}

/// The same, and one that is not over.
pub(crate) fn incidents() -> Incidents {
    let party = Party::Service(endpoint("[2001:db8::1]:443"));
    let second = Incident {
        id: 2,
        kind: Kind::ForgotToClose,
        title: "[2001:db8::1]:443 does not close: 1 socket in CLOSE-WAIT since 08:00:02.0".to_owned(),
        severity: Severity::Warning,
        certainty: Certainty::Presumed,
        party,
        since: at(2001),
        until: None,
        connections: 1,
        statements: incident().statements.split_off(4),
        confirm: Vec::new(),
        filter: String::new(),
        findings: vec![member("FIN101", party, 1, &[21], &[25])],
        causes: Vec::new(),
        curve: Vec::new(),
        ..incident()
    };
    let release = Release { flow: 57, holder: 1, ended: Some((at(91_041), TimeDelta::from_millis(2))) };
    let starvation = find_rule("SVC102").unwrap().number();
    // The rules of the flows' findings are not in the catalogue.
    let of_flows = [((0, u16::MAX), 1), ((1, u16::MAX), 2)].into();
    let causes = Causes::new(vec![release], of_flows, [((service(), starvation), 1)].into());
    let dot = "digraph {}\n".to_owned();
    Incidents { incidents: vec![incident(), second], causes, dot, ..Incidents::default() }
}

/// What many flows show together; and what the capture could not show: once with evidence, once without.
pub(crate) fn input_findings() -> Vec<InputFinding> {
    let rule = |code| find_rule(code).unwrap();
    let starved = "10.100.0.1:8880 accepted nothing for up to 89.9 s".to_owned();
    let gaps = "the capture missed segments in 1 of 6 flows, 12.5 kB in all; first in flow 57".to_owned();
    let damage = "captures/=next.pcapng: header of 16 octets, 3 left".to_owned();
    let filter = "tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment";
    let flow = RecordRef { record: 57, time: at(4_000) };
    vec![
        InputFinding::about(rule("SVC102"), service(), at(1200), starved)
            .until(Some(at(91_100)))
            .with(Facts::new().and("waited", 30_u64))
            .filtered("ip.addr == 10.100.0.1 && tcp.port == 8880"),
        InputFinding::new(rule("CAP101"), gaps)
            .filtered(filter)
            .and(flow, "a flow of which segments are missing"),
        InputFinding::new(rule("CAP105"), damage).and_number(266, "the last whole record before it"),
    ]
}

pub(crate) fn input() -> InputFacts {
    let file = |name: &str, records, bytes| FileFacts {
        name: name.to_owned(),
        format: "pcapng".to_owned(),
        link_types: vec!["Ethernet".to_owned()],
        snaplen: Some(128),
        records,
        bytes,
    };
    let skipped =
        |reason: &str, count, first_record| Skipped { reason: reason.to_owned(), count, first_record };
    InputFacts {
        files: vec![file("captures/incident.pcapng", 100, 9_876), file("captures/=next.pcapng", 166, 45_678)],
        records: 266,
        segments: 260,
        skipped: vec![skipped("ICMP", 4, 9), skipped("ARP", 2, 30)],
        late_segments: 0,
        duplicates: 0,
        first_time: Some(at(0)),
        last_time: Some(at(92_700)),
        notes: vec![],
    }
}
