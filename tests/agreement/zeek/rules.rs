//! Differences from Zeek that come from one decision each, with the condition under which it shows.

use closewait::flow::{Handshake, Origin};
use closewait::net::Role;

use super::{Row, Words};
use crate::captures::Capture;
use crate::place::Pair;

/// A decision, and what it does to either side's words.
pub(super) struct Rule {
    pub(super) class: &'static str,
    pub(super) reason: &'static str,
    pub(super) is_about_roles: bool,
    /// Makes both sides' words equal as far as this decision goes; leaves them where its condition does not hold.
    pub(super) amend: fn(&Capture, &Pair<'_, Row>, &mut Words, &mut Words),
}

/// In the order in which they are tried, each on top of those before.
pub(super) const ALL: &[Rule] = &[
    Rule {
        class: "roles of a connection without SYN",
        reason: "the lower port is the responder's here, the first sender's peer is there",
        is_about_roles: true,
        amend: |_, pair, own, _| {
            if are_guessed(pair) {
                *own = own.mirrored();
            }
        },
    },
    Rule {
        class: "missing SYN",
        reason: "Zeek 6 leaves a connection whose SYN was missed as OTH; later ones, as closewait, take the SYN-ACK \
                 and its ACK for the handshake (S1 in Zeek's own baselines)",
        is_about_roles: false,
        amend: |_, pair, own, theirs| {
            let answered = own.history.starts_with("^h") && pair.flow.traffic.initiator.packets > 0;
            if answered && own.state == "S1" && theirs.state == "OTH" {
                theirs.state.clone_from(&own.state);
            }
        },
    },
    Rule {
        class: "lone SYN-ACK",
        reason: "the sender of a SYN-ACK is the responder here; Zeek makes it one only when more comes",
        is_about_roles: false,
        amend: |_, pair, own, _| {
            if is_lone_syn_ack(pair) {
                "H".clone_into(&mut own.history);
            }
        },
    },
    Rule {
        class: "payload of a SYN or RST",
        reason: "Zeek tells the first payload of a SYN or RST as retransmitted",
        is_about_roles: false,
        amend: |_, pair, _, theirs| {
            let loaded = |event: &&closewait::flow::Event| {
                event.octets > 0 && (event.flags.syn() || event.flags.rst())
            };
            for event in pair.flow.events.iter().filter(loaded) {
                let kind = if event.flags.rst() {
                    "R"
                } else if event.flags.ack() {
                    "H"
                } else {
                    "S"
                };
                let upper = (event.from == Role::Initiator) != pair.swapped;
                let told = if upper { format!("{kind}T") } else { format!("{kind}T").to_lowercase() };
                theirs.history = theirs.history.replacen(&told, &told[..1], 1);
            }
        },
    },
    Rule {
        class: "copies",
        reason: "the capture holds packets more than once; Zeek tells every further copy as a retransmission",
        is_about_roles: false,
        amend: |capture, pair, own, theirs| {
            let traffic = &pair.flow.traffic;
            let packets = traffic.initiator.packets + traffic.responder.packets;
            if (1..=capture.copies).contains(&pair.row.packets().saturating_sub(packets)) {
                own.drop_letters(['T', 't']);
                theirs.drop_letters(['T', 't']);
            }
        },
    },
    Rule {
        class: "payload cut by the snap length",
        reason: "Zeek takes payload that was on the wire but not written for a content gap",
        is_about_roles: false,
        amend: |capture, pair, _, theirs| {
            let traffic = &pair.flow.traffic;
            let gap = traffic.initiator.gap || traffic.responder.gap;
            let missed = pair.row.missed_bytes.unwrap_or(0) > 0;
            if missed && !gap && theirs.history.contains(['g', 'G']) && capture.is_snapped() {
                theirs.drop_letters(['G', 'g']);
            }
        },
    },
    Rule {
        class: "further gaps",
        reason: "Zeek tells the 10th, 100th and so on gap of a side again, closewait the first only",
        is_about_roles: false,
        amend: |_, _, own, theirs| {
            for letter in ['G', 'g'] {
                if own.history.contains(letter) {
                    theirs.keep_first(letter);
                }
            }
        },
    },
];

/// The capture began inside the connection, and both guess the other way round.
pub(super) fn are_guessed(pair: &Pair<'_, Row>) -> bool {
    pair.swapped && pair.flow.origin == Origin::Midstream
}

/// One packet with SYN and ACK is all there is.
pub(super) fn is_lone_syn_ack(pair: &Pair<'_, Row>) -> bool {
    let packets = pair.flow.traffic.initiator.packets + pair.flow.traffic.responder.packets;
    pair.swapped && packets == 1 && pair.flow.handshake == Handshake::SynAck
}

impl Words {
    /// The same connection with the roles exchanged; who was seen first is then the initiator.
    fn mirrored(&self) -> Self {
        let history = self.history.trim_start_matches('^').chars();
        let history = history
            .map(|it| if it.is_uppercase() { it.to_ascii_lowercase() } else { it.to_ascii_uppercase() });
        let state = match self.state.as_str() {
            "SH" => "SHR",
            "SHR" => "SH",
            "S2" => "S3",
            "S3" => "S2",
            "RSTO" => "RSTR",
            "RSTR" => "RSTO",
            // There is a word for a RST by a responder without peer, none for an initiator's.
            "RSTRH" => "OTH",
            same => same,
        };
        Self { state: state.to_owned(), history: history.collect() }
    }

    fn drop_letters(&mut self, letters: [char; 2]) {
        self.history.retain(|letter| !letters.contains(&letter));
    }

    fn keep_first(&mut self, letter: char) {
        let mut told = 0;
        self.history.retain(|it| {
            told += usize::from(it == letter);
            it != letter || told == 1
        });
    }
}
