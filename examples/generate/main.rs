//! Writes a capture to measure programs on: those that the benches use, or a flood of SYNs.
//!
//! `cargo run --release --example generate -- bulk|short|snap96|idle|odd CONNECTIONS SEED FILE [MINUTES]`
//!
//! `cargo run --release --example generate -- syn-flood|syn-flood-answered TUPLES SECONDS FILE`
//!
//! Connections start within one minute unless `MINUTES` says otherwise: as many each minute, so that a capture of
//! more connections over as many more minutes has as many alive at a time. `idle` ones shake hands and say nothing; of `odd` ones no segment
//! brings what is expected next.

#[path = "../../benches/support/generate.rs"]
mod generate;

mod flood;

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use flood::Flood;
use generate::{Profile, Shape};

const USAGE: &str = "usage: generate bulk|short|snap96|idle|odd CONNECTIONS SEED FILE [MINUTES]
       generate syn-flood|syn-flood-answered TUPLES SECONDS FILE";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (profile, count, number, file, minutes) = match arguments.as_slice() {
        [profile, count, number, file] => (profile, count, number, file, "1"),
        [profile, count, number, file, minutes] => (profile, count, number, file, minutes.as_str()),
        _ => return Err(USAGE.into()),
    };
    let profile = match profile.as_str() {
        "bulk" => Profile::Bulk,
        "short" => Profile::Short,
        "snap96" => Profile::Snapped,
        "idle" => Profile::Idle,
        "odd" => Profile::Odd,
        "syn-flood" | "syn-flood-answered" => {
            let answered = profile.ends_with("answered");
            return write_flood(Flood { tuples: count.parse()?, seconds: number.parse()?, answered }, file);
        }
        other => return Err(format!("no such profile: {other}").into()),
    };
    let shape =
        Shape { profile, connections: count.parse()?, minutes: minutes.parse()?, seed: number.parse()? };
    let mut capture = BufWriter::new(File::create(file)?);
    let content = shape.write(&mut capture)?;
    capture.flush()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} records", content.records)?;
    for (outcome, count) in &content.outcomes {
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
