//! Requests that met the close of a connection that had been idle.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::net::Role;
use crate::timers::Kind as TimerKind;
use crate::words::counted;

/// What a pool should do.
const SHORTER: &str = "must give up idle connections sooner than the server does, or repeat what drew a RST";

pub(in crate::incident) fn keep_alive(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("APP106");
    let idle = tale.idle_before(Role::Responder);
    let closes = idle.map_or_else(
        || format!("{service} closes idle connections"),
        |idle| {
            format!(
                "{service} closes connections that were idle for {idle}{}",
                tale.may_be(idle, TimerKind::RESPONDER_IDLE)
            )
        },
    );
    Story {
        title: format!("{} to {service} crossed its FIN and drew RST", counted(count, "request")),
        cause: format!("{closes}; a request that is on its way then meets a closed socket"),
        effects: vec![format!(
            "{} lost: a proxy that does not repeat them answers 502",
            counted(count, "request")
        )],
        who: format!("the client {} {SHORTER}", tale.clients_in_words()),
        confirm: vec![ss(
            service.addr,
            service,
            "",
            "FIN-WAIT-2 and TIME-WAIT on the server's side: it closes first",
        )],
        facts: Facts::new()
            .and("service", service)
            .and("crossed", count)
            .and_maybe("server_idle_timeout", idle)
            .and_maybe("may_be", idle.map(|idle| tale.candidates(idle, TimerKind::RESPONDER_IDLE))),
        connections: Some(count),
        ..Story::default()
    }
}

pub(in crate::incident) fn stale_pool(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("APP107");
    let idle = tale.idle_before(Role::Responder);
    let after = idle.map_or_else(String::new, |idle| {
        format!(" after {idle} of idleness{}", tale.may_be(idle, TimerKind::RESPONDER_IDLE))
    });
    Story {
        title: format!("{} went out on connections that {service} had closed", counted(count, "request")),
        cause: format!(
            "{service} closed them{after}; the pool of {} did not notice",
            tale.clients_in_words()
        ),
        effects: vec![format!("{} drew RST and had to be sent again", counted(count, "request"))],
        who: format!(
            "the client {} {SHORTER}, and look for end-of-file before it uses one again",
            tale.clients_in_words()
        ),
        confirm: vec![ss(
            tale.only_client().unwrap_or(service.addr),
            service,
            "close-wait",
            "sockets of the pool that the server closed",
        )],
        facts: Facts::new()
            .and("service", service)
            .and("stale_requests", count)
            .and_maybe("server_idle_timeout", idle)
            .and_maybe("may_be", idle.map(|idle| tale.candidates(idle, TimerKind::RESPONDER_IDLE))),
        connections: Some(count),
        ..Story::default()
    }
}
