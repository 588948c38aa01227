//! In which order files are read.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reader::{Counted, Reader};
use crate::time::Timestamp;

/// Octets read at once when only the first record is wanted.
const PEEK_CHUNK: usize = 4096;

/// `paths` by the time of their first record; equal times keep their order, and so do the places of files
/// whose time cannot be seen.
pub(super) fn in_order_of_time(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.len() < 2 {
        return paths.to_vec();
    }
    let mut timed: Vec<(Timestamp, usize)> =
        paths.iter().enumerate().filter_map(|(place, path)| Some((first_time(path)?, place))).collect();
    let places: Vec<usize> = timed.iter().map(|&(_, place)| place).collect();
    timed.sort();
    let mut ordered = paths.to_vec();
    for (&place, &(_, from)) in places.iter().zip(&timed) {
        if let (Some(slot), Some(path)) = (ordered.get_mut(place), paths.get(from)) {
            slot.clone_from(path);
        }
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

fn first_time(path: &Path) -> Option<Timestamp> {
    let mut reader = peek(path)?;
    // Packets without time say nothing of when the file begins.
    std::iter::from_fn(|| reader.next()).find_map(|packet| packet.time)
}

/// Opens a regular file; a pipe could not be read a second time.
fn peek(path: &Path) -> Option<Reader> {
    regular_file_length(path)?;
    let source = Counted { inner: File::open(path).ok()?, count: Arc::default() };
    Reader::open(path, Box::new(source), Vec::new(), PEEK_CHUNK).ok()
}
