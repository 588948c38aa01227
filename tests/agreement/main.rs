//! Streams and their control segments as tshark sees them, over captures of many tools and projects.
//!
//! What differs is listed in `known.csv`, with its class and its reason; anything else fails, and so does an
//! entry that differs no more.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod capture;
mod known;
mod oracle;
mod stream;

use std::path::{Path, PathBuf};

use capture::Comparison;
use known::Known;

#[test]
fn streams_agree_with_wireshark() {
    let Some(public) = shared("captures/public") else { return };
    let mut known = Known::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agreement/known.csv")));
    let (mut streams, mut agree, mut excused) = (0, 0, 0);
    let mut surprises = Vec::new();
    for (pcap, theirs) in oracle::load(&public.join("oracles/tshark-streams.csv")) {
        let Some(own) = capture::read(&public.join(&pcap)) else { continue };
        streams += theirs.len();
        let comparison = Comparison::of(own, &theirs);
        agree += comparison.agree;
        for (stream, difference) in comparison.differences {
            if known.explains(&pcap, &stream) {
                excused += usize::from(!stream.starts_with("frame"));
            } else {
                surprises.push(format!("{pcap},{stream}: {difference}"));
            }
        }
    }
    println!("{}", share("agree", agree, streams));
    println!("{}", share("agree or differ for a known reason", agree + excused, streams));
    for (class, count) in known.classes() {
        println!("{count:>5} {class}");
    }
    surprises.extend(known.stale());
    assert!(surprises.is_empty(), "{}:\n{}", surprises.len(), surprises.join("\n"));
    assert!(streams > 4000, "{streams}");
}

#[expect(clippy::cast_precision_loss, reason = "thousands")]
fn share(what: &str, part: usize, whole: usize) -> String {
    format!("{part} of {whole} streams {what}: {:.2} %", 100.0 * part as f64 / whole as f64)
}

/// A folder of the shared captures. They are not part of the package: absent, the test passes, except in CI.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(folder);
    let present = path.is_dir();
    assert!(present || std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
    present.then_some(path)
}
