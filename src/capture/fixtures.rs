//! Hand-built captures and awkward sources for tests.

use std::io::{self, Read};

use super::bytes::ByteOrder;
use super::{Input, Problem};

/// Octets of one byte order, appended.
#[derive(Clone)]
pub(super) struct Octets {
    order: ByteOrder,
    pub(super) bytes: Vec<u8>,
}

impl Octets {
    pub(super) fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        let octets = if self.order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(octets);
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        let octets = if self.order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(octets);
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        let octets = if self.order == ByteOrder::Big { value.to_be_bytes() } else { value.to_le_bytes() };
        self.bytes.extend(octets);
        self
    }

    pub(super) fn raw(mut self, octets: &[u8]) -> Self {
        self.bytes.extend(octets);
        self
    }

    fn pad(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }
}

/// A pcap file header.
pub(super) fn pcap(order: ByteOrder, magic: u32) -> Octets {
    Octets::new(order).u32(magic).u16(2).u16(4).u64(0).u32(65_535).u32(1)
}

impl Octets {
    /// Appends a pcap record of `length` octets on the wire.
    pub(super) fn record(self, seconds: u32, fraction: u32, length: u32, data: &[u8]) -> Self {
        let captured = u32::try_from(data.len()).unwrap();
        self.u32(seconds).u32(fraction).u32(captured).u32(length).raw(data)
    }
}

/// A pcapng file of one section without interfaces.
pub(super) fn pcapng(order: ByteOrder) -> Octets {
    Octets::new(order).section(order)
}

impl Octets {
    /// Appends a section header; what follows has its byte order.
    pub(super) fn section(mut self, order: ByteOrder) -> Self {
        self.order = order;
        let body = Self::new(order).u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
        self.block(0x0a0d_0d0a, &body.bytes)
    }

    /// Appends a block with `body` padded.
    pub(super) fn block(self, kind: u32, body: &[u8]) -> Self {
        let length = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
        self.u32(kind).u32(length).raw(body).pad().u32(length)
    }

    /// Appends an interface description with options of (code, value).
    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let body = Self::new(self.order).u16(link).u16(0).u32(snaplen).options(options);
        self.block(1, &body.bytes)
    }

    /// Appends options and their end.
    pub(super) fn options(mut self, options: &[(u16, &[u8])]) -> Self {
        for (code, value) in options {
            self = self.u16(*code).u16(u16::try_from(value.len()).unwrap()).raw(value).pad();
        }
        if options.is_empty() { self } else { self.u32(0) }
    }

    /// Appends an enhanced packet block without options.
    pub(super) fn packet(self, interface: u32, ticks: u64, length: u32, data: &[u8]) -> Self {
        let captured = u32::try_from(data.len()).unwrap();
        self.enhanced(interface, ticks, captured, length, data, &[])
    }

    /// Appends an enhanced packet block that claims `captured` octets.
    pub(super) fn enhanced(
        self,
        interface: u32,
        ticks: u64,
        captured: u32,
        length: u32,
        data: &[u8],
        options: &[(u16, &[u8])],
    ) -> Self {
        let times = |body: Self| body.u32((ticks >> 32) as u32).u32((ticks & 0xffff_ffff) as u32);
        let body = times(Self::new(self.order).u32(interface)).u32(captured).u32(length).raw(data).pad();
        let body = body.options(options);
        self.block(6, &body.bytes)
    }

    /// A number as an option's value.
    pub(super) fn value(&self, value: u64) -> Vec<u8> {
        Self::new(self.order).u64(value).bytes
    }
}

/// What was read: number, nanoseconds, link type, original length and data of each record.
pub(super) type Records = Vec<(u64, i64, u16, u32, Vec<u8>)>;

/// Reads everything.
pub(super) fn drain(input: &mut Input) -> Records {
    let mut records = Vec::new();
    while let Some(record) = input.next_record() {
        let (number, link, length) = (record.number, record.link.0, record.original_length);
        records.push((number, record.time.nanos(), link, length, record.data.to_vec()));
    }
    assert!(input.next_record().is_none(), "the end is the end");
    records
}

/// Reads `bytes` as a capture named `t`.
pub(super) fn read(bytes: &[u8]) -> (Records, Input) {
    let mut input = Input::from_reader("t", io::Cursor::new(bytes.to_vec()));
    (drain(&mut input), input)
}

pub(super) fn problems(input: &Input) -> Vec<String> {
    input.problems().iter().map(Problem::to_string).collect()
}

/// Gives one octet at a time, and an interruption before each.
pub(super) struct Dribble {
    pub(super) bytes: io::Cursor<Vec<u8>>,
    pub(super) interrupt: bool,
}

impl Read for Dribble {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = out.len().min(1);
        self.bytes.read(&mut out[..length])
    }
}
