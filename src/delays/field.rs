//! The delays among which plateaus are looked for, and the windows over them.

use super::plateaus::{CHANCE, CONTRAST, FEWEST, NEAR, PEAK, Plateau, WIDEST, WIDTHS};
use crate::time::TimeDelta;

/// The narrowest window in nanoseconds: 1 ms, what schedulers and ways vary by. Below 33 ms that is more than the
/// widest window, and there is no plateau: the way itself would make one.
const LEAST_WIDTH: f64 = 1e6;

/// Windows that may be half as full as a plateau or fuller.
const PEERS: usize = 3;

/// Delays in ascending order, some of which were taken for plateaus.
#[derive(Debug)]
pub(super) struct Field {
    places: Vec<Place>,
    /// How many there were before each place, and in all.
    before: Vec<u64>,
    /// The same without those that were taken.
    left_before: Vec<u64>,
}

/// All delays of one value.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The delay in nanoseconds.
    at: f64,
    delay: TimeDelta,
    count: u64,
    /// It belongs to a plateau.
    taken: bool,
    /// No plateau may begin here.
    refused: bool,
}

/// Neighbouring places: from the first to before the last.
type Stretch = (usize, usize);

/// A window that is improbably full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    stretch: Stretch,
    neighbourhood: Stretch,
    /// In nanoseconds.
    width: f64,
    /// The same as difference of logarithms.
    log_width: f64,
    pub(super) count: u64,
    /// The logarithm of its probability.
    log_probability: f64,
}

impl Window {
    /// From its start to its end.
    pub(super) fn width(&self) -> TimeDelta {
        TimeDelta::from_secs_f64(self.width / 1e9)
    }
}

impl Field {
    pub(super) fn new(values: &[(TimeDelta, u64)]) -> Self {
        let positive = values.iter().filter(|(delay, _)| *delay > TimeDelta::ZERO);
        let places = positive.map(|&(delay, count)| {
            let at = delay.as_secs_f64() * 1e9;
            Place { at, delay, count, taken: false, refused: false }
        });
        let mut field = Self { places: places.collect(), before: Vec::new(), left_before: Vec::new() };
        field.before = field.sums(|_| true);
        field.left_before.clone_from(&field.before);
        field
    }

    /// The window of one of `widths` that is the least probable, if any is improbable.
    pub(super) fn least_probable(&self, widths: &[f64]) -> Option<Window> {
        let mut least: Option<Window> = None;
        for &relative in widths {
            let mut cursors = Cursors::default();
            for (start, place) in self.places.iter().enumerate() {
                let width = (relative * place.at).max(LEAST_WIDTH);
                let widest = WIDTHS.iter().copied().fold(0.0, f64::max) * place.at;
                if place.taken || place.refused || width > widest {
                    continue;
                }
                let found = cursors.window(self, start, place.at, width);
                if let Some(window) = found
                    .filter(|window| least.is_none_or(|least| window.log_probability < least.log_probability))
                {
                    least = Some(window);
                }
            }
        }
        least
    }

    /// True unless many windows of the neighbourhood are nearly as full, as a coarse clock makes them.
    pub(super) fn stands_out(&self, window: &Window) -> bool {
        let (mut place, end) = window.neighbourhood;
        let mut peers = 0;
        while place < end && peers <= PEERS {
            let after = self.first_beyond(place, self.at(place) + window.width);
            let overlaps = place < window.stretch.1 && after > window.stretch.0;
            if !overlaps && 2 * sum(&self.before, (place, after)) > window.count {
                peers += 1;
            }
            place = after;
        }
        peers <= PEERS
    }

    /// Lets no further window begin in this one.
    pub(super) fn refuse(&mut self, window: &Window) {
        let (start, end) = window.stretch;
        self.places.iter_mut().take(end).skip(start).for_each(|place| place.refused = true);
    }

    /// Takes the delays of `core`, and those that adjoin it in numbers.
    pub(super) fn take(&mut self, core: &Window) -> Plateau {
        let (start, end) = self.grown(core);
        let inside = || self.places.iter().take(end).skip(start).filter(|place| !place.taken);
        let plateau = Plateau {
            value: self.middle(core.stretch),
            count: sum(&self.left_before, (start, end)),
            of: self.before.last().copied().unwrap_or(0),
            low: inside().map(|place| place.delay).min().unwrap_or_default(),
            high: inside().map(|place| place.delay).max().unwrap_or_default(),
        };
        self.places.iter_mut().take(end).skip(start).for_each(|place| place.taken = true);
        self.left_before = self.sums(|place| !place.taken);
        plateau
    }

    /// The stretch of `core` and of what adjoins it, as long as that is denser than the neighbourhood.
    fn grown(&self, core: &Window) -> Stretch {
        let (mut start, mut end) = core.stretch;
        let first = self.at(start);
        let beside = sum(&self.left_before, core.neighbourhood).saturating_sub(core.count);
        let dense = |stretch| {
            let count = sum(&self.left_before, stretch);
            count > 0 && real(count) >= PEAK * real(beside) * core.log_width / (2.0 * NEAR - core.log_width)
        };
        loop {
            let next = self.first_beyond(end, self.at(end - 1) + core.width);
            if !dense((end, next)) || self.at(next - 1) - self.at(start) > WIDEST * first {
                break;
            }
            end = next;
        }
        loop {
            let next = self.places.partition_point(|place| place.at < self.at(start) - core.width);
            if !dense((next, start)) || self.at(end - 1) - self.at(next) > WIDEST * first {
                break;
            }
            start = next;
        }
        (start, end)
    }

    /// The middle delay of a stretch.
    fn middle(&self, stretch: Stretch) -> TimeDelta {
        let count = sum(&self.left_before, stretch);
        let below = self.left_before.get(stretch.0).copied().unwrap_or(0) + count.saturating_sub(1) / 2;
        // The sums begin with what is before the first place.
        let place = self.left_before.partition_point(|&before| before <= below).saturating_sub(1);
        self.places.get(place).map_or(TimeDelta::ZERO, |place| place.delay)
    }

    fn sums(&self, counts: impl Fn(&Place) -> bool) -> Vec<u64> {
        let mut sum = 0;
        let mut sums = vec![0];
        sums.extend(self.places.iter().map(|place| {
            sum += if counts(place) { place.count } else { 0 };
            sum
        }));
        sums
    }

    fn first_beyond(&self, from: usize, limit: f64) -> usize {
        let rest = self.places.get(from..).unwrap_or_default();
        from + rest.partition_point(|place| place.at <= limit)
    }

    /// The delay of a place; beyond the last one there is none that could be reached.
    fn at(&self, place: usize) -> f64 {
        self.places.get(place).map_or(f64::INFINITY, |place| place.at)
    }
}

/// Where the stretches of a window begin and end; they only move on while it slides.
#[derive(Debug, Default)]
struct Cursors {
    end: usize,
    neighbourhood: Stretch,
    vicinity: Stretch,
}

impl Cursors {
    /// The window that begins at the place `start`, at `at`; `None` where it is nothing special.
    fn window(&mut self, field: &Field, start: usize, at: f64, width: f64) -> Option<Window> {
        forward(&mut self.end, field, |place| place <= at + width);
        let stretch = (start, self.end);
        let count = sum(&field.left_before, stretch);
        if count < FEWEST {
            return None;
        }
        forward(&mut self.vicinity.0, field, |place| place < at - 4.0 * width);
        forward(&mut self.vicinity.1, field, |place| place <= at + 5.0 * width);
        let around = sum(&field.left_before, self.vicinity) - count;
        // The vicinity has eight windows.
        if 8.0 * real(count) < CONTRAST * real(around) {
            return None;
        }
        let near = NEAR.exp();
        forward(&mut self.neighbourhood.0, field, |place| place < at / near);
        forward(&mut self.neighbourhood.1, field, |place| place <= at * near);
        let log_width = (width / at).ln_1p();
        let nearby = sum(&field.left_before, self.neighbourhood);
        let share = PEAK * log_width / (PEAK * log_width + 2.0 * NEAR - log_width);
        let log_probability = log_probability(count, nearby, share);
        let neighbourhood = self.neighbourhood;
        (log_probability <= CHANCE.ln()).then_some(Window {
            stretch,
            neighbourhood,
            width,
            log_width,
            count,
            log_probability,
        })
    }
}

fn forward(cursor: &mut usize, field: &Field, passes: impl Fn(f64) -> bool) {
    while field.places.get(*cursor).is_some_and(|place| passes(place.at)) {
        *cursor += 1;
    }
}

/// The logarithm of a bound for the probability that any of `of` delays begins a window with `count` of them,
/// where a window has no more than `share` of them as a rule.
fn log_probability(count: u64, of: u64, share: f64) -> f64 {
    let others = real(of.max(count) - 1);
    let part = real(count - 1) / others;
    if part <= share {
        return 0.0;
    }
    let beside = if part < 1.0 { (1.0 - part) * ((1.0 - part) / (1.0 - share)).ln() } else { 0.0 };
    real(of).ln() - others * (part * (part / share).ln() + beside)
}

fn sum(before: &[u64], (start, end): Stretch) -> u64 {
    let at = |place: usize| before.get(place).or_else(|| before.last()).copied().unwrap_or(0);
    at(end).saturating_sub(at(start))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
const fn real(count: u64) -> f64 {
    count as f64
}
