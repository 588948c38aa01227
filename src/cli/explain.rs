//! `closewait explain`: the manual of a finding.

use std::io::{self, Write};

use closewait::Result;
use closewait::diagnose::{Rule, find_rule};
use closewait::report::{Paint, TextOptions, wrap};

use super::args::ExplainArgs;
use super::outputs::print;
use super::{Ending, terminal};

/// Columns of the longest heading and the gap behind it.
const LABEL: usize = 21;

/// Explains each code.
pub(super) fn run(args: &ExplainArgs) -> Result<Ending> {
    let options = terminal::text_options(args.color);
    print(|out| {
        for (place, rule) in args.code.iter().filter_map(|code| find_rule(code)).enumerate() {
            if place > 0 {
                writeln!(out, "\n")?;
            }
            explain(rule, options, out)?;
        }
        Ok(())
    })?;
    Ok(Ending::Done)
}

fn explain(rule: &Rule, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let width = options.width.clamp(80, 100);
    let paint = Paint::new(options.color);
    let (title, severity) = (format!("{}  {}", rule.code, rule.title), rule.severity.as_str());
    let gap = width.saturating_sub(title.chars().count() + severity.len());
    writeln!(out, "{}{:gap$}{}", paint.bold(&title), "", paint.severity(rule.severity, severity))?;
    for (heading, text) in rule.sections() {
        writeln!(out)?;
        for (place, paragraph) in text.split('\n').filter(|paragraph| !paragraph.is_empty()).enumerate() {
            let label = if place == 0 { heading } else { "" };
            let mut lines = Vec::new();
            wrap(&format!("{label:LABEL$}"), &" ".repeat(LABEL), paragraph, width, &mut lines)?;
            let lines = String::from_utf8_lossy(&lines);
            let painted = if label.is_empty() {
                lines.into_owned()
            } else {
                lines.replacen(label, &paint.bold(label), 1)
            };
            out.write_all(painted.as_bytes())?;
        }
    }
    Ok(())
}
