//! What a socket's state, its receive queue and its owner say of its program.

use serde::Serialize;

use crate::tcp::State;

/// Who holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// The programs that the table names.
    Named,
    /// A program that the table does not name.
    Hidden,
    /// No program: it was not accepted yet, or it was closed.
    Nobody,
    /// The table does not tell.
    Unknown,
}

/// What a socket's state, its receive queue and its owner say of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// CLOSE-WAIT and no program: the peer came, asked and left while the connection waited to be accepted.
    NeverAccepted,
    /// ESTABLISHED and no program: it waits to be accepted.
    WaitsForAccept,
    /// CLOSE-WAIT, and nothing that came was read: never accepted, or accepted and never read. Who holds it would tell.
    Untouched,
    /// CLOSE-WAIT and a program that has not read anything since it last replied.
    NeverRead,
    /// A program that has not read all of what came.
    Unread,
    /// CLOSE-WAIT and a program that has read all octets but not the end of file: it is busy elsewhere, or does not
    /// look at a connection that it does not use.
    EndNotRead,
    /// CLOSE-WAIT and the end of file was read: the program forgot to close, or does not want to yet.
    ForgotToClose,
    /// CLOSE-WAIT for less than `--fin-delay` according to the capture: it closed soon.
    InPassing,
    /// ESTABLISHED, held and read.
    InUse,
    /// Being opened.
    Opening,
    /// Its own FIN is out and not acknowledged.
    WaitsForAck,
    /// FIN-WAIT-2: the peer has not closed yet.
    WaitsForFin,
    /// TIME-WAIT.
    Over,
}

impl Verdict {
    /// Every verdict, the gravest first.
    pub const ALL: [Self; 13] = [
        Self::NeverAccepted,
        Self::WaitsForAccept,
        Self::Untouched,
        Self::NeverRead,
        Self::Unread,
        Self::EndNotRead,
        Self::ForgotToClose,
        Self::InPassing,
        Self::InUse,
        Self::Opening,
        Self::WaitsForAck,
        Self::WaitsForFin,
        Self::Over,
    ];

    /// True when something waits for the socket's own program.
    pub const fn is_wait(self) -> bool {
        matches!(
            self,
            Self::NeverAccepted
                | Self::WaitsForAccept
                | Self::Untouched
                | Self::NeverRead
                | Self::Unread
                | Self::EndNotRead
                | Self::ForgotToClose
        )
    }

    /// In a few words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NeverAccepted => "never accepted",
            Self::WaitsForAccept => "waiting to be accepted",
            Self::Untouched => "never accepted or never read",
            Self::NeverRead => "accepted, never read",
            Self::Unread => "not read to the end",
            Self::EndNotRead => "end of file not read: busy elsewhere, or not looking",
            Self::ForgotToClose => "end of file read, not closed",
            Self::InPassing => "closed soon after",
            Self::InUse => "in use",
            Self::Opening => "being opened",
            Self::WaitsForAck => "waiting for the ACK of its FIN",
            Self::WaitsForFin => "waiting for the peer's FIN",
            Self::Over => "in TIME-WAIT",
        }
    }
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) state: State,
    pub(super) recv_q: u64,
    pub(super) holder: Holder,
    /// All octets that the peer sent before its FIN.
    pub(super) total: Option<u64>,
    /// Those since this end last replied.
    pub(super) unanswered: Option<u64>,
    /// The capture shows that it left its state soon.
    pub(super) in_passing: bool,
}

/// The verdict on a socket that does not listen, and whether it is proven. `None` for one that has no connection.
pub(super) fn judge(facts: &Facts) -> Option<(Verdict, bool)> {
    let Facts { state, recv_q, holder, .. } = *facts;
    Some(match state {
        State::CloseWait if facts.in_passing => (Verdict::InPassing, true),
        State::CloseWait => close_wait(facts),
        State::Established => match (holder, recv_q) {
            (Holder::Nobody, _) => (Verdict::WaitsForAccept, true),
            (Holder::Unknown, _) | (_, 0) => (Verdict::InUse, holder != Holder::Unknown),
            _ => (Verdict::Unread, true),
        },
        State::SynSent | State::SynReceived => (Verdict::Opening, true),
        State::FinWait1 | State::Closing | State::LastAck => (Verdict::WaitsForAck, true),
        State::FinWait2 => (Verdict::WaitsForFin, true),
        State::TimeWait => (Verdict::Over, true),
        State::Closed | State::Listen => return None,
    })
}

/// Linux counts a FIN as one octet of the receive queue until the program has read the end of file.
fn close_wait(facts: &Facts) -> (Verdict, bool) {
    let &Facts { recv_q, holder, total, unanswered, .. } = facts;
    let is_all_of = |octets: Option<u64>| octets.is_some_and(|octets| octets + 1 == recv_q);
    match (holder, recv_q) {
        (_, 0) => (Verdict::ForgotToClose, true),
        (Holder::Nobody, _) => (Verdict::NeverAccepted, total.is_none() || is_all_of(total)),
        // Something had come and was read: so it was accepted, whoever holds it.
        (Holder::Unknown, 1) if total.is_some_and(|octets| octets > 0) => (Verdict::EndNotRead, true),
        (Holder::Unknown, _) if total.is_none() || is_all_of(total) => (Verdict::Untouched, total.is_some()),
        (_, 1) => (Verdict::EndNotRead, true),
        _ if is_all_of(unanswered) || is_all_of(total) => (Verdict::NeverRead, true),
        _ => (Verdict::Unread, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(recv_q: u64, holder: Holder, total: Option<u64>) -> Verdict {
        let state = State::CloseWait;
        judge(&Facts { state, recv_q, holder, total, unanswered: None, in_passing: false }).unwrap().0
    }

    #[test]
    fn the_receive_queue_and_its_owner_tell_what_the_program_did() {
        for (recv_q, holder, total, expected) in [
            (52, Holder::Nobody, Some(51), Verdict::NeverAccepted),
            (1, Holder::Nobody, Some(0), Verdict::NeverAccepted),
            (52, Holder::Named, Some(51), Verdict::NeverRead),
            (1, Holder::Named, Some(51), Verdict::EndNotRead),
            (0, Holder::Named, Some(51), Verdict::ForgotToClose),
            (21, Holder::Named, Some(51), Verdict::Unread),
            (52, Holder::Hidden, Some(51), Verdict::NeverRead),
            (52, Holder::Unknown, Some(51), Verdict::Untouched),
            (1, Holder::Unknown, Some(51), Verdict::EndNotRead),
            (1, Holder::Unknown, Some(0), Verdict::Untouched),
            (0, Holder::Unknown, None, Verdict::ForgotToClose),
            (52, Holder::Named, None, Verdict::Unread),
            (52, Holder::Unknown, None, Verdict::Untouched),
        ] {
            assert_eq!(verdict(recv_q, holder, total), expected, "{recv_q} {holder:?} {total:?}");
        }
    }

    #[test]
    fn a_request_after_others_that_were_answered_is_unread_too() {
        let facts = Facts {
            state: State::CloseWait,
            recv_q: 52,
            holder: Holder::Named,
            total: Some(510),
            unanswered: Some(51),
            in_passing: false,
        };
        assert_eq!(judge(&facts), Some((Verdict::NeverRead, true)));
    }

    #[test]
    fn states_that_need_no_program_say_nothing_of_one() {
        for (state, expected) in [
            (State::FinWait2, Verdict::WaitsForFin),
            (State::TimeWait, Verdict::Over),
            (State::LastAck, Verdict::WaitsForAck),
            (State::SynReceived, Verdict::Opening),
        ] {
            let facts = Facts {
                state,
                recv_q: 0,
                holder: Holder::Nobody,
                total: None,
                unanswered: None,
                in_passing: false,
            };
            assert_eq!(judge(&facts), Some((expected, true)));
        }
        let held = |holder, recv_q| {
            judge(&Facts {
                state: State::Established,
                recv_q,
                holder,
                total: None,
                unanswered: None,
                in_passing: false,
            })
        };
        assert_eq!(held(Holder::Nobody, 0), Some((Verdict::WaitsForAccept, true)));
        assert_eq!(held(Holder::Named, 0), Some((Verdict::InUse, true)));
        assert_eq!(held(Holder::Named, 51), Some((Verdict::Unread, true)));
        assert_eq!(held(Holder::Unknown, 51), Some((Verdict::InUse, false)));
    }
}
