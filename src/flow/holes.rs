//! Sequence numbers of one direction that the capture does not hold, or not yet.
//!
//! Most flows have none, so all there is of them is one pointer.

use crate::tcp::SeqNumber;

/// Ranges told apart; one more is merged with the last, octets between them included.
const MOST: usize = 8;
/// No sender is further ahead of an octet that was not acknowledged: the largest window (RFC 7323 §2.3).
const LARGEST_WINDOW: i32 = 1 << 30;

/// The missing ranges of one direction, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes(Option<Box<Ranges>>);

#[derive(Clone, Copy, Debug, Default)]
struct Ranges {
    list: [(SeqNumber, SeqNumber); MOST],
    length: usize,
    /// Numbers of ranges that lie too far back to be told from those to come.
    passed: u64,
    /// Octets that the direction had carried when the last range was opened.
    carried: u64,
}

impl Holes {
    /// `from..to` was skipped, at the front of all that is known. `carried` counts the direction's octets.
    #[cold]
    pub(super) fn open(&mut self, from: SeqNumber, to: SeqNumber, carried: u64) {
        let ranges = self.0.get_or_insert_default();
        ranges.settle(to, carried);
        ranges.carried = carried;
        match ranges.list.get_mut(..=ranges.length) {
            Some([.., last]) => {
                *last = (from, to);
                ranges.length += 1;
            }
            // A range that grew over what was captured is never filled; too large is on the safe side.
            _ => ranges.list.last_mut().into_iter().for_each(|last| last.1 = to),
        }
    }

    /// Takes `from..to` out; false when nothing of it was missing.
    pub(super) fn fill(&mut self, from: SeqNumber, to: SeqNumber) -> bool {
        let Some(ranges) = &mut self.0 else { return false };
        let filled = ranges.fill(from, to);
        if ranges.length == 0 && ranges.passed == 0 {
            self.0 = None;
        }
        filled
    }

    /// True when numbers are missing.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.0.is_some()
    }

    /// How many numbers are missing that the peer's `acked` covers, after the direction carried `carried` octets.
    pub(super) fn acknowledged(&self, acked: SeqNumber, carried: u64) -> u64 {
        self.0.as_ref().map_or(0, |ranges| ranges.acknowledged(acked, carried))
    }

    /// How many numbers are missing.
    pub(super) fn all(&self) -> u64 {
        self.0.as_ref().map_or(0, |ranges| {
            ranges.passed + ranges.iter().map(|&(start, end)| span(start, end)).sum::<u64>()
        })
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

impl Ranges {
    fn iter(&self) -> impl Iterator<Item = &(SeqNumber, SeqNumber)> {
        self.list.iter().take(self.length)
    }

    /// Counts ranges that lie further back than a window from `front`.
    fn settle(&mut self, front: SeqNumber, carried: u64) {
        let before = *self;
        self.length = 0;
        for &(start, end) in before.iter() {
            if before.are_passed(carried) || front.distance(end) > LARGEST_WINDOW {
                self.passed += span(start, end);
            } else {
                self.push((start, end));
            }
        }
    }

    fn fill(&mut self, from: SeqNumber, to: SeqNumber) -> bool {
        let before = *self;
        self.length = 0;
        let mut filled = false;
        for (&(start, end), room) in before.iter().zip((0..before.length).rev()) {
            if !to.after(start) || !end.after(from) {
                self.push((start, end));
                continue;
            }
            filled = true;
            let (left, right) = (from.after(start), end.after(to));
            // Without a place for both parts the range stays as it was.
            if left && right && self.length + room + 2 > MOST {
                self.push((start, end));
                continue;
            }
            if left {
                self.push((start, from));
            }
            if right {
                self.push((to, end));
            }
        }
        filled
    }

    /// The direction has carried more than a window since: the peer must have acknowledged them all.
    fn are_passed(&self, carried: u64) -> bool {
        carried.saturating_sub(self.carried) > LARGEST_WINDOW.unsigned_abs().into()
    }

    fn push(&mut self, range: (SeqNumber, SeqNumber)) {
        if let Some(place) = self.list.get_mut(self.length) {
            *place = range;
            self.length += 1;
        }
    }

    fn acknowledged(&self, acked: SeqNumber, carried: u64) -> u64 {
        let is_passed = self.are_passed(carried);
        let covered = self.iter().map(|&(start, end)| match acked.after(start) {
            _ if is_passed => span(start, end),
            true => span(start, if acked.after(end) { end } else { acked }),
            false => 0,
        });
        self.passed + covered.sum::<u64>()
    }
}

/// Numbers from `start` up to `end`, which is not before it.
fn span(start: SeqNumber, end: SeqNumber) -> u64 {
    u64::from(end.distance(start).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(ranges: &[(u32, u32)]) -> Holes {
        let mut holes = Holes::default();
        for &(from, to) in ranges {
            holes.open(SeqNumber(from), SeqNumber(to), 0);
        }
        holes
    }

    fn fill(holes: &mut Holes, from: u32, to: u32) -> bool {
        holes.fill(SeqNumber(from), SeqNumber(to))
    }

    #[test]
    fn losses_that_were_all_repaired_leave_nothing() {
        let mut holes = holes(&[(10, 20), (30, 40), (50, 60)]);
        assert!(fill(&mut holes, 10, 20) && fill(&mut holes, 30, 40));
        assert_eq!(holes.all(), 10);
        assert!(fill(&mut holes, 45, 60));
        assert!(holes.0.is_none());
    }

    #[test]
    fn what_was_captured_between_two_losses_fills_neither() {
        let mut holes = holes(&[(10, 20), (30, 40)]);
        assert!(!fill(&mut holes, 20, 30));
        assert_eq!(holes.all(), 20);
    }

    #[test]
    fn a_segment_inside_a_range_splits_it() {
        let mut holes = holes(&[(10, 40)]);
        assert!(fill(&mut holes, 20, 30));
        assert_eq!(holes.all(), 20);
        assert!(fill(&mut holes, 0, 35));
        assert_eq!(holes.all(), 5);
    }

    #[test]
    fn only_what_was_acknowledged_was_missed() {
        let holes = holes(&[(10, 20), (30, 40)]);
        assert_eq!(holes.acknowledged(SeqNumber(10), 0), 0);
        assert_eq!(holes.acknowledged(SeqNumber(15), 0), 5);
        assert_eq!(holes.acknowledged(SeqNumber(99), 0), 20);
    }

    #[test]
    fn more_ranges_than_are_kept_are_never_fewer_numbers() {
        let many: Vec<_> = (0..20).map(|place| (place * 20, place * 20 + 10)).collect();
        let mut holes = holes(&many);
        assert!(holes.all() >= 200);
        assert!(fill(&mut holes, 3, 6), "split without room");
        assert!(holes.all() >= 190);
    }

    #[test]
    fn numbers_may_wrap() {
        let mut holes = holes(&[(u32::MAX - 4, 5)]);
        assert_eq!(holes.acknowledged(SeqNumber(100), 0), 10);
        assert!(fill(&mut holes, u32::MAX - 4, 0));
        assert_eq!(holes.all(), 5);
    }

    #[test]
    fn a_hole_of_gigabytes_ago_is_not_forgotten() {
        let mut lone = holes(&[(10, 20)]);
        assert_eq!(lone.acknowledged(SeqNumber(20_u32.wrapping_add(3 << 30)), 3 << 30), 10);
        lone.open(SeqNumber(3 << 30), SeqNumber((3 << 30) + 5), 3 << 30);
        assert_eq!(lone.acknowledged(SeqNumber((3 << 30) + 5), 3 << 30), 15);
    }
}
