//! Responders that completed the handshake as far as the network shows, and heard nothing that came after it.

use super::event::EventKind;
use super::facts::Flow;
use crate::net::Role;
use crate::time::TimeDelta;

/// The first retransmission time-out (RFC 6298 §2.1). An answer that is missing for less says nothing yet.
const INITIAL_RTO: TimeDelta = TimeDelta::from_secs(1);

impl Flow {
    /// True when the responder sent nothing but SYN-ACKs for as long as a stack waits before it repeats itself, although
    /// the initiator completed the handshake and repeated data or FIN. An ICMP error would say why.
    pub fn has_deaf_responder(&self) -> bool {
        let Some(ack) = self.events.iter().find(|event| event.kind == EventKind::HandshakeAck) else {
            return false;
        };
        let is_syn_ack = |kind| matches!(kind, EventKind::SynAck | EventKind::SynAckAgain);
        let syn_acks = self.events.iter().filter(|event| is_syn_ack(event.kind)).count();
        let keeps_trying = self.traffic.initiator.retransmissions > u64::from(self.syn_retries)
            || self.fin[Role::Initiator].is_some_and(|fin| fin.copies > 1);
        let is_explained = self
            .events
            .iter()
            .any(|event| event.kind == EventKind::IcmpError && self.order.is_before(ack.at, event.at));
        keeps_trying
            && !is_explained
            && self.decided - ack.time() >= INITIAL_RTO
            && self.events_dropped == 0
            && usize::try_from(self.traffic.responder.packets).is_ok_and(|packets| packets <= syn_acks)
    }
}
