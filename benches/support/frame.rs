//! Segments to octets: pcap record, Ethernet, IP and TCP headers.

#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "headers of known length, values of known range"
)]

use super::{Random, Segment};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// Capture time of the first microsecond: 2026-01-01T00:00:00Z.
const EPOCH: u64 = 1_767_225_600;
const SERVICE: u16 = 8080;
const TCP: u8 = 6;
const ETHERNET: u32 = 1;

/// The header of a classic pcap file: little-endian, microseconds, Ethernet.
pub(super) fn file_header(snaplen: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(0xa1b2_c3d4_u32.to_le_bytes());
    out.extend([2, 0, 4, 0]);
    out.extend([0; 8]);
    out.extend(snaplen.to_le_bytes());
    out.extend(ETHERNET.to_le_bytes());
    out
}

/// Appends the record of `segment`, of which `snaplen` octets were captured.
pub(super) fn push_record(segment: &Segment, snaplen: u32, out: &mut Vec<u8>) {
    let payload = payload(segment);
    let tcp = tcp_header(segment, &payload);
    let ip = if segment.is_v6() { v6_header(segment, tcp.len()) } else { v4_header(segment, tcp.len()) };
    let length = narrow(14 + ip.len() + tcp.len()) + u32::from(segment.octets);
    let captured = length.min(snaplen);
    let seconds = u32::try_from(EPOCH + segment.micros / 1_000_000).unwrap_or(u32::MAX);
    for word in [seconds, narrow((segment.micros % 1_000_000) as usize), captured, length] {
        out.extend(word.to_le_bytes());
    }
    let end = out.len() + captured as usize;
    let (to, from) = if segment.from_client { (2, 1) } else { (1, 2) };
    out.extend([2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from]);
    out.extend(if segment.is_v6() { [0x86, 0xdd] } else { [0x08, 0x00] });
    out.extend(ip);
    out.extend(tcp);
    out.extend(payload);
    out.truncate(end);
}

fn v4_header(segment: &Segment, tcp: usize) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend(narrow16(20 + tcp + usize::from(segment.octets)).to_be_bytes());
    header.extend(segment.id.to_be_bytes());
    header.extend([0x40, 0, 64, TCP, 0, 0]);
    header.extend(segment.addresses());
    let sum = checksum([&header[..]]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn v6_header(segment: &Segment, tcp: usize) -> Vec<u8> {
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(narrow16(tcp + usize::from(segment.octets)).to_be_bytes());
    header.extend([TCP, 64]);
    header.extend(segment.addresses());
    header
}

/// Letters out of 64, other ones for every segment: three quarters of the octets are what a packer cannot save.
fn payload(segment: &Segment) -> Vec<u8> {
    let mut letters = Random(u64::from(segment.connection) << 20 | u64::from(segment.id));
    let words = (0..segment.octets.div_ceil(8)).flat_map(|_| {
        let word = (letters.next() & 0x3f3f_3f3f_3f3f_3f3f) + 0x3030_3030_3030_3030;
        word.to_le_bytes()
    });
    words.take(usize::from(segment.octets)).collect()
}

fn tcp_header(segment: &Segment, payload: &[u8]) -> Vec<u8> {
    let options = options(segment);
    let client = segment.client_port();
    let (from, to) = if segment.from_client { (client, SERVICE) } else { (SERVICE, client) };
    let mut header = Vec::with_capacity(40);
    header.extend(from.to_be_bytes());
    header.extend(to.to_be_bytes());
    header.extend(segment.seq.to_be_bytes());
    header.extend(segment.ack.to_be_bytes());
    header.extend([((20 + options.len()) * 4) as u8, segment.flags]);
    header.extend([0xfa, 0xf0, 0, 0, 0, 0]);
    header.extend(options);
    // RFC 9293 §3.1: the pseudo header counts too.
    let length = narrow(header.len()) + u32::from(segment.octets);
    let pseudo = [0, u16::from(TCP), (length >> 16) as u16, length as u16].map(u16::to_be_bytes).concat();
    let sum = checksum([&segment.addresses()[..], &pseudo, &header, payload]);
    header[16..18].copy_from_slice(&sum.to_be_bytes());
    header
}

/// MSS, selective acknowledgements and window scale on a SYN, time stamps on all (RFC 9293 §3.2, RFC 7323).
fn options(segment: &Segment) -> Vec<u8> {
    let mut options =
        if segment.flags & SYN == 0 { vec![1, 1] } else { vec![2, 4, 5, 180, 4, 2, 1, 3, 3, 7] };
    options.extend([8, 10]);
    options.extend(narrow((segment.micros / 1000) as usize).to_be_bytes());
    options.extend([0; 4]);
    options
}

impl Segment {
    fn is_v6(&self) -> bool {
        self.connection % 10 == 9
    }

    /// A client address serves thirty thousand connections.
    fn client_port(&self) -> u16 {
        20_000 + (self.connection % 30_000) as u16
    }

    /// Source and destination.
    fn addresses(&self) -> Vec<u8> {
        let [_, _, high, low] = (self.connection / 30_000).to_be_bytes();
        let server = (self.connection % 16) as u8;
        let (client, server) = ([10, 1, high, low], [10, 2, 0, server]);
        let (from, to) = if self.from_client { (client, server) } else { (server, client) };
        let widen = |addr: [u8; 4]| {
            if self.is_v6() {
                [&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &addr].concat()
            } else {
                addr.to_vec()
            }
        };
        [widen(from), widen(to)].concat()
    }
}

/// The Internet checksum (RFC 1071) of some parts, all but the last of even length.
fn checksum<const N: usize>(parts: [&[u8]; N]) -> u16 {
    let mut sum = 0;
    for part in parts {
        let (words, last) = part.as_chunks();
        sum += words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum::<u32>();
        sum += last.first().map_or(0, |last| u32::from(*last) << 8);
    }
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn narrow16(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
