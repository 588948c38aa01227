//! TUP: one four-tuple, several connections, and what they do to each other.

mod ghost;
mod reuse_blocked;
mod reuse_half_closed;
mod reuse_time_wait;

use super::lookup;
use crate::flow::Flow;

pub(in crate::diagnose) use ghost::GHOST;
pub(in crate::diagnose) use reuse_blocked::REUSE_BLOCKED;
pub(in crate::diagnose) use reuse_half_closed::REUSE_HALF_CLOSED;
pub(in crate::diagnose) use reuse_time_wait::REUSE_TIME_WAIT;

/// `, in CLOSE-WAIT for 5.46 s (since record 24)`: the socket of the predecessor when the SYN came, if it was.
fn close_wait(flow: &Flow) -> String {
    match flow.reuse.and_then(|reuse| reuse.since) {
        Some(since) => {
            let span = lookup::span(since, lookup::syn(flow));
            format!(", in CLOSE-WAIT for {span} (since record {})", since.record)
        }
        None => String::new(),
    }
}
