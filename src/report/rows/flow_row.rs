//! One flow as one row of `flows.csv`.
//!
//! Written by hand: over a million rows, formatting and joining the cells took 330 ns a row, and the `csv`
//! crate's `write_record` took 670 ns a row for cells that were formatted already. What may need quoting still
//! goes through that crate.

use std::io;

use super::conn_state::conn_state;
use super::push_text;
use crate::diagnose::Finding;
use crate::flow::{Flow, Handshake, Origin, RecordRef};
use crate::net::{Role, Sides};
use crate::report::input::Sources;
use crate::report::number::{DateWriter, push_address, push_number, push_seconds};
use crate::time::{TimeDelta, Timestamp};

/// The columns in their order.
pub(super) const COLUMNS: &str = "flow,stream,initiator,initiator_port,responder,responder_port,start,end,duration_s,origin,handshake,\
    handshake_rtt_s,syn_retries,outcome,active_closer,initiator_state,responder_state,states_proven,\
    initiator_fin,responder_fin,fin_delay_s,close_wait_at,close_wait_s,rst_by,rst_kind,incarnation,\
    predecessor,reuse_gap_s,initiator_packets,responder_packets,initiator_octets,responder_octets,\
    retransmissions,exchanges,unanswered_octets,released_by,history,conn_state,first_record,last_record,\
    file,findings";

/// Writes rows; keeps what consecutive rows share.
#[derive(Debug)]
pub(super) struct RowWriter {
    dates: DateWriter,
}

impl RowWriter {
    pub(super) const fn new() -> Self {
        Self { dates: DateWriter::new() }
    }

    /// Appends the row of `flow`, with its line feed.
    pub(super) fn push(
        &mut self,
        flow: &Flow,
        findings: &[Finding],
        sources: &Sources<'_>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut row = Row { out, dates: &mut self.dates };
        row.identity(flow);
        row.opening(flow);
        row.closing(flow);
        row.history(flow);
        push_text(sources.file_of(flow.first.record), row.out)?;
        row.out.push(b',');
        for (place, finding) in findings.iter().enumerate() {
            if place > 0 {
                row.out.push(b' ');
            }
            row.out.extend_from_slice(finding.rule.code.as_bytes());
        }
        row.out.push(b'\n');
        Ok(())
    }
}

/// Appends cells, each followed by a comma.
struct Row<'a> {
    out: &'a mut Vec<u8>,
    dates: &'a mut DateWriter,
}

impl Row<'_> {
    fn identity(&mut self, flow: &Flow) {
        self.number(flow.id);
        self.number(flow.stream);
        for endpoint in [flow.initiator, flow.responder] {
            push_address(endpoint.addr, self.out);
            self.out.push(b',');
            self.number(u64::from(endpoint.port));
        }
        self.time(Some(flow.first.time));
        self.time(Some(flow.last.time));
        self.seconds(Some(flow.duration()));
    }

    fn opening(&mut self, flow: &Flow) {
        self.word(match flow.origin {
            Origin::Handshake => "handshake",
            Origin::Midstream => "midstream",
        });
        self.word(match flow.handshake {
            Handshake::NotSeen => "not_seen",
            Handshake::Syn => "syn",
            Handshake::SynAck => "syn_ack",
            Handshake::Complete => "complete",
            Handshake::Simultaneous => "simultaneous",
        });
        self.seconds(flow.handshake_rtt);
        self.number(u64::from(flow.syn_retries));
    }

    fn closing(&mut self, flow: &Flow) {
        self.word(flow.outcome.as_str());
        self.role(flow.active_closer);
        self.word(flow.states.initiator.presumed.as_str());
        self.word(flow.states.responder.presumed.as_str());
        self.word(match flow_proven(flow) {
            Sides { initiator: true, responder: true } => "both",
            Sides { initiator: true, responder: false } => "initiator",
            Sides { initiator: false, responder: true } => "responder",
            Sides { initiator: false, responder: false } => "none",
        });
        let first = |record: RecordRef| record.time;
        self.time(flow.fin.initiator.map(|fin| first(fin.first)));
        self.time(flow.fin.responder.map(|fin| first(fin.first)));
        self.seconds(flow.fin_delay);
        self.role(flow.close_wait.map(|wait| wait.at));
        self.seconds(flow.close_wait.map(|wait| wait.lasted));
        let reset = flow.reset();
        self.role(reset.map(|reset| reset.by));
        self.word(reset.map_or("", |reset| reset.kind.as_str()));
    }

    fn history(&mut self, flow: &Flow) {
        self.number(u64::from(flow.incarnation));
        if let Some(reuse) = flow.reuse {
            self.number(reuse.predecessor);
            self.seconds(Some(reuse.gap));
        } else {
            self.out.extend_from_slice(b",,");
        }
        let Sides { initiator, responder } = flow.traffic;
        self.number(initiator.packets);
        self.number(responder.packets);
        self.number(initiator.octets);
        self.number(responder.octets);
        self.number(initiator.retransmissions + responder.retransmissions);
        self.number(flow.exchanges);
        self.number(flow.unanswered_octets);
        // `released_by` belongs to incidents.
        self.word("");
        self.out.extend(flow.letters.iter());
        self.out.push(b',');
        self.word(conn_state(flow));
        self.number(flow.first.record);
        self.number(flow.last.record);
    }

    fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
        self.out.push(b',');
    }

    fn role(&mut self, role: Option<Role>) {
        self.word(role.map_or("", Role::as_str));
    }

    fn number(&mut self, value: u64) {
        push_number(value, self.out);
        self.out.push(b',');
    }

    fn time(&mut self, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.dates.push(time, self.out);
        }
        self.out.push(b',');
    }

    fn seconds(&mut self, span: Option<TimeDelta>) {
        if let Some(span) = span {
            push_seconds(span, self.out);
        }
        self.out.push(b',');
    }
}

fn flow_proven(flow: &Flow) -> Sides<bool> {
    Sides { initiator: flow.states.initiator.is_proven(), responder: flow.states.responder.is_proven() }
}
