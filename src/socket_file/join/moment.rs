//! When a table was taken, as far as its rows tell.

use serde::Serialize;

use crate::time::{TimeDelta, Timestamp};

/// A table is walked while packets arrive, and its clock may not be the capture's.
const SLACK: TimeDelta = TimeDelta::from_millis(100);
/// The same where somebody said when it was taken.
const SLACK_OF_PEOPLE: TimeDelta = TimeDelta::from_secs(1);

/// When a table was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// At the earliest.
    pub from: Timestamp,
    /// At the latest; `None` where it may have been after the capture.
    pub until: Option<Timestamp>,
    /// True when it was said (`--sockets-at`), false when it follows from the sockets' states.
    pub given: bool,
    /// Sockets that have the state that they had in the capture then.
    pub fitting: u64,
    /// Sockets that had it at any time.
    pub of: u64,
    /// The likeliest part of that time: a table is rather of a long time than of a short one.
    #[serde(skip)]
    pub(super) likely: (Timestamp, Timestamp),
}

impl Moment {
    /// The moment that was said.
    pub(super) fn said(at: Timestamp) -> Self {
        let likely = (at + -SLACK_OF_PEOPLE, at + SLACK_OF_PEOPLE);
        Self { from: at, until: Some(at), given: true, fitting: 0, of: 0, likely }
    }

    /// All times at which most of `sockets` fit. For each of them: from when to when it had its state.
    pub(super) fn inferred<'a>(sockets: impl Iterator<Item = &'a [(Timestamp, Timestamp)]>) -> Option<Self> {
        let mut turns = Vec::new();
        let mut of = 0;
        for spans in sockets.filter(|spans| !spans.is_empty()) {
            of += 1;
            for (from, until) in union(spans) {
                // What begins when another ends meets it.
                turns.extend([(from, false), (until, true)]);
            }
        }
        turns.sort_unstable();
        let (fitting, times) = highest(&turns);
        let (first, last) = (times.first()?, times.last()?);
        let likely = times.iter().max_by_key(|(from, until)| *until - *from)?;
        Some(Self {
            from: first.0,
            until: Some(last.1).filter(|until| *until != Timestamp::MAX),
            given: false,
            fitting,
            of,
            likely: (likely.0 + -SLACK, likely.1 + SLACK),
        })
    }

    /// True when `from..=until` meets it, widened by how far tables and clocks are apart.
    pub(super) fn meets(&self, from: Timestamp, until: Timestamp) -> bool {
        let (earliest, latest) = self.reach();
        from <= latest && until >= earliest
    }

    /// Its span, widened by how far tables and clocks are apart.
    pub(super) fn reach(&self) -> (Timestamp, Timestamp) {
        let slack = if self.given { SLACK_OF_PEOPLE } else { SLACK };
        (self.from + -slack, self.until_or_max() + slack)
    }

    pub(super) fn until_or_max(&self) -> Timestamp {
        self.until.unwrap_or(Timestamp::MAX)
    }
}

/// When the most sockets are in their states, and how many those are. In `turns`, in order, one begins to be or, when
/// true, ends.
fn highest(turns: &[(Timestamp, bool)]) -> (u64, Vec<(Timestamp, Timestamp)>) {
    let (mut level, mut most, mut times) = (0_u64, 0, Vec::new());
    let mut since = Timestamp::MIN;
    for &(at, ends) in turns {
        if !ends {
            level += 1;
            since = at;
            continue;
        }
        if level > most {
            (most, times) = (level, Vec::new());
        }
        // Only the first end after a beginning ends a time of its level.
        if level == most && times.last().is_none_or(|&(from, _)| from != since) {
            times.push((since, at));
        }
        level = level.saturating_sub(1);
    }
    (most, times)
}

/// The same times, each once.
fn union(spans: &[(Timestamp, Timestamp)]) -> Vec<(Timestamp, Timestamp)> {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let mut joined: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(sorted.len());
    for (from, until) in sorted {
        match joined.last_mut() {
            Some((_, last)) if from <= *last => *last = until.max(*last),
            _ => joined.push((from, until)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(sockets: &[&[(i64, i64)]]) -> Option<(i64, Option<i64>, u64, u64)> {
        let at = |&(from, until): &(i64, i64)| (Timestamp::from_nanos(from), Timestamp::from_nanos(until));
        let sockets: Vec<Vec<_>> = sockets.iter().map(|spans| spans.iter().map(at).collect()).collect();
        let moment = Moment::inferred(sockets.iter().map(Vec::as_slice))?;
        Some((moment.from.nanos(), moment.until.map(Timestamp::nanos), moment.fitting, moment.of))
    }

    #[test]
    fn it_is_when_most_sockets_fit() {
        assert_eq!(
            inferred(&[&[(10, 50)], &[(20, 60)], &[(30, 40)], &[(70, 80)]]),
            Some((30, Some(40), 3, 4))
        );
    }

    #[test]
    fn a_socket_counts_once_however_many_incarnations_it_had() {
        assert_eq!(inferred(&[&[(10, 50), (20, 60), (90, 95)], &[(80, 99)]]), Some((90, Some(95), 2, 2)));
    }

    #[test]
    fn of_several_times_the_longest_is_likely() {
        let at = Timestamp::from_nanos;
        assert_eq!(inferred(&[&[(10, 50)], &[(60, 70)]]), Some((10, Some(70), 1, 2)));
        let times = [vec![(at(10), at(50))], vec![(at(60), at(70))]];
        let moment = Moment::inferred(times.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(moment.likely, (at(10) + -SLACK, at(50) + SLACK));
    }

    #[test]
    fn times_of_one_level_meet_nowhere() {
        assert_eq!(inferred(&[&[(10, 60)], &[(20, 30)], &[(40, 50)]]), Some((20, Some(50), 2, 3)));
        assert_eq!(inferred(&[&[(10, 20)], &[(20, 30)]]), Some((20, Some(20), 2, 2)));
    }

    #[test]
    fn what_nothing_ended_leaves_the_end_open() {
        assert_eq!(inferred(&[&[(10, i64::MAX)], &[(20, i64::MAX)]]), Some((20, None, 2, 2)));
        assert_eq!(inferred(&[&[]]), None);
    }
}
