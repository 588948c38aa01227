//! The first line, the accounts of the input, and what to run next.

use std::io;

use super::layout::{Page, counted, date, keep, listed};
use crate::report::accounts::{file_facts, input_name, is_whole, limits, next_commands, notes};
use crate::report::escape::display_width;
use crate::report::input::{FileFacts, InputFacts};
use crate::report::number::grouped;
use crate::report::summary::Summary;

/// Files that are listed one by one.
const FILES: usize = 4;
/// Notes that are printed.
const NOTES: usize = 8;

/// What was read, in one or two lines.
pub(super) fn write(page: &mut Page<'_>, summary: &Summary, input: &InputFacts) -> io::Result<()> {
    let facts = [
        counted(input.records, "record"),
        format!("{} TCP", grouped(input.segments)),
        counted(summary.flows, "flow"),
        input.span().to_string(),
    ];
    page.text(&format!("{}   {}", input_name(input), listed(facts.iter().map(String::as_str))))?;
    let (Some(first), Some(last)) = (input.first_time, input.last_time) else { return Ok(()) };
    let until = if date(first) == date(last) { String::new() } else { format!("{} ", date(last)) };
    let text = format!("{} {} – {until}{} UTC", date(first), first.time_of_day(1), last.time_of_day(1));
    writeln!(page.out, "{}", page.paint.dim(&text))
}

/// Every record is accounted for, and every limit of the capture is told.
pub(super) fn write_accounts(page: &mut Page<'_>, summary: &Summary, input: &InputFacts) -> io::Result<()> {
    page.heading("INPUT", "")?;
    let mut parts = vec![counted(input.segments, "TCP segment")];
    parts.extend(input.skipped.iter().map(|skipped| {
        keep(&format!(
            "{} {} (first: record {})",
            grouped(skipped.count),
            skipped.reason,
            skipped.first_record
        ))
    }));
    page.labelled("records", &format!("{} = {}", keep(&grouped(input.records)), parts.join("\u{a0}+ ")))?;
    let skipped: u64 = input.skipped.iter().map(|skipped| skipped.count).sum();
    if input.segments + skipped != input.records {
        page.labelled("", "these do not add up: please report it")?;
    }
    for file in input.files.iter().take(FILES) {
        page.labelled("file", &file_line(file))?;
    }
    if input.files.len() > FILES {
        page.labelled("", &format!("… and {} more files", input.files.len() - FILES))?;
    }
    write_health(page, summary, input)?;
    let limits = limits(&summary.limits);
    page.labelled("limits", &listed(limits.iter().map(String::as_str)))
}

fn write_health(page: &mut Page<'_>, summary: &Summary, input: &InputFacts) -> io::Result<()> {
    if input.late_segments > 0 {
        page.labelled(
            "late",
            &format!("{} came after their flow had been written", counted(input.late_segments, "segment")),
        )?;
    }
    if input.duplicates > 0 {
        let text = format!("{} the same packet as another one", counted(input.duplicates, "record"));
        page.labelled("copies", &text)?;
    }
    let notes = notes(summary, input);
    for note in notes.iter().take(NOTES) {
        page.labelled("note", note)?;
    }
    if notes.len() > NOTES {
        page.labelled("", &format!("… and {} more notes", notes.len() - NOTES))?;
    }
    if is_whole(summary, input) {
        page.labelled("health", "nothing reported as dropped, cut or seen twice")?;
    }
    Ok(())
}

/// Commands that go on from here: in one line if they fit, else each in its own.
pub(super) fn write_next(page: &mut Page<'_>, summary: &Summary, input: &InputFacts) -> io::Result<()> {
    let commands = next_commands(summary, &input.files);
    if commands.is_empty() {
        return Ok(());
    }
    writeln!(page.out)?;
    let line = commands.join(" · ");
    if display_width(&line) <= page.width {
        return page.text(&line);
    }
    commands.iter().try_for_each(|command| match command.rsplit_once(' ') {
        // As a shell continues a line, so that it can be copied.
        Some((most, last)) if display_width(command) > page.width => {
            page.text(&format!("{most} \\"))?;
            page.text(&format!("\u{a0}\u{a0}{last}"))
        }
        _ => page.text(command),
    })
}

fn file_line(file: &FileFacts) -> String {
    format!("{}: {}", file.name, listed(file_facts(file).iter().map(String::as_str)))
}
