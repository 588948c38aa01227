//! The list of known timers, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::escape::for_spreadsheet;
use super::paint::Paint;
use super::text::{TextOptions, wrap};
use crate::time::TimeDelta;
use crate::timers::{Candidate, Kind, KnownTimers, Timer};

/// Columns of the value and the gaps around it.
const VALUE: usize = 12;

/// Writes the timers by what they do, the shortest first.
///
/// # Errors
/// What `out` says.
pub fn write_timers(timers: &KnownTimers, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let (width, paint) = (options.width.clamp(80, 120), Paint::new(options.color));
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        let mut of_kind: Vec<_> = timers.iter().filter(|timer| timer.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        if place > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}  {}", paint.bold(&kind.as_str().to_uppercase()), kind.meaning())?;
        of_kind.sort_by_key(|timer| timer.value);
        of_kind.iter().try_for_each(|timer| write_timer(timer, "", width, out))?;
    }
    Ok(())
}

/// Writes what a delay may be, the closest first.
///
/// # Errors
/// What `out` says.
pub fn write_candidates(
    delay: TimeDelta,
    candidates: &[Candidate<'_>],
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if candidates.is_empty() {
        return writeln!(out, "no known timer fires after {delay}");
    }
    let width = options.width.clamp(80, 120);
    candidates
        .iter()
        .try_for_each(|Candidate { timer, .. }| write_timer(timer, timer.kind.as_str(), width, out))
}

/// `  90 s       Go http.Transport IdleConnTimeout · default · pkg.go.dev/net/http, DefaultTransport`
fn write_timer(timer: &Timer, kind: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let parts = [&*timer.name(), kind, timer.basis.as_str(), &timer.source];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let first = format!("  {:<width$}", timer.value_in_words(), width = VALUE - 2);
    wrap(&first, &" ".repeat(VALUE), &parts.join("\u{a0}· "), width, out)
}

/// Writes the timers as CSV, in the order of the list.
///
/// # Errors
/// What `out` says.
pub fn write_timers_csv(timers: &KnownTimers, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    for timer in timers.iter() {
        rows.serialize(Row {
            value_s: timer.value,
            late_s: timer.late,
            kind: timer.kind.as_str(),
            product: &for_spreadsheet(&timer.product),
            setting: &for_spreadsheet(&timer.setting),
            basis: timer.basis.as_str(),
            source: &for_spreadsheet(&timer.source),
        })?;
    }
    rows.flush()
}

#[derive(Serialize)]
struct Row<'a> {
    value_s: TimeDelta,
    late_s: TimeDelta,
    kind: &'a str,
    product: &'a str,
    setting: &'a str,
    basis: &'a str,
    source: &'a str,
}
