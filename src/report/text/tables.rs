//! `OUTCOMES` and `WORST FINDINGS`, side by side.

use std::io;

use super::layout::Page;
use crate::report::escape::{display_width, shorten};
use crate::report::number::grouped;
use crate::report::summary::{FindingCount, Summary};

/// Rows of either table.
const ROWS: usize = 10;
/// Columns of the gap between the tables, and of a severity.
const GAP: usize = 3;
const SEVERITY: usize = 7;

pub(super) fn write(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    if summary.flows == 0 {
        return Ok(());
    }
    let counts =
        summary.outcomes().map(|(_, count)| count).chain(summary.findings.values().map(|count| count.count));
    let number = counts.max().map_or(0, |count| grouped(count).len()).max("flows".len()) + 1;
    let name = summary.outcomes().map(|(outcome, _)| outcome.as_str().len());
    let name = name.max().unwrap_or(0).max("OUTCOMES".len());
    let left = name + number;
    let title = page.width.saturating_sub(left + GAP + SEVERITY + number);
    let outcomes = outcomes(summary, name, number);
    let findings = findings(page, summary, title, number);
    writeln!(page.out)?;
    let mut head = page.paint.bold(&row("OUTCOMES", name, "flows", number));
    if !findings.is_empty() {
        let right = format!("{:GAP$}{:<title$}{:SEVERITY$}{:>number$}", "", "WORST FINDINGS", "", "times");
        head.push_str(&page.paint.bold(&right));
    }
    write_line(page, &head)?;
    for place in 0..outcomes.len().max(findings.len()) {
        let left = outcomes.get(place).cloned().unwrap_or_else(|| " ".repeat(left));
        let right = findings.get(place).map_or("", String::as_str);
        write_line(page, &format!("{left}{:GAP$}{right}", ""))?;
    }
    Ok(())
}

fn write_line(page: &mut Page<'_>, line: &str) -> io::Result<()> {
    writeln!(page.out, "{}", line.trim_end())
}

fn outcomes(summary: &Summary, name: usize, number: usize) -> Vec<String> {
    let counts = summary.outcomes_by_count();
    let cut = if counts.len() > ROWS { ROWS - 1 } else { counts.len() };
    let (shown, rest) = counts.split_at_checked(cut).unwrap_or_default();
    let mut rows: Vec<_> =
        shown.iter().map(|(outcome, count)| row(outcome.as_str(), name, &grouped(*count), number)).collect();
    if !rest.is_empty() {
        let flows: u64 = rest.iter().map(|(_, count)| *count).sum();
        rows.push(row("others", name, &grouped(flows), number));
    }
    rows
}

fn findings(page: &Page<'_>, summary: &Summary, room: usize, number: usize) -> Vec<String> {
    let codes = summary.worst();
    let cut = if codes.len() > ROWS { ROWS - 1 } else { codes.len() };
    let mut rows: Vec<_> = codes
        .iter()
        .take(cut)
        .map(|((code, severity), count)| {
            let word = format!("{:<SEVERITY$}", severity.as_str());
            let word = page.paint.severity(*severity, &word);
            format!("{}{word}{:>number$}", title(code, count, room), grouped(count.count))
        })
        .collect();
    if codes.len() > cut {
        rows.push(format!("… and {} more findings", codes.len() - cut));
    }
    rows
}

/// `FIN102 delayed FIN, median 57.1 s`, padded to `room` columns; the median is left out where it does not fit.
fn title(code: &str, count: &FindingCount, room: usize) -> String {
    let room_for_words = room.saturating_sub(1);
    let mut text = format!("{code} {}", count.title);
    let median = match count.lasted.count() {
        0 => String::new(),
        1 => format!(", {}", count.lasted.median()),
        _ => format!(", median {}", count.lasted.median()),
    };
    if display_width(&text) + display_width(&median) <= room_for_words {
        text.push_str(&median);
    }
    let text = shorten(&text, room_for_words);
    let blank = room.saturating_sub(display_width(&text));
    format!("{text}{:blank$}", "")
}

fn row(name: &str, name_width: usize, number: &str, number_width: usize) -> String {
    format!("{name:<name_width$}{number:>number_width$}")
}
