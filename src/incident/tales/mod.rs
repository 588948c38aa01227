//! One story per kind: its title, cause, consequences, who must act, and what would confirm it.

mod accept_starvation;
mod forgot_to_close;
mod idle;
mod leak;
mod opening;
mod pool;
pub(super) mod process_died;
mod races;
mod resets;
mod reuse;
mod stopped_answering;

use super::kind::Kind;
use super::tale::{Story, Tale};

/// The story of `kind`.
pub(super) fn tell(kind: Kind, tale: &Tale<'_>) -> Story {
    match kind {
        Kind::AcceptStarvation => accept_starvation::tell(tale),
        Kind::ProcessDied => process_died::tell(tale),
        Kind::StateLost => resets::state_lost(tale),
        Kind::PortsExhausted => leak::ports_exhausted(tale),
        Kind::PoolSaturated => pool::tell(tale),
        Kind::AcceptQueueOverflow => opening::accept_queue_overflow(tale),
        Kind::StoppedAnswering => stopped_answering::tell(tale),
        Kind::ConnectionLeak => leak::tell(tale),
        Kind::KeepAliveRace => races::keep_alive(tale),
        Kind::StalePool => races::stale_pool(tale),
        Kind::ReuseBlocked => reuse::tell(tale),
        Kind::IdleReset => idle::reset(tale),
        Kind::IdleSilence => idle::silence(tale),
        Kind::ForgedReset => resets::forged(tale),
        Kind::ForgotToClose => forgot_to_close::tell(tale),
        Kind::StalePorts => forgot_to_close::stale_ports(tale),
        Kind::StoppedReading => resets::stopped_reading(tale),
        Kind::CloseUnheard => opening::close_unheard(tale),
        Kind::Unreachable => opening::unreachable(tale),
    }
}
