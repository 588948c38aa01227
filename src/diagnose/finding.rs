//! The words of diagnosis: rule, finding, evidence, severity, certainty.

use std::fmt;

use serde::Serialize;

use super::input_finding::InputFinding;
use super::sight::{Doubts, Sight};
use super::signs::Signs;
use crate::flow::{Flow, Limits, RecordRef};
use crate::net::Endpoint;
use crate::survey::View;
use crate::time::{TimeDelta, Timestamp, span_in_words};
use crate::timers::KnownTimers;

/// How much a finding matters. Ordered: a fault is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Explains; nothing is wrong.
    Note,
    /// May be wrong, or is wrong without consequence so far.
    Warning,
    /// Is wrong.
    Fault,
}

impl Severity {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Signals that passed the capture point are taken to have arrived.
    Presumed,
    /// Shown by segments that the endpoints themselves sent.
    Proven,
}

impl Certainty {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Presumed => "presumed",
            Self::Proven => "proven",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One rule of the catalogue: its words, and the check that finds it.
pub struct Rule {
    /// Family and number, e.g. `FIN102`. Never reused.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The manual: *What we saw*, *Why it matters*, *What to do*, *What else it can be*, as Markdown with
    /// `## ` headings.
    pub explanation: &'static str,
    /// How it is found.
    pub check: Check,
}

/// How a rule finds what it is about.
pub enum Check {
    /// In one flow at a time.
    Flow {
        /// A flow with none of these is not asked for.
        needs: Signs,
        /// Finds it.
        find: fn(&Flow, &Context<'_>) -> Option<Finding>,
        /// Tells one instance in a sentence with its numbers. Called only when a report prints it.
        summary: fn(&Flow, &Finding) -> String,
    },
    /// In what services, their clients and hosts did, once all flows are finished.
    Parties(fn(&View, &Terms) -> Vec<InputFinding>),
    /// In the input as a whole, once all flows are finished.
    Input(fn(&Sight) -> Vec<InputFinding>),
}

/// What rules about parties may know besides what these did.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Timers that a measured delay may be.
    pub timers: KnownTimers,
    /// From which local ports hosts connect (Linux: `ip_local_port_range`), if that was said.
    pub ports: Option<(u16, u16)>,
}

impl Rule {
    /// Its place in the [catalogue](super::CATALOGUE).
    pub fn number(&'static self) -> u16 {
        let place = super::CATALOGUE.iter().position(|rule| std::ptr::eq(*rule, self));
        place.and_then(|place| u16::try_from(place).ok()).unwrap_or(u16::MAX)
    }

    /// The signs without any of which it finds nothing in a flow.
    pub const fn needs(&self) -> Signs {
        match self.check {
            Check::Flow { needs, .. } => needs,
            Check::Input(_) | Check::Parties(_) => Signs::of(&[]),
        }
    }

    /// What it finds in one flow; nothing if it is about the input.
    pub fn find(&self, flow: &Flow, context: &Context<'_>) -> Option<Finding> {
        match self.check {
            Check::Flow { find, .. } => find(flow, context),
            Check::Input(_) | Check::Parties(_) => None,
        }
    }

    /// What it finds in the input; nothing if it is about single flows.
    pub fn find_in_input(&self, sight: &Sight) -> Vec<InputFinding> {
        match self.check {
            Check::Flow { .. } | Check::Parties(_) => Vec::new(),
            Check::Input(find) => find(sight),
        }
    }

    /// What it finds in what parties did; nothing if it is about something else.
    pub fn find_in_parties(&self, view: &View, terms: &Terms) -> Vec<InputFinding> {
        match self.check {
            Check::Parties(find) => find(view, terms),
            Check::Flow { .. } | Check::Input(_) => Vec::new(),
        }
    }

    /// The explanation in parts: each heading with its text, paragraphs as single lines.
    pub fn sections(&self) -> Vec<(&'static str, String)> {
        let mut sections: Vec<(&'static str, String)> = Vec::new();
        for line in self.explanation.lines().map(str::trim) {
            if let Some(heading) = line.strip_prefix("## ") {
                sections.push((heading, String::new()));
            } else if let Some((_, text)) = sections.last_mut() {
                let glue = if text.is_empty() || text.ends_with('\n') { "" } else { " " };
                let (glue, line) =
                    if line.is_empty() && !text.is_empty() { ("\n", "") } else { (glue, line) };
                text.push_str(glue);
                text.push_str(line);
            }
        }
        for (_, text) in &mut sections {
            text.truncate(text.trim_end().len());
        }
        sections
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

/// What rules may know besides the flow.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Thresholds.
    pub limits: &'a Limits,
    /// The latest capture time seen so far; for flows judged when the input ended, its end.
    pub now: Timestamp,
    /// What the capture is known not to have seen, as far as it is known when the flow is finished.
    pub doubts: Doubts,
}

/// The records that show a finding: never empty, at most six, each with a caption.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    records: [(RecordRef, &'static str); 6],
    length: usize,
}

impl Evidence {
    /// Evidence begins with a record: there is no finding without one.
    pub fn new(record: RecordRef, caption: &'static str) -> Self {
        Self { records: [(record, caption); 6], length: 1 }
    }

    /// Adds a record; beyond six it is left out.
    #[must_use]
    pub fn and(mut self, record: RecordRef, caption: &'static str) -> Self {
        if let Some(place) = self.records.get_mut(self.length) {
            *place = (record, caption);
            self.length += 1;
        }
        self
    }

    /// Adds a record if there is one.
    #[must_use]
    pub fn and_maybe(self, record: Option<RecordRef>, caption: &'static str) -> Self {
        match record {
            Some(record) => self.and(record, caption),
            None => self,
        }
    }

    /// The records with their captions, in the order in which they were added.
    pub fn records(&self) -> &[(RecordRef, &'static str)] {
        self.records.get(..self.length).unwrap_or_default()
    }
}

/// Something found in one flow.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// Which rule found it.
    pub rule: &'static Rule,
    /// The rule's severity, or a lower one.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// The flow.
    pub flow: u64,
    /// Whom it is about: the endpoint that did (or did not) do it.
    pub endpoint: Endpoint,
    /// Since when.
    pub start: Timestamp,
    /// For how long, where that makes sense.
    pub lasted: Option<TimeDelta>,
    /// The records that show it.
    pub evidence: Evidence,
    /// What of the capture keeps it from being proven.
    pub because: Option<&'static str>,
}

impl Finding {
    /// A finding of `rule` about `endpoint` in `flow`, proven, starting with the first evidence record.
    pub fn new(rule: &'static Rule, flow: &Flow, endpoint: Endpoint, evidence: Evidence) -> Self {
        let start = evidence.records().first().map_or(flow.first.time, |(record, _)| record.time);
        Self {
            rule,
            severity: rule.severity,
            certainty: Certainty::Proven,
            flow: flow.id,
            endpoint,
            start,
            lasted: None,
            evidence,
            because: None,
        }
    }

    /// The same, only presumed if there is something `because` of which the capture cannot know.
    #[must_use]
    pub fn unless(mut self, because: Option<&'static str>) -> Self {
        if because.is_some() {
            self.certainty = Certainty::Presumed;
            self.because = self.because.or(because);
        }
        self
    }

    /// The same, only presumed.
    #[must_use]
    pub fn presumed(mut self) -> Self {
        self.certainty = Certainty::Presumed;
        self
    }

    /// The same, `proven` or presumed.
    #[must_use]
    pub fn proven_if(mut self, proven: bool) -> Self {
        self.certainty = if proven { Certainty::Proven } else { Certainty::Presumed };
        self
    }

    /// The same with a duration. A negative one says that the clock stepped: then it is not known.
    #[must_use]
    pub fn lasting(mut self, span: TimeDelta) -> Self {
        self.lasted = (span >= TimeDelta::ZERO).then_some(span);
        self
    }

    /// Its duration in words.
    pub fn span(&self) -> String {
        span_in_words(self.lasted)
    }

    /// The same with a lower severity.
    #[must_use]
    pub fn at_most(mut self, severity: Severity) -> Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// One sentence with the numbers of this instance.
    pub fn summary(&self, flow: &Flow) -> String {
        let summary = match self.rule.check {
            Check::Flow { summary, .. } => summary(flow, self),
            Check::Input(_) | Check::Parties(_) => String::new(),
        };
        match self.because {
            Some(because) => format!("{summary}; presumed: {because}"),
            None => summary,
        }
    }
}
