use super::waiting::{Ended, Waiting, waiting};
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, RecordRef};
use crate::time::span_in_words;

rule! {
    /// ## What we saw
    /// The initiator sent a request, waited for an answer that did not come, and then closed or reset the connection.
    ///
    /// ## Why it matters
    /// The time for which it waited is its time-out, if many connections to the service end after the same. The work that
    /// the service still does for it is in vain, and an answer that comes now is refused with RST (RST102).
    ///
    /// ## What to do
    /// Compare the time with those of other connections to the service: where they agree, it is a configured value. Look for
    /// it on the initiator: nginx `proxy_read_timeout` (60 s), haproxy `timeout server`, Go `http.Client.Timeout`, load
    /// balancers' idle time-outs (AWS ALB 60 s), health checks (often 1 to 10 s). Then find why the service took longer
    /// (APP101), and let it drop work whose client has gone.
    ///
    /// ## What else it can be
    /// A user who cancelled; a long poll or a subscription that ended as meant; an idle connection whose last message
    /// needed no answer; a protocol that carries one way only. Only an answer that came too late proves that one was due.
    ///
    /// ## See
    /// APP101, RST102; RFC 9110 §15.6.5 (504 Gateway Timeout).
    static GAVE_UP = {
        code: "APP102", title: "peer gave up after a fixed time", severity: Warning,
        needs: [Sign::Waiting]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let (waiting, end) = find(flow)?;
    let answer = waiting.late_answer(flow);
    let evidence = Evidence::new(waiting.asked, "the last octets of the request")
        .and(end, "the initiator gives up")
        .and_maybe(answer, "the answer, too late");
    Some(
        Finding::new(&GAVE_UP, flow, flow.initiator, evidence)
            .unless(waiting.doubt(flow))
            .unless(answer.map_or_else(|| context.doubts.absence(waiting.asked), |_| None))
            .at_most(if answer.is_some() { Severity::Warning } else { Severity::Note })
            .lasting(waiting.waited),
    )
}

/// A wait that the initiator ended, with the segment by which it did.
fn find(flow: &Flow) -> Option<(Waiting, RecordRef)> {
    let waiting = waiting(flow)?;
    let Ended::GaveUp(end) = waiting.ended else { return None };
    // Behind the request it closed at once: the RST that came later ended no wait.
    let closed_before = flow.fin.initiator.is_some_and(|fin| fin.first != end);
    (!closed_before && waiting.is_due(flow)).then_some((waiting, end))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some((waiting, end)) = find(flow) else { return String::new() };
    let answer = match waiting.late_answer(flow) {
        Some(answer) => {
            let later = span_in_words(Some(answer.time - end.time));
            format!("; the answer came {later} later (record {})", answer.record)
        }
        None => String::new(),
    };
    format!(
        "{} gave up {} after its request (record {}, last octets at record {}): {} had not answered{answer}",
        finding.endpoint,
        finding.span(),
        end.record,
        waiting.asked.record,
        flow.responder
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, ResetKind};
    use crate::net::Role;

    fn gives_up(story: Story) -> Story {
        story.request(1.0).fin(Role::Initiator, 11.0).acked(11.04)
    }

    #[test]
    fn a_first_request_may_have_been_none() {
        let flow = gives_up(Story::connected()).flow(FlowOutcome::HalfClosed);
        assert_eq!(found("APP102", &flow, 600.0), Some((Severity::Note, Certainty::Presumed)));
        assert!(summary("APP102", &flow, 600.0).starts_with(
            "10.0.0.2:40000 gave up 10.0 s after its request (record 5, last octets at record 4): 10.0.0.1:80 had not answered"
        ));
    }

    #[test]
    fn an_answer_that_comes_too_late_proves_it() {
        let flow = gives_up(Story::connected())
            .data_after_fin(13.5)
            .reset(ResetKind::StaleData, Role::Initiator, 13.5, Some(Answered::Data))
            .flow(FlowOutcome::LateDataRst);
        assert_eq!(found("APP102", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("APP102", &flow, 600.0).ends_with("; the answer came 2.50 s later (record 7)"));
        assert_eq!(found("APP101", &flow, 600.0), None);
    }

    #[test]
    fn what_comes_right_after_the_close_is_a_farewell() {
        let flow = gives_up(Story::connected().exchange(0.1).exchange(0.2))
            .data_after_fin(11.05)
            .fin(Role::Responder, 11.06)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("APP102", &flow, 600.0), None);
    }

    #[test]
    fn an_abort_ends_the_wait_as_well() {
        let flow = Story::connected()
            .exchange(0.1)
            .request(1.0)
            .reset(ResetKind::Abort, Role::Initiator, 6.0, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("APP102", &flow, 600.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_request_with_the_fin_right_behind_it_is_none() {
        let flow = Story::connected()
            .request(1.0)
            .fin(Role::Initiator, 1.5)
            .acked(1.54)
            .flow(FlowOutcome::HalfClosed);
        assert_eq!(found("APP102", &flow, 600.0), None);
    }

    #[test]
    fn a_service_that_closed_first_was_not_given_up() {
        let flow = Story::connected()
            .request(1.0)
            .fin(Role::Responder, 5.0)
            .fin(Role::Initiator, 5.1)
            .acked(5.1)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("APP102", &flow, 600.0), None);
    }
}
