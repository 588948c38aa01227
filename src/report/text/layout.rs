//! Lines that keep to the page.

use std::io::{self, Write};

use crate::incident::Incident;
use crate::report::escape::{columns, display_width, for_terminal};
use crate::report::input::InputFacts;
use crate::report::paint::Paint;
use crate::time::Timestamp;

/// Columns of the labels below a heading.
const LABEL: usize = 12;

/// A blank at which [`wrap`] breaks no line.
const HARD_BLANK: char = '\u{a0}';

/// `text` as one word: its blanks break no line.
pub(super) fn keep(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// `text` with numbers that stay with their units, and names of things with their numbers.
pub(super) fn keep_units(text: &str) -> String {
    let is_number = |word: &str| word.ends_with(|last: char| last.is_ascii_digit());
    let is_unit = |word: &str| {
        let word = word.trim_end_matches(|last: char| last.is_ascii_punctuation());
        ["ns", "µs", "ms", "s", "min", "h", "kB", "MB"].contains(&word)
    };
    let is_name = |word: &str| ["flow", "record", "records"].contains(&word.trim_start_matches('('));
    let mut kept = String::with_capacity(text.len() + 8);
    let mut before = "";
    for (place, word) in text.split(' ').enumerate() {
        if place > 0 {
            let starts_with_digit = word.starts_with(|first: char| first.is_ascii_digit());
            let belongs = is_number(before) && is_unit(word) || is_name(before) && starts_with_digit;
            kept.push(if belongs { HARD_BLANK } else { ' ' });
        }
        kept.push_str(word);
        before = word;
    }
    kept
}

/// Things that are kept whole, with ` · ` between them.
pub(super) fn listed<'a>(things: impl IntoIterator<Item = &'a str>) -> String {
    things.into_iter().map(keep).collect::<Vec<_>>().join("\u{a0}· ")
}

/// Where the page goes, how wide it is, and how it tells time.
pub(super) struct Page<'a> {
    pub(super) out: &'a mut dyn Write,
    pub(super) width: usize,
    pub(super) paint: Paint,
    /// True when the capture runs past midnight (UTC), so that a time of day is not enough.
    with_date: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(out: &'a mut dyn Write, width: usize, paint: Paint, input: &InputFacts) -> Self {
        let day = |time: Option<Timestamp>| time.map(|time| time.nanos().div_euclid(86_400_000_000_000));
        Self { out, width, paint, with_date: day(input.first_time) != day(input.last_time) }
    }

    /// `12:31:05.2`, with the date when the capture holds more than one.
    pub(super) fn clock(&self, time: Timestamp) -> String {
        let of_day = time.time_of_day(1);
        if self.with_date { keep(&format!("{} {of_day}", date(time))) } else { of_day }
    }

    /// A blank line, then `name` with `remark` at the right.
    pub(super) fn heading(&mut self, name: &str, remark: &str) -> io::Result<()> {
        let remark = &remark.replace(HARD_BLANK, " ");
        let gap = self.width.saturating_sub(display_width(name) + display_width(remark));
        let (bold, dim) = (self.paint.bold(name), self.paint.dim(remark));
        if remark.is_empty() {
            writeln!(self.out, "\n{bold}")
        } else {
            writeln!(self.out, "\n{bold}{:gap$}{dim}", "")
        }
    }

    /// The same with how grave and how sure an incident is.
    pub(super) fn rated_heading(&mut self, name: &str, incident: &Incident) -> io::Result<()> {
        let rating = incident.rating();
        let gap = self.width.saturating_sub(display_width(name) + rating.len());
        let (bold, rating) = (self.paint.bold(name), self.paint.severity(incident.severity, &rating));
        writeln!(self.out, "\n{bold}{:gap$}{rating}", "")
    }

    /// `text` as one word if it fits in a line below a heading.
    pub(super) fn kept(&self, text: &str) -> String {
        if display_width(text) + LABEL <= self.width { keep(text) } else { text.to_owned() }
    }

    /// `  label     text`, wrapped.
    pub(super) fn labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        let blank = " ".repeat(LABEL);
        wrap(&format!("  {label:<width$}", width = LABEL - 2), &blank, text, self.width, self.out)
    }

    /// The same, where it matters less.
    pub(super) fn dim_labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        let mut lines = Vec::new();
        let (width, paint) = (self.width, self.paint);
        Page { out: &mut lines, width, paint, with_date: self.with_date }.labelled(label, text)?;
        String::from_utf8_lossy(&lines).lines().try_for_each(|line| writeln!(self.out, "{}", paint.dim(line)))
    }

    /// Text from the left margin, wrapped.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        wrap("", "  ", text, self.width, self.out)
    }

    /// The same in bold.
    pub(super) fn bold_text(&mut self, text: &str) -> io::Result<()> {
        let mut lines = Vec::new();
        wrap("", "  ", text, self.width, &mut lines)?;
        for line in String::from_utf8_lossy(&lines).lines() {
            writeln!(self.out, "{}", self.paint.bold(line))?;
        }
        Ok(())
    }
}

/// `2026-11-21`.
pub(super) fn date(time: Timestamp) -> String {
    time.to_string().chars().take_while(|&character| character != 'T').collect()
}

/// `1 connection`, `30 connections`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    keep(&crate::report::number::counted(count, thing))
}

/// Writes `text` in lines of at most `width` columns, `first` before the first and `rest` before the others.
/// A word longer than a line is cut; no-break spaces break no line and are written as blanks.
///
/// # Errors
/// What `out` says.
pub fn wrap(first: &str, rest: &str, text: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let text = for_terminal(text);
    let (mut line, mut used) = (first.to_owned(), display_width(first));
    let mut next = |line: &mut String| {
        let written = writeln!(out, "{}", line.trim_end());
        rest.clone_into(line);
        written.map(|()| display_width(rest))
    };
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && used + 1 + display_width(word) > width {
            used = next(&mut line)?;
            empty = true;
        }
        if !empty {
            line.push(' ');
            used += 1;
        }
        for character in word.chars().map(|character| if character == HARD_BLANK { ' ' } else { character }) {
            if used + columns(character) > width {
                used = next(&mut line)?;
            }
            line.push(character);
            used += columns(character);
        }
        empty = false;
    }
    next(&mut line).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_unit() {
        let kept = keep_units("closed (flow 6, 10 of 12) after 10.0 s, 3 s; to 1.8 ms s record");
        assert_eq!(
            kept.replace(HARD_BLANK, "_"),
            "closed (flow_6, 10 of 12) after 10.0_s, 3_s; to 1.8_ms s record"
        );
    }

    #[test]
    fn words_are_kept_whole_unless_longer_than_a_line() {
        let mut out = Vec::new();
        wrap("* ", "  ", "one two three fourfivesixseven", 10, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "* one two\n  three\n  fourfive\n  sixseven\n");
    }
}
