//! FIN: orderly closes that came late, only half, or were not heard.

mod delayed_fin;
mod deliberate_half_close;
mod fin_unacked;
mod half_closed;
mod last_ack_missing;
mod simultaneous_close;

pub(in crate::diagnose) use delayed_fin::DELAYED_FIN;
pub(in crate::diagnose) use deliberate_half_close::DELIBERATE_HALF_CLOSE;
pub(in crate::diagnose) use fin_unacked::FIN_UNACKED;
pub(in crate::diagnose) use half_closed::HALF_CLOSED;
pub(in crate::diagnose) use last_ack_missing::LAST_ACK_MISSING;
pub(in crate::diagnose) use simultaneous_close::SIMULTANEOUS_CLOSE;
