//! Flows that a socket may be of, and which of them it is.

use super::Moment;
use super::received::Received;
use super::spans::{Span, spans_of};
use crate::flow::Flow;
use crate::net::{Endpoint, Role};
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// Incarnations that are kept of one four-tuple.
const MOST: usize = 16;

/// A flow with the addresses and ports of a socket.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) flow: u64,
    /// What the socket's end is in it.
    pub(super) role: Role,
    pub(super) received: Received,
    /// When the socket's end was in the socket's state; in any state where the table does not tell it.
    spans: Vec<Span>,
}

/// All of them, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

/// The flow that a socket is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) candidate: &'a Candidate,
    /// When its end came into the socket's state and left it; `None` when it never was in it.
    pub(super) span: Option<Span>,
    /// How far that lies from the table's moment.
    pub(super) distance: TimeDelta,
    /// Others that fit as well.
    pub(super) others: u64,
}

impl Candidates {
    /// True when there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `flow`, an end of which is a socket in `state` at `local`.
    pub(super) fn add(&mut self, flow: &Flow, local: Endpoint, state: Option<State>) {
        let role = if flow.initiator == local { Role::Initiator } else { Role::Responder };
        let mut spans = spans_of(flow, role);
        spans.retain(|span| state.is_none_or(|state| state == span.state));
        // A table may have a hundred thousand sockets, and each has one flow as a rule.
        spans.shrink_to_fit();
        self.0.reserve_exact(1);
        if self.0.len() >= MOST {
            // The oldest that never was in that state, else the oldest.
            let leaves = self.0.iter().position(|known| known.spans.is_empty()).unwrap_or(0);
            self.0.remove(leaves);
        }
        let place = self.0.partition_point(|known| known.flow < flow.id);
        self.0.insert(place, Candidate { flow: flow.id, role, received: Received::of(flow, role), spans });
    }

    /// When one of the flows was in `state` if all that passed the capture point arrived.
    pub(super) fn times(&self, state: State) -> Vec<(Timestamp, Timestamp)> {
        let spans = self.0.iter().flat_map(|candidate| &candidate.spans);
        spans
            .filter(|span| span.presumed && span.state == state)
            .map(|span| (span.from, span.until))
            .collect()
    }

    /// The flow that was in `state` at `moment`, or next to it.
    pub(super) fn choose(&self, state: Option<State>, moment: Option<&Moment>) -> Option<Chosen<'_>> {
        let ranked = self.0.iter().map(|candidate| {
            let span = candidate.nearest(state, moment);
            let rank = span.map_or((3, TimeDelta::ZERO), |(span, distance)| match distance {
                TimeDelta::ZERO => (u8::from(!span.presumed), distance),
                distance => (2, distance),
            });
            (rank, candidate, span)
        });
        let ranked: Vec<_> = ranked.collect();
        // Of equals the last incarnation: the ones before it had to end for it to begin.
        let &(_, candidate, span) = ranked.iter().rev().min_by_key(|(rank, ..)| *rank)?;
        let (span, distance) = span.unzip();
        let others =
            self.0.iter().filter(|other| other.flow != candidate.flow && other.may_be(state, moment));
        let others = others.count() as u64;
        Some(Chosen { candidate, span, distance: distance.unwrap_or_default(), others })
    }
}

impl Candidate {
    /// True when it was in `state` at any time at which the table may have been taken.
    fn may_be(&self, state: Option<State>, moment: Option<&Moment>) -> bool {
        let fits = |span: &Span| moment.is_none_or(|moment| moment.meets(span.from, span.until));
        self.spans.iter().any(|span| state == Some(span.state) && span.presumed && fits(span))
    }

    /// The span in `state` that is next to `moment`, presumed ones first, and how far it is from it.
    fn nearest(&self, state: Option<State>, moment: Option<&Moment>) -> Option<(Span, TimeDelta)> {
        let fitting = self.spans.iter().filter(|span| state == Some(span.state));
        let distance = |span: &Span| {
            moment.map_or(TimeDelta::ZERO, |moment| {
                let (from, until) = moment.likely;
                span.distance(from, until)
            })
        };
        fitting.map(|span| (*span, distance(span))).min_by_key(|(span, distance)| (*distance, !span.presumed))
    }
}
