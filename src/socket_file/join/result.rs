//! What came of joining socket tables with flows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::parties::PartySockets;
use super::{Holder, Listener, Moment, Verdict};
use crate::net::{Endpoint, Role};
use crate::socket_file::{Format, Process, SocketEnd, Timer, UnreadLine};
use crate::survey::Party;
use crate::tcp::State;
use crate::time::Timestamp;

/// Socket tables, joined with the flows of a capture.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SocketJoin {
    /// One by one, in the order in which they were given.
    pub files: Vec<FileJoin>,
    /// Sockets by who has them at which service, over all files: a socket that several files show counts once.
    pub parties: Vec<PartySockets>,
}

impl SocketJoin {
    /// The sockets that `party` has: those of a service at its host, or those of a client host toward a service.
    pub fn by_party(&self, party: &Party) -> Option<&PartySockets> {
        let index = self.parties.binary_search_by_key(party, |sockets| sockets.party).ok()?;
        self.parties.get(index)
    }
}

/// One socket table, joined with the flows of a capture.
#[derive(Clone, Debug, Serialize)]
pub struct FileJoin {
    /// The file; `-` for standard input.
    pub name: String,
    /// What it is the output of.
    pub format: Format,
    /// When it was taken, as far as that is known.
    pub moment: Option<Moment>,
    /// True when any line names a program.
    pub names_programs: bool,
    /// Lines that were not understood.
    pub unread_lines: u64,
    /// The first of them.
    pub unread: Vec<UnreadLine>,
    /// Connections in the file, by state.
    pub states: BTreeMap<&'static str, u64>,
    /// How many of them are in the capture: in that state then, at another time, in another state, not at all.
    pub fits: BTreeMap<Fit, u64>,
    /// Connections and listeners that narrowing leaves out below.
    pub left_out: u64,
    /// Every connection of the file.
    pub sockets: Vec<JoinedSocket>,
    /// Every listening socket.
    pub listeners: Vec<Listener>,
    /// Connections that were in CLOSE-WAIT at this host then according to the capture, and are not in the file.
    pub absent: Vec<Absent>,
    /// More of these than are listed.
    pub absent_left_out: u64,
    /// What limits it, one sentence each.
    pub notes: Vec<String>,
}

/// How a socket fits what the capture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// In its state at the table's moment.
    Fits,
    /// In its state then if something that passed the capture point did not arrive.
    Behind,
    /// In its state, but at another time.
    OtherTime,
    /// In the capture, but never in its state.
    OtherState,
    /// Not in the capture.
    NotCaptured,
}

/// A socket of a table and what is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct JoinedSocket {
    /// Line of the file.
    pub line: u64,
    /// Its state; `None` where the table does not tell it and the capture does not either.
    pub state: Option<State>,
    /// Its end at the host of the table.
    pub local: SocketEnd,
    /// The other end.
    pub peer: SocketEnd,
    /// See [`crate::socket_file::SocketRow::recv_q`].
    pub recv_q: u64,
    /// See [`crate::socket_file::SocketRow::send_q`].
    pub send_q: u64,
    /// The programs that hold it, as far as they are shown.
    pub processes: Vec<Process>,
    /// Whether any does.
    pub holder: Holder,
    /// The timer that runs for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Number of the user that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Its inode; 0 while no program holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// Its flow; the likeliest of several incarnations.
    pub flow: Option<u64>,
    /// What the local end is in it.
    pub role: Option<Role>,
    /// How well that fits.
    pub fit: Fit,
    /// Other flows that fit as well.
    pub other_flows: u64,
    /// Since when it is in its state, if the capture shows that.
    pub since: Option<Timestamp>,
    /// When it left that state, if the capture shows that.
    pub until: Option<Timestamp>,
    /// Octets that the peer sent before its FIN, in all.
    pub received: Option<u64>,
    /// Octets that the peer sent since this end last replied.
    pub unanswered: Option<u64>,
    /// Whose socket it is.
    pub party: Option<Party>,
    /// What it says of its program.
    pub verdict: Option<Verdict>,
    /// True when state, queue and owner prove that; false when the file leaves another reading.
    pub proven: bool,
}

impl JoinedSocket {
    /// True when it waits for its own program.
    pub fn is_stuck(&self) -> bool {
        self.verdict.is_some_and(Verdict::is_wait)
    }

    /// Both ends, unless one is a wildcard.
    pub(super) fn ends(&self) -> Option<(Endpoint, Endpoint)> {
        Some((self.local.endpoint()?, self.peer.endpoint()?))
    }
}

/// A connection that was in CLOSE-WAIT according to the capture and is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Absent {
    /// Its flow.
    pub flow: u64,
    /// Its end at the host of the table.
    pub local: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// Since when it was in CLOSE-WAIT.
    pub since: Timestamp,
    /// When it ended according to the capture; `None` where that ends first.
    pub until: Option<Timestamp>,
}
