//! Sentences about a run that several reports share: its input, its thresholds, and what to run next.

use super::escape::base_name;
use super::input::{FileFacts, InputFacts};
use super::number::{counted, grouped};
use super::summary::Summary;
use crate::diagnose::Severity;
use crate::flow::{FlowOutcome, Limits};

/// What the input is called: `a.pcap`, or `a.pcap and 3 more`.
pub(super) fn input_name(input: &InputFacts) -> String {
    match input.files.as_slice() {
        [] => "no input".to_owned(),
        [file] => base_name(&file.name).to_owned(),
        [first, rest @ ..] => format!("{} and {} more", base_name(&first.name), rest.len()),
    }
}

/// Where nothing happened: what there is instead.
pub(super) fn no_incident(summary: &Summary) -> String {
    if summary.flows == 0 {
        return "no TCP connection to tell of".to_owned();
    }
    let is_wrong = |(_, severity): &&(&str, Severity)| *severity > Severity::Note;
    let text = match summary.findings.keys().filter(is_wrong).count() {
        0 => "nothing is wrong, as far as this capture shows",
        _ => "what was found concerns single connections",
    };
    match summary.outcomes().find(|&(outcome, _)| outcome == FlowOutcome::Undecided) {
        Some((_, count)) => {
            format!("{text}; {} of {} undecided", grouped(count), counted(summary.flows, "flow"))
        }
        None => text.to_owned(),
    }
}

/// True when the capture reports nothing as dropped, cut or seen twice.
pub(super) fn is_whole(summary: &Summary, input: &InputFacts) -> bool {
    let is_told = summary.capture.iter().any(|finding| finding.severity > Severity::Note);
    !is_told && input.notes.is_empty() && input.duplicates == 0 && input.late_segments == 0
}

/// What limits the input, as far as no finding says it.
pub(super) fn notes<'a>(summary: &Summary, input: &'a InputFacts) -> Vec<&'a str> {
    let is_told = |note: &&str| summary.capture.iter().any(|finding| finding.summary.contains(*note));
    input.notes.iter().map(String::as_str).filter(|note| !is_told(note)).collect()
}

/// What is known of a file besides its name.
pub(super) fn file_facts(file: &FileFacts) -> Vec<String> {
    let mut facts = vec![file.format.clone()];
    facts.extend(file.link_types.iter().cloned());
    facts.extend(file.snaplen.map(|octets| format!("snap {octets}")));
    facts.push(counted(file.records, "record"));
    facts.push(size(file.bytes));
    facts
}

/// The thresholds by the names of their options.
pub(super) fn limits(limits: &Limits) -> Vec<String> {
    let &Limits { fin_delay, linger, time_wait, max_flows, max_memory } = limits;
    let mut told = vec![
        format!("fin-delay {fin_delay}"),
        format!("linger {linger}"),
        format!("time-wait {time_wait}"),
        format!("max-flows {}", grouped(max_flows)),
    ];
    told.extend(max_memory.map(|octets| format!("max-memory {}", size(octets))));
    told
}

/// Commands that go on from here.
pub(super) fn next_commands(summary: &Summary, files: &[FileFacts]) -> Vec<String> {
    let captures = arguments(files);
    let worst = summary.worst();
    let mut commands: Vec<String> =
        worst.first().map(|((code, _), _)| format!("closewait explain {code}")).into_iter().collect();
    let flow = worst.iter().find_map(|(_, count)| count.examples.first());
    if let (Some(flow), Some(captures)) = (flow, &captures) {
        commands.push(format!("closewait timeline --flow {flow} {captures}"));
    }
    let capture = summary.capture.iter().find(|finding| finding.severity > Severity::Note);
    if let (true, Some(finding)) = (commands.is_empty(), capture) {
        commands.push(format!("closewait explain {}", finding.rule.code));
    }
    commands.extend(captures.map(|captures| format!("closewait -o report/ {captures}")));
    commands
}

/// The captures as a shell takes them; further ones are left to the reader. `None` for standard input.
fn arguments(files: &[FileFacts]) -> Option<String> {
    let first = files.first().filter(|file| file.name != "-")?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    let name = if first.name.chars().all(plain) && !first.name.is_empty() {
        first.name.clone()
    } else {
        format!("'{}'", first.name.replace('\'', "'\\''"))
    };
    Some(if files.len() > 1 { format!("{name} …") } else { name })
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => counted(bytes, "byte"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
