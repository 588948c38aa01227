use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Flow, FlowOutcome};

rule! {
    /// ## What we saw
    /// Both sides sent FIN before either had received the other's: the FINs crossed on the way.
    ///
    /// ## Why it matters
    /// It is a legal close. Both ends pass through CLOSING and both keep TIME-WAIT, so a busy server holds more
    /// of those than it would otherwise.
    ///
    /// ## What to do
    /// Nothing. Where it happens often, both programs close on the same event or on the same time-out; give one of
    /// them a longer one, so that requests do not cross a FIN either.
    ///
    /// ## What else it can be
    /// FINs cross at this capture point only: elsewhere on the path the same close can look orderly. A FIN
    /// that was lost and sent again can seem to cross the other one.
    ///
    /// ## See
    /// RFC 9293 §3.6, figure 13.
    static SIMULTANEOUS_CLOSE = {
        code: "FIN106", title: "simultaneous close", severity: Note,
        needs: [Sign::Outcome(FlowOutcome::SimultaneousClose)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    if flow.outcome != FlowOutcome::SimultaneousClose {
        return None;
    }
    let ((closer, first), (_, second)) = (flow.first_fin()?, flow.second_fin()?);
    let evidence = Evidence::new(first.first, "first FIN")
        .and(second.first, "the other FIN does not acknowledge it")
        .and_maybe(first.acked, "first FIN acknowledged")
        .and_maybe(second.acked, "second FIN acknowledged");
    let finding = Finding::new(&SIMULTANEOUS_CLOSE, flow, flow.endpoint(closer), evidence);
    Some(finding.lasting(second.first.time - first.first.time))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let record = |fin: Option<(_, crate::flow::FinFacts)>| fin.map_or(0, |(_, fin)| fin.first.record);
    let peer = flow.active_closer.map_or(flow.responder, |closer| flow.endpoint(!closer));
    format!(
        "{} and {peer} closed within {}; their FINs crossed (records {} and {})",
        finding.endpoint,
        finding.span(),
        record(flow.first_fin()),
        record(flow.second_fin())
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::FlowOutcome;
    use crate::net::Role;

    #[test]
    fn crossing_fins_are_a_note() {
        let flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .fin(Role::Responder, 1.0001)
            .acked(1.002)
            .flow(FlowOutcome::SimultaneousClose);
        assert_eq!(found("FIN106", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_second_fin_that_acknowledges_the_first_is_none() {
        assert_eq!(found("FIN106", &Story::clean(), 60.0), None);
    }
}
