use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{FinFacts, Flow, FlowOutcome};
use crate::net::Role;

rule! {
    /// ## What we saw
    /// One side sent its FIN again and again, and no acknowledgement ever came.
    ///
    /// ## Why it matters
    /// A kernel acknowledges a FIN whatever its program does. Where it does not, the peer's host is gone, cut off,
    /// or has no such socket and may not say so. The sender keeps the socket in FIN-WAIT-1 or LAST-ACK until its
    /// retries run out: orphans on Linux take up to 8 retries (`net.ipv4.tcp_orphan_retries`), close to two
    /// minutes.
    ///
    /// ## What to do
    /// Capture on the peer at the same time. If the FIN arrives there and draws nothing, a local filter drops
    /// it or the RST that answers it. If it does not arrive, look at the path: a firewall or NAT that removed the
    /// connection's state (compare the idle time before the FIN with its time-out), a route that changed, a
    /// host that died. On the sender: `ss -tano state fin-wait-1` and `ss -tano state last-ack` show timer and retries.
    ///
    /// ## What else it can be
    /// Only the acknowledgements are missing, on the path or in the capture; a full accept queue on the peer, which
    /// ignores all that follows the handshake (SYN105); a last FIN whose ACK is lost each time.
    ///
    /// ## See
    /// RFC 9293 §3.6, RFC 1122 §4.2.3.5 (R2).
    static FIN_UNACKED = {
        code: "FIN103", title: "FIN never acknowledged", severity: Warning,
        needs: [Sign::Outcome(FlowOutcome::FinUnacked)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    if flow.outcome != FlowOutcome::FinUnacked {
        return None;
    }
    let (sender, fin) = unacked(flow)?;
    let evidence = Evidence::new(fin.first, "FIN").and(fin.last, "its last copy, still not acknowledged");
    // A repeated FIN shows that its sender had no acknowledgement.
    Some(
        Finding::new(&FIN_UNACKED, flow, flow.endpoint(!sender), evidence)
            .proven_if(fin.copies > 1)
            .lasting(fin.last.time - fin.first.time),
    )
}

/// The FIN that was repeated most often and never acknowledged.
fn unacked(flow: &Flow) -> Option<(Role, FinFacts)> {
    let fins = Role::BOTH.into_iter().filter_map(|role| flow.fin[role].map(|fin| (role, fin)));
    fins.filter(|(_, fin)| fin.acked.is_none()).max_by_key(|(_, fin)| fin.copies)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some((sender, fin)) = unacked(flow) else { return String::new() };
    format!(
        "{} never acknowledged the FIN of {}, sent {} times over {} (records {} to {})",
        finding.endpoint,
        flow.endpoint(sender),
        fin.copies,
        finding.span(),
        fin.first.record,
        fin.last.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::FlowOutcome;
    use crate::net::Role;

    #[test]
    fn a_fin_repeated_in_vain_is_about_the_silent_peer() {
        let flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .fin_again(Role::Initiator, 1.2)
            .fin_again(Role::Initiator, 1.6)
            .flow(FlowOutcome::FinUnacked);
        assert_eq!(found("FIN103", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("FIN103", &flow, 60.0),
            "10.0.0.1:80 never acknowledged the FIN of 10.0.0.2:40000, sent 3 times over 600 ms (records 4 to 6)"
        );
    }

    #[test]
    fn a_fin_repeated_once_and_then_acknowledged_is_none() {
        let flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .fin_again(Role::Initiator, 1.2)
            .acked(1.21)
            .fin(Role::Responder, 1.3)
            .acked(1.31)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("FIN103", &flow, 60.0), None);
    }
}
