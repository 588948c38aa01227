//! Socket tables: those that were taken with `ss`, and those that the program says.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// Local end and peer, as text.
pub(crate) type Key = (String, String);

/// All tables of one host, in order of time.
pub(crate) struct Table {
    pub(crate) addresses: Vec<String>,
    pub(crate) snapshots: Vec<Snapshot>,
}

pub(crate) struct Snapshot {
    /// Nanoseconds: right before and after the command.
    pub(crate) before: i64,
    pub(crate) after: i64,
    /// State and Recv-Q.
    pub(crate) sockets: BTreeMap<Key, (String, u64)>,
}

impl Snapshot {
    pub(crate) fn moment(&self) -> i64 {
        i64::midpoint(self.before, self.after)
    }
}

#[derive(Deserialize)]
struct Line {
    t_before_ns: i64,
    t_after_ns: i64,
    addrs: Vec<String>,
    sockets: Vec<Socket>,
}

#[derive(Deserialize)]
struct Socket {
    state: String,
    recv_q: u64,
    local: String,
    peer: String,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let text = crate::text(path);
        let mut lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line.t_before_ns);
        let addresses = lines[0].addrs.clone();
        Self { addresses, snapshots: lines.into_iter().map(snapshot).collect() }
    }

    pub(crate) fn moments(&self) -> Vec<i64> {
        self.snapshots.iter().map(Snapshot::moment).collect()
    }
}

fn snapshot(line: Line) -> Snapshot {
    let is_connection = |socket: &Socket| !matches!(socket.state.as_str(), "LISTEN" | "UNCONN");
    let entry = |socket: Socket| ((plain(&socket.local), plain(&socket.peer)), (socket.state, socket.recv_q));
    let sockets = line.sockets.into_iter().filter(is_connection).map(entry).collect();
    Snapshot { before: line.t_before_ns, after: line.t_after_ns, sockets }
}

/// `[::ffff:10.0.0.1]:80` is `10.0.0.1:80`.
fn plain(endpoint: &str) -> String {
    match endpoint.strip_prefix("[::ffff:").and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => format!("{address}{port}"),
        None => endpoint.to_owned(),
    }
}

/// What is said of a socket.
pub(crate) struct Said {
    pub(crate) state: String,
    pub(crate) least: Option<u64>,
    pub(crate) most: u64,
}

/// By moment, every one that was asked for.
pub(crate) type Prediction = BTreeMap<i64, BTreeMap<Key, Said>>;

/// Reads `time_ns,host,local,peer,state,recv_q,recv_q_most`: what is said of the host with these addresses.
pub(crate) fn sockets_of(csv: &str, addresses: &[String]) -> Prediction {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("time_ns,host,local,peer,state,recv_q,recv_q_most"));
    let mut moments = Prediction::new();
    for line in lines {
        let [time, host, local, peer, state, least, most] =
            line.split(',').collect::<Vec<_>>().try_into().unwrap();
        let moment = moments.entry(time.parse().unwrap()).or_default();
        if !addresses.iter().any(|address| address == host) {
            continue;
        }
        let said = Said {
            state: state.to_owned(),
            least: (!least.is_empty()).then(|| least.parse().unwrap()),
            most: most.parse().unwrap(),
        };
        let twice = moment.insert((local.to_owned(), peer.to_owned()), said);
        assert!(twice.is_none(), "two sockets for one four-tuple: {line}");
    }
    moments
}
