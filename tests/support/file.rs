//! A trace as a capture file.

use std::io::Write;
use std::net::IpAddr;

use closewait::net::Endpoint;
use closewait::tcp::Flags;
use etherparse::{IpFragOffset, IpHeaders, IpNumber, Ipv4Header, PacketBuilder, TcpHeader};
use flate2::write::GzEncoder;

use super::trace::{Place, ROUTER, Raw, Trace, What, bystander_raw, bystanders};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    PcapMicros { big_endian: bool },
    PcapNanos { big_endian: bool },
    Pcapng { big_endian: bool },
    Gzip,
    Zstd,
}

impl Format {
    pub const ALL: [Self; 8] = [
        Self::PcapMicros { big_endian: false },
        Self::PcapMicros { big_endian: true },
        Self::PcapNanos { big_endian: false },
        Self::PcapNanos { big_endian: true },
        Self::Pcapng { big_endian: false },
        Self::Pcapng { big_endian: true },
        Self::Gzip,
        Self::Zstd,
    ];
}

/// One captured Ethernet frame.
struct Frame {
    nanos: u64,
    octets: Vec<u8>,
    /// Its length on the wire.
    length: usize,
}

/// The trace as a file. Times are cut to the format's unit.
pub fn write(trace: &Trace, place: &Place, format: Format) -> Vec<u8> {
    let frames = frames(trace, place);
    let micros = Format::PcapMicros { big_endian: false };
    match format {
        Format::PcapMicros { big_endian } => pcap(&frames, 0xa1b2_c3d4, 1000, &Order { big_endian }),
        Format::PcapNanos { big_endian } => pcap(&frames, 0xa1b2_3c4d, 1, &Order { big_endian }),
        Format::Pcapng { big_endian } => pcapng(&frames, &Order { big_endian }),
        Format::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&write(trace, place, micros)).unwrap();
            encoder.finish().unwrap()
        }
        Format::Zstd => zstd::encode_all(&*write(trace, place, micros), 1).unwrap(),
    }
}

struct Order {
    big_endian: bool,
}

impl Order {
    fn u16(&self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u32(&self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn len(&self, out: &mut Vec<u8>, length: usize) {
        self.u32(out, u32::try_from(length).unwrap());
    }
}

fn pcap(frames: &[Frame], magic: u32, unit: u64, order: &Order) -> Vec<u8> {
    let mut out = Vec::new();
    order.u32(&mut out, magic);
    order.u16(&mut out, 2);
    order.u16(&mut out, 4);
    for field in [0, 0, 262_144, 1] {
        order.u32(&mut out, field);
    }
    for frame in frames {
        order.u32(&mut out, u32::try_from(frame.nanos / 1_000_000_000).unwrap());
        order.u32(&mut out, u32::try_from(frame.nanos % 1_000_000_000 / unit).unwrap());
        order.len(&mut out, frame.octets.len());
        order.len(&mut out, frame.length);
        out.extend(&frame.octets);
    }
    out
}

/// Times in nanoseconds.
fn pcapng(frames: &[Frame], order: &Order) -> Vec<u8> {
    let mut out = Vec::new();
    let mut section = Vec::new();
    order.u32(&mut section, 0x1a2b_3c4d);
    order.u16(&mut section, 1);
    order.u16(&mut section, 0);
    section.extend([0xff; 8]);
    block(&mut out, 0x0a0d_0d0a, &section, order);
    let mut interface = Vec::new();
    order.u16(&mut interface, 1);
    order.u16(&mut interface, 0);
    order.u32(&mut interface, 262_144);
    order.u16(&mut interface, 9);
    order.u16(&mut interface, 1);
    interface.extend([9, 0, 0, 0]);
    interface.extend([0; 4]);
    block(&mut out, 1, &interface, order);
    for frame in frames {
        let mut packet = Vec::new();
        order.u32(&mut packet, 0);
        order.u32(&mut packet, u32::try_from(frame.nanos >> 32).unwrap());
        order.u32(&mut packet, u32::try_from(frame.nanos & 0xffff_ffff).unwrap());
        order.len(&mut packet, frame.octets.len());
        order.len(&mut packet, frame.length);
        packet.extend(&frame.octets);
        packet.resize(packet.len().next_multiple_of(4), 0);
        block(&mut out, 6, &packet, order);
    }
    out
}

fn block(out: &mut Vec<u8>, kind: u32, body: &[u8], order: &Order) {
    order.u32(out, kind);
    order.len(out, body.len() + 12);
    out.extend(body);
    order.len(out, body.len() + 12);
}

fn frames(trace: &Trace, place: &Place) -> Vec<Frame> {
    let snap = trace.file.snap.unwrap_or(usize::MAX);
    let frame = |at: i64, mut octets: Vec<u8>| {
        let length = octets.len();
        octets.truncate(snap);
        Frame { nanos: u64::try_from(place.time(at).nanos()).unwrap(), octets, length }
    };
    let mut frames: Vec<_> = trace
        .packets
        .iter()
        .map(|packet| match packet.what {
            What::Segment(raw) => {
                let ends = [raw.from, !raw.from].map(|role| place.endpoint(role, packet.connection));
                frame(packet.at, segment(place, ends, &raw))
            }
            What::Icmp { to, kind, code, seq } => {
                let ends = [to, !to].map(|role| place.endpoint(role, packet.connection));
                frame(packet.at, icmp(ends, (kind, code), place.isn[to].wrapping_add(seq)))
            }
        })
        .collect();
    let mark = || if trace.file.is_quiet { arp() } else { segment(place, bystanders(), &bystander_raw()) };
    frames.extend(trace.end.map(|at| frame(at, mark())));
    frames
}

/// A frame that is no TCP segment: somebody asks for an address.
fn arp() -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 0x08, 0x06]);
    frame.extend([0; 46]);
    frame
}

fn segment(place: &Place, [from, to]: [Endpoint; 2], raw: &Raw) -> Vec<u8> {
    let mut tcp = TcpHeader::new(from.port, to.port, place.isn[raw.from].wrapping_add(raw.seq), raw.window);
    tcp.ack = raw.flags.ack();
    if tcp.ack {
        tcp.acknowledgment_number = place.isn[!raw.from].wrapping_add(raw.ack);
    }
    (tcp.syn, tcp.fin, tcp.rst) = (raw.flags.syn(), raw.flags.fin(), raw.flags.rst());
    tcp.psh = raw.flags.0 & Flags::PSH.0 != 0;
    let payload = vec![0; usize::try_from(raw.octets).unwrap()];
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ip(IpHeaders::Ipv4(
            ipv4(from.addr, to.addr, raw.ttl, raw.ip_id),
            etherparse::Ipv4Extensions::default(),
        ))
        .tcp_header(tcp)
        .write(&mut out, &payload)
        .unwrap();
    out
}

/// An ICMP error to the sender of `seq` that quotes the first eight octets of its segment, as RFC 792 asks.
fn icmp([sender, receiver]: [Endpoint; 2], (kind, code): (u8, u8), seq: u32) -> Vec<u8> {
    let mut quoted = ipv4(sender.addr, receiver.addr, 63, 1);
    quoted.protocol = IpNumber::TCP;
    quoted.total_len = 40;
    let mut quote = Vec::new();
    quoted.write(&mut quote).unwrap();
    quote.extend(sender.port.to_be_bytes());
    quote.extend(receiver.port.to_be_bytes());
    quote.extend(seq.to_be_bytes());
    let mut out = Vec::new();
    PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
        .ip(IpHeaders::Ipv4(
            ipv4(IpAddr::V4(ROUTER), sender.addr, 64, 1),
            etherparse::Ipv4Extensions::default(),
        ))
        .icmpv4_raw(kind, code, [0; 4])
        .write(&mut out, &quote)
        .unwrap();
    out
}

fn ipv4(from: IpAddr, to: IpAddr, ttl: u8, id: u16) -> Ipv4Header {
    let octets = |addr| match addr {
        IpAddr::V4(addr) => addr.octets(),
        IpAddr::V6(_) => panic!("traces are IPv4"),
    };
    Ipv4Header {
        source: octets(from),
        destination: octets(to),
        time_to_live: ttl,
        identification: id,
        dont_fragment: true,
        fragment_offset: IpFragOffset::ZERO,
        ..Ipv4Header::default()
    }
}
