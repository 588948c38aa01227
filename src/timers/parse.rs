//! Lines of text to timers.

use super::{Basis, Kind, Timer};
use crate::time::{TimeDelta, parse_span};

/// How late a timer fires unless its line says so: 1 %, or 50 ms if that is more.
const LATE: (f64, TimeDelta) = (0.01, TimeDelta::from_millis(50));

/// Why a line is no timer, and its number from 1.
type Failure = (usize, String);

/// The timers of `text`, in its order. Where a line does not say how firm it is, it is `basis`.
pub(super) fn timers(text: &str, basis: Basis) -> Result<Vec<Timer>, Failure> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| timer(line, basis).map_err(|what| (number, what))).collect()
}

fn timer(line: &str, basis: Basis) -> Result<Timer, String> {
    let mut fields = line.split('|').map(str::trim);
    let mut field = || fields.next().unwrap_or("");
    let (value, kind, product, setting) = (field(), field(), field(), field());
    let (firm, source, late) = (field(), field(), field());
    if fields.next().is_some() {
        return Err("more than seven fields: value | kind | product | setting | basis | source | late".into());
    }
    let value = span(value).filter(|value| *value > TimeDelta::ZERO).ok_or_else(|| {
        format!("\"{value}\" is no time: expected seconds, as in 90, 4 min, 1 h, or 7200 + 9 * 75")
    })?;
    let kind = Kind::named(kind).ok_or_else(|| {
        let kinds: Vec<_> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        format!("\"{kind}\" is no kind: expected one of {}", kinds.join(", "))
    })?;
    if product.is_empty() {
        return Err("no product: expected value | kind | product | setting".into());
    }
    let basis = match firm {
        "" => basis,
        name => Basis::named(name)
            .ok_or_else(|| format!("\"{name}\" is no basis: expected site, fixed, default or common"))?,
    };
    let late = lateness(late, value)
        .ok_or_else(|| format!("\"{late}\" is no lateness: expected a time, or a share as in 7%"))?;
    let (product, setting, source) = (product.into(), setting.into(), source.into());
    Ok(Timer { value, late, kind, product, setting, basis, source })
}

/// A sum of products of spans and plain factors: `7200 s + 9 * 75 s`.
fn span(text: &str) -> Option<TimeDelta> {
    text.split('+').try_fold(TimeDelta::ZERO, |sum, term| {
        let (factor, span) = term.rsplit_once('*').unwrap_or(("1", term));
        let factor: i64 = factor.trim().parse().ok()?;
        let nanos = parse_span(span.trim())?.nanos().checked_mul(factor)?;
        sum.nanos().checked_add(nanos).map(TimeDelta::from_nanos)
    })
}

fn lateness(text: &str, value: TimeDelta) -> Option<TimeDelta> {
    let share = |share: f64| TimeDelta::from_secs_f64(share * value.as_secs_f64());
    if text.is_empty() {
        return Some(share(LATE.0).max(LATE.1));
    }
    match text.strip_suffix('%') {
        Some(percent) => percent
            .trim()
            .parse()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(|percent: f64| share(percent / 100.0)),
        None => span(text),
    }
}
