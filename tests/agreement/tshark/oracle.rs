//! What tshark says of the public captures, one row per `tcp.stream`.

use serde::Deserialize;

use super::stream::{FRAMES_TOLD, Kind, Side, Stream, Told};
use crate::place::nanos;

#[derive(Deserialize)]
pub(super) struct Row {
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
