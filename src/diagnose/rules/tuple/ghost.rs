use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Drew, Event, EventKind, Flow, RecordRef, Reset};
use crate::net::Role;
use crate::time::TimeDelta;

/// A RST that a ghost causes, be it through the answer that it drew, follows within a round trip or two.
const SOON: TimeDelta = TimeDelta::from_secs(1);

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

/// What a ghost drew: what is known of it, or a RST that is known to answer it.
fn reaction(flow: &Flow, ghost: &Event) -> Option<(Drew, RecordRef)> {
    let known = flow.ghosts.iter().find(|it| it.at == ghost.at).and_then(|it| it.drew);
    let answers = |reset: &&Reset| {
        reset.by != ghost.from && reset.answers.is_some_and(|(_, record)| record == ghost.at)
    };
    known.or_else(|| flow.resets.iter().find(answers).map(|reset| (Drew::Rst, reset.at)))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(ghost) = ghosts(flow).next() else { return String::new() };
    let what = match (ghost.flags.fin(), ghost.kind) {
        (true, _) => "a FIN",
        (false, EventKind::Probe) => "a probe",
        (false, _) => "data",
    };
    let count = match ghosts(flow).count() {
        1 => String::new(),
        count => format!(" ({count} times)"),
    };
    let known = flow.ghosts.iter().find(|it| it.at == ghost.at);
    let owner = known.map(|it| it.of).or_else(|| flow.reuse.map(|reuse| reuse.predecessor));
    let taker = known.map(|it| it.met).or_else(|| flow.successor.map(|(successor, _)| successor));
    let whose = match (ghost.into_successor, owner, taker) {
        (true, _, Some(taker)) => format!("into flow {taker}, which had taken the ports over"),
        (false, Some(owner), _) => format!("that belongs to flow {owner}"),
        _ => "of another incarnation".into(),
    };
    let (peer, met) = (flow.endpoint(!ghost.from), met(flow));
    let drew = match reaction(flow, ghost) {
        Some((Drew::Rst, at)) => format!("it drew RST (record {})", at.record),
        Some((Drew::Ack, at)) => format!("it drew an ACK with the new numbers (record {})", at.record),
        Some((Drew::OldAck, at)) => format!("the old socket acknowledged it (record {})", at.record),
        None => "it drew no answer".into(),
    };
    let met = if met.is_empty() { format!("; {drew}") } else { format!("; {peer} was in {met}, and {drew}") };
    let came = if ghost.into_successor { String::new() } else { outcome(flow, ghost) };
    format!("{} sent {what}{count} {whose} (record {}){met}{came}", finding.endpoint, ghost.record())
}

/// The states that the later incarnation was in when the ghosts came, each once, in order.
fn met(flow: &Flow) -> String {
    let mut states: Vec<&str> = flow.ghosts.iter().map(|ghost| ghost.state.as_str()).collect();
    states.dedup();
    states.join(", then ")
}

/// The RST with which the old sender, or the new one, answered what the last ghost drew once all was over.
fn echo(flow: &Flow) -> String {
    let last = flow.ghosts.last().map(|ghost| ghost.at);
    let is_echo =
        |at: RecordRef| last.is_some_and(|last| (TimeDelta::ZERO..SOON).contains(&(at.time - last.time)));
    match flow.resets.iter().find(|reset| reset.after_close && is_echo(reset.at)) {
        Some(reset) => format!(", and the RST after its close (record {}) changed nothing", reset.at.record),
        None => String::new(),
    }
}

/// What became of the new connection that `ghost` met.
fn outcome(flow: &Flow, ghost: &Event) -> String {
    let follows = |reset: &&Reset| {
        (TimeDelta::ZERO..SOON).contains(&(reset.at.time - ghost.time()))
            && flow.order.is_before(ghost.at, reset.at)
    };
    let goes_on =
        |role: Role| flow.traffic[role].last.is_some_and(|last| flow.order.is_before(ghost.at, last));
    let opened = lookup::first(flow, EventKind::SynAck);
    if let Some(reset) = flow.reset().filter(follows) {
        return format!("; the new connection was reset (record {})", reset.at.record);
    }
    match opened {
        None => "; the new connection had not opened".into(),
        Some(opened) if flow.order.is_before(ghost.at, opened.at) => {
            format!("; the new connection opened {} later", lookup::span(ghost.at, opened.at))
        }
        Some(_) if Role::BOTH.into_iter().all(goes_on) => {
            format!("; the new connection went on{}", echo(flow))
        }
        Some(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, Drew, EventKind, FlowOutcome, Ghost, ResetKind, ReuseKind};
    use crate::net::Role;
    use crate::tcp::{Flags, State};

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
            "10.0.0.1:80 sent a FIN that belongs to flow 7 (record 4); it drew no answer; the new connection went on"
        );
    }

    #[test]
    fn whom_it_met_and_what_it_drew_is_told() {
        let story = |state, drew: Option<Drew>| {
            let mut flow = Story::connected()
                .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
                .event(EventKind::Ghost, Role::Responder, 0.5)
                .having(|event| event.flags = Flags(Flags::FIN.0 | Flags::ACK.0))
                .exchange(0.6)
                .flow(FlowOutcome::Open);
            let (at, what) = (flow.events[3].at, Answered::Fin);
            let drew = drew.map(|drew| (drew, flow.events[4].at));
            flow.ghosts.push(Ghost { at, from: Role::Responder, what, of: 7, met: 1, state, drew });
            summary("TUP103", &flow, 60.0)
        };
        assert_eq!(
            story(State::Established, Some(Drew::Ack)),
            "10.0.0.1:80 sent a FIN that belongs to flow 7 (record 4); 10.0.0.2:40000 was in ESTABLISHED, and it drew an \
             ACK with the new numbers (record 5); the new connection went on"
        );
        assert!(
            story(State::SynSent, Some(Drew::Rst)).contains("was in SYN-SENT, and it drew RST (record 5)")
        );
        assert!(story(State::TimeWait, None).contains("was in TIME-WAIT, and it drew no answer"));
    }

    #[test]
    fn a_new_connection_that_was_reset_right_after_is_told_so() {
        let flow = Story::connected()
            .reusing(ReuseKind::HalfClosed, Some(Role::Responder))
            .event(EventKind::Ghost, Role::Responder, 0.5)
            .having(|event| event.flags = Flags(Flags::FIN.0 | Flags::ACK.0))
            .reset(ResetKind::Abort, Role::Initiator, 0.51, None)
            .flow(FlowOutcome::ResetInitiator);
        assert!(summary("TUP103", &flow, 60.0).ends_with("; the new connection was reset (record 5)"));
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
