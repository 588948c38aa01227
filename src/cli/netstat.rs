//! `closewait netstat`: the sockets of every host at a moment.

use std::fs;
use std::io;
use std::path::Path;

use closewait::flow::Limits;
use closewait::netstat::{Moments, Stack};
use closewait::report::{
    Reports, SocketCounts, SocketQuery, SocketTables, SocketWriter, SocketsCsv, SocketsText,
};
use closewait::{Error, Result};

use super::args::NetstatArgs;
use super::moment::Moment;
use super::outputs::{Failure, places, refuse_input};
use super::plan::{Plan, place};
use super::{Ending, problems};

/// Tells the sockets that `args` ask for.
pub(super) fn run(args: &NetstatArgs) -> Result<Ending> {
    if args.counts && args.csv.as_deref() == Some(Path::new("-")) {
        return Err(Error::usage("only one output can go to standard output: --counts, or --csv -"));
    }
    let (plan, query) = read(args)?;
    let failure = Failure::default();
    let result = {
        let mut reports = reports(args, &plan, query, &failure)?;
        plan.run(&mut reports)
    };
    let outcome = result.map_err(|error| match error.kind() {
        // Nothing that writes or sorts rows says so.
        io::ErrorKind::InvalidInput => Error::usage(error.to_string()),
        _ => failure.explain(error),
    })?;
    Ok(problems::report(&outcome))
}

/// What to read, and what to ask of it.
fn read(args: &NetstatArgs) -> Result<(Plan, SocketQuery)> {
    let stack = Stack { fin_timeout: args.fin_timeout.0, time_wait: args.time_wait.0 };
    // What follows on a four-tuple must be known for as long as the one before may be there.
    let limits = Limits {
        time_wait: stack.time_wait,
        linger: Limits::default().linger.max(stack.time_wait),
        ..Limits::default()
    };
    let mut plan = Plan::of_flows(&args.source, args.narrow.clone(), limits, &args.table)?;
    plan.progress = !args.quiet;
    // Sockets outlive the last segment of their flow: these are about moments.
    let (since, until) = (plan.narrowing.since.take(), plan.narrowing.until.take());
    let moments = if let Some(step) = args.every {
        Moments::every(step.0, since, until)
    } else {
        let mut asked = place(&asked(args)?, &plan.paths)?;
        asked.retain(|at| since.is_none_or(|since| *at >= since) && until.is_none_or(|until| *at <= until));
        Moments::at(asked)
    };
    let hosts = plan.narrowing.networks.clone();
    Ok((plan, SocketQuery { moments, stack, hosts }))
}

/// The moments of `--at` and `--at-file`.
fn asked(args: &NetstatArgs) -> Result<Vec<Moment>> {
    let mut moments = args.at.clone();
    if let Some(path) = &args.at_file {
        moments.extend(moments_in(path)?);
    }
    Ok(moments)
}

fn moments_in(path: &Path) -> Result<Vec<Moment>> {
    let text = fs::read_to_string(path).map_err(|error| Error::read(path, 0, error))?;
    let lines = (1..).zip(text.lines().map(str::trim)).filter(|(_, line)| !line.is_empty());
    let moment = |(number, line): (usize, &str)| {
        line.parse().map_err(|why| Error::usage(format!("{} line {number}: {why}", path.display())))
    };
    lines.map(moment).collect()
}

/// What tells the sockets: to files and standard output.
fn reports(
    args: &NetstatArgs,
    plan: &Plan,
    query: SocketQuery,
    failure: &Failure,
) -> Result<Reports<'static>> {
    let text = plan.text;
    let mut reports = Reports::default();
    let mut tables: Vec<Box<dyn SocketWriter>> = Vec::new();
    if let Some(path) = &args.csv {
        let inputs: Vec<_> = plan.paths.iter().chain(&args.at_file).cloned().collect();
        refuse_input(path, &places(&inputs))?;
        tables.push(Box::new(SocketsCsv::new(failure.open(path, false)?)));
    }
    if args.counts {
        let out = failure.stdout(args.csv.is_some());
        reports.0.push(Box::new(SocketCounts::new(out, query.clone(), text)));
    } else if tables.is_empty() {
        tables.push(Box::new(SocketsText::new(failure.stdout(false), text)));
    }
    if !tables.is_empty() {
        reports.0.push(Box::new(SocketTables::new(query, tables)));
    }
    Ok(reports)
}
