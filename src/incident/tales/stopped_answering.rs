//! A service left requests unanswered.

use super::process_died;
use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::timers::Kind as TimerKind;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let Some(service) = tale.service() else { return Story::default() };
    let requests = &service.requests;
    let again = requests.answered.first_after(tale.root.since);
    let last = requests.answered.last_until(tale.root.since);
    let first = requests.unanswered.iter().min_by_key(|it| (it.asked.time, it.flow));
    let mut effects = Vec::new();
    let plateau = requests.patience.plateaus().first().copied();
    let patience = plateau.map(|plateau| plateau.value).filter(|_| requests.patience.count() > 0);
    if let Some(patience) = patience {
        effects.push(format!(
            "{} gave up {patience} after their request: a configured time-out{}",
            counted(plateau.map_or(0, |plateau| plateau.count), "client connection"),
            tale.may_be(patience, TimerKind::INITIATOR_WAITS)
        ));
    }
    if requests.late_answers > 0 {
        effects.push(format!(
            "{} came when the client had gone, and drew RST",
            counted(requests.late_answers, "answer")
        ));
    }
    if service.stuck.connections > 0 {
        let since =
            service.stuck.since.map_or_else(String::new, |since| format!(" since {}", tale.clock(since)));
        effects.push(format!(
            "it closed none of {} that clients had closed{since}",
            counted(service.stuck.connections, "connection")
        ));
    }
    effects.extend(process_died::ending(tale));
    let until = again.map_or_else(String::new, |again| format!(" until {}", tale.clock(again)));
    let cause = match (last, first) {
        (Some(last), Some(first)) => format!(
            "the last request that was answered got its answer at {}; the first that was not is that of flow {}, {}; the kernel acknowledged all of them",
            tale.clock(last),
            first.flow,
            tale.clock(first.asked.time)
        ),
        (None, Some(first)) => format!(
            "no request was answered in this capture; the first is that of flow {}, {}; the kernel acknowledged all of them",
            first.flow,
            tale.clock(first.asked.time)
        ),
        _ => String::new(),
    };
    Story {
        title: format!(
            "{} left {} unanswered from {} on{until}",
            service.endpoint,
            counted(requests.count, "request"),
            tale.clock(tale.root.since)
        ),
        cause,
        effects,
        who: format!(
            "the service on {} must say what it did at {}: a deadlock, a full pool, a slow backend (a dump of its threads tells)",
            service.endpoint,
            tale.clock(tale.root.since)
        ),
        confirm: vec![ss(
            service.endpoint.addr,
            service.endpoint,
            "",
            "CLOSE-WAIT and ESTAB sockets with a process and Recv-Q above 0: accepted, not read or not answered",
        )],
        facts: Facts::new()
            .and("service", service.endpoint)
            .and("unanswered", requests.count)
            .and_maybe("first_unanswered", first.map(|first| first.asked.time))
            .and_maybe("first_unanswered_flow", first.map(|first| first.flow))
            .and_maybe("last_answered", last)
            .and_maybe("answers_again", again)
            .and("late_answers", requests.late_answers)
            .and("gave_up", requests.patience.count())
            .and_maybe("gave_up_after", patience)
            .and_maybe("may_be", patience.map(|it| tale.candidates(it, TimerKind::INITIATOR_WAITS)))
            .and("not_closed", service.stuck.connections),
        connections: Some(requests.count),
        span: Some((tale.root.since, again)),
        ..Story::default()
    }
}
