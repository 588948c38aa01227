//! Connections that are opened and never closed, and the ports that these take.

use crate::diagnose::{Fact, Facts};
use crate::incident::tale::{Story, Tale, ss};
use crate::survey::Party;
use crate::words::counted;

/// The host that opens, as the symptom at the root names it.
fn client(tale: &Tale<'_>) -> Option<std::net::IpAddr> {
    match tale.root.party {
        Party::Client { host, .. } | Party::Host(host) => Some(host),
        Party::Service(_) => tale.only_client(),
    }
}

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let Some(host) = client(tale) else { return Story::default() };
    let pair = tale.clients().find(|pair| pair.client == host);
    let open = pair.map_or(0, |pair| pair.open);
    let run_out = match (tale.root.facts.get("local_ports"), tale.root.facts.get("local_ports_run_out")) {
        (Some(Fact::Count(ports)), Some(Fact::Time(at))) => {
            Some(format!("at this rate its {ports} local ports run out at {}", tale.clock(*at)))
        }
        _ => None,
    };
    let mut effects: Vec<String> = run_out.into_iter().collect();
    effects.extend(tale.member("SVC105").and_then(|symptom| symptom.told.first().cloned()));
    Story {
        title: format!("{host} opens connections to {service} and does not close them: {open} open"),
        cause: tale.root.told.first().cloned().unwrap_or_default(),
        effects,
        who: format!(
            "the program on {host} must use its connections again, or close them (one client, one pool; an idle time-out)"
        ),
        confirm: vec![ss(
            host,
            service,
            "established",
            "the process that holds them; their number only grows",
        )],
        facts: Facts::new().and("client", host.to_string()).and("service", service).and("open", open),
        connections: Some(open),
        party: Some(Party::Client { host, service }),
        ..Story::default()
    }
}

pub(in crate::incident) fn ports_exhausted(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let Some(host) = client(tale) else { return Story::default() };
    let pair = tale.clients().find(|pair| pair.client == host);
    let (held, stuck) = pair.map_or((0, 0), |pair| (pair.held, pair.stuck.still));
    let why = if stuck > 0 {
        format!(
            "{} in CLOSE-WAIT hold a port each: {service} closed them, {host} never did",
            counted(stuck, "connection")
        )
    } else {
        format!("{} hold a port each", counted(held, "connection"))
    };
    let ports = tale.member("SVC105").unwrap_or(tale.root);
    let ran_out = !matches!(ports.facts.get("exhausted"), Some(Fact::Is(false)));
    Story {
        title: if ran_out {
            format!("{host} has no local ports left toward {service}: {held} are held")
        } else {
            format!("{host} runs out of local ports toward {service}: {held} are held")
        },
        cause: why,
        effects: ports.told.first().cloned().into_iter().collect(),
        certainty: Some(ports.certainty),
        who: format!(
            "the program on {host} must close the connections that {service} closed; a wider ip_local_port_range only delays it"
        ),
        confirm: vec![
            ss(host, service, "close-wait", "the process that holds the ports"),
            crate::incident::Confirmation {
                host,
                command: "sysctl net.ipv4.ip_local_port_range".to_owned(),
                expect: "the range that is used up".to_owned(),
            },
        ],
        facts: Facts::new()
            .and("client", host.to_string())
            .and("service", service)
            .and("held", held)
            .and("in_close_wait", stuck),
        connections: Some(held),
        party: Some(Party::Client { host, service }),
        ..Story::default()
    }
}
