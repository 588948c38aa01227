use super::ending;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Answered, Flow, Reset, ResetKind};

rule! {
    /// ## What we saw
    /// One side sent FIN and then RST on the same connection: first it closed in order, then it refused what its
    /// peer still had to say.
    ///
    /// ## Why it matters
    /// Data that the peer sent meanwhile is lost, and the peer may lose data that it had received but not read
    /// yet: a client can miss an error page that the server sent right before. A request that crossed the server's
    /// FIN (keep-alive race) shows up at a proxy as 502.
    ///
    /// ## What to do
    /// On the endpoint named here: read the request to its end before closing, or `shutdown(SHUT_WR)`, read until
    /// end-of-file and only then `close()` (nginx calls it `lingering_close`). For keep-alive races: the side
    /// that sends requests must have the shorter idle time-out, and retry idempotent requests once.
    ///
    /// ## What else it can be
    /// A client that has what it wanted and drops the rest (HEAD, cancelled download, `curl | head`); a close
    /// that ran into its linger time.
    ///
    /// ## See
    /// RFC 1122 §4.2.2.13, RFC 9112 §9.6 (tear-down of HTTP connections).
    static AFTER_OWN_FIN = {
        code: "RST104", title: "RST after its own FIN", severity: Warning,
        needs: [Sign::Reset(ResetKind::AfterOwnFin), Sign::Reset(ResetKind::CrossedFin)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = find(flow)?;
    let fin = flow.fin[reset.by];
    let evidence = Evidence::new(reset.at, "RST")
        .and_maybe(fin.map(|fin| fin.first), "its own FIN before")
        .and_maybe(reset.answers.map(|(_, record)| record), "what it answers");
    let finding = Finding::new(&AFTER_OWN_FIN, flow, flow.endpoint(reset.by), evidence);
    Some(finding.at_most(if loses_data(flow, &reset) { Severity::Warning } else { Severity::Note }))
}

fn find(flow: &Flow) -> Option<Reset> {
    ending(flow, &[ResetKind::AfterOwnFin, ResetKind::CrossedFin])
}

fn loses_data(flow: &Flow, reset: &Reset) -> bool {
    reset.kind == ResetKind::CrossedFin
        || matches!(reset.answers, Some((Answered::Data, _)))
        || !lookup::is_answered(flow)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = find(flow) else { return String::new() };
    let fin = flow.fin[reset.by].map_or(reset.at, |fin| fin.first);
    let peer = flow.endpoint(!reset.by);
    let why = match (reset.kind, reset.answers) {
        (ResetKind::CrossedFin, Some((Answered::Fin, fin))) => {
            format!(": octets in front of the FIN of {peer} (record {}) had crossed its own", fin.record)
        }
        (ResetKind::CrossedFin, Some((_, data))) => {
            format!(": data of {peer} (record {}) had crossed the FIN", data.record)
        }
        (_, Some((Answered::Data, data))) => {
            format!(": it refused data of {peer} (record {})", data.record)
        }
        _ => String::new(),
    };
    format!(
        "{} sent RST (record {}) {} after its own FIN (record {}){why}",
        finding.endpoint,
        reset.at.record,
        lookup::span(fin, reset.at),
        fin.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, ResetKind};
    use crate::net::Role;

    #[test]
    fn a_request_that_crossed_the_fin_is_a_warning() {
        let flow = Story::connected()
            .exchange(0.1)
            .fin(Role::Responder, 5.0)
            .request(5.0001)
            .reset(ResetKind::CrossedFin, Role::Responder, 5.0002, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST104", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(
            summary("RST104", &flow, 60.0).ends_with("data of 10.0.0.2:40000 (record 7) had crossed the FIN")
        );
    }

    #[test]
    fn a_rst_that_only_hastens_the_end_is_a_note() {
        let flow = Story::connected()
            .exchange(0.1)
            .fin(Role::Initiator, 1.0)
            .reset(ResetKind::AfterOwnFin, Role::Initiator, 1.1, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("RST104", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_rst_without_a_fin_before_is_an_abort_instead() {
        let flow = Story::connected()
            .exchange(0.1)
            .reset(ResetKind::Abort, Role::Initiator, 1.1, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("RST104", &flow, 60.0), None);
    }
}
