//! Colour, only when asked for.

use crate::diagnose::Severity;

/// Wraps text in terminal colours, or leaves it alone. Pad first, then paint: the codes take no columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Colours if `on`.
    pub const fn new(on: bool) -> Self {
        Self { on }
    }

    /// Headings and whom to look at.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Faults red, warnings yellow, notes plain.
    pub fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Fault => self.wrap("31", text),
            Severity::Warning => self.wrap("33", text),
            Severity::Note => text.to_owned(),
        }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
