use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{FinFacts, Flow, FlowOutcome};
use crate::net::Role;

rule! {
    /// ## What we saw
    /// Both sides sent their FINs, but the last acknowledgement is missing.
    ///
    /// ## Why it matters
    /// Both programs have closed and no data is lost. The side that waits for the ACK stays in LAST-ACK and repeats
    /// its FIN until its retries run out.
    ///
    /// ## What to do
    /// Nothing for a single connection. If many connections to one host end so, its last ACKs are dropped: a
    /// stateful firewall that forgets the connection at the second FIN, or a host that leaves TIME-WAIT at once.
    /// On the waiting side `ss -tano state last-ack` counts them.
    ///
    /// ## What else it can be
    /// The capture ended or lost a packet just there.
    ///
    /// ## See
    /// RFC 9293 §3.6, figure 12.
    static LAST_ACK_MISSING = {
        code: "FIN104", title: "last ACK missing", severity: Note,
        needs: [Sign::UnackedFin]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    use FlowOutcome::{CleanClose, DelayedFin, SimultaneousClose};
    if !matches!(flow.outcome, CleanClose | DelayedFin | SimultaneousClose) {
        return None;
    }
    let (sender, fin) = unacked(flow)?;
    // Without a repetition there must have been time for the acknowledgement to come.
    if fin.copies == 1 && lookup::since(fin.last, context) < INITIAL_RTO {
        return None;
    }
    let evidence = Evidence::new(fin.first, "FIN that no ACK follows")
        .and_maybe((fin.copies > 1).then_some(fin.last), "its last copy");
    Some(
        Finding::new(&LAST_ACK_MISSING, flow, flow.endpoint(!sender), evidence)
            .proven_if(fin.copies > 1)
            .unless(lookup::missed(flow)),
    )
}

fn unacked(flow: &Flow) -> Option<(Role, FinFacts)> {
    let fins = [flow.second_fin(), flow.first_fin()];
    fins.into_iter().flatten().find(|(_, fin)| fin.acked.is_none())
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some((sender, fin)) = unacked(flow) else { return String::new() };
    format!(
        "{} did not acknowledge the FIN of {} (record {}, copies: {})",
        finding.endpoint,
        flow.endpoint(sender),
        fin.first.record,
        fin.copies
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::FlowOutcome;
    use crate::net::Role;

    fn both_closed() -> Story {
        Story::connected().fin(Role::Initiator, 1.0).acked(1.01).fin(Role::Responder, 1.02)
    }

    #[test]
    fn a_repeated_last_fin_proves_that_the_ack_did_not_come() {
        let flow = both_closed().fin_again(Role::Responder, 1.3).flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN104", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_single_last_fin_leaves_it_presumed() {
        let flow = both_closed().flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN104", &flow, 60.0), Some((Severity::Note, Certainty::Presumed)));
    }

    #[test]
    fn a_capture_that_ends_at_the_last_fin_shows_nothing() {
        assert_eq!(found("FIN104", &both_closed().flow(FlowOutcome::CleanClose), 1.1), None);
    }

    #[test]
    fn an_acknowledged_last_fin_is_none() {
        assert_eq!(found("FIN104", &Story::clean(), 60.0), None);
    }
}
