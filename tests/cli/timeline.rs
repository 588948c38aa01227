//! `closewait timeline`.

use crate::capture::{Place, late_close};
use crate::{STARVED, run, succeed};

#[test]
fn one_flow_is_a_ladder() {
    let place = Place::new();
    let capture = place.file("late.pcap", &late_close(5));
    crate::golden("ladder-late-close.txt", &succeed(&["timeline", &capture, "--flow", "1"]));
    assert_eq!(
        succeed(&["timeline", "--stream", "0", &capture]),
        succeed(&["timeline", &capture, "--flow", "1"])
    );
}

#[test]
fn several_flows_are_ladders_in_the_order_of_their_numbers() {
    let ladders = succeed(&["timeline", STARVED, "--flow", "18", "--flow", "13"]);
    let heads: Vec<_> = ladders.lines().filter(|line| line.starts_with("flow ")).collect();
    assert!(heads[0].starts_with("flow 13 ") && heads[1].starts_with("flow 18 ") && heads.len() == 2);
    assert!(ladders.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_ladder_tells_who_let_the_flow_in() {
    let ladder = succeed(&["timeline", STARVED, "--flow", "13"]);
    assert!(ladder.ends_with("\nreleased by flow 6 (closed 08:19:03.989, 323 µs before)\n"), "{ladder}");
    assert!(!succeed(&["timeline", STARVED, "--flow", "6"]).contains("released by"));
}

#[test]
fn a_number_that_is_no_flow_is_answered_with_the_flow_that_it_belongs_to() {
    let ran = run(&["timeline", STARVED, "--flow", "197"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, "closewait: no flow 197: record 197 belongs to flow 13\n");
    assert_eq!(run(&["timeline", STARVED, "--flow", "99999"]).status, 2);
    assert_eq!(run(&["timeline", STARVED, "--stream", "99999"]).status, 2);
}

#[test]
fn without_a_flow_all_flagged_ones_are_told_in_order() {
    let text = succeed(&["timeline", STARVED]);
    assert!(text.starts_with("2026-11-21  "), "{text}");
    let times: Vec<_> = text.lines().filter(|line| line.starts_with("08:")).map(|line| &line[..12]).collect();
    assert!(times.is_sorted() && times.len() > 150, "{}", times.len());
    assert!(text.contains("[RST101]") && text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn nothing_flagged_is_said_in_words() {
    let place = Place::new();
    let clean = place.file("clean.pcap", &late_close(0));
    assert_eq!(succeed(&["timeline", &clean]), "no flow has a finding; --all tells all flows\n");
    assert!(succeed(&["timeline", "--all", &clean]).lines().count() > 5);
}

#[test]
fn damage_is_told_here_too() {
    let place = Place::new();
    let whole = late_close(5);
    let ran = run(&["timeline", "--flow", "1", &place.file("cut.pcap", &whole[..whole.len() - 70])]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.starts_with("flow 1 ") && ran.err.contains("cut short in record 6"), "{}", ran.err);
}
