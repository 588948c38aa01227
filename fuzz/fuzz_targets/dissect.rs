//! Frames of any link type: the shortcut answers as the walk by layers does, every record is accounted for, where
//! etherparse finds a plain TCP segment, so do we, and fragments come out the same when the records are taken apart.

#![no_main]

use closewait::capture::{LinkType, Record};
use closewait::dissect::{Dissected, Dissector, SkipTally};
use closewait::tcp::{Flags, Segment};
use closewait_fuzz::frames;
use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};
use libfuzzer_sys::fuzz_target;

/// Extension headers of an ordinary packet.
const MOST_EXTENSIONS: usize = 6;

fuzz_target!(|input: &[u8]| {
    let (mut short, mut long) = (Dissector::new(), Dissector::new());
    let records = frames::decode(input);
    for record in &records {
        let answer = long.dissect_by_layers(record);
        assert_eq!(format!("{:?}", short.dissect(record)), format!("{answer:?}"));
        hold_to_etherparse(record, &answer);
    }
    assert_eq!(short.tally(), long.tally());
    hold_accounts(long.tally(), &records);
    let (whole, parts) = (one_pass(&records), in_parts(&records));
    hold_accounts(&whole.1, &records);
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"));
});

fn hold_accounts(tally: &SkipTally, records: &[Record<'_>]) {
    assert_eq!(tally.records(), records.len() as u64);
    assert_eq!(tally.records(), tally.segments() + tally.icmp_errors().count + tally.skipped());
}

/// With fragments put together.
fn one_pass(records: &[Record<'_>]) -> (Vec<Dissected>, SkipTally) {
    let (mut dissector, mut found) = (Dissector::new(), Vec::with_capacity(4));
    for record in records {
        dissector.dissect_onto(record, &mut found);
    }
    dissector.finish(&mut found);
    (found, dissector.into_tally())
}

/// The same with each record dissected by itself.
fn in_parts(records: &[Record<'_>]) -> (Vec<Dissected>, SkipTally) {
    let (mut whole, mut tally, mut all) = (Dissector::new(), SkipTally::default(), Vec::new());
    for record in records {
        let (mut part, mut found) = (Dissector::deferring(), Vec::with_capacity(1));
        part.dissect_onto(record, &mut found);
        for next in found {
            whole.passes(&next, &mut all);
            all.push(next);
        }
        for fragment in part.take_fragments() {
            whole.resume(fragment, &mut all);
        }
        tally.join(0, part.tally());
    }
    whole.finish(&mut all);
    tally.join(0, whole.tally());
    (all, tally)
}

fn hold_to_etherparse(record: &Record<'_>, answer: &Dissected) {
    let sliced = match record.link {
        LinkType(1) => SlicedPacket::from_ethernet(record.data),
        LinkType(101) => SlicedPacket::from_ip(record.data),
        _ => return,
    };
    let Ok(SlicedPacket { net: Some(net), transport: Some(TransportSlice::Tcp(tcp)), .. }) = &sliced else {
        return;
    };
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
