//! Hands finished flows to the reports, with their findings, and counts what was told.

use std::collections::BTreeSet;
use std::{io, mem};

use super::Outcome;
use super::facts::input_facts;
use super::pipeline::InputSight;
use crate::capture::{Account, Locator};
use crate::diagnose::{
    Context, Finding, Groups, InputFinding, Severity, Sight, Terms, diagnose, diagnose_input,
    diagnose_parties,
};
use crate::dissect::SkipTally;
use crate::flow::{Flow, FlowOutcome, Limits, TableStats};
use crate::incident::{Incidents, incidents};
use crate::narrow::Narrowing;
use crate::report::{Report, Sources};
use crate::socket_file::Joiner;
use crate::survey::{Place, Survey};

/// Hands finished flows to the reports, with their findings.
pub(super) struct Teller<'r> {
    narrowing: &'r Narrowing,
    limits: Limits,
    report: &'r mut dyn Report,
    error: io::Result<()>,
    names: Vec<String>,
    findings: Vec<Finding>,
    sockets: Option<Joiner>,
    /// All flows, those left out by narrowing as well.
    sight: Sight,
    survey: Survey,
    groups: Groups,
    terms: Terms,
    flows: u64,
    left_out: u64,
    by_outcome: Vec<u64>,
    by_severity: [u64; 3],
    /// What was told of whom, by number of the pair and of the rule, where not everything is.
    told: BTreeSet<(u32, u16)>,
}

impl<'r> Teller<'r> {
    pub(super) fn new(
        narrowing: &'r Narrowing,
        limits: Limits,
        terms: Terms,
        report: &'r mut dyn Report,
        names: Vec<String>,
        sockets: Option<Joiner>,
    ) -> Self {
        Self {
            narrowing,
            limits,
            report,
            error: Ok(()),
            names,
            findings: Vec::new(),
            sockets,
            sight: Sight::default(),
            survey: Survey::new(limits),
            groups: Groups::default(),
            terms,
            flows: 0,
            left_out: 0,
            by_outcome: vec![0; FlowOutcome::ALL.len()],
            by_severity: [0; 3],
            told: BTreeSet::new(),
        }
    }

    /// What is known of the input as a whole, before the flows that its end finishes.
    pub(super) fn learn(&mut self, sight: InputSight) {
        self.sight = Sight { coming: sight.coming, files: sight.files, ..mem::take(&mut self.sight) };
    }

    /// Why a report failed, once: nothing was told since.
    pub(super) fn check(&mut self) -> io::Result<()> {
        mem::replace(&mut self.error, Ok(()))
    }

    pub(super) fn failed(&self) -> bool {
        self.error.is_err()
    }

    pub(super) fn tell(&mut self, flow: &Flow, locator: &Locator) {
        if self.error.is_err() {
            return;
        }
        self.sight.add(flow);
        // Those left out by narrowing too: a socket of one of them is known to the capture.
        if let Some(sockets) = &mut self.sockets {
            sockets.add(flow);
        }
        let place = self.survey.add(flow);
        diagnose(
            flow,
            &Context { limits: &self.limits, now: flow.decided, doubts: self.sight.doubts() },
            &mut self.findings,
        );
        // What hides flows hides no causes.
        self.groups.add(place, flow, &self.findings);
        if !self.narrowing.admits(flow) {
            self.left_out += 1;
            return;
        }
        self.findings.retain(|finding| self.narrowing.admits_finding(finding));
        self.flows += 1;
        if let Some(count) = self.by_outcome.get_mut(flow.outcome as usize) {
            *count += 1;
        }
        for finding in &self.findings {
            count(&mut self.by_severity, finding.severity);
        }
        if let Some(pair) = place.pair.filter(|_| !self.narrowing.admits_all()) {
            self.told.extend(self.findings.iter().map(|finding| (pair, finding.rule.number())));
        }
        let locate = |record| locator.locate(record);
        let sources = Sources { names: &self.names, locate: &locate, place };
        self.error = self.report.flow(flow, &self.findings, &sources);
    }

    /// Tells `findings` about parties, and what the capture could not show; every flow was told.
    fn tell_input(
        &mut self,
        mut findings: Vec<InputFinding>,
        locator: &Locator,
    ) -> io::Result<Vec<InputFinding>> {
        findings.append(&mut diagnose_input(&self.sight));
        findings.retain(|finding| self.narrowing.admits_input(finding));
        for finding in &findings {
            count(&mut self.by_severity, finding.severity);
        }
        let locate = |record| locator.locate(record);
        let sources = Sources { names: &self.names, locate: &locate, place: Place::default() };
        self.report.input(&findings, &sources)?;
        Ok(findings)
    }

    /// Leaves those incidents that narrowing admits, and those to which something belongs that is told: what was found in
    /// flows, or of `found` about parties.
    fn narrowed(&self, mut incidents: Incidents, found: &[InputFinding]) -> Incidents {
        if self.narrowing.admits_all() {
            return incidents;
        }
        let causes = &incidents.causes;
        let of_flows = self.told.iter().filter_map(|&(pair, rule)| causes.incident_of(pair, rule));
        let about = found.iter().filter(|finding| self.narrowing.admits_input(finding));
        let of_parties =
            about.filter_map(|finding| causes.incident_about(finding.party?, finding.rule.number()));
        let told: BTreeSet<u32> = of_flows.chain(of_parties).collect();
        incidents
            .incidents
            .retain(|incident| told.contains(&incident.id) || self.narrowing.admits_incident(incident));
        incidents
    }

    pub(super) fn finish(
        mut self,
        account: Account,
        tally: &SkipTally,
        table: TableStats,
    ) -> io::Result<Outcome> {
        self.check()?;
        let view = mem::replace(&mut self.survey, Survey::new(self.limits)).settle(account.stopped());
        let mut sockets = self.sockets.take().map(Joiner::finish);
        let found = diagnose_parties(&view, &self.terms);
        let groups = mem::take(&mut self.groups);
        let incidents =
            self.narrowed(incidents(view, (&found, groups), &self.terms, sockets.as_ref()), &found);
        self.report.incidents(&incidents)?;
        if let Some(sockets) = &mut sockets {
            sockets.narrow(&|one, other| self.narrowing.admits_ends([one, other]));
            self.report.sockets(sockets)?;
        }
        let input_findings = self.tell_input(found, &account.locator)?;
        let facts = input_facts(&account, tally, table);
        self.report.finish(&facts)?;
        let outcomes =
            FlowOutcome::ALL.into_iter().zip(self.by_outcome).filter(|(_, count)| *count > 0).collect();
        let Account { files, problems, .. } = account;
        Ok(Outcome {
            input: facts,
            files,
            problems,
            flows: self.flows,
            flows_left_out: self.left_out,
            outcomes,
            findings: self.by_severity,
            input_findings,
            sockets,
            incidents: incidents.incidents,
            table,
        })
    }
}

fn count(by_severity: &mut [u64; 3], severity: Severity) {
    if let Some(count) = by_severity.get_mut(severity as usize) {
        *count += 1;
    }
}
