//! `closewait completions`: what a shell needs to complete arguments.

use clap::CommandFactory;
use closewait::Result;

use super::Ending;
use super::args::{Args, CompletionsArgs};
use super::outputs::print;

/// Prints completions for a shell.
pub(super) fn run(args: &CompletionsArgs) -> Result<Ending> {
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "closewait", &mut script);
    print(|out| out.write_all(&script))?;
    Ok(Ending::Done)
}
