//! A join without the connections that narrowing hides.

use std::net::{IpAddr, Ipv6Addr};

use super::parties::by_party;
use super::{JoinedSocket, Listener, SocketJoin};
use crate::net::Endpoint;

impl SocketJoin {
    /// Leaves out all but connections between ends that `admits` says, and their listeners.
    pub fn narrow(&mut self, admits: &dyn Fn(Endpoint, Endpoint) -> bool) {
        for file in &mut self.files {
            let all = file.sockets.len() + file.listeners.len();
            file.sockets.retain(|socket| socket.ends().is_none_or(|(local, peer)| admits(local, peer)));
            let sockets = &file.sockets;
            file.listeners.retain(|listener| is_told(listener, sockets, admits));
            file.left_out += (all - file.sockets.len() - file.listeners.len()) as u64;
            file.absent.retain(|absent| admits(absent.local, absent.peer));
        }
        self.parties = by_party(&self.files);
    }
}

/// True when narrowing admits what a listener listens to, or any of its connections.
fn is_told(
    listener: &Listener,
    sockets: &[JoinedSocket],
    admits: &dyn Fn(Endpoint, Endpoint) -> bool,
) -> bool {
    let local = &listener.local;
    let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let own = Endpoint { addr: local.addr.unwrap_or(any), port: local.port.unwrap_or_default() };
    let serves = |socket: &JoinedSocket| socket.local.endpoint().is_some_and(|end| local.serves(end));
    admits(own, own) || sockets.iter().any(serves)
}
