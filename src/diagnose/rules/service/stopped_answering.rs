use super::{MANY, counted, party_filter};
use crate::diagnose::{Facts, InputFinding, Terms};
use crate::survey::{Party, Requests, Service, Unanswered, View};
use crate::time::{TimeDelta, Timestamp};

rule! {
    /// ## What we saw
    /// From some moment on a service answered no request any more, although its kernel went on acknowledging them. Before,
    /// it had answered.
    ///
    /// ## Why it matters
    /// The process is alive for the kernel and dead for its clients: handshakes complete, so checks that only connect
    /// succeed. Clients wait for their time-out, close, and come again; each leaves a socket in CLOSE-WAIT.
    ///
    /// ## What to do
    /// Look at what the process did at that moment: a deadlock (a thread dump tells), an exhausted pool of connections to a
    /// backend (SVC104), a full disk, a collection of garbage. The last answered and the first unanswered request are
    /// named.
    ///
    /// ## What else it can be
    /// Requests that are meant to wait (long polling, subscriptions). An accept queue that nobody empties (SVC102), when
    /// only new connections are concerned. A path that lost the answers, where the service's kernel shows none sent.
    party static STOPPED_ANSWERING = {
        code: "SVC106", title: "service stopped answering", severity: Fault
    }
}

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    view.services.values().filter_map(|service| find(service, view.end)).collect()
}

/// Who waits for less than so many times the usual does not wait in vain.
const USUAL: i64 = 2;

/// A time in which requests were waiting and none was answered.
struct Silence {
    last_answered: Option<Timestamp>,
    first_unanswered: Unanswered,
    /// When it answered again.
    until: Option<Timestamp>,
    unanswered: u64,
}

fn find(service: &Service, end: Timestamp) -> Option<InputFinding> {
    let requests = &service.requests;
    let silence = longest_silence(requests, end)?;
    // Who never answers may have nothing to say, unless it does not close either.
    let says_nothing = silence.last_answered.is_none() && service.stuck.connections < MANY;
    if silence.unanswered < MANY || says_nothing {
        return None;
    }
    let party = Party::Service(service.endpoint);
    let since = silence.first_unanswered.asked.time;
    let last = match silence.last_answered {
        Some(at) => format!("; the last answer before came at {}", at.time_of_day(1)),
        None => "; it answered nothing before in this capture".to_owned(),
    };
    let again = match silence.until {
        Some(at) => format!(", until {}", at.time_of_day(1)),
        None => String::new(),
    };
    let summary = format!(
        "{party} left {} unanswered from {} on{again}{last}",
        counted(silence.unanswered, "request"),
        since.time_of_day(1)
    );
    let patience = &requests.patience;
    let facts = Facts::new()
        .and("unanswered", silence.unanswered)
        .and("first_unanswered", since)
        .and("first_unanswered_flow", silence.first_unanswered.flow)
        .and_maybe("last_answered", silence.last_answered)
        .and_maybe("answers_again", silence.until)
        .and("late_answers", requests.late_answers)
        .and("gave_up", patience.count())
        .and_maybe("patience", (patience.count() > 0).then(|| patience.median()));
    let finding = InputFinding::about(&STOPPED_ANSWERING, party, since, summary)
        .until(silence.until)
        .proven_if(silence.last_answered.is_some())
        .filtered(party_filter(&party))
        .with(facts);
    Some(finding.and(silence.first_unanswered.asked, "the first request without an answer"))
}

/// In nanoseconds, how long nearly all answers took; 0 where there are too few to tell.
fn usual_wait(requests: &Requests) -> i64 {
    if requests.slowest.count() < MANY { 0 } else { requests.slowest.quantile(0.9).nanos() }
}

/// The longest time without an answer that somebody waited for in which requests waited.
fn longest_silence(requests: &Requests, end: Timestamp) -> Option<Silence> {
    let patience = USUAL * usual_wait(requests);
    let waits = |it: &&Unanswered| (it.given_up.unwrap_or(end) - it.asked.time).nanos() > patience;
    let mut asked: Vec<_> = requests.unanswered.iter().filter(waits).copied().collect();
    asked.sort_unstable_by_key(|it| (it.asked.time, it.flow));
    let mut longest: Option<(TimeDelta, Silence)> = None;
    let mut rest = asked.as_slice();
    while let Some(first) = rest.first() {
        let since = first.asked.time;
        let until = requests.answered.first_after(since);
        let within = rest.partition_point(|it| until.is_none_or(|until| it.asked.time < until)).max(1);
        let length = until.unwrap_or(end) - since;
        if longest.as_ref().is_none_or(|(known, _)| length > *known) {
            let silence = Silence {
                last_answered: requests.answered.last_until(since),
                first_unanswered: *first,
                until,
                unanswered: within as u64,
            };
            longest = Some((length, silence));
        }
        rest = rest.get(within..).unwrap_or_default();
    }
    longest.map(|(_, silence)| silence)
}
