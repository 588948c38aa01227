//! What one service did: the responders at one address and port.

use super::least::Least;
use super::queue::{Queue, Releases};
use super::requests::Requests;
use super::series::{Series, What};
use super::silence::Silence;
use super::stuck::Waits;
use crate::delays::Delays;
use crate::flow::{Flow, FlowOutcome, Handshake, Limits, Pause, RecordRef, ResetKind};
use crate::net::{Endpoint, Role, Sides};
use crate::time::{TimeDelta, Timestamp};

/// Resets remembered one by one.
const RESETS: usize = 1 << 12;
/// Connects without octets remembered one by one.
const CONNECTS: usize = 1 << 10;

/// A connection that was established at once and carried no octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connect {
    /// When its handshake was complete.
    pub at: Timestamp,
    /// The record that completed it.
    pub record: u64,
    /// Both sides closed it, and the service at once.
    pub closed_in_order: bool,
}

/// One service while flows come.
#[derive(Debug)]
pub struct Service {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// Flows to it.
    pub flows: u64,
    /// Flows whose handshake was complete, or that were open before the capture began.
    pub established: u64,
    /// Connection requests that were refused, by RST or ICMP.
    pub refused: u64,
    /// Connection requests without any answer.
    pub unanswered_syns: u64,
    /// Connections that it left in CLOSE-WAIT.
    pub stuck: Waits,
    /// The most that a socket of these may have had in Recv-Q when it was stuck: octets and the FIN; least and greatest.
    pub recv_q: Option<(u64, u64)>,
    /// Requests, answered and not.
    pub requests: Requests,
    /// The longest time in which requests waited and none was answered, once all flows came.
    pub silence: Option<Silence>,
    /// How long handshakes took.
    pub connect: Delays,
    /// How much later than the peer's FIN its own came.
    pub fin_delay: Delays,
    /// How long connections were idle before each side closed them, where that was a second or more.
    pub idle: Sides<Delays>,
    /// The longest time for which one was idle and went on after it.
    pub survived: Option<TimeDelta>,
    /// Connects that carried no octets, the first ones.
    pub connects: Least<Connect, CONNECTS>,
    /// When live sockets of it reset connections, the first ones.
    pub resets: Vec<Timestamp>,
    /// When it refused connection requests, first and last.
    pub refusals: Option<(Timestamp, Timestamp)>,
    /// States over time.
    pub series: Series,
    pub(super) queue: Queue,
    /// Its accept queue, once all flows came.
    pub releases: Releases,
}

impl Service {
    /// Of no flow so far.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            flows: 0,
            established: 0,
            refused: 0,
            unanswered_syns: 0,
            stuck: Waits::default(),
            recv_q: None,
            requests: Requests::new(),
            silence: None,
            connect: Delays::coarse(),
            fin_delay: Delays::coarse(),
            idle: Sides::default(),
            survived: None,
            connects: Least::default(),
            resets: Vec::new(),
            refusals: None,
            series: Series::default(),
            queue: Queue::default(),
            releases: Releases::default(),
        }
    }

    /// Adds a finished flow; true when somebody may have released it from the accept queue.
    pub fn add(&mut self, flow: &Flow, limits: &Limits) -> bool {
        self.flows += 1;
        self.note_opening(flow);
        self.note_states(flow, limits);
        self.requests.add(flow, limits.fin_delay);
        if let Some(reset) = flow.reset().filter(|it| it.by == Role::Responder && gives_up(it.kind))
            && self.resets.len() < RESETS
        {
            self.resets.push(reset.at.time);
        }
        if let Some(wait) = flow.close_wait.filter(|wait| wait.at == Role::Responder)
            && super::is_stuck(flow, &wait, limits)
        {
            self.stuck.add(flow, &wait);
            let most = waiting_octets(flow) + 1;
            self.recv_q =
                Some(self.recv_q.map_or((most, most), |(low, high)| (low.min(most), high.max(most))));
        }
        self.queue.add(flow, limits.fin_delay)
    }

    /// All flows came.
    pub(super) fn settle(&mut self, end: Timestamp) {
        self.releases = std::mem::take(&mut self.queue).settle();
        self.requests.answered.tidy();
        self.silence = self.requests.longest_silence(end);
        self.connects.tidy();
        self.resets.sort_unstable();
    }

    fn note_opening(&mut self, flow: &Flow) {
        match flow.outcome {
            FlowOutcome::Refused | FlowOutcome::RefusedIcmp => {
                self.refused += 1;
                let at = flow.last.time;
                self.refusals =
                    Some(self.refusals.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
                self.series.count(What::Refused, at);
            }
            FlowOutcome::SynUnanswered => self.unanswered_syns += 1,
            _ => {}
        }
        if let Some(rtt) = flow.handshake_rtt {
            self.connect.add(rtt);
        }
        let octets = flow.traffic.initiator.octets + flow.traffic.responder.octets;
        if octets == 0
            && flow.syn_retries == 0
            && let Some(RecordRef { record, time: at }) = flow.completed()
        {
            let closed_in_order = flow.outcome == FlowOutcome::CleanClose;
            self.connects.add(Connect { at, record, closed_in_order });
        }
    }

    fn note_states(&mut self, flow: &Flow, limits: &Limits) {
        if matches!(flow.handshake, Handshake::Syn | Handshake::SynAck) {
            return;
        }
        self.established += 1;
        let opened = flow.completed().unwrap_or(flow.first).time;
        let reset = flow.reset().map(|reset| reset.at.time);
        let first_fin = flow.first_fin().map(|(_, fin)| fin);
        let closed = first_fin.map(|fin| fin.first.time).or(reset);
        self.series.interval(What::Open, opened, closed);
        if let Some(wait) = flow.close_wait.filter(|wait| wait.at == Role::Responder) {
            self.series.interval(What::CloseWait, wait.since.time, wait.until.map(|it| it.time));
        }
        if let Some((_, second)) = flow.second_fin()
            && let Some(first) = first_fin
        {
            if let Some(acked) = first.acked.filter(|_| flow.active_closer == Some(Role::Responder)) {
                self.series.interval(What::FinWait2, acked.time, Some(second.first.time));
            }
            let over = second.acked.map_or(second.first.time, |acked| acked.time);
            if flow.active_closer == Some(Role::Responder) && reset.is_none() {
                self.series.interval(What::TimeWait, over, Some(over + limits.time_wait));
            }
        } else if let Some(acked) = first_fin.and_then(|fin| fin.acked)
            && flow.active_closer == Some(Role::Responder)
        {
            self.series.interval(What::FinWait2, acked.time, reset);
        }
        if let Some(delay) = flow.fin_delay.filter(|_| flow.active_closer == Some(Role::Initiator)) {
            self.fin_delay.add(delay);
        }
        if let Some(pause) = flow.pause {
            let is_close = closed == Some(pause.until.time);
            if let Some(who) = flow.active_closer.filter(|_| is_close) {
                self.idle[who].add(pause.length());
            } else if !is_close && goes_on(flow, pause) {
                self.survived = self.survived.max(Some(pause.length()));
            }
        }
        if let Some((Role::Initiator, asked)) = flow.last_talker.filter(|_| flow.unanswered_octets > 0) {
            self.series.interval(What::Waiting, asked.time, closed);
        } else if let Some(replies) = flow.replies.filter(|it| it.slowest.waited >= TimeDelta::from_secs(1)) {
            let asked = replies.slowest.until + -replies.slowest.waited;
            self.series.interval(What::Waiting, asked, Some(replies.slowest.until));
        }
    }
}

/// Octets that the service had not answered while it was in CLOSE-WAIT.
fn waiting_octets(flow: &Flow) -> u64 {
    let first_fin = flow.first_fin().map(|(_, fin)| fin.first.time);
    match flow.replies {
        Some(replies) if Some(replies.first.time) > first_fin => flow.traffic.initiator.octets,
        _ => flow.unanswered_octets,
    }
}

/// True when both sides took part after the pause, and nobody reset what came.
fn goes_on(flow: &Flow, pause: Pause) -> bool {
    let is_answered = flow.last_talker.is_some_and(|(_, at)| at.time > pause.until.time);
    is_answered && flow.reset().is_none()
}

/// A RST of a live socket, not of a host that knows none.
const fn gives_up(kind: ResetKind) -> bool {
    matches!(kind, ResetKind::Abort | ResetKind::AfterOwnFin)
}
