//! One TCP stream with its control segments, in the terms that both sides can tell.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::net::IpAddr;

use closewait::flow::{EventKind, Flow};
use closewait::net::{Endpoint, Role};

/// Frame numbers that the oracle lists.
pub(crate) const FRAMES_TOLD: usize = 50;

/// Control segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Syn,
    SynAck,
    Fin,
    Rst,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Syn, Self::SynAck, Self::Fin, Self::Rst];
}

/// The segments of one kind that one side sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Frame numbers, the first [`FRAMES_TOLD`].
    pub(crate) frames: Vec<u64>,
    /// Time of the first, in nanoseconds.
    pub(crate) first: Option<i64>,
}

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// More than one where the frame has several IP layers and the oracle does not tell which counts.
    pub(crate) addrs: Vec<IpAddr>,
    pub(crate) port: u16,
}

/// One stream.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Wireshark's `tcp.stream`.
    pub(crate) number: u64,
    /// The sender of the first frame, and its peer.
    pub(crate) sides: [Side; 2],
    pub(crate) first_frame: u64,
    pub(crate) first_time: Option<i64>,
    /// What each side sent.
    pub(crate) told: [BTreeMap<Kind, Told>; 2],
}

impl Stream {
    /// Ours. Wireshark gives a segment to the newest stream of its four-tuple, closewait to the incarnation
    /// whose numbers it bears and, as a ghost, to the newest: the ghosts are what Wireshark counts.
    pub(crate) fn of(flow: &Flow) -> Self {
        let opener = flow.events.iter().find(|event| event.record() == flow.first.record);
        let first_sender = opener.map_or(Role::Initiator, |event| event.from);
        let side = |Endpoint { addr, port }| Side { addrs: vec![addr], port };
        let mut told: [BTreeMap<Kind, Told>; 2] =
            [(); 2].map(|()| Kind::ALL.into_iter().map(|kind| (kind, Told::default())).collect());
        for event in
            flow.events.iter().filter(|event| !event.into_successor && event.kind != EventKind::IcmpError)
        {
            let (syn, ack) = (event.flags.syn(), event.flags.ack());
            let kinds = [syn && !ack, syn && ack, event.flags.fin(), event.flags.rst()];
            for (kind, _) in Kind::ALL.into_iter().zip(kinds).filter(|(_, is)| *is) {
                let side = usize::from(event.from != first_sender);
                let told = told[side].get_mut(&kind).unwrap();
                if told.first.is_none() {
                    told.first = Some(event.time().nanos());
                }
                if told.frames.len() < FRAMES_TOLD {
                    told.frames.push(event.record());
                }
            }
        }
        Self {
            number: flow.stream,
            sides: [side(flow.endpoint(first_sender)), side(flow.endpoint(!first_sender))],
            first_frame: flow.first.record,
            first_time: Some(flow.first.time.nanos()),
            told,
        }
    }

    /// How `self` differs from the oracle's; empty when it does not.
    pub(crate) fn differences(&self, oracle: &Self) -> String {
        let mut out = String::new();
        if self.number != oracle.number {
            write!(out, "number {} not {}; ", self.number, oracle.number).unwrap();
        }
        let swapped = !self.sides[0].is(&oracle.sides[0]);
        let same = |place: usize| self.sides[place].is(&oracle.sides[place ^ usize::from(swapped)]);
        if !(same(0) && same(1)) {
            let [own, theirs] = [self, oracle].map(|stream| stream.sides.each_ref().map(ToString::to_string));
            write!(out, "endpoints {own:?} not {theirs:?}; ").unwrap();
        }
        if self.first_time != oracle.first_time {
            write!(out, "first time {:?} not {:?}; ", self.first_time, oracle.first_time).unwrap();
        }
        for (side, theirs) in oracle.told.iter().enumerate() {
            for (kind, theirs) in theirs {
                let own = &self.told[side ^ usize::from(swapped)][kind];
                if own != theirs {
                    write!(out, "{kind:?} by {} {} not {}; ", ["a", "b"][side], own.tell(), theirs.tell())
                        .unwrap();
                }
            }
        }
        out
    }
}

impl Side {
    fn is(&self, other: &Self) -> bool {
        self.port == other.port && self.addrs.iter().any(|addr| other.addrs.contains(addr))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addrs: Vec<String> = self.addrs.iter().map(ToString::to_string).collect();
        write!(f, "{} port {}", addrs.join("/"), self.port)
    }
}

impl Told {
    fn tell(&self) -> String {
        let frames: Vec<String> = self.frames.iter().map(u64::to_string).collect();
        format!("[{}] {:?}", frames.join(" "), self.first)
    }
}
