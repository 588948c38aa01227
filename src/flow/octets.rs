//! How many octets a side sent, by its sequence numbers.

use super::event::EventKind;
use super::facts::Flow;
use crate::net::Role;

/// Sequence numbers tell lengths below this.
const HALF_OF_NUMBERS: u64 = 1 << 31;

impl Flow {
    /// Octets that `sender` sent in all, by the numbers of its SYN and its FIN; `None` where these do not tell.
    pub fn octets_up_to_fin(&self, sender: Role) -> Option<u64> {
        let end = self.fin[sender]?.end;
        let opens = |kind| {
            matches!(kind, EventKind::Syn | EventKind::SynAgain | EventKind::SynAck | EventKind::SynAckAgain)
        };
        // A responder that gave its SYN-ACK up answers with another number: the last one counts.
        let syn = self.events.iter().rev().find(|event| event.from == sender && opens(event.kind))?;
        let octets = u64::from(end.0.wrapping_sub(syn.seq.0)).checked_sub(2)?;
        (self.traffic[sender].octets < HALF_OF_NUMBERS && octets < HALF_OF_NUMBERS).then_some(octets)
    }
}
