//! A million flows on one page: counts, spans and curves of bounded size.

mod stale;

use std::cmp::Reverse;
use std::collections::BTreeMap;

pub use stale::{Stale, StaleKey, Tally};

use crate::delays::Delays;
use crate::diagnose::{Certainty, Finding, InputFinding, Rule, Severity};
use crate::flow::{Flow, FlowOutcome, Limits};
use crate::incident::Incident;
use crate::socket_file::SocketJoin;
use crate::survey::{Bounded, Party, Waits, is_stuck};
use crate::time::TimeDelta;

/// Flows named as examples.
pub(super) const EXAMPLES: usize = 3;

/// All findings of one rule.
#[derive(Clone, Debug)]
pub struct FindingCount {
    /// What the rule is called.
    pub title: &'static str,
    /// How many there are.
    pub count: u64,
    /// `Proven` when at least one is.
    pub certainty: Certainty,
    /// The first flows that have it; none for what many flows show together.
    pub examples: Vec<u64>,
    /// How long they lasted.
    pub lasted: Delays,
}

/// What a run comes to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Thresholds that decided outcomes.
    pub limits: Limits,
    /// Flows added.
    pub flows: u64,
    /// Flows by outcome, in the order of [`FlowOutcome::ALL`].
    by_outcome: [u64; FlowOutcome::ALL.len()],
    /// Findings by code.
    pub findings: BTreeMap<(&'static str, Severity), FindingCount>,
    /// What happened, the worst first.
    pub incidents: Vec<Incident>,
    /// What the capture could not show.
    pub capture: Vec<InputFinding>,
    /// Undecided flows by what kept the capture from knowing.
    pub undecided: BTreeMap<&'static str, u64>,
    /// Who was stuck in CLOSE-WAIT.
    pub waits: Bounded<Party, Waits>,
    /// Who answered late segments with RST.
    pub stale: Bounded<StaleKey, Stale>,
    /// Socket tables, joined with the flows.
    pub sockets: Option<SocketJoin>,
}

impl Summary {
    /// A summary of nothing. `limits` say from which time on a CLOSE-WAIT counts as stuck.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            flows: 0,
            by_outcome: [0; FlowOutcome::ALL.len()],
            findings: BTreeMap::new(),
            incidents: Vec::new(),
            capture: Vec::new(),
            undecided: BTreeMap::new(),
            waits: Bounded::default(),
            stale: Bounded::default(),
            sockets: None,
        }
    }

    /// Adds one flow.
    pub fn add(&mut self, flow: &Flow, findings: &[Finding]) {
        self.flows += 1;
        if let Some(count) = self.by_outcome.get_mut(flow.outcome as usize) {
            *count += 1;
        }
        if let Some(reason) = flow.undecided_because {
            *self.undecided.entry(reason).or_default() += 1;
        }
        for finding in findings {
            self.add_finding(finding);
        }
        if let Some(wait) = flow.close_wait.filter(|wait| is_stuck(flow, wait, &self.limits)) {
            self.waits.update(Party::of(flow, wait.at), |waits| waits.add(flow, &wait));
        }
        for reset in flow.resets.iter().filter(|reset| stale::is_stale(reset)) {
            self.stale.update(StaleKey::of(flow, reset), |stale| stale.add(reset));
        }
    }

    /// Adds what happened.
    pub fn add_incidents(&mut self, incidents: &[Incident]) {
        self.incidents.extend_from_slice(incidents);
    }

    /// Adds what was found in many flows of one party together, and what the capture could not show.
    pub fn add_input(&mut self, findings: &[InputFinding]) {
        for finding in findings {
            if finding.party.is_none() {
                self.capture.push(finding.clone());
            } else {
                let InputFinding { rule, severity, certainty, lasted, .. } = *finding;
                self.count(rule, severity, certainty, lasted);
            }
        }
    }

    /// How many flows had each outcome, of those that any had, in the order of precedence.
    pub fn outcomes(&self) -> impl Iterator<Item = (FlowOutcome, u64)> {
        FlowOutcome::ALL.into_iter().zip(self.by_outcome).filter(|&(_, count)| count > 0)
    }

    /// The same, the most frequent first.
    pub fn outcomes_by_count(&self) -> Vec<(FlowOutcome, u64)> {
        let mut counts: Vec<_> = self.outcomes().collect();
        counts.sort_by_key(|&(outcome, count)| (Reverse(count), outcome));
        counts
    }

    /// What kept the capture from knowing, the most frequent first.
    pub fn undecided_by_count(&self) -> Vec<(&'static str, u64)> {
        let mut reasons: Vec<_> = self.undecided.iter().map(|(reason, count)| (*reason, *count)).collect();
        reasons.sort_by_key(|&(reason, count)| (Reverse(count), reason));
        reasons
    }

    /// Codes with their counts: faults first, then what is proven, then the most.
    pub fn worst(&self) -> Vec<((&'static str, Severity), &FindingCount)> {
        let mut codes: Vec<_> = self.findings.iter().map(|(&key, count)| (key, count)).collect();
        codes.sort_by_key(|&((code, severity), count)| {
            (Reverse((severity, count.certainty, count.count)), code)
        });
        codes
    }

    fn add_finding(&mut self, finding: &Finding) {
        let &Finding { rule, severity, certainty, lasted, flow, .. } = finding;
        let count = self.count(rule, severity, certainty, lasted);
        if count.examples.len() < EXAMPLES {
            count.examples.push(flow);
        }
    }

    fn count(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        certainty: Certainty,
        lasted: Option<TimeDelta>,
    ) -> &mut FindingCount {
        let count = self.findings.entry((rule.code, severity)).or_insert_with(|| FindingCount {
            title: rule.title,
            count: 0,
            certainty,
            examples: Vec::new(),
            lasted: Delays::default(),
        });
        count.count += 1;
        count.certainty = count.certainty.max(certainty);
        if let Some(lasted) = lasted {
            count.lasted.add(lasted);
        }
        count
    }
}
