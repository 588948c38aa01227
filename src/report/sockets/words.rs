//! What tables of sockets and their counts say alike.

use crate::netstat::word;
use crate::report::input::InputFacts;
use crate::tcp::State;
use crate::time::{TimeDelta, Timestamp};

/// Tells moments of a capture.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Clock {
    pub(super) const fn new(input: &InputFacts) -> Self {
        Self { first: input.first_time, last: input.last_time }
    }

    /// `12:01:00.000`, with the date where the capture, or the moment, is of another day than the capture's first.
    pub(super) fn time(&self, moment: Timestamp) -> String {
        let day = |time: Timestamp| time.nanos().div_euclid(86_400_000_000_000);
        let first = self.first.unwrap_or(moment);
        let is_one_day = [Some(moment), self.last].into_iter().flatten().all(|time| day(time) == day(first));
        if is_one_day { moment.time_of_day(3) } else { date_and_time(moment) }
    }

    /// The same, and where that lies in the capture.
    pub(super) fn tell(&self, moment: Timestamp) -> String {
        let place = match (self.first, self.last) {
            (Some(first), _) if moment < first => format!(" ({} before the capture)", first - moment),
            (_, Some(last)) if moment > last => format!(" ({} after the last record)", moment - last),
            (Some(first), _) => format!(" ({} into the capture)", moment - first),
            (None, _) => String::new(),
        };
        format!("{}{place}", self.time(moment))
    }

    /// How many columns [`Self::time`] takes for the moments of the capture.
    pub(super) fn width(&self) -> usize {
        self.last.map_or(0, |last| self.time(last).len())
    }
}

fn date_and_time(moment: Timestamp) -> String {
    let date: String = moment.to_string().chars().take_while(|&letter| letter != 'T').collect();
    format!("{date} {}", moment.time_of_day(3))
}

/// How many sockets in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(pub(super) [u64; State::ALL.len()]);

impl Tally {
    pub(super) fn add(&mut self, state: State) {
        if let Some(count) = self.0.get_mut(state as usize) {
            *count += 1;
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(super) fn of(&self, state: State) -> u64 {
        self.0.get(state as usize).copied().unwrap_or(0)
    }

    /// `CLOSE-WAIT 19 · ESTAB 1`: the most first.
    pub(super) fn words(&self) -> String {
        let mut states: Vec<_> = State::ALL.into_iter().filter(|state| self.of(*state) > 0).collect();
        states.sort_by_key(|state| std::cmp::Reverse(self.of(*state)));
        let words: Vec<_> =
            states.iter().map(|state| format!("{} {}", word(*state), self.of(*state))).collect();
        words.join(" · ")
    }
}

/// A span in six columns: `0.3 s`, `55.8 s`, `12m04s`, `3h20m`, `12d07h`.
pub(super) fn brief(span: TimeDelta) -> String {
    let seconds = span.nanos().max(0) / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..100 => format!("{seconds}.{} s", span.nanos().max(0) / 100_000_000 % 10),
        100..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..360_000 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_fit_their_column() {
        let brief = |seconds: f64| brief(TimeDelta::from_secs_f64(seconds));
        let told = [0.0, 0.31, 55.87, 99.99, 100.0, 724.0, 3599.0, 3600.0, 359_999.0, 360_000.0].map(brief);
        let expected =
            ["0.0 s", "0.3 s", "55.8 s", "99.9 s", "1m40s", "12m04s", "59m59s", "1h00m", "99h59m", "4d04h"];
        assert_eq!(told, expected);
        assert_eq!(brief(-5.0), "0.0 s");
    }

    #[test]
    fn moments_say_where_they_lie() {
        let at = |seconds: i64| Timestamp::from_nanos(1_795_248_000_000_000_000 + seconds * 1_000_000_000);
        let input = InputFacts { first_time: Some(at(0)), last_time: Some(at(90)), ..InputFacts::default() };
        let clock = Clock::new(&input);
        assert_eq!(clock.tell(at(58)), "08:00:58.000 (58.0 s into the capture)");
        assert_eq!(clock.tell(at(-2)), "07:59:58.000 (2.00 s before the capture)");
        assert_eq!(clock.tell(at(100)), "08:01:40.000 (10.0 s after the last record)");
        assert_eq!(clock.time(at(86_400)), "2026-11-22 08:00:00.000");
    }

    #[test]
    fn the_most_frequent_state_comes_first() {
        let mut tally = Tally::default();
        for state in [State::Established, State::CloseWait, State::CloseWait] {
            tally.add(state);
        }
        assert_eq!(tally.take().words(), "CLOSE-WAIT 2 · ESTAB 1");
        assert_eq!(tally.words(), "");
    }
}
