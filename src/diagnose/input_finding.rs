//! A finding about the input as a whole: what it could not show.

use super::fact::Facts;
use super::sight::Affected;
use super::{Certainty, Rule, Severity};
use crate::flow::RecordRef;
use crate::survey::Party;
use crate::time::{TimeDelta, Timestamp};

/// Something found in the input as a whole, or in many flows of one party together: not in one flow alone.
#[derive(Clone, Debug)]
pub struct InputFinding {
    /// Which rule found it.
    pub rule: &'static Rule,
    /// The rule's severity, or a lower one.
    pub severity: Severity,
    /// How sure it is.
    pub certainty: Certainty,
    /// Whom it is about; `None` for what the capture could not show, which accuses nobody.
    pub party: Option<Party>,
    /// When it was over; `None` where it was not, or where that makes no sense.
    pub until: Option<Timestamp>,
    /// Its numbers by name, as `report.json` tells them.
    pub facts: Facts,
    /// The time of the first record that shows it, where that is known.
    pub start: Option<Timestamp>,
    /// For how long, or by how much, where that makes sense.
    pub lasted: Option<TimeDelta>,
    /// One sentence with its numbers.
    pub summary: String,
    /// A Wireshark display filter that selects all of it; `None` where only frame numbers can.
    pub filter: Option<String>,
    /// The first records that show it; none where nothing could be read.
    pub evidence: Vec<InputEvidence>,
}

/// A record that shows a finding about the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputEvidence {
    /// Its number over the whole input.
    pub record: u64,
    /// Its capture time, where that is known.
    pub time: Option<Timestamp>,
    /// What it shows.
    pub caption: &'static str,
}

impl InputFinding {
    /// A finding of `rule` that says `summary`, proven, without evidence so far.
    pub fn new(rule: &'static Rule, summary: String) -> Self {
        Self {
            rule,
            severity: rule.severity,
            certainty: Certainty::Proven,
            party: None,
            until: None,
            facts: Facts::default(),
            start: None,
            lasted: None,
            summary,
            filter: None,
            evidence: Vec::new(),
        }
    }

    /// A finding of `rule` about `party`, presumed, beginning at `start`.
    pub fn about(rule: &'static Rule, party: Party, start: Timestamp, summary: String) -> Self {
        let finding = Self::new(rule, summary).proven_if(false);
        Self { party: Some(party), start: Some(start), ..finding }
    }

    /// The same with what tells its numbers.
    #[must_use]
    pub fn with(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// The same, over at `until`, or not over.
    #[must_use]
    pub fn until(mut self, until: Option<Timestamp>) -> Self {
        self.until = until;
        self.lasted = self.start.zip(until).map(|(start, until)| until - start);
        self
    }

    /// The same, no more severe than `severity`.
    #[must_use]
    pub fn at_most(mut self, severity: Severity) -> Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// The same, `proven` or presumed.
    #[must_use]
    pub fn proven_if(mut self, proven: bool) -> Self {
        self.certainty = if proven { Certainty::Proven } else { Certainty::Presumed };
        self
    }

    /// The same with a duration.
    #[must_use]
    pub fn lasting(mut self, span: TimeDelta) -> Self {
        self.lasted = Some(span);
        self
    }

    /// The same with a display filter.
    #[must_use]
    pub fn filtered(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// The same with one more record.
    #[must_use]
    pub fn and(mut self, at: RecordRef, caption: &'static str) -> Self {
        self.start = self.start.or(Some(at.time));
        self.evidence.push(InputEvidence { record: at.record, time: Some(at.time), caption });
        self
    }

    /// The same with one more record of which only the number is known.
    #[must_use]
    pub fn and_number(mut self, record: u64, caption: &'static str) -> Self {
        self.evidence.push(InputEvidence { record, time: None, caption });
        self
    }

    /// The same with the first segments of the flows that it is true of.
    #[must_use]
    pub fn and_examples(self, affected: &Affected, caption: &'static str) -> Self {
        affected.examples.iter().fold(self, |finding, example| finding.and(example.first, caption))
    }
}
