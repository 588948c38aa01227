//! Captures octet by octet, little-endian.

/// A pcap file header for frames of `link`.
pub(crate) fn pcap(link: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link] {
        push(&mut out, word);
    }
    out
}

/// Appends a pcap record that says it captured `captured` octets.
pub(crate) fn record(out: &mut Vec<u8>, captured: u32, data: &[u8]) {
    for word in [1_700_000_000, 0, captured, captured] {
        push(out, word);
    }
    out.extend(data);
}

/// A capture of one frame.
pub(crate) fn frame(link: u32, data: &[u8]) -> Vec<u8> {
    let mut out = pcap(link);
    record(&mut out, u32::try_from(data.len()).unwrap(), data);
    out
}

/// A pcapng file of one section and one Ethernet interface.
pub(crate) fn pcapng() -> Vec<u8> {
    let mut out = Vec::new();
    section(&mut out);
    interface(&mut out);
    out
}

pub(crate) fn section(out: &mut Vec<u8>) {
    let mut body = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    body.extend([0xff; 8]);
    block(out, 0x0a0d_0d0a, &body);
}

pub(crate) fn interface(out: &mut Vec<u8>) {
    block(out, 1, &[1, 0, 0, 0, 0, 0, 0, 0]);
}

/// Appends a block, its length as it is.
pub(crate) fn block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    block_saying(out, kind, u32::try_from(body.len() + 12).unwrap(), body);
}

/// Appends a block that says it has `says` octets.
pub(crate) fn block_saying(out: &mut Vec<u8>, kind: u32, says: u32, body: &[u8]) {
    push(out, kind);
    push(out, says);
    out.extend(body);
    push(out, says);
}

/// The body of an enhanced packet block of interface 0.
pub(crate) fn packet(captured: u32, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0, 0, 0, captured, captured] {
        push(&mut out, word);
    }
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// An IPv4 packet.
pub(crate) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
    out.extend([0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    out.extend(payload);
    out
}

/// A SYN with these options, padded to whole words.
pub(crate) fn syn(options: &[u8]) -> Vec<u8> {
    let mut out = vec![0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0];
    let words = 5 + options.len().div_ceil(4);
    out.extend([u8::try_from(words << 4).unwrap(), 2, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(options);
    out.resize(words * 4, 0);
    out
}

fn push(out: &mut Vec<u8>, word: u32) {
    out.extend(word.to_le_bytes());
}
