//! Which timers a measured delay may be.

use std::borrow::Cow;
use std::fmt;

use super::{Kind, KnownTimers, Timer};
use crate::delays::Plateau;
use crate::time::TimeDelta;

/// How much earlier than set a timer may seem to fire, besides the resolution: a clock that was read a while before, and
/// two clocks that differ by 200 parts in a million.
const EARLY: (TimeDelta, f64) = (TimeDelta::from_millis(5), 0.0002);

/// A timer that a delay may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The timer.
    pub timer: &'a Timer,
    /// How much longer than the timer's value the delay is; negative when it is shorter.
    pub off: TimeDelta,
}

/// `Go http.Transport IdleConnTimeout 90 s?`
impl fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?", self.timer)
    }
}

/// `Go http.Transport IdleConnTimeout 90 s`
impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.value_in_words())
    }
}

impl Timer {
    /// Whose it is, and what it is called there: `Go http.Transport IdleConnTimeout`.
    pub fn name(&self) -> Cow<'_, str> {
        if self.setting.is_empty() {
            return Cow::Borrowed(&self.product);
        }
        Cow::Owned(format!("{} {}", self.product, self.setting))
    }

    /// Its value as it would be set: `90 s`, `300 s`, `30 min`, `2 h`, `924.6 s`.
    pub fn value_in_words(&self) -> String {
        let (nanos, second) = (self.value.nanos(), 1_000_000_000);
        let whole = |unit: i64| (nanos % (unit * second) == 0).then(|| nanos / (unit * second));
        if nanos > 900 * second {
            let long = [(86_400, "d"), (3600, "h"), (60, "min")];
            if let Some((number, unit)) = long.iter().find_map(|&(unit, name)| Some((whole(unit)?, name))) {
                return format!("{number} {unit}");
            }
        }
        match whole(1) {
            Some(seconds) => format!("{seconds} s"),
            None if nanos < second => format!("{} ms", nanos / 1_000_000),
            None => format!("{:.1} s", self.value.as_secs_f64()),
        }
    }
}

impl KnownTimers {
    /// The timers of `kinds` (of any kind when empty) that a delay may be, the closest first. `resolution` is how
    /// much the measured delay may be off either way: a round trip, the width of a plateau.
    ///
    /// A timer fires late, never early, by what its [`Timer::late`] says.
    pub fn candidates(&self, delay: TimeDelta, kinds: &[Kind], resolution: TimeDelta) -> Vec<Candidate<'_>> {
        self.between((delay, delay), kinds, resolution)
    }

    /// The timers of `kinds` that may lie between two delays: the longest that one let pass, and the shortest that it
    /// did not.
    pub fn between(
        &self,
        (longest_before, shortest_after): (TimeDelta, TimeDelta),
        kinds: &[Kind],
        resolution: TimeDelta,
    ) -> Vec<Candidate<'_>> {
        let wanted = self.iter().filter(|timer| kinds.is_empty() || kinds.contains(&timer.kind));
        let mut found: Vec<_> = wanted
            .filter_map(|timer| {
                let value = timer.value.nanos();
                let early = resolution.nanos().saturating_add(timer.early().nanos());
                let late = resolution.nanos().saturating_add(timer.late.nanos());
                let nearest =
                    value.clamp(longest_before.nanos(), shortest_after.nanos().max(longest_before.nanos()));
                let off = nearest.saturating_sub(value);
                (-early <= off && off <= late).then_some(Candidate { timer, off: TimeDelta::from_nanos(off) })
            })
            .collect();
        // Stable: what comes first in the list stays first among equals.
        found.sort_by_key(|candidate| (candidate.off.abs(), candidate.timer.basis.rank()));
        found
    }

    /// The timers of `kinds` that may have made a plateau.
    pub fn of_plateau(&self, plateau: &Plateau, kinds: &[Kind], resolution: TimeDelta) -> Vec<Candidate<'_>> {
        self.between((plateau.low, plateau.value), kinds, resolution)
    }
}

impl Timer {
    fn early(&self) -> TimeDelta {
        let drift = TimeDelta::from_secs_f64(EARLY.1 * self.value.as_secs_f64());
        TimeDelta::from_nanos(EARLY.0.nanos() + drift.nanos())
    }
}

/// The first few in words: `Go http.Transport IdleConnTimeout 90 s?`, `nginx proxy_read_timeout 60 s? or Apache Timeout
/// 60 s? (12 more)`. Empty when there is none.
pub fn name_candidates(candidates: &[Candidate<'_>], most: usize) -> String {
    let named: Vec<_> = candidates.iter().take(most).map(ToString::to_string).collect();
    let more = candidates.len().saturating_sub(most);
    let rest = if more > 0 && !named.is_empty() { format!(" ({more} more)") } else { String::new() };
    named.join(" or ") + &rest
}
