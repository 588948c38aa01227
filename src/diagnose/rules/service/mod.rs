//! SVC: what many connections of one service or client show together.

mod accept_starvation;
mod close_wait_accumulates;
mod connection_leak;
mod fin_wait_2;
pub(in crate::diagnose) mod local_ports;
mod pool_plateau;
mod ports_run_out;
mod requests_hang;
mod stopped_answering;

pub(in crate::diagnose) use accept_starvation::ACCEPT_STARVATION;
pub(in crate::diagnose) use close_wait_accumulates::CLOSE_WAIT_ACCUMULATES;
pub(in crate::diagnose) use connection_leak::CONNECTION_LEAK;
pub(in crate::diagnose) use fin_wait_2::FIN_WAIT_2;
pub(in crate::diagnose) use pool_plateau::POOL_PLATEAU;
pub(in crate::diagnose) use ports_run_out::PORTS_RUN_OUT;
pub(in crate::diagnose) use requests_hang::REQUESTS_HANG;
pub(in crate::diagnose) use stopped_answering::STOPPED_ANSWERING;

use crate::diagnose::party_filter;
use crate::words::counted;

/// So many connections of a party make a story; fewer are told one by one.
const MANY: u64 = 3;
