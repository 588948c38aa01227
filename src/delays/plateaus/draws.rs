//! Random delays for tests.

use crate::delays::Delays;
use crate::time::TimeDelta;

/// A stream of uniform numbers between 0 and 1 (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = dice.uniform());
        dice
    }

    /// Above 0, below 1.
    pub(super) fn uniform(&mut self) -> f64 {
        self.word() + (self.word() + 2_f64.powi(-22)) / 2_f64.powi(32)
    }

    /// A multiple of 2⁻³², from 0 to below 1.
    fn word(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = u32::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32).unwrap();
        f64::from(high) / 2_f64.powi(32)
    }

    /// Of mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Of mean 0 and spread 1.
    pub(super) fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// `count` delays of so many seconds.
pub(super) fn draw(count: usize, mut seconds: impl FnMut() -> f64) -> Delays {
    let mut delays = Delays::default();
    (0..count).for_each(|_| delays.add(TimeDelta::from_secs_f64(seconds())));
    delays
}
