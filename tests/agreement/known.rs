//! The differences that are known, by class.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    pcap: String,
    /// Wireshark's number, or `frame N` for a stream that only closewait has.
    stream: String,
    class: String,
    #[expect(dead_code, reason = "for those who read the table")]
    reason: String,
    #[serde(skip)]
    seen: bool,
}

/// The table, and which of its entries were met.
pub(crate) struct Known(BTreeMap<(String, String), Entry>);

impl Known {
    pub(crate) fn load(path: &Path) -> Self {
        let entries = csv::Reader::from_path(path).unwrap().into_deserialize::<Entry>();
        Self(
            entries
                .map(Result::unwrap)
                .map(|entry| ((entry.pcap.clone(), entry.stream.clone()), entry))
                .collect(),
        )
    }

    /// True when the table lists this stream.
    pub(crate) fn explains(&mut self, pcap: &str, stream: &str) -> bool {
        let entry = self.0.get_mut(&(pcap.to_owned(), stream.to_owned()));
        entry.is_some_and(|entry| {
            entry.seen = true;
            true
        })
    }

    /// Entries that differ no more.
    pub(crate) fn stale(&self) -> impl Iterator<Item = String> {
        let unseen = self.0.values().filter(|entry| !entry.seen);
        unseen.map(|entry| format!("{},{}: listed as {}, but agrees", entry.pcap, entry.stream, entry.class))
    }

    /// How many entries each class has.
    pub(crate) fn classes(&self) -> BTreeMap<&str, usize> {
        let mut classes = BTreeMap::new();
        for entry in self.0.values() {
            *classes.entry(entry.class.as_str()).or_default() += 1;
        }
        classes
    }
}
