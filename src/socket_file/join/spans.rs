//! In which state one end of a flow was, from when to when.

use crate::flow::{EndpointState, Flow, replay};
use crate::net::Role;
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// How long a socket may stay in TIME-WAIT: 60 s on Linux (`TCP_TIMEWAIT_LEN`), and the coarseness of its timer.
const LONGEST_TIME_WAIT: TimeDelta = TimeDelta::from_secs(62);

/// A time during which an end was in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) state: State,
    /// [`Timestamp::MIN`] where it began before the capture.
    pub(super) from: Timestamp,
    /// [`Timestamp::MAX`] where nothing in the capture ended it.
    pub(super) until: Timestamp,
    /// It was so if all that passed the capture point arrived. Else it was so only if some of that did not.
    pub(super) presumed: bool,
}

impl Span {
    pub(super) fn length(&self) -> TimeDelta {
        self.until - self.from
    }

    /// How far from `from..=until` it lies; nothing where they meet.
    pub(super) fn distance(&self, from: Timestamp, until: Timestamp) -> TimeDelta {
        if self.until < from {
            from - self.until
        } else if self.from > until {
            self.from - until
        } else {
            TimeDelta::ZERO
        }
    }
}

/// The states of the end that plays `role`; where there was no connection, there is none.
pub(super) fn spans_of(flow: &Flow, role: Role) -> Vec<Span> {
    let steps = replay(flow);
    let mut spans = Vec::new();
    for presumed in [true, false] {
        let view = |state: EndpointState| if presumed { state.presumed } else { state.proven };
        let before = steps.first().map_or(flow.states[role], |step| step.before[role]);
        let (mut state, mut from) = (view(before), Timestamp::MIN);
        for step in &steps {
            let next = view(step.after[role]);
            let Some(event) = flow.events.get(step.event).filter(|_| next != state) else { continue };
            push(&mut spans, Span { state, from, until: event.time(), presumed });
            (state, from) = (next, event.time());
        }
        push(&mut spans, Span { state, from, until: Timestamp::MAX, presumed });
    }
    spans
}

fn push(spans: &mut Vec<Span>, mut span: Span) {
    if matches!(span.state, State::Closed | State::Listen) {
        return;
    }
    if span.state == State::TimeWait {
        span.until = span.until.min(span.from + LONGEST_TIME_WAIT);
    }
    let is_known =
        |known: &Span| (known.state, known.from, known.until) == (span.state, span.from, span.until);
    if span.from <= span.until && !spans.iter().any(is_known) {
        spans.push(span);
    }
}
