//! The page: width, colour, narrowing.

use crate::capture::{Place, late_close};
use crate::{STARVED, closewait, run, succeed};

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn a_page_in_a_pipe_has_80_columns_and_no_colours() {
    let page = succeed(&[STARVED]);
    assert!(widest(&page) <= 80 && !page.contains('\u{1b}'), "{page}");
    let place = Place::new();
    let long = place.file(&format!("{}.pcap", "long name ".repeat(15)), &late_close(5));
    let page = succeed(&[&long]);
    assert!(widest(&page) <= 80, "{page}");
}

#[test]
fn colours_come_and_go_as_told() {
    assert!(succeed(&["--color", "always", STARVED]).contains("\u{1b}[1m1 INCIDENT"));
    assert!(!succeed(&["--color", "never", STARVED]).contains('\u{1b}'));
    assert!(succeed(&["explain", "--color=always", "FIN102"]).contains("\u{1b}[33mwarning"));
}

#[test]
fn narrowing_leaves_flows_and_findings_out_and_says_so() {
    for (arguments, flows) in [
        (&["--host", "10.100.0.1"][..], 32),
        (&["--host", "10.100.0.3"], 0),
        (&["--net", "10.100.0.0/16", "--port", "8880"], 32),
        (&["--port", "44580", "--port", "44594"], 2),
        (&["--until", "+2"], 3),
        (&["--until", "08:17:35"], 3),
        (&["--until", "2026-11-21T08:17:35Z"], 3),
        (&["--since", "+3h"], 0),
    ] {
        let page = succeed(&[arguments, &[STARVED]].concat());
        let plural = if flows == 1 { "" } else { "s" };
        assert!(page.starts_with("narrowed by --"), "{page}");
        assert!(page.contains(&format!("· {flows} flow{plural} ·")), "{arguments:?}: {page}");
    }
    let only = succeed(&["--findings", "-", "--only", "fin102", STARVED]);
    assert!(only.lines().skip(1).all(|line| line.starts_with("FIN102,")) && only.lines().count() == 25);
    let ignored = succeed(&["--findings", "-", "--ignore", "FIN102", STARVED]);
    assert!(!ignored.contains("\nFIN102,") && ignored.lines().count() > 10);
}

#[test]
fn the_page_leads_with_what_happened_and_tells_nothing_twice() {
    let page = succeed(&[STARVED]);
    let lines: Vec<&str> = page.lines().skip(2).collect();
    assert_eq!(lines[1], format!("{:<67}fault, proven", "1 INCIDENT · accept starvation"), "{page}");
    assert!(lines[2].starts_with("10.100.0.1:8880 accepted nothing for 89.6 s"), "{page}");
    for label in ["cause", "effect", "sockets", "who", "or else", "confirm", "packets"] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("  {label:<10}"))), "{label}: {page}");
    }
    assert!(page.contains("\n            → sockets without a process"), "{page}");
    assert!(!page.contains("WHO DID NOT CLOSE") && !page.contains("STALE PORTS"), "{page}");
    let place = Place::new();
    let late = succeed(&[&place.file("late.pcap", &late_close(5))]);
    assert!(late.contains("NO INCIDENT") && late.contains("WHO DID NOT CLOSE"), "{late}");
}

#[test]
fn narrowing_leaves_incidents_out_of_which_nothing_is_told() {
    let incidents = |arguments: &[&str]| {
        let out = succeed(&[&["--json", "-"], arguments, &[STARVED]].concat());
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let told = report["incidents"].as_array().unwrap().len();
        let named =
            report["flows"].as_array().unwrap().iter().flat_map(|flow| flow["findings"].as_array().unwrap());
        let named = named.chain(report["parties"].as_array().unwrap());
        // Whoever is named is told of.
        assert!(told == 1 || named.into_iter().all(|finding| finding["incident"].is_null()), "{out}");
        told
    };
    for arguments in [
        &["--host", "10.100.0.1"][..],
        &["--host", "10.100.0.2"],
        &["--port", "8880"],
        &["--port", "44580"],
        &["--net", "10.0.0.0/8", "--since", "08:18"],
        &["--until", "08:18"],
        &["--only", "RST101"],
        &["--ignore", "RST101"],
    ] {
        assert_eq!(incidents(arguments), 1, "{arguments:?}");
    }
    for arguments in [
        &["--host", "10.100.0.3"][..],
        &["--port", "8881"],
        &["--until", "+0.5"],
        &["--since", "08:20"],
        &["--only", "SYN101"],
    ] {
        assert_eq!(incidents(arguments), 0, "{arguments:?}");
    }
}

#[test]
fn thresholds_decide_what_is_late() {
    let place = Place::new();
    let late = place.file("late.pcap", &late_close(5));
    assert!(succeed(&[&late]).contains("FIN102"));
    let page = succeed(&["--fin-delay", "6s", &late]);
    assert!(!page.contains("FIN102") && page.contains("fin-delay 6.00 s"), "{page}");
}

#[test]
fn nothing_is_printed_on_standard_error_unless_it_is_a_terminal() {
    assert_eq!(run(&[STARVED]).err, "");
}

#[test]
fn no_color_is_honoured_by_being_there() {
    let output = closewait().env("NO_COLOR", "1").arg(STARVED).output().unwrap();
    assert!(!output.stdout.contains(&0x1b));
}
