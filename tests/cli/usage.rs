//! Arguments that make sense, and those that do not.

use crate::capture::{Place, late_close};
use crate::{STARVED, golden, run, succeed};

#[test]
fn help_is_as_in_the_golden_file() {
    golden("help.txt", &succeed(&["--help"]));
    golden("help-timeline.txt", &succeed(&["timeline", "--help"]));
    golden("help-netstat.txt", &succeed(&["netstat", "--help"]));
    golden("help-timers.txt", &succeed(&["timers", "--help"]));
}

#[test]
fn the_version_is_told() {
    assert_eq!(succeed(&["--version"]), format!("closewait {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_arguments_short_help_is_shown_and_nothing_was_done() {
    let ran = run(&[]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("Usage: closewait"));
}

#[test]
fn an_unknown_code_is_refused_with_a_list_of_those_known() {
    for arguments in [["--only", "FIN999", STARVED], ["--ignore", "FIN999", STARVED]] {
        let ran = run(&arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains("FIN102") && ran.err.contains("TUP104"), "{}", ran.err);
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for arguments in [
        ["--net", "10.0.0.0/33", STARVED],
        ["--host", "server", STARVED],
        ["--port", "65536", STARVED],
        ["--since", "yesterday", STARVED],
        ["--fin-delay", "-1", STARVED],
        ["--sort", "name", STARVED],
    ] {
        assert_eq!(run(&arguments).status, 2, "{arguments:?}");
    }
}

#[test]
fn a_time_range_that_ends_before_it_begins_is_refused() {
    let ran = run(&["--since", "+20", "--until", "+10", STARVED]);
    assert_eq!((ran.status, ran.err.as_str()), (2, "closewait: --until is before --since\n"));
}

#[test]
fn only_one_output_goes_to_standard_output() {
    let ran = run(&["--csv", "-", "--json", "-", STARVED]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("only one output"), "{}", ran.err);
}

#[test]
fn a_capture_is_never_overwritten() {
    let place = Place::new();
    let capture = place.file("a.pcap", &late_close(5));
    let ran = run(&["--csv", &capture, &capture]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("would overwrite an input"), "{}", ran.err);
    assert_eq!(std::fs::read(&capture).unwrap(), late_close(5));
}

#[test]
fn two_outputs_do_not_share_a_file() {
    let place = Place::new();
    let ran = run(&["--csv", &place.join("x"), "--json", &place.join("x"), STARVED]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("two outputs for one file"), "{}", ran.err);
}

#[test]
fn a_capture_may_be_named_like_a_subcommand() {
    let place = Place::new();
    place.write("explain", &late_close(5));
    let output = crate::closewait().current_dir(place.path()).arg("./explain").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_subcommand_behind_an_option_is_hinted_at() {
    let ran = run(&["-q", "rules"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("a subcommand comes before all options"), "{}", ran.err);
}

#[test]
fn findings_as_severe_as_asked_for_are_told_by_the_exit_status() {
    let place = Place::new();
    let (late, clean) = (place.file("late.pcap", &late_close(5)), place.file("clean.pcap", &late_close(0)));
    assert_eq!(run(&["-q", "--fail-on", "warning", &late]).status, 1);
    assert_eq!(run(&["-q", "--fail-on", "fault", &late]).status, 0);
    assert_eq!(run(&["-q", "--fail-on", "note", &clean]).status, 0);
    assert_eq!(run(&["-q", "--fail-on", "warning", "--ignore", "fin102", &late]).status, 0);
    assert_eq!(run(&["-q", "--fail-on", "warning", "--fin-delay", "6", &late]).status, 0);
    let missing = place.join("missing.pcap");
    assert_eq!(run(&["-q", "--fail-on", "warning", &late, &missing]).status, 2);
}
