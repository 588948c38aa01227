//! Attached socket tables, outcomes, findings, and what the capture could not show.

use super::doc::Doc;
use super::end;
use super::escape::{NAME, SENTENCE, block, prose};
use crate::flow::FlowOutcome;
use crate::report::accounts::{is_whole, notes};
use crate::report::input::InputFacts;
use crate::report::number::{counted, grouped};
use crate::report::summary::{FindingCount, Summary};
use crate::report::text::sockets_text;

/// Rows of the table of findings.
const FINDINGS: usize = 24;
/// Findings about the input, and reasons for `undecided`, that are told.
const CAPTURE: usize = 12;
/// Lines about attached socket tables, and how wide they are.
const SOCKETS: usize = 60;
const WIDTH: usize = 100;

pub(super) fn write(doc: &mut Doc, summary: &Summary, input: &InputFacts) {
    write_sockets(doc, summary, input);
    write_outcomes(doc, summary);
    write_findings(doc, summary);
    write_capture(doc, summary, input);
}

fn write_sockets(doc: &mut Doc, summary: &Summary, input: &InputFacts) {
    let text = sockets_text(summary, input, WIDTH);
    if text.is_empty() {
        return;
    }
    let mut lines: Vec<&str> = text.lines().skip_while(|line| line.is_empty()).skip(1).collect();
    let all = lines.len();
    lines.truncate(SOCKETS);
    let told = format!("\n## Attached socket tables\n\n{}", block("text", lines, SENTENCE));
    if !doc.push_within(&told, end::SOCKETS) {
        doc.push("\n## Attached socket tables\n\nToo long for here: `report.json` has them.\n");
    } else if all > SOCKETS {
        doc.push(&format!("\n… and {} more.\n", counted((all - SOCKETS) as u64, "line")));
    }
}

fn write_outcomes(doc: &mut Doc, summary: &Summary) {
    if summary.flows == 0 {
        return;
    }
    doc.push("\n## All flows\n\n| outcome | flows |\n|---|---:|\n");
    for (outcome, count) in summary.outcomes_by_count() {
        doc.push(&format!("| `{}` | {} |\n", outcome.as_str(), grouped(count)));
    }
}

fn write_findings(doc: &mut Doc, summary: &Summary) {
    let worst = summary.worst();
    if worst.is_empty() {
        return;
    }
    doc.push("\nWhat was found, the worst first:\n\n| | finding | severity | times |\n|---|---|---|---:|\n");
    let row = |((code, severity), count): &((&str, _), &FindingCount)| {
        let severity: crate::diagnose::Severity = *severity;
        let (title, times) = (prose(count.title, NAME), grouped(count.count));
        format!("| `{code}` | {title}{} | {} | {times} |\n", median(count), severity.as_str())
    };
    let told = doc.push_some(worst.iter().map(row), FINDINGS, end::TABLES);
    if told < worst.len() {
        doc.push(&format!("\n… and {} more kinds.\n", worst.len() - told));
    }
}

fn median(count: &FindingCount) -> String {
    match count.lasted.count() {
        0 => String::new(),
        1 => format!(", {}", count.lasted.median()),
        _ => format!(", median {}", count.lasted.median()),
    }
}

fn write_capture(doc: &mut Doc, summary: &Summary, input: &InputFacts) {
    doc.push("\n## What the capture could not show\n\n");
    if is_whole(summary, input) && summary.capture.is_empty() && summary.undecided.is_empty() {
        doc.push("Nothing was reported as dropped, cut or seen twice.\n");
        return;
    }
    let findings = summary
        .capture
        .iter()
        .map(|finding| format!("- `{}` {}\n", finding.rule.code, prose(&finding.summary, SENTENCE)));
    let told = doc.push_some(findings, CAPTURE, end::CAPTURE);
    if told < summary.capture.len() {
        doc.push(&format!("- … and {} more\n", summary.capture.len() - told));
    }
    if let Some((_, count)) = summary.outcomes().find(|&(outcome, _)| outcome == FlowOutcome::Undecided) {
        let (flows, all) = (counted(count, "flow"), grouped(summary.flows));
        doc.push(&format!("- {flows} of {all} undecided\n"));
    }
    let reasons = summary.undecided_by_count();
    let lines = reasons.iter().map(|(reason, count)| format!("  - {}: {reason}\n", counted(*count, "flow")));
    // Reasons are known when the program is built; only their numbers are not.
    let told = doc.push_some(lines, CAPTURE, end::CAPTURE);
    if told < reasons.len() {
        doc.push(&format!("  - … and {} more reasons\n", reasons.len() - told));
    }
    let notes = notes(summary, input).len() as u64;
    if notes > 0 {
        doc.push(&format!("- {} on the input, see below\n", counted(notes, "note")));
    }
}
