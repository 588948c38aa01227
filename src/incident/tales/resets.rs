//! Resets that a host's lost memory, somebody else, or a program sends; and a program that stopped reading.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::words::counted;

pub(in crate::incident) fn state_lost(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("RST109");
    let refused = tale.service().map_or(0, |service| service.refused);
    let mut effects = Vec::new();
    if refused > 0 {
        effects.push(format!("{} refused meanwhile", counted(refused, "connect")));
    }
    Story {
        title: format!(
            "{} lost the state of {} (restart or fail-over)",
            service.addr,
            counted(count, "connection")
        ),
        cause: format!(
            "from {} on each segment of an older connection draws a RST without ACK: {} no longer knew it; none of them was aborted by a program",
            tale.clock(tale.root.since),
            service.addr
        ),
        effects,
        who: format!(
            "whoever runs {}: did it restart, or did another machine take its address over?",
            service.addr
        ),
        confirm: vec![crate::incident::Confirmation {
            host: service.addr,
            command: "uptime -s; journalctl --list-boots".to_owned(),
            expect: format!("a start shortly before {}", tale.clock(tale.root.since)),
        }],
        facts: Facts::new().and("host", service.addr.to_string()).and("flows", count).and("refused", refused),
        connections: Some(count),
        ..Story::default()
    }
}

pub(in crate::incident) fn forged(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("RST105");
    Story {
        title: format!("somebody else resets connections to {service}: {count}"),
        cause: tale.root.told.first().cloned().unwrap_or_default(),
        who: format!(
            "whoever runs what is between {} and {service} (firewall, IDS, balancer)",
            tale.clients_in_words()
        ),
        confirm: vec![ss(
            service.addr,
            service,
            "",
            "capture at both ends at once: the RST arrives at one and was sent by neither",
        )],
        facts: Facts::new().and("flows", count),
        connections: Some(count),
        ..Story::default()
    }
}

pub(in crate::incident) fn stopped_reading(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("APP104");
    Story {
        title: format!(
            "{} with {service} stalled: the receiver stopped reading",
            counted(count, "connection")
        ),
        cause: tale.root.told.first().cloned().unwrap_or_default(),
        who: format!("the program that does not read: {}", tale.root.party),
        confirm: vec![ss(
            service.addr,
            service,
            "",
            "Recv-Q at its limit on the side that does not read, Send-Q on the other",
        )],
        facts: Facts::new().and("flows", count),
        connections: Some(count),
        ..Story::default()
    }
}
