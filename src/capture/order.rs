//! In which order files are read, and when each starts.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buffer::Reading;
use super::health::LEAP;
use super::reader::{Counted, Reader};
use crate::time::Timestamp;

/// Octets read at once when only the first records are wanted.
const PEEK_CHUNK: usize = 4096;

/// What can be seen of a file before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The time of its first record.
    At(Timestamp),
    /// It holds no record, or cannot be read.
    Nothing,
    /// A stream, which cannot be read twice, or records without time.
    Unknown,
}

/// `paths` by the time of their first record; of equal times by file name, then path. Files whose time cannot
/// be seen keep their places.
pub(super) fn in_order_of_time(paths: &[PathBuf]) -> Vec<(PathBuf, Start)> {
    if paths.len() < 2 {
        return paths.iter().map(|path| (path.clone(), Start::Unknown)).collect();
    }
    let mut ordered: Vec<(PathBuf, Start)> =
        paths.iter().map(|path| (path.clone(), start_of(path))).collect();
    let is_timed = |start: &Start| matches!(start, Start::At(_));
    let mut timed: Vec<_> = ordered.iter().filter(|(_, start)| is_timed(start)).cloned().collect();
    timed.sort_by(|(one, start), (other, other_start)| {
        let time = |start: &Start| if let Start::At(time) = *start { time } else { Timestamp::MAX };
        (time(start), one.file_name(), one).cmp(&(time(other_start), other.file_name(), other))
    });
    for (slot, next) in ordered.iter_mut().filter(|(_, start)| is_timed(start)).zip(timed) {
        *slot = next;
    }
    ordered
}

/// The length of a file on disk; `None` for anything that is a stream or cannot be read.
pub(super) fn regular_file_length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// True if the content of the regular file at `path` is a capture, packed or not.
pub(super) fn is_capture(path: &Path) -> bool {
    peek(path).is_some()
}

fn start_of(path: &Path) -> Start {
    let is_stream = path == Path::new("-")
        || fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if is_stream {
        return Start::Unknown;
    }
    let Some(mut reader) = peek(path) else { return Start::Nothing };
    let mut packets = 0_u64;
    // Packets without time say nothing of when the file begins.
    let mut times =
        std::iter::from_fn(|| reader.next()).inspect(|_| packets += 1).filter_map(|packet| packet.time);
    let first = [times.next(), times.next(), times.next()];
    match first {
        // A first time stamp that two others contradict is damaged.
        [Some(one), Some(two), Some(three)] if (one - two).abs() >= LEAP && (two - three).abs() < LEAP => {
            Start::At(two)
        }
        [Some(one), ..] => Start::At(one),
        _ => {
            drop(times);
            if packets == 0 { Start::Nothing } else { Start::Unknown }
        }
    }
}

/// Opens a regular file; a pipe could not be read a second time.
fn peek(path: &Path) -> Option<Reader> {
    regular_file_length(path)?;
    let source = Counted { inner: File::open(path).ok()?, count: Arc::default() };
    let reading = Reading { chunk: PEEK_CHUNK, ..Reading::default() };
    Reader::open(path, Box::new(source), Vec::new(), reading).ok()
}
