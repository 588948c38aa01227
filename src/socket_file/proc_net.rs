//! Lines of `/proc/net/tcp` and `/proc/net/tcp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::end::unmapped;
use super::line::Line;
use super::row::{SocketEnd, SocketRow, Timer};
use crate::tcp::State;
use crate::time::TimeDelta;

/// The unit of the kernel's times here: `USER_HZ`, 100 a second on all machines that Linux is used on.
const NANOS_PER_TICK: i64 = 10_000_000;

/// True for the heading of the table of one protocol; `None` when `text` is no such heading. UDP's has drops at its end.
pub(super) fn heading(text: &str) -> Option<bool> {
    let text = text.trim();
    (text.starts_with("sl ") && text.contains("local_address")).then(|| !text.ends_with("drops"))
}

/// True when `text` is a line of such a table.
pub(super) fn is_row(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let is_slot = words
        .next()
        .is_some_and(|word| word.strip_suffix(':').is_some_and(|number| number.parse::<u64>().is_ok()));
    is_slot && words.next().is_some_and(|word| end(word).is_some())
}

/// Reads a line.
pub(super) fn parse(text: &str) -> Line {
    row(text).map_or_else(|| Line::wrong("not in the form of /proc/net/tcp"), Line::row)
}

/// `sl: local remote st tx:rx tr:when retransmits uid timeout inode …`, numbers in hexadecimal save the last three.
fn row(text: &str) -> Option<SocketRow> {
    let mut words = text.split_whitespace().skip(1);
    let (local, mut peer) = (end(words.next()?)?, end(words.next()?)?);
    let state = state_of(u8::from_str_radix(words.next()?, 16).ok()?)?;
    if peer.port == Some(0) {
        peer.port = None;
    }
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (send_q, recv_q) = words.next()?.split_once(':')?;
    let (timer, left) = words.next()?.split_once(':')?;
    let retries = u32::from_str_radix(words.next()?, 16).ok()?;
    let (uid, _, inode) = (words.next()?, words.next()?, words.next()?);
    Some(SocketRow {
        line: 0,
        state: Some(state),
        recv_q: hex(recv_q)?,
        send_q: hex(send_q)?,
        local,
        peer,
        processes: Vec::new(),
        timer: timer_of(timer, hex(left)?, retries),
        uid: Some(uid.parse().ok()?),
        inode: Some(inode.parse().ok()?),
    })
}

/// Numbers of `include/net/tcp_states.h`.
const fn state_of(number: u8) -> Option<State> {
    Some(match number {
        1 => State::Established,
        2 => State::SynSent,
        3 | 12 => State::SynReceived,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        7 => State::Closed,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        _ => return None,
    })
}

fn timer_of(kind: &str, ticks: u64, retries: u32) -> Option<Timer> {
    let name = match kind {
        "01" => "on",
        "02" => "keepalive",
        "03" => "timewait",
        "04" => "persist",
        _ => return None,
    };
    let left = i64::try_from(ticks).ok().and_then(|ticks| ticks.checked_mul(NANOS_PER_TICK));
    Some(Timer { name: name.to_owned(), left: left.map(TimeDelta::from_nanos), retries: Some(retries) })
}

/// `0100007F:A0EB`: words of the address as a little-endian machine reads them, the port as people do.
fn end(text: &str) -> Option<SocketEnd> {
    let (addr, port) = text.split_once(':')?;
    let word = |place: usize| u32::from_str_radix(addr.get(place..place + 8)?, 16).ok();
    let addr = match addr.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?.to_le_bytes())),
        32 => {
            let mut octets = [0; 16];
            for (index, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index * 8)?.to_le_bytes());
            }
            unmapped(IpAddr::V6(Ipv6Addr::from(octets)))
        }
        _ => return None,
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(SocketEnd { addr: Some(addr), port: Some(port), ..SocketEnd::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> SocketRow {
        match parse(text) {
            Line::Row(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_socket_that_was_not_accepted_has_no_inode() {
        let row = parsed(
            "   9: 0100007F:A0EB 0100007F:E936 01 00000000:00000003 00:00000000 00000000     0        0 0 1 00000000857b615e 20 4 30 10 -1",
        );
        assert_eq!(
            (row.local.to_string().as_str(), row.peer.to_string().as_str()),
            ("127.0.0.1:41195", "127.0.0.1:59702")
        );
        assert_eq!((row.state, row.recv_q, row.inode), (Some(State::Established), 3, Some(0)));
        assert_eq!((row.timer, row.uid), (None, Some(0)));
    }

    #[test]
    fn a_time_wait_has_fewer_columns_and_a_timer_in_ticks() {
        let row = parsed(
            "   3: 0100007F:E92C 0100007F:A0EB 06 00000000:00000000 03:00001766 00000000     0        0 0 3 00000000f4431076",
        );
        let timer = row.timer.unwrap();
        assert_eq!((timer.name.as_str(), timer.left), ("timewait", Some(TimeDelta::from_millis(59_900))));
    }

    #[test]
    fn addresses_of_both_families_are_words_of_a_little_endian_machine() {
        let text = |written| end(written).map(|end| end.to_string());
        assert_eq!(text("0200070A:22B0").as_deref(), Some("10.7.0.2:8880"));
        assert_eq!(text("B80D0120000000000000000001000000:0050").as_deref(), Some("[2001:db8::1]:80"));
        assert_eq!(text("0000000000000000FFFF00000100007F:0050").as_deref(), Some("127.0.0.1:80"));
        assert_eq!((text("0200070A"), text("0200:22B0"), text("é200070A:22B0")), (None, None, None));
        assert_eq!(text("éééé:22B0"), None);
    }

    #[test]
    fn a_listener_has_no_peer() {
        let row = parsed(
            "   1: 0100007F:A0EB 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1908730 4 00000000228a7587 100 0 0 10 0",
        );
        assert_eq!(
            (row.state, row.recv_q, row.peer.to_string().as_str()),
            (Some(State::Listen), 3, "0.0.0.0:*")
        );
    }
}
