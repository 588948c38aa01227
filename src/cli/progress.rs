//! How far reading has come, on a terminal only.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BYTES_OF_TOTAL: &str = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
const BYTES: &str = "{spinner} {bytes}  {bytes_per_sec}";

/// A bar on standard error: octets read, rate, time left.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar up to `total` octets, a count without. Hidden unless `wanted` and standard error is a terminal.
    pub(super) fn new(total: Option<u64>, wanted: bool) -> Self {
        if !wanted || !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), BYTES_OF_TOTAL),
            None => (ProgressBar::new_spinner(), BYTES),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Takes the octets read so far.
    pub(super) fn callback(&self) -> impl FnMut(u64) + use<> {
        let bar = self.0.clone();
        move |octets| bar.set_position(octets)
    }

    /// Takes the bar off the terminal, so that it does not mix with what is printed next.
    pub(super) fn clear(self) {
        self.0.finish_and_clear();
    }
}
