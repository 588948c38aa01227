//! A flood of SYNs, each from another four-tuple: what fills a table of connections fastest.

use std::collections::VecDeque;
use std::io::{self, Write};

/// Capture time of the first record: 2026-01-01T00:00:00Z, in microseconds.
const START: u64 = 1_767_225_600_000_000;
/// From a SYN to its answer, in microseconds.
const ANSWER_AFTER: u64 = 300;
const SERVER: [u8; 4] = [10, 255, 0, 1];
const SERVICE: u16 = 8080;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
/// Ethernet, IPv4 and TCP without options, as flooding tools send it.
const FRAME: usize = 54;

/// A flood to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flood {
    /// SYNs, no two with one four-tuple.
    pub(crate) tuples: u32,
    /// Seconds over which they are spread evenly.
    pub(crate) seconds: u32,
    /// True when the server answers every second one with SYN-ACK.
    pub(crate) answered: bool,
}

impl Flood {
    /// Writes the flood as classic pcap, in order of time; gives the number of records.
    pub(crate) fn write(self, out: &mut impl Write) -> io::Result<u64> {
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
            out.write_all(&word.to_le_bytes())?;
        }
        let mut answers = VecDeque::new();
        let mut records = 0;
        for number in 0..self.tuples {
            let now =
                START + u64::from(self.seconds) * 1_000_000 * u64::from(number) / u64::from(self.tuples);
            while let Some((at, client)) = answers.pop_front_if(|(at, _)| *at <= now) {
                write_record(out, at, &frame(client, SYN_ACK))?;
                records += 1;
            }
            // Multiplication by an odd number takes no two numbers to one place.
            let client = number.wrapping_mul(0x9e37_79b1);
            write_record(out, now, &frame(client, SYN))?;
            records += 1;
            if self.answered && number % 2 == 0 {
                answers.push_back((now + ANSWER_AFTER, client));
            }
        }
        for (at, client) in answers {
            write_record(out, at, &frame(client, SYN_ACK))?;
            records += 1;
        }
        Ok(records)
    }
}

fn write_record(out: &mut impl Write, micros: u64, frame: &[u8; FRAME]) -> io::Result<()> {
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
    let fraction = u32::try_from(micros % 1_000_000).unwrap_or(0);
    for word in [seconds, fraction, 54, 54] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(frame)
}

/// The frame between `client`, whose bits are 24 of the address and 8 of the port, and the server.
fn frame(client: u32, flags: u8) -> [u8; FRAME] {
    let [high, middle, low, port] = client.to_be_bytes();
    let (address, port) = ([10, high, middle, low], 1024 + u16::from(port));
    let isn = client.rotate_left(16).to_be_bytes();
    let (from, to, seq, ack) = if flags == SYN {
        ((address, port), (SERVER, SERVICE), isn, [0; 4])
    } else {
        let next = u32::from_be_bytes(isn).wrapping_add(1).to_be_bytes();
        ((SERVER, SERVICE), (address, port), (!client).to_be_bytes(), next)
    };
    let mut tcp = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
    tcp.extend([seq, ack].concat());
    tcp.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    let sum = checksum(&[&from.0[..], &to.0, &[0, 6, 0, 20], &tcp].concat());
    tcp.splice(16..18, sum);
    let mut ip = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
    ip.extend([from.0, to.0].concat());
    let sum = checksum(&ip);
    ip.splice(10..12, sum);
    let mut frame = [0; FRAME];
    let ethernet = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    for (place, octet) in frame.iter_mut().zip(ethernet.into_iter().chain(ip).chain(tcp)) {
        *place = octet;
    }
    frame
}

/// The Internet checksum (RFC 1071) of an even number of octets.
fn checksum(octets: &[u8]) -> [u8; 2] {
    let (words, _) = octets.as_chunks();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum >> 16) + (sum & 0xffff);
    let [_, _, high, low] = (!(folded + (folded >> 16))).to_be_bytes();
    [high, low]
}
