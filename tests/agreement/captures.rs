//! The public captures, each read once for all oracles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use csv::StringRecord;
use serde::de::DeserializeOwned;

/// Folder of the captures and their oracles, if there is one.
static PUBLIC: LazyLock<Option<PathBuf>> = LazyLock::new(|| shared("captures/public"));
static CAPTURES: LazyLock<BTreeMap<String, Capture>> = LazyLock::new(read_all);

/// Files with a column `pcap`.
const ORACLES: &[&str] = &[
    "oracles/tshark-streams.csv",
    "oracles/zeek-conn.csv",
    "oracles/tcptrace-conns.csv",
    "oracles/suricata-flows.csv",
    "oracles/suricata-verify-expectations.csv",
    "zeek-conn-states.csv",
];

/// What one capture came to.
pub(crate) struct Capture {
    pub(crate) flows: Vec<Flow>,
    /// Packets that it holds more than once: further copies.
    pub(crate) copies: u64,
    path: PathBuf,
}

/// The captures by the name that oracles give them, as far as they are pcap or pcapng; `None` where they are absent.
pub(crate) fn captures() -> Option<&'static BTreeMap<String, Capture>> {
    PUBLIC.as_ref().map(|_| &*CAPTURES)
}

/// The rows of an oracle that are wanted, by capture, as far as the capture can be read.
pub(crate) fn rows<Row: DeserializeOwned>(
    oracle: &str,
    wanted: fn(&StringRecord) -> bool,
) -> BTreeMap<&'static str, Vec<Row>> {
    let mut rows: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(PUBLIC.as_ref().unwrap().join(oracle)).unwrap();
    let header = reader.headers().unwrap().clone();
    for record in reader.records() {
        let record = record.unwrap();
        if let Some((name, _)) = CAPTURES.get_key_value(&record[0])
            && wanted(&record)
        {
            rows.entry(name).or_default().push(record.deserialize(Some(&header)).unwrap());
        }
    }
    rows
}

impl Capture {
    /// True when some record holds less than passed on the wire.
    pub(crate) fn is_snapped(&self) -> bool {
        let mut input = Input::open(std::slice::from_ref(&self.path));
        while let Some(record) = input.next_record() {
            if record.data.len() < record.original_length as usize {
                return true;
            }
        }
        false
    }
}

fn read_all() -> BTreeMap<String, Capture> {
    let public = PUBLIC.as_ref().unwrap();
    let mut names = BTreeSet::new();
    for oracle in ORACLES {
        let mut reader = csv::Reader::from_path(public.join(oracle)).unwrap();
        assert_eq!(&reader.headers().unwrap()[0], "pcap", "{oracle}");
        names.extend(reader.records().map(|record| record.unwrap()[0].to_owned()));
    }
    names.into_iter().filter_map(|name| read(&public.join(&name)).map(|capture| (name, capture))).collect()
}

fn read(path: &Path) -> Option<Capture> {
    let mut flows = Vec::new();
    let mut listen = |flow: &Flow, _: &[Finding]| flows.push(flow.clone());
    let outcome = Analysis::new().run(Input::open(&[path.to_owned()]), &mut listen).unwrap();
    let is_capture = outcome.input.files.iter().any(|file| !file.format.is_empty());
    flows.sort_unstable_by_key(|flow| flow.id);
    is_capture.then(|| Capture { flows, copies: outcome.table.copies, path: path.to_owned() })
}

/// A folder of the shared captures. They are not part of the package: absent, the test passes, except in CI.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")).join(folder);
    let present = path.is_dir();
    assert!(present || std::env::var("CI").as_deref() != Ok("true"), "{} is absent", path.display());
    present.then_some(path)
}
