use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{EventKind, Flow, FlowOutcome};

rule! {
    /// ## What we saw
    /// A connection request (SYN) and its repetitions drew no answer at all: no SYN-ACK, no RST, no ICMP.
    ///
    /// ## Why it matters
    /// The client hangs until its connect time-out: with Linux defaults (`net.ipv4.tcp_syn_retries` = 6) more
    /// than a minute.
    ///
    /// ## What to do
    /// Silence means that the SYN or its answer was dropped. Capture on the responder. If the SYN does not arrive
    /// there: routing, a security group, a firewall with DROP. If it arrives and is not answered: a local DROP
    /// rule, a full accept queue (`nstat -az TcpExtListenOverflows TcpExtListenDrops`, `ss -tln`: Recv-Q
    /// above Send-Q) or reverse-path filtering (`nstat -az TcpExtIPReversePathFilter`). If it answers there but
    /// not here, the way back is broken.
    ///
    /// ## What else it can be
    /// The host is down; a scanner tries addresses that nobody has; the capture saw one direction only (then
    /// the flow is `undecided`, not this).
    ///
    /// ## See
    /// RFC 9293 §3.8.3 R2 for SYN, RFC 6298 (first retransmission after 1 s).
    static UNANSWERED = {
        code: "SYN103", title: "SYN never answered", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::SynUnanswered)]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    if flow.outcome != FlowOutcome::SynUnanswered || lookup::challenge_ack(flow).is_some() {
        return None;
    }
    let waited = lookup::since(flow.first, context);
    // One SYN right before the capture's end shows nothing; a repeated one shows that no answer came.
    let is_blind = context.doubts.one_way;
    if flow.syn_retries == 0 && (waited < INITIAL_RTO || is_blind) {
        return None;
    }
    let evidence = Evidence::new(lookup::syn(flow), "connection request")
        .and_maybe(lookup::last_record(flow, EventKind::SynAgain), "its last repetition");
    Some(
        Finding::new(&UNANSWERED, flow, flow.responder, evidence)
            .proven_if(flow.syn_retries > 0)
            .unless(is_blind.then_some("only one direction was captured, and a RST would not show"))
            .lasting(flow.last.time - flow.first.time),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let (from, to) = (flow.initiator, flow.responder);
    match flow.syn_retries {
        0 => format!("{to} did not answer the SYN of {from} (record {})", flow.first.record),
        again => format!(
            "{to} answered none of the {} SYNs of {from} (records {} to {}, over {})",
            again + 1,
            flow.first.record,
            flow.last.record,
            finding.span()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::UNANSWERED;
    use crate::diagnose::testing::{Story, context_at, found, summary};
    use crate::diagnose::{Certainty, Context, Doubts, Severity};
    use crate::flow::{EventKind, FlowOutcome, ReuseKind};
    use crate::net::Role;

    #[test]
    fn a_repeated_syn_proves_that_no_answer_came() {
        let flow =
            Story::syn().event(EventKind::SynAgain, Role::Initiator, 1.0).flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("SYN103", &flow, 1.1), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("SYN103", &flow, 1.1).contains("none of the 2 SYNs"));
    }

    #[test]
    fn a_capture_of_one_direction_shows_no_refusal() {
        let doubts = Doubts { one_way: true, ..Doubts::default() };
        let context = Context { doubts, ..context_at(60.0) };
        let flow =
            Story::syn().event(EventKind::SynAgain, Role::Initiator, 1.0).flow(FlowOutcome::SynUnanswered);
        let finding = UNANSWERED.find(&flow, &context).unwrap();
        assert_eq!(finding.certainty, Certainty::Presumed);
        assert!(
            finding.summary(&flow).ends_with("only one direction was captured, and a RST would not show")
        );
        assert!(UNANSWERED.find(&Story::syn().flow(FlowOutcome::SynUnanswered), &context).is_none());
    }

    #[test]
    fn a_single_syn_is_presumed_unanswered() {
        let flow = Story::syn().flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("SYN103", &flow, 5.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_syn_right_before_the_capture_ends_is_none() {
        assert_eq!(found("SYN103", &Story::syn().flow(FlowOutcome::SynUnanswered), 0.5), None);
    }

    #[test]
    fn an_answer_of_the_old_socket_is_reuse_blocked_instead() {
        let flow = Story::syn()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.001)
            .event(EventKind::SynAgain, Role::Initiator, 1.0)
            .flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("SYN103", &flow, 5.0), None);
    }
}
