//! A million flows on one page: counts, spans and curves of bounded size.

mod stale;

use std::collections::BTreeMap;

pub use stale::{Stale, StaleKey, Tally};

use crate::delays::Delays;
use crate::diagnose::{Certainty, Finding, InputFinding, Severity};
use crate::flow::{Flow, FlowOutcome, Limits};
use crate::socket_file::SocketJoin;
use crate::survey::{Bounded, Party, Waits, is_stuck};

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
    /// The first flows that have it.
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

    /// Adds what the capture could not show.
    pub fn add_input(&mut self, findings: &[InputFinding]) {
        self.capture.extend_from_slice(findings);
    }

    /// How many flows had each outcome, of those that any had, in the order of precedence.
    pub fn outcomes(&self) -> impl Iterator<Item = (FlowOutcome, u64)> {
        FlowOutcome::ALL.into_iter().zip(self.by_outcome).filter(|&(_, count)| count > 0)
    }

    fn add_finding(&mut self, finding: &Finding) {
        let count =
            self.findings.entry((finding.rule.code, finding.severity)).or_insert_with(|| FindingCount {
                title: finding.rule.title,
                count: 0,
                certainty: finding.certainty,
                examples: Vec::new(),
                lasted: Delays::default(),
            });
        count.count += 1;
        count.certainty = count.certainty.max(finding.certainty);
        if count.examples.len() < EXAMPLES {
            count.examples.push(finding.flow);
        }
        if let Some(lasted) = finding.lasted {
            count.lasted.add(lasted);
        }
    }
}
