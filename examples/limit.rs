//! What no analyser of TCP captures can do without: `cargo run --release --example limit -- CAPTURE`
//!
//! Reads a classic pcap file (little-endian, Ethernet) in pieces of 256 KiB, walks its records, finds the TCP header behind
//! Ethernet, VLAN tags and IPv4 or IPv6, and looks the connection up once in a table, where it keeps what the smallest of
//! analysers would: packets, flags, next numbers, the time of the first FIN. One thread, no verdict, no output but
//! sums: `benches/compare.sh` tells all programs as multiples of this one. The standard library only.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};

const PIECE: usize = 256 << 10;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const TCP: u8 = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: limit CAPTURE")?;
    let mut file = File::open(path)?;
    let mut header = [0; 24];
    file.read_exact(&mut header)?;
    if !matches!(header, [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1, ..]) {
        return Err("not a little-endian pcap file".into());
    }
    let mut table = Table::new();
    let records = walk(&mut file, |time, frame| {
        if let Some(segment) = parse(frame) {
            table.look_up(time, &segment);
        }
    })?;
    let Table { flows, fins, resets, .. } = table;
    writeln!(io::stdout().lock(), "{records} records, {flows} flows, {fins} FINs, {resets} RSTs")?;
    Ok(())
}

/// Calls `visit` with each record's time and octets; gives the number of records.
fn walk(file: &mut File, mut visit: impl FnMut(u64, &[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; 2 * PIECE];
    let (mut start, mut end, mut records) = (0, 0, 0);
    loop {
        buffer.copy_within(start..end, 0);
        (start, end) = (0, end - start);
        let length = file.read(buffer.get_mut(end..).unwrap_or_default())?;
        if length == 0 {
            return Ok(records);
        }
        end += length;
        let filled = buffer.get(..end).unwrap_or_default();
        while let Some((header, rest)) = filled.get(start..).and_then(<[u8]>::split_first_chunk::<16>) {
            let [seconds, fraction, length] = [0, 4, 8].map(|at| word(header, at, u32::from_le_bytes));
            let Some(frame) = length.and_then(|length| rest.get(..length as usize)) else { break };
            visit(u64::from(seconds.unwrap_or(0)) << 32 | u64::from(fraction.unwrap_or(0)), frame);
            records += 1;
            start += 16 + frame.len();
        }
    }
}

struct Segment {
    /// The lower end first, whoever sends: both directions are one connection.
    key: [u64; 2],
    from_lower: bool,
    flags: u8,
    seq: u32,
    length: u32,
}

/// The TCP segment in an Ethernet frame; `None` for everything else and for what is cut.
fn parse(frame: &[u8]) -> Option<Segment> {
    let mut at = 12;
    while matches!(half(frame, at)?, 0x8100 | 0x88a8) {
        at += 4;
    }
    let ip = frame.get(at + 2..)?;
    let (from, to, header, total) = match half(frame, at)? {
        0x0800 if *ip.get(9)? == TCP && half(ip, 6)? << 3 == 0 => {
            let [from, to] = [12, 16].map(|at| word(ip, at, u32::from_be_bytes).map(u64::from));
            (from?, to?, usize::from(ip.first()? & 15) * 4, usize::from(half(ip, 2)?))
        }
        0x86dd if *ip.get(6)? == TCP => {
            // Folded: two addresses may come to be one. For a limit that will do.
            let [from, to] = [8, 24].map(|at| Some(fold(long(ip, at)?, long(ip, at + 8)?)));
            (from?, to?, 40, 40 + usize::from(half(ip, 4)?))
        }
        _ => return None,
    };
    let tcp: &[u8; 20] = ip.get(header..)?.first_chunk()?;
    let ports = word(tcp, 0, u32::from_be_bytes)?;
    let (from, to) = (from ^ u64::from(ports >> 16) << 40, to ^ u64::from(ports & 0xffff) << 40);
    let [_, _, _, _, _, _, _, _, _, _, _, _, offset, flags, ..] = *tcp;
    let payload = total.saturating_sub(header + usize::from(offset >> 4) * 4);
    let length = u32::try_from(payload).ok()? + u32::from(flags & (SYN | FIN) != 0);
    let seq = word(tcp, 4, u32::from_be_bytes)?;
    Some(Segment { key: [from.min(to), from.max(to)], from_lower: from < to, flags, seq, length })
}

/// One connection in one cache line.
#[derive(Clone, Default)]
#[repr(align(64))]
struct Entry {
    key: [u64; 2],
    last: u64,
    first_fin: u64,
    packets: u32,
    next: [u32; 2],
    flags: [u8; 2],
}

/// Open addressing, linear probing, at most half full.
struct Table {
    entries: Vec<Entry>,
    flows: usize,
    fins: u64,
    resets: u64,
}

impl Table {
    fn new() -> Self {
        Self { entries: vec![Entry::default(); 4096], flows: 0, fins: 0, resets: 0 }
    }

    fn look_up(&mut self, time: u64, segment: &Segment) {
        if self.flows * 2 > self.entries.len() {
            self.grow();
        }
        let Some(entry) = find(&mut self.entries, segment.key) else { return };
        if entry.packets == 0 {
            self.flows += 1;
            entry.key = segment.key;
        }
        entry.packets += 1;
        entry.last = time;
        if segment.flags & FIN != 0 {
            self.fins += 1;
            entry.first_fin = if entry.first_fin == 0 { time } else { entry.first_fin };
        }
        self.resets += u64::from(segment.flags & RST != 0);
        let [upper, lower] = &mut entry.next;
        *(if segment.from_lower { lower } else { upper }) = segment.seq.wrapping_add(segment.length);
        let [upper, lower] = &mut entry.flags;
        *(if segment.from_lower { lower } else { upper }) |= segment.flags;
    }

    fn grow(&mut self) {
        let mut larger = vec![Entry::default(); self.entries.len() * 2];
        for entry in self.entries.drain(..).filter(|entry| entry.packets > 0) {
            if let Some(place) = find(&mut larger, entry.key) {
                *place = entry;
            }
        }
        self.entries = larger;
    }
}

/// The entry with this key, or the free one where it belongs. `entries` are a power of two, some of them free.
fn find(entries: &mut [Entry], key: [u64; 2]) -> Option<&mut Entry> {
    let [lower, upper] = key;
    let mask = entries.len() - 1;
    let mut at = usize::try_from(fold(lower, upper) & 0xffff_ffff).ok()? & mask;
    while entries.get(at).is_some_and(|entry| entry.packets > 0 && entry.key != key) {
        at = (at + 1) & mask;
    }
    entries.get_mut(at)
}

/// Two words mixed into one: the halves of their product (with odd constants, lest zeros stay zero).
fn fold(first: u64, second: u64) -> u64 {
    let (low, high) = (first ^ 0x9e37_79b9_7f4a_7c15).carrying_mul(second ^ 0xbf58_476d_1ce4_e5b9, 0);
    low ^ high
}

fn half(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?))
}

fn word(octets: &[u8], at: usize, order: fn([u8; 4]) -> u32) -> Option<u32> {
    Some(order(*octets.get(at..)?.first_chunk()?))
}

fn long(octets: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*octets.get(at..)?.first_chunk()?))
}
