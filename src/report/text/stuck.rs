//! `WHO DID NOT CLOSE`: per endpoint, since when, for how long, how many at once, where no incident tells it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;

use super::incidents::service_of;
use super::layout::{Page, counted, keep};
use crate::delays::Delays;
use crate::net::Endpoint;
use crate::report::chart::sparkline;
use crate::report::input::InputFacts;
use crate::report::number::grouped;
use crate::report::summary::Summary;
use crate::survey::{Curve, Party, Waits};
use crate::time::Timestamp;

/// Endpoints that are told one by one.
const PARTIES: usize = 5;
/// Columns of a curve on the narrowest page.
const CURVE: usize = 28;

pub(super) fn write(
    page: &mut Page<'_>,
    summary: &Summary,
    input: &InputFacts,
    told: &BTreeSet<Endpoint>,
) -> io::Result<()> {
    let is_told = |party: Party| service_of(party).is_some_and(|service| told.contains(&service));
    let mut parties: Vec<(&Party, &Waits)> =
        summary.waits.iter().filter(|(party, _)| !is_told(**party)).collect();
    if parties.is_empty() && summary.waits.left_out() == 0 {
        return Ok(());
    }
    parties.sort_by_key(|&(party, waits)| (Reverse((waits.connections, waits.lasted.max())), *party));
    let connections: u64 = parties.iter().map(|(_, waits)| waits.connections).sum();
    let remark = format!(
        "{}, {}",
        counted(connections + summary.waits.left_out(), "connection"),
        counted(parties.len() as u64, "endpoint")
    );
    page.heading("WHO DID NOT CLOSE", &remark)?;
    for (party, waits) in parties.iter().take(PARTIES) {
        one(page, party, waits, input)?;
    }
    let rest = parties.get(PARTIES..).unwrap_or_default();
    if !rest.is_empty() {
        let connections: u64 = rest.iter().map(|(_, waits)| waits.connections).sum();
        page.text(&format!(
            "… and {} with {}",
            counted(rest.len() as u64, "more endpoint"),
            counted(connections, "connection")
        ))?;
    }
    if summary.waits.left_out() > 0 {
        let text = counted(summary.waits.left_out(), "connection");
        page.text(&format!("… and {text} of endpoints beyond the first 10 000"))?;
    }
    Ok(())
}

fn one(page: &mut Page<'_>, party: &Party, waits: &Waits, input: &InputFacts) -> io::Result<()> {
    let connections = counted(waits.connections, "connection");
    let period = waits.since.map_or(String::new(), |since| period(page, since, waits));
    page.bold_text(&format!("{party} left {connections} half-closed, {period}"))?;
    if waits.late_fins.count() > 0 {
        let fins = counted(waits.late_fins.count(), "FIN");
        page.labelled("released", &format!("{fins} came {}", lateness(&waits.late_fins)))?;
    }
    if waits.still > 0 {
        let who = if waits.still == waits.connections && waits.still > 1 {
            format!("all {}", grouped(waits.still))
        } else {
            grouped(waits.still)
        };
        let longest = waits.longest.map_or(String::new(), |(longest, flow)| {
            format!("; the longest lasted {} ({})", keep(&longest.to_string()), keep(&format!("flow {flow}")))
        });
        page.labelled("still", &format!("{who} in CLOSE-WAIT when the capture ended{longest}"))?;
    }
    // Told: came with a FIN, or still there. What is left ended without a FIN.
    let aborted = waits.connections.saturating_sub(waits.still + waits.late_fins.count());
    if aborted > 0 {
        page.labelled("reset", &format!("{} ended by RST instead of a FIN", grouped(aborted)))?;
    }
    if waits.connections > 1 {
        let peak = waits.curve.peak();
        let about = if peak.exact { "" } else { "about " };
        let curve = curve(&waits.curve, input, CURVE + page.width - 80);
        let level = grouped(peak.level);
        let text = format!("{curve}  peak {about}{level} in CLOSE-WAIT, {}", page.clock(peak.at));
        page.labelled("sockets", &text)?;
    }
    if waits.presumed > 0 {
        let text = format!("{} only presumed: the peer's FIN may not have arrived", grouped(waits.presumed));
        page.labelled("certainty", &text)?;
    }
    let examples: Vec<_> = waits
        .examples
        .iter()
        .map(|(flow, at)| keep(&format!("flow {flow} (record {})", at.record)))
        .collect();
    let more = if waits.connections > examples.len() as u64 { ", …" } else { "" };
    page.labelled("packets", &format!("{}{more}", examples.join(", ")))
}

fn period(page: &Page<'_>, since: Timestamp, waits: &Waits) -> String {
    match waits.until {
        Some(until) if waits.still == 0 => keep(&format!("{} – {}", page.clock(since), page.clock(until))),
        _ => format!("since {}", page.clock(since)),
    }
}

/// `30.1 s late`, or `30.1 – 89.6 s late (median 57.1 s)`.
fn lateness(delays: &Delays) -> String {
    if delays.count() == 1 {
        return keep(&format!("{} late", delays.min()));
    }
    let (min, max) = (delays.min().to_string(), delays.max().to_string());
    // One unit is enough where both have the same.
    let shared = match (min.rsplit_once(' '), max.rsplit_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => number,
        _ => &min,
    };
    keep(&format!("{shared} – {max} late")) + " " + &keep(&format!("(median {})", delays.median()))
}

fn curve(curve: &Curve, input: &InputFacts, columns: usize) -> String {
    let span = input.first_time.zip(input.last_time);
    span.map_or_else(String::new, |(first, last)| sparkline(&curve.levels(first, last, columns)))
}
