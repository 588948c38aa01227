//! The sockets of every host as they must have looked at a moment.
//!
//! ```text
//! Flow ─replay─▶ states by segments ─timers, attempts given up, reuse─▶ Span … Span ─at a moment─▶ Socket
//! ```
//!
//! A capture shows what sockets sent. What ended them without a segment (timers, programs that gave up) is worked out
//! from how stacks do it, [`Stack`]; `docs/netstat.md` tells what no capture can know.

mod certainty;
mod ends;
mod life;
mod moments;
mod one_way;
mod opening;
mod recv_queue;
mod stack;

pub use life::Span;
pub use moments::{Moments, Within};
pub use recv_queue::RecvQueue;
pub use stack::Stack;

use self::stack::{LONGEST_RTO, lateness};
use crate::flow::{Flow, Step, replay};
use crate::net::{Endpoint, Role};
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// One endpoint's socket at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The moment.
    pub at: Timestamp,
    /// Whose socket it is.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Its state.
    pub state: State,
    /// False where the state is presumed: what led to it was not shown to have arrived, or a timer was to have ended it.
    pub is_certain: bool,
    /// Since when it was in this state.
    pub since: Timestamp,
    /// When the timer goes off that ends the state.
    pub timer: Option<Timestamp>,
    /// What it had not read.
    pub recv_queue: RecvQueue,
    /// The flow, by its id.
    pub flow: u64,
}

impl Socket {
    /// What is left of the timer; nothing when it is overdue.
    pub fn left(&self) -> Option<TimeDelta> {
        self.timer.map(|timer| (timer - self.at).max(TimeDelta::ZERO))
    }
}

/// The state as `ss` spells it, e.g. `ESTAB`.
pub const fn word(state: State) -> &'static str {
    match state {
        State::Established => "ESTAB",
        State::SynReceived => "SYN-RECV",
        other => other.as_str(),
    }
}

/// The states of `role`'s socket, in order: those without a socket are left out.
pub fn spans(flow: &Flow, role: Role, stack: &Stack) -> Vec<Span> {
    spans_by(flow, role, &replay(flow), stack)
}

fn spans_by(flow: &Flow, role: Role, steps: &[Step], stack: &Stack) -> Vec<Span> {
    let mut spans = life::states_by_segments(flow, role, steps);
    certainty::settle_certainty(flow, role, &mut spans);
    ends::end_spans(flow, role, stack, &mut spans);
    spans
}

/// Tells `tell` of both endpoints' sockets at each of `moments` at which there was one.
///
/// # Errors
/// What `tell` says.
pub fn for_each_socket<E>(
    flow: &Flow,
    stack: &Stack,
    moments: &Moments,
    mut tell: impl FnMut(&Socket) -> Result<(), E>,
) -> Result<(), E> {
    if moments.within(flow.first.time, latest_end(flow, stack)).next().is_none() {
        return Ok(());
    }
    let steps = replay(flow);
    for role in Role::BOTH {
        for span in spans_by(flow, role, &steps, stack) {
            for at in moments.within(span.since, end_of(flow, &span, moments)) {
                tell(&Socket {
                    at,
                    local: flow.endpoint(role),
                    peer: flow.endpoint(!role),
                    state: span.state,
                    is_certain: span.is_certain(at),
                    since: span.since,
                    timer: span.timer,
                    recv_queue: recv_queue::recv_queue(flow, role, span.state, at),
                    flow: flow.id,
                })?;
            }
        }
    }
    Ok(())
}

/// Until when a span is told. What became of a flow that had to leave the table is not known; all others that nothing
/// ends live until the input's end, which their verdict waited for.
fn end_of(flow: &Flow, span: &Span, moments: &Moments) -> Timestamp {
    let is_bounded = flow.evicted || matches!(moments, Moments::Every { .. });
    let open_end = if is_bounded { flow.decided + TimeDelta::from_nanos(1) } else { Timestamp::MAX };
    span.until.unwrap_or(open_end)
}

/// After this nothing is left of `flow`: what most flows can be passed over by.
fn latest_end(flow: &Flow, stack: &Stack) -> Timestamp {
    let is_over = |state| matches!(state, State::Closed | State::Listen | State::TimeWait);
    if Role::BOTH.into_iter().all(|role| is_over(flow.states[role].presumed)) {
        let timer = stack.time_wait.max(stack.fin_timeout).max(LONGEST_RTO);
        flow.last.time + timer + lateness(timer) + TimeDelta::from_nanos(1)
    } else {
        Timestamp::MAX
    }
}
