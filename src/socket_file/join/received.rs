//! How many octets an end has got that its program may not have read.

use crate::flow::Flow;
use crate::net::Role;
use crate::time::Timestamp;

use super::Moment;

/// What the peer of an end sent it, and when the end answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// All octets up to the peer's FIN; `None` where numbers do not tell.
    pub(super) total: Option<u64>,
    /// Octets of the peer after the last ones of this end; `None` where that is not known.
    latest: Option<u64>,
    /// When this end first and last began to speak; `None` when it never did, or is the initiator.
    replied: Option<(Timestamp, Timestamp)>,
    is_responder: bool,
}

impl Received {
    /// What the end that plays `role` in `flow` has got.
    pub(super) fn of(flow: &Flow, role: Role) -> Self {
        let spoke_last = flow.last_talker.map(|(talker, _)| talker == role);
        let latest = match spoke_last {
            Some(true) => Some(0),
            // Counted for the side that asks alone.
            Some(false) => Some(flow.unanswered_octets).filter(|octets| *octets > 0),
            None => None,
        };
        let is_responder = role == Role::Responder;
        Self {
            total: flow.octets_up_to_fin(!role),
            latest,
            replied: flow
                .replies
                .filter(|_| is_responder)
                .map(|replies| (replies.first.time, replies.last.time)),
            is_responder,
        }
    }

    /// Octets since this end last replied before `moment`.
    pub(super) fn unanswered(&self, moment: Option<&Moment>) -> Option<u64> {
        if !self.is_responder {
            return None;
        }
        match (self.replied, moment) {
            (None, _) => self.total,
            (Some((first, _)), Some(moment)) if first > moment.until_or_max() => self.total,
            (Some((_, last)), Some(moment)) if last <= moment.from => self.latest,
            _ => None,
        }
    }

    /// True when this end, which was asked to connect, had sent octets by `moment`: so a program had accepted it.
    pub(super) fn had_answered(&self, moment: Option<&Moment>) -> bool {
        let by = moment.map_or(Timestamp::MIN, |moment| moment.from);
        self.replied.is_some_and(|(first, _)| first < by)
    }
}
