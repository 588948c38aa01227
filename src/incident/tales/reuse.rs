//! New connections on ports that half-closed ones still hold.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::time::TimeDelta;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let (blocked, reused) = (tale.count("TUP104"), tale.count("TUP101"));
    let cost = cost(tale);
    let clients = tale.clients_in_words();
    let many = blocked.max(reused);
    Story {
        title: format!(
            "{} of {clients} to {service} met sockets of earlier connections on the same ports",
            counted(many, "connect")
        ),
        cause: format!(
            "{service} has not closed the connections before: a SYN on their ports draws an ACK with the old numbers instead of a SYN-ACK"
        ),
        effects: self::blocked(tale).into_iter().collect(),
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

/// What it cost to connect on ports that are taken, least and most.
fn cost(tale: &Tale<'_>) -> Option<(TimeDelta, TimeDelta)> {
    let lasted =
        tale.member("TUP104").and_then(|symptom| symptom.group.as_ref()).map(|group| &group.lasted)?;
    (lasted.count() > 0).then(|| (lasted.min(), lasted.max()))
}

/// The connects that were held up, in words.
pub(super) fn blocked(tale: &Tale<'_>) -> Option<String> {
    let connects = counted(tale.count("TUP104"), "connect");
    let (least, most) = cost(tale).filter(|(_, most)| *most > TimeDelta::ZERO)?;
    Some(format!(
        "{connects} on ports that such a socket still holds drew an ACK with the old numbers instead of a SYN-ACK, and took {least} to {most} or failed"
    ))
}
