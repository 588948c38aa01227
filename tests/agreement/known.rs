//! The differences that are known one by one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, Serialize)]
struct Entry {
    pcap: String,
    /// What the oracle calls the row, or `frame N` for a flow that only closewait has.
    #[serde(alias = "stream")]
    key: String,
    class: String,
    reason: String,
}

/// A table `known*.csv`, and which of its entries were met.
pub(crate) struct Known {
    path: PathBuf,
    entries: BTreeMap<(String, String), (Entry, bool)>,
}

impl Known {
    pub(crate) fn load(name: &str) -> Self {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agreement")).join(name);
        let entries = csv::Reader::from_path(&path).unwrap().into_deserialize::<Entry>();
        let entries = entries.map(Result::unwrap);
        let entries =
            entries.map(|entry| ((entry.pcap.clone(), entry.key.clone()), (entry, false))).collect();
        Self { path, entries }
    }

    /// The class and the reason of a row that the table lists.
    pub(crate) fn explains(&mut self, pcap: &str, key: &str) -> Option<(&str, &str)> {
        let (entry, seen) = self.entries.get_mut(&(pcap.to_owned(), key.to_owned()))?;
        *seen = true;
        Some((&entry.class, &entry.reason))
    }

    /// Entries that differ no more. With `UPDATE_GOLDEN=1` they are taken out of the table instead.
    pub(crate) fn stale(&self) -> Vec<String> {
        let unseen = self.entries.values().filter(|(_, seen)| !seen);
        let stale: Vec<_> = unseen
            .map(|(entry, _)| format!("{},{}: listed as {}, but agrees", entry.pcap, entry.key, entry.class))
            .collect();
        if stale.is_empty() || std::env::var_os("UPDATE_GOLDEN").is_none() {
            return stale;
        }
        let mut table = csv::Writer::from_writer(Vec::new());
        for (entry, _) in self.entries.values().filter(|(_, seen)| *seen) {
            table.serialize(entry).unwrap();
        }
        std::fs::write(&self.path, table.into_inner().unwrap()).unwrap();
        Vec::new()
    }
}
