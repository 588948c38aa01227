//! Fills `corpus` with what to start from: the captures of `testdata/lab`, and those of `../shared` where it is
//! there. Seeds are made, not kept: most captures belong to others.
//!
//! `cargo run --release --example seeds`

use std::collections::HashMap;
use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use closewait::capture::{Input, expand};
use closewait::dissect::{Dissected, Dissector};
use closewait::tcp::Segment;
use closewait_fuzz::{frames, segments};

/// Longer captures give their beginning only: short inputs run often.
const MOST_OCTETS: usize = 4 * 1024;
const MOST_FRAMES: usize = 12;
const MOST_SEGMENTS: usize = 40;

fn main() -> io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    for target in ["report", "files", "dissect", "flows"] {
        fs::create_dir_all(fuzz.join("corpus").join(target))?;
    }
    let mut made = 0;
    for path in captures(fuzz) {
        let content = fs::read(&path)?;
        let seed = Seed { corpus: fuzz.join("corpus"), name: format!("{made:04}") };
        seed.write("report", &content[..content.len().min(MOST_OCTETS)])?;
        let cut = [&[made as u8, 3, 7, 0b0110_1101][..], &content[..content.len().min(MOST_OCTETS)]].concat();
        seed.write("files", &cut)?;
        seed.write_frames_and_segments(&content)?;
        made += 1;
    }
    seed_traces(&fuzz.join("corpus"))?;
    println!("{made} captures");
    Ok(())
}

fn captures(fuzz: &Path) -> Vec<PathBuf> {
    let folders = ["../testdata/lab", "../../shared/captures/lab", "../../shared/captures/public"];
    let folders: Vec<_> =
        folders.iter().map(|folder| fuzz.join(folder)).filter(|folder| folder.is_dir()).collect();
    expand(&folders).unwrap_or_default()
}

struct Seed {
    corpus: PathBuf,
    name: String,
}

impl Seed {
    fn write(&self, target: &str, content: &[u8]) -> io::Result<()> {
        fs::write(self.corpus.join(target).join(&self.name), content)
    }

    fn write_frames_and_segments(&self, content: &[u8]) -> io::Result<()> {
        let mut input = Input::from_reader("seed", Cursor::new(content.to_vec()));
        let mut dissector = Dissector::new();
        let (mut some_frames, mut found) = (Vec::new(), Vec::new());
        while let Some(record) = input.next_record() {
            if record.number <= MOST_FRAMES as u64 {
                frames::encode(&record, &mut some_frames);
            }
            if let Dissected::Segment(segment) = dissector.dissect(&record) {
                found.push(segment);
            }
            if found.len() >= MOST_SEGMENTS {
                break;
            }
        }
        if !some_frames.is_empty() {
            self.write("dissect", &some_frames)?;
        }
        if found.is_empty() { Ok(()) } else { self.write("flows", &encoded(&found)) }
    }
}

fn encoded(found: &[Segment]) -> Vec<u8> {
    let mut out = vec![u8::MAX];
    let mut tuples = HashMap::new();
    let mut before = found.first().map(|segment| segment.time);
    for segment in found {
        let next = tuples.len() as u8;
        let tuple = *tuples.entry(segment.tuple).or_insert(next % segments::TUPLES);
        let pause = before.map_or(0, |before| (segment.time - before).nanos());
        segments::encode(segment, tuple, pause, &mut out);
        before = Some(segment.time);
    }
    out
}

/// Every law with a few traces whose steps count up.
fn seed_traces(corpus: &Path) -> io::Result<()> {
    for law in 0..8_u8 {
        for opening in 0..5_u8 {
            let mut content = vec![law, opening, opening * 50, law * 31];
            for step in 0..12_u8 {
                content.extend([step.wrapping_mul(5 + law), step & 1, step * 21, step * 17]);
            }
            fs::write(corpus.join("flows").join(format!("law{law}-{opening}")), content)?;
        }
    }
    Ok(())
}
