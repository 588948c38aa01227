//! What happened: a line for each incident, and the first ones in full.

use super::doc::Doc;
use super::end;
use super::escape::{NAME, SENTENCE, block, code, code_cell, prose};
use super::{moment, period};
use crate::diagnose::{Certainty, Severity};
use crate::incident::{CausalEdge, Incident, Member, Statement};
use crate::report::chart::sparkline;
use crate::report::number::{counted, grouped};

/// Incidents that have a line, and those that are told in full.
const LINES: usize = 40;
const FULL: usize = 10;
/// Statements, commands, findings and causes of one incident.
const STATEMENTS: usize = 20;
const COMMANDS: usize = 6;
const MEMBERS: usize = 20;
const CAUSES: usize = 12;

pub(super) fn write(doc: &mut Doc, incidents: &[Incident]) {
    if incidents.len() > 1 {
        write_overview(doc, incidents);
    }
    let told = incidents.iter().take(FULL).take_while(|incident| {
        // Whatever its length, an incident is told; only its sentences may be cut.
        [SENTENCE, NAME].iter().any(|most| doc.push_within(&in_full(incident, *most), end::INCIDENTS))
    });
    let told = told.count();
    let rest = incidents.get(told..).unwrap_or_default();
    if !rest.is_empty() {
        doc.push(&format!(
            "\n{} told in full in `report.json` (`--json`).\n",
            counted(rest.len() as u64, "more incident")
        ));
    }
}

fn write_overview(doc: &mut Doc, incidents: &[Incident]) {
    doc.push(
        "\n| | what happened | how grave, how sure | connections | since (UTC) |\n|---:|---|---|---:|---|\n",
    );
    let row = |incident: &Incident| {
        format!(
            "| {} | {} | {} | {} | {} |\n",
            incident.id,
            prose(&incident.title, NAME),
            incident.rating(),
            grouped(incident.connections),
            moment(incident.since)
        )
    };
    let told = doc.push_some(incidents.iter().map(row), LINES, end::OVERVIEW);
    let rest = incidents.get(told..).unwrap_or_default();
    if !rest.is_empty() {
        let faults = rest.iter().filter(|incident| incident.severity == Severity::Fault).count();
        doc.push(&format!("\n… and {} more, {}.\n", rest.len(), counted(faults as u64, "fault")));
    }
}

/// One incident, its sentences at most `most` characters long.
fn in_full(incident: &Incident, most: usize) -> String {
    let mut text = Doc::default();
    text.push(&format!("\n## {}. {}\n\n", incident.id, prose(&incident.title, NAME)));
    text.push(&format!(
        "**{}** · {} · {} · {}\n\n",
        incident.rating(),
        incident.kind.as_str(),
        counted(incident.connections, "connection"),
        period(incident.since, incident.until)
    ));
    statements(incident, |label| label == "who", most, &mut text);
    statements(incident, |label| !matches!(label, "who" | "else"), most, &mut text);
    let sure = match incident.certainty {
        Certainty::Proven => "proven: the packets show it",
        Certainty::Presumed => "presumed: the packets suggest it, the commands below would confirm it",
    };
    text.push(&format!("- **How sure:** {sure}\n"));
    statements(incident, |label| label == "else", most, &mut text);
    confirm(incident, most, &mut text);
    if !incident.filter.is_empty() {
        text.push(&format!("\n**In Wireshark:** {}\n", code(&incident.filter, most)));
    }
    details(incident, &mut text);
    text.into_text()
}

/// The statements whose label `is_told`; those with the same stand together.
fn statements(incident: &Incident, is_told: impl Fn(&str) -> bool, most: usize, text: &mut Doc) {
    let told = incident.statements.iter().filter(|statement| is_told(statement.label));
    let told: Vec<&Statement> = told.take(STATEMENTS).collect();
    for group in told.chunk_by(|one, next| one.label == next.label) {
        let Some(first) = group.first() else { continue };
        let curve = curve(incident, first.label);
        text.push(&format!("- **{}:**", heading(first.label)));
        match group {
            [only] => text.push(&format!("{curve} {}\n", prose(&only.text, most))),
            several => {
                text.push(&format!("{curve}\n"));
                for statement in several {
                    text.push(&format!("  - {}\n", prose(&statement.text, most)));
                }
            }
        }
    }
}

fn heading(label: &str) -> &str {
    match label {
        "cause" => "Cause",
        "effect" => "What followed",
        "poisoned" => "Poisoned ports",
        "reuse" => "Ports used again",
        "sockets" => "Sockets",
        "held by" => "Held by",
        "who" => "Who must act",
        "else" => "What else it can be",
        other => other,
    }
}

fn curve(incident: &Incident, label: &str) -> String {
    let is_worth_it = label == "sockets" && incident.curve.iter().any(|level| *level > 1);
    if is_worth_it { format!(" `{}`", sparkline(&incident.curve)) } else { String::new() }
}

fn confirm(incident: &Incident, most: usize, text: &mut Doc) {
    if incident.confirm.is_empty() {
        return;
    }
    let commands = incident.confirm.iter().take(COMMANDS);
    let lines: Vec<String> =
        commands.flat_map(|it| [format!("# on {}: {}", it.host, it.expect), it.command.clone()]).collect();
    text.push("\n**What would confirm it:**\n\n");
    text.push(&block("sh", lines.iter().map(String::as_str), most));
}

fn details(incident: &Incident, text: &mut Doc) {
    text.push("\n<details>\n<summary>What it consists of</summary>\n\n");
    text.push("| | finding | of whom | times | first flows | first records |\n|---|---|---|---:|---|---|\n");
    for member in incident.findings.iter().take(MEMBERS) {
        text.push(&row(member));
    }
    let rest = incident.findings.len().saturating_sub(MEMBERS);
    if rest > 0 {
        text.push(&format!("\n… and {rest} more.\n"));
    }
    if !incident.causes.is_empty() {
        text.push("\nWhat led to what, and how likely that is:\n\n");
    }
    for CausalEdge { effect, how, cause, score, reason } in incident.causes.iter().take(CAUSES) {
        let (effect, cause) = (prose(effect, NAME), prose(cause, NAME));
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", prose(reason, NAME)) };
        text.push(&format!("- {effect} *{how}* {cause} ({score:.2}){reason}\n"));
    }
    let rest = incident.causes.len().saturating_sub(CAUSES);
    if rest > 0 {
        text.push(&format!("- … and {rest} more\n"));
    }
    text.push("\n</details>\n");
}

fn row(member: &Member) -> String {
    let list = |numbers: &[u64]| {
        let all: Vec<String> = numbers.iter().take(5).map(u64::to_string).collect();
        all.join(", ")
    };
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        code_cell(member.code, NAME),
        prose(member.title, NAME),
        prose(&member.party.to_string(), NAME),
        grouped(member.count),
        list(&member.flows),
        list(&member.records)
    )
}
