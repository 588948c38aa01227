//! The truth files: what the programs of the lab did, as they logged it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use closewait::net::Endpoint;
use flate2::read::GzDecoder;
use serde::Deserialize;

/// One truth file, as far as the comparison asks.
#[derive(Deserialize)]
pub(crate) struct Truth {
    capture: Capture,
    pub(crate) connections: Vec<Connection>,
    /// More flows may be found than are labelled.
    #[serde(default)]
    expect_unlisted: bool,
    /// Records of a derived file; 0: one without any.
    packets: Option<u64>,
}

#[derive(Deserialize)]
struct Capture {
    files: Vec<String>,
    #[serde(default)]
    one_direction: bool,
    #[serde(default)]
    dropped_by_kernel: Option<u64>,
}

/// One incarnation of a four-tuple.
#[derive(Deserialize)]
pub(crate) struct Connection {
    pub(crate) id: String,
    client: String,
    server: String,
    pub(crate) class: String,
    pub(crate) tags: Vec<String>,
    pub(crate) predecessor: Option<String>,
    #[serde(default)]
    pub(crate) expect: Expect,
    events: Vec<Call>,
}

#[derive(Default, Deserialize)]
pub(crate) struct Expect {
    pub(crate) fin_delay_s: Option<f64>,
    /// The connection whose end let it into the service.
    pub(crate) released_by: Option<String>,
    /// The connections that its end let in.
    #[serde(default)]
    pub(crate) releases: Vec<String>,
    /// The connection whose end gave it its place, while its client still waited.
    pub(crate) slot_freed_by: Option<String>,
    /// How long its program waited for an answer before it closed.
    pub(crate) unanswered_s: Option<f64>,
    pub(crate) shows: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Call {
    t_ns: u64,
}

/// Two endpoints, the lower first: one four-tuple whoever opened it.
pub(crate) type Tuple = [Endpoint; 2];

impl Truth {
    pub(crate) fn load(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let mut text = String::new();
        if path.extension().is_some_and(|extension| extension == "gz") {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The capture's files in `dir`, where large ones were compressed.
    pub(crate) fn files(&self, dir: &Path) -> Vec<PathBuf> {
        let stored = |name: &String| {
            let plain = dir.join(name);
            if plain.exists() { plain } else { dir.join(format!("{name}.gz")) }
        };
        self.capture.files.iter().map(stored).collect()
    }

    /// The capture itself lacks packets: nothing follows from what is missing.
    pub(crate) fn has_holes(&self) -> bool {
        self.capture.one_direction || self.capture.dropped_by_kernel.unwrap_or(0) > 0
    }

    /// More flows than labels are right: damage in the middle, MPTCP subflows, or no labels kept.
    pub(crate) fn may_have_more(&self) -> bool {
        self.expect_unlisted
            || self.connections.iter().any(|connection| connection.has("mptcp"))
            || (self.connections.is_empty() && self.packets != Some(0))
    }

    /// The connections of each four-tuple in the order in which they were opened.
    pub(crate) fn by_tuple(&self) -> BTreeMap<Tuple, Vec<&Connection>> {
        let mut tuples: BTreeMap<Tuple, Vec<&Connection>> = BTreeMap::new();
        for connection in &self.connections {
            let tuple = tuple_of(connection.client(), endpoint(&connection.server));
            tuples.entry(tuple).or_default().push(connection);
        }
        for connections in tuples.values_mut() {
            connections.sort_by_key(|connection| connection.opened());
        }
        tuples
    }
}

impl Connection {
    pub(crate) fn client(&self) -> Endpoint {
        endpoint(&self.client)
    }

    pub(crate) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }

    /// True when the file can show it.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(self.class.as_str(), "not_in_capture" | "not_analyzable")
    }

    fn opened(&self) -> u64 {
        self.events.iter().map(|call| call.t_ns).min().unwrap_or(0)
    }
}

pub(crate) fn tuple_of(one: Endpoint, other: Endpoint) -> Tuple {
    [one.min(other), one.max(other)]
}

/// `192.0.2.1:80`, `[2001:db8::1]:80`, also without brackets.
fn endpoint(text: &str) -> Endpoint {
    let (addr, port) = text.rsplit_once(':').unwrap();
    let addr: IpAddr = addr.trim_matches(['[', ']']).parse().unwrap();
    Endpoint { addr, port: port.parse().unwrap() }
}
