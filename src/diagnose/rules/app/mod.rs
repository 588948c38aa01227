//! APP: what one connection shows of the programs behind it: requests and answers, idle times, reading.

mod crossed_fin;
mod gave_up;
mod idle;
mod silence_after_idle;
mod stale_pool;
mod stopped_reading;
mod unanswered;
mod waiting;

pub(in crate::diagnose) use crossed_fin::CROSSED_FIN;
pub(in crate::diagnose) use gave_up::GAVE_UP;
pub(in crate::diagnose) use idle::{IDLE, is_idle};
pub(in crate::diagnose) use silence_after_idle::SILENCE_AFTER_IDLE;
pub(in crate::diagnose) use stale_pool::STALE_POOL;
pub(in crate::diagnose) use stopped_reading::STOPPED_READING;
pub(in crate::diagnose) use unanswered::UNANSWERED;
pub(in crate::diagnose) use waiting::has_waited;

use crate::flow::Flow;

/// True when what the initiator said last, into a closed connection, was more than a farewell (the last alert of TLS).
fn is_request(flow: &Flow) -> bool {
    waiting::says_as_much(flow, 4)
}
