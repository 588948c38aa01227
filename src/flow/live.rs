//! One live incarnation: the sums and marks that change with every segment.

use super::event::{Event, EventKind};
use super::facts::{Limits, Order, RecordRef, Replies, Wait};
use super::half::{Half, PROBE, is_probe};
use super::kept::{Kept, MAX_EVENTS, RESERVED};
use super::letters::{Letter, Letters};
use super::rare::Rare;
use crate::net::{FourTuple, Role, Sides};
use crate::tcp::{Flags, Segment, SeqNumber};
use crate::time::{TimeDelta, Timestamp};

/// How far ahead of what was seen a number may lie and still belong to the flow: octets that the capture
/// missed, or a window's worth on the way.
const SLACK: i32 = 1 << 20;
/// Windows smaller than this are taken for this: the last one seen may be old.
const SMALLEST_WINDOW: i32 = 1 << 16;
/// How far back a number may lie: half the sequence space less the slack.
const FAR_BACK: i32 = 1 << 30;

/// The octets last sent in one direction without a pause from the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burst {
    pub(super) start: RecordRef,
    pub(super) octets: u64,
    pub(super) talker: Option<Role>,
    /// Who spoke first: a burst of the other side completes an exchange.
    pub(super) requester: Option<Role>,
}

/// Stages of a flow's life that change how segments are handled.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks, one byte each")]
pub(super) struct Stage {
    pub(super) syn: bool,
    pub(super) syn_ack: bool,
    pub(super) handshake_done: bool,
    pub(super) simultaneous_open: bool,
    pub(super) fast_open: bool,
    pub(super) mptcp_join: bool,
    pub(super) rst: bool,
    pub(super) rst_outside: bool,
    pub(super) icmp: bool,
    /// What tells which of its records came first.
    pub(super) order: Order,
    /// It had to leave the table before its time.
    pub(super) evicted: bool,
    /// Only while every further segment can be handled by sums alone.
    pub(super) plain: bool,
}

/// One incarnation of a four-tuple while segments may still come.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) tuple: FourTuple,
    /// True when the initiator is the tuple's low endpoint.
    pub(super) initiator_low: bool,
    pub(super) stage: Stage,
    pub(super) halves: Sides<Half>,
    pub(super) first: RecordRef,
    pub(super) stream: u64,
    pub(super) burst: Burst,
    /// Of which the responder's octets are; nothing while it sent none.
    pub(super) replies: Replies,
    pub(super) exchanges: u32,
    pub(super) syn_retries: u16,
    pub(super) incarnation: u32,
    pub(super) letters: Letters,
    pub(super) events: Kept,
    /// Slot of the predecessor while that is live too, else [`NONE`].
    pub(super) predecessor: u32,
    /// The last segment that was more than an acknowledgement or a probe.
    pub(super) active: RecordRef,
    /// The initiator's last octets, while they are not answered: where it closed first, for good.
    pub(super) asked: RecordRef,
    /// What few flows have.
    pub(super) rare: Option<Box<Rare>>,
    /// When the flow is finished unless something comes; [`Timestamp::MAX`] for never.
    pub(super) deadline: Timestamp,
    /// The second of capture time for which the expiry queue holds the flow; [`NEVER`] when it does not.
    pub(super) queued_for: i64,
}

/// Nanoseconds.
pub(super) const MICROSECOND: i64 = 1_000;
/// Deadline of a flow that is out of the index and waits for its row.
pub(super) const RETIRED: Timestamp = Timestamp::MIN;
/// No second of capture time.
pub(super) const NEVER: i64 = i64::MAX;
/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// The directions that were captured of a flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    /// Both of them.
    pub(super) both: bool,
    /// One, although the other shows in it.
    pub(super) one: bool,
}

/// What a segment added.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Novelty {
    /// Sequence numbers beyond all before.
    pub(super) advances: bool,
    /// New octets.
    pub(super) new_octets: bool,
    /// A keep-alive or window probe.
    pub(super) probe: bool,
}

impl Live {
    /// A flow that begins with `segment`, sent by `opener`; its events will lie in `room`.
    pub(super) fn new(segment: &Segment, opener: Role, stream: u64, room: Vec<Event>) -> Self {
        let at = RecordRef { record: segment.record, time: segment.time };
        let mut live = Self::blank(segment.tuple, room);
        live.initiator_low = segment.from_low == (opener == Role::Initiator);
        live.first = at;
        live.stream = stream;
        live.active = at;
        live
    }

    /// A flow of which nothing is known but its addresses.
    #[inline]
    pub(super) fn blank(tuple: FourTuple, room: Vec<Event>) -> Self {
        Self {
            tuple,
            initiator_low: false,
            stage: Stage::default(),
            halves: Sides::default(),
            first: RecordRef::default(),
            stream: 0,
            burst: Burst::default(),
            replies: Replies::default(),
            exchanges: 0,
            syn_retries: 0,
            incarnation: 1,
            letters: Letters::default(),
            events: Kept::within(room),
            predecessor: NONE,
            active: RecordRef::default(),
            asked: RecordRef::default(),
            rare: None,
            deadline: Timestamp::MAX,
            queued_for: NEVER,
        }
    }

    /// Its last segment.
    pub(super) fn last(&self) -> RecordRef {
        let (initiator, responder) = (self.halves.initiator.last.at, self.halves.responder.last.at);
        let record = initiator.record.max(responder.record).max(self.first.record);
        RecordRef { record, time: self.first.time.max(initiator.time).max(responder.time) }
    }

    /// The directions that were captured of it.
    pub(super) fn ways(&self) -> Ways {
        Ways {
            both: Role::BOTH.into_iter().all(|role| self.halves[role].packets > 0),
            one: Role::BOTH.into_iter().any(|role| self.is_unseen(role)),
        }
    }

    /// True when nothing of `role` was captured although its peer's segments show that it sent something meanwhile: the
    /// peer acknowledges more than it did at first, or its part of the handshake is over.
    pub(super) fn is_unseen(&self, role: Role) -> bool {
        let (half, peer) = (&self.halves[role], &self.halves[!role]);
        let opened = match role {
            Role::Responder => self.stage.syn && peer.ack_seen,
            Role::Initiator => self.stage.syn_ack && peer.octets > 0,
        };
        half.packets == 0 && (opened || half.known && half.next.after(half.base))
    }

    /// The role of a segment's sender.
    #[inline]
    pub(super) fn role_of(&self, from_low: bool) -> Role {
        if from_low == self.initiator_low { Role::Initiator } else { Role::Responder }
    }

    /// True when `segment` was sent between this flow's endpoints, in the scope of its sender; where that is not
    /// known yet, in the scope of the other one, or in any if `in_any_scope`.
    #[inline]
    pub(super) fn is_between(&self, segment: &Segment, in_any_scope: bool) -> bool {
        if !self.tuple.same_endpoints(&segment.tuple) {
            return false;
        }
        let from = self.role_of(segment.from_low);
        let scope = segment.tuple.scope();
        if self.halves[from].seen {
            self.halves[from].scope == scope
        } else {
            in_any_scope || self.halves[!from].scope == scope
        }
    }

    /// True when both numbers of `segment` lie within what both sides have sent so far.
    pub(super) fn fits_exactly(&self, segment: &Segment, from: Role) -> bool {
        self.fits(segment, from, 0)
    }

    /// True when both numbers of `segment` lie near what both sides have sent so far.
    pub(super) fn fits_roughly(&self, segment: &Segment, from: Role) -> bool {
        self.fits(segment, from, SLACK)
    }

    fn fits(&self, segment: &Segment, from: Role, slack: i32) -> bool {
        let half = &self.halves[from];
        let peer = &self.halves[!from];
        let within = |number: SeqNumber, half: &Half, back: i32, starts_with_isn: bool| {
            let behind = half.next.distance(half.base);
            // Without its SYN, a half may have sent any number of octets before the first that was captured.
            let behind = if behind < 0 || !starts_with_isn { FAR_BACK } else { behind };
            let distance = number.distance(half.next);
            distance <= slack && distance >= -behind - back
        };
        let starts_with_isn = |role: Role| match role {
            Role::Initiator => self.stage.syn,
            Role::Responder => self.stage.syn_ack || self.stage.simultaneous_open,
        };
        (!half.known || within(segment.seq, half, 1, starts_with_isn(from)))
            && (!segment.flags.ack() || !peer.known || within(segment.ack, peer, 0, starts_with_isn(!from)))
    }

    /// True when `segment` sends or acknowledges what was not before: no copy of a packet does.
    #[inline]
    pub(super) fn adds(&self, segment: &Segment, from: Role) -> bool {
        let half = &self.halves[from];
        !half.seen
            || segment.end().after(half.next)
            || (segment.flags.ack() && (!half.ack_seen || segment.ack.after(half.acked)))
    }

    /// The record that `segment` repeats, where that was the last of its sender.
    pub(super) fn original_of(&self, segment: &Segment) -> Option<RecordRef> {
        let last = &self.halves[self.role_of(segment.from_low)].last;
        (last.at.record != 0 && last.seq == segment.seq && last.flags == segment.flags).then_some(last.at)
    }

    /// True when `segment`, a RST, lies outside what its receiver may accept (RFC 5961 §3.2): further ahead than
    /// any window, or further back than a window. A RST with an ACK of a SYN answers that (RFC 9293 §3.10.7.3).
    pub(super) fn is_outside_window(&self, segment: &Segment, from: Role) -> bool {
        let receiver = &self.halves[!from];
        if !receiver.ack_seen {
            return false;
        }
        let window = (i32::from(receiver.window) << receiver.window_scale.min(14)).max(SMALLEST_WINDOW);
        let distance = segment.seq.distance(receiver.acked);
        distance > window || distance < -window
    }

    /// Takes a segment of an open connection that comes next in order and adds data or acknowledges some: nearly
    /// all of most captures. False when `segment` is any other; then nothing was changed.
    ///
    /// Does what [`Live::account`] does for such a segment, in a third of the steps.
    #[inline]
    pub(super) fn carry(&mut self, segment: &Segment, from: Role) -> bool {
        let (half, peer) = self.halves.of_both(from);
        let newly_acked = segment.ack.distance(half.acked);
        let in_order = half.seen
            && half.ack_seen
            && segment.seq == half.next
            && segment.flags.0 & !Flags::PSH.0 == Flags::ACK.0
            && newly_acked >= 0
            && peer.next.at_or_after(segment.ack)
            && (newly_acked > 0 || segment.octets > 0)
            && segment.window != 0
            && !half.window_closed
            && (!peer.is_holed() || self.letters.has(!from, Letter::G));
        if !in_order {
            return false;
        }
        half.next = segment.end();
        half.acked = segment.ack;
        half.window = segment.window;
        half.packets += 1;
        half.octets += u64::from(segment.octets);
        half.ttl = (half.ttl.0.min(segment.ttl), half.ttl.1.max(segment.ttl));
        half.follow(segment, 0);
        if segment.octets > 0 {
            self.letters.note(from, Letter::D);
            self.talk(segment, from);
            self.act(segment, from, true);
        } else {
            self.letters.note(from, Letter::A);
        }
        true
    }

    /// Takes `segment` into the sums. `trusted` is false for numbers that fit nothing: they move nothing.
    pub(super) fn account(&mut self, segment: &Segment, from: Role, trusted: bool) -> Novelty {
        self.note_plain(segment, from);
        self.note_window(segment, from);
        let novelty =
            if segment.flags.rst() || !trusted { Novelty::default() } else { self.advance(segment, from) };
        let half = &mut self.halves[from];
        half.packets += 1;
        half.octets += u64::from(segment.octets);
        half.probes = half.probes.saturating_add(u16::from(novelty.probe));
        if !segment.flags.rst() {
            half.ttl = if half.seen {
                (half.ttl.0.min(segment.ttl), half.ttl.1.max(segment.ttl))
            } else {
                (segment.ttl, segment.ttl)
            };
            if !half.seen {
                half.seen = true;
                half.scope = segment.tuple.scope();
            }
        }
        if segment.flags.rst() {
            half.end_with(segment);
        } else {
            half.follow(segment, if novelty.probe { PROBE } else { 0 });
        }
        if novelty.new_octets {
            self.talk(segment, from);
        }
        if segment.sequence_length() > 0 && !novelty.probe || segment.flags.rst() {
            self.act(segment, from, novelty.advances || segment.flags.rst());
        }
        novelty
    }

    /// Moves the numbers of both sides.
    #[inline]
    fn advance(&mut self, segment: &Segment, from: Role) -> Novelty {
        let mut novelty = Novelty::default();
        let (half, peer) = self.halves.of_both(from);
        if !half.known {
            half.known = true;
            half.base = segment.seq;
            half.next = segment.seq;
        }
        let end = segment.end();
        let ahead = end.distance(half.next);
        let lead = segment.seq.distance(half.next);
        if lead > 0 {
            // Octets before this segment were not captured, or not yet.
            half.skip_to(segment.seq);
        }
        if ahead > 0 {
            if lead < 0 && segment.sequence_length() > 0 {
                half.retransmissions += u32::from(!half.holes.fill(segment.seq, half.next));
            }
            half.next = end;
            novelty.advances = true;
            novelty.new_octets = segment.octets > 0;
        } else if !segment.flags.is_control() && is_probe(segment, half, peer) {
            novelty.probe = true;
        } else if segment.sequence_length() > 0 {
            if half.holes.fill(segment.seq, end) {
                novelty.new_octets = segment.octets > 0;
            } else {
                half.retransmissions += 1;
            }
        }
        if ahead <= 0 && segment.octets > 0 && half.seen {
            half.repeated_payloads = half.repeated_payloads.saturating_add(1);
            self.letters.note_scaled(from, Letter::T, half.repeated_payloads);
        }
        if segment.flags.ack() {
            self.acknowledge(segment, from);
        }
        novelty
    }

    /// Takes the ACK number of a segment sent by `from`.
    #[inline]
    fn acknowledge(&mut self, segment: &Segment, from: Role) {
        let (half, peer) = self.halves.of_both(from);
        if !half.ack_seen || segment.ack.after(half.acked) {
            half.acked = segment.ack;
            half.ack_seen = true;
        }
        if !peer.known {
            peer.known = true;
            peer.base = segment.ack;
            peer.next = segment.ack;
        } else if segment.ack.after(peer.next) {
            // It acknowledges octets that the capture does not hold (yet).
            peer.skip_to(segment.ack);
            peer.next = segment.ack;
        }
        if peer.fin && !peer.fin_acked && segment.ack.at_or_after(peer.fin_end) {
            peer.fin_acked = true;
        }
        self.note_gap(segment, from);
    }

    /// New octets of `from`: who talks, and whether that answers something.
    #[inline]
    pub(super) fn talk(&mut self, segment: &Segment, from: Role) {
        let at = RecordRef { record: segment.record, time: segment.time };
        if from == Role::Initiator {
            self.asked = at;
        }
        if self.burst.talker == Some(from) {
            self.burst.octets += u64::from(segment.octets);
            return;
        }
        let requester = *self.burst.requester.get_or_insert(from);
        if from != requester {
            self.exchanges += 1;
        }
        if from == Role::Responder {
            self.reply(segment);
            let Half { fin, rst, .. } = self.halves.initiator;
            if !(fin || rst) {
                self.asked = RecordRef::default();
            }
        }
        self.burst.talker = Some(from);
        self.burst.start = at;
        self.burst.octets = u64::from(segment.octets);
    }

    /// The responder begins a reply.
    fn reply(&mut self, segment: &Segment) {
        let at = RecordRef { record: segment.record, time: segment.time };
        // A FIN behind the request asks nothing more.
        let asked = if self.halves.initiator.fin && self.burst.talker.is_some() {
            self.burst.start.time
        } else {
            self.active.time
        };
        let waited = TimeDelta::from_nanos((at.time - asked).nanos().max(0) / MICROSECOND * MICROSECOND);
        let Replies { first, last, before, slowest } = &mut self.replies;
        let is_first = first.record == 0;
        if is_first {
            *first = at;
        } else if last.time != at.time {
            *before = Some(last.time);
        }
        *last = at;
        if is_first || waited > slowest.waited {
            *slowest = Wait { waited, until: at.time };
        }
    }

    /// True when what there is to know of replies follows from the last octets.
    pub(super) fn has_few_replies(&self) -> bool {
        let first = self.replies.first;
        match self.burst.talker {
            Some(Role::Responder) => first == self.burst.start,
            _ => first.record == 0,
        }
    }

    /// Keeps `event`. Light ones leave room for those that decide.
    pub(super) fn keep(&mut self, event: Event) {
        let light = !event.flags.is_control() && event.kind != EventKind::AckOfFin;
        if light && self.events.len() >= MAX_EVENTS - RESERVED {
            return;
        }
        let repeated =
            matches!(event.kind, EventKind::FinAgain | EventKind::SynAgain | EventKind::SynAckAgain);
        if repeated && self.events.len() >= MAX_EVENTS - RESERVED / 2 {
            return;
        }
        let last = &mut self.halves[event.from].last;
        if last.at == event.at {
            last.keep();
        }
        self.events.push(event);
    }

    /// True when the flow closed in order and nothing else is under way on its four-tuple.
    pub(super) fn may_rest(&self) -> bool {
        let closed = |role| self.halves[role].fin && self.halves[role].fin_acked;
        Role::BOTH.into_iter().all(closed) && self.predecessor == NONE && self.successor().is_none()
    }

    /// Sets the deadline anew at `now`; false when the flow has none.
    #[inline]
    pub(super) fn set_deadline(&mut self, limits: &Limits, now: Timestamp) -> bool {
        // A clock that was set back must not make the flow due at once.
        let since = |live: &Self| live.last().time.max(now);
        self.deadline = self.quiet_time(limits).map_or(Timestamp::MAX, |quiet| since(self) + quiet);
        self.deadline != Timestamp::MAX
    }

    /// After how long a silence the flow is finished; `None` while it is not.
    ///
    /// An orderly close waits for late segments; so does a reset, whose receiver may not have got it. A SYN
    /// without any answer, or a last ACK that is missing, waits longer than stacks retry (about two minutes
    /// for a SYN on Linux). Everything else lives until the input ends.
    pub(super) fn quiet_time(&self, limits: &Limits) -> Option<TimeDelta> {
        let Sides { initiator, responder } = &self.halves;
        Some(match (initiator.fin, responder.fin) {
            (true, true) if initiator.fin_acked && responder.fin_acked => limits.linger,
            _ if self.stage.rst => limits.linger,
            (true, true) => UNANSWERED_LINGER,
            (false, false) if self.stage.syn && !self.stage.syn_ack && !responder.seen => UNANSWERED_LINGER,
            _ => return None,
        })
    }

    /// The scope in which the flow was opened.
    pub(super) fn scope(&self) -> u32 {
        let Sides { initiator, responder } = &self.halves;
        if initiator.seen { initiator.scope } else { responder.scope }
    }
}

/// A SYN or last FIN without an answer is kept this long after its last copy.
const UNANSWERED_LINGER: TimeDelta = TimeDelta::from_secs(300);
