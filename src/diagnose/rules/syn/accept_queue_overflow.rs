use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, RecordRef};
use crate::net::Role;

/// A responder that repeats its SYN-ACK this often after the ACK did not just lose one packet.
const REPEATS_THAT_PROVE: usize = 2;

rule! {
    /// ## What we saw
    /// The initiator completed the handshake, but the responder behaves as if it had not: it acknowledges
    /// neither data nor FIN, or it repeats its SYN-ACK although that was acknowledged.
    ///
    /// ## Why it matters
    /// The listening socket's accept queue is full: the program does not call `accept()` fast enough. The client
    /// believes that it is connected, sends its request into the void and hangs until its own time-out.
    ///
    /// ## What to do
    /// On the responder: `ss -tln 'sport = :PORT'`. Recv-Q is the length of the accept queue, Send-Q its limit;
    /// Recv-Q above Send-Q is the proof. `nstat -az TcpExtListenOverflows TcpExtListenDrops` counts. Then
    /// find what keeps the program from accepting: all workers busy or blocked (thread dump, `strace -e accept4`),
    /// a connection limit filled by idle keep-alive connections, a full descriptor table. A larger backlog
    /// (`listen()` and `net.core.somaxconn`) helps against bursts only.
    ///
    /// ## What else it can be
    /// A firewall or a path that lets handshakes through and drops what follows: capture on the responder to
    /// tell. A lost ACK behind the capture point repeats the SYN-ACK once. A listener with
    /// `TCP_DEFER_ACCEPT` ignores the ACK on purpose until data comes.
    ///
    /// ## See
    /// `listen(2)`, `tcp(7)`: `tcp_abort_on_overflow`, `TCP_DEFER_ACCEPT`.
    static ACCEPT_QUEUE_OVERFLOW = {
        code: "SYN105", title: "accept queue overflow", severity: Fault,
        needs: [
            Sign::Outcome(FlowOutcome::OpenUnacked),
            Sign::Outcome(FlowOutcome::FinUnacked),
            Sign::SynAckAgain,
        ]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    if flow.handshake != Handshake::Complete {
        return None;
    }
    let ack = lookup::first_record(flow, EventKind::HandshakeAck)?;
    let (repeats, last_repeat) = repeated_syn_acks(flow, ack);
    let is_silent = is_silent_after_handshake(flow);
    if !is_silent && repeats == 0 {
        return None;
    }
    let unacked = is_silent.then(|| last_attempt(flow)).flatten();
    let evidence = Evidence::new(ack, "the handshake is complete")
        .and_maybe(last_repeat, "SYN-ACK again although it was acknowledged")
        .and_maybe(unacked, "never acknowledged");
    let is_proven = is_silent && repeats >= REPEATS_THAT_PROVE && flow.traffic.initiator.octets > 0;
    let greatest = match (is_proven, is_silent || repeats >= REPEATS_THAT_PROVE) {
        (true, _) => Severity::Fault,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Note,
    };
    Some(
        Finding::new(&ACCEPT_QUEUE_OVERFLOW, flow, flow.responder, evidence)
            .proven_if(is_proven)
            .at_most(greatest)
            .lasting(flow.last.time - ack.time),
    )
}

/// SYN-ACKs that came after the initiator's ACK, less those that answer repeated SYNs: with a round trip above
/// the retransmission time-out every SYN draws its own SYN-ACK.
fn repeated_syn_acks(flow: &Flow, ack: RecordRef) -> (usize, Option<RecordRef>) {
    let repeats = || {
        flow.events.iter().filter(|event| event.kind == EventKind::SynAckAgain && event.at.time > ack.time)
    };
    let answers_to_repeats = usize::try_from(flow.syn_retries).unwrap_or(usize::MAX);
    match repeats().count().saturating_sub(answers_to_repeats) {
        0 => (0, None),
        count => (count, repeats().next_back().map(|event| event.at)),
    }
}

/// True when the responder heard nothing after the handshake, to the end.
fn is_silent_after_handshake(flow: &Flow) -> bool {
    matches!(flow.outcome, FlowOutcome::OpenUnacked | FlowOutcome::FinUnacked) && flow.has_deaf_responder()
}

fn last_attempt(flow: &Flow) -> Option<RecordRef> {
    let data = flow.last_talker.filter(|(role, _)| *role == Role::Initiator).map(|(_, record)| record);
    data.or_else(|| flow.fin[Role::Initiator].map(|fin| fin.last))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let ack = lookup::first_record(flow, EventKind::HandshakeAck).unwrap_or(flow.first);
    let (repeats, _) = repeated_syn_acks(flow, ack);
    let (who, peer) = (finding.endpoint, flow.initiator);
    let again = match repeats {
        0 => String::new(),
        count => format!("repeated its SYN-ACK {count} times after the ACK (record {})", ack.record),
    };
    let silence = format!(
        "acknowledged none of the {} octets that {peer} sent in {} after the handshake (record {})",
        flow.traffic.initiator.octets,
        finding.span(),
        ack.record
    );
    match (is_silent_after_handshake(flow), again.is_empty()) {
        (true, true) => format!("{who} {silence}"),
        (true, false) => format!("{who} {again} and {silence}"),
        (false, _) => format!("{who} {again} of {peer}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, FlowOutcome};
    use crate::net::Role;

    fn unacked() -> Story {
        let mut story = Story::connected().request(0.01);
        story.flow.traffic.initiator.retransmissions = 5;
        story
    }

    #[test]
    fn silence_after_the_handshake_is_presumed() {
        let flow = unacked().flow(FlowOutcome::OpenUnacked);
        assert_eq!(found("SYN105", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
        assert!(summary("SYN105", &flow, 60.0).contains("none of the 100 octets"));
    }

    #[test]
    fn syn_acks_repeated_over_unacknowledged_data_prove_it() {
        let flow = unacked()
            .event(EventKind::SynAckAgain, Role::Responder, 1.0)
            .event(EventKind::SynAckAgain, Role::Responder, 3.0)
            .flow(FlowOutcome::OpenUnacked);
        assert_eq!(found("SYN105", &flow, 60.0), Some((Severity::Fault, Certainty::Proven)));
    }

    #[test]
    fn one_repeated_syn_ack_on_a_connection_that_works_is_a_note() {
        let flow = Story::connected()
            .event(EventKind::SynAckAgain, Role::Responder, 1.0)
            .exchange(1.5)
            .flow(FlowOutcome::Open);
        assert_eq!(found("SYN105", &flow, 60.0), Some((Severity::Note, Certainty::Presumed)));
    }

    #[test]
    fn a_syn_ack_to_a_repeated_syn_is_none() {
        let mut story = Story::connected().event(EventKind::SynAckAgain, Role::Responder, 1.0).exchange(1.5);
        story.flow.syn_retries = 1;
        assert_eq!(found("SYN105", &story.flow(FlowOutcome::Open), 60.0), None);
    }

    #[test]
    fn data_lost_after_a_working_exchange_is_none() {
        let mut story = Story::connected().exchange(0.01).request(0.5);
        story.flow.traffic.initiator.retransmissions = 5;
        assert_eq!(found("SYN105", &story.flow(FlowOutcome::OpenUnacked), 60.0), None);
    }
}
