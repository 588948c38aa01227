use proptest::prelude::*;

use super::*;
use crate::capture::bytes::ByteOrder::Little;
use crate::capture::fixtures::{Octets, pcap, pcapng, problems};
use crate::capture::input::tests::{capture, files, gzip};
use crate::time::TimeDelta;

/// A capture with a record at each of these milliseconds; each holds its time.
fn millis(times: &[u32]) -> Vec<u8> {
    let record =
        |file: Octets, &time: &u32| file.record(time / 1000, time % 1000 * 1000, 60, &time.to_be_bytes());
    times.iter().fold(pcap(Little, 0xa1b2_c3d4), record).bytes
}

/// An input of files with these names and contents, given in this order.
struct Given {
    input: Input,
    _folder: tempfile::TempDir,
}

fn given(contents: &[(&str, Vec<u8>)]) -> Given {
    let folder = tempfile::tempdir().unwrap();
    let contents: Vec<(&str, &[u8])> = contents.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let paths = files(folder.path(), &contents);
    Given { input: Input::open(&paths), _folder: folder }
}

/// What was delivered: the file's name, the record's number there, what it holds.
fn delivered(input: &mut Input) -> Vec<(String, u64, u32)> {
    let mut records = Vec::new();
    while let Some(record) = input.next_record() {
        let held = record.data.first_chunk().map_or(0, |chunk| u32::from_be_bytes(*chunk));
        records.push((record.number, held));
    }
    assert!((1..).zip(&records).all(|(number, record)| number == record.0), "numbers run from 1");
    let located = |&(number, held): &(u64, u32)| {
        let (file, record) = input.locate(number);
        assert_eq!(input.locator().number_of(file, record), number);
        (name(&input.files()[file].path), record, held)
    };
    records.iter().map(located).collect()
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn held(input: &mut Input) -> Vec<u32> {
    delivered(input).into_iter().map(|(_, _, held)| held).collect()
}

/// The interfaces of all records.
fn interfaces(input: &mut Input) -> Vec<u16> {
    iter::from_fn(|| input.next_record().map(|record| record.interface)).collect()
}

#[test]
fn records_of_files_that_overlap_come_in_the_order_of_time() {
    let mut it =
        given(&[("a", millis(&[10, 30, 50, 70])), ("b", gzip(&millis(&[20, 40]))), ("c", millis(&[60, 80]))]);
    let told = delivered(&mut it.input);
    let told: Vec<_> = told.iter().map(|(file, record, held)| (file.as_str(), *record, *held)).collect();
    assert_eq!(
        told,
        [
            ("a", 1, 10),
            ("b", 1, 20),
            ("a", 2, 30),
            ("b", 2, 40),
            ("a", 3, 50),
            ("c", 1, 60),
            ("a", 4, 70),
            ("c", 2, 80)
        ]
    );
    assert_eq!(it.input.files().iter().map(|file| file.first_record).collect::<Vec<_>>(), [1, 2, 6]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_capture_split_at_random_is_put_together_again(
        steps in prop::collection::vec((1..3_000_u32, 0..5_usize), 1..300),
    ) {
        let mut now = 0;
        let times: Vec<(u32, usize)> = steps.iter().map(|&(step, file)| { now += step; (now, file) }).collect();
        let part = |file| times.iter().filter(|time| time.1 == file).map(|time| time.0).collect::<Vec<_>>();
        let names = ["e", "d", "c", "b", "a"];
        let parts: Vec<_> = (0..5).map(|file| (names[file], millis(&part(file)))).collect();
        let mut it = given(&parts);
        let mut told = delivered(&mut it.input);
        let mut records = [0; 5];
        for (time, file) in times {
            records[file] += 1;
            let (from, record, held) = told.remove(0);
            prop_assert_eq!((from.as_str(), record, held), (names[file], records[file], time));
        }
        prop_assert!(told.is_empty() && it.input.problems().is_empty());
    }
}

#[test]
fn only_files_that_overlap_are_open_at_once() {
    let ring = |first: u32| millis(&(first..first + 50).map(|turn| turn * 100).collect::<Vec<_>>());
    let mut it =
        given(&[("a1", ring(0)), ("a2", ring(49)), ("a3", ring(98)), ("b1", ring(20)), ("b2", ring(70))]);
    let mut most = 0;
    while it.input.next_record().is_some() {
        most = most.max(it.input.lanes.len());
    }
    assert_eq!(most, 3, "two, and at a border the next one");
    assert_eq!(it.input.locator().given(), 250);
}

#[test]
fn files_of_equal_time_come_in_the_order_of_their_names_whatever_the_order_given() {
    let contents = ["c", "a", "b"].map(|name| (name, millis(&[5, 5, 6])));
    let order = |contents: &[(&str, Vec<u8>)]| {
        delivered(&mut given(contents).input).into_iter().map(|(file, ..)| file).collect::<String>()
    };
    assert_eq!(order(&contents), "aabbccabc");
    let [c, a, b] = contents;
    assert_eq!(order(&[b, c, a]), "aabbccabc");
}

#[test]
fn one_damaged_time_does_not_let_the_other_file_pass() {
    for stray in [4_000_000_000, 9_000, 0] {
        let mut it = given(&[("a", millis(&[10, stray, 30, 50, 70])), ("b", millis(&[20, 40, 60, 80]))]);
        let expected = [10, stray, 20, 30, 40, 50, 60, 70, 80];
        assert_eq!(held(&mut it.input), expected);
        assert_eq!(it.input.files()[0].clock.strays.count, 1, "{stray}");
    }
    let mut it = given(&[("a", millis(&[4_000_000_000, 10, 30, 50])), ("b", millis(&[20, 40]))]);
    assert_eq!(held(&mut it.input), [4_000_000_000, 10, 20, 30, 40, 50]);
}

#[test]
fn silence_in_one_file_is_believed_once_a_second_record_confirms_it() {
    let day = 86_400_000;
    let mut it = given(&[("a", millis(&[10, day, day + 10])), ("b", millis(&[20, 40_000, day + 5]))]);
    assert_eq!(held(&mut it.input), [10, 20, 40_000, day, day + 5, day + 10]);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up_and_the_order_heals() {
    let mut it = given(&[
        ("a", millis(&[10_000, 10_020, 5_000, 5_020, 10_040, 10_060])),
        ("b", millis(&[10_010, 10_030, 10_050])),
    ]);
    assert_eq!(held(&mut it.input), [10_000, 10_010, 10_020, 5_000, 5_020, 10_030, 10_040, 10_050, 10_060]);
    assert_eq!(it.input.health().clock.steps_back.count, 1);
}

#[test]
fn records_without_time_stay_behind_the_one_before_them() {
    let packet = |file: Octets, time: u32| file.packet(0, u64::from(time) * 1000, 60, &time.to_be_bytes());
    let simple = Octets::new(Little).u32(4).raw(&7_u32.to_be_bytes()).bytes;
    let a = packet(packet(pcapng(Little).interface(1, 0, &[]), 10).block(3, &simple), 50).bytes;
    let mut it = given(&[("a", a), ("b", millis(&[20, 40]))]);
    assert_eq!(held(&mut it.input), [10, 7, 20, 40, 50]);
}

#[test]
fn the_same_capture_twice_gives_each_record_twice_by_two_ways() {
    let times = [10, 20, 30];
    let mut it = given(&[("x.pcap", millis(&times)), ("y.pcap", millis(&times))]);
    assert_eq!(interfaces(&mut it.input), [0, 128, 0, 128, 0, 128]);
}

#[test]
fn files_of_one_ring_have_one_way_also_where_they_share_a_moment() {
    let times = |first: u32| millis(&(first..first + 50).map(|turn| turn * 100).collect::<Vec<_>>());
    let mut it = given(&[("r_1", times(0)), ("r_2", times(45)), ("r_3", times(95)), ("r_4", times(145))]);
    assert!(interfaces(&mut it.input).iter().all(|interface| *interface == 0));
    assert_eq!(it.input.health().overlaps, []);
}

#[test]
fn names_that_are_alike_do_not_make_a_ring_of_files_that_go_on_side_by_side() {
    let times: Vec<u32> = (0..50).map(|turn| turn * 100).collect();
    let mut it = given(&[("eth0", millis(&times)), ("eth1", millis(&times))]);
    let told = interfaces(&mut it.input);
    assert!(told[..20].iter().all(|interface| *interface == 0));
    assert_eq!(told[90..], [0, 128, 0, 128, 0, 128, 0, 128, 0, 128]);
}

#[test]
fn overlaps_are_told_with_their_span() {
    let mut it = given(&[("a", capture(&[10, 20, 30])), ("b", capture(&[18, 25])), ("c", capture(&[40]))]);
    let _ = held(&mut it.input);
    let overlap = Overlap { earlier: 0, later: 1, span: TimeDelta::from_secs(7), merged: true };
    assert_eq!(it.input.health().overlaps, [overlap]);
}

#[test]
fn a_file_that_waits_for_another_to_end_is_told_of() {
    let contents: Vec<(String, Vec<u8>)> = (0..MOST_OPEN + 2)
        .map(|file| (format!("f{file:03}"), capture(&[10, 20 + u32::try_from(file).unwrap(), 300])))
        .collect();
    let contents: Vec<(&str, Vec<u8>)> =
        contents.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let mut it = given(&contents);
    assert_eq!(held(&mut it.input).len(), 3 * contents.len());
    let unmerged: Vec<_> = it
        .input
        .health()
        .overlaps
        .iter()
        .filter(|overlap| !overlap.merged)
        .map(|overlap| overlap.later)
        .collect();
    assert_eq!(unmerged, [MOST_OPEN, MOST_OPEN + 1]);
}

#[test]
fn a_file_that_is_missing_from_a_ring_shows_as_a_gap() {
    let busy = |from: u32| millis(&(0..40).map(|turn| from + turn * 50).collect::<Vec<_>>());
    let ring = |third: u32| {
        let mut it = given(&[
            ("r1.pcap", busy(0)),
            ("r2.pcap", busy(2_000)),
            ("r4.pcap", busy(third)),
            ("x", busy(3_000)),
        ]);
        let _ = held(&mut it.input);
        it.input.health().gaps
    };
    assert_eq!(ring(4_050), []);
    let gaps = ring(90_000);
    assert_eq!(gaps.len(), 1);
    assert_eq!((gaps[0].before.global_record, gaps[0].after.record), (99, 1));
    assert_eq!((gaps[0].span(), gaps[0].usual), (TimeDelta::from_millis(86_050), TimeDelta::from_millis(50)));
}

#[test]
fn damage_of_a_file_read_beside_another_is_told_where_it_broke_off() {
    let whole = millis(&[10, 30, 50]);
    let mut it = given(&[("a", whole[..whole.len() - 2].to_vec()), ("b", millis(&[20, 40, 60, 80]))]);
    assert_eq!(held(&mut it.input), [10, 20, 30, 40, 60, 80]);
    let Problem::Damaged(damage) = &it.input.problems()[0] else { panic!("{:?}", problems(&it.input)) };
    assert_eq!((damage.record, damage.global_record), (3, 4), "behind the last record of its file");
}
