use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Event, EventKind, Flow, Reuse, ReuseKind};
use crate::net::Endpoint;
use crate::time::span_in_words;

rule! {
    /// ## What we saw
    /// A new connection was opened on the same addresses and ports while the previous one had not ended at both
    /// sides: one endpoint had forgotten it, the other still has its socket.
    ///
    /// ## Why it matters
    /// The old socket answers in the new connection's name. The SYN may draw an ACK with old numbers instead of a
    /// SYN-ACK (TUP104), or a FIN of the old connection may fall into the new one (TUP103). The user sees a
    /// slow or reset connect that has nothing to do with the request.
    ///
    /// ## What to do
    /// Close the old connection: the endpoint named here is the one that has not, `ss -tanp state close-wait`
    /// there shows it (see FIN101). That the port came round again is a matter of time: it comes sooner with a small
    /// `net.ipv4.ip_local_port_range`, with a fixed source port, or with many clients behind one NAT address.
    ///
    /// ## What else it can be
    /// The previous connection did end, where the capture could not see it; a NAT gave the port to another client,
    /// who knows nothing of the old connection; a scanner that uses one source port for all.
    ///
    /// ## See
    /// RFC 9293 §3.5.1, §3.10.7.4 (SYN in a synchronised state), RFC 5961 §4.
    static REUSE_HALF_CLOSED = {
        code: "TUP101", title: "four-tuple reused while the predecessor is half-closed", severity: Fault,
        needs: [Sign::Reuse(ReuseKind::HalfClosed), Sign::Reuse(ReuseKind::Open)]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reuse = flow.reuse.filter(|reuse| matches!(reuse.kind, ReuseKind::HalfClosed | ReuseKind::Open))?;
    if lookup::is_foreign_syn(flow) {
        return None;
    }
    // Only the old socket's own segments, seen in this flow's life, show that it was still there.
    let alive = sign_of_life(flow, &reuse);
    let evidence = Evidence::new(lookup::syn(flow), "SYN on a four-tuple that is not free")
        .and_maybe(alive.map(|event| event.at), "the predecessor's socket is still there")
        .and_maybe(reuse.since, "in CLOSE-WAIT since here");
    Some(
        Finding::new(&REUSE_HALF_CLOSED, flow, waiting(flow, &reuse), evidence)
            .proven_if(alive.is_some())
            .at_most(if alive.is_some() { Severity::Fault } else { Severity::Warning }),
    )
}

fn waiting(flow: &Flow, reuse: &Reuse) -> Endpoint {
    reuse.waiting.map_or(flow.responder, |role| flow.endpoint(role))
}

fn sign_of_life<'a>(flow: &'a Flow, reuse: &Reuse) -> Option<&'a Event> {
    let who = waiting(flow, reuse);
    flow.events.iter().find(|event| {
        event.kind == EventKind::Ghost && flow.endpoint(event.from) == who && !event.flags.rst()
    })
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reuse) = flow.reuse else { return String::new() };
    let state = match reuse.kind {
        ReuseKind::Open => "neither side had closed it",
        _ => "had not closed it",
    };
    let who = match reuse.kind {
        ReuseKind::Open => String::new(),
        _ => format!("{} ", finding.endpoint),
    };
    format!(
        "{} reused its port {} after flow {} on the same four-tuple (record {}), while {who}{state}{}",
        flow.initiator,
        span_in_words(reuse.gap),
        reuse.predecessor,
        flow.first.record,
        super::close_wait(flow)
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, FlowOutcome, ReuseKind};
    use crate::net::Role;

    #[test]
    fn an_answer_of_the_old_socket_proves_it() {
        let flow = Story::syn()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.001)
            .flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("TUP101", &flow, 60.0), Some((Severity::Fault, Certainty::Proven)));
        assert_eq!(
            summary("TUP101", &flow, 60.0),
            "10.0.0.2:40000 reused its port 10.0 s after flow 7 on the same four-tuple (record 1), \
             while 10.0.0.1:80 had not closed it"
        );
    }

    #[test]
    fn without_a_sign_of_the_old_socket_it_is_presumed() {
        let flow = Story::connected()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .exchange(0.1)
            .flow(FlowOutcome::Open);
        assert_eq!(found("TUP101", &flow, 60.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn a_port_whose_connection_is_over_is_free() {
        for kind in [ReuseKind::Clean, ReuseKind::WithinTimeWait] {
            let flow = Story::connected().reusing(kind, None).exchange(0.1).flow(FlowOutcome::Open);
            assert_eq!(found("TUP101", &flow, 60.0), None);
        }
    }
}
