//! Folded: the input, every record accounted for, thresholds and version; and what to run next.

use super::doc::Doc;
use super::end;
use super::escape::{NAME, SENTENCE, block, code, prose};
use crate::report::accounts::{file_facts, limits, next_commands, notes};
use crate::report::input::{FileFacts, InputFacts, Plan};
use crate::report::number::{counted, grouped};
use crate::report::summary::Summary;

/// Files, notes, reasons for records that are no segments, and options that are told.
const FILES: usize = 6;
const NOTES: usize = 8;
const SKIPPED: usize = 12;
const OPTIONS: usize = 12;

pub(super) fn write(doc: &mut Doc, plan: &Plan, summary: &Summary, input: &InputFacts) {
    doc.push("\n<details>\n<summary>Input, thresholds, version</summary>\n\n");
    let skipped =
        input.skipped.iter().map(|it| format!(" + {} {}", grouped(it.count), prose(&it.reason, NAME)));
    doc.push(&format!("- {} = {}", counted(input.records, "record"), counted(input.segments, "TCP segment")));
    let told = doc.push_some(skipped, SKIPPED, end::FOOT);
    doc.push(if told < input.skipped.len() { " + others\n" } else { "\n" });
    list(doc, input.files.iter().map(file_line), input.files.len(), FILES, "file");
    if input.duplicates > 0 {
        doc.push(&format!("- {} the same packet as another one\n", counted(input.duplicates, "record")));
    }
    if input.late_segments > 0 {
        let late = counted(input.late_segments, "segment");
        doc.push(&format!("- {late} came after their flow had been written\n"));
    }
    let notes = notes(summary, input);
    let lines = notes.iter().map(|note| format!("- {}\n", prose(note, SENTENCE)));
    list(doc, lines, notes.len(), NOTES, "note");
    doc.push(&format!("- thresholds: {}\n", limits(&summary.limits).join(" · ")));
    let options = plan.options.iter().map(|(name, value)| {
        format!("- {}\n", code(&format!("--{} {value}", name.trim_start_matches('-')), NAME))
    });
    list(doc, options, plan.options.len(), OPTIONS, "option");
    doc.push("- a flow is named by the number of its first record; records are counted over all files, in Wireshark by file\n");
    doc.push(&format!("- closewait {}\n\n</details>\n", prose(&plan.version, NAME)));
    let commands = next_commands(summary, &input.files);
    let commands = block("sh", commands.iter().map(String::as_str), SENTENCE);
    // What would be cut is no command.
    if !commands.contains('…') || input.files.len() > 1 {
        let _ = doc.push_within(&format!("\nTo look closer:\n\n{commands}"), end::FOOT);
    }
}

/// Some of `count` things, and how many more there are.
fn list(doc: &mut Doc, lines: impl Iterator<Item = String>, count: usize, most: usize, thing: &str) {
    let told = doc.push_some(lines, most, end::FOOT);
    if told < count {
        doc.push(&format!("- … and {}\n", counted((count - told) as u64, &format!("more {thing}"))));
    }
}

fn file_line(file: &FileFacts) -> String {
    format!("- {}: {}\n", code(&file.name, NAME), prose(&file_facts(file).join(" · "), NAME))
}
