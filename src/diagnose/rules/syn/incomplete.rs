use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, Reset, ResetKind};
use crate::net::Role;

rule! {
    /// ## What we saw
    /// The responder answered the SYN with SYN-ACK, but the initiator never completed the handshake: it stayed
    /// silent, or refused the SYN-ACK with RST.
    ///
    /// ## Why it matters
    /// Each such attempt holds an entry in the responder's SYN queue for up to a minute
    /// (`net.ipv4.tcp_synack_retries`). Many of them push honest clients out or force SYN cookies.
    ///
    /// ## What to do
    /// If the initiator repeats its SYN too, the SYN-ACK does not reach it: look for asymmetric routing, a
    /// stateful firewall that sees one direction only, or NAT that does not translate back. If it answers RST, it
    /// never asked: another host sent the SYN under its address, or its program had already given up. Many
    /// different initiators at once are a SYN flood: `ss -tan state syn-recv`,
    /// `nstat -az TcpExtSyncookiesSent`, keep `net.ipv4.tcp_syncookies` = 1.
    ///
    /// ## What else it can be
    /// A half-open port scan (SYN, SYN-ACK, RST); a client that cancelled its connect, as in Happy Eyeballs
    /// (RFC 8305), where the slower of two attempts is dropped.
    ///
    /// ## See
    /// RFC 9293 §3.5 (figure 8: the answer to an old SYN is refused by RST), RFC 4987 (SYN flooding).
    static INCOMPLETE = {
        code: "SYN104", title: "handshake never completed", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::HandshakeIncomplete), Sign::SynAckUnanswered]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let syn_ack = lookup::first(flow, EventKind::SynAck)?;
    let refusal = refusal(flow);
    let repeated = lookup::last_record(flow, EventKind::SynAckAgain);
    if refusal.is_none() {
        let is_over = repeated.is_some() || lookup::since(syn_ack.at, context) >= INITIAL_RTO;
        if flow.outcome != FlowOutcome::HandshakeIncomplete || !is_over {
            return None;
        }
    }
    let evidence = Evidence::new(lookup::syn(flow), "connection request")
        .and(syn_ack.at, "answered")
        .and_maybe(repeated, "answered again, still not acknowledged")
        .and_maybe(refusal.map(|reset| reset.at), "the answer is refused with RST");
    Some(
        Finding::new(&INCOMPLETE, flow, flow.initiator, evidence)
            .proven_if(refusal.is_some() || repeated.is_some())
            .lasting(flow.last.time - flow.first.time),
    )
}

/// The RST with which the initiator refused the SYN-ACK.
fn refusal(flow: &Flow) -> Option<&Reset> {
    flow.reset().filter(|reset| {
        flow.handshake == Handshake::SynAck
            && reset.by == Role::Initiator
            && !matches!(reset.kind, ResetKind::ThirdParty | ResetKind::SuccessorSyn)
    })
}

fn summary(flow: &Flow, _: &Finding) -> String {
    let syn_ack = lookup::first_record(flow, EventKind::SynAck).map_or(0, |at| at.record);
    let (who, peer) = (flow.initiator, flow.responder);
    if let Some(reset) = refusal(flow) {
        let rst = reset.at.record;
        return format!("{who} refused the SYN-ACK of {peer} (record {syn_ack}) with RST (record {rst})");
    }
    let again = flow.events.iter().filter(|event| event.kind == EventKind::SynAckAgain).count();
    format!("{who} never acknowledged the SYN-ACK of {peer} (record {syn_ack}, sent {} times)", again + 1)
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, EventKind, FlowOutcome, Handshake, ResetKind};
    use crate::net::Role;

    fn answered() -> Story {
        let mut story = Story::syn().event(EventKind::SynAck, Role::Responder, 0.001);
        story.flow.handshake = Handshake::SynAck;
        story
    }

    #[test]
    fn a_repeated_syn_ack_proves_that_none_was_acknowledged() {
        let flow = answered()
            .event(EventKind::SynAckAgain, Role::Responder, 1.0)
            .flow(FlowOutcome::HandshakeIncomplete);
        assert_eq!(found("SYN104", &flow, 9.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_rst_to_the_syn_ack_is_the_initiators_refusal() {
        let flow = answered()
            .reset(ResetKind::StateLost, Role::Initiator, 0.002, Some(Answered::Syn))
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("SYN104", &flow, 0.1), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(found("RST109", &flow, 0.1), None);
    }

    #[test]
    fn a_capture_that_ends_right_after_the_syn_ack_shows_nothing() {
        assert_eq!(found("SYN104", &answered().flow(FlowOutcome::HandshakeIncomplete), 0.1), None);
    }

    #[test]
    fn a_complete_handshake_is_none() {
        assert_eq!(found("SYN104", &Story::connected().flow(FlowOutcome::Open), 9.0), None);
    }
}
