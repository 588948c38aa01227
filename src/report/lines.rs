//! What happened in the order of time, as lines for people.

use std::io::{self, Write};

use super::Report;
use super::input::{InputFacts, Plan, Sources};

use super::spill::{SortKey, Sorter};
use super::story::Story;
use super::text::wrap;
use crate::diagnose::Finding;
use crate::flow::{Event, EventKind, Flow, replay};
use crate::time::Timestamp;

/// Columns of `08:01:31.043`, and of an endpoint; a longer one moves the words of its line.
const TIME: usize = 12;
const WHO: usize = 18;

/// Writes one line per event: when, which flow, which record, who, what, and the findings that it shows. Flows
/// are finished out of time order, so lines are held until the end, on disk when they are many.
#[derive(Debug)]
pub struct TimelineText<W> {
    out: W,
    all: bool,
    width: usize,
    sorter: Sorter,
}

impl<W: Write> TimelineText<W> {
    /// Lines of at most `width` columns (80 to 160 are used) onto `out`, of flows with findings or of `all`.
    pub fn new(out: W, all: bool, width: usize) -> Self {
        Self { out, all, width: width.clamp(80, 160), sorter: Sorter::new(Sorter::DEFAULT_LIMIT) }
    }
}

impl<W: Write> Report for TimelineText<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        if findings.is_empty() && !self.all {
            return Ok(());
        }
        let mut story = Story::new(flow);
        for step in replay(flow) {
            let Some(event) = flow.events.get(step.event) else { continue };
            let line = story.tell(&step, event);
            // An ICMP error comes from neither endpoint.
            let who = match event.kind {
                EventKind::IcmpError => "network".to_owned(),
                _ => flow.endpoint(event.from).to_string(),
            };
            let glue = if line.detail.is_empty() { "" } else { "; " };
            let row = format!("{who:<WHO$}\n{}{glue}{}{}", line.event, line.detail, codes(findings, event));
            let key = SortKey { time: event.at.time, flow: flow.id, record: event.at.record };
            self.sorter.push(key, row.as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        let number = input.records.to_string().len().max("record".len()) + 1;
        let mut lines = Lines { day: None, width: self.width, number };
        let out = &mut self.out;
        self.sorter.drain(|key, row| lines.write(&key, &String::from_utf8_lossy(row), out))?;
        if lines.day.is_none() {
            writeln!(out, "no flow has a finding; --all tells all flows")?;
        }
        self.out.flush()
    }
}

struct Lines {
    /// Days since the epoch of the line before.
    day: Option<i64>,
    width: usize,
    /// Columns of a flow or record.
    number: usize,
}

impl Lines {
    fn write(&mut self, key: &SortKey, row: &str, out: &mut dyn Write) -> io::Result<()> {
        let number = self.number;
        if self.day.replace(day(key.time)) != Some(day(key.time)) {
            let date: String = key.time.to_string().chars().take_while(|&letter| letter != 'T').collect();
            writeln!(out, "{date:<TIME$}{:>number$}{:>number$}  {:<WHO$} what", "flow", "record", "who")?;
        }
        let (who, words) = row.split_once('\n').unwrap_or((row, ""));
        let time = key.time.time_of_day(3);
        let first = format!("{time:<TIME$}{:>number$}{:>number$}  {who} ", key.flow, key.record);
        let rest = " ".repeat(TIME + 2 * number + 2 + WHO + 1);
        wrap(&first, &rest, words, self.width, out)
    }
}

fn day(time: Timestamp) -> i64 {
    time.nanos().div_euclid(86_400_000_000_000)
}

/// ` [FIN102]`: the findings that this event is evidence of.
fn codes(findings: &[Finding], event: &Event) -> String {
    let shown_by =
        |finding: &&Finding| finding.evidence.records().iter().any(|(at, _)| at.record == event.at.record);
    let codes: Vec<_> = findings.iter().filter(shown_by).map(|finding| finding.rule.code).collect();
    if codes.is_empty() { String::new() } else { format!(" [{}]", codes.join(" ")) }
}
