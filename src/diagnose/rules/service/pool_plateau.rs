use super::MANY;
use crate::diagnose::{Facts, InputFinding, Severity, Terms, party_filter};
use crate::net::Endpoint;
use crate::survey::{Pair, Party, View};
use crate::time::{TimeDelta, Timestamp};
use crate::words::counted;

rule! {
    /// ## What we saw
    /// The connections of one host to a backend rose to a number and stayed exactly there: none was opened or closed any
    /// more, and after some moment no octets went either way, for much longer than ever before.
    ///
    /// ## Why it matters
    /// A pool that is full and silent has lent out all its connections to callers that do not use them: each waits for
    /// something else, often for one more connection of the same pool. No time-out ends that, because nothing is in flight.
    /// What needs the backend hangs from then on.
    ///
    /// ## What to do
    /// Dump the threads of the program: look for callers that wait for a connection of the pool while they hold one. Set a
    /// time-out on taking a connection, and give each back before the next is taken. Compare the number with the size of
    /// the pool that is configured.
    ///
    /// ## What else it can be
    /// A pool with nothing to do: no work came, or it was filled in advance. A backend that stopped answering, where some of
    /// the connections wait for it.
    ///
    /// ## See
    /// SVC106 at the service in front of it.
    party static POOL_PLATEAU = {
        code: "SVC104",
        title: "pool plateau: a constant number of connections, silent",
        severity: Warning
    }
}

/// Fewer are no pool.
const POOL: u64 = 4;
/// So many are kept by nothing but a pool.
const LARGE_POOL: u64 = 16;
/// Silence for less says nothing.
const SHORTEST: TimeDelta = TimeDelta::from_secs(5);
/// Silence for less says nothing where nobody is seen to wait.
const LONG: TimeDelta = TimeDelta::from_secs(30);
/// So many times the longest silence before is unusual.
const UNUSUAL: i64 = 3;
/// A front on another address of the host stops within this of the pool's last octets.
const TOGETHER: TimeDelta = TimeDelta::from_secs(2);

/// A service that left requests unanswered to the end of the capture.
#[derive(Clone, Copy)]
struct Stuck {
    service: Endpoint,
    since: Timestamp,
}

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    let stuck: Vec<Stuck> = view
        .services
        .values()
        .filter_map(|service| Some((service.endpoint, service.silence?)))
        .filter(|(_, silence)| silence.until.is_none() && silence.unanswered >= MANY)
        .map(|(service, silence)| Stuck { service, since: silence.since() })
        .collect();
    view.pairs.values().filter_map(|(_, pair)| find(pair, view.end, &stuck)).collect()
}

fn find(pair: &Pair, end: Timestamp, stuck: &[Stuck]) -> Option<InputFinding> {
    let (silent_since, constant_since) = plateau(pair, end)?;
    let front = front_of(pair, silent_since, stuck);
    // One in four that waits, and two at least, is no long poll.
    let backend_hangs = pair.waiting >= 2 && pair.waiting * 4 >= pair.open;
    let severity = if front.is_some() || backend_hangs { Severity::Warning } else { Severity::Note };
    let silent_for = end - silent_since;
    if severity == Severity::Note && (pair.open < LARGE_POOL || silent_for < LONG) {
        return None;
    }
    let party = Party::Client { host: pair.client, service: pair.service };
    let waiting = match pair.waiting {
        0 => String::new(),
        waiting => format!("; {waiting} of them wait for an answer"),
    };
    let behind = front.map_or_else(String::new, |front| {
        format!("; {} leaves requests unanswered since {}", front.service, front.since.time_of_day(1))
    });
    let summary = format!(
        "{party} keeps {}, no more and no fewer since {}, without an octet for {silent_for} since {}{waiting}{behind}",
        counted(pair.open, "connection"),
        constant_since.time_of_day(1),
        silent_since.time_of_day(1)
    );
    let facts = Facts::new()
        .and("size", pair.open)
        .and("constant_since", constant_since)
        .and("silent_since", silent_since)
        .and("silent_for", silent_for)
        .and("waiting", pair.waiting)
        .and_maybe("front", front.map(|front| front.service))
        .and_maybe("front_unanswered_since", front.map(|front| front.since));
    let finding = InputFinding::about(&POOL_PLATEAU, party, silent_since, summary)
        .at_most(severity)
        .filtered(party_filter(&party))
        .with(facts);
    Some(match pair.standing.opened {
        Some((_, last)) => finding.and(last, "the last connection is opened"),
        None => finding,
    })
}

/// Since when the connections of `pair` are silent, and since when their number is constant, if both hold to the end.
fn plateau(pair: &Pair, end: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let standing = &pair.standing;
    let silent_since = pair.last_octets?;
    let (_, last_asked) = pair.opened?;
    let last_opened = standing.opened.map_or(last_asked, |(_, last)| last.time);
    let constant_since = pair.last_end.map_or(last_opened, |ended| ended.max(last_opened));
    let quiet_for = end - silent_since.max(constant_since).max(last_asked);
    let unusual = standing.activity.longest_gap().nanos().saturating_mul(UNUSUAL);
    let is_plateau = pair.open >= POOL
        && standing.used * 2 >= pair.open
        && quiet_for >= SHORTEST
        && quiet_for.nanos() >= unusual
        && standing.unshared().is_none()
        && pair.curve.peak().level <= pair.open;
    is_plateau.then_some((silent_since, constant_since))
}

/// What the host of the pool serves, if that hangs since the pool is silent.
fn front_of(pair: &Pair, silent_since: Timestamp, stuck: &[Stuck]) -> Option<Stuck> {
    let others = || stuck.iter().filter(|it| it.service != pair.service);
    let follows = |it: &&Stuck| it.since + TOGETHER >= silent_since;
    let at_once = |it: &&Stuck| follows(it) && it.since <= silent_since + TOGETHER;
    let at_host = others().filter(|it| it.service.addr == pair.client).find(follows);
    at_host.or_else(|| others().find(at_once)).copied()
}
