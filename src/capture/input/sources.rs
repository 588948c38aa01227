//! What is still to be opened.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::vec;

use super::super::ahead::Patient;
use super::super::order::{Start, in_order_of_time, regular_file_length};
use super::super::reader::Counted;
use super::super::stripes::Stripes;
use crate::threads::Permits;
use crate::time::Timestamp;
use crate::{Error, Result};

/// Where the octets of a file come from.
pub(super) enum Source {
    File,
    Reader(Box<dyn Read + Send>),
    StandardInput,
}

/// The files that were not opened yet, in reading order.
pub(super) struct Sources {
    waiting: vec::IntoIter<Planned>,
    opened: usize,
    total_bytes: Option<u64>,
}

struct Planned {
    path: PathBuf,
    start: Start,
    source: Source,
}

impl Sources {
    pub(super) fn files(paths: &[PathBuf]) -> Self {
        let source = |path: &Path| match path.as_os_str().to_str() {
            Some("-") => Source::StandardInput,
            _ => Source::File,
        };
        let total_bytes = paths.iter().map(|path| regular_file_length(path)).sum();
        let planned: Vec<_> = in_order_of_time(paths)
            .into_iter()
            .map(|(path, start)| Planned { source: source(&path), path, start })
            .collect();
        Self { waiting: planned.into_iter(), opened: 0, total_bytes }
    }

    pub(super) fn one(path: PathBuf, reader: Box<dyn Read + Send>) -> Self {
        let planned = vec![Planned { path, start: Start::Unknown, source: Source::Reader(reader) }];
        Self { waiting: planned.into_iter(), opened: 0, total_bytes: None }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.waiting.as_slice().iter().map(|planned| &planned.path)
    }

    pub(super) const fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// What the next file starts with.
    pub(super) fn next_start(&self) -> Option<Start> {
        self.waiting.as_slice().first().map(|planned| planned.start)
    }

    /// The time at which the next file must be open; the end of time if it waits until no other is.
    pub(super) fn next_time(&self) -> Timestamp {
        let starts = self.waiting.as_slice().iter().map(|planned| planned.start);
        match starts.into_iter().find(|start| *start != Start::Nothing) {
            Some(Start::At(time)) => time,
            _ => Timestamp::MAX,
        }
    }

    /// The next file: its index, its source and its start.
    pub(super) fn take(&mut self) -> Option<(usize, Source, Start)> {
        let planned = self.waiting.next()?;
        self.opened += 1;
        Some((self.opened - 1, planned.source, planned.start))
    }
}

impl Source {
    /// True for what may have to be waited for.
    pub(super) fn is_stream(&self, path: &Path) -> bool {
        !matches!(self, Self::File) || regular_file_length(path).is_none()
    }

    /// The octets, counted, and the same in stripes if they are to be had and wanted. They are waited for without the
    /// one of `permits` that the thread that reads holds.
    pub(super) fn open(
        self,
        path: &Path,
        count: Arc<AtomicU64>,
        permits: Option<&Arc<Permits>>,
        in_stripes: bool,
    ) -> Result<(Box<dyn Read + Send>, Option<Stripes>)> {
        let mut stripes = None;
        let inner: Box<dyn Read + Send> = match self {
            Self::File => {
                let file = File::open(path).map_err(|error| Error::read(path, 0, error))?;
                if in_stripes {
                    stripes = Stripes::of(&file, path, Arc::clone(&count));
                }
                Box::new(file)
            }
            Self::Reader(inner) => inner,
            Self::StandardInput => Box::new(io::stdin()),
        };
        let source = Counted { inner, count };
        let source: Box<dyn Read + Send> = match permits {
            Some(permits) => Box::new(Patient { inner: source, permits: Arc::clone(permits) }),
            None => Box::new(source),
        };
        Ok((source, stripes))
    }
}
