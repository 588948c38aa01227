//! TUP: one four-tuple, several connections, and what they do to each other.

mod ghost;
mod reuse_blocked;
mod reuse_half_closed;
mod reuse_time_wait;

pub(in crate::diagnose) use ghost::GHOST;
pub(in crate::diagnose) use reuse_blocked::REUSE_BLOCKED;
pub(in crate::diagnose) use reuse_half_closed::REUSE_HALF_CLOSED;
pub(in crate::diagnose) use reuse_time_wait::REUSE_TIME_WAIT;
