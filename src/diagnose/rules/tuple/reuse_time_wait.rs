use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{EventKind, Flow, ReuseKind};

rule! {
    /// ## What we saw
    /// A new connection was opened on the same addresses and ports soon after the previous one had closed in order:
    /// within TIME-WAIT.
    ///
    /// ## Why it matters
    /// It is legal and works where the new sequence numbers lie beyond the old ones, or timestamps tell old and new
    /// segments apart. It says that ports come round quickly: the initiator opens many short connections to one
    /// address and port.
    ///
    /// ## What to do
    /// Nothing for one connection. If it is frequent, use persistent connections or a pool, and widen
    /// `net.ipv4.ip_local_port_range`. Count TIME-WAIT with `ss -tan state time-wait | wc -l`; thousands are normal
    /// on a busy client. Do not fight it with `SO_LINGER` 0.
    ///
    /// ## What else it can be
    /// A client with a fixed source port; a NAT whose pool of ports is small; `net.ipv4.tcp_tw_reuse` at work.
    ///
    /// ## See
    /// RFC 9293 §3.4.2 (2MSL), RFC 1122 §4.2.2.13, RFC 6191 (timestamps).
    static REUSE_TIME_WAIT = {
        code: "TUP102", title: "four-tuple reused within 2MSL", severity: Note,
        needs: [Sign::Reuse(ReuseKind::WithinTimeWait)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reuse = flow.reuse.filter(|reuse| reuse.kind == ReuseKind::WithinTimeWait)?;
    let evidence = Evidence::new(lookup::syn(flow), "SYN on a four-tuple in TIME-WAIT")
        .and_maybe(lookup::first_record(flow, EventKind::SynAck), "accepted");
    Some(Finding::new(&REUSE_TIME_WAIT, flow, flow.initiator, evidence).lasting(reuse.gap?))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    format!(
        "{} reused its port toward {} {} after flow {} had ended (record {})",
        finding.endpoint,
        flow.responder,
        finding.span(),
        flow.reuse.map_or(0, |reuse| reuse.predecessor),
        flow.first.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, findings_in, found};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{FlowOutcome, ReuseKind};

    #[test]
    fn reuse_within_time_wait_is_a_note_and_nothing_else() {
        let flow = Story::connected()
            .reusing(ReuseKind::WithinTimeWait, None)
            .exchange(0.1)
            .flow_until(FlowOutcome::Open, 20.0);
        assert_eq!(found("TUP102", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
        assert_eq!(findings_in(&flow, 20.0).len(), 1);
    }

    #[test]
    fn later_reuse_is_none() {
        let flow = Story::connected().reusing(ReuseKind::Clean, None).exchange(0.1).flow(FlowOutcome::Open);
        assert_eq!(found("TUP102", &flow, 60.0), None);
    }
}
