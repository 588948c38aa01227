//! Requests that a service's kernel acknowledged and its program did not answer, and when it last did.

use super::marks::Marks;
use crate::delays::Delays;
use crate::flow::{Flow, FlowOutcome, RecordRef, ResetKind};
use crate::net::Role;
use crate::time::{TimeDelta, Timestamp};

/// Unanswered requests remembered one by one.
const REMEMBERED: usize = 1 << 13;

/// Requests to one service.
#[derive(Debug, Default)]
pub struct Requests {
    /// When answers that somebody waited for came.
    pub answered: Marks,
    /// Those that were not answered for `--fin-delay` or more, the first ones.
    pub unanswered: Vec<Unanswered>,
    /// How many these are.
    pub count: u64,
    /// How long clients waited before they gave up.
    pub patience: Delays,
    /// Answers that came when their client had gone.
    pub late_answers: u64,
    /// How long answers took, of each connection the slowest.
    pub slowest: Delays,
}

/// A request without an answer.
#[derive(Clone, Copy, Debug)]
pub struct Unanswered {
    /// The flow.
    pub flow: u64,
    /// When its last octets were sent.
    pub asked: RecordRef,
    /// When the handshake of its connection was complete; `None` where that was not captured.
    pub opened: Option<RecordRef>,
    /// When the client closed or aborted; `None` while it waits.
    pub given_up: Option<Timestamp>,
    /// When the wait was over: then, or when the service closed or reset; `None` while it goes on.
    pub over: Option<Timestamp>,
    /// When an answer came after the client had gone.
    pub late: Option<Timestamp>,
}

impl Requests {
    /// None so far.
    pub fn new() -> Self {
        Self { slowest: Delays::coarse(), ..Self::default() }
    }

    /// Adds a finished flow.
    pub fn add(&mut self, flow: &Flow, shortest: TimeDelta) {
        let unanswered = unanswered(flow);
        let late = unanswered.and_then(|it| it.late);
        self.note_answers(flow, late);
        // Who closes or resets while somebody waits is alive.
        if let Some(over) = unanswered.and_then(|it| it.over.filter(|_| it.given_up.is_none())) {
            self.answered.add(over);
        }
        let unanswered = unanswered.filter(|it| waited(flow, it) >= shortest && !streams(flow, it));
        let Some(unanswered) = unanswered else { return };
        self.count += 1;
        self.late_answers += u64::from(late.is_some());
        if let Some(given_up) = unanswered.given_up {
            self.patience.add(given_up - unanswered.asked.time);
        }
        if self.unanswered.len() < REMEMBERED {
            self.unanswered.push(unanswered);
        }
    }

    /// Notes when the service answered: for as long as nothing on the connection paused, all the time.
    /// One that came `late` is none, but those before it are.
    fn note_answers(&mut self, flow: &Flow, late: Option<Timestamp>) {
        let Some(replies) = flow.replies else { return };
        if let Some(late) = late {
            let before = [Some(replies.first.time), replies.before].into_iter().flatten();
            before.filter(|at| *at < late).for_each(|at| self.answered.add(at));
            return;
        }
        self.slowest.add(replies.slowest.waited);
        let (first, last) = (replies.first.time, replies.last.time);
        match flow.pause {
            None => self.answered.add_stretch(first, last),
            Some(pause) => {
                [Some(first), replies.before].into_iter().flatten().for_each(|at| self.answered.add(at));
                self.answered.add_stretch(pause.until.time.clamp(first.min(last), last), last);
            }
        }
    }
}

fn waited(flow: &Flow, it: &Unanswered) -> TimeDelta {
    it.over.unwrap_or(flow.decided) - it.asked.time
}

/// Who went on sending for longer than it then waited had nothing to be answered: an upload, a log, a publisher.
fn streams(flow: &Flow, it: &Unanswered) -> bool {
    let since = flow.last_talker.filter(|(role, _)| *role == Role::Initiator).map(|(_, at)| at.time);
    since.is_some_and(|since| it.asked.time - since > waited(flow, it))
}

/// The last request of `flow`, if it got no answer, or one that came when the client had gone.
fn unanswered(flow: &Flow) -> Option<Unanswered> {
    let is_doubtful = matches!(
        flow.outcome,
        FlowOutcome::Undecided | FlowOutcome::OpenUnacked | FlowOutcome::ResetThirdParty
    );
    // Who closes its window has stopped reading: that is another story.
    if is_doubtful || flow.traffic.responder.zero_windows > 0 {
        return None;
    }
    let asked = flow.asked?;
    let reaction = reaction(flow);
    // A farewell (TLS close_notify) to a service that has closed asks nothing.
    if reaction.is_some_and(|at| at <= asked.time) {
        return None;
    }
    let given_up =
        given_up(flow).filter(|at| *at >= asked.time && reaction.is_none_or(|reaction| *at <= reaction));
    let over = given_up.or(reaction);
    let late = flow.replies.filter(|replies| replies.last.time > asked.time).map(|replies| replies.last.time);
    Some(Unanswered { flow: flow.id, asked, opened: flow.completed(), given_up, over, late })
}

/// When the service closed, or reset.
fn reaction(flow: &Flow) -> Option<Timestamp> {
    let fin = flow.fin.responder.map(|fin| fin.first.time);
    let reset = flow.reset().filter(|reset| reset.by == Role::Responder).map(|reset| reset.at.time);
    [fin, reset].into_iter().flatten().min()
}

/// When the initiator closed first, or aborted.
fn given_up(flow: &Flow) -> Option<Timestamp> {
    let fin =
        flow.first_fin().filter(|(closer, _)| *closer == Role::Initiator).map(|(_, fin)| fin.first.time);
    let abort = |reset: &&crate::flow::Reset| reset.by == Role::Initiator && reset.kind == ResetKind::Abort;
    fin.or_else(|| flow.reset().filter(abort).map(|reset| reset.at.time))
}
