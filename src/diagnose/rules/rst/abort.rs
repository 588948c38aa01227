use super::ending;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{EventKind, Flow, Reset, ResetKind};
use crate::net::Role;

rule! {
    /// ## What we saw
    /// One side ended an open connection with RST instead of FIN. RST with ACK means that a live socket gave up.
    ///
    /// ## Why it matters
    /// The peer gets "connection reset by peer", and whatever it had not read yet is thrown away. After a complete
    /// exchange that harms nobody (then it is a note); with a request open it is a failed request.
    ///
    /// ## What to do
    /// On the endpoint that sent it, look for: `close()` with unread data in the receive buffer (Linux then sends
    /// RST, not FIN; Recv-Q in `ss -tan` shows it), `SO_LINGER` with time 0, a process that was killed
    /// (`journalctl -k` for the OOM killer) or restarted with connections in its accept queue, a
    /// keep-alive or user time-out that ran out, a proxy configured to reset time-outs.
    ///
    /// ## What else it can be
    /// Health checks and load tests that abort on purpose to save TIME-WAIT; clients that cancel (browser tab
    /// closed, context cancelled).
    ///
    /// ## See
    /// RFC 9293 §3.10.5 (ABORT), RFC 1122 §4.2.2.13, `socket(7)`: `SO_LINGER`.
    static ABORT = {
        code: "RST103", title: "connection aborted by an endpoint", severity: Warning,
        needs: [
            Sign::Reset(ResetKind::Abort),
            Sign::Reset(ResetKind::Unsolicited),
            Sign::Reset(ResetKind::StateLost),
        ]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = find(flow)?;
    let evidence = Evidence::new(reset.at, "RST")
        .and_maybe(reset.answers.map(|(_, record)| record), "right before it")
        .and_maybe(lookup::last_record(flow, EventKind::Data), "last data");
    Some(
        Finding::new(&ABORT, flow, flow.endpoint(reset.by), evidence)
            // A bare RST answers a segment; where none is captured, who gave up and why is a guess.
            .proven_if(reset.kind == ResetKind::Abort)
            .unless(lookup::missed_of(flow, reset.by).filter(|_| reset.kind == ResetKind::StateLost))
            .at_most(if is_harmless(flow, &reset) { Severity::Note } else { Severity::Warning }),
    )
}

/// A RST of a side of which segments are missing may answer for a socket that had closed or was lost: who gave up and
/// why is not known, that it cut the connection is.
fn find(flow: &Flow) -> Option<Reset> {
    let reset = ending(flow, &[ResetKind::Abort, ResetKind::Unsolicited, ResetKind::StateLost])?;
    (reset.kind != ResetKind::StateLost || flow.traffic[reset.by].gap).then_some(reset)
}

/// An abort that ends a finished exchange, or a connection that its initiator never used (a health check).
fn is_harmless(flow: &Flow, reset: &Reset) -> bool {
    let octets = flow.traffic.initiator.octets + flow.traffic.responder.octets;
    let is_alone = flow.traffic[!reset.by].packets == 0;
    lookup::is_answered(flow) || is_alone || octets == 0 && reset.by == Role::Initiator
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = flow.reset() else { return String::new() };
    let when = match (flow.unanswered_octets, flow.exchanges) {
        _ if lookup::missed(flow).is_some() && flow.traffic[!reset.by].packets > 0 => {
            "(the capture missed segments before)".into()
        }
        _ if flow.traffic[!reset.by].packets == 0 => "(the other direction was not captured)".into(),
        (0, 0) => "before any data was exchanged".into(),
        (0, count) => format!("after {count} complete exchanges"),
        (octets, _) => {
            let asker = flow.last_talker.map_or("", |(role, _)| role.as_str());
            format!("with {octets} octets of the {asker} unanswered")
        }
    };
    format!(
        "{} aborted the connection with {} {} after it began (record {}), {when}",
        finding.endpoint,
        flow.endpoint(!reset.by),
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
    fn an_abort_after_a_complete_exchange_is_a_note() {
        let flow = Story::connected()
            .exchange(0.1)
            .reset(ResetKind::Abort, Role::Initiator, 0.2, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("RST103", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn an_abort_with_a_request_open_is_a_warning() {
        let flow = Story::connected()
            .request(0.1)
            .reset(ResetKind::Abort, Role::Responder, 0.2, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST103", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("RST103", &flow, 60.0).ends_with("with 100 octets of the initiator unanswered"));
    }

    #[test]
    fn a_health_check_that_aborts_is_a_note() {
        let flow = Story::connected()
            .reset(ResetKind::Abort, Role::Initiator, 0.003, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("RST103", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_bare_rst_that_answers_nothing_is_presumed() {
        let flow = Story::connected()
            .request(0.1)
            .reset(ResetKind::Unsolicited, Role::Responder, 0.2, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST103", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_rst_of_a_forgotten_connection_is_none() {
        let flow = Story::connected()
            .request(0.1)
            .reset(ResetKind::StateLost, Role::Responder, 0.2, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST103", &flow, 60.0), None);
    }

    #[test]
    fn a_rst_after_the_close_is_none() {
        let mut story = Story { flow: Story::clean() };
        story = story.reset(ResetKind::Abort, Role::Initiator, 0.03, None);
        story.flow.deciding_reset = None;
        story.flow.resets[0].after_close = true;
        assert_eq!(found("RST103", &story.flow(FlowOutcome::CleanClose), 60.0), None);
    }

    #[test]
    fn a_flow_that_begins_with_the_rst_is_none() {
        let mut flow = Story::connected()
            .reset(ResetKind::Abort, Role::Initiator, 0.2, None)
            .flow(FlowOutcome::ResetInitiator);
        flow.origin = Origin::Midstream;
        flow.first = flow.last;
        assert_eq!(found("RST103", &flow, 60.0), None);
    }
}
