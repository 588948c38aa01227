//! One flow as one row of `flows.csv`.
//!
//! Written by hand: over a million rows, formatting and joining the cells took 330 ns a row, and the `csv`
//! crate's `write_record` took 670 ns a row for cells that were formatted already. What may need quoting still
//! goes through that crate.

use std::io;

use super::cell::{Cell, cell, cell_of};
use super::conn_state::conn_state;
use super::push_text;
use crate::diagnose::Finding;
use crate::digits::push_number_cell;
use crate::flow::{Flow, FlowOutcome, Handshake, Origin, ResetKind};
use crate::net::{Role, Sides};
use crate::report::address::push_address;
use crate::report::input::Sources;
use crate::report::number::DateWriter;
use crate::tcp::State;
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
    /// A file's name and its cell.
    file: (String, Vec<u8>),
}

impl RowWriter {
    pub(super) const fn new() -> Self {
        Self { dates: DateWriter::new(), file: (String::new(), Vec::new()) }
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
        self.push_file(sources.file_of(flow.first.record), out)?;
        out.push(b',');
        for (place, finding) in findings.iter().enumerate() {
            if place > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(finding.rule.code.as_bytes());
        }
        out.push(b'\n');
        Ok(())
    }

    fn push_file(&mut self, name: &str, out: &mut Vec<u8>) -> io::Result<()> {
        let (known, cell) = &mut self.file;
        if known != name {
            cell.clear();
            push_text(name, cell)?;
            name.clone_into(known);
        }
        out.extend_from_slice(cell);
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
        self.cell(match flow.origin {
            Origin::Handshake => cell!("handshake"),
            Origin::Midstream => cell!("midstream"),
        });
        self.cell(match flow.handshake {
            Handshake::NotSeen => cell!("not_seen"),
            Handshake::Syn => cell!("syn"),
            Handshake::SynAck => cell!("syn_ack"),
            Handshake::Complete => cell!("complete"),
            Handshake::Simultaneous => cell!("simultaneous"),
        });
        self.seconds(flow.handshake_rtt);
        self.number(u64::from(flow.syn_retries));
    }

    fn closing(&mut self, flow: &Flow) {
        self.cell(outcome_cell(flow.outcome));
        self.role(flow.active_closer);
        let Sides { initiator, responder } = flow.states;
        self.cell(state_cell(initiator.presumed));
        self.cell(state_cell(responder.presumed));
        self.cell(match (initiator.is_proven(), responder.is_proven()) {
            (true, true) => cell!("both"),
            (true, false) => cell!("initiator"),
            (false, true) => cell!("responder"),
            (false, false) => cell!("none"),
        });
        self.time(flow.fin.initiator.map(|fin| fin.first.time));
        self.time(flow.fin.responder.map(|fin| fin.first.time));
        self.seconds(flow.fin_delay);
        self.role(flow.close_wait.map(|wait| wait.at));
        self.seconds(flow.close_wait.map(|wait| wait.lasted));
        let reset = flow.reset();
        self.role(reset.map(|reset| reset.by));
        self.cell(reset.map_or(cell!(""), |reset| reset_cell(reset.kind)));
    }

    fn history(&mut self, flow: &Flow) {
        self.number(u64::from(flow.incarnation));
        if let Some(reuse) = flow.reuse {
            self.number(reuse.predecessor);
            self.seconds(reuse.gap);
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
        self.out.push(b',');
        flow.letters.iter().for_each(|letter| self.out.push(letter));
        self.out.push(b',');
        self.out.extend_from_slice(conn_state(flow).as_bytes());
        self.out.push(b',');
        self.number(flow.first.record);
        self.number(flow.last.record);
    }

    fn cell(&mut self, cell: &Cell) {
        cell.push(self.out);
    }

    fn role(&mut self, role: Option<Role>) {
        match role {
            None => self.out.push(b','),
            Some(role) => self.cell(cell_of!(role, Role { Initiator, Responder })),
        }
    }

    fn number(&mut self, value: u64) {
        push_number_cell(value, self.out);
    }

    fn time(&mut self, time: Option<Timestamp>) {
        match time {
            None => self.out.push(b','),
            Some(time) => self.dates.push_cell(time, self.out),
        }
    }

    fn seconds(&mut self, span: Option<TimeDelta>) {
        if let Some(span) = span {
            span.write_seconds(self.out);
        }
        self.out.push(b',');
    }
}

fn outcome_cell(outcome: FlowOutcome) -> &'static Cell {
    cell_of!(
        outcome,
        FlowOutcome {
            Refused,
            RefusedIcmp,
            SynUnanswered,
            HandshakeIncomplete,
            ResetThirdParty,
            LateFinIntoSuccessor,
            LateDataRst,
            LateFinRst,
            LateProbeRst,
            ResetInitiator,
            ResetResponder,
            FinUnacked,
            HalfClosed,
            DelayedFin,
            SimultaneousClose,
            CleanClose,
            OpenUnanswered,
            OpenStalled,
            OpenUnacked,
            Open,
            Undecided,
        }
    )
}

fn state_cell(state: State) -> &'static Cell {
    cell_of!(
        state,
        State {
            Listen,
            SynSent,
            SynReceived,
            Established,
            FinWait1,
            FinWait2,
            CloseWait,
            Closing,
            LastAck,
            TimeWait,
            Closed,
        }
    )
}

fn reset_cell(kind: ResetKind) -> &'static Cell {
    cell_of!(
        kind,
        ResetKind {
            Refusal,
            Abort,
            AfterOwnFin,
            StaleFin,
            StaleData,
            StaleProbe,
            CrossedFin,
            StateLost,
            SuccessorSyn,
            Unsolicited,
            ThirdParty,
        }
    )
}
