//! A program does not close what its peer closed.

use std::net::IpAddr;

use super::{process_died, reuse};
use crate::diagnose::{Facts, Growth, LocalPorts};
use crate::incident::tale::{Story, Tale, ss};
use crate::survey::Party;
use crate::time::Timestamp;
use crate::words::counted;

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let Some((party, waits)) = tale.stuck() else { return Story::default() };
    let service = tale.root.service;
    let host = match party {
        Party::Service(service) => service.addr,
        Party::Client { host, .. } | Party::Host(host) => host,
    };
    let peer = match party {
        Party::Service(_) => tale.clients_in_words(),
        Party::Client { .. } | Party::Host(_) => service.to_string(),
    };
    let since = waits.since.unwrap_or(tale.root.since);
    let until = waits.until.filter(|_| waits.still == 0);
    let mut effects = Vec::new();
    if waits.late_fins.count() > 0 {
        effects.push(format!(
            "{} came {} to {} late",
            counted(waits.late_fins.count(), "FIN"),
            waits.late_fins.min(),
            waits.late_fins.max()
        ));
    }
    effects.extend(process_died::ending(tale));
    effects.extend(reuse::blocked(tale));
    let ports = Held::of(tale, &party);
    effects.extend(
        tale.member("SVC105").map(|it| it.told.concat()).or_else(|| ports.as_ref().map(Held::in_words)),
    );
    Story {
        title: if waits.still > 0 {
            let sockets = counted(waits.connections, "socket");
            format!("{party} does not close: {sockets} in CLOSE-WAIT since {}", tale.clock(since))
        } else {
            let connections = counted(waits.connections, "connection");
            let how = if waits.late_fins.count() > 0 { "closed" } else { "did not close" };
            let until = if waits.late_fins.count() > 0 { "late" } else { "until they were reset" };
            format!("{party} {how} {connections} {until}: in CLOSE-WAIT for up to {}", waits.lasted.max())
        },
        cause: format!(
            "{peer} closed first; {host} acknowledged each FIN and did not close its side for up to {}",
            waits.lasted.max()
        ),
        effects,
        who: format!(
            "the program on {host} that holds these sockets must close what its peer closed: nothing else ends CLOSE-WAIT"
        ),
        confirm: vec![ss(
            host,
            service,
            "close-wait",
            "the process that holds the sockets; Recv-Q 0: it read the end and forgot to close; 1 and more: it is busy elsewhere",
        )],
        facts: Facts::new()
            .and("party", party)
            .and("held", waits.still)
            .and_maybe("ports", ports.map(|ports| ports.facts())),
        connections: Some(waits.connections),
        party: Some(party),
        span: Some((since, until)),
        ..Story::default()
    }
}

/// The local ports that a client holds.
struct Held {
    host: IpAddr,
    count: u64,
    range: LocalPorts,
    run_out: Option<Timestamp>,
}

impl Held {
    fn of(tale: &Tale<'_>, party: &Party) -> Option<Self> {
        let Party::Client { host, service } = *party else { return None };
        let (_, pair) = tale.view.pairs.get(&(service, host))?;
        let (range, held) = (LocalPorts::of(tale.terms), pair.held);
        let run_out = Growth { count: held, span: pair.opened? }.reaches(range.count());
        (held > 0).then_some(Self { host, count: held, range, run_out })
    }

    fn in_words(&self) -> String {
        let Self { host, count, range, run_out } = self;
        let all = range.count();
        let at = run_out.map_or_else(String::new, |at| {
            let minute: String = at.to_string().chars().take(16).collect();
            format!("; at this rate the last is taken on {} UTC", minute.replace('T', " at "))
        });
        format!("each of them holds a local port of {host}: {count} of {all} ({range}){at}")
    }

    fn facts(&self) -> Facts {
        Facts::new()
            .and("held", self.count)
            .and("range", self.range.to_string())
            .and("of", self.range.count())
            .and_maybe("run_out", self.run_out)
    }
}

/// Late segments met hosts that had forgotten, and that is all.
pub(in crate::incident) fn stale_ports(tale: &Tale<'_>) -> Story {
    let service = tale.root.service;
    let count = tale.count("RST101") + tale.count("RST102");
    Story {
        title: format!(
            "{} met ports whose owner had forgotten the connection, at {service}",
            counted(count, "late segment")
        ),
        cause: "one side closed and went away; the other spoke to it long after".to_owned(),
        who: format!("whoever was late: the program behind {}", tale.root.party),
        confirm: vec![ss(service.addr, service, "close-wait", "sockets that wait for their program")],
        facts: Facts::new().and("resets", count),
        connections: Some(count),
        ..Story::default()
    }
}
