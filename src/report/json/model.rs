//! The serde rows of `report.json`.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::diagnose::{Certainty, Facts, Finding, InputFinding, Severity};
use crate::flow::{
    CloseWait, EndpointState, Event, EventKind, FinFacts, Flow, FlowOutcome, Ghost, Handshake, Letters,
    Limits, Origin, Pause, RecordRef, Replies, Reset, Reuse, Traffic,
};
use crate::net::{Endpoint, Role, Sides};
use crate::report::holes::Hole;
use crate::report::input::Sources;
use crate::report::rows::{conn_state, display_filter, input_filter};
use crate::report::story::flags_word;
use crate::survey::{Causes, Party};
use crate::time::{TimeDelta, Timestamp};

/// Options as an object, in the order in which they were given.
pub(super) struct Options<'a>(pub(super) &'a [(String, String)]);

impl Serialize for Options<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
pub(super) struct JsonLimits {
    fin_delay: TimeDelta,
    linger: TimeDelta,
    time_wait: TimeDelta,
    max_flows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_memory: Option<u64>,
}

impl JsonLimits {
    pub(super) fn of(limits: &Limits) -> Self {
        let &Limits { fin_delay, linger, time_wait, max_flows, max_memory } = limits;
        Self { fin_delay, linger, time_wait, max_flows, max_memory }
    }
}

/// Counts that stay small however many flows there are.
#[derive(Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) flows: u64,
    outcomes: BTreeMap<&'static str, u64>,
    findings: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub(super) fn add(&mut self, flow: &Flow, findings: &[Finding]) {
        self.flows += 1;
        *self.outcomes.entry(flow.outcome.as_str()).or_default() += 1;
        for finding in findings {
            *self.findings.entry(finding.rule.code).or_default() += 1;
        }
    }

    pub(super) fn add_input(&mut self, findings: &[InputFinding]) {
        for finding in findings {
            *self.findings.entry(finding.rule.code).or_default() += 1;
        }
    }
}

#[derive(Serialize)]
pub(super) struct JsonFlow<'a> {
    flow: u64,
    stream: u64,
    initiator: Endpoint,
    responder: Endpoint,
    scope: u32,
    file: &'a str,
    first: RecordRef,
    last: RecordRef,
    duration: TimeDelta,
    origin: Origin,
    handshake: Handshake,
    handshake_rtt: Option<TimeDelta>,
    syn_retries: u32,
    fast_open: bool,
    mptcp_join: bool,
    outcome: FlowOutcome,
    undecided_because: Option<&'static str>,
    states: Sides<EndpointState>,
    active_closer: Option<Role>,
    fin: Sides<Option<FinFacts>>,
    fin_delay: Option<TimeDelta>,
    data_after_fin: bool,
    close_wait: Option<CloseWait>,
    resets: &'a [Reset],
    deciding_reset: Option<usize>,
    incarnation: u32,
    reuse: Option<Reuse>,
    successor: Option<JsonSuccessor>,
    ghosts: &'a [Ghost],
    traffic: Sides<Traffic>,
    exchanges: u64,
    unanswered_octets: u64,
    last_talker: Option<JsonTalker>,
    asked: Option<RecordRef>,
    active: RecordRef,
    pause: Option<Pause>,
    replies: Option<Replies>,
    released_by: Option<String>,
    history: Letters,
    conn_state: &'static str,
    decided: Timestamp,
    events: Vec<JsonEvent>,
    events_dropped: u64,
    findings: Vec<JsonFinding>,
}

impl<'a> JsonFlow<'a> {
    pub(super) fn of(flow: &'a Flow, findings: &[Finding], sources: &Sources<'a>) -> Self {
        Self {
            flow: flow.id,
            stream: flow.stream,
            initiator: flow.initiator,
            responder: flow.responder,
            scope: flow.scope,
            file: sources.names.get((sources.locate)(flow.first.record).0).map_or("", String::as_str),
            first: flow.first,
            last: flow.last,
            duration: flow.duration(),
            origin: flow.origin,
            handshake: flow.handshake,
            handshake_rtt: flow.handshake_rtt,
            syn_retries: flow.syn_retries,
            fast_open: flow.fast_open,
            mptcp_join: flow.mptcp_join,
            outcome: flow.outcome,
            undecided_because: flow.undecided_because,
            states: flow.states,
            active_closer: flow.active_closer,
            fin: flow.fin,
            fin_delay: flow.fin_delay,
            data_after_fin: flow.data_after_fin,
            close_wait: flow.close_wait,
            resets: &flow.resets,
            deciding_reset: flow.deciding_reset,
            incarnation: flow.incarnation,
            reuse: flow.reuse,
            successor: flow.successor.map(|(flow, time)| JsonSuccessor { flow, time }),
            ghosts: &flow.ghosts,
            traffic: flow.traffic,
            exchanges: flow.exchanges,
            unanswered_octets: flow.unanswered_octets,
            last_talker: flow.last_talker.map(|(role, since)| JsonTalker {
                role,
                since,
                octets: flow.last_octets,
            }),
            asked: flow.asked,
            active: flow.active,
            pause: flow.pause,
            replies: flow.replies,
            released_by: sources.place.may_be_released.then(|| Hole::ReleasedBy(flow.id).text()),
            history: flow.letters,
            conn_state: conn_state(flow),
            decided: flow.decided,
            events: flow.events.iter().map(JsonEvent::of).collect(),
            events_dropped: flow.events_dropped,
            findings: findings.iter().map(|finding| JsonFinding::of(flow, finding, sources)).collect(),
        }
    }
}

#[derive(Serialize)]
struct JsonSuccessor {
    flow: u64,
    time: Timestamp,
}

#[derive(Serialize)]
struct JsonTalker {
    role: Role,
    since: RecordRef,
    octets: u64,
}

#[derive(Serialize)]
struct JsonEvent {
    record: u64,
    time: Timestamp,
    from: Role,
    kind: &'static str,
    segment: &'static str,
    seq: u32,
    ack: Option<u32>,
    octets: u32,
    into_successor: bool,
}

impl JsonEvent {
    fn of(event: &Event) -> Self {
        Self {
            record: event.at.record,
            time: event.at.time,
            from: event.from,
            kind: kind_word(event.kind),
            segment: flags_word(event.flags),
            seq: event.seq.0,
            ack: event.flags.ack().then_some(event.ack.0),
            octets: event.octets,
            into_successor: event.into_successor,
        }
    }
}

const fn kind_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Syn => "syn",
        EventKind::SynAgain => "syn_again",
        EventKind::SynAck => "syn_ack",
        EventKind::SynAckAgain => "syn_ack_again",
        EventKind::HandshakeAck => "handshake_ack",
        EventKind::Data => "data",
        EventKind::Ack => "ack",
        EventKind::AckOfFin => "ack_of_fin",
        EventKind::Fin => "fin",
        EventKind::FinAgain => "fin_again",
        EventKind::Rst => "rst",
        EventKind::RstOutside => "rst_outside",
        EventKind::Probe => "probe",
        EventKind::ZeroWindow => "zero_window",
        EventKind::WindowOpened => "window_opened",
        EventKind::Ghost => "ghost",
        EventKind::IcmpError => "icmp_error",
    }
}

#[derive(Serialize)]
struct JsonFinding {
    code: &'static str,
    title: &'static str,
    severity: Severity,
    certainty: Certainty,
    endpoint: Endpoint,
    start: Timestamp,
    lasted: Option<TimeDelta>,
    because: Option<&'static str>,
    summary: String,
    filter: String,
    incident: Option<String>,
    evidence: Vec<JsonEvidence>,
}

impl JsonFinding {
    fn of(flow: &Flow, finding: &Finding, sources: &Sources<'_>) -> Self {
        let evidence = finding.evidence.records().iter();
        Self {
            code: finding.rule.code,
            title: finding.rule.title,
            severity: finding.severity,
            certainty: finding.certainty,
            endpoint: finding.endpoint,
            start: finding.start,
            lasted: finding.lasted,
            because: finding.because,
            summary: finding.summary(flow),
            filter: display_filter(finding, sources),
            incident: Hole::incident_of(finding, sources.place).map(Hole::text),
            evidence: evidence
                .map(|&(at, caption)| JsonEvidence::of(at.record, Some(at.time), caption, sources))
                .collect(),
        }
    }
}

/// A finding about the input.
#[derive(Debug, Serialize)]
pub(super) struct JsonInputFinding {
    code: &'static str,
    title: &'static str,
    severity: Severity,
    certainty: Certainty,
    start: Option<Timestamp>,
    lasted: Option<TimeDelta>,
    summary: String,
    filter: String,
    evidence: Vec<JsonEvidence>,
}

impl JsonInputFinding {
    pub(super) fn of(finding: &InputFinding, sources: &Sources<'_>) -> Self {
        let evidence = finding.evidence.iter();
        Self {
            code: finding.rule.code,
            title: finding.rule.title,
            severity: finding.severity,
            certainty: finding.certainty,
            start: finding.start,
            lasted: finding.lasted,
            summary: finding.summary.clone(),
            filter: input_filter(finding, sources),
            evidence: evidence.map(|it| JsonEvidence::of(it.record, it.time, it.caption, sources)).collect(),
        }
    }
}

/// A finding about many flows of one party together.
#[derive(Debug, Serialize)]
pub(super) struct JsonPartyFinding {
    party: String,
    #[serde(flatten)]
    finding: JsonInputFinding,
    until: Option<Timestamp>,
    facts: Facts,
    incident: Option<u32>,
}

impl JsonPartyFinding {
    /// `told`, with what only findings about a party have.
    pub(super) fn of(told: JsonInputFinding, party: Party, finding: &InputFinding, causes: &Causes) -> Self {
        Self {
            party: party.to_string(),
            finding: told,
            until: finding.until,
            facts: finding.facts.clone(),
            incident: causes.incident_about(party, finding.rule.number()),
        }
    }
}

/// A record as evidence, with its place in its own file.
#[derive(Debug, Serialize)]
struct JsonEvidence {
    record: u64,
    time: Option<Timestamp>,
    file: String,
    frame: u64,
    caption: &'static str,
}

impl JsonEvidence {
    fn of(record: u64, time: Option<Timestamp>, caption: &'static str, sources: &Sources<'_>) -> Self {
        let (file, frame) = (sources.locate)(record);
        let file = sources.names.get(file).cloned().unwrap_or_default();
        Self { record, time, file, frame, caption }
    }
}
