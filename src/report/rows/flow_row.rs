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
use crate::flow::{Flow, FlowOutcome, Handshake, Origin, ResetKind};
use crate::net::{Role, Sides};
use crate::report::holes::Hole;
use crate::report::input::Sources;
use crate::report::number::DateWriter;
use crate::report::pen::{Pen, Room};
use crate::tcp::State;
use crate::time::Timestamp;

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
    room: Room,
    dates: DateWriter,
    /// A file's name and its cell.
    file: (String, Vec<u8>),
    /// A row that is too long for the room: file names may have any length.
    long: Vec<u8>,
}

impl RowWriter {
    pub(super) const fn new() -> Self {
        Self {
            room: Room::new(),
            dates: DateWriter::new(),
            file: (String::new(), Vec::new()),
            long: Vec::new(),
        }
    }

    /// The row of `flow`, with its line feed.
    pub(super) fn row(
        &mut self,
        flow: &Flow,
        findings: &[Finding],
        sources: &Sources<'_>,
    ) -> io::Result<&[u8]> {
        self.turn_to(sources.file_of(flow.first.record))?;
        let (_, file) = &self.file;
        let mut row = Row { pen: Pen::new(&mut self.room), dates: &mut self.dates, id_length: 0 };
        row.identity(flow);
        row.opening(flow);
        row.closing(flow);
        row.history(flow, sources.place.may_be_released);
        let mut pen = row.pen;
        let length = pen.length();
        let fits = pen.text(file) && push_codes(findings, |text| pen.text(text));
        if fits {
            return Ok(pen.into_written());
        }
        self.long.clear();
        self.long.extend(pen.written().iter().take(length));
        self.long.extend_from_slice(file);
        push_codes(findings, |text| {
            self.long.extend_from_slice(text);
            true
        });
        Ok(&self.long)
    }

    /// Makes the cell of a file's name.
    fn turn_to(&mut self, name: &str) -> io::Result<()> {
        let (known, cell) = &mut self.file;
        if known != name {
            cell.clear();
            push_text(name, cell)?;
            name.clone_into(known);
        }
        Ok(())
    }
}

/// Writes the end of a row, which tells the findings, with `write`, until that says that it could not.
fn push_codes(findings: &[Finding], mut write: impl FnMut(&[u8]) -> bool) -> bool {
    write(b",")
        && findings
            .iter()
            .enumerate()
            .all(|(place, finding)| (place == 0 || write(b" ")) && write(finding.rule.code.as_bytes()))
        && write(b"\n")
}

/// Writes cells, each followed by a comma.
struct Row<'a> {
    pen: Pen<'a>,
    dates: &'a mut DateWriter,
    /// The length of the first cell.
    id_length: usize,
}

impl Row<'_> {
    #[inline]
    fn identity(&mut self, flow: &Flow) {
        self.pen.number(flow.id);
        self.id_length = self.pen.length();
        self.pen.number(flow.stream);
        for endpoint in [flow.initiator, flow.responder] {
            self.pen.address(endpoint.addr);
            self.pen.number(u64::from(endpoint.port));
        }
        self.time(Some(flow.first.time));
        self.time(Some(flow.last.time));
        self.pen.seconds(Some(flow.duration()));
    }

    #[inline]
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
        self.pen.seconds(flow.handshake_rtt);
        self.pen.number(u64::from(flow.syn_retries));
    }

    #[inline]
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
        self.pen.seconds(flow.fin_delay);
        self.role(flow.close_wait.map(|wait| wait.at));
        self.pen.seconds(flow.close_wait.map(|wait| wait.lasted));
        match flow.reset() {
            None => self.pen.word(b",,"),
            Some(reset) => {
                self.role(Some(reset.by));
                self.cell(reset_cell(reset.kind));
            }
        }
    }

    #[inline]
    fn history(&mut self, flow: &Flow, may_be_released: bool) {
        self.pen.number(u64::from(flow.incarnation));
        if let Some(reuse) = flow.reuse {
            self.pen.number(reuse.predecessor);
            self.pen.seconds(reuse.gap);
        } else {
            self.pen.word(b",,");
        }
        let Sides { initiator, responder } = &flow.traffic;
        self.pen.number(initiator.packets);
        self.pen.number(responder.packets);
        self.pen.number(initiator.octets);
        self.pen.number(responder.octets);
        self.pen.number(initiator.retransmissions + responder.retransmissions);
        self.pen.number(flow.exchanges);
        self.pen.number(flow.unanswered_octets);
        if may_be_released {
            let hole = Hole::ReleasedBy(flow.id).text();
            // The row so far is shorter than the room by far.
            let _ = self.pen.text(hole.as_bytes());
        }
        self.pen.word(b",");
        let (letters, length) = flow.letters.text();
        self.pen.put(&letters, length);
        self.pen.word(b",");
        self.conn_state(conn_state(flow));
        // A flow is called by the number of its first record.
        if flow.first.record == flow.id {
            self.pen.repeat_first(self.id_length);
        } else {
            self.pen.number(flow.first.record);
        }
        self.pen.number(flow.last.record);
    }

    /// Zeek's words have six octets at most.
    #[inline]
    fn conn_state(&mut self, word: &str) {
        let mut text = [0; 8];
        text.iter_mut().zip(word.bytes()).for_each(|(place, octet)| *place = octet);
        self.pen.put(&text, word.len());
        self.pen.word(b",");
    }

    #[inline]
    fn cell(&mut self, cell: &Cell) {
        cell.push(&mut self.pen);
    }

    #[inline]
    fn role(&mut self, role: Option<Role>) {
        match role {
            None => self.pen.word(b","),
            Some(role) => self.cell(cell_of!(role, Role { Initiator, Responder })),
        }
    }

    #[inline]
    fn time(&mut self, time: Option<Timestamp>) {
        self.pen.time(time, self.dates);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::Story;
    use crate::flow::{Answered, Letter, Reuse, ReuseKind};
    use crate::survey::Place;
    use crate::time::TimeDelta;

    /// The greatest number in every place, the longest word in every other.
    fn widest() -> Flow {
        let mut flow = Story::connected()
            .fin(Role::Initiator, 1.0)
            .acked(1.1)
            .fin(Role::Responder, 2.0)
            .reset(ResetKind::AfterOwnFin, Role::Responder, 3.0, Some(Answered::Data))
            .flow(FlowOutcome::LateFinIntoSuccessor);
        let span = Some(TimeDelta::from_nanos(i64::MIN));
        (flow.id, flow.stream, flow.syn_retries, flow.incarnation) = (u64::MAX, u64::MAX, u32::MAX, u32::MAX);
        let addr = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
        for endpoint in [&mut flow.initiator, &mut flow.responder] {
            (endpoint.addr, endpoint.port) = (addr, u16::MAX);
        }
        (flow.first.record, flow.last.record) = (u64::MAX, u64::MAX);
        (flow.first.time, flow.last.time) = (Timestamp::MAX, Timestamp::MIN);
        flow.handshake = Handshake::Simultaneous;
        (flow.handshake_rtt, flow.fin_delay) = (span, span);
        flow.close_wait.as_mut().unwrap().lasted = TimeDelta::from_nanos(i64::MIN);
        for role in Role::BOTH {
            flow.states[role].presumed = State::SynReceived;
            flow.traffic[role].packets = u64::MAX;
            flow.traffic[role].octets = u64::MAX;
            flow.traffic[role].retransmissions = u64::MAX / 2;
        }
        (flow.exchanges, flow.unanswered_octets) = (u64::MAX, u64::MAX);
        flow.reuse = Some(Reuse {
            predecessor: u64::MAX,
            gap: span,
            kind: ReuseKind::Open,
            waiting: None,
            since: None,
        });
        (0..30).for_each(|_| flow.letters.note_again(Role::Responder, Letter::Flipped));
        flow
    }

    #[test]
    fn the_widest_row_fits_the_room() {
        let sources = Sources { names: &[], locate: &|_| (0, 0), place: Place::default() };
        let mut rows = RowWriter::new();
        let row = str::from_utf8(rows.row(&widest(), &[], &sources).unwrap()).unwrap();
        assert!(row.starts_with(&format!("{0},{0},ffff:ffff:ffff", u64::MAX)), "{row}");
        assert_eq!(row.split(',').count(), COLUMNS.split(',').count());
        assert!((700..1000).contains(&row.len()), "{}", row.len());
    }

    #[test]
    fn a_file_name_may_have_any_length() {
        let mut rows = RowWriter::new();
        let mut row = |names: &[String]| {
            let sources = Sources { names, locate: &|_| (0, 0), place: Place::default() };
            String::from_utf8(rows.row(&widest(), &[], &sources).unwrap().to_vec()).unwrap()
        };
        let bare = row(&[]);
        for length in [1, 40, 1000, 1500, 5000] {
            let name = "n".repeat(length);
            assert_eq!(row(std::slice::from_ref(&name)), bare.replace(",,\n", &format!(",{name},\n")));
        }
    }
}
