use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{EventKind, Flow, FlowOutcome, Pause, RecordRef, ResetKind};
use crate::net::Role;
use crate::time::{TimeDelta, span_in_words};

/// Nothing forgets a connection sooner: a path with such a short time-out would lose every user who thinks.
const SHORTEST: TimeDelta = TimeDelta::from_secs(2);

rule! {
    /// ## What we saw
    /// After a time without anything to say, one side sent again. That segment was repeated and never acknowledged; the
    /// other side was not heard any more. The connection had not been as quiet before.
    ///
    /// ## Why it matters
    /// That is how it looks when a NAT, firewall or load balancer forgets idle connections and then drops what comes for
    /// them. The sender hangs until its own time-out (15 min on Linux without one), the other end keeps its socket for hours.
    /// With a pool, the first request after each quiet time is lost.
    ///
    /// ## What to do
    /// If busy connections and new ones between the same hosts work, it is the path, not the host. Collect the idle
    /// times that connections lived through and those that they did not: the time-out lies between. Then send keep-alives
    /// more often (`TCP_KEEPIDLE`, `net.ipv4.tcp_keepalive_time`), or close idle connections sooner, and set
    /// `TCP_USER_TIMEOUT` so that a lost path is noticed.
    ///
    /// ## What else it can be
    /// A host or a path that died in the quiet time: then all connections to it fall silent, whatever they did
    /// before. Answers that take a way which the capture does not see. The flow alone can tell only where the other end
    /// still speaks and yet acknowledges nothing.
    ///
    /// ## See
    /// RST108 (the same, answered with RST), RFC 5382 §5 (NATs must keep connections for 2 h 4 min).
    static SILENCE_AFTER_IDLE = {
        code: "APP105", title: "silence after an idle time", severity: Warning,
        needs: [
            Sign::Outcome(FlowOutcome::OpenUnacked),
            Sign::Outcome(FlowOutcome::FinUnacked),
            Sign::Reset(ResetKind::Abort),
        ]
    }
}

/// What was sent after a pause and never acknowledged.
struct Lost {
    by: Role,
    /// The last segment of either side before the pause.
    quiet_since: RecordRef,
    /// The first that was not acknowledged.
    first: RecordRef,
    /// How long the pause was.
    idle: TimeDelta,
    /// The longest that the connection had lived through.
    survived: TimeDelta,
    /// The other end's last segment, where it still spoke.
    alive: Option<RecordRef>,
}

fn find(flow: &Flow) -> Option<Lost> {
    let Pause { from, until, by, survived } = flow.pause?;
    let (own, peers) = (&flow.traffic[by], &flow.traffic[!by]);
    let heard = peers.last.filter(|_| !peers.unseen)?;
    let alive = Some(heard).filter(|heard| heard.time - until.time >= INITIAL_RTO);
    // What crossed the first segment after the pause acknowledges none of it.
    let goes_on = flow.order.is_before(until, heard) && alive.is_none();
    let is_all_lost = alive.is_none()
        || flow.last_talker == Some((by, until)) && u64::from(own.unacked) >= flow.last_octets;
    let has_octets = own.unacked > u32::from(flow.fin[by].is_some());
    let kept_trying =
        own.retransmissions > 0 && own.last.is_some_and(|last| last.time - until.time >= INITIAL_RTO);
    // Probes keep a connection alive on the path as octets do.
    let quiet_since =
        if flow.order.is_before(from, heard) && flow.order.is_before(heard, until) { heard } else { from };
    let idle = until.time - quiet_since.time;
    let is_lost = has_octets && kept_trying && !goes_on && is_all_lost && is_left_to_itself(flow, by, until);
    (is_lost && idle >= SHORTEST && idle > survived).then_some(Lost {
        by,
        quiet_since,
        first: until,
        idle,
        survived,
        alive,
    })
}

/// Nobody else ended it or says why: no RST of the other end, no error, no closed window.
fn is_left_to_itself(flow: &Flow, by: Role, since: RecordRef) -> bool {
    let is_error = |event: &crate::flow::Event| {
        event.kind == EventKind::IcmpError && flow.order.is_before(since, event.at)
    };
    let is_own = flow.reset().is_none_or(|reset| reset.by == by && reset.kind == ResetKind::Abort);
    let has_outcome = flow.outcome != FlowOutcome::Undecided;
    is_own && has_outcome && !flow.events.iter().any(is_error) && !lookup::window_is_closed(flow, !by)
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let lost = find(flow)?;
    let evidence = Evidence::new(lost.quiet_since, "the last before the idle time")
        .and(lost.first, "the first after it, never acknowledged")
        .and_maybe(flow.traffic[lost.by].last, "the last attempt")
        .and_maybe(lost.alive, "the other end still speaks");
    Some(
        Finding::new(&SILENCE_AFTER_IDLE, flow, flow.endpoint(!lost.by), evidence)
            .proven_if(lost.alive.is_some())
            .unless(lookup::missed(flow))
            .unless(context.doubts.absence(lost.first))
            .lasting(lost.idle),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(lost) = find(flow) else { return String::new() };
    let own = &flow.traffic[lost.by];
    let tried = own.last.map_or(TimeDelta::ZERO, |last| last.time - lost.first.time);
    let survived = match lost.survived {
        TimeDelta::ZERO => String::new(),
        span => format!("; it had lived through {} before", span_in_words(Some(span))),
    };
    let alive = match lost.alive {
        Some(at) => format!("; that end was still there (record {})", at.record),
        None => String::new(),
    };
    format!(
        "{} never acknowledged what {} sent after {} of idleness (record {}), nor its repetitions for {}{survived}{alive}",
        finding.endpoint,
        flow.endpoint(lost.by),
        finding.span(),
        lost.first.record,
        span_in_words(Some(tried))
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, Flow, FlowOutcome, RecordRef};
    use crate::net::Role;
    use crate::time::TimeDelta;

    fn lost_after(seconds: f64) -> Flow {
        let mut flow = Story::connected().exchange(0.1).request(seconds).flow(FlowOutcome::OpenUnacked);
        let sender = &mut flow.traffic.initiator;
        (sender.unacked, sender.retransmissions) = (100, 6);
        sender.last = Some(RecordRef { record: 12, time: at(seconds + 12.6) });
        flow
    }

    #[test]
    fn a_request_after_an_idle_time_that_nobody_acknowledges_is_presumed() {
        let flow = lost_after(350.101);
        assert_eq!(found("APP105", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
        assert_eq!(
            summary("APP105", &flow, 600.0),
            "10.0.0.1:80 never acknowledged what 10.0.0.2:40000 sent after 350.0 s of idleness (record 6), nor its \
             repetitions for 12.6 s"
        );
    }

    #[test]
    fn an_end_that_still_speaks_proves_that_the_path_drops() {
        let mut flow = lost_after(350.0);
        flow.traffic.responder.last = Some(RecordRef { record: 11, time: at(356.0) });
        assert_eq!(found("APP105", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("APP105", &flow, 600.0).ends_with("; that end was still there (record 11)"));
    }

    #[test]
    fn a_pause_no_longer_than_others_before_is_not_the_reason() {
        let mut flow = lost_after(60.0);
        flow.pause.as_mut().unwrap().survived = TimeDelta::from_secs(90);
        assert_eq!(found("APP105", &flow, 600.0), None);
    }

    #[test]
    fn what_is_lost_without_a_pause_is_none() {
        assert_eq!(found("APP105", &lost_after(0.5), 600.0), None);
    }

    #[test]
    fn probes_that_are_answered_keep_the_path_open() {
        let mut flow = lost_after(350.0);
        flow.traffic.responder.last = Some(RecordRef { record: 5, time: at(349.0) });
        assert_eq!(found("APP105", &flow, 600.0), None);
    }

    #[test]
    fn an_icmp_error_says_what_it_was() {
        let mut flow = lost_after(350.0);
        flow.events
            .push(Story::connected().event(EventKind::IcmpError, Role::Responder, 351.0).flow.events[3]);
        flow.events.last_mut().unwrap().at.record = 7;
        assert_eq!(found("APP105", &flow, 600.0), None);
    }

    #[test]
    fn a_lost_fin_alone_is_another_finding() {
        let mut flow = Story::connected()
            .exchange(0.1)
            .fin(Role::Initiator, 90.0)
            .fin_again(Role::Initiator, 92.0)
            .flow(FlowOutcome::FinUnacked);
        (flow.traffic.initiator.unacked, flow.traffic.initiator.retransmissions) = (1, 1);
        assert_eq!(found("APP105", &flow, 600.0), None);
    }
}
