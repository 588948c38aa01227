//! Findings of one kind between one client host and one service.

use crate::delays::Delays;
use crate::diagnose::{Certainty, Finding, Severity};
use crate::flow::Flow;
use crate::time::Timestamp;

/// Flows named as examples.
const EXAMPLES: usize = 3;

/// Findings of one rule between two parties.
#[derive(Clone, Debug)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The most severe.
    pub severity: Severity,
    /// `Proven` when at least one is.
    pub certainty: Certainty,
    /// When the first and the last began.
    pub times: (Timestamp, Timestamp),
    /// How long they lasted, where that is known.
    pub lasted: Delays,
    /// The first findings, each with its sentence.
    pub examples: Vec<(Finding, String)>,
}

impl Group {
    /// Of one finding.
    pub fn new(flow: &Flow, finding: &Finding) -> Self {
        let mut group = Self {
            count: 0,
            severity: finding.severity,
            certainty: finding.certainty,
            times: (finding.start, finding.start),
            lasted: Delays::default(),
            examples: Vec::new(),
        };
        group.add(flow, finding);
        group
    }

    /// Adds a finding.
    pub fn add(&mut self, flow: &Flow, finding: &Finding) {
        let (first, last) = self.times;
        self.count += 1;
        self.severity = self.severity.max(finding.severity);
        self.certainty = self.certainty.max(finding.certainty);
        self.times = (first.min(finding.start), last.max(finding.start));
        if let Some(lasted) = finding.lasted {
            self.lasted.add(lasted);
        }
        if self.examples.len() < EXAMPLES {
            self.examples.push((*finding, finding.summary(flow)));
        }
    }

    /// Joins the findings of another group.
    pub fn join(&mut self, other: &Self) {
        let ((first, last), (other_first, other_last)) = (self.times, other.times);
        self.count += other.count;
        self.severity = self.severity.max(other.severity);
        self.certainty = self.certainty.max(other.certainty);
        self.lasted.merge(&other.lasted);
        self.times = (first.min(other_first), last.max(other_last));
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
    }
}
