use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Flow, Reset, ResetKind};

rule! {
    /// ## What we saw
    /// A RST that bears one endpoint's address but does not look like that endpoint's packets: its time to live (hop
    /// limit) is another one, its IP identification or its ACK number does not continue theirs, or that endpoint goes
    /// on with the connection as if it had sent none.
    ///
    /// ## Why it matters
    /// Something on the path cut the connection in the endpoint's name. Neither program closed, and neither log
    /// says why; each side blames the other.
    ///
    /// ## What to do
    /// The TTL tells the distance: stacks start at 64, 128 or 255, so the difference counts the hops to the sender.
    /// Ask who runs a firewall, IPS, proxy or load balancer there, and look at its log for this four-tuple. Capture
    /// at both ends: a RST that one end received and the other never sent is the proof.
    ///
    /// ## What else it can be
    /// A route that changed at that moment; several hosts behind one address (load balancer, NAT, anycast)
    /// whose TTLs differ; a host whose kernel sends RST with another initial TTL than its sockets do.
    ///
    /// ## See
    /// RFC 5961 (blind reset attacks), RFC 3360 (inappropriate resets by firewalls).
    static THIRD_PARTY = {
        code: "RST105", title: "RST that neither endpoint seems to have sent", severity: Warning,
        needs: [Sign::Reset(ResetKind::ThirdParty)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = find(flow)?;
    let caption = match mark(reset) {
        Mark::Ttl => "RST with a foreign time to live",
        Mark::GoesOn => "RST, but its alleged sender goes on",
        Mark::Numbers => "RST whose numbers do not continue its alleged sender's",
    };
    let evidence = Evidence::new(reset.at, caption)
        .and_maybe(reset.answers.map(|(_, record)| record), "right before it");
    Some(Finding::new(&THIRD_PARTY, flow, flow.endpoint(reset.by), evidence).presumed())
}

fn find(flow: &Flow) -> Option<&Reset> {
    flow.resets.iter().find(|reset| reset.kind == ResetKind::ThirdParty)
}

/// What gives a RST away.
enum Mark {
    Ttl,
    GoesOn,
    Numbers,
}

fn mark(reset: &Reset) -> Mark {
    let (low, high) = reset.sender_ttl;
    match (low..=high).contains(&reset.ttl) {
        false => Mark::Ttl,
        true if reset.sender_goes_on => Mark::GoesOn,
        true => Mark::Numbers,
    }
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = find(flow) else { return String::new() };
    let usual = match reset.sender_ttl {
        (low, high) if low == high => format!("{low}"),
        (low, high) => format!("{low} to {high}"),
    };
    let why = match mark(reset) {
        Mark::Ttl => format!("has TTL {}, its other segments {usual}", reset.ttl),
        Mark::GoesOn => "was not its own: it goes on with the connection afterwards".into(),
        Mark::Numbers => "does not continue its IP identifications or ACK numbers".into(),
    };
    format!("a RST in the name of {} (record {}) {why}", finding.endpoint, reset.at.record)
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{FlowOutcome, ResetKind};
    use crate::net::Role;

    #[test]
    fn a_rst_with_a_foreign_ttl_is_presumed_forged() {
        let mut flow = Story::connected()
            .request(0.1)
            .reset(ResetKind::ThirdParty, Role::Responder, 0.2, None)
            .flow(FlowOutcome::ResetThirdParty);
        flow.resets[0].ttl = 42;
        assert_eq!(found("RST105", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
        assert_eq!(
            summary("RST105", &flow, 60.0),
            "a RST in the name of 10.0.0.1:80 (record 5) has TTL 42, its other segments 64"
        );
    }

    #[test]
    fn a_rst_like_its_senders_other_segments_is_none() {
        let flow = Story::connected()
            .request(0.1)
            .reset(ResetKind::Abort, Role::Responder, 0.2, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST105", &flow, 60.0), None);
    }
}
