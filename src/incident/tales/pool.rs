//! A pool of connections to a backend is full and silent, and what waits for it.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::survey::Party;
use crate::time::TimeDelta;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let backend = tale.root.service;
    let Party::Client { host, .. } = tale.root.party else { return Story::default() };
    let pair = tale.clients().find(|pair| pair.client == host);
    let size = pair.map_or(0, |pair| pair.open);
    let silent = pair.and_then(|pair| pair.last_octets);
    let front = tale.members.iter().find(|symptom| symptom.service != backend && symptom.code == "SVC106");
    let front_service = front.and_then(|front| tale.view.services.get(&front.service));
    let mut effects = vec![tale.root.told.first().cloned().unwrap_or_default()];
    let mut facts = Facts::new()
        .and("client", host.to_string())
        .and("backend", backend)
        .and("size", size)
        .and_maybe("silent_since", silent);
    let mut connections = size;
    if let Some(service) = front_service {
        let first = service.requests.unanswered.iter().map(|it| it.asked.time).min();
        let patience = service.requests.patience.plateaus().first().map(|plateau| plateau.value);
        let after = first.zip(silent).map(|(first, silent)| first - silent);
        let gave_up =
            patience.map_or_else(String::new, |patience| format!("; clients give up after {patience}"));
        let after_words = after.map_or_else(String::new, |after| {
            if after < TimeDelta::from_millis(100) {
                ", when the pool fell silent".to_owned()
            } else {
                format!(", {after} after the pool fell silent")
            }
        });
        effects.push(format!(
            "the front {} leaves {} unanswered since {}{after_words}{gave_up}",
            service.endpoint,
            counted(service.requests.count, "request"),
            first.map_or_else(String::new, |first| tale.clock(first))
        ));
        connections = connections.max(service.requests.count);
        facts = facts
            .and("front", service.endpoint)
            .and("front_unanswered", service.requests.count)
            .and_maybe("front_unanswered_since", first)
            .and_maybe("front_after", after)
            .and_maybe("gave_up_after", patience)
            .and("front_close_wait", service.stuck.connections);
    }
    let since = silent.map_or_else(String::new, |silent| format!(", silent since {}", tale.clock(silent)));
    let stuck = front.map_or_else(String::new, |front| format!(": {} is stuck behind it", front.service));
    Story {
        title: format!("{host} holds {size} connections to {backend}, no more and no fewer{since}{stuck}"),
        cause: format!(
            "the pool of {host} toward {backend} stays at {size}: no connect after the last, no octets, no close; who needs one more waits for one that is never given back"
        ),
        effects,
        who: format!(
            "the program on {host}: it takes a pooled connection while it holds one, or does not give them back"
        ),
        confirm: vec![ss(host, backend, "established", &format!("{size} sockets of one process, all idle"))],
        facts,
        connections: Some(connections),
        party: Some(Party::Client { host, service: backend }),
        span: silent.map(|silent| (silent, None)),
        ..Story::default()
    }
}
