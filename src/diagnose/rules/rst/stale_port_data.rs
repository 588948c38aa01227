use super::ending;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, ResetKind};

rule! {
    /// ## What we saw
    /// One side closed and its peer acknowledged that. Later the peer sent data on the same connection, and the
    /// closed side answered with a bare RST: nobody is there to read it.
    ///
    /// ## Why it matters
    /// The data is lost. If it was an answer, the work for it was in vain: the client had given up. If it was a
    /// request on a pooled connection, it fails with "connection reset" or "broken pipe", and unless the client
    /// retries, a user sees an error.
    ///
    /// ## What to do
    /// The endpoint named here sent late. An answer that comes late: compare the client's time-out with the
    /// server's response time, and cancel work whose client has gone. A request on a dead connection: the
    /// client must notice the FIN (readable, end-of-file) before it reuses a connection; keep the pool's idle
    /// time-out shorter than the server's keep-alive, validate connections when they are borrowed, retry
    /// idempotent requests once. `ss -tanp state close-wait` shows the dead connections that a pool keeps.
    ///
    /// ## What else it can be
    /// A client that asks and does not want the answer: some probes and cancelled downloads close like that.
    /// The side that closed was restarted.
    ///
    /// ## See
    /// RFC 9293 §3.6.1 and §3.10.7.1; RFC 1122 §4.2.2.13 (data after `close()` should draw RST).
    static STALE_PORT_DATA = {
        code: "RST102", title: "RST to a stale port: late data", severity: Fault,
        needs: [Sign::Reset(ResetKind::StaleData)]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let reset = ending(flow, &[ResetKind::StaleData])?;
    let (_, fin) = flow.first_fin()?;
    let late = reset.answers.map(|(_, record)| record);
    // Its own FIN comes after all its octets: what follows that is their repetition.
    let own_fin = flow.fin[!reset.by].map(|own| own.first).filter(|own| flow.order.is_before(*own, reset.at));
    let sent = [late, own_fin].into_iter().flatten().min_by_key(|at| at.record).unwrap_or(reset.at);
    let delay = sent.time - fin.first.time;
    let evidence = Evidence::new(fin.first, "first FIN")
        .and_maybe(fin.acked, "acknowledged by the kernel")
        .and_maybe(own_fin.filter(|own| *own == sent), "all had been sent by now")
        .and_maybe(late, "data to a closed connection")
        .and(reset.at, "answered with RST");
    let is_late = delay >= context.limits.fin_delay;
    Some(
        Finding::new(&STALE_PORT_DATA, flow, flow.endpoint(!reset.by), evidence)
            .at_most(if is_late { Severity::Fault } else { Severity::Warning })
            .lasting(delay),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = flow.reset() else { return String::new() };
    let data = reset.answers.map_or(0, |(_, record)| record.record);
    format!(
        "{} sent data {} after {} had closed (record {data}), answered with RST (record {})",
        finding.endpoint,
        finding.span(),
        flow.endpoint(reset.by),
        reset.at.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, Flow, FlowOutcome, ResetKind};
    use crate::net::Role;

    fn late_answer(seconds: f64) -> Flow {
        Story::connected()
            .fin(Role::Initiator, 1.0)
            .acked(1.04)
            .data_after_fin(seconds)
            .reset(ResetKind::StaleData, Role::Initiator, seconds, Some(Answered::Data))
            .flow(FlowOutcome::LateDataRst)
    }

    #[test]
    fn data_long_after_the_fin_is_a_fault() {
        let flow = late_answer(11.0);
        assert_eq!(found("RST102", &flow, 60.0), Some((Severity::Fault, Certainty::Proven)));
        assert_eq!(
            summary("RST102", &flow, 60.0),
            "10.0.0.1:80 sent data 10.0 s after 10.0.0.2:40000 had closed (record 6), answered with RST (record 7)"
        );
    }

    #[test]
    fn data_right_after_the_fin_is_a_warning() {
        assert_eq!(found("RST102", &late_answer(1.05), 60.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn data_that_the_closed_side_reads_is_none() {
        let flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .acked(1.04)
            .data_after_fin(11.0)
            .fin(Role::Responder, 11.1)
            .acked(11.2)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("RST102", &flow, 60.0), None);
    }
}
