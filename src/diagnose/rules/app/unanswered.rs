use super::waiting::{Ended, Waiting, answered, waiting};
use crate::diagnose::rules::lookup::TWO_LOSSES;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, FlowOutcome, RecordRef};
use crate::time::TimeDelta;

/// What was not answered for less may be slow work.
const LONG: TimeDelta = TimeDelta::from_secs(10);

rule! {
    /// ## What we saw
    /// The initiator sent octets, the responder's kernel acknowledged them, and no octet ever came back: until one side
    /// closed, or to the end of the capture.
    ///
    /// ## Why it matters
    /// An ACK shows that the kernel has the request, not that the program does. To the client this is a request that
    /// hangs; monitoring that only connects ("telnet works") does not see it.
    ///
    /// ## What to do
    /// On the responder: `ss -tanp` shows the socket. Recv-Q above 0: the program did not read the request. Without a
    /// process: it was never accepted (`ss -tln`: Recv-Q of the listener is its accept queue). Recv-Q 0: it was read and the
    /// handler hangs; take a thread dump, look for locks, full pools and calls to other services that hang. Where every
    /// request to the service hangs since one moment, look at what happened then.
    ///
    /// ## What else it can be
    /// A protocol that does not answer everything, or carries one way only (logs, metrics, file transfers); a long poll or a
    /// subscription; a last message that needs no answer; slow work, the likelier the shorter the time; an answer that the
    /// capture missed. Which of these it is the flow alone cannot show, so it is never a fault here.
    ///
    /// ## See
    /// APP102 (who gave up, and when), SYN105 (accept queue overflow), FIN101; `closewait timeline --flow N`.
    static UNANSWERED = {
        code: "APP101", title: "request acknowledged by the kernel, never answered", severity: Warning,
        needs: [Sign::Waiting]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let waiting = find(flow)?;
    let caption = match waiting.ended {
        Ended::GaveUp(_) => "the initiator gave up",
        Ended::Closed(_) => "closed without an answer",
        Ended::Reset(_) => "reset without an answer",
        Ended::NotYet => "",
    };
    let evidence = Evidence::new(waiting.asked, "the last octets of the request")
        .and_maybe(nothing_more(flow, &waiting), "nothing more to say")
        .and_maybe(waiting.ended.record(), caption)
        .and_maybe(flow.replies.map(|replies| replies.last), "the last that it said");
    Some(
        Finding::new(&UNANSWERED, flow, flow.responder, evidence)
            .unless(waiting.doubt(flow))
            .unless(context.doubts.absence(waiting.asked))
            .at_most(greatest(flow, &waiting))
            .lasting(waiting.waited),
    )
}

fn find(flow: &Flow) -> Option<Waiting> {
    let waiting = waiting(flow)?;
    // What does not end with the capture's end is another finding's: a closed window, a FIN that nobody acknowledged.
    let is_told = match waiting.ended {
        Ended::NotYet => matches!(flow.outcome, FlowOutcome::OpenUnanswered | FlowOutcome::HalfClosed),
        // Who said all gets the close for an answer, unless that is late.
        Ended::Closed(_) => nothing_more(flow, &waiting).is_none() || waiting.waited >= TWO_LOSSES,
        _ => true,
    };
    (is_told && waiting.late_reply(flow).is_none() && waiting.is_due(flow)).then_some(waiting)
}

/// The initiator's FIN, if it came right behind the request and the wait went on.
fn nothing_more(flow: &Flow, waiting: &Waiting) -> Option<RecordRef> {
    let fin = flow.fin.initiator?.first;
    waiting.ended.record().is_none_or(|end| flow.order.is_before(fin, end)).then_some(fin)
}

/// A wait that somebody ended tells more than one that goes on, and that on a connection which never brought an answer
/// more than a pause in a conversation.
fn greatest(flow: &Flow, waiting: &Waiting) -> Severity {
    let half_closed_at_once = nothing_more(flow, waiting).is_some();
    let goes_on = waiting.ended == Ended::NotYet && (answered(flow) > 0 || waiting.waited < LONG);
    if half_closed_at_once || goes_on { Severity::Note } else { Severity::Warning }
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(waiting) = waiting(flow) else { return String::new() };
    let (who, peer, span) = (finding.endpoint, flow.initiator, finding.span());
    let end = match waiting.ended {
        Ended::GaveUp(at) => format!("until {peer} gave up (record {})", at.record),
        Ended::Closed(at) => format!("and closed (record {})", at.record),
        Ended::Reset(at) => format!("and reset the connection (record {})", at.record),
        Ended::NotYet => "to the end of the capture".into(),
    };
    let before = match flow.replies {
        Some(replies) => format!("; it had begun to speak last at record {}", replies.last.record),
        None => String::new(),
    };
    let (octets, asked) = (flow.last_octets, waiting.asked.record);
    format!(
        "{who} acknowledged {octets} octets of {peer} (to record {asked}) and answered nothing for {span} {end}{before}"
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Flow, FlowOutcome, Origin, ResetKind};
    use crate::net::Role;

    fn open(seconds: f64) -> Flow {
        Story::connected().request(1.0).flow_until(FlowOutcome::OpenUnanswered, seconds)
    }

    #[test]
    fn a_request_that_is_still_open_at_the_end_is_presumed() {
        assert_eq!(found("APP101", &open(61.0), 61.0), Some((Severity::Warning, Certainty::Presumed)));
        assert_eq!(
            summary("APP101", &open(61.0), 61.0),
            "10.0.0.1:80 acknowledged 100 octets of 10.0.0.2:40000 (to record 4) and answered nothing for 60.0 s to the \
             end of the capture; presumed: nothing that the initiator said was ever answered: the connection may carry one way only"
        );
        assert_eq!(found("APP101", &open(4.0), 4.0), Some((Severity::Note, Certainty::Presumed)));
    }

    #[test]
    fn a_capture_that_ends_a_moment_after_the_request_tells_nothing() {
        assert_eq!(found("APP101", &open(1.5), 1.5), None);
    }

    #[test]
    fn who_gave_up_on_a_connection_that_had_answered_was_left_without_an_answer() {
        let flow = Story::connected()
            .exchange(0.5)
            .request(1.0)
            .fin(Role::Initiator, 11.0)
            .acked(11.04)
            .flow(FlowOutcome::HalfClosed);
        assert_eq!(found("APP101", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("APP101", &flow, 600.0).ends_with(
            "for 10.0 s until 10.0.0.2:40000 gave up (record 7); it had begun to speak last at record 5"
        ));
    }

    #[test]
    fn a_service_that_is_reset_with_the_request_in_hand_did_not_answer() {
        let flow = Story::connected()
            .request(1.0)
            .reset(ResetKind::Abort, Role::Responder, 9.0, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("APP101", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
        assert!(summary("APP101", &flow, 600.0).contains("for 8.00 s and reset the connection (record 5)"));
    }

    #[test]
    fn what_is_said_right_before_the_close_may_be_no_request() {
        let at_once = || Story::connected().request(1.0).fin(Role::Initiator, 1.001).acked(1.04);
        let flow = at_once().flow(FlowOutcome::HalfClosed);
        assert_eq!(found("APP101", &flow, 600.0), Some((Severity::Note, Certainty::Presumed)));
        let flow = at_once().fin(Role::Responder, 1.05).acked(1.06).flow(FlowOutcome::CleanClose);
        assert_eq!(found("APP101", &flow, 600.0), None);
    }

    #[test]
    fn a_last_word_that_is_shorter_than_the_requests_needs_no_answer() {
        let mut flow = Story::connected().exchange(0.5).request(1.0).flow(FlowOutcome::OpenUnanswered);
        flow.last_octets = 39;
        flow.traffic.initiator.octets = 139;
        assert_eq!(found("APP101", &flow, 600.0), None);
    }

    #[test]
    fn an_upload_that_goes_on_is_no_request() {
        let mut flow = Story::connected().request(1.0).flow_until(FlowOutcome::OpenUnanswered, 61.0);
        flow.asked.as_mut().unwrap().time = crate::diagnose::testing::at(55.0);
        assert_eq!(found("APP101", &flow, 61.0), None);
    }

    #[test]
    fn a_request_that_takes_as_long_as_another_did_is_none() {
        let mut flow =
            Story::connected().exchange(0.5).request(1.0).flow_until(FlowOutcome::OpenUnanswered, 31.0);
        flow.replies.as_mut().unwrap().slowest.waited = crate::time::TimeDelta::from_secs(40);
        assert_eq!(found("APP101", &flow, 31.0), None);
    }

    #[test]
    fn without_the_other_direction_or_the_beginning_nobody_knows() {
        let mut flow = open(61.0);
        flow.origin = Origin::Midstream;
        assert_eq!(found("APP101", &flow, 61.0), None);
        let mut flow = open(61.0);
        flow.traffic.responder.unseen = true;
        assert_eq!(found("APP101", &flow, 61.0), None);
        let mut flow = open(61.0);
        flow.traffic.responder.gap = true;
        assert_eq!(found("APP101", &flow, 61.0), None);
    }

    #[test]
    fn octets_that_nobody_acknowledged_may_not_have_arrived() {
        let mut flow = open(61.0);
        flow.traffic.initiator.unacked = 100;
        assert_eq!(found("APP101", &flow, 61.0), None);
    }
}
