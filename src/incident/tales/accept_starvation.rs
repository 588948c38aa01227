//! Connections waited in the accept queue until others ended.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::net::Role;
use crate::survey::{Burst, Served, Service, Waiting};
use crate::time::{TimeDelta, Timestamp};
use crate::timers::Kind as TimerKind;
use crate::words::{counted, enumerated};

/// Holders that are told one by one.
const HOLDERS: usize = 3;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let Some(service) = tale.service() else { return Story::default() };
    let bursts: Vec<&Burst> = service.releases.bursts.iter().filter(|burst| burst.holder.is_some()).collect();
    let holders: Vec<Served> = match bursts.as_slice() {
        [] => service.releases.holders.clone(),
        bursts => bursts.iter().filter_map(|burst| burst.holder).collect(),
    };
    let released: Vec<&Waiting> = bursts.iter().flat_map(|burst| &burst.released).collect();
    let brief: usize = bursts.iter().map(|burst| burst.brief).sum();
    let still = &service.releases.still;
    let waited = (released.len() + brief + still.len()) as u64;
    let since =
        released.iter().copied().chain(still).map(|it| it.opened.time).min().unwrap_or(tale.root.since);
    let until =
        released.iter().filter_map(|it| it.released).map(|at| at.time).max().filter(|_| still.is_empty());
    let end = until.unwrap_or(tale.view.end);
    let what =
        if bursts.len() > 1 { "kept connections unaccepted for up to" } else { "accepted nothing for" };
    Story {
        title: format!(
            "{} {what} {} ({} – {})",
            service.endpoint,
            longest(&bursts, still, tale.view.end),
            tale.clock(since),
            if until.is_some() { tale.clock(end) } else { "the capture's end".to_owned() }
        ),
        cause: cause(tale, &holders, service.releases.slots),
        effects: effects(tale, service, &bursts, waited),
        who: format!(
            "the service on {} must accept more than {} at a time (a limit on connections?), or close idle ones sooner",
            service.endpoint,
            counted(service.releases.slots.max(1), "connection")
        ),
        confirm: vec![
            ss(
                service.endpoint.addr,
                service.endpoint,
                "close-wait",
                "sockets without a process: they were never accepted",
            ),
            ss(
                service.endpoint.addr,
                service.endpoint,
                "listening",
                "Recv-Q is the length of the accept queue",
            ),
        ],
        facts: facts(tale, service, &bursts, &holders, waited),
        connections: Some(waited),
        span: Some((since, until)),
        ..Story::default()
    }
}

fn cause(tale: &Tale<'_>, holders: &[Served], slots: u64) -> String {
    let shown = || holders.iter().take(HOLDERS);
    let names: Vec<String> =
        shown().map(|holder| format!("flow {} ({})", holder.flow, holder.initiator)).collect();
    let more = holders.len().saturating_sub(HOLDERS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let places = match slots {
        0 | 1 => "the only place".to_owned(),
        slots if holders.len() > 1 => format!("one of {slots} places each"),
        slots => format!("one of {slots} places"),
    };
    let ends: Vec<String> = shown()
        .map(|holder| {
            let name = if holders.len() > 1 { format!("flow {}", holder.flow) } else { "it".to_owned() };
            format!("{name} {}", end_of(tale, holder))
        })
        .collect();
    format!("{}{more} held {places}; {}", enumerated(&names), ends.join("; "))
}

fn end_of(tale: &Tale<'_>, holder: &Served) -> String {
    let Some(ended) = holder.ended else { return "was open to the end".to_owned() };
    let (idle, kinds) = idle_of(holder);
    let who = holder.closer.map_or_else(|| "reset".to_owned(), |closer| format!("closed by the {closer}"));
    let after = match idle {
        Some(idle) => format!(" after {idle} of idleness{}", tale.may_be(idle, kinds)),
        None => format!(" {} after it was opened", ended.time - holder.opened.time),
    };
    format!("was {who} at {}{after}", tale.clock(ended.time))
}

/// How long a holder was idle, and the timers that may have ended it.
fn idle_of(holder: &Served) -> (Option<TimeDelta>, &'static [TimerKind]) {
    let kinds = match holder.closer {
        Some(Role::Responder) => TimerKind::RESPONDER_IDLE,
        _ => TimerKind::INITIATOR_IDLE,
    };
    (holder.idle, kinds)
}

fn effects(tale: &Tale<'_>, service: &Service, bursts: &[&Burst], waited: u64) -> Vec<String> {
    let mut effects = Vec::new();
    if bursts.is_empty() {
        effects.push(format!(
            "{} wait in the accept queue, it seems, and were not accepted before the capture ended",
            counted(waited, "connection")
        ));
    }
    for burst in bursts.iter().take(HOLDERS) {
        let (Some(holder), Some((first, last))) = (burst.holder, burst.delays()) else { continue };
        let order = if burst.swapped == 0 {
            "in the order of their handshakes"
        } else {
            "nearly in the order of their handshakes"
        };
        effects.push(format!(
            "{} waited in the accept queue and were released {order}, {first} to {last} after flow {} ended",
            counted((burst.released.len() + burst.brief) as u64, "connection"),
            holder.flow
        ));
    }
    let fins = &service.stuck.late_fins;
    if fins.count() > 0 {
        effects.push(format!(
            "{} came {} to {} late (median {}){}",
            counted(fins.count(), "FIN"),
            fins.min(),
            fins.max(),
            fins.median(),
            tale.may_be(fins.max(), TimerKind::INITIATOR_IDLE)
        ));
    }
    let requests = &service.requests;
    if requests.count > 0 {
        let late = match requests.late_answers {
            0 => String::new(),
            late => format!("; {late} answered after the client had gone"),
        };
        let since = requests.unanswered.iter().map(|it| it.asked.time).min();
        let since = since.map_or_else(String::new, |since| format!(" since {}", tale.clock(since)));
        effects.push(format!(
            "connects went on to succeed, {} got no answer{since}{late}",
            counted(requests.count, "request")
        ));
    }
    effects
}

fn longest(bursts: &[&Burst], still: &[Waiting], end: Timestamp) -> TimeDelta {
    let released = bursts.iter().flat_map(|burst| &burst.released);
    let waits = released.filter_map(|it| Some(it.released?.time - it.opened.time));
    waits.chain(still.iter().map(|it| end - it.opened.time)).max().unwrap_or_default()
}

fn facts(tale: &Tale<'_>, service: &Service, bursts: &[&Burst], holders: &[Served], waited: u64) -> Facts {
    let holders: Vec<Facts> = holders
        .iter()
        .map(|holder| {
            let (idle, kinds) = idle_of(holder);
            let burst = bursts.iter().find(|burst| burst.holder.is_some_and(|it| it.flow == holder.flow));
            let delays = burst.and_then(|burst| burst.delays());
            Facts::new()
                .and("flow", holder.flow)
                .and("initiator", holder.initiator)
                .and("opened", holder.opened.time)
                .and_maybe("ended", holder.ended.map(|end| end.time))
                .and_maybe("closer", holder.closer.map(Role::as_str))
                .and_maybe("lasted", holder.ended.map(|end| end.time - holder.opened.time))
                .and_maybe("idle", idle)
                .and_maybe("may_be", idle.map(|idle| tale.candidates(idle, kinds)))
                .and_maybe("released", burst.map(|burst| burst.released.len() + burst.brief))
                .and_maybe("first_after", delays.map(|(first, _)| first))
                .and_maybe("last_after", delays.map(|(_, last)| last))
                .and_maybe("in_order", burst.map(|burst| burst.swapped == 0))
        })
        .collect();
    let first_unanswered = service.requests.unanswered.iter().map(|it| it.asked.time).min();
    Facts::new()
        .and("service", service.endpoint)
        .and("waited", waited)
        .and("slots", service.releases.slots)
        .and("holders", holders)
        .and("unanswered", service.requests.count)
        .and("late_answers", service.requests.late_answers)
        .and_maybe("unanswered_since", first_unanswered)
        .and("connects", service.established)
}
