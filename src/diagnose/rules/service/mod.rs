//! SVC: what many connections of one service or client show together.

mod accept_starvation;
mod close_wait_accumulates;
mod stopped_answering;

pub(in crate::diagnose) use accept_starvation::ACCEPT_STARVATION;
pub(in crate::diagnose) use close_wait_accumulates::CLOSE_WAIT_ACCUMULATES;
pub(in crate::diagnose) use stopped_answering::STOPPED_ANSWERING;

use crate::diagnose::party_filter;
use crate::words::counted;

/// So many connections of a party make a story; fewer are told one by one.
const MANY: u64 = 3;
