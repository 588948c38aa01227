//! SYN: connections that did not open, or opened late.

mod accept_queue_overflow;
mod incomplete;
mod refused;
mod refused_by_icmp;
mod slow_connect;
mod unanswered;

pub(in crate::diagnose) use accept_queue_overflow::ACCEPT_QUEUE_OVERFLOW;
pub(in crate::diagnose) use incomplete::INCOMPLETE;
pub(in crate::diagnose) use refused::REFUSED;
pub(in crate::diagnose) use refused_by_icmp::REFUSED_BY_ICMP;
pub(in crate::diagnose) use slow_connect::SLOW_CONNECT;
pub(in crate::diagnose) use unanswered::UNANSWERED;
