//! What a new incarnation meets on its four-tuple: the one before it, live or already written.

use crate::flow::event::EventKind;
use crate::flow::facts::{Limits, RecordRef, Reuse, ReuseKind};
use crate::flow::live::Live;
use crate::flow::tombstone::Tombstone;
use crate::net::{Role, Sides};
use crate::tcp::{Segment, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

impl Live {
    /// What a SYN meets that takes this flow's four-tuple at `now`.
    pub(super) fn reused_at(&self, now: Timestamp, limits: &Limits) -> Reuse {
        let gap = now - self.last().time;
        let closed = |role| self.halves[role].fin;
        let (kind, waiting) = match (closed(Role::Initiator), closed(Role::Responder)) {
            _ if self.stage.rst || self.may_have_ended_unseen() => (ReuseKind::Clean, None),
            (true, true) if (TimeDelta::ZERO..limits.time_wait).contains(&gap) => {
                (ReuseKind::WithinTimeWait, None)
            }
            (true, true) => (ReuseKind::Clean, None),
            (true, false) => (ReuseKind::HalfClosed, Some(Role::Responder)),
            (false, true) => (ReuseKind::HalfClosed, Some(Role::Initiator)),
            (false, false) => (ReuseKind::Open, None),
        };
        let since = waiting.and_then(|role| self.half_closed_since(role));
        Reuse { predecessor: self.first.record, gap: known(gap), kind, waiting, since }
    }

    /// Since when `role` has the other side's FIN: its ACK of that, or the FIN itself.
    fn half_closed_since(&self, role: Role) -> Option<RecordRef> {
        let of = |kind: EventKind, from: Role| {
            self.events
                .list()
                .iter()
                .find(|event| event.kind == kind && event.from == from)
                .map(|event| event.at)
        };
        of(EventKind::AckOfFin, role).or_else(|| of(EventKind::Fin, !role))
    }

    /// The capture missed one direction, or octets that a side acknowledged: its end may have been among them.
    fn may_have_ended_unseen(&self) -> bool {
        let Sides { initiator, responder } = &self.halves;
        !(initiator.seen && responder.seen) || initiator.has_gap(responder) || responder.has_gap(initiator)
    }
}

impl Tombstone {
    pub(super) fn of(live: &Live, fingerprint: u64) -> Self {
        let role = |low: bool| live.role_of(low);
        let next = [true, false].map(|low| {
            let half = &live.halves[role(low)];
            half.known.then_some(half.next)
        });
        let orderly = live.halves.initiator.fin && live.halves.responder.fin;
        Self::new(fingerprint, (live.first.record, live.incarnation), (live.last().time, next), orderly)
    }

    /// True when `segment` may be a late one of the buried flow.
    pub(super) fn fits(&self, segment: &Segment) -> bool {
        const NEAR: u32 = 1 << 24;
        let [low, high] = self.next();
        let (own, peer) = if segment.from_low { (low, high) } else { (high, low) };
        let near = |number: SeqNumber, known: Option<SeqNumber>| {
            known.is_none_or(|known| number.distance(known).unsigned_abs() < NEAR)
        };
        near(segment.seq, own) && (!segment.flags.ack() || near(segment.ack, peer))
    }

    pub(super) fn reused_at(&self, now: Timestamp, limits: &Limits) -> Reuse {
        let gap = now - self.end;
        let in_time_wait = self.orderly() && (TimeDelta::ZERO..limits.time_wait).contains(&gap);
        let kind = if in_time_wait { ReuseKind::WithinTimeWait } else { ReuseKind::Clean };
        Reuse { predecessor: self.flow(), gap: known(gap), kind, waiting: None, since: None }
    }
}

/// A span that a clock set back did not make negative.
fn known(span: TimeDelta) -> Option<TimeDelta> {
    (span >= TimeDelta::ZERO).then_some(span)
}
