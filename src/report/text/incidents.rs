//! What happened: the first incidents in full, further ones in a line each.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::layout::{Page, counted, keep, keep_units};
use crate::diagnose::Severity;
use crate::incident::{Confirmation, Incident, Statement};
use crate::net::Endpoint;
use crate::report::accounts::no_incident;
use crate::report::chart::sparkline;
use crate::report::escape::{display_width, for_terminal, shorten};
use crate::report::summary::Summary;
use crate::survey::Party;

/// Incidents that are told in full, and those after them that have a line each.
const FULL: usize = 3;
const LINES: usize = 7;
/// Findings of which the first record is named.
const FIRST: usize = 4;

/// The services that incidents tell of.
pub(super) fn services(incidents: &[Incident]) -> BTreeSet<Endpoint> {
    let members = incidents.iter().flat_map(|incident| &incident.findings);
    members.filter_map(|member| service_of(member.party)).collect()
}

/// The service of which `party` is a side.
pub(super) const fn service_of(party: Party) -> Option<Endpoint> {
    match party {
        Party::Service(service) | Party::Client { service, .. } => Some(service),
        Party::Host(_) => None,
    }
}

pub(super) fn write(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    if summary.incidents.is_empty() {
        page.heading("NO INCIDENT", "")?;
        return page.text(&keep_units(&no_incident(summary)));
    }
    let incidents = &summary.incidents;
    for incident in incidents.iter().take(FULL) {
        write_one(page, incident, incidents)?;
    }
    let further = incidents.get(FULL..).unwrap_or_default();
    if !further.is_empty() {
        page.heading(&format!("{} MORE", further.len()), "")?;
    }
    for incident in further.iter().take(LINES) {
        write_line(page, incident)?;
    }
    let rest = further.get(LINES..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(());
    }
    let faults = rest.iter().filter(|incident| incident.severity == Severity::Fault).count() as u64;
    let faults = if faults > 0 { format!(", {} of them", counted(faults, "fault")) } else { String::new() };
    page.text(&format!("… and {} more{faults}: report.json has them", rest.len()))
}

fn write_one(page: &mut Page<'_>, incident: &Incident, all: &[Incident]) -> io::Result<()> {
    page.rated_heading(&format!("{} · {}", number(incident, all), incident.kind.as_str()), incident)?;
    page.bold_text(&keep_units(&incident.title))?;
    writeln!(page.out)?;
    let mut before = "";
    for Statement { label, text } in &incident.statements {
        let mut name = if *label == before { "" } else { label };
        if *label == "sockets" && incident.curve.iter().any(|level| *level > 1) {
            let peak = incident.curve.iter().max().copied().unwrap_or(0);
            page.labelled(name, &keep(&format!("{}  peak {peak}", sparkline(&incident.curve))))?;
            name = "";
        }
        let text = keep_units(text);
        if *label == "else" {
            page.dim_labelled("or else", &text)?;
        } else {
            page.labelled(name, &text)?;
        }
        before = label;
    }
    for (place, confirmation) in incident.confirm.iter().enumerate() {
        write_confirmation(page, if place == 0 { "confirm" } else { "" }, confirmation)?;
    }
    write_packets(page, incident)
}

/// A filter for all of its packets, and the first records of its findings with what they show.
fn write_packets(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    if !incident.filter.is_empty() {
        page.labelled("packets", &page.kept(&incident.filter))?;
    }
    let mut first: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for member in &incident.findings {
        if let Some(record) = member.records.first() {
            first.entry(*record).or_default().push(member.code);
        }
    }
    let first: Vec<String> = first
        .iter()
        .take(FIRST)
        .map(|(record, codes)| keep(&format!("{record} ({})", codes.join(" "))))
        .collect();
    if first.is_empty() {
        return Ok(());
    }
    let label = if incident.filter.is_empty() { "packets" } else { "" };
    page.labelled(label, &format!("first records: {}", first.join(", ")))
}

/// `1 INCIDENT` where there is one only, `INCIDENT 2 of 14` where there are more; narrowing leaves gaps.
fn number(incident: &Incident, all: &[Incident]) -> String {
    let is_whole = all.last().is_some_and(|last| last.id as usize == all.len());
    match all.len() {
        1 if is_whole => "1 INCIDENT".to_owned(),
        count if is_whole => format!("INCIDENT {} of {count}", incident.id),
        _ => format!("INCIDENT {}", incident.id),
    }
}

fn write_confirmation(page: &mut Page<'_>, label: &str, confirmation: &Confirmation) -> io::Result<()> {
    let Confirmation { host, command, expect } = confirmation;
    let host = format!("on {host}:");
    let whole = page.kept(&format!("{host} {command}"));
    // A command that is broken cannot be copied.
    let text = if whole.contains(' ') { format!("{} {}", keep(&host), page.kept(command)) } else { whole };
    page.labelled(label, &text)?;
    page.labelled("", &format!("→\u{a0}{expect}"))
}

fn write_line(page: &mut Page<'_>, incident: &Incident) -> io::Result<()> {
    let rating = incident.rating();
    let number = format!("{:>4}  ", incident.id);
    let room = page.width.saturating_sub(number.len() + rating.len() + 2);
    let title = for_terminal(&incident.title);
    let title = shorten(&title, room);
    let gap = page.width.saturating_sub(number.len() + display_width(&title) + rating.len());
    let rating = page.paint.severity(incident.severity, &rating);
    writeln!(page.out, "{number}{title}{:gap$}{rating}", "")
}
