//! `STALE PORTS`: who answered late segments with RST because it had forgotten the connection, where no incident tells it.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;

use super::incidents::service_of;
use super::layout::{Page, counted, keep};
use crate::net::Endpoint;
use crate::report::number::grouped;
use crate::report::summary::{Stale, StaleKey, Summary, Tally};
use crate::survey::Party;

/// Pairs of hosts that are told one by one.
const PAIRS: usize = 5;

pub(super) fn write(page: &mut Page<'_>, summary: &Summary, told: &BTreeSet<Endpoint>) -> io::Result<()> {
    let is_told = |key: &StaleKey| service_of(key.late).is_some_and(|service| told.contains(&service));
    let mut pairs: Vec<(&StaleKey, &Stale)> = summary.stale.iter().filter(|(key, _)| !is_told(key)).collect();
    if pairs.is_empty() && summary.stale.left_out() == 0 {
        return Ok(());
    }
    pairs.sort_by_key(|&(key, stale)| (Reverse(stale.count()), *key));
    let total: u64 = pairs.iter().map(|(_, stale)| stale.count()).sum::<u64>() + summary.stale.left_out();
    page.heading("STALE PORTS", &counted(total, "RST"))?;
    for (key, stale) in pairs.iter().take(PAIRS) {
        for (tally, thing) in
            [(&stale.fins, "late FIN"), (&stale.data, "late data"), (&stale.probes, "late probe")]
        {
            if tally.count > 0 {
                one(page, key, tally, thing)?;
            }
        }
    }
    let rest = pairs.get(PAIRS..).unwrap_or_default();
    if !rest.is_empty() || summary.stale.left_out() > 0 {
        let count: u64 = rest.iter().map(|(_, stale)| stale.count()).sum::<u64>() + summary.stale.left_out();
        page.text(&format!("… and {} between other hosts", counted(count, "RST")))?;
    }
    Ok(())
}

fn one(page: &mut Page<'_>, key: &StaleKey, tally: &Tally, thing: &str) -> io::Result<()> {
    let late = match key.late {
        Party::Service(service) => service.to_string(),
        Party::Client { host, .. } | Party::Host(host) => host.to_string(),
    };
    let memory = if tally.count == 1 { "it had forgotten the port" } else { "it had forgotten the ports" };
    let what = match thing {
        "late data" => format!("late data of {late} with RST {}", times(tally.count)),
        _ => format!("{} of {late} with RST", counted(tally.count, thing)),
    };
    page.bold_text(&format!("{} answered {what} ({memory})", key.forgot))?;
    if let Some((first, last)) = tally.times {
        let (from, to) = (page.clock(first), page.clock(last));
        let when = match tally.count {
            1 => from,
            _ if from == to => format!("{from} {}", keep(&format!("(within {})", last - first))),
            _ => format!("{from} – {to}"),
        };
        page.labelled("when", &when)?;
    }
    let examples: Vec<_> = tally
        .examples
        .iter()
        .map(|&(late, rst)| match late {
            Some(late) => keep(&format!("{late} → RST {rst}")),
            None => keep(&format!("RST {rst}")),
        })
        .collect();
    let more = if tally.count > examples.len() as u64 { ", …" } else { "" };
    page.labelled("records", &format!("{}{more}", examples.join(", ")))
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", grouped(count)) }
}
