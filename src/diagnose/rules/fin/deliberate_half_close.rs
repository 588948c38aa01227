use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Event, EventKind, Flow, FlowOutcome};

rule! {
    /// ## What we saw
    /// One side sent FIN, and its peer went on sending data on the same connection.
    ///
    /// ## Why it matters
    /// It explains a late second FIN: the connection was in use. TCP closes each direction by itself, and
    /// `shutdown(SHUT_WR)` is how a program says "that was my whole request".
    ///
    /// ## What to do
    /// Nothing, if the side that closed first still reads (rsync, `nc -N`, `ssh`, many RPC protocols do). Make sure
    /// that proxies in between support half-closed connections; several end both directions at the first FIN
    /// and cut the answer off.
    ///
    /// ## What else it can be
    /// The side that closed called `close()`, not `shutdown()`, and nobody reads the data; then a RST follows
    /// (RST102, RST104).
    ///
    /// ## See
    /// RFC 9293 §3.6 (case 1), RFC 1122 §4.2.2.13.
    static DELIBERATE_HALF_CLOSE = {
        code: "FIN105", title: "deliberate half-close", severity: Note,
        needs: [Sign::DataAfterFin]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    use FlowOutcome::{CleanClose, FinUnacked, HalfClosed};
    if !flow.data_after_fin || !matches!(flow.outcome, CleanClose | HalfClosed | FinUnacked) {
        return None;
    }
    let (closer, fin) = flow.first_fin()?;
    let second = flow.second_fin().map(|(_, fin)| fin.first);
    let evidence = Evidence::new(fin.first, "FIN: one direction is closed")
        .and_maybe(answer(flow).map(|event| event.at), "data the other way after it")
        .and_maybe(second, "FIN of the other direction");
    let end = second.unwrap_or(flow.last);
    let finding = Finding::new(&DELIBERATE_HALF_CLOSE, flow, flow.endpoint(closer), evidence);
    Some(finding.lasting(end.time - fin.first.time))
}

/// The first data of the passive closer after the FIN.
fn answer(flow: &Flow) -> Option<&Event> {
    let (closer, fin) = flow.first_fin()?;
    flow.events.iter().find(|event| {
        event.kind == EventKind::Data && event.from != closer && flow.order.is_before(fin.first, event.at)
    })
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let (fin, peer) = flow
        .first_fin()
        .map_or((0, flow.responder), |(closer, fin)| (fin.first.record, flow.endpoint(!closer)));
    let data = answer(flow).map_or_else(String::new, |event| format!(" (record {})", event.record()));
    format!(
        "{} closed its direction (FIN at record {fin}) and {peer} kept sending{data}: half-closed for {}",
        finding.endpoint,
        finding.span()
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
    fn data_after_the_fin_makes_it_deliberate() {
        let flow = half_closed()
            .data_after_fin(20.0)
            .fin(Role::Responder, 30.0)
            .acked(30.1)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN105", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
        assert!(summary("FIN105", &flow, 60.0).ends_with("kept sending (record 6): half-closed for 29.0 s"));
    }

    #[test]
    fn data_that_draws_rst_is_none() {
        let flow = half_closed()
            .data_after_fin(20.0)
            .reset(ResetKind::StaleData, Role::Initiator, 20.1, Some(Answered::Data))
            .flow(FlowOutcome::LateDataRst);
        assert_eq!(found("FIN105", &flow, 60.0), None);
    }

    #[test]
    fn a_late_fin_without_data_is_none() {
        let flow = half_closed().fin(Role::Responder, 30.0).acked(30.1).flow(FlowOutcome::DelayedFin);
        assert_eq!(found("FIN105", &flow, 60.0), None);
    }
}
