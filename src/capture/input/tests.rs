use std::io::{self, Cursor, Write};
use std::path::Path;

use super::super::bytes::ByteOrder::{Big, Little};
use super::super::fixtures::{Dribble, drain, pcap, pcapng, problems, read};
use super::super::{Compression, expand};
use super::*;
use crate::time::TimeDelta;

const MICROS: u32 = 0xa1b2_c3d4;

/// Records of one second each.
pub(super) fn capture(seconds: &[u32]) -> Vec<u8> {
    let record =
        |file: super::super::fixtures::Octets, second: &u32| file.record(*second, 0, 4, &[1, 2, 3, 4]);
    seconds.iter().fold(pcap(Little, MICROS), record).bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Files of these contents, as paths.
pub(super) fn files(folder: &Path, contents: &[(&str, &[u8])]) -> Vec<PathBuf> {
    let write = |(name, content): &(&str, &[u8])| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    contents.iter().map(write).collect()
}

#[test]
fn files_are_one_stream_in_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let (early, late) = (capture(&[1, 2]), gzip(&capture(&[5, 6, 7])));
    let empty = capture(&[]);
    let contents: [(&str, &[u8]); 5] =
        [("late", &late), ("text", b"<html>"), ("empty", &empty), ("early", &early), ("nothing", b"")];
    let mut paths = files(folder.path(), &contents);
    paths.push(folder.path().join("absent"));
    let mut input = Input::open(&paths);
    let records = drain(&mut input);
    assert_eq!(
        records.iter().map(|record| (record.0, record.1 / 1_000_000_000)).collect::<Vec<_>>(),
        [(1, 1), (2, 2), (3, 5), (4, 6), (5, 7)]
    );
    let names: Vec<_> =
        input.files().iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["early", "text", "empty", "late", "nothing", "absent"]);
    assert_eq!(
        (1..=5).map(|number| input.locate(number)).collect::<Vec<_>>(),
        [(0, 1), (0, 2), (3, 1), (3, 2), (3, 3)]
    );
    let told = problems(&input);
    assert_eq!(told.len(), 3);
    assert!(told[0].contains("text, starts with \"<html>\""), "{told:?}");
    assert!(told[1].contains("empty file") && told[2].contains("absent: No such file"), "{told:?}");
    let total: u64 = input.files().iter().map(|file| file.bytes_read).sum();
    assert_eq!((input.bytes_read(), total), (total, (early.len() + empty.len() + late.len() + 6) as u64));
    assert_eq!(input.total_bytes(), None, "one file is absent");
    assert_eq!(Input::open(&paths[..5]).total_bytes(), Some(total));
}

#[test]
fn one_octet_at_a_time_and_interruptions_change_nothing() {
    let ng = pcapng(Big).interface(1, 0, &[]).packet(0, 1, 3, &[1, 2, 3]).packet(0, 2, 1, &[4]).bytes;
    for plain in [capture(&[1, 2, 3]), ng] {
        for packed in [plain.clone(), gzip(&plain), zstd(&plain)] {
            let source = Dribble { bytes: Cursor::new(packed.clone()), interrupt: false };
            let mut input = Input::from_reader("t", source);
            assert_eq!(drain(&mut input), read(&plain).0);
            assert_eq!((input.problems().len(), input.bytes_read()), (0, packed.len() as u64));
        }
    }
}

#[test]
fn members_and_frames_are_joined() {
    let plain = capture(&(0..5_000).collect::<Vec<_>>());
    let (front, back) = plain.split_at(plain.len() / 3);
    let skippable = [&0x184d_2a57_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
    let gzip = [gzip(front), gzip(b""), gzip(back)].concat();
    let zstd = [skippable.clone(), zstd(front), skippable, zstd(back)].concat();
    for (packed, compression) in [(gzip, Compression::Gzip), (zstd, Compression::Zstd)] {
        let (records, input) = read(&packed);
        assert_eq!((records.len(), input.problems().len()), (5_000, 0), "{compression}");
        assert_eq!(input.files()[0].compression, compression);
    }
}

#[test]
fn a_compressed_stream_that_is_cut_gives_everything_before_the_cut() {
    let plain =
        capture(&(0..20_000).map(|second: u32| second.wrapping_mul(2_654_435_761)).collect::<Vec<_>>());
    let whole = gzip(&plain);
    for keep in [whole.len() / 2, whole.len() - 9] {
        let (records, input) = read(&whole[..keep]);
        let mut decoded = Vec::new();
        let _ = flate2::read::DeflateDecoder::new(&whole[10..keep]).read_to_end(&mut decoded);
        assert_eq!(records.len(), (decoded.len() - 24) / 20, "{keep}");
        assert!(records.len() > 9_000, "{}", records.len());
        let told = problems(&input);
        assert!(told.len() == 1 && told[0].contains("(compressed stream ends early)"), "{told:?}");
    }
    let whole = zstd(&plain);
    let (records, input) = read(&whole[..whole.len() - 2]);
    assert!(records.len() > 13_000, "blocks of 128 KiB are all or nothing: {}", records.len());
    assert!(problems(&input)[0].contains("(compressed stream ends early)"));
}

#[test]
fn what_is_packed_twice_or_broken_is_no_capture() {
    let plain = capture(&[1]);
    for (bytes, found) in [
        (gzip(&zstd(&plain)), "(gzip of zstd)"),
        (zstd(b""), "(zstd of empty file)"),
        (gzip(&plain)[..12].to_vec(), "(gzip, "),
        (plain[..20].to_vec(), "(pcap header cut short after 20 octets)"),
        (vec![0x89, b'P', b'N', b'G', 13], "(data, starts with 89 50 4e 47)"),
    ] {
        let (records, input) = read(&bytes);
        assert!(records.is_empty());
        assert!(problems(&input)[0].contains(found), "{:?}", problems(&input));
    }
}

#[test]
fn a_clock_that_steps_back_is_measured_from_where_it_was_set() {
    let (_, input) = read(&capture(&[10, 20, 15, 16, 12, 13, 30]));
    let steps = input.health().clock.steps_back;
    assert_eq!((steps.count, steps.largest, steps.first.unwrap().record), (2, TimeDelta::from_secs(5), 3));
    let file = &input.files()[0];
    assert_eq!((file.first_time, file.last_time), (Some(seconds(10)), Some(seconds(30))));
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn an_error_midway_keeps_what_was_read() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let mut input = Input::from_reader("t", Cursor::new(capture(&[1, 2])[..60].to_vec()).chain(Fails));
    assert_eq!(drain(&mut input).len(), 1);
    assert_eq!(problems(&input), ["t: reading failed at byte 60: bad sector"]);
}

#[test]
fn arguments_expand_to_captures_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let plain = capture(&[1]);
    let packed = gzip(&plain);
    std::fs::create_dir_all(folder.path().join("sub/.git")).unwrap();
    files(
        folder.path(),
        &[
            ("b.dat", &plain),
            ("a.gz", &packed),
            ("notes.pcap", b"text"),
            (".hidden.pcap", &plain),
            ("sub/c", &plain),
            ("sub/.git/d", &plain),
        ],
    );
    let names = |arguments: &[&str]| {
        let arguments: Vec<PathBuf> = arguments.iter().map(|name| folder.path().join(name)).collect();
        let strip = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
        expand(&arguments).map(|paths| paths.into_iter().map(strip).collect::<Vec<_>>())
    };
    assert_eq!(names(&[""]).unwrap(), ["a.gz", "b.dat", "sub/c"]);
    assert_eq!(names(&["b.dat", "*", "absent"]).unwrap(), ["b.dat", "a.gz", "notes.pcap", "sub/c", "absent"]);
    assert!(names(&["x*"]).is_err() && names(&["sub/.git/*/"]).is_err());
    assert_eq!(expand(&["-", "-"]).unwrap(), [PathBuf::from("-")]);
}
