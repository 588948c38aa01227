//! Which octets of a datagram were seen.

/// Spans apart from each other that are kept. A sender cuts a datagram of 64 KiB for a link of 1280 octets
/// into 52 fragments: even when every other one came first, fewer spans would stand apart.
const MOST: usize = 64;

/// Octets seen, as spans that neither overlap nor touch, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans(Vec<(u32, u32)>);

/// Too many spans apart from each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scattered;

impl Spans {
    /// True when all of `start..end` was seen; so is nothing, anywhere.
    pub(super) fn cover(&self, start: u32, end: u32) -> bool {
        start >= end || self.0.iter().any(|&(first, last)| first <= start && end <= last)
    }

    /// Adds `start..end`.
    pub(super) fn add(&mut self, mut start: u32, mut end: u32) -> Result<(), Scattered> {
        if start >= end {
            return Ok(());
        }
        self.0.retain(|&(first, last)| {
            let apart = last < start || end < first;
            if !apart {
                start = start.min(first);
                end = end.max(last);
            }
            apart
        });
        if self.0.len() == MOST {
            return Err(Scattered);
        }
        let place = self.0.partition_point(|&(first, _)| first < start);
        self.0.insert(place, (start, end));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_touch_or_overlap_become_one() {
        let mut spans = Spans::default();
        for (start, end) in [(8, 16), (24, 32), (40, 48), (0, 4)] {
            spans.add(start, end).unwrap();
        }
        assert_eq!(spans.0, [(0, 4), (8, 16), (24, 32), (40, 48)]);
        spans.add(16, 41).unwrap();
        assert_eq!(spans.0, [(0, 4), (8, 48)]);
        assert!(spans.cover(9, 47) && spans.cover(8, 48) && spans.cover(5, 5));
        assert!(!spans.cover(7, 9) && !spans.cover(47, 49));
    }

    #[test]
    fn there_is_room_for_so_many_and_for_what_joins_them() {
        let mut spans = Spans::default();
        for place in 0..64 {
            spans.add(place * 16, place * 16 + 8).unwrap();
        }
        assert_eq!(spans.add(2000, 2008), Err(Scattered));
        spans.add(8, 16).unwrap();
        spans.add(2000, 2008).unwrap();
    }
}
