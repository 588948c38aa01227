//! When a capture stopped, which its last record does not tell where nothing passed at its end.

use std::collections::BTreeMap;

use super::summary::{FileSummary, InterfaceSummary};
use crate::time::{TimeDelta, Timestamp};

/// No capture goes on for longer than this without a record: what says so was meant otherwise.
const LONGEST_SILENCE: TimeDelta = TimeDelta::from_secs(366 * 86_400);

/// When the capture in `files` stopped, as its host says in statistics (`isb_endtime`) of interfaces that received as many
/// packets as the files hold: where packets were left out since, their absence says nothing.
pub(super) fn stopped(files: &[FileSummary]) -> Option<Timestamp> {
    let last = files.iter().filter_map(|file| file.last_time).max()?;
    let mut records: BTreeMap<u32, u64> = BTreeMap::new();
    let interfaces = || files.iter().flat_map(|file| &file.interfaces);
    for interface in interfaces() {
        *records.entry(interface.id).or_default() += interface.records;
    }
    let whole = interfaces().filter(|interface| interface.received == records.get(&interface.id).copied());
    whole.filter_map(|interface| end_of(interface, last)).max()
}

/// The first of the readings that may be, in a capture whose last record came at `last`.
fn end_of(interface: &InterfaceSummary, last: Timestamp) -> Option<Timestamp> {
    let may_be = |end: &Timestamp| (last..=last + LONGEST_SILENCE).contains(end);
    interface.stopped.into_iter().flatten().find(may_be)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::bytes::ByteOrder::{Big, Little};
    use crate::capture::fixtures::{Octets, pcapng, read};

    /// Packets at 1 s and 2 s in nanoseconds, and what the host says: so many were received until `end`.
    fn told(received: u64, end: u64) -> Option<i64> {
        let stopped = [Big, Little].map(|order| {
            let end = Octets::new(order).u32((end >> 32) as u32).u32((end & 0xffff_ffff) as u32).bytes;
            let count = pcapng(order).value(received);
            let options: [(u16, &[u8]); 2] = [(3, &end), (4, &count)];
            let statistics = Octets::new(order).u32(0).u64(0).options(&options).bytes;
            let file = pcapng(order)
                .interface(1, 0, &[(9, &[9])])
                .packet(0, 1_000_000_000, 1, &[1])
                .packet(0, 2_000_000_000, 1, &[1])
                .block(5, &statistics);
            stopped(read(&file.bytes).1.files())
        });
        assert_eq!(stopped[0], stopped[1]);
        stopped[0].map(Timestamp::nanos)
    }

    #[test]
    fn statistics_tell_how_long_nothing_passed() {
        assert_eq!(told(2, 9_000_000_000), Some(9_000_000_000));
        assert_eq!(told(2, 9_000_000), Some(9_000_000_000), "microseconds, as dumpcap writes");
    }

    #[test]
    fn what_was_left_out_since_may_have_passed() {
        assert_eq!(told(3, 9_000_000_000), None);
    }

    #[test]
    fn an_end_before_the_last_record_is_none() {
        assert_eq!((told(2, 1_000_000), told(2, 1)), (None, None));
    }

    #[test]
    fn files_of_one_capture_count_together() {
        let part = |statistics: &[(u16, &[u8])]| {
            let statistics = Octets::new(Little).u32(0).u64(0).options(statistics).bytes;
            let file =
                pcapng(Little).interface(1, 0, &[]).packet(0, 1_000_000, 1, &[1]).block(5, &statistics);
            read(&file.bytes).1.files()[0].clone()
        };
        let end = Octets::new(Little).u32(0).u32(9_000_000).bytes;
        let count = pcapng(Little).value(2);
        let last = part(&[(3, &end), (4, &count)]);
        assert_eq!(stopped(&[part(&[]), last.clone()]).map(Timestamp::nanos), Some(9_000_000_000));
        assert_eq!(stopped(&[last]), None);
    }
}
