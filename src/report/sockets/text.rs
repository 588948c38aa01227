//! Tables for people: one per host and moment, with the counts of its states below.

use std::io::{self, Write};
use std::net::IpAddr;

use super::words::{Clock, Tally, brief};
use super::{SocketWriter, TableFacts};
use crate::netstat::{RecvQueue, Socket, word};
use crate::report::paint::Paint;
use crate::report::text::{TextOptions, wrap};
use crate::time::Timestamp;

/// Columns of `Proto`, of `CLOSE-WAIT?`, and of a span.
const PROTO: usize = 5;
const STATE: usize = 11;
const SPAN: usize = 6;
const LEAST_RECV_QUEUE: usize = 6;
const LEAST_FLOW: usize = 4;

const LEGEND: &str = "?: presumed, for what led to the state is not shown to have arrived, or its timer is overdue. \
                      Recv-Q: a capture proves the most that it can be (≤); the least only where a window was closed.";

/// Writes a table per host and moment.
#[derive(Debug)]
pub struct SocketsText<W> {
    out: W,
    width: usize,
    paint: Paint,
    clock: Clock,
    columns: Columns,
    /// The moment whose sockets come, while none has come.
    empty: Option<Timestamp>,
    host: Option<IpAddr>,
    tally: Tally,
    has_tables: bool,
}

/// How wide what varies is, and what lies between columns.
#[derive(Clone, Copy, Debug, Default)]
struct Columns {
    local: usize,
    peer: usize,
    recv_queue: usize,
    flow: usize,
    gap: &'static str,
}

impl Columns {
    fn new(table: &TableFacts<'_>, width: usize) -> Self {
        let digits = |number: u64| number.to_string().len();
        let mut columns = Self {
            local: table.local.max("Local".len()),
            peer: table.peer.max("Peer".len()),
            recv_queue: ("≤ ".chars().count() + digits(table.recv_queue)).max(LEAST_RECV_QUEUE),
            flow: digits(table.flow).max(LEAST_FLOW),
            gap: " ",
        };
        if columns.total() + COLUMNS - 1 <= width {
            columns.gap = "  ";
        }
        columns
    }

    const fn total(&self) -> usize {
        let Self { local, peer, recv_queue, flow, gap } = *self;
        PROTO + recv_queue + local + peer + STATE + 2 * SPAN + flow + (COLUMNS - 1) * gap.len()
    }
}

/// How many columns a table has.
const COLUMNS: usize = 8;

impl<W: Write> SocketsText<W> {
    /// Tables onto `out`.
    pub fn new(out: W, options: TextOptions) -> Self {
        Self {
            out,
            width: options.width.clamp(80, 160),
            paint: Paint::new(options.color),
            clock: Clock::default(),
            columns: Columns::default(),
            empty: None,
            host: None,
            tally: Tally::default(),
            has_tables: false,
        }
    }

    /// Ends the table of a host, if one was begun.
    fn close_table(&mut self) -> io::Result<()> {
        if self.host.take().is_none() {
            return Ok(());
        }
        wrap("", "", &self.tally.take().words(), self.width, &mut self.out)
    }

    fn close_moment(&mut self) -> io::Result<()> {
        self.close_table()?;
        match self.empty.take() {
            Some(moment) => writeln!(self.out, "no socket at {}", self.clock.tell(moment)),
            None => Ok(()),
        }
    }

    fn open_table(&mut self, host: IpAddr, at: Timestamp) -> io::Result<()> {
        self.close_table()?;
        if self.has_tables {
            writeln!(self.out)?;
        }
        (self.host, self.has_tables) = (Some(host), true);
        let title = format!("host {host} at {}", self.clock.tell(at));
        let heads =
            ["Proto", "Recv-Q", "Local", "Peer", "State", "Since", "Timer", "Flow"].map(str::to_owned);
        let heads = self.line(heads);
        writeln!(self.out, "{}\n{}", self.paint.bold(&title), self.paint.dim(&heads))
    }

    /// Numbers stand right, words left.
    fn line(&self, [proto, recv_q, local, peer, state, since, timer, flow]: [String; COLUMNS]) -> String {
        let Columns { local: own, peer: other, recv_queue, flow: number, gap } = self.columns;
        format!(
            "{proto:<PROTO$}{gap}{recv_q:<recv_queue$}{gap}{local:<own$}{gap}{peer:<other$}{gap}{state:<STATE$}{gap}\
             {since:>SPAN$}{gap}{timer:>SPAN$}{gap}{flow:>number$}"
        )
    }
}

impl<W: Write> SocketWriter for SocketsText<W> {
    fn begin(&mut self, table: &TableFacts<'_>) -> io::Result<()> {
        self.clock = Clock::new(table.input);
        self.columns = Columns::new(table, self.width);
        Ok(())
    }

    fn moment(&mut self, at: Timestamp) -> io::Result<()> {
        self.close_moment()?;
        self.empty = Some(at);
        Ok(())
    }

    fn socket(&mut self, socket: &Socket) -> io::Result<()> {
        self.empty = None;
        let Socket { at, local, peer, state, since, recv_queue, flow, .. } = *socket;
        if self.host != Some(local.addr) {
            self.open_table(local.addr, at)?;
        }
        self.tally.add(state);
        let doubt = if socket.is_certain { "" } else { "?" };
        let timer = match socket.left() {
            Some(left) if left.nanos() == 0 => "due".to_owned(),
            left => left.map(brief).unwrap_or_default(),
        };
        let cells = [
            if local.addr.is_ipv4() { "tcp" } else { "tcp6" }.to_owned(),
            bounds(recv_queue),
            local.to_string(),
            peer.to_string(),
            format!("{}{doubt}", word(state)),
            brief(at - since),
            timer,
            flow.to_string(),
        ];
        let line = self.line(cells);
        writeln!(self.out, "{line}")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.close_moment()?;
        if self.has_tables {
            writeln!(self.out)?;
            wrap("", "", LEGEND, self.width.min(120), &mut self.out)?;
        }
        self.out.flush()
    }
}

/// `≤ 79`, `1–79`.
fn bounds(RecvQueue { least, most }: RecvQueue) -> String {
    match least {
        Some(least) => format!("{least}–{most}"),
        None => format!("≤ {most}"),
    }
}
