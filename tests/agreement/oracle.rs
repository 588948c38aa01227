//! What tshark says of the public captures, one row per `tcp.stream`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::stream::{FRAMES_TOLD, Kind, Side, Stream, Told};

#[derive(Deserialize)]
struct Row {
    pcap: String,
    tcp_stream: u64,
    a_addr: String,
    a_port: u16,
    b_addr: String,
    b_port: u16,
    first_frame: u64,
    first_ts: String,
    syn_frames_ab: String,
    syn_frames_ba: String,
    synack_frames_ab: String,
    synack_frames_ba: String,
    fin_frames_ab: String,
    fin_frames_ba: String,
    rst_frames_ab: String,
    rst_frames_ba: String,
    first_syn_ts_ab: String,
    first_syn_ts_ba: String,
    first_synack_ts_ab: String,
    first_synack_ts_ba: String,
    first_fin_ts_ab: String,
    first_fin_ts_ba: String,
    first_rst_ts_ab: String,
    first_rst_ts_ba: String,
}

/// The streams of every capture.
pub(crate) fn load(path: &Path) -> BTreeMap<String, Vec<Stream>> {
    let mut captures: BTreeMap<String, Vec<Stream>> = BTreeMap::new();
    for row in csv::Reader::from_path(path).unwrap().deserialize() {
        let row: Row = row.unwrap();
        captures.entry(row.pcap.clone()).or_default().push(row.into());
    }
    captures
}

impl From<Row> for Stream {
    fn from(row: Row) -> Self {
        let side = |addr: &str, port| Side {
            addrs: addr.split('/').map(|addr| addr.parse().unwrap()).collect(),
            port,
        };
        let told = |frames: &str, first: &str| Told {
            frames: frames.split_whitespace().map(|frame| frame.parse().unwrap()).take(FRAMES_TOLD).collect(),
            first: nanos(first),
        };
        let from_a = [
            told(&row.syn_frames_ab, &row.first_syn_ts_ab),
            told(&row.synack_frames_ab, &row.first_synack_ts_ab),
            told(&row.fin_frames_ab, &row.first_fin_ts_ab),
            told(&row.rst_frames_ab, &row.first_rst_ts_ab),
        ];
        let from_b = [
            told(&row.syn_frames_ba, &row.first_syn_ts_ba),
            told(&row.synack_frames_ba, &row.first_synack_ts_ba),
            told(&row.fin_frames_ba, &row.first_fin_ts_ba),
            told(&row.rst_frames_ba, &row.first_rst_ts_ba),
        ];
        let tell = |own: [Told; 4]| Kind::ALL.into_iter().zip(own).collect();
        Self {
            number: row.tcp_stream,
            sides: [side(&row.a_addr, row.a_port), side(&row.b_addr, row.b_port)],
            first_frame: row.first_frame,
            first_time: nanos(&row.first_ts),
            told: [tell(from_a), tell(from_b)],
        }
    }
}

/// `1513204139.656584000` in nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let fraction: i64 = fraction.parse().ok()?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    seconds.checked_mul(1_000_000_000)?.checked_add(sign * fraction)
}
