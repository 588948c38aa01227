use super::ending;
use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, Pause, Reset, ResetKind};
use crate::time::TimeDelta;

/// Idle time-outs of middleboxes and servers begin at about this length.
const IDLE: TimeDelta = TimeDelta::from_secs(30);
/// A RST that neither endpoint sent, after a longer quiet time than any before, tells of shorter ones.
const IDLE_ON_THE_WAY: TimeDelta = TimeDelta::from_secs(2);

rule! {
    /// ## What we saw
    /// The connection was silent for a long time, and then RST ended it.
    ///
    /// ## Why it matters
    /// Something has an idle time-out: a server that closes keep-alive connections, or a NAT, firewall or load
    /// balancer that forgot the connection. With a pool on the other side, the first request after each quiet
    /// time fails.
    ///
    /// ## What to do
    /// Compare the idle time with the time-outs on the path; a value that repeats is a configuration: 60 s (AWS
    /// ALB), 75 s (nginx), 240 s (Azure), 350 s (AWS NLB), 600 s (GCP), 3600 s (many firewalls), 7200 s (TCP
    /// keep-alive). Then make the pool's idle time-out shorter than the shortest of them, or send keep-alives more
    /// often: `TCP_KEEPIDLE`, `TCP_KEEPINTVL`, `ss -tano` shows the timer. When silence follows
    /// instead of RST, the box drops packets without a word.
    ///
    /// ## What else it can be
    /// The peer was restarted during the quiet time (RST109); keep-alive probes that nobody answered, after which
    /// the kernel gave up; a user who simply left.
    ///
    /// ## See
    /// RFC 9293 §3.8.4 (keep-alives), RFC 5382 §5 (NATs must keep connections for 2 h 4 min).
    static AFTER_IDLE = {
        code: "RST108", title: "reset after an idle time", severity: Warning,
        needs: [
            Sign::Reset(ResetKind::Abort),
            Sign::Reset(ResetKind::StateLost),
            Sign::Reset(ResetKind::ThirdParty),
            Sign::Reset(ResetKind::Unsolicited),
        ]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let reset = find(flow)?;
    let pause = pause_before(flow, &reset)?;
    let is_foreign = reset.kind == ResetKind::ThirdParty;
    let is_long = pause.length() >= IDLE;
    if !(is_long || is_foreign && pause.length() >= IDLE_ON_THE_WAY && pause.length() > pause.survived) {
        return None;
    }
    let first = Some(pause.until).filter(|first| *first != reset.at);
    let evidence = Evidence::new(pause.from, "last activity")
        .and_maybe(first, "first segment after the quiet time")
        .and(reset.at, "RST");
    let is_harmless = reset.kind == ResetKind::Abort && lookup::is_answered(flow);
    Some(
        Finding::new(&AFTER_IDLE, flow, flow.endpoint(reset.by), evidence)
            .proven_if(!is_foreign)
            .unless(lookup::missed(flow))
            .at_most(if is_harmless { Severity::Note } else { Severity::Warning })
            .lasting(pause.length()),
    )
}

/// The RST of a connection that nobody had closed; late segments after a FIN are stale ports instead.
fn find(flow: &Flow) -> Option<Reset> {
    use ResetKind::{Abort, StateLost, ThirdParty, Unsolicited};
    let reset = ending(flow, &[Abort, StateLost, ThirdParty, Unsolicited])?;
    flow.active_closer.is_none().then_some(reset)
}

/// The quiet time that the RST ended, or what it answers, or octets that were repeated until the RST came.
fn pause_before(flow: &Flow, reset: &Reset) -> Option<Pause> {
    let trigger = reset.answers.map_or(reset.at, |(_, record)| record);
    let is_lost = |pause: &Pause| {
        let is_about_state = matches!(reset.kind, ResetKind::StateLost | ResetKind::ThirdParty);
        let is_unheard =
            flow.last_talker == Some((pause.by, pause.until)) && flow.traffic[pause.by].unacked > 0;
        is_about_state && is_unheard && pause.by != reset.by
    };
    flow.pause.filter(|pause| [trigger, reset.at].contains(&pause.until) || is_lost(pause))
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(reset) = find(flow) else { return String::new() };
    let did = match reset.kind {
        ResetKind::ThirdParty => "is named as the one who reset",
        _ => "reset",
    };
    format!(
        "{} {did} the connection with {} (record {}) after it had been idle for {} (since record {})",
        finding.endpoint,
        flow.endpoint(!reset.by),
        reset.at.record,
        finding.span(),
        pause_before(flow, &reset).map_or(0, |pause| pause.from.record)
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, EventKind, Flow, FlowOutcome, ResetKind};
    use crate::net::Role;
    use crate::time::TimeDelta;

    fn reset_at(seconds: f64, kind: ResetKind) -> Flow {
        Story::connected()
            .exchange(0.1)
            .reset(kind, Role::Responder, seconds, None)
            .flow(FlowOutcome::ResetResponder)
    }

    #[test]
    fn a_reset_after_a_finished_exchange_and_a_quiet_time_is_a_note() {
        let flow = reset_at(350.101, ResetKind::Abort);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Note, Certainty::Proven)));
        assert!(summary("RST108", &flow, 600.0).ends_with("idle for 350.0 s (since record 5)"));
    }

    #[test]
    fn a_probe_to_a_forgotten_connection_is_a_warning() {
        let flow = Story::connected()
            .exchange(0.1)
            .event(EventKind::Probe, Role::Initiator, 90.0)
            .reset(ResetKind::StateLost, Role::Responder, 90.1, Some(Answered::Probe))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_connection_that_was_never_used_is_idle_since_its_handshake() {
        let flow = Story::connected()
            .reset(ResetKind::Abort, Role::Responder, 60.0, None)
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_foreign_rst_tells_of_shorter_idle_times() {
        let story = |seconds: f64| Story::connected().exchange(0.1).request(seconds);
        let reset = |story: Story, seconds| {
            let story = story.reset(ResetKind::ThirdParty, Role::Responder, seconds, None);
            let mut flow = story.flow(FlowOutcome::ResetThirdParty);
            flow.traffic.initiator.unacked = 100;
            flow
        };
        let flow = reset(story(4.1), 4.11);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Warning, Certainty::Presumed)));
        assert!(summary("RST108", &flow, 600.0).ends_with("idle for 4.00 s (since record 5)"));
        assert_eq!(found("RST108", &reset(story(1.5), 1.51), 600.0), None);
        let mut flow = reset(story(4.1), 4.11);
        flow.pause.as_mut().unwrap().survived = TimeDelta::from_secs(9);
        assert_eq!(found("RST108", &flow, 600.0), None);
    }

    #[test]
    fn octets_that_were_repeated_until_the_rst_came_ended_the_quiet_time() {
        let mut flow = Story::connected()
            .exchange(0.1)
            .request(90.1)
            .event(EventKind::Data, Role::Initiator, 95.0)
            .reset(ResetKind::StateLost, Role::Responder, 95.1, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        flow.traffic.initiator.unacked = 100;
        flow.pause.as_mut().unwrap().from.time = at(0.101);
        flow.pause.as_mut().unwrap().until = flow.last_talker.unwrap().1;
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
        assert!(summary("RST108", &flow, 600.0).contains("idle for 90.0 s"));
    }

    #[test]
    fn a_reset_soon_after_the_last_octets_is_none() {
        assert_eq!(found("RST108", &reset_at(20.0, ResetKind::Abort), 600.0), None);
    }

    #[test]
    fn a_rst_to_the_first_octets_after_a_quiet_time_tells_how_long_that_was() {
        let flow = Story::connected()
            .exchange(0.1)
            .request(400.0)
            .reset(ResetKind::StateLost, Role::Responder, 400.1, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("RST108", &flow, 600.0), Some((Severity::Warning, Certainty::Proven)));
    }
}
