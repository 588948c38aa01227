//! Known timers: how long well-known programs, kernels and devices wait before they give up, close or forget.
//!
//! A delay that was measured in a capture may be one of them. What is told is a candidate, never a claim: settings
//! are changed, and many products share a value.

mod candidate;
mod kind;
mod parse;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

pub use self::candidate::{Candidate, name_candidates};
pub use self::kind::{Basis, Kind};
use crate::time::TimeDelta;
use crate::{Error, Result};

/// The list that comes with the program; its head describes the format.
const BUILTIN: &str = include_str!("known.txt");

/// One timer of one product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// How long it is set to.
    pub value: TimeDelta,
    /// How much later than that it may fire.
    pub late: TimeDelta,
    /// What it does.
    pub kind: Kind,
    /// Who has it.
    pub product: String,
    /// What it is called there; empty when it has no name.
    pub setting: String,
    /// How firm the value is.
    pub basis: Basis,
    /// Where that is written.
    pub source: String,
}

/// All timers that are known, those of a site before those of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownTimers {
    timers: Vec<Timer>,
}

impl KnownTimers {
    /// None at all.
    pub const fn none() -> Self {
        Self { timers: Vec::new() }
    }

    /// Those that come with the program.
    pub fn builtin() -> Self {
        // Its lines are those of a test.
        Self { timers: parse::timers(BUILTIN, Basis::Common).unwrap_or_default() }
    }

    /// These and those of `text`, which go first where both fit. `name` is for errors.
    ///
    /// A line of text is a timer, its fields separated by `|`: value, kind, product, setting, and if need be basis,
    /// source, how late it may fire. Empty lines and lines that begin with `#` are skipped.
    ///
    /// ```
    /// use closewait::time::TimeDelta;
    /// use closewait::timers::{KnownTimers, Kind};
    ///
    /// let timers = KnownTimers::builtin()
    ///     .with_text("45 s | server-idle | our gateway | idle_timeout", "site")?;
    /// let found = timers.candidates(TimeDelta::from_millis(45_010), &[Kind::ServerIdle], TimeDelta::ZERO);
    /// assert_eq!(found[0].to_string(), "our gateway idle_timeout 45 s?");
    /// # Ok::<(), closewait::Error>(())
    /// ```
    ///
    /// # Errors
    /// A usage error that names the line which is no timer.
    pub fn with_text(mut self, text: &str, name: &str) -> Result<Self> {
        let mut timers = parse::timers(text, Basis::Site)
            .map_err(|(line, what)| Error::usage(format!("{name}:{line}: {what}")))?;
        timers.append(&mut self.timers);
        Ok(Self { timers })
    }

    /// These and those of a file.
    ///
    /// # Errors
    /// As [`KnownTimers::with_text`], or that the file cannot be read.
    pub fn with_file(self, path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| Error::read(path, 0, error))?;
        self.with_text(&text, &path.display().to_string())
    }

    /// All of them, those of a site first.
    pub fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.timers.iter()
    }
}
