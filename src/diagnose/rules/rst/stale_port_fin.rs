use super::ending;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, FlowOutcome, RecordRef, Reset, ResetKind};

rule! {
    /// ## What we saw
    /// One side closed long ago. When its peer at last sent its own FIN (or a keep-alive probe instead), the first
    /// side answered with a bare RST: it had forgotten the connection, its port is stale.
    ///
    /// ## Why it matters
    /// The RST is only the echo; the fault is the delay before it. The endpoint named here is the one that sent
    /// late: it sat in CLOSE-WAIT until its peer's FIN-WAIT-2 ran out (60 s on Linux). Had the port been in use
    /// again, the late FIN would have hit a stranger's connection.
    ///
    /// ## What to do
    /// Make the late side close when its peer does. See FIN102 for how to find what it waited for:
    /// `ss -tanp state close-wait` while it lasts, a thread dump, the accept queue (`ss -tln`). Raising
    /// `net.ipv4.tcp_fin_timeout` on the other side only hides it.
    ///
    /// ## What else it can be
    /// The first side was restarted or failed over in between. A stack with a very short FIN-WAIT-2
    /// (`TCP_LINGER2`, some load balancers) does this to peers that are hardly late.
    ///
    /// ## See
    /// RFC 9293 §3.10.7.1: a segment to a connection that does not exist draws a RST whose sequence number is the
    /// segment's ACK number. Such RSTs are sent by the kernel, no program asked for them.
    static STALE_PORT_FIN = {
        code: "RST101", title: "RST to a stale port: late FIN", severity: Fault,
        needs: [Sign::Reset(ResetKind::StaleFin), Sign::Reset(ResetKind::StaleProbe)]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let reset = stale(flow)?;
    let (_, fin) = flow.first_fin()?;
    let late = late_segment(flow, &reset);
    let delay = late.unwrap_or(reset.at).time - fin.first.time;
    let evidence = Evidence::new(fin.first, "first FIN")
        .and_maybe(fin.acked, "acknowledged by the kernel")
        .and_maybe(late, "sent late")
        .and(reset.at, "answered with RST: the port is stale");
    // Whoever drops FIN-WAIT-2 at once makes a prompt FIN look late; that is not the passive closer's fault.
    let is_prompt = reset.kind == ResetKind::StaleFin && flow.is_prompt_close();
    let is_late = delay >= context.limits.fin_delay && !is_prompt;
    Some(
        Finding::new(&STALE_PORT_FIN, flow, flow.endpoint(!reset.by), evidence)
            // An earlier copy that the capture missed may have been in time.
            .unless(lookup::missed_of(flow, !reset.by))
            .at_most(if is_late { Severity::Fault } else { Severity::Warning })
            .lasting(delay),
    )
}

fn stale(flow: &Flow) -> Option<Reset> {
    let reset = ending(flow, &[ResetKind::StaleFin, ResetKind::StaleProbe])?;
    // A late FIN that fell into a successor was answered in the successor's name: a ghost, not a stale port.
    matches!(flow.outcome, FlowOutcome::LateFinRst | FlowOutcome::LateProbeRst).then_some(reset)
}

fn late_segment(flow: &Flow, reset: &Reset) -> Option<RecordRef> {
    reset.answers.map(|(_, record)| record).or_else(|| flow.fin[!reset.by].map(|fin| fin.first))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = stale(flow) else { return String::new() };
    let what = if reset.kind == ResetKind::StaleProbe { "keep-alive probe" } else { "FIN" };
    format!(
        "{} had forgotten the connection: its RST (record {}) answers the {what} that {} sent {} after its FIN (record {})",
        flow.endpoint(reset.by),
        reset.at.record,
        finding.endpoint,
        finding.span(),
        late_segment(flow, &reset).map_or(0, |record| record.record)
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, EventKind, FlowOutcome, ResetKind};
    use crate::net::Role;

    fn half_closed() -> Story {
        Story::connected().fin(Role::Initiator, 1.0).acked(1.04)
    }

    #[test]
    fn a_rst_to_a_late_fin_is_about_the_late_side() {
        let flow = half_closed()
            .fin(Role::Responder, 87.9)
            .reset(ResetKind::StaleFin, Role::Initiator, 87.9, Some(Answered::Fin))
            .flow(FlowOutcome::LateFinRst);
        assert_eq!(found("RST101", &flow, 600.0), Some((Severity::Fault, Certainty::Proven)));
        assert_eq!(
            summary("RST101", &flow, 600.0),
            "10.0.0.2:40000 had forgotten the connection: its RST (record 7) answers the FIN that 10.0.0.1:80 \
             sent 86.9 s after its FIN (record 6)"
        );
    }

    #[test]
    fn a_rst_to_a_late_probe_shows_the_same() {
        let flow = half_closed()
            .event(EventKind::Probe, Role::Responder, 87.9)
            .reset(ResetKind::StaleProbe, Role::Initiator, 87.9, Some(Answered::Probe))
            .flow(FlowOutcome::LateProbeRst);
        assert_eq!(found("RST101", &flow, 600.0), Some((Severity::Fault, Certainty::Proven)));
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_peer_that_forgets_at_once_makes_it_a_warning() {
        let flow = half_closed()
            .fin(Role::Responder, 1.2)
            .reset(ResetKind::StaleFin, Role::Initiator, 1.2, Some(Answered::Fin))
            .flow(FlowOutcome::LateFinRst);
        assert_eq!(found("RST101", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_late_fin_into_a_successor_is_a_ghost_instead() {
        let flow = half_closed()
            .fin(Role::Responder, 87.9)
            .having(|event| event.into_successor = true)
            .reset(ResetKind::StaleFin, Role::Initiator, 87.9, Some(Answered::Fin))
            .flow(FlowOutcome::LateFinIntoSuccessor);
        assert_eq!(found("RST101", &flow, 600.0), None);
        assert_eq!(found("TUP103", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_late_fin_that_is_acknowledged_is_none() {
        let flow = half_closed().fin(Role::Responder, 40.0).acked(40.1).flow(FlowOutcome::DelayedFin);
        assert_eq!(found("RST101", &flow, 600.0), None);
    }
}
