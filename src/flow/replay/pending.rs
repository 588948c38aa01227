//! Signals on their way to one endpoint.

use crate::tcp::{Event, SeqNumber, Signal, State};

/// Signals on their way to one endpoint, in order of arrival. One kind travels once.
///
/// Every finished flow is replayed, so this is three words and one proof a kind: no list is searched or copied.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pending {
    /// Four bits a signal, the next to arrive lowest: its kind, plus [`WITH_PROOF`]; 0 for none.
    waiting: u32,
    /// How far to shift for the first free place.
    end: u32,
    /// A bit for each kind that waits.
    kinds: u32,
    /// By kind: an ACK at or after this number shows that the signal arrived.
    proofs: [SeqNumber; 8],
}

const BITS: u32 = 4;
const KIND: u32 = 7;
const WITH_PROOF: u32 = 8;

/// Signals by kind; kind 0 stands for none.
const SIGNALS: [Signal; 8] = {
    use Signal::{AckOfFin, AckOfSyn, Fin, Rst, Syn, SynAck};
    [Rst, Syn, SynAck, AckOfSyn, Fin, AckOfFin, Rst, Rst]
};

const fn kind_of(signal: Signal) -> u32 {
    match signal {
        Signal::Syn => 1,
        Signal::SynAck => 2,
        Signal::AckOfSyn => 3,
        Signal::Fin => 4,
        Signal::AckOfFin => 5,
        Signal::Rst => 6,
    }
}

/// What becomes of each state, by its number, when a signal of each kind comes.
static ARRIVED: [[State; 8]; 16] = {
    let mut rows = [[State::Closed; 8]; 16];
    let (mut states, mut rest): (&[State], &mut [[State; 8]]) = (&State::ALL, &mut rows);
    while let (Some((&state, later)), Some((row, others))) = (states.split_first(), rest.split_first_mut()) {
        assert!(state as usize == State::ALL.len() - states.len(), "states are listed by their numbers");
        let (mut signals, mut places): (&[Signal], &mut [State]) = (&SIGNALS, row);
        while let (Some((&signal, more)), Some((place, free))) =
            (signals.split_first(), places.split_first_mut())
        {
            *place = match state.next(Event::Received(signal)) {
                Some(next) => next,
                None => state,
            };
            (signals, places) = (more, free);
        }
        (states, rest) = (later, others);
    }
    rows
};

/// The state once a signal came: from a table, for the replay of a flow asks a dozen times.
#[inline]
pub(super) fn arrived(state: State, signal: Signal) -> State {
    arrived_by_kind(state, kind_of(signal))
}

#[inline]
fn arrived_by_kind(state: State, kind: u32) -> State {
    let row = ARRIVED.get(state as usize & 15);
    row.and_then(|row| row.get((kind & KIND) as usize)).copied().unwrap_or(state)
}

impl Pending {
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// The state once all that waits came, in order.
    #[inline]
    pub(super) fn presume(&self, proven: State) -> State {
        codes(self.waiting).fold(proven, arrived_by_kind)
    }

    /// Adds a signal behind the others, unless it is on its way already. `proof`: see [`Pending::settle`].
    #[inline]
    pub(super) fn push(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        let kind = kind_of(signal);
        if self.kinds & 1 << kind == 0 {
            self.kinds |= 1 << kind;
            self.waiting |= self.code(kind, proof) << self.end;
            self.end += BITS;
        }
    }

    /// As [`Pending::push`], but before a FIN that comes last and has the same proof: it came in the same segment.
    #[inline]
    pub(super) fn push_before_fin(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        let is_new = self.kinds & 1 << kind_of(signal) == 0;
        let last = self.end.saturating_sub(BITS);
        let fin = self.waiting >> last;
        self.push(signal, proof);
        if is_new && fin & KIND == kind_of(Signal::Fin) && self.proof(fin) == proof {
            let new = self.waiting >> self.end.saturating_sub(BITS);
            self.waiting = self.waiting & !(u32::MAX << last) | (new | fin << BITS) << last;
        }
    }

    /// Gives `signal` a proof if it is on its way and has none.
    #[inline]
    pub(super) fn prove_by(&mut self, signal: Signal, proof: Option<SeqNumber>) {
        if proof.is_some() && self.kinds & 1 << kind_of(signal) != 0 {
            self.note_proof(kind_of(signal), proof);
        }
    }

    #[cold]
    fn note_proof(&mut self, kind: u32, proof: Option<SeqNumber>) {
        let place = (0..self.end).step_by(4).find(|place| self.waiting >> place & KIND == kind);
        if let Some(place) = place.filter(|place| self.waiting >> place & WITH_PROOF == 0) {
            self.waiting |= self.code(kind, proof) << place;
        }
    }

    /// Takes out what `has_come` accepts by its proof (an ACK at or after it shows that the signal came); the state
    /// after that.
    #[inline]
    pub(super) fn settle(
        &mut self,
        mut proven: State,
        has_come: impl Fn(Signal, Option<SeqNumber>) -> bool,
    ) -> State {
        let all = std::mem::take(&mut self.waiting);
        self.end = 0;
        for code in codes(all) {
            if has_come(signal_of(code), self.proof(code)) {
                proven = arrived_by_kind(proven, code);
                self.kinds &= !(1 << (code & KIND));
            } else {
                self.waiting |= code << self.end;
                self.end += BITS;
            }
        }
        proven
    }

    #[inline]
    fn proof(&self, code: u32) -> Option<SeqNumber> {
        let proof = self.proofs.get((code & KIND) as usize).copied();
        proof.filter(|_| code & WITH_PROOF != 0)
    }

    /// Notes the proof of a kind; the code with which it waits.
    #[inline]
    fn code(&mut self, kind: u32, proof: Option<SeqNumber>) -> u32 {
        match (proof, self.proofs.get_mut((kind & KIND) as usize)) {
            (Some(proof), Some(place)) => {
                *place = proof;
                kind | WITH_PROOF
            }
            _ => kind,
        }
    }
}

#[inline]
fn signal_of(code: u32) -> Signal {
    SIGNALS.get((code & KIND) as usize).copied().unwrap_or(Signal::Rst)
}

/// The codes in `waiting`, lowest first.
#[inline]
fn codes(mut waiting: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let code = waiting & (KIND | WITH_PROOF);
        waiting >>= BITS;
        (code != 0).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same as a list, as it would be written without a thought for speed.
    #[derive(Default)]
    struct Plain(Vec<(Signal, Option<SeqNumber>)>);

    impl Plain {
        fn push(&mut self, signal: Signal, proof: Option<SeqNumber>) {
            if self.0.iter().all(|(other, _)| *other != signal) {
                self.0.push((signal, proof));
            }
        }

        fn push_before_fin(&mut self, signal: Signal, proof: Option<SeqNumber>) {
            let (before, is_new) = (self.0.len(), self.0.iter().all(|(other, _)| *other != signal));
            self.push(signal, proof);
            if is_new && before > 0 && self.0[before - 1] == (Signal::Fin, proof) {
                self.0.swap(before - 1, before);
            }
        }

        fn prove_by(&mut self, signal: Signal, proof: Option<SeqNumber>) {
            if let Some((_, own)) = self.0.iter_mut().find(|(other, _)| *other == signal) {
                *own = own.or(proof);
            }
        }
    }

    fn proof(choice: u8) -> Option<SeqNumber> {
        (choice > 0).then_some(SeqNumber(u32::from(choice)))
    }

    proptest! {
        #[test]
        fn it_is_the_list_of_what_waits(steps in prop::collection::vec((0..4_u8, 1..7_u32, 0..4_u8), 0..40)) {
            let (mut packed, mut plain) = (Pending::default(), Plain::default());
            let mut state = State::SynSent;
            for (what, kind, choice) in steps {
                let (signal, proof) = (signal_of(kind), proof(choice));
                match what {
                    0 => (packed.push(signal, proof), plain.push(signal, proof)),
                    1 => (packed.push_before_fin(signal, proof), plain.push_before_fin(signal, proof)),
                    2 => (packed.prove_by(signal, proof), plain.prove_by(signal, proof)),
                    _ => {
                        let has_come = |other, by| other == signal || by == proof;
                        let came = plain.0.extract_if(.., |&mut (signal, by)| has_come(signal, by));
                        let expected = came.fold(state, |state, (signal, _)| arrived(state, signal));
                        state = packed.settle(state, has_come);
                        prop_assert_eq!(state, expected);
                        ((), ())
                    }
                };
                let waiting = codes(packed.waiting).map(|code| (signal_of(code), packed.proof(code)));
                prop_assert_eq!(waiting.collect::<Vec<_>>(), plain.0.as_slice());
                prop_assert_eq!(packed.is_empty(), plain.0.is_empty());
                let presumed = plain.0.iter().fold(state, |state, (signal, _)| arrived(state, *signal));
                prop_assert_eq!(packed.presume(state), presumed);
            }
        }
    }

    #[test]
    fn the_table_is_the_state_machine() {
        for state in State::ALL {
            for kind in 1..7 {
                let signal = signal_of(kind);
                let next = state.next(Event::Received(signal)).unwrap_or(state);
                assert_eq!(arrived(state, signal), next, "{state} {signal:?}");
            }
        }
    }

    #[test]
    fn kinds_and_signals_are_each_others_inverse() {
        assert!((1..7).all(|kind| kind_of(signal_of(kind)) == kind));
    }
}
