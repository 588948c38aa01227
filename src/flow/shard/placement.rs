//! Which incarnation of a four-tuple a segment belongs to: its numbers tell, not only its addresses.

use super::{EVENTS, Shard, grave_of, in_use};
use crate::flow::duplicates::{Recent, Signature};
use crate::flow::event::Event;
use crate::flow::facts::{Order, RecordRef};
use crate::flow::ghosts::Drew;
use crate::flow::letters::Letter;
use crate::flow::live::{Live, NONE};
use crate::net::Role;
use crate::tcp::Segment;
use crate::time::Timestamp;

/// Incarnations of one four-tuple that may be live at once; the oldest is finished when there are more.
const MAX_CHAIN: usize = 8;

/// Where a segment belongs.
enum Place {
    /// To the incarnation in this slot, by its numbers or for want of a better one.
    Flow { slot: u32, trusted: bool },
    /// To none yet.
    New,
}

impl Shard {
    /// A segment of a four-tuple that has no live flow: late, or the first of a new one.
    #[cold]
    pub(super) fn observe_unknown(&mut self, segment: &Segment, hash: u64) {
        let grave = grave_of(hash, segment.tuple.scope());
        if !segment.flags.syn() && self.graveyard.find(grave).is_some_and(|stone| stone.fits(segment)) {
            self.stats.late += 1;
            return;
        }
        self.begin(segment, hash, None);
    }

    /// A segment of a four-tuple whose newest incarnation, in `newest`, has a predecessor, or did not expect it.
    pub(super) fn observe_in_chain(&mut self, segment: &Segment, signature: Signature, newest: u32) {
        // The first copy may have changed where the next one would be placed: ask before, and ask all.
        let recent = |slot: u32| self.recents.get(slot as usize);
        let has_passed = |slot: &u32| recent(*slot).is_some_and(|recent| recent.is_copy(segment, signature));
        let passed = self.chain(newest).map(|(slot, _)| slot).find(has_passed);
        if let Some(slot) = passed {
            return self.note_copy(slot, segment);
        }
        match self.place(segment, newest) {
            Place::New => self.begin(segment, self.hash_of(&segment.tuple), Some(newest)),
            Place::Flow { slot, trusted } => {
                let drew = self.note_answer(segment, slot, newest);
                let Some((live, recent)) = in_use(&mut self.slots, &mut self.recents, slot) else { return };
                let from = live.role_of(segment.from_low);
                live.observe(segment, from, trusted);
                if drew.is_some() {
                    live.keep_answer(segment, from);
                }
                recent.remember(segment, signature);
                if live.set_deadline(&self.limits, self.moment.clock.watermark()) {
                    self.schedule(slot);
                }
                if trusted && from == Role::Responder && segment.flags.syn() {
                    self.note_accepted(slot, segment.time);
                }
                if slot != newest {
                    self.note_ghost(segment, slot, newest);
                }
            }
        }
    }

    /// Tells the incarnation before the one in `slot` that its responder has a socket for the newer one at `now`.
    fn note_accepted(&mut self, slot: u32, now: Timestamp) {
        let Some((predecessor, low)) = self.live_in(slot).map(|live| (live.predecessor, live.initiator_low))
        else {
            return;
        };
        if let Some(Some(previous)) = self.slots.get_mut(predecessor as usize)
            && previous.initiator_low == low
        {
            previous.rare_mut().replaced.get_or_insert(now);
        }
    }

    /// Tells the incarnation in `newest` that `segment` came, which belongs to that in `slot`, and both what it met.
    fn note_ghost(&mut self, segment: &Segment, slot: u32, newest: u32) {
        let Some((live, successor)) = self.live_in(slot).zip(self.live_in(newest)) else { return };
        let from = live.role_of(segment.from_low);
        let ghost = live.ghost_of(segment, from, successor);
        for (place, is_newest) in [(slot, false), (newest, true)] {
            let Some(Some(live)) = self.slots.get_mut(place as usize) else { continue };
            let from = live.role_of(segment.from_low);
            if is_newest {
                live.observe_ghost(segment, from);
            }
            if let Some(ghost) = ghost {
                live.note_ghost(ghost, from);
            }
        }
    }

    /// If `segment`, which belongs to the incarnation in `slot`, answers the last ghost in the life of that in
    /// `newest`, tells both what that drew.
    fn note_answer(&mut self, segment: &Segment, slot: u32, newest: u32) -> Option<Drew> {
        let live = self.live_in(newest)?;
        let ghost = live.ghosts().last()?.ghost;
        let drew = live.answer_to_ghost(segment, live.role_of(segment.from_low), slot != newest)?;
        let at = RecordRef { record: segment.record, time: segment.time };
        let owner = self.chain(newest).find(|(_, live)| live.first.record == ghost.of).map(|(slot, _)| slot);
        for slot in [Some(newest), owner].into_iter().flatten() {
            if let Some(Some(live)) = self.slots.get_mut(slot as usize) {
                live.note_answer(ghost.at, drew, at);
            }
        }
        Some(drew)
    }

    fn live_in(&self, slot: u32) -> Option<&Live> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// Finds the incarnation that a segment belongs to, by its numbers.
    fn place(&self, segment: &Segment, newest: u32) -> Place {
        let chain = || {
            self.chain(newest)
                .filter(|(_, live)| live.deadline > self.moment.clock.watermark())
                .map(|(slot, live)| (slot, live, live.role_of(segment.from_low)))
        };
        let found = |slot| Place::Flow { slot, trusted: true };
        if let Some((slot, ..)) = chain().find(|(_, live, from)| live.expects(segment, *from)) {
            return found(slot);
        }
        if segment.flags.syn() {
            return match chain().next() {
                Some((slot, live, from)) if live.may_be_opened_by(segment, from) => found(slot),
                // A SYN-ACK answers a SYN; one that answers none that was seen opens nothing on a live flow.
                Some((slot, live, _)) if segment.flags.ack() && !live.is_over() => {
                    Place::Flow { slot, trusted: false }
                }
                _ => Place::New,
            };
        }
        match chain().find(|(_, live, from)| live.fits_roughly(segment, *from)) {
            Some((slot, ..)) => found(slot),
            None => {
                Place::Flow { slot: newest, trusted: chain().all(|(_, live, _)| live.believes_anything()) }
            }
        }
    }

    /// The live incarnations of one four-tuple from the newest back, with their slots.
    fn chain(&self, newest: u32) -> impl Iterator<Item = (u32, &Live)> {
        let mut at = newest;
        std::iter::from_fn(move || {
            let slot = at;
            let live = self.slots.get(slot as usize)?.as_ref()?;
            at = live.predecessor;
            Some((slot, live))
        })
    }

    /// Opens a new incarnation with `segment`, on top of `newest` if that is still live.
    fn begin(&mut self, segment: &Segment, hash: u64, newest: Option<u32>) {
        let opener = opener_of(segment);
        let room = self.room();
        let mut live = Live::new(segment, opener, self.moment.begun, room);
        if opener == Role::Responder {
            live.letters.note(opener, Letter::Flipped);
        }
        self.stats.flows += 1;
        self.moment.begun += 1;
        self.live += 1;
        self.inherit(&mut live, segment, hash, newest);
        if segment.time < self.moment.clock.watermark() {
            live.stage.order = Order::Records;
        }
        let mut recent = Recent::default();
        recent.remember(segment, Signature::of(segment));
        live.observe(segment, opener, true);
        let is_due_one_day = live.set_deadline(&self.limits, self.moment.clock.watermark());
        let slot = self.store(live, recent);
        if !newest.is_some_and(|old| self.index.replace(hash, old, slot)) {
            self.index.insert(hash, slot);
        }
        if is_due_one_day {
            self.schedule(slot);
        }
        self.trim_chain(slot);
    }

    /// Tells `live` which incarnation came before it.
    fn inherit(&mut self, live: &mut Live, segment: &Segment, hash: u64, newest: Option<u32>) {
        let stone = self.graveyard.find(grave_of(hash, segment.tuple.scope())).copied();
        let previous = newest.and_then(|slot| self.slots.get_mut(slot as usize)).and_then(Option::as_mut);
        if let Some(previous) = previous {
            previous.rare_mut().successor = Some((segment.record, segment.time));
            live.predecessor = newest.unwrap_or(NONE);
            if stone.is_none_or(|stone| stone.flow() < previous.first.record) {
                live.incarnation = previous.incarnation.saturating_add(1);
                let mut reuse = previous.reused_at(segment.time, &self.limits);
                if previous.initiator_low != live.initiator_low {
                    reuse.waiting = reuse.waiting.map(|role| !role);
                }
                live.rare_mut().reuse = Some(reuse);
                return;
            }
        }
        if let Some(stone) = stone {
            live.incarnation = stone.incarnation().saturating_add(1);
            live.rare_mut().reuse = Some(stone.reused_at(segment.time, &self.limits));
        }
    }

    /// Memory for the events of one flow: enough for most, so that it need not grow.
    pub(super) fn room(&mut self) -> Vec<Event> {
        self.rooms.pop().unwrap_or_else(|| Vec::with_capacity(EVENTS))
    }

    pub(super) fn store(&mut self, live: Live, recent: Recent) -> u32 {
        self.cool_down();
        if let Some(slot) = self.free.pop() {
            let place = slot as usize;
            if let (Some(slot), Some(last)) = (self.slots.get_mut(place), self.recents.get_mut(place)) {
                (*slot, *last) = (Some(live), recent);
            }
            return slot;
        }
        self.slots.push(Some(live));
        self.recents.push(recent);
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    /// Keeps the number of live incarnations of one four-tuple small.
    fn trim_chain(&mut self, newest: u32) {
        let mut length = 0;
        let mut at = newest;
        while let Some(Some(live)) = self.slots.get(at as usize) {
            length += 1;
            let older = live.predecessor;
            if length < MAX_CHAIN {
                at = older;
                continue;
            }
            if let Some(Some(oldest)) = self.slots.get_mut(older as usize) {
                oldest.deadline = self.moment.clock.watermark();
            }
            return self.retire(older);
        }
    }
}

/// Who opened the connection whose first captured segment this is.
///
/// Without SYN the roles are a guess: the lower of a well-known and a dynamic port, else the lower port, is
/// the service's (RFC 6335 §6).
fn opener_of(segment: &Segment) -> Role {
    if segment.flags.syn() {
        return if segment.flags.ack() { Role::Responder } else { Role::Initiator };
    }
    let (low, high) = segment.tuple.ports();
    let (own, peer) = if segment.from_low { (low, high) } else { (high, low) };
    if own < peer { Role::Responder } else { Role::Initiator }
}

impl Live {
    /// True when `segment` belongs here as far as addresses and scope tell.
    #[inline]
    pub(super) fn is_newest_of(&self, segment: &Segment, now: Timestamp) -> bool {
        self.is_between(segment, false) && self.successor().is_none() && self.deadline > now
    }

    /// True when `segment` belongs to this flow, the only one on its four-tuple.
    pub(super) fn claims(&self, segment: &Segment, from: Role) -> bool {
        !segment.flags.syn() && self.believes_anything() || self.expects(segment, from)
    }

    /// True when `segment` has the numbers of this flow.
    fn expects(&self, segment: &Segment, from: Role) -> bool {
        if segment.flags.syn() { self.knows_syn(segment, from) } else { self.fits_exactly(segment, from) }
    }

    /// True when `segment` is a SYN (or SYN-ACK) of this incarnation: the ISN tells.
    fn knows_syn(&self, segment: &Segment, from: Role) -> bool {
        let half = &self.halves[from];
        // Who reset its own attempt and sends the same SYN again begins anew.
        let same_isn = half.known
            && half.seen
            && !half.rst
            && half.base == segment.seq
            && (self.stage.syn || self.stage.syn_ack);
        // The SYN of a flow whose later segments were captured first.
        let found_late = half.known && !self.stage.syn && half.base == segment.seq.add(1);
        same_isn || found_late || (segment.flags.ack() && self.acknowledges_syn(segment, from))
    }

    /// True when the flow was closed or reset, so that another may follow unseen.
    pub(super) fn is_over(&self) -> bool {
        self.stage.rst || (self.halves.initiator.fin && self.halves.responder.fin)
    }

    /// True when the SYN-ACK `segment` answers this incarnation's SYN.
    fn acknowledges_syn(&self, segment: &Segment, from: Role) -> bool {
        let opened = &self.halves[!from];
        self.stage.syn
            && opened.known
            && opened.seen
            && segment.ack.distance(opened.base) > 0
            && opened.next.at_or_after(segment.ack)
    }

    /// True when numbers far from the known ones are more likely this flow's after a gap in the capture than
    /// some other connection's: it is open, and has no predecessor whose they could be.
    fn believes_anything(&self) -> bool {
        self.predecessor == NONE && (self.stage.handshake_done || !(self.stage.syn || self.stage.syn_ack))
    }

    /// A SYN of the responder while the initiator's is unanswered: a simultaneous open (RFC 9293 §3.5).
    fn may_be_opened_by(&self, segment: &Segment, from: Role) -> bool {
        from == Role::Responder
            && !segment.flags.ack()
            && self.stage.syn
            && !self.stage.syn_ack
            && !self.halves.responder.seen
    }
}
