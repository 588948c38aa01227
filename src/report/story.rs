//! One event in words: who did what, and what it meant.

use crate::flow::{Answered, EndpointState, Event, EventKind, Flow, Reset, ResetKind, Step};
use crate::net::{Role, Sides};
use crate::tcp::Flags;

/// One event, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What the actor did.
    pub(super) event: String,
    /// What it meant: the peer's new state, delays, what is known besides.
    pub(super) detail: String,
}

/// Tells a flow's events in order; counts copies on the way.
pub(super) struct Story<'a> {
    flow: &'a Flow,
    syn_copies: Sides<u32>,
    fin_copies: Sides<u32>,
}

/// The presumed state, with `?` when it is not proven.
pub(super) fn state_word(state: EndpointState) -> String {
    format!("{}{}", state.presumed, if state.is_proven() { "" } else { "?" })
}

/// `FIN`, `SYN-ACK`, … : what a segment is called by its control bits.
pub(super) fn flags_word(flags: Flags) -> &'static str {
    match (flags.rst(), flags.syn(), flags.fin(), flags.ack()) {
        (true, ..) => "RST",
        (_, true, _, true) => "SYN-ACK",
        (_, true, ..) => "SYN",
        (_, _, true, _) => "FIN",
        _ => "segment",
    }
}

impl<'a> Story<'a> {
    pub(super) fn new(flow: &'a Flow) -> Self {
        Self { flow, syn_copies: Sides::default(), fin_copies: Sides::default() }
    }

    /// Tells the next event; call it for each in order.
    pub(super) fn tell(&mut self, step: &Step, event: &Event) -> Line {
        let words = self.words(event);
        let mut detail = Vec::new();
        if event.kind != EventKind::Ghost && event.kind != EventKind::IcmpError {
            let (before, after) = (step.before[!event.from], step.after[!event.from]);
            if before != after {
                detail.push(format!("{} {}", !event.from, state_word(after)));
            }
        }
        detail.extend(self.meaning(event));
        detail.extend(
            forgotten_by(self.flow, event).map(|reset| format!("{} had forgotten the port", reset.by)),
        );
        Line { event: words, detail: detail.join("; ") }
    }

    fn words(&mut self, event: &Event) -> String {
        let from = event.from;
        match event.kind {
            EventKind::Syn | EventKind::SynAgain => {
                format!("sent SYN{}", copy(&mut self.syn_copies[from]))
            }
            EventKind::SynAck | EventKind::SynAckAgain => {
                format!("sent SYN-ACK{}", copy(&mut self.syn_copies[from]))
            }
            EventKind::HandshakeAck => with_octets("completed the handshake", event.octets),
            EventKind::Data => format!("sent {}", octets(event.octets)),
            EventKind::Ack => with_octets("sent an ACK", event.octets),
            EventKind::AckOfFin => with_octets("acknowledged the FIN", event.octets),
            EventKind::Fin | EventKind::FinAgain => {
                let copy = copy(&mut self.fin_copies[from]);
                with_octets(&format!("sent FIN{copy}"), event.octets)
            }
            EventKind::Rst | EventKind::RstOutside => match self.reset(event).and_then(|reset| reset.answers)
            {
                Some((_, answered)) => format!("RST answering record {}", answered.record),
                None => "RST".to_owned(),
            },
            EventKind::Probe => "sent a probe".to_owned(),
            EventKind::ZeroWindow => "closed its window".to_owned(),
            EventKind::WindowOpened => "opened its window".to_owned(),
            EventKind::Ghost => {
                let predecessor =
                    self.flow.reuse.map_or(String::new(), |reuse| format!(" (flow {})", reuse.predecessor));
                format!("{} of the previous incarnation{predecessor}", flags_word(event.flags))
            }
            EventKind::IcmpError => {
                format!("ICMP error type {} code {}", event.window >> 8, event.window & 0xff)
            }
        }
    }

    fn meaning(&self, event: &Event) -> Option<String> {
        let flow = self.flow;
        match event.kind {
            EventKind::Syn => flow
                .reuse
                .map(|reuse| (reuse.predecessor, crate::time::span_in_words(reuse.gap)))
                .map(|(flow, gap)| format!("port of flow {flow} again after {gap}")),
            _ if event.into_successor => {
                flow.successor.map(|(successor, _)| format!("the port already belonged to flow {successor}"))
            }
            EventKind::Fin => {
                let (closer, fin) = flow.second_fin()?;
                (closer == event.from && fin.first.record == event.at.record)
                    .then(|| flow.fin_delay.map(|delay| format!("{delay} after the first FIN")))?
            }
            EventKind::Rst | EventKind::RstOutside => {
                self.reset(event).map(|reset| reset_words(reset).to_owned())
            }
            _ => None,
        }
    }

    fn reset(&self, event: &Event) -> Option<&'a Reset> {
        self.flow.resets.iter().find(|reset| reset.at.record == event.at.record)
    }
}

/// The RST by which the receiver of `event` says that it had forgotten the connection.
pub(super) fn forgotten_by<'a>(flow: &'a Flow, event: &Event) -> Option<&'a Reset> {
    flow.resets.iter().find(|reset| {
        let answers = reset.answers.is_some_and(|(_, at)| at.record == event.at.record);
        answers && matches!(reset.kind, ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe)
    })
}

/// What a RST says about its sender.
pub(super) const fn reset_words(reset: &Reset) -> &'static str {
    if reset.ignored {
        return "its receiver ignored it";
    }
    match reset.kind {
        ResetKind::Refusal => "connection refused",
        ResetKind::Abort => "aborted",
        ResetKind::AfterOwnFin => "aborted after its own FIN",
        ResetKind::StaleFin | ResetKind::StaleData | ResetKind::StaleProbe => {
            "it had forgotten the connection"
        }
        ResetKind::CrossedFin => "the data crossed its FIN",
        ResetKind::StateLost => "it no longer knows the connection",
        ResetKind::SuccessorSyn => "echo of the successor's SYN",
        ResetKind::Unsolicited => "no captured segment drew it",
        ResetKind::ThirdParty => "neither endpoint seems to have sent it",
    }
}

/// What a RST answers, for people.
pub(super) const fn answered_word(answered: Answered) -> &'static str {
    match answered {
        Answered::Syn => "SYN",
        Answered::Data => "data",
        Answered::Fin => "FIN",
        Answered::Probe => "probe",
        Answered::Ack => "ACK",
    }
}

/// The side that speaks in an event, for reports that lay the flow out in columns.
pub(super) const fn points_right(event: &Event) -> bool {
    matches!(event.from, Role::Initiator)
}

/// `1 octet`, `79 octets`.
pub(super) fn octets(count: u32) -> String {
    format!("{count} octet{}", if count == 1 { "" } else { "s" })
}

fn with_octets(words: &str, count: u32) -> String {
    if count == 0 { words.to_owned() } else { format!("{words} with {}", octets(count)) }
}

fn copy(copies: &mut u32) -> String {
    *copies += 1;
    if *copies == 1 { String::new() } else { format!(" (retransmission {})", *copies - 1) }
}
