//! The main job: captures in, a page and files out.

use std::io::{self, Write};

use closewait::diagnose::{Finding, Severity};
use closewait::flow::Flow;
use closewait::report::{Reports, Summary, narrowing, wrap, write_summary};
use closewait::{Outcome, Result};

use super::args::AnalyseArgs;
use super::outputs::{Failure, Outputs, print};
use super::plan::Plan;
use super::ports::PortRange;
use super::sockets::Tables;
use super::{Ending, problems, sockets};

/// Analyses the captures of `args`; `typed` are the options for the reports.
pub(super) fn run(args: AnalyseArgs, typed: Vec<(String, String)>) -> Result<Ending> {
    let plan = Plan {
        options: typed,
        progress: !args.quiet,
        ports: args.local_ports.map(|PortRange(low, high)| (low, high)),
        ..Plan::new(&args.source, args.narrow, &args.limits)?
    };
    let inputs: Vec<_> = plan.paths.iter().chain(&args.sockets).cloned().collect();
    let outputs = Outputs::new(args.output, &inputs)?;
    let tables = Tables::open(&args.sockets, &args.sockets_at, &plan.paths)?;
    let with_page = !args.quiet && !outputs.take_stdout();
    let mut summary = Summary::new(plan.limits);
    let failure = Failure::default();
    let result = {
        let mut reports = Reports(outputs.open(&failure)?.into_iter().map(|report| report as _).collect());
        if with_page {
            reports.0.push(Box::new(|flow: &Flow, findings: &[Finding]| summary.add(flow, findings)));
        }
        plan.run_joined(tables.read, &mut reports)
    };
    let mut outcome = result.map_err(|error| failure.explain(error))?;
    summary.add_incidents(&outcome.incidents);
    summary.add_input(&outcome.input_findings);
    summary.sockets = outcome.sockets.take();
    // The page waits until here: the progress bar is gone now.
    let printed = if with_page && has_content(&outcome) {
        print(|out| {
            write_narrowing(&plan, &outcome, out)?;
            write_summary(&summary, &outcome.input, plan.text, out)
        })
    } else {
        Ok(())
    };
    let ending = problems::report(&outcome).max(sockets::report(&tables.problems));
    match printed {
        Err(error) if !error.is_broken_pipe() => return Err(error),
        _ => {}
    }
    let found = args.fail_on.map(Severity::from).map_or(0, |severity| outcome.findings_at_least(severity));
    Ok(if ending == Ending::Done && found > 0 { Ending::Found } else { ending })
}

/// Says that the page does not tell of everything.
fn write_narrowing(plan: &Plan, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let narrowing: Vec<_> =
        narrowing(&plan.options).map(|(name, values)| format!("--{name} {values}")).collect();
    if narrowing.is_empty() {
        return Ok(());
    }
    let (told, all) = (outcome.flows, outcome.flows + outcome.flows_left_out);
    let text = format!("narrowed by {}: {told} of {all} flows", narrowing.join(" "));
    wrap("", "  ", &text, plan.text.width.clamp(80, 120), out)
}

/// False when no file could be read at all, so that there is nothing to print but why.
fn has_content(outcome: &Outcome) -> bool {
    outcome.files.iter().any(|file| file.format.is_some())
}
