//! Findings of one kind between one client host and one service, in bounded memory.

use crate::delays::Delays;
use std::collections::BTreeMap;

use super::{Certainty, Finding, Severity};
use crate::flow::Flow;
use crate::keyed::KeyedMap;
use crate::survey::Place;
use crate::time::Timestamp;

/// Flows named as examples.
const EXAMPLES: usize = 3;

/// Kinds of findings between two parties that are told apart.
const GROUPS: usize = 20_000;

/// Findings of flows, by who took part and which rule found them.
#[derive(Debug, Default)]
pub struct Groups(KeyedMap<(u32, u16), Group>);

impl Groups {
    /// Adds what was found in the flow at `place`.
    pub fn add(&mut self, place: Place, flow: &Flow, findings: &[Finding]) {
        let Some(pair) = place.pair else { return };
        for finding in findings {
            let key = (pair, finding.rule.number());
            if let Some(group) = self.0.get_mut(&key) {
                group.add(finding);
            } else if self.0.len() < GROUPS {
                self.0.insert(key, Group::new(flow, finding));
            }
        }
    }

    /// All of them in the order of pairs and rules, by the numbers of these.
    pub fn settle(self) -> BTreeMap<(u32, u16), Group> {
        self.0.into_iter().collect()
    }
}

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
    /// The first findings.
    pub examples: [Option<Shown>; EXAMPLES],
    /// The sentence of the first one.
    pub told: Box<str>,
}

/// A finding by its flow, and the last two records that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The flow.
    pub flow: u64,
    /// The last record but one, as the last where there is one only.
    pub before: u64,
    /// The last record.
    pub last: u64,
}

impl Shown {
    fn of(finding: &Finding) -> Self {
        let (mut before, mut last) = (0, 0);
        for (at, _) in finding.evidence.records() {
            if at.record > last {
                (before, last) = (last, at.record);
            } else if at.record > before {
                before = at.record;
            }
        }
        Self { flow: finding.flow, before: if before == 0 { last } else { before }, last }
    }
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
            examples: [None; EXAMPLES],
            told: finding.summary(flow).into_boxed_str(),
        };
        group.add(finding);
        group
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: &Finding) {
        let (first, last) = self.times;
        self.count += 1;
        self.severity = self.severity.max(finding.severity);
        self.certainty = self.certainty.max(finding.certainty);
        self.times = (first.min(finding.start), last.max(finding.start));
        if let Some(lasted) = finding.lasted {
            self.lasted.add(lasted);
        }
        if let Some(place) = self.examples.iter_mut().find(|example| example.is_none()) {
            *place = Some(Shown::of(finding));
        }
    }

    /// The first findings.
    pub fn examples(&self) -> impl Iterator<Item = Shown> {
        self.examples.iter().flatten().copied()
    }

    /// Joins the findings of another group.
    pub fn join(&mut self, other: &Self) {
        let ((first, last), (other_first, other_last)) = (self.times, other.times);
        self.count += other.count;
        self.severity = self.severity.max(other.severity);
        self.certainty = self.certainty.max(other.certainty);
        self.lasted.merge(&other.lasted);
        self.times = (first.min(other_first), last.max(other_last));
        for (place, example) in self.examples.iter_mut().filter(|it| it.is_none()).zip(other.examples()) {
            *place = Some(example);
        }
    }
}
