//! Both sides' FINs, and who closed first.

use crate::flow::event::{Event, EventKind};
use crate::flow::facts::{FinFacts, Order};
use crate::flow::live::Live;
use crate::flow::ordinary_close::{OrdinaryClose, is_fin};
use crate::net::{Role, Sides};
use crate::tcp::SeqNumber;

/// The copies of one side's FIN, and what acknowledges it.
#[derive(Clone, Copy, Default)]
struct Copies<'a> {
    first: Option<&'a Event>,
    last: Option<&'a Event>,
    acked: Option<&'a Event>,
    /// The sequence number after it, of the copy that reaches furthest.
    end: SeqNumber,
    /// The first copy acknowledges the peer's FIN.
    acknowledges_peer: bool,
}

impl Copies<'_> {
    /// True when there is a FIN, and `event` acknowledges it.
    #[inline]
    fn is_covered_by(&self, event: &Event) -> bool {
        self.first.is_some() && event.flags.ack() && event.ack.at_or_after(self.end)
    }
}

/// Both sides' FINs: first and last copy, and the first segment that acknowledges each. `close`: how `events` end, if
/// that is known.
pub(super) fn fin_facts(
    live: &Live,
    events: &[Event],
    close: Option<&OrdinaryClose<'_>>,
) -> Sides<Option<FinFacts>> {
    if !live.halves.initiator.fin && !live.halves.responder.fin {
        return Sides::default();
    }
    if let Some(close) = close {
        return facts_of(live, close);
    }
    let fins = fins_in(events);
    let facts = |role: Role| {
        let (own, peer) = (&fins[role], &fins[!role]);
        let first = own.first?;
        // Where the capture swapped records, an ACK may lie before the FIN.
        let is_answer =
            |event: &&Event| event.from != role && belongs_to_the_close(event) && own.is_covered_by(event);
        Some(FinFacts {
            first: first.at,
            last: own.last.unwrap_or(first).at,
            copies: u32::from(live.halves[role].fin_copies),
            acked: own.acked.or_else(|| events.iter().find(is_answer)).map(|event| event.at),
            end: own.end,
            acknowledges_peer: own.acknowledges_peer || peer.is_covered_by(first),
            into_successor: first.into_successor,
        })
    };
    Sides { initiator: facts(Role::Initiator), responder: facts(Role::Responder) }
}

/// Each FIN came once and was acknowledged, the first by the second as well.
fn facts_of(live: &Live, close: &OrdinaryClose<'_>) -> Sides<Option<FinFacts>> {
    let facts = |fin: &Event, acked: &Event, acknowledges_peer| {
        Some(FinFacts {
            first: fin.at,
            last: fin.at,
            copies: u32::from(live.halves[fin.from].fin_copies),
            acked: Some(acked.at),
            end: fin.end(),
            acknowledges_peer,
            into_successor: false,
        })
    };
    let mut fins = Sides::default();
    let (first, second) = fins.of_both(close.first.from);
    *first = facts(close.first, close.first_acked, false);
    *second = facts(close.second, close.second_acked, true);
    fins
}

fn fins_in(events: &[Event]) -> Sides<Copies<'_>> {
    let mut fins = Sides::<Copies<'_>>::default();
    // What comes before the first FIN acknowledges none.
    let begin = events.iter().position(is_fin).unwrap_or(events.len());
    let closing = events.iter().skip(begin).filter(|event| belongs_to_the_close(event));
    for event in closing {
        let (own, peer) = fins.of_both(event.from);
        if peer.acked.is_none() && peer.is_covered_by(event) {
            peer.acked = Some(event);
        }
        if !is_fin(event) {
            continue;
        }
        own.last = Some(event);
        if own.first.is_none() {
            own.first = Some(event);
            own.end = event.end();
            own.acknowledges_peer = peer.is_covered_by(event);
        } else if event.end().after(own.end) {
            // A copy with a later end: the first one's ACK does not cover it.
            own.end = event.end();
            own.acked = None;
        }
    }
    fins
}

fn belongs_to_the_close(event: &Event) -> bool {
    use EventKind::{Ghost, IcmpError, Rst, RstOutside};
    !matches!(event.kind, Ghost | IcmpError | Rst | RstOutside)
}

/// The side whose FIN is acknowledged by the other's: what an ACK covers came before it, even where the two
/// directions were captured by two clocks. Else their order tells.
pub(super) fn first_closer(fin: &Sides<Option<FinFacts>>, order: Order) -> Option<Role> {
    match (&fin.initiator, &fin.responder) {
        (Some(initiator), Some(responder)) => {
            let (earlier, fin) = if order.is_before(responder.first, initiator.first) {
                (Role::Responder, responder)
            } else {
                (Role::Initiator, initiator)
            };
            Some(if fin.acknowledges_peer { !earlier } else { earlier })
        }
        (Some(_), _) => Some(Role::Initiator),
        (None, Some(_)) => Some(Role::Responder),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::ordinary_close::tests::event_lists;
    use crate::net::{Endpoint, FourTuple};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_facts_of_an_ordinary_close_are_those_of_its_segments(events in event_lists(), copies in 0..3_u8) {
            let end = Endpoint { addr: [10, 0, 0, 1].into(), port: 80 };
            let mut live = Live::blank(FourTuple::new(end, end, 0).0, Vec::new());
            live.halves.initiator.fin = true;
            live.halves.responder.fin_copies = copies;
            let close = OrdinaryClose::of(&events);
            let known = fin_facts(&live, &events, close.as_ref());
            prop_assert_eq!(known, fin_facts(&live, &events, None));
            if let Some(close) = close {
                prop_assert_eq!(first_closer(&known, Order::Times), Some(close.first.from));
                prop_assert_eq!(first_closer(&known, Order::Records), Some(close.first.from));
            }
        }
    }
}
