use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Event, EventKind, Flow, FlowOutcome};

rule! {
    /// ## What we saw
    /// A connection request (SYN) drew an ICMP error: a router, a firewall or the host itself says that the
    /// packet cannot or may not be delivered.
    ///
    /// ## Why it matters
    /// `connect()` fails with "no route to host", "network unreachable" or "connection refused", although the
    /// service may be well: the fault lies on the path or in a filter.
    ///
    /// ## What to do
    /// The source address of the ICMP packet names the device that refused; its code names the reason. "Host
    /// unreachable" from a router of the same network usually means that nobody answered ARP there: is the host
    /// up, is the address right? "Administratively prohibited" and "port unreachable" are firewall rules: look
    /// for REJECT in `nft list ruleset` or `iptables-save` on that device. Compare `ip route get ADDRESS` and
    /// `traceroute -T -p PORT ADDRESS`.
    ///
    /// ## What else it can be
    /// A short outage while routes converge: hosts should treat net and host unreachable as passing and retry.
    /// ICMP is not authenticated, so anyone on the path can send it.
    ///
    /// ## See
    /// RFC 1122 §4.2.3.9 (what TCP does with ICMP), RFC 792, RFC 4443 §3.
    static REFUSED_BY_ICMP = {
        code: "SYN102", title: "connection refused by ICMP", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::RefusedIcmp)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    if flow.outcome != FlowOutcome::RefusedIcmp {
        return None;
    }
    let error = lookup::first(flow, EventKind::IcmpError)?;
    let retried = lookup::last(flow, EventKind::SynAgain).filter(|again| again.at.time > error.at.time);
    let evidence = Evidence::new(lookup::syn(flow), "connection request")
        .and(error.at, "ICMP error about it")
        .and_maybe(retried.map(|again| again.at), "requested again all the same");
    // An initiator that gives up shows that the error reached it; one that goes on may never have seen it.
    Some(Finding::new(&REFUSED_BY_ICMP, flow, flow.responder, evidence).proven_if(retried.is_none()))
}

fn summary(flow: &Flow, _: &Finding) -> String {
    let error = lookup::first(flow, EventKind::IcmpError);
    let (kind, code) = error.map_or((0, 0), |error| (error.window >> 8, error.window & 0xff));
    let record = error.map_or(0, Event::record);
    let reporter = flow.icmp_reporter.map_or_else(String::new, |reporter| format!(" from {reporter}"));
    format!(
        "the SYN of {} to {} drew ICMP type {kind} code {code}{reporter}, {} (record {record})",
        flow.initiator,
        flow.responder,
        meaning(flow.initiator.addr.is_ipv6(), kind, code)
    )
}

/// The words of RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1 and RFC 4443 §3.
fn meaning(is_v6: bool, kind: u16, code: u16) -> &'static str {
    match (is_v6, kind, code) {
        (false, 3, 0 | 6 | 11) => "network unreachable",
        (false, 3, 1 | 7 | 12) | (true, 1, 3) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 4) | (true, 2, _) => "packet too big",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, _) | (true, 3, _) => "time exceeded",
        (false, 12, _) | (true, 4, _) => "parameter problem",
        (true, 1, 0) => "no route to the destination",
        (true, 1, 5) => "source address failed policy",
        (true, 1, 6) => "route rejected",
        _ => "not delivered",
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, FlowOutcome};
    use crate::net::Role;

    fn refused() -> Story {
        Story::syn().event(EventKind::IcmpError, Role::Responder, 0.001).having(|event| event.window = 0x0301)
    }

    #[test]
    fn an_icmp_error_that_ends_the_attempt_is_proven() {
        let flow = refused().flow(FlowOutcome::RefusedIcmp);
        assert_eq!(found("SYN102", &flow, 1.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("SYN102", &flow, 1.0).contains("type 3 code 1, host unreachable (record 2)"));
    }

    #[test]
    fn an_initiator_that_goes_on_leaves_it_presumed() {
        let flow = refused().event(EventKind::SynAgain, Role::Initiator, 1.0).flow(FlowOutcome::RefusedIcmp);
        assert_eq!(found("SYN102", &flow, 9.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn an_icmp_error_that_did_not_prevent_the_connection_is_none() {
        let mut story = refused().event(EventKind::SynAck, Role::Responder, 1.0);
        story.flow.handshake = crate::flow::Handshake::Complete;
        assert_eq!(found("SYN102", &story.flow(FlowOutcome::Open), 9.0), None);
    }
}
