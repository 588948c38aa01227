//! `closewait rules`: the catalogue.

use closewait::Result;
use closewait::diagnose::{CATALOGUE, markdown_table};

use super::Ending;
use super::args::RulesArgs;
use super::outputs::print;

/// Lists all findings.
pub(super) fn run(args: &RulesArgs) -> Result<Ending> {
    print(|out| {
        if args.markdown {
            return out.write_all(markdown_table().as_bytes());
        }
        CATALOGUE
            .iter()
            .try_for_each(|rule| writeln!(out, "{}  {:<7}  {}", rule.code, rule.severity, rule.title))
    })?;
    Ok(Ending::Done)
}
