use super::MANY;
use crate::diagnose::{Facts, InputFinding, Severity, Terms, party_filter};
use crate::flow::RecordRef;
use crate::survey::{Party, Service, Silence, View};
use crate::time::{TimeDelta, Timestamp};
use crate::words::counted;

rule! {
    /// ## What we saw
    /// New connections to a service were established at once, and requests in the same time got no answer: "telnet works,
    /// curl does not".
    ///
    /// ## Why it matters
    /// The kernel completes handshakes and acknowledges data by itself; whether a program serves them is another matter.
    /// Checks that only connect (many load balancers and health probes) call such a service healthy and send it more.
    ///
    /// ## What to do
    /// Let health checks ask for something and wait for the answer. Then see why nobody answers: an accept queue that
    /// nobody empties (SVC102), or a program that hangs (SVC106).
    ///
    /// ## What else it can be
    /// Requests that are meant to wait (long polling), with checks in between. A protocol in which the service answers only
    /// what the connects did not send. A firewall or proxy on the path that completes handshakes for a service that it
    /// cannot reach.
    ///
    /// ## See
    /// RFC 9293 §3.9.1 (a passive OPEN completes without the user).
    party static REQUESTS_HANG = {
        code: "SVC108", title: "connects succeed, requests do not", severity: Warning
    }
}

/// One request alone may be meant to wait.
const REQUESTS: u64 = 2;
/// Silence for less says nothing.
const SHORTEST: TimeDelta = TimeDelta::from_secs(3);

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    view.services.values().filter_map(|service| find(service, view.end)).collect()
}

/// Connections that were established while requests hung.
struct Connects {
    all: u64,
    /// Without octets.
    bare: u64,
    closed_in_order: u64,
    first: RecordRef,
}

fn find(service: &Service, end: Timestamp) -> Option<InputFinding> {
    let silence = service.silence?;
    let since = silence.since();
    // Who refuses, no longer hangs.
    let refused = service.refusals.map(|(first, _)| first).filter(|first| *first > since);
    let until = [silence.until, refused].into_iter().flatten().min();
    let connects = connects_in(service, &silence, until.unwrap_or(end))?;
    let is_long = until.unwrap_or(end) - since >= SHORTEST;
    if !is_long || silence.unanswered < REQUESTS || connects.all < MANY {
        return None;
    }
    let party = Party::Service(service.endpoint);
    let bare = match connects.bare {
        0 => String::new(),
        bare => format!(" ({bare} without octets)"),
    };
    let last = silence.last_answered.map_or_else(
        || "it answered nothing before in this capture".to_owned(),
        |at| format!("the last answer before came at {}", at.time_of_day(1)),
    );
    let summary = format!(
        "{party} let {}{bare} succeed from {} on and answered none of {}; {last}",
        counted(connects.all, "connect"),
        since.time_of_day(1),
        counted(silence.unanswered, "request")
    );
    let facts = Facts::new()
        .and("connects", connects.all)
        .and("bare_connects", connects.bare)
        .and("closed_in_order", connects.closed_in_order)
        .and("unanswered", silence.unanswered)
        .and("first_unanswered", since)
        .and("first_unanswered_flow", silence.first_unanswered.flow)
        .and_maybe("last_answered", silence.last_answered)
        .and_maybe("answers_again", silence.until);
    // Who never answered may have nothing to say.
    let severity = if silence.last_answered.is_some() { Severity::Warning } else { Severity::Note };
    let finding = InputFinding::about(&REQUESTS_HANG, party, since, summary)
        .until(until)
        .at_most(severity)
        .proven_if(silence.last_answered.is_some())
        .filtered(party_filter(&party))
        .with(facts)
        .and(silence.first_unanswered.asked, "the first request without an answer");
    Some(finding.and(connects.first, "a handshake is completed nonetheless"))
}

/// Connections that were established in `silence` before `until`: those without octets, and those that asked in vain.
fn connects_in(service: &Service, silence: &Silence, until: Timestamp) -> Option<Connects> {
    let is_within = |at: Timestamp| (silence.since()..until).contains(&at);
    let bare: Vec<_> = service.connects.items().iter().filter(|connect| is_within(connect.at)).collect();
    let asking =
        service.requests.unanswered.iter().filter_map(|it| it.opened).filter(|at| is_within(at.time));
    let asking: Vec<RecordRef> = asking.collect();
    let records = bare.iter().map(|it| RecordRef { record: it.record, time: it.at });
    let first = records.chain(asking.iter().copied()).min_by_key(|at| (at.time, at.record))?;
    let (bare_count, closed) = (bare.len() as u64, bare.iter().filter(|it| it.closed_in_order).count());
    Some(Connects {
        all: bare_count + asking.len() as u64,
        bare: bare_count,
        closed_in_order: closed as u64,
        first,
    })
}
