//! How long the initiator waited for an answer that did not come, and how that ended.

use crate::diagnose::rules::lookup::{self, INITIAL_RTO};
use crate::flow::{Flow, FlowOutcome, Origin, RecordRef, ResetKind};
use crate::net::{Role, Sides};
use crate::time::TimeDelta;

/// Nothing that came on the connection is an answer.
const ONE_WAY: &str =
    "nothing that the initiator said was ever answered: the connection may carry one way only";
/// What came after the close is no proof.
const FAREWELL: &str = "what came right after it had closed may have been no answer";
/// Nobody gave up.
const GOES_ON: &str = "the capture ends while the wait goes on";
/// Who asks is a guess.
const MIDSTREAM: &str = "the capture began inside the connection";

/// A request that was acknowledged and not answered while its sender was there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Its last octets.
    pub(super) asked: RecordRef,
    /// How the wait ended.
    pub(super) ended: Ended,
    /// How long it was, to the end of the capture if nothing ended it.
    pub(super) waited: TimeDelta,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The initiator closed, or reset the connection.
    GaveUp(RecordRef),
    /// The responder closed.
    Closed(RecordRef),
    /// The responder reset the connection.
    Reset(RecordRef),
    /// Not yet.
    NotYet,
}

impl Ended {
    /// The segment that ended it.
    pub(super) const fn record(self) -> Option<RecordRef> {
        match self {
            Self::GaveUp(at) | Self::Closed(at) | Self::Reset(at) => Some(at),
            Self::NotYet => None,
        }
    }
}

/// True when nobody answered octets of the initiator for as long as a stack waits: most flows have none.
#[inline]
pub(in crate::diagnose) fn has_waited(flow: &Flow) -> bool {
    flow.asked.is_some_and(|asked| flow.last.time.max(flow.decided) - asked.time >= INITIAL_RTO)
}

/// The wait of the initiator until one side closed or reset the connection.
///
/// A request and the FIN right behind it are said at once: then the wait goes on past that FIN.
pub(super) fn waiting(flow: &Flow) -> Option<Waiting> {
    let asked = flow.asked.filter(|_| !is_unclear(flow) && was_heard(flow))?;
    let fin = |role: Role| flow.fin[role].map(|fin| fin.first);
    let own = fin(Role::Initiator).filter(|fin| fin.time - asked.time >= INITIAL_RTO).map(Ended::GaveUp);
    let peers = fin(Role::Responder).map(Ended::Closed);
    let cut = flow.reset().map(|reset| match reset.by {
        Role::Initiator => Ended::GaveUp(reset.at),
        Role::Responder => Ended::Reset(reset.at),
    });
    let ends = [own, peers, cut].into_iter().flatten().filter_map(|end| Some((end, end.record()?)));
    let first = ends.reduce(|one, other| if flow.order.is_before(other.1, one.1) { other } else { one });
    let (ended, until) = first.map_or((Ended::NotYet, flow.decided), |(end, at)| (end, at.time));
    let is_by_its_own =
        |at| flow.reset().is_none_or(|reset| reset.at != at || reset.kind == ResetKind::Abort);
    let waited = until - asked.time;
    let is_told = waited >= INITIAL_RTO && ended.record().is_none_or(is_by_its_own);
    is_told.then_some(Waiting { asked, ended, waited })
}

/// All that the initiator said was acknowledged, its FIN perhaps not.
fn was_heard(flow: &Flow) -> bool {
    let has_fin = flow.fin[Role::Initiator].is_some_and(|fin| fin.acked.is_none());
    flow.traffic.initiator.unacked <= u32::from(has_fin)
}

/// True when the flow cannot show who waits for whom: roles are a guess and nothing confirms them, the responder asks as
/// well, answers were not captured or may have gone another way, or the capture did not see the end.
fn is_unclear(flow: &Flow) -> bool {
    let is_mere_guess = flow.origin == Origin::Midstream && answered(flow) == 0;
    let Sides { initiator, responder } = &flow.traffic;
    let unseen = initiator.unseen || responder.unseen || responder.gap;
    is_mere_guess || !asks(flow) || unseen || flow.mptcp_join || flow.outcome == FlowOutcome::Undecided
}

/// True when the initiator is the one who asks: it ended the last silence before its last octets; where there was none,
/// it spoke first. An agent that was asked by the server to which it connected says the last word, too.
fn asks(flow: &Flow) -> bool {
    let is_before = |until: RecordRef| flow.asked.is_some_and(|asked| !flow.order.is_before(asked, until));
    let spoke_first = flow.replies.is_none() || flow.unanswered_octets > 0 || has_been_answered_late(flow);
    flow.pause.filter(|pause| is_before(pause.until)).map_or(spoke_first, |pause| pause.by == Role::Initiator)
}

fn has_been_answered_late(flow: &Flow) -> bool {
    flow.last_talker.is_some_and(|(talker, _)| talker == Role::Responder)
}

/// True when what the initiator said last is no shorter than a part of what it said before, on average: `parts` of them
/// make a request of average length. Farewells and window updates are shorter.
pub(super) fn says_as_much(flow: &Flow, parts: u64) -> bool {
    let before = flow.traffic.initiator.octets.saturating_sub(flow.last_octets);
    flow.last_octets.saturating_mul(answered(flow)).saturating_mul(parts) >= before
}

impl Waiting {
    /// What the responder said after the initiator had gone.
    pub(super) fn late_reply(&self, flow: &Flow) -> Option<RecordRef> {
        let (talker, since) = flow.last_talker?;
        (talker == Role::Responder && flow.order.is_before(self.asked, since)).then_some(since)
    }

    /// The same, if it was an answer: a close draws a farewell at once, what was under way does not acknowledge it, and
    /// the responder's FIN comes after all its octets, the repetition of which may come later.
    pub(super) fn late_answer(&self, flow: &Flow) -> Option<RecordRef> {
        let ended = self.ended.record()?;
        let is_late = |at: RecordRef| at.time - ended.time >= INITIAL_RTO;
        let is_stale = flow.reset().is_some_and(|reset| reset.kind == ResetKind::StaleData);
        let reply = self.late_reply(flow).filter(|reply| is_stale && is_late(*reply))?;
        flow.fin.responder.is_none_or(|fin| is_late(fin.first)).then_some(reply)
    }

    /// True when the initiator read on after its FIN: it had only said all.
    fn reads_on(&self, flow: &Flow) -> bool {
        let is_refused = flow.reset().is_some_and(|reset| reset.by == Role::Initiator);
        self.late_reply(flow).is_some() && !is_refused
    }

    /// True when an answer was due: a window update needs none, who says more and more does not wait, and what takes long
    /// may have taken as long before.
    pub(super) fn is_due(&self, flow: &Flow) -> bool {
        let Some((_, since)) = flow.last_talker else { return false };
        if self.late_reply(flow).is_some() {
            return !self.reads_on(flow) && (self.late_answer(flow).is_some() || flow.exchanges <= 1);
        }
        let is_stream = self.asked.time - since.time > self.waited;
        let is_usual = flow.replies.is_some_and(|replies| replies.slowest.waited >= self.waited);
        says_as_much(flow, 1) && !is_stream && !is_usual
    }

    /// Why nothing may have been due all the same.
    pub(super) fn doubt(&self, flow: &Flow) -> Option<&'static str> {
        let has_answers = self.late_answer(flow).is_some() || answered(flow) > 0;
        let is_guess = flow.origin == Origin::Midstream;
        let what = if self.late_reply(flow).is_some() { FAREWELL } else { ONE_WAY };
        let guess = is_guess.then_some(MIDSTREAM).or_else(|| (!has_answers).then_some(what));
        let goes_on = (self.ended == Ended::NotYet).then_some(GOES_ON);
        lookup::missed(flow).or(guess).or(goes_on)
    }
}

/// How often the initiator was answered before it asked the last time. Where the responder spoke first, its greeting was
/// no answer.
pub(super) fn answered(flow: &Flow) -> u64 {
    if flow.unanswered_octets > 0 { flow.exchanges } else { flow.exchanges.saturating_sub(1) }
}
