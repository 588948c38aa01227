//! `CAPTURE`: what the capture could not show, and how many verdicts are undecided because of it.

use std::io;

use super::layout::{Page, counted};
use crate::flow::FlowOutcome;
use crate::report::number::grouped;
use crate::report::summary::Summary;

/// Findings that are told one by one.
const FINDINGS: usize = 12;
/// Reasons that are told one by one.
const REASONS: usize = 4;

pub(super) fn write(page: &mut Page<'_>, summary: &Summary) -> io::Result<()> {
    let undecided = summary.outcomes().find(|&(outcome, _)| outcome == FlowOutcome::Undecided);
    let undecided = undecided.map_or(0, |(_, count)| count);
    if summary.capture.is_empty() && undecided == 0 {
        return Ok(());
    }
    let remark = match undecided {
        0 => String::new(),
        count => format!("{} of {} undecided", grouped(count), counted(summary.flows, "flow")),
    };
    page.heading("CAPTURE", &remark)?;
    for finding in summary.capture.iter().take(FINDINGS) {
        page.labelled(finding.rule.code, &finding.summary)?;
    }
    let rest = summary.capture.len().saturating_sub(FINDINGS);
    if rest > 0 {
        page.labelled("", &format!("… and {}", counted(rest as u64, "more finding")))?;
    }
    let reasons = summary.undecided_by_count();
    for (reason, count) in reasons.iter().take(REASONS) {
        page.labelled("undecided", &format!("{}: {reason}", counted(*count, "flow")))?;
    }
    let rest: u64 = reasons.iter().skip(REASONS).map(|(_, count)| count).sum();
    if rest > 0 {
        page.labelled("", &format!("… and {} for other reasons", counted(rest, "flow")))?;
    }
    Ok(())
}
