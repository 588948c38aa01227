use super::is_request;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{FinFacts, Flow, RecordRef, ResetKind};
use crate::net::Role;
use crate::time::TimeDelta;

/// A program that looks at its connections before it uses them has seen a FIN so long after its kernel acknowledged it.
const NOTICEABLE: TimeDelta = TimeDelta::from_millis(100);

rule! {
    /// ## What we saw
    /// The responder closed a connection that the initiator kept. The initiator's kernel acknowledged the FIN; some time
    /// later the initiator sent a request on it all the same, and got RST.
    ///
    /// ## Why it matters
    /// The request fails, though the service is up and a new connection would have worked. It is the first request after a
    /// quiet time that fails, which makes it look like chance. While it waits in the pool, the connection is in CLOSE-WAIT.
    ///
    /// ## What to do
    /// On the initiator, which is named here: let the pool drop connections that are readable (end-of-file) before it hands
    /// them out (test on borrow, `http.Transport`-like background reads), and give it an idle time-out shorter than the
    /// server's. Repeat idempotent requests once. `ss -tanp state close-wait` shows the dead connections in the pool.
    ///
    /// ## What else it can be
    /// A client that had half of its answer when the server closed and went on regardless; with a few milliseconds between
    /// FIN and request it is the race of APP106, lost inside the host.
    ///
    /// ## See
    /// RST102 (the RST itself), APP106, FIN101; RFC 9112 §9.3.1.
    static STALE_POOL = {
        code: "APP107", title: "stale pooled connection: data sent after the peer's FIN", severity: Warning,
        needs: [Sign::Reset(ResetKind::StaleData)]
    }
}

/// The responder's FIN and the first octets of the request that came after it.
fn find(flow: &Flow) -> Option<(FinFacts, RecordRef)> {
    flow.reset().filter(|reset| reset.kind == ResetKind::StaleData && reset.by == Role::Responder)?;
    let fin = flow.fin.responder?;
    let (talker, request) = flow.last_talker?;
    let could_know = fin.acked.is_some_and(|acked| request.time - acked.time >= NOTICEABLE);
    (talker == Role::Initiator && could_know && is_request(flow)).then_some((fin, request))
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let (fin, request) = find(flow)?;
    let evidence = Evidence::new(fin.first, "the responder closes")
        .and_maybe(fin.acked, "acknowledged by the initiator's kernel")
        .and(request, "a request all the same")
        .and_maybe(flow.reset().map(|reset| reset.at), "answered with RST");
    Some(Finding::new(&STALE_POOL, flow, flow.initiator, evidence).lasting(request.time - fin.first.time))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some((fin, request)) = find(flow) else { return String::new() };
    let used = match flow.exchanges {
        0 => "that it had never used".into(),
        1 => "used once before".into(),
        count => format!("used {count} times before"),
    };
    format!(
        "{} sent a request (record {}) {} after {} had closed the connection (record {}), {used}: RST (record {})",
        finding.endpoint,
        request.record,
        finding.span(),
        flow.responder,
        fin.first.record,
        flow.reset().map_or(0, |reset| reset.at.record)
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, Flow, FlowOutcome, ResetKind};
    use crate::net::Role;

    fn sent_at(seconds: f64) -> Flow {
        Story::connected()
            .exchange(0.1)
            .fin(Role::Responder, 2.0)
            .acked(2.04)
            .request(seconds)
            .reset(ResetKind::StaleData, Role::Responder, seconds + 0.01, Some(Answered::Data))
            .flow(FlowOutcome::LateDataRst)
    }

    #[test]
    fn a_request_long_after_the_fin_is_about_the_pool() {
        let flow = sent_at(8.0);
        assert_eq!(found("APP107", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("APP107", &flow, 60.0),
            "10.0.0.2:40000 sent a request (record 8) 6.00 s after 10.0.0.1:80 had closed the connection (record 6), used \
             once before: RST (record 9)"
        );
        assert_eq!(found("RST102", &flow, 60.0), Some((Severity::Fault, Certainty::Proven)));
    }

    #[test]
    fn a_request_that_no_program_could_have_held_back_is_none() {
        assert_eq!(found("APP107", &sent_at(2.05), 60.0), None);
    }

    #[test]
    fn a_farewell_is_no_request() {
        let mut flow = sent_at(8.0);
        flow.last_octets = 24;
        flow.traffic.initiator.octets = 541;
        assert_eq!(found("APP107", &flow, 60.0), None);
    }

    #[test]
    fn a_late_answer_is_no_request() {
        let flow = Story::connected()
            .request(0.1)
            .fin(Role::Initiator, 1.0)
            .acked(1.04)
            .data_after_fin(9.0)
            .reset(ResetKind::StaleData, Role::Initiator, 9.01, Some(Answered::Data))
            .flow(FlowOutcome::LateDataRst);
        assert_eq!(found("APP107", &flow, 60.0), None);
    }
}
