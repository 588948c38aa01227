//! Flows made by hand for the tests of rules: each step adds an event with the next record number.

use super::{Certainty, Context, Doubts, Finding, InputFinding, Severity, Sight, diagnose, find_rule};
use crate::flow::{
    Answered, CloseWait, Event, EventKind, FinFacts, Flow, FlowOutcome, Handshake, Letters, Limits, Order,
    Origin, Pause, Premise, RecordRef, Replies, Reset, ResetKind, Reuse, ReuseKind, Wait,
};
use crate::net::{Endpoint, Role, Sides};
use crate::tcp::{Flags, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

/// A moment `seconds` after the beginning of the test's capture.
pub(crate) fn at(seconds: f64) -> Timestamp {
    Timestamp::default() + TimeDelta::from_secs_f64(seconds)
}

/// Default limits, with the capture's end `seconds` after its beginning.
pub(crate) fn context_at(seconds: f64) -> Context<'static> {
    const LIMITS: &Limits = &Limits {
        fin_delay: TimeDelta::from_secs(1),
        linger: TimeDelta::from_secs(60),
        time_wait: TimeDelta::from_secs(60),
        max_flows: 1000,
        max_memory: None,
    };
    Context { limits: LIMITS, now: at(seconds), doubts: Doubts::default() }
}

/// What the catalogue finds in `flow` when the capture ends at `seconds`. No rule finds
/// anything without a sign that it needs, so a finding that only its own check makes is a failure.
pub(crate) fn findings_in(flow: &Flow, seconds: f64) -> Vec<Finding> {
    let context = context_at(seconds);
    let mut findings = Vec::new();
    diagnose(flow, &context, &mut findings);
    let checked = super::CATALOGUE.iter().filter(|rule| rule.find(flow, &context).is_some()).count();
    assert_eq!(findings.len(), checked, "a rule found something without what it needs");
    for finding in &findings {
        assert!(finding.summary(flow).len() > 20, "{} has a summary", finding.rule.code);
        assert!(!finding.evidence.records().is_empty());
    }
    findings
}

/// What rule `code` says about `flow` when the capture ends at `seconds`.
pub(crate) fn found(code: &str, flow: &Flow, seconds: f64) -> Option<(Severity, Certainty)> {
    find_rule(code).expect("a code of the catalogue");
    findings_in(flow, seconds)
        .into_iter()
        .find(|finding| finding.rule.code == code)
        .map(|finding| (finding.severity, finding.certainty))
}

/// What rule `code` finds in the input. All its filters and sentences are there, and it accuses nobody.
pub(crate) fn found_in_input(code: &str, sight: &Sight) -> Vec<InputFinding> {
    let findings = find_rule(code).expect("a code of the catalogue").find_in_input(sight);
    for finding in &findings {
        assert!(finding.rule.code == code && finding.severity < Severity::Fault);
        assert!(finding.summary.len() > 15, "{}", finding.summary);
    }
    findings
}

/// The sentence with which rule `code` tells `flow`.
pub(crate) fn summary(code: &str, flow: &Flow, seconds: f64) -> String {
    let findings = findings_in(flow, seconds);
    findings.iter().find(|finding| finding.rule.code == code).expect("the rule fires").summary(flow)
}

/// A flow in the making: `10.0.0.2:40000` opens to `10.0.0.1:80`.
pub(crate) struct Story {
    pub(crate) flow: Flow,
}

impl Story {
    /// A SYN at 0 s and nothing else.
    pub(crate) fn syn() -> Self {
        let endpoint = |addr: &str, port| Endpoint { addr: addr.parse().unwrap(), port };
        let flow = Flow {
            id: 1,
            stream: 0,
            initiator: endpoint("10.0.0.2", 40000),
            responder: endpoint("10.0.0.1", 80),
            scope: 0,
            order: Order::Times,
            evicted: false,
            first: RecordRef { record: 1, time: at(0.0) },
            last: RecordRef::default(),
            origin: Origin::Handshake,
            handshake: Handshake::Syn,
            handshake_rtt: None,
            syn_retries: 0,
            fast_open: false,
            mptcp_join: false,
            outcome: FlowOutcome::SynUnanswered,
            undecided_because: None,
            states: Sides::default(),
            active_closer: None,
            fin: Sides::default(),
            fin_delay: None,
            data_after_fin: false,
            close_wait: None,
            resets: Vec::new(),
            deciding_reset: None,
            incarnation: 1,
            reuse: None,
            successor: None,
            replaced: None,
            ghosts: Vec::new(),
            traffic: Sides::default(),
            exchanges: 0,
            unanswered_octets: 0,
            last_talker: None,
            last_octets: 0,
            asked: None,
            active: RecordRef::default(),
            replies: None,
            pause: None,
            icmp_reporter: None,
            letters: Letters::default(),
            events: Vec::new(),
            events_dropped: 0,
            premise: Premise::default(),
            decided: at(0.0),
        };
        Self { flow }.event(EventKind::Syn, Role::Initiator, 0.0)
    }

    /// A handshake of 2 ms.
    pub(crate) fn connected() -> Self {
        let mut story = Self::syn().event(EventKind::SynAck, Role::Responder, 0.001);
        story.flow.handshake = Handshake::Complete;
        story.flow.handshake_rtt = Some(TimeDelta::from_millis(2));
        story.event(EventKind::HandshakeAck, Role::Initiator, 0.002)
    }

    /// A healthy connection: one exchange, both FINs acknowledged at once.
    pub(crate) fn clean() -> Flow {
        Self::connected()
            .exchange(0.01)
            .fin(Role::Initiator, 0.02)
            .acked(0.021)
            .fin(Role::Responder, 0.022)
            .acked(0.023)
            .flow(FlowOutcome::CleanClose)
    }

    /// Any event.
    pub(crate) fn event(mut self, kind: EventKind, from: Role, seconds: f64) -> Self {
        let record = self.flow.events.last().map_or(0, |event| event.at.record) + 1;
        let flags = match kind {
            EventKind::Syn | EventKind::SynAgain => Flags::SYN,
            EventKind::SynAck | EventKind::SynAckAgain => Flags(Flags::SYN.0 | Flags::ACK.0),
            EventKind::Fin | EventKind::FinAgain => Flags(Flags::FIN.0 | Flags::ACK.0),
            EventKind::Rst => Flags::RST,
            _ => Flags::ACK,
        };
        let at = RecordRef { record, time: at(seconds) };
        let (seq, ack) = (SeqNumber(1), SeqNumber(1));
        let octets = if kind == EventKind::Data { 100 } else { 0 };
        self.flow.events.push(Event {
            at,
            seq,
            ack,
            octets,
            window: 0,
            flags,
            from,
            kind,
            into_successor: false,
        });
        if kind != EventKind::Probe && kind != EventKind::Ack {
            self.active(at, from);
        }
        self.flow.last = at;
        self.flow.traffic[from].packets += 1;
        self.flow.traffic[from].last = Some(at);
        self.flow.traffic[from].octets += u64::from(octets);
        self.flow.syn_retries += u32::from(kind == EventKind::SynAgain);
        self
    }

    /// Notes the pause before a segment that does something.
    fn active(&mut self, at: RecordRef, by: Role) {
        self.flow.active = at;
        let acts = |event: &&Event| !matches!(event.kind, EventKind::Probe | EventKind::Ack);
        let before = self.flow.events.iter().rev().skip(1).find(acts).map(|event| event.at);
        let pause = before.map(|from| Pause { from, until: at, by, survived: TimeDelta::ZERO });
        self.flow.pause = pause.filter(|pause| pause.length() >= TimeDelta::from_secs(1)).or(self.flow.pause);
    }

    /// A request and its answer.
    pub(crate) fn exchange(mut self, seconds: f64) -> Self {
        self = self.event(EventKind::Data, Role::Initiator, seconds);
        self = self.event(EventKind::Data, Role::Responder, seconds + 0.001);
        self.flow.exchanges += 1;
        self.flow.last_talker = Some((Role::Responder, self.flow.last));
        self.flow.asked = None;
        self.replied()
    }

    /// Notes the last event as a reply.
    fn replied(mut self) -> Self {
        let at = self.flow.last;
        let slowest = Wait { waited: TimeDelta::from_millis(1), until: at.time };
        let replies = self.flow.replies.get_or_insert(Replies { first: at, last: at, before: None, slowest });
        replies.before = (replies.last != at).then_some(replies.last.time);
        replies.last = at;
        self
    }

    /// A request without an answer so far.
    pub(crate) fn request(mut self, seconds: f64) -> Self {
        self = self.event(EventKind::Data, Role::Initiator, seconds);
        self.flow.unanswered_octets = 100;
        self.flow.last_talker = Some((Role::Initiator, self.flow.last));
        (self.flow.last_octets, self.flow.asked) = (100, Some(self.flow.last));
        self
    }

    /// A FIN. The second one acknowledges the first and ends CLOSE-WAIT.
    pub(crate) fn fin(mut self, from: Role, seconds: f64) -> Self {
        self = self.event(EventKind::Fin, from, seconds);
        let first = self.flow.last;
        let end = SeqNumber(2);
        let (copies, acknowledges_peer) = (1, self.flow.active_closer.is_some());
        self.flow.fin[from] = Some(FinFacts {
            first,
            last: first,
            copies,
            acked: None,
            end,
            acknowledges_peer,
            into_successor: false,
        });
        match self.flow.fin[!from] {
            Some(other) => {
                self.flow.fin_delay = Some(first.time - other.first.time);
                self.end_close_wait();
            }
            None => self.flow.active_closer = Some(from),
        }
        self
    }

    /// The same FIN again.
    pub(crate) fn fin_again(mut self, from: Role, seconds: f64) -> Self {
        self = self.event(EventKind::FinAgain, from, seconds);
        if let Some(fin) = &mut self.flow.fin[from] {
            fin.last = self.flow.last;
            fin.copies += 1;
        }
        self
    }

    /// The ACK of the last FIN. That of the first begins a proven CLOSE-WAIT.
    pub(crate) fn acked(mut self, seconds: f64) -> Self {
        let closer = self.flow.active_closer.expect("a FIN");
        let sender = if self.flow.fin[!closer].is_some() { !closer } else { closer };
        self = self.event(EventKind::AckOfFin, !sender, seconds);
        let acked = Some(self.flow.last);
        if let Some(fin) = &mut self.flow.fin[sender] {
            fin.acked = acked;
        }
        if sender == closer {
            let since = self.flow.last;
            let lasted = TimeDelta::ZERO;
            self.flow.close_wait = Some(CloseWait { at: !closer, since, until: None, lasted, proven: true });
        }
        self
    }

    /// Data of the passive closer after the first FIN.
    pub(crate) fn data_after_fin(mut self, seconds: f64) -> Self {
        let from = !self.flow.active_closer.expect("a FIN");
        self = self.event(EventKind::Data, from, seconds);
        self.flow.data_after_fin = true;
        self.flow.last_talker = Some((from, self.flow.last));
        self
    }

    /// A RST that decides, answering the last record if `answered` says as what.
    pub(crate) fn reset(
        mut self,
        kind: ResetKind,
        by: Role,
        seconds: f64,
        answered: Option<Answered>,
    ) -> Self {
        let answers = answered.map(|answered| (answered, self.flow.last));
        self = self.event(EventKind::Rst, by, seconds);
        self.flow.deciding_reset = Some(self.flow.resets.len());
        self.flow.resets.push(Reset {
            by,
            kind,
            at: self.flow.last,
            answers,
            after_close: false,
            ignored: false,
            sender_goes_on: false,
            ttl: 64,
            sender_ttl: (64, 64),
        });
        self.end_close_wait();
        self
    }

    /// A predecessor that left the four-tuple 10 s before.
    pub(crate) fn reusing(mut self, kind: ReuseKind, waiting: Option<Role>) -> Self {
        self.flow.incarnation = 2;
        self.flow.reuse =
            Some(Reuse { predecessor: 7, gap: Some(TimeDelta::from_secs(10)), kind, waiting, since: None });
        self
    }

    /// Changes the last event.
    pub(crate) fn having(mut self, change: impl FnOnce(&mut Event)) -> Self {
        change(self.flow.events.last_mut().expect("an event"));
        self
    }

    /// The flow with its outcome, at the end of the capture if CLOSE-WAIT goes on: 600 s.
    pub(crate) fn flow(self, outcome: FlowOutcome) -> Flow {
        self.flow_until(outcome, 600.0)
    }

    /// The flow with its outcome in a capture that ends at `seconds`.
    pub(crate) fn flow_until(mut self, outcome: FlowOutcome, seconds: f64) -> Flow {
        self.flow.outcome = outcome;
        self.flow.decided = at(seconds);
        if let Some(wait) = self.flow.close_wait.as_mut().filter(|wait| wait.until.is_none()) {
            wait.lasted = at(seconds) - wait.since.time;
        }
        self.flow
    }

    fn end_close_wait(&mut self) {
        let last = self.flow.last;
        if let Some(wait) = self.flow.close_wait.as_mut().filter(|wait| wait.until.is_none()) {
            wait.until = Some(last);
            wait.lasted = last.time - wait.since.time;
        }
    }
}
