//! The page that a run prints: the answer first, then the evidence, then the accounts.

mod capture;
mod head;
mod incidents;
mod layout;
mod sockets;
mod stale;
mod stuck;
mod tables;

use std::io::{self, Write};

pub use layout::wrap;

use self::layout::Page;
use super::input::{InputFacts, Plan};
use super::paint::Paint;
use super::summarised::{Summarised, SummaryPage};
use super::summary::Summary;

/// How the page is laid out.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Columns of the terminal; 80 to 120 are used.
    pub width: usize,
    /// Colours.
    pub color: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, color: false }
    }
}

/// Gathers a summary and prints it at the end.
pub type TextReport<W> = Summarised<TextPage<W>>;

/// The page.
#[derive(Debug)]
pub struct TextPage<W> {
    out: W,
    options: TextOptions,
}

impl<W: Write> TextReport<W> {
    /// The page onto `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self::on(TextPage { out, options })
    }
}

impl<W: Write> SummaryPage for TextPage<W> {
    fn write(&mut self, _: &Plan, summary: &Summary, input: &InputFacts) -> io::Result<()> {
        write_summary(summary, input, self.options, &mut self.out)?;
        self.out.flush()
    }
}

/// What is told of attached socket tables, in lines of `width` columns; empty where there are none.
pub(super) fn sockets_text(summary: &Summary, input: &InputFacts, width: usize) -> String {
    let mut lines = Vec::new();
    let mut page = Page::new(&mut lines, width, Paint::default(), input);
    // Memory takes everything.
    let _ = sockets::write(&mut page, summary);
    String::from_utf8(lines).unwrap_or_default()
}

/// Writes the page of `summary`.
///
/// # Errors
/// What `out` says.
pub fn write_summary(
    summary: &Summary,
    input: &InputFacts,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(out, options.width.clamp(80, 120), Paint::new(options.color), input);
    let told = incidents::services(&summary.incidents);
    head::write(&mut page, summary, input)?;
    incidents::write(&mut page, summary)?;
    stuck::write(&mut page, summary, input, &told)?;
    stale::write(&mut page, summary, &told)?;
    sockets::write(&mut page, summary)?;
    tables::write(&mut page, summary)?;
    capture::write(&mut page, summary)?;
    head::write_accounts(&mut page, summary, input)?;
    head::write_next(&mut page, summary, input)
}
