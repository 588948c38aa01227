//! Writes a capture to measure programs on: those that the benches use, or a flood of SYNs.
//!
//! `cargo run --release --example generate -- bulk|short|snap96 CONNECTIONS SEED FILE`
//!
//! `cargo run --release --example generate -- syn-flood|syn-flood-answered TUPLES SECONDS FILE`

#[path = "../../benches/support/generate.rs"]
mod generate;

mod flood;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use flood::Flood;
use generate::{Profile, Shape};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [profile, count, number, file] = arguments.as_slice() else {
        return Err("usage: generate bulk|short|snap96 CONNECTIONS SEED FILE\n       \
                    generate syn-flood|syn-flood-answered TUPLES SECONDS FILE"
            .into());
    };
    let profile = match profile.as_str() {
        "bulk" => Profile::Bulk,
        "short" => Profile::Short,
        "snap96" => Profile::Snapped,
        "syn-flood" | "syn-flood-answered" => {
            let answered = profile.ends_with("answered");
            return write_flood(Flood { tuples: count.parse()?, seconds: number.parse()?, answered }, file);
        }
        other => return Err(format!("no such profile: {other}").into()),
    };
    let capture = Shape { profile, connections: count.parse()?, seed: number.parse()? }.make();
    std::fs::write(file, &capture.bytes)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} octets, {} records", capture.bytes.len(), capture.records)?;
    for (outcome, count) in &capture.outcomes {
        writeln!(out, "{count:>9} {outcome}")?;
    }
    Ok(())
}

fn write_flood(flood: Flood, file: &str) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(file)?);
    let records = flood.write(&mut out)?;
    out.flush()?;
    writeln!(io::stdout().lock(), "{records} records")?;
    Ok(())
}
