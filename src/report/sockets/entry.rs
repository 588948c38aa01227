//! Sockets on their way through the sorter.

use std::net::{IpAddr, Ipv6Addr};

use crate::net::Endpoint;
use crate::netstat::{RecvQueue, Socket};
use crate::report::spill::Key;
use crate::tcp::State;
use crate::time::Timestamp;

/// The order of sockets: by moment, then as a table of them is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SocketKey {
    pub(super) at: Timestamp,
    local: Endpoint,
    peer: Endpoint,
    flow: u64,
}

impl SocketKey {
    pub(super) const fn of(socket: &Socket) -> Self {
        Self { at: socket.at, local: socket.local, peer: socket.peer, flow: socket.flow }
    }
}

impl Key for SocketKey {
    type Octets = [u8; 54];

    const ROOM: [u8; 54] = [0; 54];

    fn to_octets(self) -> [u8; 54] {
        let Self { at, local, peer, flow } = self;
        let end = |end: Endpoint| (address_octets(end.addr), end.port.to_ne_bytes());
        let ((own, own_port), (other, other_port)) = (end(local), end(peer));
        joined(&[&at.nanos().to_ne_bytes(), &own, &own_port, &other, &other_port, &flow.to_ne_bytes()])
    }

    fn from_octets(octets: &[u8; 54]) -> Self {
        let mut rest = octets.as_slice();
        let at = Timestamp::from_nanos(i64::from_ne_bytes(take(&mut rest)));
        let mut end =
            || Endpoint { addr: take_address(&mut rest), port: u16::from_ne_bytes(take(&mut rest)) };
        let (local, peer) = (end(), end());
        Self { at, local, peer, flow: u64::from_ne_bytes(take(&mut rest)) }
    }
}

/// What is told of a socket besides its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    state: State,
    is_certain: bool,
    since: Timestamp,
    timer: Option<Timestamp>,
    recv_queue: RecvQueue,
}

/// Stands for none.
const NONE: i64 = i64::MIN;

impl Entry {
    pub(super) const fn of(socket: &Socket) -> Self {
        let Socket { state, is_certain, since, timer, recv_queue, .. } = *socket;
        Self { state, is_certain, since, timer, recv_queue }
    }

    pub(super) const fn socket(&self, key: &SocketKey) -> Socket {
        let Self { state, is_certain, since, timer, recv_queue, .. } = *self;
        let SocketKey { at, local, peer, flow } = *key;
        Socket { at, local, peer, state, is_certain, since, timer, recv_queue, flow }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.state as u8, u8::from(self.is_certain)]);
        out.extend(self.since.nanos().to_ne_bytes());
        out.extend(self.timer.map_or(NONE, Timestamp::nanos).to_ne_bytes());
        out.extend(self.recv_queue.least.unwrap_or(0).to_ne_bytes());
        out.extend(self.recv_queue.most.to_ne_bytes());
    }

    pub(super) fn read(mut row: &[u8]) -> Option<Self> {
        let rest = &mut row;
        let [state, is_certain] = take(rest);
        let since = Timestamp::from_nanos(i64::from_ne_bytes(take(rest)));
        let timer = i64::from_ne_bytes(take(rest));
        let (least, most) = (u64::from_ne_bytes(take(rest)), u64::from_ne_bytes(take(rest)));
        Some(Self {
            state: State::ALL.get(usize::from(state)).copied()?,
            is_certain: is_certain == 1,
            since,
            timer: (timer != NONE).then_some(Timestamp::from_nanos(timer)),
            recv_queue: RecvQueue { least: (least > 0).then_some(least), most },
        })
    }
}

/// `parts`, one behind the other.
pub(super) fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut octets = [0; N];
    for (place, octet) in octets.iter_mut().zip(parts.iter().copied().flatten()) {
        *place = *octet;
    }
    octets
}

/// The next octets of `rest`.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    rest.split_off(..N).and_then(|octets| octets.first_chunk().copied()).unwrap_or([0; N])
}

/// An address, and whether it is an IPv4 one, which lies at the end.
pub(super) fn address_octets(addr: IpAddr) -> [u8; 17] {
    let (is_v4, addr) = match addr {
        IpAddr::V4(addr) => (1, addr.to_ipv6_mapped()),
        IpAddr::V6(addr) => (0, addr),
    };
    joined(&[&[is_v4], &addr.octets()])
}

/// Reads [`address_octets`] from `rest`.
pub(super) fn take_address(rest: &mut &[u8]) -> IpAddr {
    let [is_v4] = take(rest);
    let addr = Ipv6Addr::from(take::<16>(rest));
    if is_v4 == 1 { addr.to_canonical() } else { IpAddr::V6(addr) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_and_entries_read_back(
            (at, since, flow) in any::<(i64, i64, u64)>(),
            (v4, v6) in any::<([u8; 4], [u8; 16])>(),
            (state, is_certain, timer) in (0..11_usize, any::<bool>(), proptest::option::of(0..i64::MAX)),
            (least, most) in (proptest::option::of(1..9_u64), any::<u64>()),
        ) {
            let ends = [IpAddr::from(v4), IpAddr::from(v6)].map(|addr| Endpoint { addr, port: 80 });
            let at = Timestamp::from_nanos(at);
            for [local, peer] in [ends, [ends[1], ends[0]]] {
                let key = SocketKey { at, local, peer, flow };
                prop_assert_eq!(SocketKey::from_octets(&key.to_octets()), key);
            }
            let entry = Entry {
                state: State::ALL[state],
                is_certain,
                since: Timestamp::from_nanos(since),
                timer: timer.map(Timestamp::from_nanos),
                recv_queue: RecvQueue { least, most },
            };
            let mut row = Vec::new();
            entry.write(&mut row);
            prop_assert_eq!(Entry::read(&row), Some(entry));
        }
    }
}
