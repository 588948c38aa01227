use super::is_request;
use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Answered, Event, EventKind, Flow, RecordRef, Reset, ResetKind};
use crate::net::Role;
use crate::time::{TimeDelta, span_in_words};

/// A request that is on its way longer than this before the FIN passes was not sent into it.
const ROUND_TRIP: TimeDelta = TimeDelta::from_secs(1);

rule! {
    /// ## What we saw
    /// The responder closed, and a new request of the initiator was on its way at that moment: its ACK number shows that it
    /// was sent before the FIN had arrived. A closed socket answers data with RST.
    ///
    /// ## Why it matters
    /// This is the race of persistent connections: the server's idle time-out ran out while the next request travelled.
    /// The request was not processed, but its sender cannot know that; a proxy says 502, a program "connection reset by
    /// peer". It hits a small share of requests, more of them the longer the path and the rarer the requests.
    ///
    /// ## What to do
    /// Let the side that sends requests close idle connections first: its idle time-out must be shorter than the server's
    /// (nginx `upstream` `keepalive_timeout` 60 s against Node `keepAliveTimeout` 5 s, gunicorn 2 s, Apache 5 s is the
    /// usual mistake). Repeat idempotent requests once on a new connection.
    ///
    /// ## What else it can be
    /// A server that closes at once because it stops, or takes no more requests on this connection
    /// (`keepalive_requests`); a server that closes early on an upload, which then is no race (RST104).
    ///
    /// ## See
    /// RFC 9112 §9.6 and §9.3.1 (retrying requests); RST104 (the RST itself), APP107 (sent long after the FIN).
    static CROSSED_FIN = {
        code: "APP106", title: "request crossed the peer's FIN", severity: Warning,
        needs: [Sign::Reset(ResetKind::CrossedFin), Sign::Reset(ResetKind::AfterOwnFin)]
    }
}

/// The race: the FIN, the first octets of the request, and the RST.
struct Race {
    fin: RecordRef,
    request: RecordRef,
    reset: Reset,
}

fn find(flow: &Flow) -> Option<Race> {
    let reset = *flow.reset().filter(|reset| reset.by == Role::Responder)?;
    let fin = flow.fin.responder?;
    let (talker, request) = flow.last_talker?;
    // New octets after an answer, or the first of all: no upload that went on for a while.
    let is_new = talker == Role::Initiator && fin.first.time - request.time <= ROUND_TRIP && is_request(flow);
    let crosses = |event: &Event| !event.ack.at_or_after(fin.end) && flow.order.is_before(event.at, reset.at);
    let is_data = |event: &Event| event.from == Role::Initiator && event.kind == EventKind::Data;
    let has_crossed = match (reset.kind, reset.answers) {
        (ResetKind::CrossedFin, Some((Answered::Data | Answered::Fin, _))) => true,
        // Some stacks answer with RST and ACK.
        (ResetKind::AfterOwnFin, _) => {
            let last =
                flow.events.iter().rfind(|event| is_data(event) && flow.order.is_before(event.at, reset.at));
            last.is_some_and(|last| crosses(last) && flow.traffic.initiator.unacked > 0)
        }
        _ => false,
    };
    let is_before = flow.order.is_before(fin.first, reset.at);
    (is_new && has_crossed && is_before).then_some(Race { fin: fin.first, request, reset })
}

/// How long the connection had been idle when it was closed.
fn idle(flow: &Flow, race: &Race) -> Option<TimeDelta> {
    let pause = flow.pause.filter(|pause| [race.fin, race.request].contains(&pause.until))?;
    Some(race.fin.time - pause.from.time)
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let race = find(flow)?;
    let evidence = Evidence::new(race.fin, "the responder closes")
        .and(race.request, "a request that was sent before the FIN arrived")
        .and(race.reset.at, "RST");
    let finding = Finding::new(&CROSSED_FIN, flow, flow.responder, evidence);
    Some(match idle(flow, &race) {
        Some(idle) => finding.lasting(idle),
        None => finding,
    })
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(race) = find(flow) else { return String::new() };
    let idle = match idle(flow, &race) {
        Some(idle) => format!(" after {} of idleness", span_in_words(Some(idle))),
        None => String::new(),
    };
    format!(
        "a request of {} ({} octets, record {}) crossed the FIN by which {} closed{idle} (record {}): RST (record {})",
        flow.initiator,
        flow.last_octets,
        race.request.record,
        finding.endpoint,
        race.fin.record,
        race.reset.at.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{Answered, FlowOutcome, ResetKind};
    use crate::net::Role;
    use crate::tcp::SeqNumber;

    #[test]
    fn a_request_into_the_fin_is_told_with_the_idle_time() {
        let flow = Story::connected()
            .exchange(0.1)
            .fin(Role::Responder, 5.101)
            .request(5.102)
            .reset(ResetKind::CrossedFin, Role::Responder, 5.11, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("APP106", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("APP106", &flow, 60.0),
            "a request of 10.0.0.2:40000 (100 octets, record 7) crossed the FIN by which 10.0.0.1:80 closed after 5.00 s \
             of idleness (record 6): RST (record 8)"
        );
    }

    #[test]
    fn an_upload_that_the_responder_cut_short_is_no_race() {
        let flow = Story::connected()
            .request(0.1)
            .fin(Role::Responder, 5.0)
            .event(crate::flow::EventKind::Data, Role::Initiator, 5.001)
            .reset(ResetKind::CrossedFin, Role::Responder, 5.01, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        assert_eq!(found("APP106", &flow, 60.0), None);
        assert_eq!(found("RST104", &flow, 60.0), Some((Severity::Warning, Certainty::Proven)));
    }

    #[test]
    fn a_farewell_that_crosses_is_no_request() {
        let mut flow = Story::connected()
            .exchange(0.1)
            .fin(Role::Responder, 5.1)
            .request(5.101)
            .reset(ResetKind::CrossedFin, Role::Responder, 5.11, Some(Answered::Data))
            .flow(FlowOutcome::ResetResponder);
        flow.last_octets = 24;
        flow.traffic.initiator.octets = 541;
        assert_eq!(found("APP106", &flow, 60.0), None);
    }

    #[test]
    fn an_answer_that_crossed_the_initiators_fin_is_no_request() {
        let flow = Story::connected()
            .request(0.1)
            .fin(Role::Initiator, 5.0)
            .data_after_fin(5.001)
            .reset(ResetKind::CrossedFin, Role::Initiator, 5.01, Some(Answered::Data))
            .flow(FlowOutcome::ResetInitiator);
        assert_eq!(found("APP106", &flow, 60.0), None);
    }

    #[test]
    fn a_rst_with_ack_says_the_same_if_the_numbers_do() {
        let story = |ack| {
            let mut flow = Story::connected()
                .exchange(0.1)
                .fin(Role::Responder, 5.0)
                .request(5.001)
                .having(|event| event.ack = SeqNumber(ack))
                .reset(ResetKind::AfterOwnFin, Role::Responder, 5.01, None)
                .flow(FlowOutcome::ResetResponder);
            flow.traffic.initiator.unacked = 100;
            found("APP106", &flow, 60.0)
        };
        assert_eq!(story(1), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(story(2), None);
    }
}
