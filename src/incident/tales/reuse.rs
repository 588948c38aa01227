//! New connections on ports that half-closed ones still hold.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::time::TimeDelta;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let (blocked, reused) = (tale.count("TUP104"), tale.count("TUP101"));
    let cost = tale.member("TUP104").and_then(|symptom| symptom.group.as_ref()).map(|group| &group.lasted);
    let cost = cost.filter(|lasted| lasted.count() > 0).map(|lasted| (lasted.min(), lasted.max()));
    let clients = tale.clients_in_words();
    let many = blocked.max(reused);
    let mut effects = Vec::new();
    if let Some((least, most)) = cost.filter(|(_, most)| *most > TimeDelta::ZERO) {
        effects.push(format!("{} delayed by {least} to {most}, or failed", counted(blocked, "connect")));
    }
    Story {
        title: format!(
            "{} of {clients} to {service} met sockets of earlier connections on the same ports",
            counted(many, "connect")
        ),
        cause: format!(
            "{service} has not closed the connections before: a SYN on their ports draws an ACK with the old numbers instead of a SYN-ACK"
        ),
        effects,
        who: format!(
            "the program on {service} must close what its clients closed: a socket in CLOSE-WAIT keeps the four-tuple"
        ),
        confirm: vec![ss(
            service.addr,
            service,
            "close-wait",
            "sockets whose peer port is the one that could not connect",
        )],
        facts: Facts::new()
            .and("service", service)
            .and("blocked", blocked)
            .and("reused_half_closed", reused)
            .and_maybe("cost_least", cost.map(|(least, _)| least))
            .and_maybe("cost_most", cost.map(|(_, most)| most)),
        connections: Some(many),
        ..Story::default()
    }
}
