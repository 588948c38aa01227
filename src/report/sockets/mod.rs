//! Socket tables: what `ss` or `netstat` would have shown on each host at a moment.
//!
//! Flows are finished out of time order, so sockets go through the [sorter](super::spill) and are told at the end.

mod asked;
mod counts;
mod csv;
mod entry;
mod text;
mod words;

use std::io;
use std::mem;

pub use counts::SocketCounts;
pub use csv::SocketsCsv;
pub use text::SocketsText;

use self::asked::Asked;
use self::entry::{Entry, SocketKey};
use super::Report;
use super::input::{InputFacts, Plan, Sources};
use super::spill::Sorter;
use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::narrow::Network;
use crate::netstat::{Moments, Socket, Stack, for_each_socket};
use crate::time::{TimeDelta, Timestamp};

/// What is asked of the sockets.
#[derive(Clone, Debug)]
pub struct SocketQuery {
    /// When.
    pub moments: Moments,
    /// What the hosts' stacks do.
    pub stack: Stack,
    /// Of which hosts; of all when empty.
    pub hosts: Vec<Network>,
}

impl SocketQuery {
    /// Tells `tell` of the sockets of `flow` that are asked for.
    fn ask(&self, flow: &Flow, mut tell: impl FnMut(&Socket) -> io::Result<()>) -> io::Result<()> {
        self.check(flow.decided - flow.first.time)?;
        for_each_socket(flow, &self.stack, &self.moments, |socket| {
            let is_asked = |network: &Network| network.contains(socket.local.addr);
            if self.hosts.is_empty() || self.hosts.iter().any(is_asked) { tell(socket) } else { Ok(()) }
        })
    }

    /// The moments of the whole input, in order.
    fn moments(&self, input: &InputFacts) -> io::Result<Asked<'_>> {
        self.check(input.span())?;
        let after = |last: Timestamp| last + TimeDelta::from_nanos(1);
        Ok(Asked::new(match (&self.moments, input.first_time.zip(input.last_time)) {
            (Moments::Every { .. }, Some((first, last))) => self.moments.within(first, after(last)),
            (Moments::Every { .. }, None) => self.moments.within(Timestamp::MAX, Timestamp::MAX),
            (Moments::At(_), _) => self.moments.within(Timestamp::MIN, Timestamp::MAX),
        }))
    }

    /// Refuses to tell of far too many moments.
    fn check(&self, span: TimeDelta) -> io::Result<()> {
        match self.moments {
            Moments::Every { step, .. } if span.nanos() / step.nanos().max(1) > MOST_MOMENTS => {
                let text = format!("a moment every {step} is too many for a capture of {span}");
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
            _ => Ok(()),
        }
    }
}

/// A time stamp gone astray makes a capture of a minute one of decades.
const MOST_MOMENTS: i64 = 10_000_000;

/// Something that tells tables of sockets.
pub trait SocketWriter {
    /// Told once, before any socket.
    ///
    /// # Errors
    /// What the writer says.
    fn begin(&mut self, table: &TableFacts<'_>) -> io::Result<()>;

    /// A moment that was asked for; its sockets follow, if there are any.
    ///
    /// # Errors
    /// What the writer says.
    fn moment(&mut self, at: Timestamp) -> io::Result<()>;

    /// A socket of this moment, in the order of hosts, ports and peers.
    ///
    /// # Errors
    /// What the writer says.
    fn socket(&mut self, socket: &Socket) -> io::Result<()>;

    /// Told once, after the last.
    ///
    /// # Errors
    /// What the writer says.
    fn finish(&mut self) -> io::Result<()>;
}

/// What is known of all tables before the first is told.
#[derive(Clone, Copy, Debug)]
pub struct TableFacts<'a> {
    /// The input.
    pub input: &'a InputFacts,
    /// The longest name of a local endpoint, in columns,
    pub local: usize,
    /// and of a peer.
    pub peer: usize,
    /// The greatest Recv-Q,
    pub recv_queue: u64,
    /// and the greatest number of a flow.
    pub flow: u64,
}

/// Gathers the sockets of a run and tells its writers of them, moment by moment.
pub struct SocketTables<'a> {
    query: SocketQuery,
    writers: Vec<Box<dyn SocketWriter + 'a>>,
    sorter: Sorter<SocketKey>,
    row: Vec<u8>,
    widest: Widest,
}

/// What decides how wide columns are.
#[derive(Clone, Copy, Debug, Default)]
struct Widest {
    local: usize,
    peer: usize,
    recv_queue: u64,
    flow: u64,
}

impl Widest {
    fn note(&mut self, socket: &Socket) {
        self.local = self.local.max(socket.local.to_string().len());
        self.peer = self.peer.max(socket.peer.to_string().len());
        self.recv_queue = self.recv_queue.max(socket.recv_queue.most);
        self.flow = self.flow.max(socket.flow);
    }
}

impl<'a> SocketTables<'a> {
    /// Tells `writers` what `query` asks for.
    pub fn new(query: SocketQuery, writers: Vec<Box<dyn SocketWriter + 'a>>) -> Self {
        let sorter = Sorter::new(Sorter::DEFAULT_LIMIT);
        Self { query, writers, sorter, row: Vec::new(), widest: Widest::default() }
    }

    /// Tells the next socket, after the moments up to its own; timers may outlast the input.
    fn tell(&mut self, socket: &Socket, asked: &mut Asked<'_>) -> io::Result<()> {
        let writers = &mut self.writers;
        let each = |moment| writers.iter_mut().try_for_each(|writer| writer.moment(moment));
        if asked.reach(socket.at, each)? {
            self.writers.iter_mut().try_for_each(|writer| writer.socket(socket))?;
        }
        Ok(())
    }
}

impl Report for SocketTables<'_> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, _: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        let Self { query, sorter, row, widest, .. } = self;
        query.ask(flow, |socket| {
            widest.note(socket);
            row.clear();
            Entry::of(socket).write(row);
            sorter.push(SocketKey::of(socket), row)
        })
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        let Widest { local, peer, recv_queue, flow } = self.widest;
        let facts = TableFacts { input, local, peer, recv_queue, flow };
        self.writers.iter_mut().try_for_each(|writer| writer.begin(&facts))?;
        let query = self.query.clone();
        let mut asked = query.moments(input)?;
        let mut sorter = mem::replace(&mut self.sorter, Sorter::new(Sorter::DEFAULT_LIMIT));
        sorter.drain(|key, row| match Entry::read(row) {
            Some(entry) => self.tell(&entry.socket(&key), &mut asked),
            None => Ok(()),
        })?;
        asked.finish(|moment| self.writers.iter_mut().try_for_each(|writer| writer.moment(moment)))?;
        self.writers.iter_mut().try_for_each(|writer| writer.finish())
    }
}
