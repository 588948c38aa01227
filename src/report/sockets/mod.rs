//! Socket tables: what `ss` or `netstat` would have shown on each host at a moment.
//!
//! Flows are finished out of time order, so sockets go through the [sorter](super::spill) and are told at the end.

mod csv;
mod entry;

use std::io;
use std::iter::Peekable;
use std::mem;

pub use csv::SocketsCsv;

use self::entry::{Entry, SocketKey};
use super::Report;
use super::input::{InputFacts, Plan, Sources};
use super::spill::Sorter;
use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::narrow::Network;
use crate::netstat::{Moments, Socket, Stack, Within, for_each_socket};
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
        self.moments.check(flow)?;
        for_each_socket(flow, &self.stack, &self.moments, |socket| {
            let is_asked = |network: &Network| network.contains(socket.local.addr);
            if self.hosts.is_empty() || self.hosts.iter().any(is_asked) { tell(socket) } else { Ok(()) }
        })
    }

    /// The moments of the whole input, in order.
    fn moments(&self, input: &InputFacts) -> Within<'_> {
        let end = |last: Timestamp| last + TimeDelta::from_nanos(1);
        match (&self.moments, input.first_time.zip(input.last_time)) {
            (Moments::Every { .. }, Some((first, last))) => self.moments.within(first, end(last)),
            (Moments::Every { .. }, None) => self.moments.within(Timestamp::MAX, Timestamp::MAX),
            (Moments::At(_), _) => self.moments.within(Timestamp::MIN, Timestamp::MAX),
        }
    }
}

impl Moments {
    /// Nothing is told of more moments than this: a time stamp gone astray makes a capture of a second one of decades.
    const MOST: i64 = 10_000_000;

    fn check(&self, flow: &Flow) -> io::Result<()> {
        match self {
            Self::Every { step, .. } if (flow.decided - flow.first.time).nanos() / step.nanos() > Self::MOST => {
                let text = format!("one moment every {step} is too many for a capture as long as this");
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
            _ => Ok(()),
        }
    }
}

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
}

/// Gathers the sockets of a run and tells its writers of them, moment by moment.
pub struct SocketTables<'a> {
    query: SocketQuery,
    writers: Vec<Box<dyn SocketWriter + 'a>>,
    sorter: Sorter<SocketKey>,
    row: Vec<u8>,
    local: usize,
    peer: usize,
}

impl<'a> SocketTables<'a> {
    /// Tells `writers` what `query` asks for.
    pub fn new(query: SocketQuery, writers: Vec<Box<dyn SocketWriter + 'a>>) -> Self {
        let sorter = Sorter::new(Sorter::DEFAULT_LIMIT);
        Self { query, writers, sorter, row: Vec::new(), local: 0, peer: 0 }
    }

    fn tell(&mut self, socket: &Socket) -> io::Result<()> {
        self.writers.iter_mut().try_for_each(|writer| writer.socket(socket))
    }
}

impl Report for SocketTables<'_> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, _: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        let Self { query, sorter, row, local, peer, .. } = self;
        query.ask(flow, |socket| {
            *local = (*local).max(socket.local.to_string().len());
            *peer = (*peer).max(socket.peer.to_string().len());
            row.clear();
            Entry::of(flow, socket).write(row);
            sorter.push(SocketKey::of(socket), row)
        })
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        let facts = TableFacts { input, local: self.local, peer: self.peer };
        self.writers.iter_mut().try_for_each(|writer| writer.begin(&facts))?;
        let query = self.query.clone();
        let mut moments = query.moments(input).peekable();
        let mut sorter = mem::replace(&mut self.sorter, Sorter::new(Sorter::DEFAULT_LIMIT));
        let mut last: Option<(SocketKey, Entry)> = None;
        sorter.drain(|key, row| {
            let Some(entry) = Entry::read(row) else { return Ok(()) };
            if let Some((key, older)) = last.replace((key, entry)).filter(|older| !older.1.is_replaced_by(&older.0, &key)) {
                self.next(&key, &older, &mut moments)?;
            }
            Ok(())
        })?;
        if let Some((key, entry)) = last {
            self.next(&key, &entry, &mut moments)?;
        }
        for moment in moments {
            self.writers.iter_mut().try_for_each(|writer| writer.moment(moment))?;
        }
        self.writers.iter_mut().try_for_each(|writer| writer.finish())
    }
}

impl SocketTables<'_> {
    /// Tells the next socket, after the moments up to its own.
    fn next(&mut self, key: &SocketKey, entry: &Entry, moments: &mut Peekable<Within<'_>>) -> io::Result<()> {
        while let Some(moment) = moments.next_if(|moment| *moment <= key.at) {
            self.writers.iter_mut().try_for_each(|writer| writer.moment(moment))?;
        }
        self.tell(&entry.socket(key))
    }
}
