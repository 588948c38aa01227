//! What the lab knows of a table: its rows as the lab parsed them, and what the programs logged.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use closewait::net::Role;
use closewait::socket_file::JoinedSocket;
use closewait::time::Timestamp;
use flate2::read::GzDecoder;
use serde::Deserialize;

/// The first octets of what gzip compressed.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One table as the lab parsed it.
pub(crate) struct Snapshot {
    pub(crate) before: Timestamp,
    pub(crate) after: Timestamp,
    pub(crate) sockets: Vec<Row>,
}

/// One socket of it; states are spelt as in ss.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) state: String,
    pub(crate) recv_q: u64,
    pub(crate) send_q: u64,
    pub(crate) local: String,
    pub(crate) peer: String,
    pub(crate) users: Vec<User>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) fd: Option<u32>,
}

#[derive(Deserialize)]
struct Line {
    t_before_ns: i64,
    t_after_ns: i64,
    text: Option<String>,
    sockets: serde_json::Value,
}

impl Snapshot {
    /// That of `table`, which lies in `place` beside the socket tables of its host.
    pub(crate) fn of(place: &Path, table: &str) -> Self {
        let text = fs::read_to_string(place.join(format!("{}.ss.jsonl", stem(table)))).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
        let line = lines.into_iter().find(|line| line.text.as_deref() == Some(table)).unwrap();
        Self {
            before: Timestamp::from_nanos(line.t_before_ns),
            after: Timestamp::from_nanos(line.t_after_ns),
            sockets: serde_json::from_value(line.sockets).unwrap(),
        }
    }
}

/// `NAME.HOST` of `NAME.HOST.ss.txt`.
pub(crate) fn stem(table: &str) -> &str {
    table.trim_end_matches(".txt").trim_end_matches(".ss").trim_end_matches(".netstat")
}

/// A capture of the story that a table was taken in.
#[derive(Deserialize)]
pub(crate) struct Story {
    capture: Capture,
    connections: Vec<Connection>,
}

#[derive(Deserialize)]
struct Capture {
    files: Vec<String>,
}

/// One connection, as the programs at its ends logged it.
#[derive(Debug, Deserialize)]
pub(crate) struct Connection {
    pub(crate) client: String,
    server: String,
    class: String,
    pub(crate) events: Vec<Call>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    t_ns: i64,
    side: String,
    #[serde(rename = "call")]
    name: String,
}

impl Story {
    /// The story of `table`: the capture of its own host where there is one, else the first that there is.
    pub(crate) fn of(place: &Path, table: &str) -> Option<Self> {
        let own = stem(table);
        let name = own.rsplit_once('.').unwrap().0;
        let mut truths: Vec<_> = fs::read_dir(place)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|file| file.contains(".truth.json"))
            .filter(|file| file.split('.').next() == Some(name))
            .collect();
        truths.sort_by_key(|file| (!file.starts_with(&format!("{own}.truth")), file.clone()));
        let bytes = fs::read(place.join(truths.first()?)).unwrap();
        let mut text = String::new();
        if bytes.starts_with(&GZIP) {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        Some(serde_json::from_str(&text).unwrap())
    }

    /// The capture's files, some of which are stored compressed.
    pub(crate) fn captures(&self, place: &Path) -> Vec<PathBuf> {
        let stored = |name: &String| {
            let plain = place.join(name);
            if plain.exists() { plain } else { place.join(format!("{name}.gz")) }
        };
        self.capture.files.iter().map(stored).collect()
    }

    /// The connection of `socket`, which is open, at `time`: the last one that was opened on its four-tuple.
    pub(crate) fn connection(&self, socket: &JoinedSocket, time: Timestamp) -> Option<&Connection> {
        let (local, peer) = (socket.local.to_string(), socket.peer.to_string());
        let is_of = |connection: &&Connection| {
            [&connection.client, &connection.server] == [&local, &peer]
                || [&connection.client, &connection.server] == [&peer, &local]
        };
        let was_opened = |connection: &&Connection| connection.did(Role::Initiator, "connected", time);
        self.connections.iter().filter(is_of).rfind(was_opened)
    }
}

impl Connection {
    /// True when a capture of its story holds it.
    pub(crate) fn is_captured(&self) -> bool {
        self.class != "not_in_capture"
    }

    /// When the first of its ends was told to open or take it.
    pub(crate) fn began(&self) -> Timestamp {
        Timestamp::from_nanos(self.events.iter().map(|call| call.t_ns).min().unwrap())
    }

    /// True when the program of `side` had made `call` by `time`.
    pub(crate) fn did(&self, side: Role, call: &str, time: Timestamp) -> bool {
        let side = if side == Role::Initiator { "client" } else { "server" };
        let by = |made: &&Call| made.side == side && made.name == call && made.t_ns <= time.nanos();
        self.events.iter().any(|made| by(&made))
    }
}
