use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Flow, FlowOutcome, RecordRef};
use crate::net::Role;
use crate::time::TimeDelta;

/// Idle time-outs of servers and of what lies on the way begin at about this length.
pub(in crate::diagnose) const LONG: TimeDelta = TimeDelta::from_secs(30);

/// What is said so shortly before the FIN only announces it.
const FAREWELL: TimeDelta = TimeDelta::from_millis(500);

rule! {
    /// ## What we saw
    /// A connection stood open while neither side had anything to say, to the end of the capture or until one side closed
    /// it. Keep-alive probes are no activity.
    ///
    /// ## Why it matters
    /// That is what pools and persistent connections are for. It matters where connections are counted: a service that
    /// accepts only so many at a time is held up by idle ones (SVC102), a client that opens new ones without using the old
    /// ones leaks (SVC103), and a NAT or load balancer forgets them (APP105, RST108).
    ///
    /// ## What to do
    /// Nothing about one connection. Compare the idle time-outs of both ends: the client's must be the shorter one. If
    /// their number grows, look on the initiator for what opens them: `ss -tnp dst :PORT | wc -l`.
    ///
    /// ## What else it can be
    /// A session that waits for its user (SSH, databases, WebSocket), a subscription, a connection kept in reserve.
    ///
    /// ## See
    /// RFC 9112 §9.3 (persistence), RFC 9293 §3.8.4 (keep-alives).
    static IDLE = {
        code: "APP103", title: "idle connection held open", severity: Note,
        needs: [Sign::Idle]
    }
}

/// Since when nothing was done on the connection, and what ended that: none of it for most flows.
fn find(flow: &Flow) -> Option<(RecordRef, Option<RecordRef>)> {
    if flow.outcome == FlowOutcome::Open && flow.successor.is_none() {
        return (flow.decided - flow.active.time >= LONG && flow.asked.is_none())
            .then_some((flow.active, None));
    }
    let (_, fin) = flow.first_fin()?;
    let pause = flow.pause.filter(|pause| pause.length() >= LONG)?;
    // A farewell goes before the FIN (TLS close_notify).
    let is_end = (TimeDelta::ZERO..FAREWELL).contains(&(fin.first.time - pause.until.time));
    let is_answered = flow.asked.is_none_or(|asked| !flow.order.is_before(asked, pause.until));
    (is_end && is_answered).then_some((pause.from, Some(fin.first)))
}

/// True when a connection was idle for long, to its end.
#[inline]
pub(in crate::diagnose) fn is_idle(flow: &Flow) -> bool {
    let is_open = flow.outcome == FlowOutcome::Open && flow.decided - flow.active.time >= LONG;
    is_open || flow.pause.is_some_and(|pause| pause.length() >= LONG)
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let (since, until) = find(flow)?;
    let evidence = Evidence::new(since, "the last that was done").and_maybe(until, "closed");
    let end = until.map_or(flow.decided, |until| until.time);
    let who = until.and(flow.active_closer).unwrap_or(Role::Initiator);
    Some(
        Finding::new(&IDLE, flow, flow.endpoint(who), evidence)
            .unless(lookup::missed(flow))
            .lasting(end - since.time),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some((since, until)) = find(flow) else { return String::new() };
    let end = match until {
        Some(until) => format!("until {} closed it (record {})", finding.endpoint, until.record),
        None => "to the end of the capture".into(),
    };
    let used = match flow.exchanges {
        0 if flow.replies.is_none() => "never used".into(),
        1 => "after 1 exchange".into(),
        count => format!("after {count} exchanges"),
    };
    let probes = match flow.traffic.initiator.probes + flow.traffic.responder.probes {
        0 => String::new(),
        count => format!(", but for {count} keep-alive probes"),
    };
    format!(
        "{} kept the connection to {} idle for {}{probes}, {used} (since record {}), {end}",
        flow.initiator,
        flow.responder,
        finding.span(),
        since.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, FlowOutcome, ResetKind};
    use crate::net::Role;

    #[test]
    fn a_connection_that_stays_open_unused_is_a_note() {
        let flow = Story::connected()
            .exchange(0.5)
            .event(EventKind::Probe, Role::Responder, 15.0)
            .flow_until(FlowOutcome::Open, 40.0);
        assert_eq!(found("APP103", &flow, 40.0), Some((Severity::Note, Certainty::Proven)));
        assert_eq!(
            summary("APP103", &flow, 40.0),
            "10.0.0.2:40000 kept the connection to 10.0.0.1:80 idle for 39.5 s, after 1 exchange (since record 5), to the \
             end of the capture"
        );
    }

    #[test]
    fn one_that_is_closed_after_an_idle_time_tells_whose_time_out_it_was() {
        let flow = Story::connected()
            .exchange(0.5)
            .fin(Role::Responder, 75.5)
            .acked(75.51)
            .fin(Role::Initiator, 75.52)
            .acked(75.53)
            .flow(FlowOutcome::CleanClose);
        assert_eq!(found("APP103", &flow, 600.0), Some((Severity::Note, Certainty::Proven)));
        assert!(summary("APP103", &flow, 600.0).ends_with("until 10.0.0.1:80 closed it (record 6)"));
    }

    #[test]
    fn a_short_pause_at_the_end_is_none() {
        let flow = Story::connected().exchange(0.5).flow_until(FlowOutcome::Open, 20.0);
        assert_eq!(found("APP103", &flow, 20.0), None);
    }

    #[test]
    fn a_request_that_waits_is_not_idle() {
        let flow = Story::connected().request(0.5).flow(FlowOutcome::OpenUnanswered);
        assert_eq!(found("APP103", &flow, 600.0), None);
    }

    #[test]
    fn a_reset_after_an_idle_time_is_another_finding() {
        let flow = Story::connected()
            .exchange(0.5)
            .reset(ResetKind::Abort, Role::Responder, 90.0, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("APP103", &flow, 600.0), None);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Note, Certainty::Proven)));
    }
}
