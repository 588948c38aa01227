use super::{MANY, counted, party_filter};
use crate::diagnose::{Facts, InputFinding, Terms};
use crate::survey::{Party, Service, View};
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

/// A silence that goes on at the end is told from so long on.
const SHORTEST: TimeDelta = TimeDelta::from_secs(5);

fn find(service: &Service, end: Timestamp) -> Option<InputFinding> {
    let requests = &service.requests;
    let silence = service.silence?;
    // Who never answers may have nothing to say, unless it does not close either.
    let says_nothing = silence.last_answered.is_none() && service.stuck.connections < MANY;
    // Slow is not silent: what goes on when the capture ends may be answered a moment later.
    let is_short = silence.until.is_none() && end - silence.since() < SHORTEST;
    if silence.unanswered < MANY || says_nothing || is_short {
        return None;
    }
    let party = Party::Service(service.endpoint);
    let since = silence.since();
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
        .proven_if(silence.last_answered.is_some() && (patience.count() > 0 || silence.until.is_some()))
        .filtered(party_filter(&party))
        .with(facts);
    Some(finding.and(silence.first_unanswered.asked, "the first request without an answer"))
}
