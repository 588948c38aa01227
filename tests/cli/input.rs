//! What is read: files good and bad, streams, names of every kind.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::capture::{Place, gzip, late_close};
use crate::{Ran, STARVED, closewait, run, succeed};

#[test]
fn standard_input_is_a_capture_like_any_other() {
    let from_stdin: Ran = closewait().arg("-").write_stdin(late_close(5)).output().unwrap().into();
    assert_eq!((from_stdin.status, from_stdin.err.as_str()), (0, ""));
    assert!(from_stdin.out.starts_with("-   7 records · 7 TCP · 1 flow · 5.00 s\n"), "{}", from_stdin.out);
    assert!(from_stdin.out.contains("FIN102"));
}

#[test]
fn gzip_is_told_by_content() {
    let place = Place::new();
    let page = succeed(&[&place.file("a.dat", &gzip(&late_close(5)))]);
    assert!(page.contains("7 TCP") && page.contains("gzip"), "{page}");
    let piped: Ran = closewait().arg("-").write_stdin(gzip(&late_close(5))).output().unwrap().into();
    assert_eq!(piped.status, 0);
}

#[test]
fn a_missing_file_takes_nothing_from_the_others() {
    let place = Place::new();
    let (good, missing) = (place.file("good.pcap", &late_close(5)), place.join("missing.pcap"));
    let ran = run(&[&missing, &good]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.contains("FIN102"), "{}", ran.out);
    assert!(ran.err.starts_with(&format!("closewait: {missing}: No such file")), "{}", ran.err);
}

#[test]
fn what_is_no_capture_is_named_with_what_was_found() {
    let place = Place::new();
    for (content, found) in
        [(&b""[..], "(empty file)"), (b"# not a capture\n", "starts with \"# not a capture")]
    {
        let file = place.file("x", content);
        let ran = run(&[&file]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with("closewait: ") && ran.err.contains(found), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1);
    }
}

#[test]
fn a_cut_file_yields_what_is_whole_and_says_what_cannot_be_known() {
    let place = Place::new();
    let whole = late_close(5);
    let file = place.file("cut.pcap", &whole[..whole.len() - 70]);
    let ran = run(&[&file]);
    assert_eq!(ran.status, 2);
    assert!(ran.out.contains("5 records"), "{}", ran.out);
    let expected = format!("closewait: {file}: cut short in record 6 at byte ");
    assert!(ran.err.starts_with(&expected), "{}", ran.err);
    let meaning = "everything before it was analysed; the end of 1 flow cannot be known (undecided)";
    assert_eq!(ran.err.lines().nth(1).unwrap().trim(), meaning);
}

#[test]
fn directories_and_patterns_mean_the_captures_in_them() {
    let place = Place::new();
    place.write("a.pcap", &late_close(5));
    place.write("notes.txt", b"nothing");
    assert!(succeed(&[place.path().to_str().unwrap()]).contains("1 flow"));
    assert!(succeed(&[&place.join("*.pcap")]).contains("1 flow"));
    let ran = run(&[&place.join("*.cap")]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("matches no file"), "{}", ran.err);
}

#[test]
fn names_need_not_be_text() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"\xff\x1b[2J.pcap");
    let file = place.write(name, &late_close(5));
    let ran: Ran = closewait().arg(file).output().unwrap().into();
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("1 flow") && !ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn a_name_cannot_move_the_cursor_in_a_message_either() {
    let ran = run(&["no\u{1b}[2Jthing.pcap"]);
    assert!(ran.status == 2 && !ran.err.contains('\u{1b}'), "{}", ran.err);
    let ran = run(&["no\u{1b}[2Jthing*.pcap"]);
    assert!(ran.status == 2 && !ran.err.contains('\u{1b}'), "{}", ran.err);
}

#[test]
fn times_of_day_need_a_file_that_can_be_read_twice() {
    let absolute = ["--until", "2026-11-21T08:30:00Z", "-"];
    assert_eq!(
        closewait().args(absolute).write_stdin(late_close(5)).output().unwrap().status.code(),
        Some(0)
    );
    let ran: Ran =
        closewait().args(["--since", "+1", "-"]).write_stdin(late_close(5)).output().unwrap().into();
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("can be read only once"), "{}", ran.err);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in
        [&[STARVED][..], &["--json", "-", STARVED], &["timeline", STARVED], &["explain", "FIN102"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let binary = assert_cmd::cargo::cargo_bin("closewait");
        let output = std::process::Command::new(binary).args(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()), "{arguments:?}");
    }
}

#[test]
fn files_are_whole_even_when_the_reader_of_standard_output_goes_away() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let binary = assert_cmd::cargo::cargo_bin("closewait");
    let status = std::process::Command::new(binary)
        .args(["--json", "-", "--csv", &place.join("flows.csv"), STARVED])
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(fs::read_to_string(place.join("flows.csv")).unwrap().lines().count(), 33);
}

#[test]
fn what_the_capture_could_not_show_is_a_finding_that_accuses_nobody() {
    let place = Place::new();
    let whole = late_close(5);
    let cut = place.file("cut.pcap", &whole[..whole.len() - 70]);
    let page = run(&[&cut]).out;
    let section = page.split("\nCAPTURE").nth(1).unwrap();
    assert!(section.contains("1 of 1 flow undecided"), "{page}");
    assert!(
        section.contains("\n  CAP105    ")
            && section.contains("undecided 1 flow: the capture file breaks off")
    );
    assert_eq!(page.matches("cut short in record 6").count(), 1, "told once: {page}");
    let csv = run(&["--findings", "-", &cut]).out;
    let row = csv.lines().find(|line| line.starts_with("CAP105,")).unwrap();
    assert!(row.starts_with("CAP105,warning,proven,damaged or cut capture file,,,"), "{row}");
    for (codes, count) in [(["--only", "CAP105"], 1), (["--only", "FIN101"], 0), (["--ignore", "CAP105"], 1)]
    {
        let csv = run(&["--findings", "-", codes[0], codes[1], &cut]).out;
        assert_eq!(csv.lines().count() - 1, count, "{codes:?}: {csv}");
    }
    let open = place.file("open.pcap", &whole[..whole.len() - 4 * 56]);
    assert_eq!(run(&["--fail-on", "warning", &open]).status, 0);
    assert_eq!(run(&["--fail-on", "note", &open]).status, 1);
    assert_eq!(run(&["--fail-on", "note", "--ignore", "CAP106", &open]).status, 0);
}
