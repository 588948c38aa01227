//! What the analysis says of a trace.

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::{Context, Finding, InputFinding, Sight, diagnose};
use closewait::flow::{Finished, Flow, Judge, Limits, Outlet, Table, TableStats};

use super::trace::{BYSTANDER_PORT, Entry};

/// A flow, its findings, and how many entries had been given when it was told.
#[derive(Clone, Debug)]
pub struct Told {
    pub flow: Flow,
    pub findings: Vec<Finding>,
    pub after: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order in which they were told.
    pub told: Vec<Told>,
    /// The same for flows of bystanders: packets only.
    pub bystander_packets: u64,
    pub stats: TableStats,
    /// What the capture could not show.
    pub input: Vec<InputFinding>,
    sight: Sight,
}

impl Outcome {
    /// Gives `entries` to a flow table, one by one.
    pub fn of(entries: &[Entry]) -> Self {
        Self::within(entries, Limits::default())
    }

    pub fn within(entries: &[Entry], limits: Limits) -> Self {
        let mut table = Table::new(limits);
        let mut outcome = Self::default();
        let (mut judge, mut finished) = (Judge::new(limits), Finished::default());
        for (after, entry) in entries.iter().enumerate() {
            let mut out = Outlet::gather(&mut finished);
            match entry {
                Entry::Segment(segment) => table.observe(segment, &mut out),
                Entry::Icmp(error) => table.observe_icmp(error, &mut out),
            }
            judge.judge(&mut finished, |flow| outcome.tell(flow, after, &limits));
        }
        outcome.sight.coming = table.directions();
        judge.expect(outcome.sight.coming);
        table.finish(&mut Outlet::gather(&mut finished));
        judge.judge(&mut finished, |flow| outcome.tell(flow, entries.len(), &limits));
        outcome.stats = table.stats();
        outcome
    }

    /// Reads a capture file.
    pub fn of_file(content: Vec<u8>) -> (Self, closewait::Outcome) {
        Self::of_file_from(content, None)
    }

    /// The same of hosts that connect from these local ports.
    pub fn of_file_from(content: Vec<u8>, local_ports: Option<(u16, u16)>) -> (Self, closewait::Outcome) {
        let mut outcome = Self::default();
        let input = Input::from_reader("trace", std::io::Cursor::new(content));
        let run = Analysis::new()
            .local_ports(local_ports)
            .run(input, &mut |flow: &Flow, findings: &[Finding]| outcome.add(flow, findings.to_vec(), 0))
            .unwrap();
        outcome.stats = run.table;
        outcome.input.clone_from(&run.input_findings);
        (outcome, run)
    }

    fn tell(&mut self, flow: &Flow, after: usize, limits: &Limits) {
        let mut findings = Vec::new();
        self.sight.add(flow);
        let context = Context { limits, now: flow.decided, doubts: self.sight.doubts() };
        diagnose(flow, &context, &mut findings);
        self.add(flow, findings, after);
    }

    fn add(&mut self, flow: &Flow, findings: Vec<Finding>, after: usize) {
        if flow.responder.port == BYSTANDER_PORT {
            self.bystander_packets += packets(flow);
        } else {
            self.told.push(Told { flow: flow.clone(), findings, after });
        }
    }

    /// In order of start.
    pub fn by_start(mut self) -> Vec<Told> {
        self.told.sort_by_key(|told| told.flow.id);
        self.told
    }

    /// Everything that is told, as text, one flow a line.
    pub fn text(&self) -> String {
        self.told.iter().map(Told::text).collect()
    }

    pub fn packets(&self) -> u64 {
        self.told.iter().map(|told| packets(&told.flow)).sum::<u64>() + self.bystander_packets
    }
}

impl Told {
    pub fn text(&self) -> String {
        format!("{:?} {:?}\n", self.flow, self.findings)
    }
}

pub fn packets(flow: &Flow) -> u64 {
    flow.traffic.initiator.packets + flow.traffic.responder.packets
}
