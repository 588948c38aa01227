//! Connections that do not open, or whose end is not heard.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::words::{counted, enumerated};

pub(in crate::incident) fn accept_queue_overflow(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("SYN105");
    let unanswered = tale.service().map_or(0, |service| service.unanswered_syns);
    let mut effects = vec![format!(
        "{} look established to their clients; what they send is never acknowledged",
        counted(count, "connection")
    )];
    if unanswered > 0 {
        effects.push(format!("{} got no answer at all", counted(unanswered, "connection request")));
    }
    Story {
        title: format!("the accept queue of {service} is full: {} one-sided", counted(count, "connection")),
        cause: tale.root.told.first().cloned().unwrap_or_default(),
        effects,
        who: format!("the service on {service} must accept faster, or listen with a longer backlog"),
        confirm: vec![ss(
            service.addr,
            service,
            "listening",
            "Recv-Q above Send-Q: the accept queue is full; nstat -az TcpExtListenOverflows counts",
        )],
        facts: Facts::new()
            .and("service", service)
            .and("one_sided", count)
            .and("unanswered_syns", unanswered),
        connections: Some(count + unanswered),
        ..Story::default()
    }
}

pub(in crate::incident) fn unreachable(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let kinds = [
        ("SYN101", "refused"),
        ("SYN102", "refused by ICMP"),
        ("SYN103", "never answered"),
        ("SYN104", "never completed"),
    ];
    let counts: Vec<_> =
        kinds.iter().map(|(code, what)| (tale.count(code), what)).filter(|(count, _)| *count > 0).collect();
    let told: Vec<String> = counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
    let all: u64 = counts.iter().map(|(count, _)| count).sum();
    Story {
        title: format!("{} to {service} failed", counted(all, "connect")),
        cause: format!("{}: {}", enumerated(&told), tale.root.told.first().cloned().unwrap_or_default()),
        who: format!("whoever runs {service}, or the path to it"),
        confirm: vec![ss(service.addr, service, "listening", "whether anybody listens, on which address")],
        facts: Facts::new().and("service", service).and("failed", all),
        connections: Some(all),
        ..Story::default()
    }
}

pub(in crate::incident) fn close_unheard(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("FIN103");
    Story {
        title: format!("{} of connections with {service} were never acknowledged", counted(count, "FIN")),
        cause: tale.root.told.first().cloned().unwrap_or_default(),
        effects: vec!["the side that did not hear of the close keeps its socket open until it sends something, or for ever".to_owned()],
        who: format!("whoever runs the path between {} and {service}", tale.clients_in_words()),
        confirm: vec![ss(service.addr, service, "established", "sockets whose peer has gone")],
        facts: Facts::new().and("flows", count),
        connections: Some(count),
        ..Story::default()
    }
}
