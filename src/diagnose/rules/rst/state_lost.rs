use super::ending;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Answered, EventKind, Flow, Origin, Reset, ResetKind};

rule! {
    /// ## What we saw
    /// One side, which had not closed, answered a segment of a live connection with a bare RST: it no longer knows
    /// the connection. Or it opened a new connection from the same port as if the old one had never been.
    ///
    /// ## Why it matters
    /// All connections of that host, or of that address, are gone at the same time. Every client finds out only
    /// when it next sends something, which on idle pooled connections can be hours later.
    ///
    /// ## What to do
    /// Check what happened there just before: `uptime -s`, `systemctl status`, container restarts, fail-over of a
    /// virtual address (keepalived, pacemaker), a load balancer that sent the connection to another backend, a NAT
    /// gateway that was replaced. If all RSTs of the host begin after one moment, that is when the state went.
    /// Clients need keep-alives (`TCP_KEEPIDLE`) or `TCP_USER_TIMEOUT` to notice sooner.
    ///
    /// ## What else it can be
    /// A FIN or RST of that side which the capture missed; a firewall that rejects with `tcp-reset` what it has
    /// no state for; right after the handshake, a listener that resets on a full accept queue
    /// (`net.ipv4.tcp_abort_on_overflow`).
    ///
    /// ## See
    /// RFC 9293 §3.5.1 (half-open connections), figures 9 and 10.
    static STATE_LOST = {
        code: "RST109", title: "state lost: a live connection is unknown", severity: Warning,
        needs: [Sign::Reset(ResetKind::StateLost), Sign::Reset(ResetKind::SuccessorSyn)]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let reset = find(flow)?;
    let before = lookup::last(flow, EventKind::Data).map(|event| event.at);
    let evidence = Evidence::new(reset.at, "RST: no such connection")
        .and_maybe(reset.answers.map(|(_, record)| record), "the segment that it answers")
        .and_maybe(before, "last data");
    Some(
        Finding::new(&STATE_LOST, flow, flow.endpoint(reset.by), evidence)
            .proven_if(reset.answers.is_some() && !may_have_closed(flow, reset))
            .unless(lookup::closed_unseen(flow, reset.by))
            .unless(context.doubts.absence(flow.first)),
    )
}

/// The capture begins inside the connection and shows nothing that the sender of the RST had still to say: it may
/// have closed, and forgotten, before.
fn may_have_closed(flow: &Flow, reset: Reset) -> bool {
    flow.origin == Origin::Midstream && flow.traffic[reset.by].octets == 0
}

fn find(flow: &Flow) -> Option<Reset> {
    ending(flow, &[ResetKind::StateLost, ResetKind::SuccessorSyn])
        // What the capture missed of its sender may have been a FIN.
        .filter(|reset| flow.fin[reset.by].is_none() && !flow.traffic[reset.by].gap)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = find(flow) else { return String::new() };
    let peer = flow.endpoint(!reset.by);
    let answered = match reset.answers {
        _ if reset.kind == ResetKind::SuccessorSyn => "after opening another one on the same ports".into(),
        Some((Answered::Probe, record)) => {
            format!("to a keep-alive probe of {peer} (record {})", record.record)
        }
        Some((Answered::Fin, record)) => format!("to the FIN of {peer} (record {})", record.record),
        Some((Answered::Data, record)) => format!("to data of {peer} (record {})", record.record),
        Some((_, record)) => format!("to a segment of {peer} (record {})", record.record),
        None => format!("to {peer}"),
    };
    format!(
        "{} no longer knew the connection {} after it began: RST (record {}) {answered}",
        finding.endpoint,
        lookup::span(flow.first, reset.at),
        reset.at.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, Origin, ResetKind};
    use crate::net::Role;

    #[test]
    fn a_bare_rst_to_data_of_a_live_connection_is_lost_state() {
        let flow = Story::connected()
            .exchange(0.1)
            .request(9.0)
            .reset(ResetKind::StateLost, Role::Responder, 9.1, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST109", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(
            summary("RST109", &flow, 60.0).ends_with("RST (record 7) to data of 10.0.0.2:40000 (record 6)")
        );
    }

    #[test]
    fn octets_that_the_capture_missed_may_have_been_followed_by_a_fin() {
        let mut flow = Story::connected()
            .request(9.0)
            .reset(ResetKind::StateLost, Role::Responder, 9.1, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        flow.traffic.responder.gap = true;
        assert_eq!(found("RST109", &flow, 60.0), None);
        assert_eq!(found("RST103", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_side_of_which_only_the_rst_was_captured_may_have_closed_before() {
        let mut flow = Story::connected()
            .request(9.0)
            .reset(ResetKind::StateLost, Role::Responder, 9.1, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        flow.origin = Origin::Midstream;
        flow.traffic.responder.packets = 1;
        assert_eq!(found("RST109", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_successors_syn_onto_a_connection_that_it_had_closed_is_none() {
        let flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .acked(1.1)
            .reset(ResetKind::SuccessorSyn, Role::Initiator, 90.0, Some(Answered::Ack))
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("RST109", &flow, 600.0), None);
    }

    #[test]
    fn an_abort_by_a_live_socket_is_none() {
        let flow = Story::connected()
            .reset(ResetKind::Abort, Role::Responder, 9.1, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST109", &flow, 60.0), None);
    }
}
