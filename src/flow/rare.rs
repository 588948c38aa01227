//! What few flows have, apart from what all have: a flow takes less room without it.

use std::net::IpAddr;

use super::facts::{Pause, RecordRef, Reuse};
use super::ghosts::Called;
use super::half::Half;
use super::live::Live;
use super::stalls::Watch;
use crate::net::{Role, Sides};
use crate::tcp::{Segment, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

/// Pauses shorter than this are not told: no keep-alive, NAT or load balancer timer is.
const LONG_PAUSE: TimeDelta = TimeDelta::from_secs(1);

/// Other incarnations and what they met, a long pause, a closed window, an ICMP error.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    pub(super) reuse: Option<Reuse>,
    pub(super) successor: Option<(u64, Timestamp)>,
    pub(super) replaced: Option<Timestamp>,
    pub(super) ghosts: Vec<Called>,
    pub(super) pause: Option<Pause>,
    pub(super) stalls: Sides<Watch>,
    pub(super) icmp_reporter: Option<IpAddr>,
}

impl Live {
    /// The incarnation before, if there was one.
    pub(super) fn reuse(&self) -> Option<Reuse> {
        self.rare.as_ref().and_then(|rare| rare.reuse)
    }

    /// The incarnation after, if there is one.
    pub(super) fn successor(&self) -> Option<(u64, Timestamp)> {
        self.rare.as_ref().and_then(|rare| rare.successor)
    }

    /// When the responder accepted the incarnation after.
    pub(super) fn replaced(&self) -> Option<Timestamp> {
        self.rare.as_ref().and_then(|rare| rare.replaced)
    }

    /// The last long pause.
    pub(super) fn pause(&self) -> Option<Pause> {
        self.rare.as_ref().and_then(|rare| rare.pause)
    }

    /// How long each side kept its window closed.
    pub(super) fn stalls(&self) -> Sides<Watch> {
        self.rare.as_ref().map(|rare| rare.stalls).unwrap_or_default()
    }

    /// Segments of one incarnation in the life of another.
    pub(super) fn ghosts(&self) -> &[Called] {
        self.rare.as_ref().map_or(&[], |rare| &rare.ghosts)
    }

    /// Who sent the last ICMP error about this flow.
    pub(super) fn icmp_reporter(&self) -> Option<IpAddr> {
        self.rare.as_ref().and_then(|rare| rare.icmp_reporter)
    }

    /// True when another incarnation, or an ICMP error, is or was on its four-tuple.
    pub(super) fn has_company(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| {
            rare.successor.is_some() || rare.icmp_reporter.is_some() || !rare.ghosts.is_empty()
        })
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Something was done by `from`: notes the pause before it, if that was long. What was sent before does not end one,
    /// unless `is_new`.
    #[inline]
    pub(super) fn act(&mut self, segment: &Segment, from: Role, is_new: bool) {
        let before = self.active;
        self.active = RecordRef { record: segment.record, time: segment.time };
        if segment.time - before.time >= LONG_PAUSE && is_new {
            self.note_pause(segment, from, before);
        }
    }

    /// A time in which somebody waited for an ACK is no pause.
    #[cold]
    fn note_pause(&mut self, segment: &Segment, from: Role, since: RecordRef) {
        let (half, peer) = (&self.halves[from], &self.halves[!from]);
        let waits = |sent: SeqNumber, by: &Half| by.ack_seen && sent.after(by.acked);
        let own = if segment.flags.rst() { half.next } else { segment.seq };
        if segment.flags.syn() || waits(own, peer) || waits(peer.next, half) {
            return;
        }
        let until = self.active;
        let pause = &mut self.rare_mut().pause;
        let survived = pause.map_or(TimeDelta::ZERO, |before| before.survived.max(before.length()));
        *pause = Some(Pause { from: since, until, by: from, survived });
    }
}
