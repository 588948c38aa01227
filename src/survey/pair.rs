//! What one host did as the client of one service.

use std::net::IpAddr;

use super::curve::Curve;
use super::ports::Ports;
use super::standing::Standing;
use super::stuck::Waits;
use crate::delays::Delays;
use crate::flow::{Flow, FlowOutcome, Handshake, Limits};
use crate::net::{Endpoint, Role};
use crate::time::{TimeDelta, Timestamp};

/// One client host toward one service.
#[derive(Debug)]
pub struct Pair {
    /// The client host.
    pub client: IpAddr,
    /// The service.
    pub service: Endpoint,
    /// Flows between them.
    pub flows: u64,
    /// Flows whose handshake was complete, or that were open before the capture began.
    pub established: u64,
    /// Connections that neither side had closed when the capture ended.
    pub open: u64,
    /// Of those that are open, how many wait for an answer.
    pub waiting: u64,
    /// How long the open ones had been idle when the capture ended.
    pub idle: Delays,
    /// How they were used.
    pub standing: Standing,
    /// Connections that somebody closed or reset after they had been idle for a second or more.
    pub retired: u64,
    /// When somebody last closed or reset one.
    pub last_end: Option<Timestamp>,
    /// When the last octets came on any connection.
    pub last_octets: Option<Timestamp>,
    /// When the first and the last connection was asked for.
    pub opened: Option<(Timestamp, Timestamp)>,
    /// How many connections were open at once that were for `--fin-delay` or longer.
    pub curve: Curve,
    /// Connections that the client left in CLOSE-WAIT.
    pub stuck: Waits,
    /// Connections whose local port was still held when the capture ended, those in TIME-WAIT left out.
    pub held: u64,
    /// These ports.
    pub ports: Ports,
    /// Some connection ended other than in order.
    is_odd: bool,
}

impl Pair {
    /// Of no flow so far.
    pub fn new(client: IpAddr, service: Endpoint) -> Self {
        Self {
            client,
            service,
            flows: 0,
            established: 0,
            open: 0,
            waiting: 0,
            idle: Delays::default(),
            standing: Standing::default(),
            retired: 0,
            last_end: None,
            last_octets: None,
            opened: None,
            curve: Curve::default(),
            stuck: Waits::default(),
            held: 0,
            ports: Ports::default(),
            is_odd: false,
        }
    }

    /// True where every connection so far was opened and closed in order.
    pub(super) fn is_ordinary(&self) -> bool {
        !self.is_odd && self.open == 0 && self.held == 0 && self.stuck.connections == 0
    }

    /// Adds a finished flow.
    pub fn add(&mut self, flow: &Flow, limits: &Limits) {
        self.flows += 1;
        self.is_odd |= !matches!(flow.outcome, FlowOutcome::CleanClose | FlowOutcome::SimultaneousClose);
        let start = flow.first.time;
        self.opened =
            Some(self.opened.map_or((start, start), |(first, last)| (first.min(start), last.max(start))));
        if is_established(flow) {
            let end = end_of(flow);
            self.established += 1;
            // What is over at once says nothing of what stays open.
            let since = flow.completed().unwrap_or(flow.first).time;
            if end.is_none_or(|end| end - since >= limits.fin_delay) {
                self.curve.add(since, end);
            }
            self.last_end = self.last_end.max(end);
            self.retired += u64::from(end.is_some() && flow.pause.map(|pause| pause.until.time) == end);
        }
        if let Some((_, at)) = flow.last_talker {
            self.last_octets = self.last_octets.max(Some(at.time));
        }
        if is_open(flow.outcome) {
            self.add_open(flow);
        }
        if let Some(wait) = flow.close_wait.filter(|wait| wait.at == Role::Initiator)
            && super::is_stuck(flow, &wait, limits)
        {
            self.stuck.add(flow, &wait);
        }
        let is_held = holds_port(flow);
        self.held += u64::from(is_held);
        self.ports.add(flow, is_held);
    }

    /// All flows came.
    pub(super) fn settle(&mut self) {
        self.standing.settle();
        self.ports.settle();
    }

    fn add_open(&mut self, flow: &Flow) {
        self.open += 1;
        self.waiting += u64::from(flow.unanswered_octets > 0);
        if flow.last_talker.is_some() {
            // Nobody closed: what was done last were octets.
            self.last_octets = self.last_octets.max(Some(flow.active.time));
            self.idle.add((flow.decided - flow.active.time).max(TimeDelta::ZERO));
        }
        self.standing.add(flow);
    }
}

/// Neither side had closed when the capture ended.
const fn is_open(outcome: FlowOutcome) -> bool {
    matches!(
        outcome,
        FlowOutcome::Open | FlowOutcome::OpenUnanswered | FlowOutcome::OpenStalled | FlowOutcome::OpenUnacked
    )
}

fn is_established(flow: &Flow) -> bool {
    !matches!(flow.handshake, Handshake::Syn | Handshake::SynAck)
}

/// When the first FIN or the deciding RST came: it was open until then.
fn end_of(flow: &Flow) -> Option<Timestamp> {
    let fin = flow.first_fin().map(|(_, fin)| fin.first.time);
    let reset = flow.reset().map(|reset| reset.at.time);
    [fin, reset].into_iter().flatten().min()
}

/// True when the client's socket still occupied its port when the capture ended, TIME-WAIT left out.
fn holds_port(flow: &Flow) -> bool {
    is_open(flow.outcome)
        || flow.outcome == FlowOutcome::HalfClosed && flow.active_closer == Some(Role::Responder)
}
