//! How far one oracle agrees.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::known::Known;

/// What an oracle's rows came to.
pub(crate) struct Tally {
    /// What is compared, for people.
    pub(crate) what: &'static str,
    known: Known,
    rows: usize,
    agree: usize,
    classed: usize,
    classes: BTreeMap<String, Class>,
    surprises: Vec<String>,
}

#[derive(Default)]
struct Class {
    rows: usize,
    reason: String,
}

/// How a row differs.
pub(crate) struct Difference {
    /// What the oracle calls the row, or `frame N` for a flow that only closewait has.
    pub(crate) key: String,
    pub(crate) how: String,
}

impl Tally {
    /// Compares `what`; `known` is the table of differences that are known one by one.
    pub(crate) fn new(what: &'static str, known: &str) -> Self {
        Self {
            what,
            known: Known::load(known),
            rows: 0,
            agree: 0,
            classed: 0,
            classes: BTreeMap::new(),
            surprises: Vec::new(),
        }
    }

    /// A row of the oracle is the same here.
    pub(crate) fn agrees(&mut self) {
        self.rows += 1;
        self.agree += 1;
    }

    /// A row of the oracle differs by a rule.
    pub(crate) fn differs_by_rule(&mut self, class: &str, reason: &str) {
        self.rows += 1;
        self.classed += 1;
        self.count(class.to_owned(), reason.to_owned());
    }

    /// A row differs: known, or a surprise.
    pub(crate) fn differs(&mut self, pcap: &str, difference: &Difference) {
        let theirs = usize::from(!difference.key.starts_with("frame "));
        self.rows += theirs;
        let known = self.known.explains(pcap, &difference.key);
        let Some((class, reason)) = known.map(|(class, reason)| (class.to_owned(), reason.to_owned())) else {
            return self.surprises.push(format!("{pcap},{}: {}", difference.key, difference.how));
        };
        self.classed += theirs;
        self.count(class, reason);
    }

    fn count(&mut self, class: String, reason: String) {
        let class = self.classes.entry(class).or_default();
        class.rows += 1;
        class.reason = reason;
    }

    /// Fails when anything is neither the same nor known; else the shares and the classes.
    pub(crate) fn check(mut self, at_least: usize) -> String {
        self.surprises.extend(self.known.stale());
        assert!(self.surprises.is_empty(), "{}:\n{}", self.surprises.len(), self.surprises.join("\n"));
        assert!(self.rows >= at_least, "{}", self.rows);
        let mut out = format!("{}: {}\n", self.what, self.shares());
        for (class, Class { rows, .. }) in &self.classes {
            writeln!(out, "{rows:>5} {class}").unwrap();
        }
        out
    }

    /// `3894 of 4023 agree: 96.79 %; 100.00 % with the known differences`.
    fn shares(&self) -> String {
        let (agree, known) = (percent(self.agree, self.rows), percent(self.agree + self.classed, self.rows));
        format!("{} of {} agree: {agree}; {known} with the known differences", self.agree, self.rows)
    }

    /// One row of the table in `docs/agreement.md`.
    pub(crate) fn row(&self) -> String {
        let (agree, known) = (percent(self.agree, self.rows), percent(self.agree + self.classed, self.rows));
        format!("| {} | {} | {} | {agree} | {known} |", self.what, self.rows, self.agree)
    }

    /// The classes of differences as a table.
    pub(crate) fn classes(&self) -> String {
        let mut out = format!("## {}\n\n| class | rows | reason |\n|---|---|---|\n", self.what);
        for (class, Class { rows, reason }) in &self.classes {
            writeln!(out, "| {class} | {rows} | {reason} |").unwrap();
        }
        out
    }
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn percent(part: usize, whole: usize) -> String {
    format!("{:.2} %", 100.0 * part as f64 / whole as f64)
}
