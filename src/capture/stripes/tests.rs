use std::fs;
use std::io::Cursor;

use tempfile::NamedTempFile;

use super::super::buffer::{Buffer, CHUNK, Reading};
use super::*;
use crate::threads::Permits;

const BLOCK_LENGTH: u64 = BLOCK as u64;

/// So many octets, in which no two blocks are the same.
fn octets(length: u64) -> Vec<u8> {
    let number = |at: u64| (at / 4).wrapping_mul(0x9e37_79b9).to_le_bytes()[usize::try_from(at % 4).unwrap()];
    (0..length).map(number).collect()
}

fn file(octets: &[u8]) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), octets).unwrap();
    file
}

fn terms(permits: &Arc<Permits>) -> ReadAhead {
    ReadAhead { permits: Arc::clone(permits), is_stream: false }
}

/// A window over a file that is read in stripes behind the first chunk, and the count of what they gave.
fn striped(file: &NamedTempFile, permits: &Arc<Permits>) -> (Buffer, Arc<AtomicU64>) {
    let again = || File::open(file.path()).unwrap();
    let count = Arc::default();
    let stripes = Stripes { files: vec![again(), again()], count: Arc::clone(&count) };
    let reading = Reading { chunk: CHUNK, ahead: Some(terms(permits)), stripes: Some(stripes) };
    (Buffer::new(Box::new(again()), reading, Vec::new()), count)
}

/// Walks to the end, in steps that leave something of each block to the next.
fn rest(buffer: &mut Buffer) -> Vec<u8> {
    let mut all = Vec::new();
    while buffer.fill(70_001) || !buffer.window().is_empty() {
        let count = buffer.window().len().min(70_001);
        let at = buffer.consume(count);
        all.extend_from_slice(buffer.at(at, count));
    }
    all
}

#[test]
fn every_octet_comes_once_and_in_its_place() {
    let permits = Arc::new(Permits::new(3));
    let _permit = permits.take();
    let after_chunk = |octets: u64| CHUNK as u64 + octets;
    for length in
        [0, 1, BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1, 2 * BLOCK_LENGTH, 9 * BLOCK_LENGTH + 77]
    {
        let octets = octets(after_chunk(length));
        let file = file(&octets);
        let (mut buffer, count) = striped(&file, &permits);
        assert!(rest(&mut buffer) == octets, "{length}");
        assert_eq!((count.load(Ordering::Relaxed), buffer.offset()), (length, after_chunk(length)));
        assert!(buffer.take_failure().is_none());
    }
}

#[test]
fn a_file_that_becomes_shorter_ends_where_it_ends() {
    let permits = Arc::new(Permits::new(3));
    let _permit = permits.take();
    let octets = octets(20 * BLOCK_LENGTH);
    // Whole and broken blocks that are not read ahead yet, and the whole of the file.
    for left in [14 * BLOCK_LENGTH + CHUNK as u64, 15 * BLOCK_LENGTH + 3, 0] {
        let file = file(&octets);
        let (mut buffer, count) = striped(&file, &permits);
        assert!(buffer.fill(CHUNK + 1));
        file.as_file().set_len(left).unwrap();
        let read = rest(&mut buffer);
        assert!(read == octets[..read.len()] && buffer.take_failure().is_none());
        assert_eq!(count.load(Ordering::Relaxed), (read.len() - CHUNK) as u64);
        assert!(left == 0 || read.len() as u64 == left, "{left}: {}", read.len());
    }
}

#[test]
fn an_error_comes_behind_the_octets_before_it() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let whole = |blocks: usize| Cursor::new(vec![7; blocks * BLOCK]);
    let (one, other) = (whole(4), whole(1).chain(Cursor::new([7; 10])).chain(Fails));
    let sources: [Box<dyn Read + Send>; 2] = [Box::new(one), Box::new(other)];
    // One for all: each must let the others work while it waits.
    let permits = Arc::new(Permits::new(1));
    let _permit = permits.take();
    let count = Arc::default();
    let mut turns = Turns::of_many(sources.into_iter(), Arc::clone(&count), &terms(&permits)).unwrap();
    for length in [BLOCK, BLOCK, BLOCK, 10] {
        let block = turns.next().unwrap().unwrap();
        assert_eq!(block.end - SLACK, length);
        turns.give_back(block.bytes);
    }
    assert!(turns.next().is_err_and(|error| error.to_string() == "bad sector"));
    assert_eq!(count.load(Ordering::Relaxed), 3 * BLOCK_LENGTH + 10);
}

#[test]
fn only_the_long_file_that_still_has_the_name_is_read_in_stripes() {
    let folder = tempfile::tempdir().unwrap();
    let of_length = |name: &str, length| {
        let path = folder.path().join(name);
        let file = File::create_new(&path).unwrap();
        file.set_len(length).unwrap();
        (path, file)
    };
    let of = |file: &File, path: &Path| Stripes::of(file, path, Arc::default()).is_some();
    let (path, long) = of_length("long", LONG);
    let (other_path, other) = of_length("other", LONG + 1);
    let (short_path, short) = of_length("short", LONG - 1);
    assert!(of(&long, &path) && of(&other, &other_path));
    assert!(!of(&short, &short_path) && !of(&long, &other_path) && !of(&long, &folder.path().join("absent")));
}
