use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;
use crate::dissect::IcmpError;
use crate::net::{Endpoint, FourTuple};
use crate::tcp::{Flags, Mptcp, Segment, SeqNumber, SynOptions};
use crate::time::Timestamp;

prop_compose! {
    fn any_tuple()(host in 0..3_u8, port in 0..3_u16, v6: bool, scope in 0..2_u32) -> FourTuple {
        let client = if v6 {
            Endpoint { addr: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()).into(), port }
        } else {
            Endpoint { addr: [10, 0, 0, host].into(), port }
        };
        let server = Endpoint { addr: if v6 { Ipv6Addr::LOCALHOST.into() } else { [10, 0, 1, 0].into() }, port: 80 };
        FourTuple::new(client, server, scope).0
    }
}

prop_compose! {
    fn any_options()(
        mss: u16,
        window_scale: Option<u8>,
        sack_permitted: bool,
        timestamp: Option<u32>,
        fast_open: bool,
        mptcp in prop::sample::select(vec![Mptcp::None, Mptcp::Capable, Mptcp::Join]),
    ) -> SynOptions {
        SynOptions { mss, window_scale, sack_permitted, timestamp, fast_open, mptcp }
    }
}

prop_compose! {
    fn any_segment()(
        (record, time, tuple, from_low) in (any::<u64>(), any::<i64>(), any_tuple(), any::<bool>()),
        (seq, ack, flags, octets) in (any::<u32>(), any::<u32>(), any::<u8>(), any::<u32>()),
        (window, window_known, ttl, ip_id) in (any::<u16>(), any::<bool>(), any::<u8>(), any::<u16>()),
        (checksum, interface, options) in (any::<u16>(), any::<u16>(), prop::option::of(any_options())),
    ) -> Segment {
        Segment {
            record, time: Timestamp::from_nanos(time), tuple, from_low, seq: SeqNumber(seq), ack: SeqNumber(ack),
            flags: Flags(flags), window, window_known, octets, ttl, ip_id, checksum, interface, options,
        }
    }
}

prop_compose! {
    fn any_icmp_error()(
        (record, time, tuple, from_low) in (any::<u64>(), any::<i64>(), any_tuple(), any::<bool>()),
        (kind, code, v6, seq, reporter) in (any::<u8>(), any::<u8>(), any::<bool>(), any::<u32>(), any::<u128>()),
    ) -> IcmpError {
        let reporter = if v6 { Ipv6Addr::from(reporter).into() } else { [192, 0, 2, kind].into() };
        IcmpError {
            record, time: Timestamp::from_nanos(time), reporter, kind, code, v6, tuple, from_low, seq: SeqNumber(seq),
        }
    }
}

fn any_found() -> impl Strategy<Value = Dissected> {
    prop_oneof![
        4 => any_segment().prop_map(Dissected::Segment),
        1 => any_icmp_error().prop_map(Dissected::IcmpError),
    ]
}

fn text(found: impl IntoIterator<Item = Entry>) -> Vec<String> {
    found.into_iter().map(|entry| format!("{entry:?}")).collect()
}

fn entries(found: Vec<Dissected>) -> impl Iterator<Item = Entry> {
    found.into_iter().map(Entry::Found)
}

fn history(found: &[Dissected]) -> History {
    let mut history = History::default();
    for found in found {
        history.push(found);
    }
    history
}

proptest! {
    #[test]
    fn a_history_gives_back_what_was_put_in(found in prop::collection::vec(any_found(), 0..100)) {
        prop_assert_eq!(text(history(&found)), text(entries(found)));
    }

    #[test]
    fn it_does_not_matter_in_which_order_pieces_are_joined(
        found in prop::collection::vec(any_found(), 0..60), cuts in (0..60_usize, 0..60_usize),
    ) {
        let (first, second) = (cuts.0.min(cuts.1).min(found.len()), cuts.0.max(cuts.1).min(found.len()));
        let pieces = || (history(&found[..first]), history(&found[first..second]), history(&found[second..]));
        let (mut left, middle, right) = pieces();
        left.join(10, middle);
        left.join(15, right);
        let (mut other_left, mut other_middle, right) = pieces();
        other_middle.join(5, right);
        other_left.join(10, other_middle);
        prop_assert_eq!(text(left), text(other_left));
    }
}

/// Data one way, every other segment acknowledged, a full-sized packet each.
fn download(segments: u32) -> Vec<Dissected> {
    let (tuple, from_low) = FourTuple::v4([10, 0, 0, 1], [10, 0, 0, 2], (80, 40_000), 0);
    let data = Segment {
        record: 0,
        time: Timestamp::from_nanos(0),
        tuple,
        from_low,
        seq: SeqNumber(1),
        ack: SeqNumber(1),
        flags: Flags::ACK,
        window: 502,
        window_known: true,
        octets: 1448,
        ttl: 64,
        ip_id: 0,
        checksum: 0,
        interface: 0,
        options: None,
    };
    let mut found = Vec::new();
    let mut push = |segment: Segment| {
        let record = found.len() as u64 + 1;
        let time = Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(record).unwrap() * 12_000);
        found.push(Dissected::Segment(Segment { record, time, ..segment }));
    };
    for number in 0..segments {
        let seq = SeqNumber(1 + number * 1448);
        push(Segment { seq, ip_id: u16::try_from(number % 60_000).unwrap() + 1, ..data });
        if number % 2 == 1 {
            push(Segment {
                from_low: !from_low,
                seq: SeqNumber(1),
                ack: seq.add(1448),
                octets: 0,
                ip_id: 0,
                ..data
            });
        }
    }
    found
}

#[test]
fn a_segment_takes_a_few_octets() {
    let found = download(200_000);
    let history = history(&found);
    assert!(history.size() < 7 * found.len(), "{} for {}", history.size(), found.len());
    assert_eq!(text(history), text(entries(found)));
}
