//! A service left requests unanswered.

use super::process_died;
use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::survey::{Requests, Service, Unanswered};
use crate::time::TimeDelta;
use crate::timers::Kind as TimerKind;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let Some(service) = tale.service() else { return Story::default() };
    let (requests, since) = (&service.requests, tale.clock(tale.root.since));
    let again = requests.answered.first_after(tale.root.since);
    let until = again.map_or_else(String::new, |again| format!(" until {}", tale.clock(again)));
    let unanswered = counted(requests.count, "request");
    Story {
        title: format!("{} left {unanswered} unanswered from {since} on{until}", service.endpoint),
        cause: cause(tale, requests),
        effects: effects(tale, service),
        who: format!(
            "the service on {} must say what it did at {since}: a deadlock, a full pool, a slow backend (a dump of its threads tells)",
            service.endpoint
        ),
        confirm: vec![ss(
            service.endpoint.addr,
            service.endpoint,
            "",
            "CLOSE-WAIT and ESTAB sockets with a process and Recv-Q above 0: accepted, not read or not answered",
        )],
        facts: facts(tale, service),
        connections: Some(requests.count),
        span: Some((tale.root.since, again)),
        ..Story::default()
    }
}

fn first_of(requests: &Requests) -> Option<&Unanswered> {
    requests.unanswered.iter().min_by_key(|it| (it.asked.time, it.flow))
}

fn cause(tale: &Tale<'_>, requests: &Requests) -> String {
    let Some(first) = first_of(requests) else { return String::new() };
    let before = match requests.answered.last_until(tale.root.since) {
        Some(last) => format!("the last answer before came at {}", tale.clock(last)),
        None => "no request was answered before in this capture".to_owned(),
    };
    format!(
        "{before}; the first request without one is that of flow {}, {}; the kernel acknowledged all of them",
        first.flow,
        tale.clock(first.asked.time)
    )
}

/// For how long clients waited, if they gave up after a fixed time; and how many did.
fn patience(requests: &Requests) -> Option<(TimeDelta, u64)> {
    requests.patience.plateaus().first().map(|plateau| (plateau.value, plateau.count))
}

fn effects(tale: &Tale<'_>, service: &Service) -> Vec<String> {
    let requests = &service.requests;
    let gave_up = patience(requests).map(|(waited, count)| {
        format!(
            "{} gave up {waited} after their request: a configured time-out{}",
            counted(count, "client connection"),
            tale.may_be(waited, TimerKind::INITIATOR_WAITS)
        )
    });
    let late = (requests.late_answers > 0).then(|| {
        format!("{} came when the client had gone, and drew RST", counted(requests.late_answers, "answer"))
    });
    let stuck = (service.stuck.connections > 0).then(|| {
        let since =
            service.stuck.since.map_or_else(String::new, |since| format!(" since {}", tale.clock(since)));
        let connections = counted(service.stuck.connections, "connection");
        format!("it closed none of {connections} that clients had closed{since}, or closed them late")
    });
    // What answers again has not died.
    let recovered = requests.answered.first_after(tale.root.since).is_some();
    let ending = process_died::ending(tale).filter(|_| !recovered);
    [gave_up, late, stuck, ending].into_iter().flatten().collect()
}

fn facts(tale: &Tale<'_>, service: &Service) -> Facts {
    let requests = &service.requests;
    let first = first_of(requests);
    let patience = patience(requests).map(|(waited, _)| waited);
    Facts::new()
        .and("service", service.endpoint)
        .and("unanswered", requests.count)
        .and_maybe("first_unanswered", first.map(|first| first.asked.time))
        .and_maybe("first_unanswered_flow", first.map(|first| first.flow))
        .and_maybe("last_answered", requests.answered.last_until(tale.root.since))
        .and_maybe("answers_again", requests.answered.first_after(tale.root.since))
        .and("late_answers", requests.late_answers)
        .and("gave_up", requests.patience.count())
        .and_maybe("gave_up_after", patience)
        .and_maybe("may_be", patience.map(|it| tale.candidates(it, TimerKind::INITIATOR_WAITS)))
        .and("not_closed", service.stuck.connections)
}
