use super::draws::{Dice, draw};
use crate::delays::Delays;

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
            eprintln!("{name}: {seen} of {rounds} draws of {count}");
            assert!(seen * 50 <= rounds, "{name}: {seen} of {rounds} draws of {count}");
        }
    }
}
