//! What must hold for any flow, however odd its facts.

use proptest::prelude::*;

use super::testing::{Story, findings_in};
use super::{Certainty, Severity, display_filter};
use crate::flow::{Answered, EventKind, Flow, FlowOutcome, Handshake, Origin, ResetKind, ReuseKind};
use crate::net::Role;
use crate::tcp::Flags;
use crate::time::TimeDelta;

const RESETS: [ResetKind; 11] = [
    ResetKind::Refusal,
    ResetKind::Abort,
    ResetKind::AfterOwnFin,
    ResetKind::StaleFin,
    ResetKind::StaleData,
    ResetKind::StaleProbe,
    ResetKind::CrossedFin,
    ResetKind::StateLost,
    ResetKind::SuccessorSyn,
    ResetKind::Unsolicited,
    ResetKind::ThirdParty,
];

const ANSWERED: [Option<Answered>; 6] = [
    None,
    Some(Answered::Syn),
    Some(Answered::Data),
    Some(Answered::Fin),
    Some(Answered::Probe),
    Some(Answered::Ack),
];

const HANDSHAKES: [Handshake; 5] =
    [Handshake::NotSeen, Handshake::Syn, Handshake::SynAck, Handshake::Complete, Handshake::Simultaneous];

const REUSES: [Option<ReuseKind>; 5] = [
    None,
    Some(ReuseKind::Clean),
    Some(ReuseKind::WithinTimeWait),
    Some(ReuseKind::HalfClosed),
    Some(ReuseKind::Open),
];

const HEALTHY: [FlowOutcome; 4] =
    [FlowOutcome::CleanClose, FlowOutcome::Open, FlowOutcome::OpenUnanswered, FlowOutcome::Undecided];

/// One step of a story: what happens, from which side, and two choices.
type Step = (u8, bool, u8, u8);

fn role(is_initiator: bool) -> Role {
    if is_initiator { Role::Initiator } else { Role::Responder }
}

fn pick<T: Copy>(from: &[T], choice: u8) -> T {
    from[usize::from(choice) % from.len()]
}

fn tell(story: Story, seconds: f64, (what, side, choice, more): Step) -> Story {
    let from = role(side);
    let is_closing = story.flow.active_closer.is_some();
    match what % 8 {
        0 => story.exchange(seconds),
        1 => story.request(seconds),
        2 if story.flow.fin[from].is_none() => story.fin(from, seconds),
        3 => story.fin_again(from, seconds),
        4 if is_closing => story.acked(seconds),
        5 if is_closing => story.data_after_fin(seconds),
        6 => {
            let mut story = story.reset(pick(&RESETS, choice), from, seconds, pick(&ANSWERED, more));
            let reset = story.flow.resets.last_mut().unwrap();
            (reset.ignored, reset.after_close) = (more & 8 != 0, more & 16 != 0);
            if more & 32 != 0 {
                story.flow.deciding_reset = None;
            }
            story
        }
        _ => story.event(pick(&EventKind::ALL, choice), from, seconds).having(|event| {
            event.into_successor = more & 1 != 0;
            event.flags = Flags(event.flags.0 ^ more & Flags::RST.0);
        }),
    }
}

prop_compose! {
    fn any_flow()(
        steps in prop::collection::vec((any::<u8>(), any::<bool>(), any::<u8>(), any::<u8>()), 0..9),
        (outcome, handshake, reuse, waiting) in (0..21_usize, any::<u8>(), any::<u8>(), any::<bool>()),
        (pace, midstream, data_after_fin, gap) in (1..400_u16, any::<bool>(), any::<bool>(), any::<bool>()),
        (lost, dropped) in (0..4_u64, 0..2_u64),
    ) -> Flow {
        // Half of the flows open and half have an outcome that looks healthy: there few rules are asked.
        let mut story = if handshake & 64 == 0 { Story::syn() } else { Story::connected() };
        for (index, step) in (0_u16..).zip(steps) {
            story = tell(story, f64::from(index + 1) * f64::from(pace) / 10.0, step);
        }
        if let Some(kind) = pick(&REUSES, reuse) {
            story = story.reusing(kind, (reuse & 64 != 0).then_some(role(waiting)));
        }
        let flow = &mut story.flow;
        if handshake & 64 == 0 {
            flow.handshake = pick(&HANDSHAKES, handshake);
        }
        flow.origin = if midstream { Origin::Midstream } else { Origin::Handshake };
        flow.data_after_fin |= data_after_fin;
        flow.traffic.responder.gap = gap;
        flow.traffic.initiator.retransmissions = lost;
        flow.events_dropped = dropped;
        story.flow(if handshake & 32 == 0 { FlowOutcome::ALL[outcome] } else { pick(&HEALTHY, reuse) })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// `findings_in` adds: no panic, and no rule finds something without what it needs.
    #[test]
    fn a_fault_is_proven_and_never_rests_on_what_an_undecided_flow_lacks(flow in any_flow(), end in 0..900_u16) {
        for finding in findings_in(&flow, f64::from(end)) {
            prop_assert!(finding.severity <= finding.rule.severity);
            prop_assert!(finding.severity < Severity::Fault || finding.certainty == Certainty::Proven);
            // A connect that was late in plain sight is no absence; one that was not seen to succeed is.
            let is_late = flow.events.iter().any(|event| event.kind == EventKind::SynAck);
            let rests_on_absence = match finding.rule.code {
                "FIN101" | "FIN102" | "SYN105" => true,
                "TUP104" => !is_late,
                _ => false,
            };
            let is_fault = finding.severity == Severity::Fault;
            prop_assert!(!(is_fault && rests_on_absence && flow.outcome == FlowOutcome::Undecided));
            prop_assert!(finding.endpoint == flow.initiator || finding.endpoint == flow.responder);
            prop_assert_eq!(finding.flow, flow.id);
            prop_assert!(finding.lasted.is_none_or(|span| span >= TimeDelta::from_secs(-900)));
            let filter = display_filter(&finding, &flow, |record| (0, record));
            prop_assert!(filter.starts_with("frame.number in"));
        }
    }
}
