//! How many sockets in each state each host had: what `netstat -ant | awk '{print $6}' | sort | uniq -c` would have said
//! at each moment.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::net::IpAddr;

use super::SocketQuery;
use super::asked::Asked;
use super::entry::{address_octets, joined, take, take_address};
use super::words::{Clock, Tally};
use crate::diagnose::Finding;
use crate::flow::Flow;
use crate::netstat::word;
use crate::report::Report;
use crate::report::input::{InputFacts, Plan, Sources};
use crate::report::paint::Paint;
use crate::report::spill::{Key, Sorter};
use crate::report::text::{TextOptions, wrap};
use crate::tcp::State;
use crate::time::Timestamp;

/// Counts kept in memory; more of them are put aside and added up at the end.
const MOST_IN_MEMORY: usize = 1 << 18;

/// Counts the sockets of a run by moment, host and state, and writes a line for each moment and host.
#[derive(Debug)]
pub struct SocketCounts<W> {
    out: W,
    width: usize,
    paint: Paint,
    query: SocketQuery,
    counts: BTreeMap<CountKey, Tally>,
    aside: Sorter<CountKey>,
    /// Over all: which states have a column.
    total: Tally,
    host: usize,
    most: usize,
}

impl<W: Write> SocketCounts<W> {
    /// The counts of what `query` asks for onto `out`.
    pub fn new(out: W, query: SocketQuery, options: TextOptions) -> Self {
        Self {
            out,
            width: options.width.clamp(80, 160),
            paint: Paint::new(options.color),
            query,
            counts: BTreeMap::new(),
            aside: Sorter::new(Sorter::DEFAULT_LIMIT),
            total: Tally::default(),
            host: 0,
            most: MOST_IN_MEMORY,
        }
    }

    /// The same with at most so many counts in memory, the others on disk.
    #[must_use]
    pub const fn holding(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    fn put_aside(&mut self) -> io::Result<()> {
        for (key, tally) in mem::take(&mut self.counts) {
            let row: Vec<u8> = tally.0.iter().flat_map(|count| count.to_ne_bytes()).collect();
            self.aside.push(key, &row)?;
        }
        Ok(())
    }
}

impl<W: Write> Report for SocketCounts<W> {
    fn begin(&mut self, _: &Plan) -> io::Result<()> {
        Ok(())
    }

    fn flow(&mut self, flow: &Flow, _: &[Finding], _: &Sources<'_>) -> io::Result<()> {
        let Self { query, counts, total, host, .. } = self;
        query.ask(flow, |socket| {
            let key = CountKey { at: socket.at, host: socket.local.addr };
            *host = (*host).max(key.host.to_string().len());
            total.add(socket.state);
            counts.entry(key).or_default().add(socket.state);
            Ok(())
        })?;
        if self.counts.len() >= self.most { self.put_aside() } else { Ok(()) }
    }

    fn finish(&mut self, input: &InputFacts) -> io::Result<()> {
        self.put_aside()?;
        let clock = Clock::new(input);
        let lines = Lines {
            states: State::ALL.into_iter().filter(|state| self.total.of(*state) > 0).collect(),
            time: clock.width(),
            host: self.host.max("host".len()),
            width: self.width,
            clock,
        };
        let (out, asked) = (&mut self.out, &self.query);
        lines.head(self.paint, out)?;
        let mut asked = asked.moments(input)?;
        let mut sum: Option<(CountKey, Tally)> = None;
        self.aside.drain(|key, row| {
            let more = Tally::read(row);
            if let Some((_, tally)) = sum.as_mut().filter(|(same, _)| *same == key) {
                tally.join(&more);
                return Ok(());
            }
            match sum.replace((key, more)) {
                Some((key, tally)) => lines.line(&key, &tally, &mut asked, out),
                None => Ok(()),
            }
        })?;
        if let Some((key, tally)) = sum {
            lines.line(&key, &tally, &mut asked, out)?;
        }
        asked.finish(|moment| lines.empty(moment, out))?;
        out.flush()
    }
}

impl Tally {
    fn read(mut row: &[u8]) -> Self {
        let mut tally = Self::default();
        for count in &mut tally.0 {
            *count = u64::from_ne_bytes(take(&mut row));
        }
        tally
    }
}

/// Counts are in the order of moments, then hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CountKey {
    at: Timestamp,
    host: IpAddr,
}

impl Key for CountKey {
    type Octets = [u8; 25];

    const ROOM: [u8; 25] = [0; 25];

    fn to_octets(self) -> [u8; 25] {
        joined(&[&self.at.nanos().to_ne_bytes(), &address_octets(self.host)])
    }

    fn from_octets(octets: &[u8; 25]) -> Self {
        let mut rest = octets.as_slice();
        let at = Timestamp::from_nanos(i64::from_ne_bytes(take(&mut rest)));
        Self { at, host: take_address(&mut rest) }
    }
}

struct Lines {
    states: Vec<State>,
    clock: Clock,
    time: usize,
    host: usize,
    width: usize,
}

impl Lines {
    /// A column for each state, if the page has room for them.
    fn in_columns(&self) -> bool {
        let states: usize = self.states.iter().map(|state| 2 + word(*state).len()).sum();
        self.time + 2 + self.host + states <= self.width
    }

    fn head(&self, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        let Self { time, host, .. } = *self;
        if self.states.is_empty() {
            return Ok(());
        }
        let mut line = format!("{:<time$}  {:<host$}", "time", "host");
        if self.in_columns() {
            self.states.iter().for_each(|state| line.extend(["  ", word(*state)]));
        }
        writeln!(out, "{}", paint.dim(line.trim_end()))
    }

    /// A line, after the moments up to its own that had no socket.
    fn line(
        &self,
        key: &CountKey,
        tally: &Tally,
        asked: &mut Asked<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let each = |moment| if moment < key.at { self.empty(moment, out) } else { Ok(()) };
        if !asked.reach(key.at, each)? {
            return Ok(());
        }
        let Self { time, host, .. } = *self;
        let line = format!("{:<time$}  {:<host$}", self.clock.time(key.at), key.host.to_string());
        if !self.in_columns() {
            return wrap(&format!("{line}  "), &" ".repeat(time + 2), &tally.words(), self.width, out);
        }
        write!(out, "{line}")?;
        for state in &self.states {
            let width = 2 + word(*state).len();
            let count = Some(tally.of(*state)).filter(|count| *count > 0);
            let count = count.map_or_else(|| "·".to_owned(), |count| count.to_string());
            write!(out, "{count:>width$}")?;
        }
        writeln!(out)
    }

    fn empty(&self, moment: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let time = self.time;
        writeln!(out, "{:<time$}  no socket", self.clock.time(moment))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_read_back(at in any::<i64>(), v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>()) {
            for host in [IpAddr::from(v4), IpAddr::from(v6)] {
                let key = CountKey { at: Timestamp::from_nanos(at), host };
                prop_assert_eq!(CountKey::from_octets(&key.to_octets()), key);
            }
        }
    }
}
