use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Answered, Event, EventKind, Flow, RecordRef};

rule! {
    /// ## What we saw
    /// A FIN or data with the sequence numbers of an earlier connection arrived while the same addresses and ports
    /// carried a later one. It belongs to the earlier connection; the later one only shares the ports.
    ///
    /// ## Why it matters
    /// The receiver cannot know that. While it is still connecting, such a segment draws RST; in an open connection
    /// it draws an ACK with the new numbers, which the old sender does not understand, so it repeats itself. Most
    /// tools count these as errors of the innocent new connection.
    ///
    /// ## What to do
    /// Go after the sender: it closes (or answers) long after its peer has gone, see FIN101 and FIN102 of the
    /// predecessor. Nothing is wrong with the new connection unless a RST follows in it.
    ///
    /// ## What else it can be
    /// A duplicate that the network delayed, if the time between is short; two hosts behind one NAT address that got
    /// the same port one after the other.
    ///
    /// ## See
    /// RFC 9293 §3.4 (old duplicates), §3.10.7.3 (SYN-SENT), §3.10.7.4.
    static GHOST = {
        code: "TUP103", title: "ghost: a segment of an earlier incarnation", severity: Warning,
        needs: [Sign::Ghost, Sign::IntoSuccessor]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let first = ghosts(flow).next()?;
    if lookup::is_foreign_syn(flow) || first.into_successor && lookup::outlives_successor(flow) {
        return None;
    }
    let caption = if first.into_successor { "sent into the successor's life" } else { "of the predecessor" };
    let evidence = Evidence::new(first.at, caption)
        .and_maybe(reaction(flow, first).map(|(_, at)| at), "what it drew")
        .and_maybe(ghosts(flow).nth(1).map(|event| event.at), "again");
    let is_known = flow.reuse.is_some() || first.into_successor;
    let finding = Finding::new(&GHOST, flow, flow.endpoint(first.from), evidence)
        .proven_if(is_known)
        .unless(lookup::missed(flow));
    // Numbers of no incarnation that was seen may be those of an earlier one, or damaged.
    Some(finding.at_most(if is_known { Severity::Warning } else { Severity::Note }))
}

/// The segments with data or FIN that came after another incarnation had begun: in the successor the ghosts, in
/// the predecessor its own late ones. An ACK that answers the new SYN is reuse blocked, not a ghost.
fn ghosts(flow: &Flow) -> impl Iterator<Item = &Event> {
    use EventKind::{Data, Fin, FinAgain, Ghost, Probe};
    flow.events.iter().filter(|event| {
        let is_own_late = event.into_successor && matches!(event.kind, Data | Fin | FinAgain | Probe);
        is_own_late || event.kind == Ghost && !event.flags.rst() && !lookup::is_challenge(event)
    })
}

/// How the other side answered: a RST that is known to answer it, or its next kept segment with old numbers.
fn reaction(flow: &Flow, ghost: &Event) -> Option<(Answered, RecordRef)> {
    let reset = flow
        .resets
        .iter()
        .find(|reset| reset.by != ghost.from && reset.answers.is_some_and(|(_, record)| record == ghost.at));
    if let Some(reset) = reset {
        return Some((Answered::Fin, reset.at));
    }
    flow.events
        .iter()
        .skip_while(|event| !flow.order.is_before(ghost.at, event.at))
        .take_while(|event| event.from != ghost.from)
        .find(|event| event.kind == EventKind::Ghost || event.into_successor)
        .map(|event| (Answered::Ack, event.at))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(ghost) = ghosts(flow).next() else { return String::new() };
    let what = if ghost.flags.fin() { "FIN" } else { "data" };
    let count = match ghosts(flow).count() {
        1 => String::new(),
        count => format!(" ({count} times)"),
    };
    let drew = match reaction(flow, ghost) {
        Some((Answered::Fin, at)) => format!("; it drew RST (record {})", at.record),
        Some((_, at)) => format!("; it drew an answer (record {})", at.record),
        None => String::new(),
    };
    let whose = match (ghost.into_successor, flow.reuse, flow.successor) {
        (true, _, Some((successor, _))) => format!("into flow {successor}, which had taken the ports over"),
        (false, Some(reuse), _) => format!("that belongs to flow {}", reuse.predecessor),
        _ => "of another incarnation".into(),
    };
    format!("{} sent a {what}{count} {whose} (record {}){drew}", finding.endpoint, ghost.record())
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, FlowOutcome, ReuseKind};
    use crate::net::Role;
    use crate::tcp::Flags;

    #[test]
    fn a_fin_of_the_predecessor_is_a_ghost_in_the_successor() {
        let flow = Story::connected()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.5)
            .having(|event| event.flags = Flags(Flags::FIN.0 | Flags::ACK.0))
            .exchange(0.6)
            .flow(FlowOutcome::Open);
        assert_eq!(found("TUP103", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("TUP103", &flow, 60.0),
            "10.0.0.1:80 sent a FIN that belongs to flow 7 (record 4)"
        );
    }

    #[test]
    fn a_fin_that_came_too_late_is_one_in_the_predecessor_too() {
        let mut story = Story::connected()
            .fin(Role::Initiator, 1.0)
            .acked(1.1)
            .fin(Role::Responder, 90.0)
            .having(|event| event.into_successor = true);
        story.flow.successor = Some((44, at(80.0)));
        let flow = story.flow(FlowOutcome::LateFinIntoSuccessor);
        assert_eq!(found("TUP103", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("TUP103", &flow, 600.0).contains("into flow 44"));
        assert_eq!(found("FIN102", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn the_old_sockets_ack_to_the_new_syn_is_reuse_blocked_instead() {
        let flow = Story::syn()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.001)
            .event(EventKind::Ghost, Role::Initiator, 0.002)
            .having(|event| event.flags = Flags::RST)
            .flow(FlowOutcome::SynUnanswered);
        assert_eq!(found("TUP103", &flow, 60.0), None);
    }
}
