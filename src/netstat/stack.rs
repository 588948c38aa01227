//! What hosts' TCP stacks do that no capture shows: when their timers end sockets.

use crate::time::TimeDelta;

/// How long a stack keeps the sockets that no segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// FIN-WAIT-2 of a socket that its program has closed. Default 60 s: `net.ipv4.tcp_fin_timeout` of Linux.
    pub fin_timeout: TimeDelta,
    /// TIME-WAIT. Default 60 s: `TCP_TIMEWAIT_LEN` of Linux, which cannot be set.
    pub time_wait: TimeDelta,
}

impl Default for Stack {
    fn default() -> Self {
        Self { fin_timeout: TimeDelta::from_secs(60), time_wait: TimeDelta::from_secs(60) }
    }
}

/// The longest time between two copies of a segment (`TCP_RTO_MAX` of Linux; RFC 6298 §2.5 allows a limit of 60 s or
/// more).
pub(super) const LONGEST_RTO: TimeDelta = TimeDelta::from_secs(120);
/// The first retransmission time-out (RFC 6298 §2.1), of which the round trip is not known yet.
pub(super) const INITIAL_RTO: TimeDelta = TimeDelta::from_secs(1);
/// The same of older stacks (RFC 1122 §4.2.3.1). Who has not repeated a segment for so long will not.
pub(super) const OLD_INITIAL_RTO: TimeDelta = TimeDelta::from_secs(3);

/// Nanoseconds of a tick of the kernel's clock, at the usual 250 a second.
const TICK: i64 = 4_000_000;
/// Slots of a level of the kernel's timer wheel, less the current one; each level is eight times as coarse.
const SLOTS: i64 = 63;

/// How late a timer of Linux that was set to `span` may go off: timers are kept in a wheel whose slots grow with the
/// time to wait, and only rounded up to a slot (`kernel/time/timer.c`). 0.26 s of 8 s, 2.05 s of 60 s.
pub(super) fn lateness(span: TimeDelta) -> TimeDelta {
    let ticks = span.nanos() / TICK;
    let mut slot = 1;
    while SLOTS.saturating_mul(slot) <= ticks {
        slot *= 8;
    }
    TimeDelta::from_nanos(slot.saturating_mul(TICK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_late_by_a_slot_of_the_wheel() {
        let late = |seconds| lateness(TimeDelta::from_secs(seconds)).nanos() / 1_000_000;
        assert_eq!([0, 1, 8, 40, 60].map(late), [4, 32, 256, 2048, 2048]);
        assert!(lateness(TimeDelta::from_nanos(i64::MAX)) > TimeDelta::ZERO);
    }
}
