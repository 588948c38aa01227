use super::close_wait;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Event, EventKind, Flow, FlowOutcome, RecordRef, ReuseKind};
use crate::net::Role;
use crate::time::TimeDelta;

/// A connect held up for less is repaired by the stacks themselves (Linux repeats the SYN about 10 ms after
/// its RST) and nobody notices.
const NOTICEABLE: TimeDelta = TimeDelta::from_millis(500);

rule! {
    /// ## What we saw
    /// A SYN was answered not by SYN-ACK but by a bare ACK with the numbers of an earlier connection on the same
    /// ports: the responder still has the old socket, and it blocks the new connection.
    ///
    /// ## Why it matters
    /// The initiator must first reset the old socket and send its SYN again. On Linux that costs about 10 ms; where
    /// the RST or the ACK is filtered, it costs a second per attempt, or the connect fails although the service
    /// is up. It hits clients at random, so that only some requests are slow.
    ///
    /// ## What to do
    /// Close the old connections on the responder, as in FIN101: `ss -tan state close-wait` there lists them. Make
    /// sure that firewalls let the bare ACK and the RST pass: conntrack takes them for INVALID, and a rule that
    /// drops INVALID packets turns 10 ms into a failed connect (`net.netfilter.nf_conntrack_tcp_be_liberal`).
    ///
    /// ## What else it can be
    /// A SYN with lower numbers onto TIME-WAIT without timestamps, which is repaired in the same way and is no
    /// fault; a challenge ACK to a forged SYN.
    ///
    /// ## See
    /// RFC 9293 §3.5.1 (figure 9: recovery from a half-open connection), §3.10.7.4; RFC 5961 §4.
    static REUSE_BLOCKED = {
        code: "TUP104", title: "reuse blocked: SYN answered by the predecessor", severity: Fault,
        needs: [Sign::Ghost]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let challenge = lookup::challenge_ack(flow).filter(|_| !lookup::is_foreign_syn(flow))?;
    let opened = lookup::first_record(flow, EventKind::SynAck);
    let delay = opened.map_or(context.now, |record| record.time) - flow.first.time;
    let reset = rst_to_old_socket(flow, challenge);
    // Without a predecessor, or a RST that repeats the old number, it may be any stray or damaged ACK.
    if flow.reuse.is_none() && reset.is_none() {
        return None;
    }
    let evidence = Evidence::new(lookup::syn(flow), "SYN")
        .and(challenge.at, "answered by an ACK with the predecessor's numbers")
        .and_maybe(reset, "the initiator resets the old socket")
        .and_maybe(lookup::last_record(flow, EventKind::SynAgain), "SYN again")
        .and_maybe(opened, "at last answered")
        .and_maybe(flow.reuse.and_then(|reuse| reuse.since), "the old socket is in CLOSE-WAIT since here");
    Some(
        Finding::new(&REUSE_BLOCKED, flow, flow.endpoint(challenge.from), evidence)
            .unless(opened.map_or_else(|| context.doubts.absence(flow.first), |_| None))
            .unless(lookup::missed(flow))
            .at_most(greatest(flow, opened.is_some(), delay))
            .lasting(delay),
    )
}

fn greatest(flow: &Flow, is_open: bool, delay: TimeDelta) -> Severity {
    let is_time_wait = flow.reuse.is_some_and(|reuse| reuse.kind == ReuseKind::WithinTimeWait);
    match (delay >= NOTICEABLE, is_time_wait) {
        // A connect whose end the capture could not see has not been shown to fail.
        (true, _) if !is_open && flow.outcome == FlowOutcome::Undecided => Severity::Warning,
        (true, true) | (false, false) => Severity::Warning,
        (true, false) => Severity::Fault,
        (false, true) => Severity::Note,
    }
}

fn rst_to_old_socket(flow: &Flow, challenge: &Event) -> Option<RecordRef> {
    flow.events
        .iter()
        .find(|event| {
            event.kind == EventKind::Ghost
                && event.from == Role::Initiator
                && event.flags.rst()
                && flow.order.is_before(challenge.at, event.at)
                && event.seq == challenge.ack
        })
        .map(|event| event.at)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let ack = lookup::challenge_ack(flow).map_or(0, Event::record);
    let delay = finding.span();
    let end = match lookup::first(flow, EventKind::SynAck) {
        Some(_) => format!("the connect took {delay} and {} SYNs", flow.syn_retries + 1),
        None => format!("the connect had not succeeded {delay} later, after {} SYNs", flow.syn_retries + 1),
    };
    format!(
        "{} answered the SYN of {} with an ACK (record {ack}) of the old connection{}; {end}",
        finding.endpoint,
        flow.initiator,
        old_socket(flow)
    )
}

/// Which connection the old socket is of, and since when it has been in its state.
fn old_socket(flow: &Flow) -> String {
    let Some(reuse) = flow.reuse else { return String::new() };
    let state = match reuse.kind {
        ReuseKind::WithinTimeWait => ", in TIME-WAIT".into(),
        _ => close_wait(flow),
    };
    format!(", flow {}{state}", reuse.predecessor)
}

#[cfg(test)]
mod tests {
    use super::REUSE_BLOCKED;
    use crate::diagnose::testing::{Story, context_at, found, summary};
    use crate::diagnose::{Certainty, Context, Doubts, Severity};
    use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, ReuseKind};
    use crate::net::Role;
    use crate::tcp::{Flags, SeqNumber};

    fn blocked(kind: ReuseKind) -> Story {
        Story::syn()
            .reusing(kind, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.001)
            .event(EventKind::Ghost, Role::Initiator, 0.001)
            .having(|event| event.flags = Flags::RST)
    }

    fn open_after(story: Story, seconds: f64) -> Flow {
        let mut story = story
            .event(EventKind::SynAgain, Role::Initiator, seconds)
            .event(EventKind::SynAck, Role::Responder, seconds + 0.001)
            .event(EventKind::HandshakeAck, Role::Initiator, seconds + 0.002);
        story.flow.handshake = Handshake::Complete;
        story.flow(FlowOutcome::Open)
    }

    #[test]
    fn a_rst_of_the_responder_does_not_reset_the_old_socket() {
        let by = |role| {
            let story = Story::syn()
                .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
                .event(EventKind::Ghost, Role::Responder, 0.001)
                .having(|event| (event.seq, event.ack) = (SeqNumber(1), SeqNumber(1)))
                .event(EventKind::Ghost, role, 0.002)
                .having(|event| (event.flags, event.seq) = (Flags::RST, SeqNumber(1)));
            let flow = story.flow(FlowOutcome::SynUnanswered);
            REUSE_BLOCKED.find(&flow, &context_at(9.0)).unwrap().evidence.records().len()
        };
        assert_eq!((by(Role::Initiator), by(Role::Responder)), (3, 2));
    }

    #[test]
    fn a_connect_that_fails_for_it_is_a_fault() {
        let flow = blocked(ReuseKind::HalfClosed)
            .event(EventKind::SynAgain, Role::Initiator, 1.0)
            .flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("TUP104", &flow, 9.0), Some((Severity::Fault, Certainty::Proven)));
        assert!(summary("TUP104", &flow, 9.0).ends_with("had not succeeded 9.00 s later, after 2 SYNs"));
    }

    #[test]
    fn a_connect_that_loses_a_second_is_a_fault() {
        let flow = open_after(blocked(ReuseKind::HalfClosed), 1.0);
        assert_eq!(found("TUP104", &flow, 9.0), Some((Severity::Fault, Certainty::Proven)));
    }

    #[test]
    fn a_connect_that_loses_ten_milliseconds_is_a_warning() {
        let flow = open_after(blocked(ReuseKind::HalfClosed), 0.01);
        assert_eq!(found("TUP104", &flow, 9.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn the_same_onto_time_wait_is_a_note() {
        let flow = open_after(blocked(ReuseKind::WithinTimeWait), 0.01);
        assert_eq!(found("TUP104", &flow, 9.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_connect_whose_end_was_not_seen_is_no_fault() {
        let flow = blocked(ReuseKind::HalfClosed).flow(FlowOutcome::Undecided);
        assert_eq!(found("TUP104", &flow, 9.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_capture_that_dropped_frames_may_have_dropped_the_answer() {
        let flow = blocked(ReuseKind::HalfClosed).flow(FlowOutcome::SynUnanswered);
        let doubts = Doubts { dropped: 3, ..Doubts::default() };
        let finding = REUSE_BLOCKED.find(&flow, &Context { doubts, ..context_at(9.0) }).unwrap();
        assert_eq!(finding.certainty, Certainty::Presumed);
    }

    #[test]
    fn an_ack_of_the_old_connection_after_the_syn_ack_is_none() {
        let flow = Story::connected()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.5)
            .flow(FlowOutcome::Open);
        assert_eq!(found("TUP104", &flow, 9.0), None);
    }
}
