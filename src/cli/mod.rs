//! The command line: what was typed, what will be done, and what came of it as an exit code.
//!
//! Only this module prints, looks at the terminal and knows of clap.

mod analyse;
mod args;
mod completions;
mod explain;
mod man;
mod moment;
mod netstat;
mod outputs;
mod plan;
mod ports;
mod problems;
mod progress;
mod rules;
mod size;
mod sockets;
mod span;
mod terminal;
mod timeline;
mod timers;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use closewait::Result;
use closewait::report::for_terminal;

use self::args::{Args, Command};

/// How a run ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// All that was asked was done.
    Done,
    /// The same, and there are findings as severe as `--fail-on` says.
    Found,
    /// Not all that was asked could be done.
    Incomplete,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Done => 0,
            Ending::Found => 1,
            Ending::Incomplete => 2,
        })
    }
}

/// Runs the command with `arguments`, the first of which is the program's name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (args, typed) = match args::parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version come as errors too. Nobody is left to tell when they cannot be printed.
            let _ = error.print();
            return u8::try_from(error.exit_code())
                .map_or_else(|_| Ending::Incomplete.into(), ExitCode::from);
        }
    };
    match dispatch(args, typed) {
        Ok(ending) => ending.into(),
        // `closewait … | head` got what it wanted.
        Err(error) if error.is_broken_pipe() => Ending::Done.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "closewait: {}", for_terminal(&error.to_string()));
            Ending::Incomplete.into()
        }
    }
}

fn dispatch(args: Args, typed: Vec<(String, String)>) -> Result<Ending> {
    match args.command {
        None => analyse::run(args.analyse, typed),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Rules(args)) => rules::run(&args),
        Some(Command::Timeline(args)) => timeline::run(*args),
        Some(Command::Timers(args)) => timers::run(&args),
        Some(Command::Netstat(args)) => netstat::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
    }
}
