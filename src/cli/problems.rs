//! What could not be read, told on standard error.

use std::io::{self, Write, stderr};
use std::path::Path;

use closewait::Outcome;
use closewait::capture::Problem;
use closewait::error::ErrorKind;
use closewait::flow::FlowOutcome;
use closewait::report::for_terminal;

use super::Ending;

/// Problems told one by one; a directory of ten thousand broken files is counted.
const TOLD: usize = 50;

/// Tells the problems of a run and how it ended for that.
pub(super) fn report(outcome: &Outcome) -> Ending {
    if outcome.problems.is_empty() {
        return Ending::Done;
    }
    // Nothing can be done when nobody listens on standard error.
    let _ = write(outcome, &mut stderr().lock());
    Ending::Incomplete
}

fn write(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    for problem in outcome.problems.iter().take(TOLD) {
        writeln!(out, "closewait: {}", for_terminal(&problem.to_string()))?;
        if let Some(meaning) = meaning(problem, outcome) {
            writeln!(out, "           {meaning}")?;
        }
    }
    match outcome.problems.len().saturating_sub(TOLD) {
        0 => Ok(()),
        more => writeln!(out, "closewait: … and {more} more problems"),
    }
}

/// What the problem means for the results.
fn meaning(problem: &Problem, outcome: &Outcome) -> Option<String> {
    match problem {
        Problem::Damaged(damage) if damage.kind.ends_file() => {
            let undecided = outcome
                .outcomes
                .iter()
                .find(|(outcome, _)| *outcome == FlowOutcome::Undecided)
                .map_or(0, |&(_, count)| count);
            let flows = match undecided {
                0 => String::new(),
                1 => "; the end of 1 flow cannot be known (undecided)".to_owned(),
                many => format!("; the end of {many} flows cannot be known (undecided)"),
            };
            Some(format!("everything before it was analysed{flows}"))
        }
        Problem::Unreadable(error) => match error.kind() {
            ErrorKind::Read { path, offset: 0, .. } => {
                named_like_a_subcommand(path).then(|| "a subcommand comes before all options".to_owned())
            }
            ErrorKind::Read { .. } => Some("everything before it was analysed".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn named_like_a_subcommand(path: &Path) -> bool {
    ["explain", "rules", "timeline", "netstat", "completions", "man"]
        .iter()
        .any(|name| path == Path::new(name))
}
