//! `closewait netstat`.

use std::io::Cursor;

use closewait::Analysis;
use closewait::capture::Input;
use closewait::narrow::Network;
use closewait::netstat::{Moments, Stack};
use closewait::report::{SocketCounts, SocketQuery, SocketTables, SocketsText, TextOptions};
use closewait::time::TimeDelta;

use crate::capture::{Place, late_close};
use crate::{STARVED, closewait, golden, run, succeed};

/// A minute and a half into the capture, when some had been forgotten.
const AT: &str = "2026-11-21T08:18:59Z";

#[test]
fn the_tables_of_a_moment_are_as_in_the_golden_file() {
    let text = succeed(&["netstat", STARVED, "--at", AT, "--fin-timeout", "40"]);
    golden("netstat-80.txt", &text);
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn counts_over_time_are_as_in_the_golden_file() {
    let text = succeed(&["netstat", STARVED, "--every", "10s", "--counts", "--fin-timeout", "40"]);
    golden("netstat-counts-80.txt", &text);
}

fn query(moments: Moments) -> SocketQuery {
    let stack = Stack { fin_timeout: TimeDelta::from_secs(40), ..Stack::default() };
    SocketQuery { moments, stack, hosts: Vec::<Network>::new() }
}

#[test]
fn a_wide_terminal_gets_wide_tables() {
    let options = TextOptions { width: 120, color: false };
    let every = Moments::every(TimeDelta::from_secs(30), None, None);
    let mut out = Vec::new();
    let text = SocketsText::new(&mut out, options);
    let mut tables = SocketTables::new(query(every.clone()), vec![Box::new(text)]);
    Analysis::new().run(Input::open(&[STARVED.into()]), &mut tables).unwrap();
    drop(tables);
    let mut counts = SocketCounts::new(&mut out, query(every), options);
    Analysis::new().run(Input::open(&[STARVED.into()]), &mut counts).unwrap();
    golden("netstat-120.txt", &String::from_utf8(out).unwrap());
}

#[test]
fn rows_have_the_columns_of_the_interface_and_an_empty_moment_has_its_own() {
    let csv = succeed(&["netstat", STARVED, "--at", "2026-11-21T07:00:00Z", "--at", AT, "--csv", "-"]);
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "time_ns,host,local,peer,state,recv_q,recv_q_most");
    assert_eq!(lines[1], "1795244400000000000,,,,,,");
    assert!(lines.contains(&"1795249139000000000,10.100.0.1,10.100.0.1:8880,10.100.0.2:44564,ESTAB,,0"));
    assert!(lines[2..].iter().all(|line| line.starts_with("1795249139000000000,10.100.0.")));
}

#[test]
fn moments_may_be_said_in_any_form() {
    let place = Place::new();
    let list = place.file("moments", b"1795249139000000000\n\n  08:18:59\n");
    let expected = succeed(&["netstat", STARVED, "--at", AT]);
    for arguments in [["--at", "08:18:59"], ["--at", "1795249139000000000"], ["--at-file", &list]] {
        assert_eq!(succeed(&["netstat", STARVED, arguments[0], arguments[1]]), expected, "{arguments:?}");
    }
}

#[test]
fn hosts_that_are_asked_for_are_told_alone() {
    let one = succeed(&["netstat", STARVED, "--at", AT, "--host", "10.100.0.1"]);
    assert!(one.starts_with("host 10.100.0.1 ") && !one.contains("host 10.100.0.2"), "{one}");
    let other = succeed(&["netstat", STARVED, "--at", AT, "--port", "44564"]);
    assert_eq!(other.matches(":44564").count(), 2, "{other}");
}

#[test]
fn a_time_range_bounds_moments_not_flows() {
    let text = succeed(&["netstat", STARVED, "--every", "10s", "--counts", "--since", "08:18:50"]);
    // 08:18:50 is long after the last segment of what is half-closed then.
    assert!(text.lines().nth(1).unwrap().starts_with("08:18:50.000  10.100.0.1"), "{text}");
    assert!(text.contains(" 23 "), "{text}");
    let none = succeed(&["netstat", STARVED, "--at", AT, "--until", "08:18:00", "--csv", "-"]);
    assert_eq!(none.lines().count(), 1);
}

#[test]
fn moments_outside_the_capture_say_so() {
    let text = succeed(&["netstat", STARVED, "--at", "2026-11-21T08:00:00Z", "--at", "2026-11-21T09:00:00Z"]);
    assert!(text.starts_with("no socket at 08:00:00.000 (17 min 33 s before the capture)\n"), "{text}");
    assert!(text.contains("no socket at 09:00:00.000 (40 min "), "{text}");
    assert!(text.contains("after the last record)"), "{text}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    let list = place.file("moments", b"08:00\nnoon\n");
    let cases: [(&[&str], &str); 7] = [
        (&[], "required"),
        (&["--every", "10s", "--at", AT], "cannot be used with"),
        (&["--at", "noon"], "expected a time"),
        (&["--at-file", &list], "line 2: expected a time"),
        (&["--at-file", "missing"], "missing: "),
        (&["--at", AT, "--counts", "--csv", "-"], "only one output"),
        (&["--every", "0"], "too many"),
    ];
    for (arguments, why) in cases {
        let ran = run(&[&["netstat", STARVED], arguments].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(why), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn no_input_is_overwritten() {
    let place = Place::new();
    let capture = place.file("a.pcap", &late_close(5));
    let list = place.file("moments", b"+1");
    for output in [&capture, &list] {
        let ran = run(&["netstat", &capture, "--at-file", &list, "--csv", output]);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains("would overwrite an input"), "{}", ran.err);
    }
}

#[test]
fn a_stream_is_read_once_so_times_need_a_date() {
    let mut command = closewait();
    command.args(["netstat", "-", "--every", "1s", "--counts"]).write_stdin(late_close(5));
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(out.contains("CLOSE-WAIT") && out.lines().count() > 8, "{out}");
    let mut command = closewait();
    let output = command.args(["netstat", "-", "--at", "+1"]).write_stdin(late_close(5)).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("can be read only once"));
}

#[test]
fn damage_is_told_here_too() {
    let place = Place::new();
    let whole = late_close(5);
    let ran = run(&["netstat", "--at", "+1", &place.file("cut.pcap", &whole[..whole.len() - 70])]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.contains("FIN-WAIT-2") && ran.err.contains("cut short"), "{} {}", ran.out, ran.err);
}

#[test]
fn counts_that_do_not_fit_into_memory_add_up_all_the_same() {
    let run = |most: usize| {
        let mut out = Vec::new();
        let every = Moments::every(TimeDelta::from_secs(1), None, None);
        let mut counts = SocketCounts::new(&mut out, query(every), TextOptions::default()).holding(most);
        let capture = std::fs::read(STARVED).unwrap();
        Analysis::new().run(Input::from_reader("x", Cursor::new(capture)), &mut counts).unwrap();
        out
    };
    assert!(run(1 << 16) == run(3));
}
