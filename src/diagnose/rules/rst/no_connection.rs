use super::begins;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::Flow;

rule! {
    /// ## What we saw
    /// A RST on a four-tuple of which the capture had shown nothing before.
    ///
    /// ## Why it matters
    /// It is the tail of a story that happened before the capture began, or that passes elsewhere. It cannot be
    /// told who was at fault.
    ///
    /// ## What to do
    /// If there are many from one host: it answers segments of connections that it does not know, for example after
    /// a restart, and the capture sees one direction only. Capture earlier, longer, or on the other path.
    ///
    /// ## What else it can be
    /// Backscatter: answers to a SYN flood that was sent under somebody else's address; a scan with RST packets; a
    /// load balancer that closes idle connections at both ends.
    ///
    /// ## See
    /// RFC 9293 §3.5.2.
    static NO_CONNECTION = {
        code: "RST107", title: "RST of no known connection", severity: Note,
        needs: [Sign::MidstreamReset]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = flow.resets.first().filter(|reset| begins(flow, reset))?;
    let evidence = Evidence::new(reset.at, "RST, the first segment of its four-tuple");
    Some(Finding::new(&NO_CONNECTION, flow, flow.endpoint(reset.by), evidence))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let peer = flow.resets.first().map_or(flow.responder, |reset| flow.endpoint(!reset.by));
    format!(
        "{} sent RST to {peer} (record {}); nothing of this connection was captured before",
        finding.endpoint, flow.first.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, findings_in, found};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Flow, FlowOutcome, Handshake, Origin, ResetKind};
    use crate::net::Role;

    fn rst_only() -> Flow {
        let mut story = Story::syn();
        story.flow.events.clear();
        let mut flow =
            story.reset(ResetKind::Unsolicited, Role::Responder, 0.0, None).flow(FlowOutcome::ResetResponder);
        (flow.origin, flow.handshake) = (Origin::Midstream, Handshake::NotSeen);
        flow
    }

    #[test]
    fn a_flow_that_begins_with_rst_is_a_note_and_nothing_else() {
        let flow = rst_only();
        assert_eq!(found("RST107", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
        assert_eq!(findings_in(&flow, 60.0).len(), 1);
    }

    #[test]
    fn a_rst_after_captured_segments_is_none() {
        let mut flow = rst_only();
        flow.first.record = 0;
        assert_eq!(found("RST107", &flow, 60.0), None);
    }
}
