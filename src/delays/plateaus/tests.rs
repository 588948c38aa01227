use proptest::collection::vec;
use proptest::prelude::*;

use super::draws::{Dice, draw};
use crate::delays::{Delays, Plateau};
use crate::time::TimeDelta;

/// Seconds from dice.
type Distribution = fn(&mut Dice) -> f64;

/// Smooth distributions: those that a plateau must not be seen in.
const SMOOTH: [(&str, Distribution); 10] = [
    ("exponential of 2 s", |dice| 2.0 * dice.exponential()),
    ("exponential of 200 s", |dice| 200.0 * dice.exponential()),
    ("exponential behind 1 s", |dice| 1.0 + 0.2 * dice.exponential()),
    ("uniform to 100 s", |dice| 100.0 * dice.uniform()),
    ("uniform from 60 s to 90 s", |dice| 60.0 + 30.0 * dice.uniform()),
    ("uniform in the logarithm", |dice| 0.01 * (10.0 * dice.uniform()).exp()),
    ("Pareto", |dice| dice.uniform().powf(-0.5)),
    ("log-normal, wide", |dice| dice.normal().exp()),
    ("log-normal of 20 %", |dice| 30.0 * (0.2 * dice.normal()).exp()),
    ("normal of 10 %", |dice| (10.0 + dice.normal()).max(0.001)),
];

fn seconds(seconds: &[f64]) -> Delays {
    let mut all = seconds.iter();
    draw(seconds.len(), || *all.next().unwrap())
}

/// The values of its plateaus in milliseconds.
fn plateaus(delays: &Delays) -> Vec<i64> {
    let mut values: Vec<_> =
        delays.plateaus().iter().map(|plateau| plateau.value.nanos() / 1_000_000).collect();
    values.sort_unstable();
    values
}

#[test]
fn three_within_a_hundredth_are_a_plateau_and_two_are_not() {
    assert_eq!(plateaus(&seconds(&[90.0, 90.3, 90.8])), [90_300]);
    assert_eq!(plateaus(&seconds(&[90.0, 90.0, 90.0])), [90_000]);
    for none in [&[90.0, 90.0] as &[f64], &[90.0, 90.0, 120.0], &[90.0, 93.0, 97.0], &[], &[90.0]] {
        assert_eq!(plateaus(&seconds(none)), [0; 0]);
    }
}

#[test]
fn smooth_delays_have_no_plateau() {
    for (name, distribution) in SMOOTH {
        for count in [3, 5, 10, 30, 100, 300, 1000, 4000, 20_000] {
            let rounds = if count < 1000 { 400 } else { 10 };
            let seen = (0..rounds).filter(|round| {
                let mut dice = Dice::new(round * 1_000_003 + count as u64);
                !draw(count, || distribution(&mut dice)).plateaus().is_empty()
            });
            let seen = seen.count() as u64;
            assert!(seen * 50 <= rounds, "{name}: {seen} of {rounds} draws of {count}");
        }
    }
}

/// A time-out of so many seconds as it is measured: a few milliseconds late, and up to 0.3 s now and then.
fn fired(timeout: f64, dice: &mut Dice) -> f64 {
    let busy = if dice.uniform() < 0.1 { 0.3 * dice.uniform() } else { 0.0 };
    timeout + 0.002 * dice.exponential() + busy
}

/// In how many of a hundred draws the plateau of a time-out of 90 s is found: `fired_ones` among `count` delays, the
/// others exponential.
fn found_of_hundred(count: usize, fired_ones: usize) -> usize {
    let draws = (0..100).map(|round| {
        let mut dice = Dice::new(round * 77 + count as u64);
        let mut place = 0;
        draw(count, || {
            place += 1;
            if place <= fired_ones { fired(90.0, &mut dice) } else { 30.0 * dice.exponential() }
        })
    });
    let near = |plateau: &Plateau| (90.0..90.2).contains(&plateau.value.as_secs_f64());
    draws.filter(|delays| delays.plateaus().iter().any(near)).count()
}

#[test]
fn a_time_out_is_found_among_other_delays() {
    for (count, fired_ones, least) in
        [(3, 3, 99), (6, 3, 80), (20, 6, 95), (100, 10, 95), (1000, 20, 95), (5000, 50, 95)]
    {
        let found = found_of_hundred(count, fired_ones);
        assert!(found >= least, "{fired_ones} of {count}: {found} %");
    }
}

#[test]
fn each_of_several_time_outs_is_found() {
    let mut dice = Dice::new(5);
    let mut turn = 0;
    let delays = draw(1000, || {
        turn += 1;
        match turn % 5 {
            0 => fired(5.0, &mut dice),
            1 => fired(60.0, &mut dice),
            2 => fired(75.0, &mut dice),
            3 => fired(90.0, &mut dice),
            _ => 40.0 * dice.exponential(),
        }
    });
    assert_eq!(plateaus(&delays), [5001, 60_001, 75_001, 90_001]);
}

#[test]
fn a_late_tail_belongs_to_its_plateau() {
    let mut dice = Dice::new(3);
    let all = |delays: &Delays| {
        let plateaus = delays.plateaus();
        assert_eq!(plateaus.len(), 1, "{plateaus:?}");
        plateaus[0]
    };
    let tail = all(&draw(1000, || 10.0 + 0.1 * dice.exponential()));
    assert!(tail.share() > 0.95 && tail.low.as_secs_f64() < 10.001, "{tail:?}");
    let swept_once_a_second = all(&draw(400, || 20.0 + dice.uniform()));
    assert!(swept_once_a_second.share() > 0.95, "{swept_once_a_second:?}");
    let coarse_wheel = all(&draw(400, || 60.0 + 4.0 * dice.uniform()));
    assert!(coarse_wheel.share() > 0.8, "{coarse_wheel:?}");
}

#[test]
fn ticks_of_a_coarse_clock_are_no_plateaus() {
    let mut dice = Dice::new(9);
    for tick in [0.001, 0.01, 1.0 / 64.0, 0.1, 1.0] {
        let ticks = |delay: f64| (delay / tick).round() * tick;
        let without = draw(4000, || ticks(20.0 * dice.exponential()));
        assert_eq!(plateaus(&without), [0; 0], "{tick}");
        let with = draw(4000, || ticks(if dice.uniform() < 0.3 { 5.0 } else { 20.0 * dice.exponential() }));
        assert_eq!(plateaus(&with), [5000], "{tick}");
    }
}

#[test]
fn a_million_delays_keep_their_plateaus() {
    let mut dice = Dice::new(5);
    let delays = draw(1_000_000, || {
        if dice.uniform() < 0.01 { fired(60.0, &mut dice) } else { 20.0 * dice.exponential() }
    });
    let plateaus = delays.plateaus();
    assert_eq!(plateaus.len(), 1, "{plateaus:?}");
    assert!((plateaus[0].value.as_secs_f64() - 60.0).abs() < 0.03, "{plateaus:?}");
    assert!((plateaus[0].share() - 0.01).abs() < 0.002, "{plateaus:?}");
    let equal = draw(1_000_000, || 90.0).plateaus();
    assert_eq!((equal.len(), equal[0].count, equal[0].value), (1, 1_000_000, TimeDelta::from_secs(90)));
}

proptest! {
    #[test]
    fn plateaus_are_stretches_of_the_delays(
        parts in vec((0..200_000_000_000_i64, 1..20_usize, 0..2_000_000_000_i64), 0..20),
        seed in any::<u64>(),
    ) {
        let mut dice = Dice::new(seed);
        let mut delays = Delays::default();
        for (least, count, width) in parts {
            for _ in 0..count {
                let late = TimeDelta::from_secs_f64(dice.uniform() * TimeDelta::from_nanos(width).as_secs_f64());
                delays.add(TimeDelta::from_nanos(least + late.nanos()));
            }
        }
        let plateaus = delays.plateaus();
        let all = plateaus.iter().map(|plateau| plateau.count).sum::<u64>();
        prop_assert!(all <= delays.count());
        for plateau in plateaus {
            let Plateau { value, low, high, count, of } = plateau;
            prop_assert!(low <= value && value <= high && count >= 3 && of == delays.count(), "{plateau:?}");
            let within = delays.values().into_iter().filter(|(delay, _)| (low..=high).contains(delay));
            prop_assert!(within.map(|(_, count)| count).sum::<u64>() >= count, "{plateau:?}");
        }
    }

    /// Twice the unit of time: the same plateaus.
    #[test]
    fn what_is_a_plateau_does_not_depend_on_the_unit(
        parts in vec((50_000_000_000..200_000_000_000_i64, 1..9_usize), 1..10),
        seed in any::<u64>(),
    ) {
        let mut dice = Dice::new(seed);
        let (mut once, mut twice) = (Delays::default(), Delays::default());
        for (least, count) in parts {
            for _ in 0..count {
                let delay = TimeDelta::from_secs_f64(TimeDelta::from_nanos(least).as_secs_f64() + dice.uniform());
                once.add(delay);
                twice.add(TimeDelta::from_nanos(2 * delay.nanos()));
            }
        }
        let halves = twice.plateaus().into_iter().map(|plateau| (plateau.value.nanos() / 2, plateau.count));
        let wholes = once.plateaus().into_iter().map(|plateau| (plateau.value.nanos(), plateau.count));
        prop_assert_eq!(halves.collect::<Vec<_>>(), wholes.collect::<Vec<_>>());
    }
}
