use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{EventKind, Flow, Handshake};
use crate::time::TimeDelta;

/// One lost SYN is everyday; this many repetitions in one connect are not.
const RETRIES_OF_NOTE: u32 = 2;

rule! {
    /// ## What we saw
    /// The connection opened, but only after the SYN had been sent more than once.
    ///
    /// ## Why it matters
    /// The first repetition waits 1 s, so the user waits at least that long before the first octet. Response
    /// times with a second peak near 1 s or 3 s are the typical sign.
    ///
    /// ## What to do
    /// See whether it is one connection or many to the same service. Many: the service's accept queue is full
    /// now and then (`nstat -az TcpExtListenOverflows TcpExtListenDrops`), or a rate limit on SYNs
    /// drops some. All destinations alike: packet loss on the path (`ip -s link`, switch counters), a full
    /// connection tracking table (`dmesg`: "table full, dropping packet"). If a SYN-ACK is in the capture before
    /// the repeated SYN, the way back lost it.
    ///
    /// ## What else it can be
    /// One lost packet, which is normal in any network; the first packet to a neighbour whose address must be
    /// resolved first; a host that was just starting.
    ///
    /// ## See
    /// RFC 6298 §2.1 (initial time-out 1 s), `net.ipv4.tcp_syn_linear_timeouts`.
    static SLOW_CONNECT = {
        code: "SYN106", title: "slow connect: SYN retransmitted", severity: Warning,
        needs: [Sign::SynAgain]
    }
}

/// Less than any retransmission time-out in use.
const LEAST_RTO: TimeDelta = TimeDelta::from_millis(200);

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let is_open = matches!(flow.handshake, Handshake::Complete | Handshake::Simultaneous);
    // A SYN that met the predecessor's socket, or was refused before, is a story of its own.
    let has_other_story =
        lookup::challenge_ack(flow).is_some() || lookup::refusal_before_success(flow).is_some();
    if flow.syn_retries == 0 || !is_open || has_other_story {
        return None;
    }
    let opened = lookup::first_record(flow, EventKind::HandshakeAck)
        .or_else(|| lookup::last_record(flow, EventKind::SynAck))?;
    let evidence = Evidence::new(lookup::syn(flow), "connection request")
        .and_maybe(lookup::last_record(flow, EventKind::SynAgain), "its last repetition")
        .and_maybe(lookup::first_record(flow, EventKind::SynAck), "answered")
        .and(opened, "open");
    // No stack repeats a SYN so soon: copies on their way, or on two legs of one capture.
    if opened.time - flow.first.time < LEAST_RTO {
        return None;
    }
    let greatest = if flow.syn_retries < RETRIES_OF_NOTE { Severity::Note } else { Severity::Warning };
    Some(
        Finding::new(&SLOW_CONNECT, flow, flow.responder, evidence)
            .at_most(greatest)
            .lasting(opened.time - flow.first.time),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let again = lookup::first(flow, EventKind::SynAgain);
    let answered = lookup::first(flow, EventKind::SynAck);
    let lost = match (again, answered) {
        (Some(again), Some(answered)) if answered.at.time < again.at.time => {
            "; a SYN-ACK had passed before, so its way back lost it"
        }
        _ => "",
    };
    format!(
        "{} needed {} SYNs and {} to connect to {}{lost}",
        flow.initiator,
        flow.syn_retries + 1,
        finding.span(),
        finding.endpoint
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, Flow, FlowOutcome, Handshake, ReuseKind};
    use crate::net::Role;

    fn open_after(mut story: Story, seconds: f64) -> Flow {
        story = story.event(EventKind::SynAck, Role::Responder, seconds);
        story = story.event(EventKind::HandshakeAck, Role::Initiator, seconds + 0.001);
        story.flow.handshake = Handshake::Complete;
        story.exchange(seconds + 0.1).flow(FlowOutcome::Open)
    }

    #[test]
    fn one_repetition_is_a_note() {
        let flow = open_after(Story::syn().event(EventKind::SynAgain, Role::Initiator, 1.0), 1.01);
        assert_eq!(found("SYN106", &flow, 9.0), Some((Severity::Note, Certainty::Proven)));
        assert!(summary("SYN106", &flow, 9.0).contains("needed 2 SYNs and 1.01 s to connect to 10.0.0.1:80"));
    }

    #[test]
    fn several_repetitions_are_a_warning() {
        let story = Story::syn().event(EventKind::SynAgain, Role::Initiator, 1.0).event(
            EventKind::SynAgain,
            Role::Initiator,
            3.0,
        );
        assert_eq!(
            found("SYN106", &open_after(story, 3.01), 9.0),
            Some((Severity::Warning, Certainty::Proven))
        );
    }

    #[test]
    fn a_connect_at_the_first_try_is_none_however_slow() {
        assert_eq!(found("SYN106", &open_after(Story::syn(), 0.9), 9.0), None);
    }

    #[test]
    fn a_connect_held_up_by_the_predecessor_is_reuse_blocked_instead() {
        let story = Story::syn()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.001)
            .event(EventKind::SynAgain, Role::Initiator, 1.0);
        assert_eq!(found("SYN106", &open_after(story, 1.01), 9.0), None);
    }
}
