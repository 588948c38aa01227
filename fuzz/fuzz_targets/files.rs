//! One capture in several files: cut where the input says, one file after the other or record by record in turn.
//! Every record is accounted for; files that follow each other are the capture.

#![no_main]

use std::fs;
use std::path::PathBuf;

use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::{Analysis, Outcome, Partial};
use closewait_fuzz::support::cut::Cuttable;
use libfuzzer_sys::{Corpus, fuzz_target};

const MOST_RECORDS: usize = 60;
/// Octets of a pcap file header.
const PCAP_HEADER: usize = 24;
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((&[how, first, second, turns], content)) = input.split_first_chunk() else {
        return Corpus::Reject;
    };
    let Some(capture) = Cuttable::new(content.to_vec()) else { return Corpus::Reject };
    let records = capture.records().min(MOST_RECORDS);
    let pieces = if how % 2 == 0 {
        let mut cuts = [usize::from(first) % records, usize::from(second) % records];
        cuts.sort_unstable();
        let pieces = capture.pieces(&cuts);
        hold_joined(&pieces);
        pieces
    } else {
        in_turn(&capture, records, turns)
    };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut paths = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        paths.push(folder.path().join(number.to_string()));
        fs::write(&paths[number], piece).unwrap();
    }
    paths.rotate_left(usize::from(how / 2) % pieces.len());
    hold_accounts(&paths);
    Corpus::Keep
});

/// Two files that have the records in turn, as the bits of `turns` say.
fn in_turn(capture: &Cuttable, records: usize, turns: u8) -> Vec<Vec<u8>> {
    let cuts: Vec<usize> = (1..records).collect();
    let mut files = vec![Vec::new(), Vec::new()];
    for (number, piece) in capture.pieces(&cuts).into_iter().enumerate() {
        let file = &mut files[usize::from(turns >> (number % 8) & 1)];
        // Sections of pcapng may follow each other in one file.
        let body = if file.is_empty() || piece.starts_with(&PCAPNG) { 0 } else { PCAP_HEADER };
        file.extend(&piece[body.min(piece.len())..]);
    }
    files.retain(|file| !file.is_empty());
    files
}

fn hold_accounts(paths: &[PathBuf]) {
    let (outcome, told) = told(|report| Analysis::new().run(Input::open(paths), report).unwrap());
    let skipped: u64 = outcome.input.skipped.iter().map(|skipped| skipped.count).sum();
    assert_eq!(outcome.input.records, outcome.input.segments + skipped);
    assert_eq!(outcome.input.records, outcome.input.files.iter().map(|file| file.records).sum::<u64>());
    assert_eq!((outcome.input.segments, outcome.flows), (outcome.table.segments, told.len() as u64));
    let (_, again) = self::told(|report| Analysis::new().run(Input::open(paths), report).unwrap());
    assert_eq!(told, again);
}

/// Parts that are read apart and joined in either direction yield the same.
fn hold_joined(pieces: &[Vec<u8>]) {
    let read =
        |piece: &Vec<u8>| Partial::read(Input::from_reader("piece", std::io::Cursor::new(piece.clone())));
    let mut forwards = Partial::default();
    pieces.iter().for_each(|piece| forwards.join(read(piece)));
    let mut backwards = Partial::default();
    for piece in pieces.iter().rev() {
        let mut earlier = read(piece);
        earlier.join(backwards);
        backwards = earlier;
    }
    let told = |partial| told(|report| Analysis::new().run_joined(partial, report).unwrap());
    let ((outcome, forwards), (_, backwards)) = (told(forwards), told(backwards));
    assert_eq!(forwards, backwards);
    let skipped: u64 = outcome.input.skipped.iter().map(|skipped| skipped.count).sum();
    assert_eq!(outcome.input.records, outcome.input.segments + skipped);
}

fn told(run: impl FnOnce(&mut dyn closewait::report::Report) -> Outcome) -> (Outcome, Vec<String>) {
    let mut told = Vec::new();
    let outcome = run(&mut |flow: &Flow, findings: &[Finding]| told.push(format!("{flow:?} {findings:?}")));
    (outcome, told)
}
