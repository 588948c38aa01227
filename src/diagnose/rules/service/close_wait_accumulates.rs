use super::{MANY, counted, party_filter};
use crate::diagnose::{Facts, InputFinding, Severity, Terms};
use crate::survey::{Party, View, Waits};

rule! {
    /// ## What we saw
    /// One side received FINs on many connections, and did not close them: its sockets stayed in CLOSE-WAIT for
    /// `--fin-delay` or longer, several at a time.
    ///
    /// ## Why it matters
    /// CLOSE-WAIT has no timer: only the program, or its end, closes such a socket. Until then it holds a file descriptor,
    /// memory, and on the client's side a local port. A process runs out of descriptors, a host out of ports.
    ///
    /// ## What to do
    /// `ss -tanp state close-wait` on that host: a socket with a process belongs to a program that read end-of-file and
    /// forgot to close, or is busy elsewhere (Recv-Q above 0); one without a process was never accepted (SVC102).
    /// `--sockets` joins that output with the capture.
    ///
    /// ## What else it can be
    /// Deliberate half-closes: the program still has work to do on what it received (a batch upload). A program that
    /// drains slowly. A host that lost the FIN behind the capture point (then the finding is presumed).
    ///
    /// ## See
    /// RFC 9293 §3.3.2 and §3.6 (CLOSE-WAIT waits for the local user).
    party static CLOSE_WAIT_ACCUMULATES = {
        code: "SVC101", title: "CLOSE-WAIT sockets accumulate at an endpoint", severity: Fault
    }
}

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    let services = view.services.values().map(|service| (Party::Service(service.endpoint), &service.stuck));
    let clients = view
        .pairs
        .values()
        .map(|(_, pair)| (Party::Client { host: pair.client, service: pair.service }, &pair.stuck));
    services.chain(clients).filter_map(|(party, waits)| find(view, party, waits)).collect()
}

/// So many times `--fin-delay` is more than late.
const LONG: i64 = 3;

fn find(view: &View, party: Party, waits: &Waits) -> Option<InputFinding> {
    let peak = waits.curve.peak();
    let since = waits.since?;
    // A FIN that nobody acknowledged may not have come: nobody need be in CLOSE-WAIT.
    if waits.connections - waits.presumed < MANY || peak.level < MANY {
        return None;
    }
    // Late is not never.
    let is_long = waits.lasted.max().nanos() >= LONG * view.limits.fin_delay.nanos();
    let until = if waits.still > 0 { None } else { waits.until };
    let still = match waits.still {
        0 => String::new(),
        still => format!(", {still} of them still when the capture ended"),
    };
    let summary = format!(
        "{party} left {} in CLOSE-WAIT, up to {} at once{still}; the longest for {}",
        counted(waits.connections, "connection"),
        peak.level,
        waits.lasted.max()
    );
    let recv_q = match party {
        Party::Service(service) => view.services.get(&service).and_then(|service| service.recv_q),
        Party::Client { .. } | Party::Host(_) => None,
    };
    let facts = Facts::new()
        .and("connections", waits.connections)
        .and("still", waits.still)
        .and("peak", peak.level)
        .and("peak_at", peak.at)
        .and("longest", waits.lasted.max())
        .and("median", waits.lasted.median())
        .and_maybe("recv_q_most", recv_q.map(|(low, high)| vec![low, high]));
    let mut finding = InputFinding::about(&CLOSE_WAIT_ACCUMULATES, party, since, summary)
        .until(until)
        .proven_if(waits.presumed == 0)
        .at_most(if is_long { Severity::Fault } else { Severity::Warning })
        .filtered(party_filter(&party))
        .with(facts);
    for (_, record) in &waits.examples {
        finding = finding.and(*record, "a socket enters CLOSE-WAIT");
    }
    Some(finding)
}
