use super::{counted, party_filter};
use crate::diagnose::{Facts, InputFinding, Severity, Terms};
use crate::survey::{Burst, Party, Service, View};
use crate::time::TimeDelta;

rule! {
    /// ## What we saw
    /// Connections were acknowledged by the kernel, and nothing was done on them for long; then all of them were closed or
    /// answered within moments, in the order in which they had been opened, right after another connection had ended.
    ///
    /// ## Why it matters
    /// The service accepts only so many connections at a time. While idle ones hold all its places, new ones wait in the
    /// accept queue: they look established to their clients, their requests are acknowledged and never answered, and
    /// when the clients close, the sockets stay in CLOSE-WAIT without an owner.
    ///
    /// ## What to do
    /// Raise the number of connections that the service accepts, or close idle ones sooner (keep-alive time-out), and see
    /// that health probes do not share the limit. `ss -ltn` tells the length of the accept queue (Recv-Q of LISTEN),
    /// `ss -tanp` shows sockets without a process.
    ///
    /// ## What else it can be
    /// A service that was stalled as a whole (a lock, a collection of garbage, a slow backend) and went on by chance just
    /// when that connection ended. Several bursts, the order of release, and connections that came later and were served
    /// tell the two apart; where they do not, nobody is named.
    ///
    /// ## See
    /// RFC 9293 §3.9.1 (a passive OPEN completes without the user), `listen(2)` backlog, `netutil.LimitListener` in Go.
    party static ACCEPT_STARVATION = {
        code: "SVC102",
        title: "accept starvation: connections wait until another one ends",
        severity: Fault
    }
}

/// Of a queue that nobody emptied: so many in it say that it is one.
const MANY_STILL: usize = 3;
/// And so long: a slow service is no full one.
const SHORTEST_STILL: TimeDelta = TimeDelta::from_secs(5);

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    view.services.values().filter_map(|service| released(service).or_else(|| held(service, view))).collect()
}

/// Connections that were let in when others ended.
fn released(service: &Service) -> Option<InputFinding> {
    let releases = &service.releases;
    let bursts: Vec<&Burst> = releases.bursts.iter().filter(|burst| burst.holder.is_some()).collect();
    let waited = || bursts.iter().flat_map(|burst| &burst.released);
    let brief: usize = bursts.iter().map(|burst| burst.brief).sum();
    let count = waited().count() + brief;
    let since = waited().map(|it| it.demand).min()?;
    let until = waited().filter_map(|it| it.released).map(|at| at.time).max()?;
    let (first, last) = spread_of_delays(&bursts)?;
    let holders: Vec<u64> =
        bursts.iter().filter_map(|burst| burst.holder).map(|holder| holder.flow).collect();
    let named = match holders.as_slice() {
        [holder] => format!("flow {holder}"),
        many => format!("{} ({})", counted(many.len() as u64, "connection"), listed(many)),
    };
    let party = Party::Service(service.endpoint);
    let summary = format!(
        "{party} accepted nothing for up to {}: {} waited until {named} ended, and were released {first} to {last} later",
        until - since,
        counted(count as u64, "connection")
    );
    let swapped: usize = bursts.iter().map(|burst| burst.swapped).sum();
    let facts = Facts::new()
        .and("released", count)
        .and("holders", holders)
        .and("first_after", first)
        .and("last_after", last)
        .and("in_order", swapped == 0)
        .and("bursts", bursts.len())
        .and("slots", releases.slots)
        .and("longest_wait", longest(&bursts))
        .and("still_waiting", releases.still.len());
    // Two bursts, or three in a row, are no accident.
    let is_abandoned = waited().any(|it| it.abandoned);
    // Answers alone that come together may be those of a push, or of a stall; who had closed waited for nothing but to be
    // accepted.
    let is_plain = swapped == 0 && (count >= MANY_STILL || bursts.len() > 1) && is_abandoned;
    let mut finding = InputFinding::about(&ACCEPT_STARVATION, party, since, summary)
        .until(Some(until))
        .proven_if(is_plain)
        .at_most(if is_abandoned { Severity::Fault } else { Severity::Note })
        .filtered(party_filter(&party))
        .with(facts);
    for burst in bursts.iter().take(2) {
        if let Some(end) = burst.holder.and_then(|holder| holder.ended) {
            finding = finding.and(end, "a connection in service ends");
        }
        if let Some(first) = burst.start() {
            finding = finding.and(first, "the first of those that waited is served");
        }
    }
    Some(finding)
}

/// Connections that still wait behind others at the end.
fn held(service: &Service, view: &View) -> Option<InputFinding> {
    let releases = &service.releases;
    let first = releases.still.first()?;
    let waiting = releases.still.len();
    let is_abandoned = releases.still.iter().any(|it| it.abandoned);
    let is_long = view.end - first.demand >= SHORTEST_STILL;
    if waiting < MANY_STILL || releases.holders.is_empty() || !is_abandoned || !is_long {
        return None;
    }
    let party = Party::Service(service.endpoint);
    let holders: Vec<u64> = releases.holders.iter().map(|holder| holder.flow).collect();
    let since = releases.still.iter().map(|it| it.demand).min()?;
    let summary = format!(
        "{party} did nothing on {} since {}, while {} in service stayed open ({}): none of them was accepted, it seems",
        counted(waiting as u64, "connection"),
        since.time_of_day(1),
        counted(holders.len() as u64, "older one"),
        listed(&holders)
    );
    let facts = Facts::new()
        .and("released", 0_u64)
        .and("holders", holders)
        .and("slots", releases.holders.len())
        .and("still_waiting", waiting);
    let finding = InputFinding::about(&ACCEPT_STARVATION, party, since, summary)
        .filtered(party_filter(&party))
        .with(facts)
        .and(first.opened, "the first that waits is established");
    Some(finding)
}

/// How soon after the end of its holder the first and the last of any burst was released.
fn spread_of_delays(bursts: &[&Burst]) -> Option<(TimeDelta, TimeDelta)> {
    let delays: Vec<_> = bursts.iter().filter_map(|burst| burst.delays()).collect();
    let first = delays.iter().map(|(first, _)| *first).min()?;
    let last = delays.iter().map(|(_, last)| *last).max()?;
    Some((first, last))
}

/// How long anybody waited.
fn longest(bursts: &[&Burst]) -> TimeDelta {
    let waited = bursts.iter().flat_map(|burst| &burst.released);
    let waits = waited.filter_map(|it| Some(it.released?.time - it.demand));
    waits.max().unwrap_or_default()
}

/// `flow 3, flow 7, …`.
fn listed(flows: &[u64]) -> String {
    let more = if flows.len() > 3 { ", …" } else { "" };
    let named: Vec<_> = flows.iter().take(3).map(|flow| format!("flow {flow}")).collect();
    format!("{}{more}", named.join(", "))
}
