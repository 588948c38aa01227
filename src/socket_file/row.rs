//! One socket, as a line of a table shows it.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::net::Endpoint;
use crate::tcp::State;
use crate::time::TimeDelta;

/// One socket, as a line of a table shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketRow {
    /// Line of the file, from 1.
    pub line: u64,
    /// Its state; `None` where the table has no such column (`ss … state close-wait` leaves it out).
    pub state: Option<State>,
    /// Octets received and not read by the program; a FIN counts as one until the end of file was read. Of a
    /// listening socket: connections that wait to be accepted, dead ones included.
    pub recv_q: u64,
    /// Octets not acknowledged by the peer. Of a listening socket, in `ss` alone: most that may wait to be accepted.
    pub send_q: u64,
    /// The end at the host of the table.
    pub local: SocketEnd,
    /// The other end.
    pub peer: SocketEnd,
    /// Programs that hold it; empty where none does or none is shown.
    pub processes: Vec<Process>,
    /// The timer that runs for it.
    pub timer: Option<Timer>,
    /// Number of the user that it belongs to.
    pub uid: Option<u32>,
    /// Its inode; 0 while no program holds it.
    pub inode: Option<u64>,
}

/// A program that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Process {
    /// What the kernel (`ss`) or the command line (`netstat`) calls it; `netstat` cuts it.
    pub name: String,
    /// Process id, in the process namespace of who ran the tool.
    pub pid: u32,
    /// Descriptor; `netstat` does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
}

/// `python3 (pid 4711)`.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// The timer of a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// `on` (retransmission), `keepalive`, `timewait`, `persist` or `probe` (closed window), as the tool says.
    pub name: String,
    /// Until it expires, in seconds; `None` where that was not understood.
    pub left: Option<TimeDelta>,
    /// How often it has expired for the same segment.
    pub retries: Option<u32>,
}

/// One end of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketEnd {
    /// `None` for `*`, any address of either family. IPv4-mapped IPv6 addresses are IPv4, as on the wire.
    pub addr: Option<IpAddr>,
    /// `None` for `*`.
    pub port: Option<u16>,
    /// The interface or zone behind `%`.
    pub interface: Option<String>,
    /// The address fills its column, and `netstat` without `-W` cuts what does not fit.
    pub may_be_cut: bool,
}

impl SocketEnd {
    /// The endpoint, unless it is a wildcard.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let addr = self.addr.filter(|addr| !addr.is_unspecified())?;
        Some(Endpoint { addr, port: self.port? })
    }

    /// True when a listener bound to this end gets connections to `local`. `[::]` takes IPv4 too, as it does unless it
    /// was asked not to.
    pub fn serves(&self, local: Endpoint) -> bool {
        self.port == Some(local.port)
            && match self.addr {
                None => true,
                Some(IpAddr::V6(addr)) if addr.is_unspecified() => true,
                Some(addr) if addr.is_unspecified() => local.addr.is_ipv4(),
                Some(addr) => addr == local.addr,
            }
    }
}

/// As `ss` writes it: `192.0.2.1:80`, `[2001:db8::1]:80`, `*:80`, `127.0.0.53%lo:53`.
impl fmt::Display for SocketEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            None => f.write_str("*")?,
            Some(IpAddr::V4(addr)) => write!(f, "{addr}")?,
            Some(IpAddr::V6(addr)) => write!(f, "[{addr}]")?,
        }
        if let Some(interface) = &self.interface {
            write!(f, "%{interface}")?;
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

impl Serialize for SocketEnd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(addr: Option<&str>, port: u16) -> SocketEnd {
        SocketEnd { addr: addr.map(|addr| addr.parse().unwrap()), port: Some(port), ..SocketEnd::default() }
    }

    #[test]
    fn a_listener_serves_what_is_bound_to_it() {
        let v4 = Endpoint { addr: "192.0.2.1".parse().unwrap(), port: 80 };
        let v6 = Endpoint { addr: "2001:db8::1".parse().unwrap(), port: 80 };
        assert!(end(None, 80).serves(v4) && end(None, 80).serves(v6));
        assert!(end(Some("::"), 80).serves(v4) && end(Some("::"), 80).serves(v6));
        assert!(end(Some("0.0.0.0"), 80).serves(v4) && !end(Some("0.0.0.0"), 80).serves(v6));
        assert!(end(Some("192.0.2.1"), 80).serves(v4) && !end(Some("192.0.2.2"), 80).serves(v4));
        assert!(!end(None, 81).serves(v4));
    }

    #[test]
    fn ends_are_written_as_ss_does() {
        assert_eq!(end(None, 80).to_string(), "*:80");
        assert_eq!(end(Some("2001:db8::1"), 80).to_string(), "[2001:db8::1]:80");
        let bound = SocketEnd { interface: Some("lo".to_owned()), port: None, ..end(Some("127.0.0.53"), 0) };
        assert_eq!(bound.to_string(), "127.0.0.53%lo:*");
        assert_eq!(bound.endpoint(), None);
    }
}
