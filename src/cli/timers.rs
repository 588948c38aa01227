//! `closewait timers`: how long well-known programs, kernels and devices wait, and which of them a delay may be.

use closewait::Result;
use closewait::report::{write_candidates, write_timers, write_timers_csv};
use closewait::time::TimeDelta;

use super::args::TimersArgs;
use super::outputs::print;
use super::plan::known_timers;
use super::{Ending, terminal};

/// Lists the timers, or those that a delay may be.
pub(super) fn run(args: &TimersArgs) -> Result<Ending> {
    let timers = known_timers(&args.timers)?;
    let options = terminal::text_options(args.color);
    print(|out| match args.delay {
        Some(delay) => {
            let resolution = args.within.map_or(TimeDelta::ZERO, |span| span.0);
            write_candidates(delay.0, &timers.candidates(delay.0, &[], resolution), options, out)
        }
        None if args.csv => write_timers_csv(&timers, out),
        None => write_timers(&timers, options, out),
    })?;
    Ok(Ending::Done)
}
