use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Event, EventKind, Flow, FlowOutcome, Reset, ResetKind};
use crate::time::span_in_words;

rule! {
    /// ## What we saw
    /// A connection request (SYN) was answered with RST at once.
    ///
    /// ## Why it matters
    /// The host is up and reachable, but no socket listens on that address and port, so every client fails with
    /// "connection refused". Retries without a pause turn this into load.
    ///
    /// ## What to do
    /// On the responder: `ss -tlnp 'sport = :PORT'`. If nothing listens, find out why the service is down or
    /// not yet up (`systemctl status`, its log). If it listens on 127.0.0.1 or on `::1` only, correct its bind
    /// address. If it listens, look for a firewall rule that rejects: `nft list ruleset`, `iptables-save`,
    /// target REJECT with `tcp-reset`.
    ///
    /// ## What else it can be
    /// A port scan or a health check of a service that is meant to be off; a service in the middle of a restart;
    /// a load balancer whose pool is empty and that refuses in the service's name.
    ///
    /// ## See
    /// RFC 9293 §3.5.2 (reset generation), §3.10.7.1 (CLOSED state).
    static REFUSED = {
        code: "SYN101", title: "connection refused", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::Refused), Sign::Reset(ResetKind::Refusal)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = refusal(flow)?;
    let accepted = lookup::first_record(flow, EventKind::SynAck).filter(|_| reset.ignored);
    let evidence = Evidence::new(lookup::syn(flow), "connection request")
        .and(reset.at, "refused with RST")
        .and_maybe(accepted, "accepted when asked again");
    Some(
        Finding::new(&REFUSED, flow, flow.endpoint(reset.by), evidence)
            .at_most(if reset.ignored { Severity::Note } else { Severity::Warning })
            .lasting(reset.at.time - flow.first.time),
    )
}

/// The RST that refused the connection, or an earlier attempt of one that was then accepted.
fn refusal(flow: &Flow) -> Option<&Reset> {
    let refused = flow.reset().filter(|_| flow.outcome == FlowOutcome::Refused);
    refused.or_else(|| lookup::refusal_before_success(flow))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = refusal(flow) else { return String::new() };
    let record = reset.at.record;
    if reset.ignored {
        let open = lookup::first(flow, EventKind::SynAck).map_or(reset.at.time, Event::time);
        return format!(
            "{} refused the SYN of {} with RST (record {record}) and accepted it {} later, when asked again",
            finding.endpoint,
            flow.initiator,
            span_in_words(Some(open - reset.at.time))
        );
    }
    let answered = match reset.answers {
        Some((_, syn)) if syn.record != flow.first.record => format!("SYN number {}", flow.syn_retries + 1),
        _ => "SYN".into(),
    };
    let span = finding.span();
    format!(
        "{} refused the {answered} of {} with RST (record {record}), {span} after the first",
        finding.endpoint, flow.initiator
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, ResetKind};
    use crate::net::Role;

    #[test]
    fn a_rst_to_the_syn_is_a_refusal() {
        let flow = Story::syn()
            .reset(ResetKind::Refusal, Role::Responder, 0.001, Some(Answered::Syn))
            .flow(FlowOutcome::Refused);
        assert_eq!(found("SYN101", &flow, 1.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("SYN101", &flow, 1.0).starts_with("10.0.0.1:80 refused the SYN of 10.0.0.2:40000"));
    }

    #[test]
    fn a_rst_to_an_open_connection_is_none() {
        let flow = Story::connected()
            .reset(ResetKind::Abort, Role::Responder, 1.0, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("SYN101", &flow, 2.0), None);
    }
}
