//! When packets of a four-tuple passed, and which of them may have changed a state.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use closewait::capture::Input;
use closewait::dissect::{Dissected, Dissector};
use closewait::net::Endpoint;
use closewait::tcp::{Segment, SeqNumber};

use crate::tables::Key;

#[derive(Default)]
pub(crate) struct Packets {
    /// By four-tuple in canonical order: the first packet, and the times of those that may change a state.
    pairs: BTreeMap<Key, (i64, Vec<i64>)>,
    /// By sender and receiver: the ends of SYNs and FINs that nobody acknowledged yet.
    waiting: BTreeMap<(Endpoint, Endpoint), BTreeSet<u32>>,
}

impl Packets {
    pub(crate) fn read(path: &Path) -> Self {
        let mut packets = Self::default();
        let mut input = Input::open(&[path.to_owned()]);
        let mut dissector = Dissector::new();
        while let Some(record) = input.next_record() {
            if let Dissected::Segment(segment) = dissector.dissect(&record) {
                packets.add(&segment);
            }
        }
        packets
    }

    fn add(&mut self, segment: &Segment) {
        let (low, high) = (segment.tuple.low(), segment.tuple.high());
        let (from, to) = if segment.from_low { (low, high) } else { (high, low) };
        let flags = segment.flags;
        let mut moves = flags.syn() || flags.fin() || flags.rst();
        if flags.ack() {
            moves |= self.waiting.get_mut(&(to, from)).is_some_and(|ends| ends.remove(&segment.ack.0));
        }
        if flags.syn() || flags.fin() {
            let SeqNumber(first) = segment.seq.add(1);
            let SeqNumber(last) = segment.seq.add(segment.octets + 1);
            self.waiting.entry((from, to)).or_default().extend([first, last]);
        }
        let time = segment.time.nanos();
        let pair = canonical(&(low.to_string(), high.to_string()));
        let (_, times) = self.pairs.entry(pair).or_insert((time, Vec::new()));
        if moves {
            times.push(time);
        }
    }

    /// True when a packet between these ends had passed by `time`.
    pub(crate) fn has_seen(&self, key: &Key, time: i64) -> bool {
        self.pairs.get(&canonical(key)).is_some_and(|(first, _)| *first <= time)
    }

    /// True when a packet that may have changed a state passed between these times.
    pub(crate) fn moves(&self, key: &Key, from: i64, until: i64) -> bool {
        let pair = self.pairs.get(&canonical(key));
        pair.is_some_and(|(_, times)| times.iter().any(|time| (from..=until).contains(time)))
    }
}

fn canonical((one, other): &Key) -> Key {
    if one < other { (one.clone(), other.clone()) } else { (other.clone(), one.clone()) }
}
