use crate::diagnose::rules::lookup::{self, TWO_LOSSES};
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, FlowOutcome};

rule! {
    /// ## What we saw
    /// One side closed; its peer's kernel acknowledged at once, but the peer's own FIN came only much later, and no
    /// data came in between.
    ///
    /// ## Why it matters
    /// All that time the peer's socket was in CLOSE-WAIT and held a descriptor, memory and often a place in a
    /// queue or pool. Past the other side's FIN-WAIT-2 time-out (60 s on Linux) such a FIN is answered by RST, and
    /// it can fall into a new connection on the same port.
    ///
    /// ## What to do
    /// Find what the program waited for between the two FINs. The delay itself is the best hint: a round number is
    /// a configured time-out. Typical ones are 60 s (proxy and load balancer idle time-outs), 75 s (nginx
    /// `keepalive_timeout`), 90 s (Go `http.Transport` `IdleConnTimeout`), 120 s (many server read time-outs)
    /// and 350 s (AWS NLB). Delays that differ but end at one moment mean that all waited for the same thing: a
    /// lock, a pool, the accept queue. While it lasts: `ss -tanpo state close-wait`; without a process the
    /// connection has not been accepted yet; with one, take a thread dump or `strace -f -p PID`.
    ///
    /// ## What else it can be
    /// A deliberate half-close whose answer is empty; a server that finishes slow work before it closes; a busy
    /// host; a machine that was suspended. A FIN that was sent at once but lost before the capture point comes
    /// again after a second or a few: delays that short are only presumed.
    ///
    /// ## See
    /// RFC 9293 §3.6; `--fin-delay` sets from when on a FIN is late (1 s).
    static DELAYED_FIN = {
        code: "FIN102", title: "delayed FIN", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::LateFinRst), Sign::LateFin]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let delay = flow.fin_delay?;
    let is_late = delay >= context.limits.fin_delay && !flow.is_prompt_close();
    // Whatever the threshold: a FIN that met a forgotten connection came too late.
    if !is_late && flow.outcome != FlowOutcome::LateFinRst {
        return None;
    }
    // A close that is clean for all its delay was prompt once the FIN had arrived.
    let not_late = [FlowOutcome::CleanClose, FlowOutcome::SimultaneousClose, FlowOutcome::Undecided];
    if flow.data_after_fin || not_late.contains(&flow.outcome) {
        return None;
    }
    let ((_, first), (late, second)) = (flow.first_fin()?, flow.second_fin()?);
    let evidence = Evidence::new(first.first, "first FIN")
        .and_maybe(first.acked, "acknowledged by the kernel")
        .and(second.first, "the other side's FIN, late")
        .and_maybe(second.acked, "acknowledged");
    let is_proven = delay >= TWO_LOSSES && flow.close_wait.is_some_and(|wait| wait.proven);
    let greatest = if is_late { Severity::Warning } else { Severity::Note };
    let finding = Finding::new(&DELAYED_FIN, flow, flow.endpoint(late), evidence);
    Some(finding.proven_if(is_proven).unless(lookup::missed_of(flow, late)).at_most(greatest).lasting(delay))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let closer = flow.active_closer.map_or(flow.initiator, |role| flow.endpoint(role));
    let record = |fin: Option<(_, crate::flow::FinFacts)>| fin.map_or(0, |(_, fin)| fin.first.record);
    format!(
        "{} closed {} after {closer} (FIN at record {}, its own at record {})",
        finding.endpoint,
        finding.span(),
        record(flow.first_fin()),
        record(flow.second_fin())
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, ResetKind};
    use crate::net::Role;

    fn half_closed() -> Story {
        Story::connected().fin(Role::Initiator, 1.0).acked(1.04)
    }

    #[test]
    fn a_late_fin_is_told_with_its_delay_and_records() {
        let flow = half_closed().fin(Role::Responder, 90.6).acked(90.7).flow(FlowOutcome::DelayedFin);
        assert_eq!(found("FIN102", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("FIN102", &flow, 600.0),
            "10.0.0.1:80 closed 89.6 s after 10.0.0.2:40000 (FIN at record 4, its own at record 6)"
        );
    }

    #[test]
    fn a_late_fin_that_draws_rst_was_late_all_the_same() {
        let flow = half_closed()
            .fin(Role::Responder, 90.6)
            .reset(ResetKind::StaleFin, Role::Initiator, 90.7, Some(Answered::Fin))
            .flow(FlowOutcome::LateFinRst);
        assert_eq!(found("FIN102", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn octets_that_the_capture_missed_leave_it_presumed() {
        let mut flow = half_closed().fin(Role::Responder, 90.6).acked(90.7).flow(FlowOutcome::DelayedFin);
        flow.traffic.responder.gap = true;
        assert_eq!(found("FIN102", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_prompt_fin_is_none() {
        let flow = half_closed().fin(Role::Responder, 1.9).acked(1.91).flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN102", &flow, 600.0), None);
    }

    #[test]
    fn a_half_close_that_carried_data_is_none() {
        let flow = half_closed()
            .data_after_fin(30.0)
            .fin(Role::Responder, 60.0)
            .acked(60.1)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN102", &flow, 600.0), None);
    }
}
