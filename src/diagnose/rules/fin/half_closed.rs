use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{CloseWait, Flow, FlowOutcome, Origin, ResetKind};
use crate::time::TimeDelta;

/// A half-close that carried data is at work. After this long without any it no longer is.
const WORKING_HALF_CLOSE: TimeDelta = TimeDelta::from_secs(60);

rule! {
    /// ## What we saw
    /// One side sent FIN and its peer's kernel acknowledged it, but the peer never sent its own FIN. The peer's
    /// socket is in CLOSE-WAIT.
    ///
    /// ## Why it matters
    /// CLOSE-WAIT has no timer: only the program can end it, by `close()` or by exiting. Until then it holds a
    /// descriptor, memory and the port. The other side forgets the connection (after 60 s on Linux), so whatever
    /// the peer sends later is answered by RST, and a new connection from the same port collides with the
    /// old one.
    ///
    /// ## What to do
    /// On the endpoint named here: `ss -tanp state close-wait`. With a process: it has read end-of-file, or
    /// could, and does not close. Recv-Q 0 points to a missing `close()` (an error path, a response body that is
    /// not closed, a pool that keeps dead connections); Recv-Q above 0 to a program that no longer reads (blocked,
    /// deadlocked: take a thread dump, `strace -p PID`). Without a process: the connection was never accepted, so
    /// look at what holds `accept()` up: `ss -tln` shows Recv-Q of the listener, the length of its accept
    /// queue. `lsof -nP -iTCP -sTCP:CLOSE_WAIT` lists the owners. Restarting frees the sockets and hides the cause.
    ///
    /// ## What else it can be
    /// A deliberate half-close whose answer is still being computed; a capture that ends before the FIN came, the
    /// likelier the shorter the time; a FIN that left by a path which the capture does not see.
    ///
    /// ## See
    /// RFC 9293 §3.6 and figure 5 (no timer leaves CLOSE-WAIT); `net.ipv4.tcp_fin_timeout`.
    static HALF_CLOSED = {
        code: "FIN101", title: "half-closed and never finished", severity: Fault,
        needs: [
            Sign::Outcome(FlowOutcome::HalfClosed),
            Sign::Reset(ResetKind::Abort),
            Sign::Reset(ResetKind::AfterOwnFin),
            Sign::Reset(ResetKind::StaleProbe),
            Sign::Reset(ResetKind::SuccessorSyn),
        ]
    }
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let wait = flow.close_wait?;
    let is_long = wait.lasted >= context.limits.fin_delay;
    let goes_on = goes_on(flow, &wait);
    if !(goes_on || is_long && is_cut_off(flow, &wait)) || is_working(flow, context) {
        return None;
    }
    // Nothing is late before a stack would repeat itself. A FIN needs room in the peer's window, as an octet does.
    if wait.lasted < INITIAL_RTO.min(context.limits.fin_delay)
        || goes_on && lookup::window_is_closed(flow, !wait.at)
    {
        return None;
    }
    let (_, fin) = flow.first_fin()?;
    let evidence = Evidence::new(fin.first, "FIN of the side that closed")
        .and(wait.since, "CLOSE-WAIT at the latest here")
        .and_maybe(wait.until, "ended by RST, without a FIN of its own");
    let severity = match (is_long, goes_on && !flow.data_after_fin) {
        (true, true) => Severity::Fault,
        (true, false) => Severity::Warning,
        // The capture ended before anybody could be late.
        (false, _) => Severity::Note,
    };
    Some(
        Finding::new(&HALF_CLOSED, flow, flow.endpoint(wait.at), evidence)
            .proven_if(wait.proven)
            .unless(closed_unseen(flow, &wait, context))
            .at_most(severity)
            .lasting(wait.lasted),
    )
}

/// CLOSE-WAIT lasts to the end of the capture.
fn goes_on(flow: &Flow, wait: &CloseWait) -> bool {
    flow.outcome == FlowOutcome::HalfClosed && wait.until.is_none()
}

/// The peer's RST ended CLOSE-WAIT, and the program behind it had not done anything yet.
fn is_cut_off(flow: &Flow, wait: &CloseWait) -> bool {
    use ResetKind::{Abort, AfterOwnFin, StaleProbe, SuccessorSyn};
    flow.outcome != FlowOutcome::Undecided
        && wait.until.is_some()
        && flow.fin[wait.at].is_none()
        && flow.reset().is_some_and(|reset| {
            reset.by != wait.at && matches!(reset.kind, Abort | AfterOwnFin | StaleProbe | SuccessorSyn)
        })
}

/// Why the passive closer may have closed although its FIN was not captured.
fn closed_unseen(flow: &Flow, wait: &CloseWait, context: &Context<'_>) -> Option<&'static str> {
    let began_before = flow.origin == Origin::Midstream && flow.traffic[wait.at].octets == 0;
    let doubts = || match wait.until {
        None => context.doubts.absence(wait.since).or_else(|| context.doubts.duration()),
        Some(_) => None,
    };
    lookup::closed_unseen(flow, wait.at)
        .or_else(|| began_before.then_some("it may have closed before the capture began"))
        .or_else(doubts)
}

/// The passive closer sent data after the FIN, and not long ago.
fn is_working(flow: &Flow, context: &Context<'_>) -> bool {
    flow.data_after_fin
        && flow.last_talker.is_none_or(|(_, record)| context.now - record.time < WORKING_HALF_CLOSE)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let closer = flow.active_closer.map_or(flow.initiator, |role| flow.endpoint(role));
    let fin = flow.first_fin().map_or(0, |(_, fin)| fin.first.record);
    let (who, span) = (finding.endpoint, finding.span());
    match flow.close_wait.and_then(|wait| wait.until) {
        None => format!(
            "{who} has not closed {span} after {closer} did (FIN at record {fin}): in CLOSE-WAIT to the end"
        ),
        Some(rst) => format!(
            "{who} was in CLOSE-WAIT for {span} after {closer} closed (FIN at record {fin}), until a RST (record {})",
            rst.record
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::HALF_CLOSED;
    use crate::diagnose::testing::{Story, context_at, found, summary};
    use crate::diagnose::{Certainty, Context, Doubts, Severity};
    use crate::flow::{EventKind, FlowOutcome, Limits, ResetKind};
    use crate::net::Role;
    use crate::time::TimeDelta;

    fn half_closed() -> Story {
        Story::connected().exchange(0.5).fin(Role::Initiator, 1.0).acked(1.04)
    }

    #[test]
    fn a_proven_close_wait_to_the_end_is_a_fault() {
        let flow = half_closed().flow(FlowOutcome::HalfClosed);
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Fault, Certainty::Proven)));
        assert!(
            summary("FIN101", &flow, 600.0).starts_with("10.0.0.1:80 has not closed 599.0 s after 10.0.0.2")
        );
    }

    #[test]
    fn a_presumed_one_is_a_warning() {
        let mut flow = half_closed().flow(FlowOutcome::HalfClosed);
        flow.close_wait.as_mut().unwrap().proven = false;
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn one_that_the_end_of_the_capture_cut_short_is_none() {
        let flow = half_closed().flow_until(FlowOutcome::HalfClosed, 1.5);
        assert_eq!(found("FIN101", &flow, 1.5), None);
    }

    #[test]
    fn one_shorter_than_the_threshold_is_a_note() {
        let flow = half_closed().flow_until(FlowOutcome::HalfClosed, 4.0);
        let limits = Limits { fin_delay: TimeDelta::from_secs(6), ..Limits::default() };
        let context = Context { limits: &limits, ..context_at(4.0) };
        let finding = HALF_CLOSED.find(&flow, &context).unwrap();
        assert_eq!((finding.severity, finding.certainty), (Severity::Note, Certainty::Proven));
    }

    #[test]
    fn a_capture_that_dropped_frames_or_whose_clock_was_set_proves_no_endless_wait() {
        let flow = half_closed().flow(FlowOutcome::HalfClosed);
        for doubts in
            [Doubts { dropped: 1, ..Doubts::default() }, Doubts { clock_stepped: true, ..Doubts::default() }]
        {
            let finding = HALF_CLOSED.find(&flow, &Context { doubts, ..context_at(600.0) }).unwrap();
            assert_eq!(finding.certainty, Certainty::Presumed);
        }
    }

    #[test]
    fn a_fin_that_may_have_passed_unseen_before_a_rst_leaves_it_presumed() {
        let mut flow = half_closed()
            .reset(ResetKind::Abort, Role::Initiator, 90.0, None)
            .flow(FlowOutcome::ResetInitiator);
        flow.traffic.responder.gap = true;
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
    }

    #[test]
    fn who_may_not_send_cannot_close() {
        let closed = half_closed().event(EventKind::ZeroWindow, Role::Initiator, 2.0);
        assert_eq!(found("FIN101", &closed.flow(FlowOutcome::HalfClosed), 600.0), None);
        let opened = half_closed().event(EventKind::ZeroWindow, Role::Initiator, 2.0).event(
            EventKind::WindowOpened,
            Role::Initiator,
            3.0,
        );
        let flow = opened.flow(FlowOutcome::HalfClosed);
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Fault, Certainty::Proven)));
    }

    #[test]
    fn one_that_a_successor_ended_is_a_warning() {
        let flow = half_closed()
            .reset(ResetKind::SuccessorSyn, Role::Initiator, 90.0, None)
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_half_close_that_carries_data_is_at_work() {
        let flow = half_closed().data_after_fin(590.0).flow(FlowOutcome::HalfClosed);
        assert_eq!(found("FIN101", &flow, 600.0), None);
        let flow = half_closed().data_after_fin(2.0).flow(FlowOutcome::HalfClosed);
        assert_eq!(found("FIN101", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_capture_that_cannot_know_accuses_nobody() {
        assert_eq!(found("FIN101", &half_closed().flow(FlowOutcome::Undecided), 600.0), None);
    }

    #[test]
    fn a_finished_close_is_none() {
        let flow = half_closed().fin(Role::Responder, 90.0).acked(90.1).flow(FlowOutcome::DelayedFin);
        assert_eq!(found("FIN101", &flow, 600.0), None);
    }
}
