//! What stops a run, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the run could not do what was asked. One pointer wide; see [`Error::kind`].
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// The kinds of [`Error`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A capture could not be opened or read.
    Read {
        /// The file; `-` for standard input.
        path: PathBuf,
        /// Byte offset (after decompression) at which reading failed.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content is no capture file.
    NotACapture {
        /// The file.
        path: PathBuf,
        /// What was found instead, e.g. `empty file` or `starts with "<html"`.
        found: String,
    },
    /// The content is no socket table.
    NotASocketTable {
        /// The file.
        path: PathBuf,
        /// What was found instead, e.g. `it is empty`.
        found: String,
    },
    /// A report could not be written.
    Write {
        /// The file; `-` for standard output.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An option makes no sense.
    Usage {
        /// What to do.
        message: String,
    },
}

/// The result of anything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// A capture could not be read.
    pub fn read(path: &Path, offset: u64, source: io::Error) -> Self {
        Self(Box::new(ErrorKind::Read { path: path.to_owned(), offset, source }))
    }

    /// A file is no capture.
    pub fn not_a_capture(path: &Path, found: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::NotACapture { path: path.to_owned(), found: found.into() }))
    }

    /// A file is no socket table.
    pub fn not_a_socket_table(path: &Path, found: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::NotASocketTable { path: path.to_owned(), found: found.into() }))
    }

    /// A report could not be written.
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self(Box::new(ErrorKind::Write { path: path.to_owned(), source }))
    }

    /// An option makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::Usage { message: message.into() }))
    }

    /// True when the reader of our output went away, which is no failure (`closewait … | head`).
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self.kind(), ErrorKind::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Read { path, offset: 0, source } => write!(f, "{}: {source}", path.display()),
            ErrorKind::Read { path, offset, source } => {
                write!(f, "{}: reading failed at byte {offset}: {source}", path.display())
            }
            ErrorKind::NotACapture { path, found } => write!(
                f,
                "{}: not a pcap or pcapng capture ({found}); gzip and zstd are recognised by content",
                path.display()
            ),
            ErrorKind::NotASocketTable { path, found } => write!(
                f,
                "{}: no socket table ({found}); --sockets takes what ss -tanp, netstat -anp or cat /proc/net/tcp printed",
                path.display()
            ),
            ErrorKind::Write { path, source } => write!(f, "{}: cannot write: {source}", path.display()),
            ErrorKind::Usage { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Read { source, .. } | ErrorKind::Write { source, .. } => Some(source),
            ErrorKind::NotACapture { .. } | ErrorKind::NotASocketTable { .. } | ErrorKind::Usage { .. } => {
                None
            }
        }
    }
}
