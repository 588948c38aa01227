//! From which local ports a host connects, and when these run out.

use std::fmt;

use crate::diagnose::Terms;
use crate::time::{TimeDelta, Timestamp};

/// What Linux uses unless told otherwise (`ip_local_port_range`).
const LINUX: (u16, u16) = (32_768, 60_999);

/// The local ports of a host, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalPorts {
    pub(crate) low: u16,
    pub(crate) high: u16,
}

impl LocalPorts {
    /// Those that were given, or those of Linux.
    pub(crate) fn of(terms: &Terms) -> Self {
        let (low, high) = terms.ports.unwrap_or(LINUX);
        Self { low, high }
    }

    /// How many.
    pub(crate) fn count(self) -> u64 {
        u64::from(self.high.saturating_sub(self.low)) + 1
    }
}

/// As `ip_local_port_range`, with a dash.
impl fmt::Display for LocalPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.low, self.high)
    }
}

/// What grew by one at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// How much it came to.
    pub(crate) count: u64,
    /// When the first came, and the last.
    pub(crate) span: (Timestamp, Timestamp),
}

impl Growth {
    /// How many more come per minute.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub(crate) fn per_minute(self) -> Option<f64> {
        let seconds = (self.span.1 - self.span.0).as_secs_f64();
        (self.count > 1 && seconds > 0.0).then(|| (self.count - 1) as f64 * 60.0 / seconds)
    }

    /// When it comes to `most` at this rate.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(crate) fn reaches(self, most: u64) -> Option<Timestamp> {
        let minutes = most.saturating_sub(self.count) as f64 / self.per_minute()?;
        Some(self.span.1 + TimeDelta::from_secs_f64(minutes * 60.0))
    }
}

/// Rates of which nobody reads more than three digits.
pub(crate) fn rounded(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}
