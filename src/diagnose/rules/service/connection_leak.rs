use super::local_ports::{Growth, LocalPorts, rounded};
use crate::diagnose::{Facts, InputFinding, Terms, party_filter};
use crate::survey::{Pair, Party, View};
use crate::time::TimeDelta;
use crate::words::counted;

rule! {
    /// ## What we saw
    /// One host opened connection after connection to a service although the ones before stood free. Each carried one use,
    /// nothing after it, and stayed open: their number only grew.
    ///
    /// ## Why it matters
    /// Each holds a descriptor and memory on both sides, and a local port. Nothing ends them: an established connection has
    /// no timer. One side runs out of descriptors, or the client out of ports, and then innocent programs fail.
    ///
    /// ## What to do
    /// Let the program use one client, with one pool, for all its requests (in Go: one `http.Client`, and read and close the
    /// body of each response), and set a time after which idle connections are closed. `ss -tanp` on the client names the
    /// program.
    ///
    /// ## What else it can be
    /// Many clients behind one address that each keep a connection on purpose (push, long polling). A pool that fills itself
    /// in advance, slowly. Connections that are closed after an idle time that is longer than this capture: compare the
    /// greatest idle age.
    ///
    /// ## See
    /// RFC 9293 §3.9.1 (no time-out for an established connection), RFC 9112 §9.3 (persistence).
    party static CONNECTION_LEAK = {
        code: "SVC103",
        title: "connection leak: opened, used once, never closed",
        severity: Warning
    }
}

/// Who has been idle for less may be about to close.
const IDLE: TimeDelta = TimeDelta::from_secs(5);
/// One in so many may have been closed after an idle time.
const RETIRED: u64 = 20;

fn check(view: &View, terms: &Terms) -> Vec<InputFinding> {
    view.pairs.values().filter_map(|(_, pair)| find(pair, view, LocalPorts::of(terms))).collect()
}

fn find(pair: &Pair, view: &View, ports: LocalPorts) -> Option<InputFinding> {
    let leak = pair.standing.unshared()?;
    let idle = &pair.idle;
    let is_kept = idle.max() >= IDLE && idle.median() >= view.limits.fin_delay;
    if !is_kept || pair.retired * RETIRED > leak.count {
        return None;
    }
    let party = Party::Client { host: pair.client, service: pair.service };
    let (first, last) = (leak.first.time, leak.last.time);
    let growth = Growth { count: leak.count, span: (first, last) };
    let rate = growth.per_minute().map_or_else(String::new, |rate| format!(", {} a minute", rounded(rate)));
    let uses = if leak.exchanges == 1 { "one exchange" } else { "one use" };
    let closed = pair.established.saturating_sub(pair.open);
    let summary = format!(
        "{party} opened {} from {} to {}{rate}, each for {uses}, and closed none of them: idle for {} to {}",
        counted(leak.count, "connection"),
        first.time_of_day(1),
        last.time_of_day(1),
        idle.min(),
        idle.max()
    );
    let facts = Facts::new()
        .and("open", pair.open)
        .and("one_exchange", pair.standing.share_used_once())
        .and("exchanges_each", leak.exchanges)
        .and("closed", closed)
        .and("first_opened", first)
        .and("last_opened", last)
        .and("idle_least", idle.min())
        .and("idle_median", idle.median())
        .and("idle_most", idle.max())
        .and_maybe("growth_per_minute", growth.per_minute())
        .and("local_ports", ports.count())
        .and_maybe("local_ports_run_out", growth.reaches(ports.count()));
    let finding = InputFinding::about(&CONNECTION_LEAK, party, first, summary)
        .filtered(party_filter(&party))
        .with(facts)
        .and(leak.first, "the first of them is opened");
    Some(finding.and(leak.last, "the last of them is opened"))
}
