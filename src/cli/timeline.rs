//! `closewait timeline`: ladders of single flows, or the events of many in the order of time.

use std::io;

use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::incident::Incidents;
use closewait::report::{
    InputFacts, Paint, Report, Sources, TextOptions, TimelineText, write_ladder, write_release,
};
use closewait::{Error, Result};

use super::args::TimelineArgs;
use super::outputs::{Failure, print};
use super::plan::Plan;
use super::{Ending, problems};

/// Ladders are not wider: arrows gain nothing from more.
const WIDEST: usize = 120;

/// Tells the flows that `args` ask for.
pub(super) fn run(args: TimelineArgs) -> Result<Ending> {
    let plan = Plan { progress: !args.quiet, ..Plan::new(&args.source, args.narrow, &args.limits)? };
    if args.flow.is_empty() && args.stream.is_empty() {
        return events(&plan, args.all);
    }
    let mut ladders =
        Ladders { flows: args.flow, streams: args.stream, text: plan.text, ..Ladders::default() };
    let outcome = plan.run(&mut ladders).map_err(|error| Failure::default().explain(error))?;
    ladders.print()?;
    let ending = problems::report(&outcome);
    match ladders.missing() {
        Some(missing) => Err(Error::usage(missing)),
        None => Ok(ending),
    }
}

fn events(plan: &Plan, all: bool) -> Result<Ending> {
    let failure = Failure::default();
    let width = plan.text.width;
    let result = {
        let out = failure.stdout(false);
        plan.run(&mut TimelineText::new(out, all, width))
    };
    let outcome = result.map_err(|error| failure.explain(error))?;
    Ok(problems::report(&outcome))
}

/// The flows asked for, drawn as they are told.
#[derive(Default)]
struct Ladders {
    flows: Vec<u64>,
    streams: Vec<u64>,
    text: TextOptions,
    drawn: Vec<Drawn>,
    /// Of records that were given as flows: the flows that they belong to.
    owners: Vec<(u64, u64)>,
}

struct Drawn {
    flow: u64,
    stream: u64,
    ladder: Vec<u8>,
}

impl Report for Ladders {
    fn begin(&mut self, _: &closewait::report::Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, findings: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        let asked = self.flows.contains(&flow.id) || self.streams.contains(&flow.stream);
        if asked {
            let mut ladder = Vec::new();
            let paint = Paint::new(self.text.color);
            write_ladder(flow, findings, self.text.width.clamp(80, WIDEST), paint, &mut ladder)?;
            self.drawn.push(Drawn { flow: flow.id, stream: flow.stream, ladder });
            return Ok(());
        }
        for event in &flow.events {
            if self.flows.contains(&event.at.record) {
                self.owners.push((event.at.record, flow.id));
            }
        }
        Ok(())
    }

    fn incidents(&mut self, incidents: &Incidents) -> io::Result<()> {
        for drawn in &mut self.drawn {
            if let Some(release) = incidents.causes.released_by(drawn.flow) {
                write_release(release, &mut drawn.ladder)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &InputFacts) -> io::Result<()> {
        Ok(())
    }
}

impl Ladders {
    fn print(&mut self) -> Result<()> {
        self.drawn.sort_by_key(|drawn| drawn.flow);
        print(|out| {
            for (place, drawn) in self.drawn.iter().enumerate() {
                if place > 0 {
                    writeln!(out)?;
                }
                out.write_all(&drawn.ladder)?;
            }
            Ok(())
        })
    }

    /// What was asked for but is not there.
    fn missing(&self) -> Option<String> {
        let no_flow = |id: &&u64| !self.drawn.iter().any(|drawn| drawn.flow == **id);
        let no_stream = |id: &&u64| !self.drawn.iter().any(|drawn| drawn.stream == **id);
        let flows = self.flows.iter().filter(no_flow).map(|id| {
            match self.owners.iter().find(|(record, _)| record == id) {
                Some((_, owner)) => format!("no flow {id}: record {id} belongs to flow {owner}"),
                None => format!("no flow {id}: a flow is named by the record of its first segment"),
            }
        });
        let streams = self.streams.iter().filter(no_stream).map(|id| format!("no flow of tcp.stream {id}"));
        let missing: Vec<_> = flows.chain(streams).collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}
