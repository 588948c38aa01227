//! Tiny captures, written here.

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

/// A place for files that is gone with the test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> String {
        self.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, octets: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    }

    /// The same, as an argument.
    pub(crate) fn file(&self, name: &str, octets: &[u8]) -> String {
        self.write(name, octets).to_str().unwrap().to_owned()
    }
}

/// One connection that its client closes at once and its server `delay` seconds later, as a pcap of raw IP
/// that starts 2026-11-21T08:00:00Z.
pub(crate) fn late_close(delay: u32) -> Vec<u8> {
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;
    let (client, server) = (([10, 0, 0, 2], 40_000), ([10, 0, 0, 1], 80));
    let mut pcap = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        pcap.extend(word.to_le_bytes());
    }
    let mut add = |seconds: u32, micros: u32, from: ([u8; 4], u16), to: ([u8; 4], u16), flags, seq, ack| {
        let frame = segment(from, to, flags, seq, ack);
        let length = u32::try_from(frame.len()).unwrap();
        for word in [START + seconds, micros, length, length] {
            pcap.extend(word.to_le_bytes());
        }
        pcap.extend(frame);
    };
    add(0, 0, client, server, SYN, 100, 0);
    add(0, 10, server, client, SYN | ACK, 500, 101);
    add(0, 20, client, server, ACK, 101, 501);
    add(0, 30, client, server, FIN | ACK, 101, 501);
    add(0, 40, server, client, ACK, 501, 102);
    add(delay, 50, server, client, FIN | ACK, 501, 102);
    add(delay, 60, client, server, ACK, 102, 502);
    pcap
}

/// 2026-11-21T08:00:00Z.
const START: u32 = 1_795_248_000;

fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8, seq: u32, ack: u32) -> Vec<u8> {
    let mut frame = vec![0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0];
    frame.extend(from.0);
    frame.extend(to.0);
    frame.extend(from.1.to_be_bytes());
    frame.extend(to.1.to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame
}

pub(crate) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}
