//! `report.md`: text for a ticket. Incidents first, short tables, details folded; never longer than a ticket takes.

mod doc;
mod escape;
mod foot;
mod incidents;
mod tables;

use std::io::{self, Write};

use self::doc::Doc;
use self::escape::{NAME, code, prose};
use super::accounts::{input_name, no_incident};
use super::input::{InputFacts, Plan, narrowing};
use super::number::{counted, grouped};
use super::summarised::{Summarised, SummaryPage};
use super::summary::Summary;
use crate::time::Timestamp;

/// How long the document is in octets when each part of it ends, at most.
mod end {
    pub(super) const OVERVIEW: usize = 12_000;
    pub(super) const INCIDENTS: usize = 38_000;
    pub(super) const SOCKETS: usize = 43_000;
    pub(super) const TABLES: usize = 49_000;
    pub(super) const CAPTURE: usize = 53_000;
    pub(super) const FOOT: usize = 59_000;
}

/// Options that narrow, besides the first.
const NARROWING: usize = 6;

/// Gathers a summary and writes it as GitHub-flavoured Markdown at the end, in less than 60 kB.
pub type MarkdownReport<W> = Summarised<MarkdownPage<W>>;

/// The text.
#[derive(Debug)]
pub struct MarkdownPage<W>(W);

impl<W: Write> MarkdownReport<W> {
    /// The text onto `out`.
    pub fn new(out: W) -> Self {
        Self::on(MarkdownPage(out))
    }
}

impl<W: Write> SummaryPage for MarkdownPage<W> {
    fn write(&mut self, plan: &Plan, summary: &Summary, input: &InputFacts) -> io::Result<()> {
        let mut doc = Doc::default();
        head(&mut doc, plan, summary, input);
        incidents::write(&mut doc, &summary.incidents);
        tables::write(&mut doc, summary, input);
        foot::write(&mut doc, plan, summary, input);
        self.0.write_all(doc.into_text().as_bytes())?;
        self.0.flush()
    }
}

fn head(doc: &mut Doc, plan: &Plan, summary: &Summary, input: &InputFacts) {
    let count = match summary.incidents.len() {
        0 => "No incident".to_owned(),
        count => counted(count as u64, "incident"),
    };
    doc.push(&format!("# {count} in {}\n\n", code(&input_name(input), NAME)));
    let mut facts = vec![
        format!("{}, {} of TCP", counted(input.records, "record"), grouped(input.segments)),
        counted(summary.flows, "flow"),
    ];
    if let (Some(first), Some(last)) = (input.first_time, input.last_time) {
        facts.push(format!("{} ({})", period(first, Some(last)), input.span()));
    }
    doc.push(&format!("{}\n", facts.join(" · ")));
    let mut narrowing =
        narrowing(&plan.options).map(|(name, value)| code(&format!("--{name} {value}"), NAME));
    if let Some(first) = narrowing.next() {
        doc.push(&format!("\n**Narrowed by** {first}"));
        doc.push_some(narrowing.map(|option| format!(" {option}")), NARROWING, end::OVERVIEW);
        doc.push(": nothing else is told here.\n");
    }
    if summary.incidents.is_empty() {
        doc.push(&format!("\n{}.\n", prose(&no_incident(summary), NAME)));
    }
}

/// `2026-11-21 08:17:34.4`.
fn moment(time: Timestamp) -> String {
    let date: String = time.to_string().chars().take_while(|&letter| letter != 'T').collect();
    format!("{date} {}", time.time_of_day(1))
}

/// `2026-11-21 08:17:34.4 – 08:19:03.9 UTC`.
fn period(since: Timestamp, until: Option<Timestamp>) -> String {
    let (from, to) = (moment(since), until.map(moment));
    let to = to.map(|to| match to.strip_prefix(from.get(..11).unwrap_or_default()) {
        Some(of_day) => of_day.to_owned(),
        None => to,
    });
    match to {
        Some(to) => format!("{from} – {to} UTC"),
        None => format!("since {from} UTC, not over when the capture ended"),
    }
}
