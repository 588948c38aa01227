//! One row per moment and socket.

use std::io::{self, Write};

use super::{SocketWriter, TableFacts};
use crate::netstat::{Socket, word};
use crate::time::Timestamp;

/// Writes `time_ns,host,local,peer,state,recv_q,recv_q_most`; a moment without any socket is a row with the time alone.
#[derive(Debug)]
pub struct SocketsCsv<W> {
    out: W,
    /// The moment whose sockets come, while none has come.
    empty: Option<Timestamp>,
}

impl<W: Write> SocketsCsv<W> {
    /// Rows onto `out`.
    pub const fn new(out: W) -> Self {
        Self { out, empty: None }
    }

    fn close_moment(&mut self) -> io::Result<()> {
        match self.empty.take() {
            Some(moment) => writeln!(self.out, "{},,,,,,", moment.nanos()),
            None => Ok(()),
        }
    }
}

impl<W: Write> SocketWriter for SocketsCsv<W> {
    fn begin(&mut self, _: &TableFacts<'_>) -> io::Result<()> {
        writeln!(self.out, "time_ns,host,local,peer,state,recv_q,recv_q_most")
    }

    fn moment(&mut self, at: Timestamp) -> io::Result<()> {
        self.close_moment()?;
        self.empty = Some(at);
        Ok(())
    }

    fn socket(&mut self, socket: &Socket) -> io::Result<()> {
        self.empty = None;
        let Socket { at, local, peer, state, recv_queue, .. } = *socket;
        let (time, host, state) = (at.nanos(), local.addr, word(state));
        write!(self.out, "{time},{host},{local},{peer},{state},")?;
        if let Some(least) = recv_queue.least {
            write!(self.out, "{least}")?;
        }
        writeln!(self.out, ",{}", recv_queue.most)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.close_moment()?;
        self.out.flush()
    }
}
