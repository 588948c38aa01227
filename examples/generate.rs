//! Writes a capture as the benches use it, to measure other programs on.
//!
//! `cargo run --release --example generate -- bulk|short|snap96 CONNECTIONS SEED FILE`

#[path = "../benches/support/generate.rs"]
mod generate;

use std::error::Error;
use std::io::{self, Write};

use generate::{Profile, Shape};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, connections, seed, file] = arguments.as_slice() else {
        return Err("usage: generate bulk|short|snap96 CONNECTIONS SEED FILE".into());
    };
    let profile = match profile.as_str() {
        "bulk" => Profile::Bulk,
        "short" => Profile::Short,
        "snap96" => Profile::Snapped,
        other => return Err(format!("no such profile: {other}").into()),
    };
    let capture = Shape { profile, connections: connections.parse()?, seed: seed.parse()? }.make();
    std::fs::write(file, &capture.bytes)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} octets, {} records", capture.bytes.len(), capture.records)?;
    for (outcome, count) in &capture.outcomes {
        writeln!(out, "{count:>9} {outcome}")?;
    }
    Ok(())
}
