//! What one line of a table is.

use super::row::SocketRow;

/// What one line of a table is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A TCP socket.
    Row(Box<SocketRow>),
    /// Something else that tools print: other sockets, headings.
    Other,
    /// Not understood, and why.
    Wrong(String),
}

impl Line {
    pub(super) fn row(row: SocketRow) -> Self {
        Self::Row(Box::new(row))
    }

    pub(super) fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(why.into())
    }
}

/// The number in a column.
pub(super) fn number(text: &str, column: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        if text.is_empty() {
            "the line ends too early".to_owned()
        } else {
            format!("{column} {text:?} is no number")
        }
    })
}

/// The first word, and what follows it.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}
