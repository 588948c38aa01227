//! Frames of any link type: the shortcut answers as the walk by layers does, fragments read apart give what they give
//! in one pass, every record is accounted for, and where etherparse finds a plain TCP segment, so do we.

#![no_main]

use closewait::capture::{LinkType, Record};
use closewait::dissect::{Dissected, Dissector, SkipTally};
use closewait::tcp::{Flags, Segment};
use closewait_fuzz::frames;
use etherparse::{LinkExtSlice, NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use libfuzzer_sys::fuzz_target;

/// Extension headers of an ordinary packet.
const MOST_EXTENSIONS: usize = 6;

fuzz_target!(|input: &[u8]| {
    let records = frames::decode(input);
    let (mut short, mut long) = (Dissector::new(), Dissector::new());
    for record in &records {
        let answer = long.dissect_by_layers(record);
        assert_eq!(format!("{:?}", short.dissect(record)), format!("{answer:?}"));
        hold_to_etherparse(record, &answer);
    }
    assert_eq!(short.tally(), long.tally());
    let (found, tally) = with_fragments(&records);
    for (other, accounts) in [without_room(&records), read_apart(&records)] {
        assert_eq!(format!("{other:?}"), format!("{found:?}"));
        assert_eq!(accounts, tally);
    }
    for accounts in [long.tally(), &tally] {
        assert_eq!(accounts.records(), records.len() as u64);
        assert_eq!(
            accounts.records(),
            accounts.segments() + accounts.icmp_errors().count + accounts.skipped()
        );
    }
});

fn with_fragments(records: &[Record<'_>]) -> (Vec<Dissected>, SkipTally) {
    let (mut dissector, mut found) = (Dissector::new(), Vec::with_capacity(1024));
    for record in records {
        dissector.dissect_onto(record, &mut found);
    }
    dissector.finish(&mut found);
    (found, dissector.into_tally())
}

/// The shortcut places segments where there is room.
fn without_room(records: &[Record<'_>]) -> (Vec<Dissected>, SkipTally) {
    let (mut dissector, mut found) = (Dissector::new(), Vec::new());
    for record in records {
        let mut place = Vec::new();
        dissector.dissect_onto(record, &mut place);
        found.extend(place);
    }
    dissector.finish(&mut found);
    (found, dissector.into_tally())
}

/// Fragments are taken aside and put together by another dissector.
fn read_apart(records: &[Record<'_>]) -> (Vec<Dissected>, SkipTally) {
    let (mut reader, mut joiner) = (Dissector::deferring(), Dissector::new());
    let (mut place, mut found) = (Vec::new(), Vec::new());
    for record in records {
        reader.dissect_onto(record, &mut place);
        for next in place.drain(..) {
            joiner.passes(&next, &mut found);
            found.push(next);
        }
        for fragment in reader.take_fragments() {
            joiner.resume(fragment, &mut found);
        }
    }
    joiner.finish(&mut found);
    let mut tally = reader.into_tally();
    tally.join(0, joiner.tally());
    (found, tally)
}

fn hold_to_etherparse(record: &Record<'_>, answer: &Dissected) {
    let sliced = match record.link {
        LinkType(1) => SlicedPacket::from_ethernet(record.data),
        LinkType(101) => SlicedPacket::from_ip(record.data),
        _ => return,
    };
    let Ok(SlicedPacket { link_exts, net: Some(net), transport: Some(TransportSlice::Tcp(tcp)), .. }) =
        &sliced
    else {
        return;
    };
    // MACsec (IEEE 802.1AE) is counted by its EtherType, in the clear or not.
    if link_exts.iter().any(|layer| matches!(layer, LinkExtSlice::Macsec(_))) {
        return;
    }
    // Without a length etherparse takes what was captured, we the jumbo option or the frame on the wire. It
    // follows any number of extension headers, we a few.
    let is_usual = match net {
        NetSlice::Ipv4(ip) => ip.header().total_len() != 0,
        NetSlice::Ipv6(ip) => {
            ip.header().payload_length() != 0
                && ip.extensions().clone().into_iter().count() <= MOST_EXTENSIONS
        }
        NetSlice::Arp(_) => return,
    };
    match answer {
        Dissected::Segment(segment) => {
            hold_fields(segment, tcp);
            assert!(!is_usual || segment.octets as usize == tcp.payload().len());
        }
        other => assert!(!is_usual, "{other:?}, etherparse finds {tcp:?}"),
    }
}

fn hold_fields(segment: &Segment, tcp: &TcpSlice<'_>) {
    let (low, high) = segment.tuple.ports();
    let ports = if segment.from_low { (low, high) } else { (high, low) };
    assert_eq!(ports, (tcp.source_port(), tcp.destination_port()));
    assert_eq!((segment.seq.0, segment.ack.0), (tcp.sequence_number(), tcp.acknowledgment_number()));
    assert_eq!((segment.window, segment.window_known), (tcp.window_size(), true));
    assert_eq!(segment.checksum, tcp.checksum());
    let Flags(flags) = segment.flags;
    let named =
        [(0x01, tcp.fin()), (0x02, tcp.syn()), (0x04, tcp.rst()), (0x08, tcp.psh()), (0x10, tcp.ack())];
    assert!(named.iter().all(|(bit, set)| (flags & bit != 0) == *set), "{flags:#x}");
}
