//! `--sockets`: a table beside a capture, what is told of it, and what is said where it cannot be read.

use std::fs;

use serde_json::Value;

use super::capture::Place;
use super::{Ran, closewait, run, succeed};

const CAPTURE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/closewait_leak_server.server.pcapng");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/closewait_leak_server.server.ss.txt");
const STARVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/accept_starved_reuse.server.pcapng");
const QUEUE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/accept_starved_reuse.server.netstat.txt");

/// What the page says of the table, its lines joined.
fn section(page: &str) -> String {
    let section = page.split("\nSOCKET FILE").nth(1).unwrap().split("\n\n").next().unwrap();
    section.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_names_the_program_that_forgot_to_close() {
    let section = section(&succeed(&[CAPTURE, "--sockets", TABLE]));
    for said in [
        "12 connections, 1 listener",
        "closewait_leak_server.server.ss.txt: ss · 12 of 12 in the capture",
        "10.106.0.1:9918: 12 sockets wait for their program",
        "python3 (pid 20667): 4 accepted, never read (flow ",
        "8 end of file read, not closed (flow ",
        "0 wait to be accepted (backlog 128); python3 (pid 20667) accepts here",
    ] {
        assert!(section.contains(said), "{said}: {section}");
    }
}

#[test]
fn the_page_says_what_nobody_accepted_and_that_some_of_it_is_over() {
    let section = section(&succeed(&[STARVED, "--sockets", QUEUE]));
    assert!(section.contains("nobody 5 never accepted (flow "), "{section}");
    assert!(
        section.contains("7 wait to be accepted, 2 of them over already; labtool (pid 18954)"),
        "{section}"
    );
}

#[test]
fn the_document_has_every_socket_with_its_program() {
    let report: Value =
        serde_json::from_str(&succeed(&[CAPTURE, "--sockets", TABLE, "--json", "-"])).unwrap();
    let file = &report["sockets"]["files"][0];
    assert_eq!((&file["format"], &file["fits"]["fits"]), (&"ss".into(), &12.into()));
    let sockets = file["sockets"].as_array().unwrap();
    assert_eq!(sockets.len(), 12);
    for socket in sockets {
        assert_eq!(socket["processes"][0]["pid"], 20667);
        assert_eq!((&socket["state"], &socket["holder"]), (&"CLOSE-WAIT".into(), &"named".into()));
        assert!(socket["flow"].is_u64() && socket["party"] == "10.106.0.1:9918");
        let verdict = if socket["recv_q"] == 0 { "forgot_to_close" } else { "never_read" };
        assert_eq!(socket["verdict"], verdict);
    }
    let party = &report["sockets"]["parties"][0];
    assert_eq!(party["holders"][0]["programs"][0], serde_json::json!(["python3", 20667]));
    assert_eq!(party["holders"][0]["verdicts"]["forgot_to_close"]["sockets"], 8);
    assert!(report["input"]["records"].is_u64() && report["options"]["sockets"].is_string());
}

#[test]
fn a_table_comes_from_standard_input_too() {
    let ran: Ran = closewait()
        .args([CAPTURE, "--sockets", "-"])
        .write_stdin(fs::read(TABLE).unwrap())
        .output()
        .unwrap()
        .into();
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(section(&ran.out).contains("12 of 12 in the capture"));
    let twice: Ran = closewait().args(["-", "--sockets", "-"]).write_stdin("").output().unwrap().into();
    assert!(twice.status == 2 && twice.err.contains("only once"), "{}", twice.err);
}

#[test]
fn a_table_that_cannot_be_read_leaves_the_rest_done() {
    let place = Place::new();
    let page = place.file("page.html", b"<html>\n");
    let ran = run(&[CAPTURE, "--sockets", "no-such-file", "--sockets", &page, "--sockets", TABLE]);
    assert_eq!(ran.status, 2);
    assert!(section(&ran.out).contains("12 of 12 in the capture"));
    assert!(ran.err.starts_with("closewait: no-such-file: "), "{}", ran.err);
    assert!(
        ran.err.contains("page.html: no socket table (it starts with \"<html>\"); --sockets takes"),
        "{}",
        ran.err
    );
}

#[test]
fn lines_that_are_not_understood_are_told_with_their_numbers() {
    let place = Place::new();
    let table =
        fs::read_to_string(TABLE).unwrap().replace("10.106.0.1:9918   10.106.0.2:59068", "web:http web:ftp");
    let table = place.file("ss.txt", table.as_bytes());
    let ran = run(&[CAPTURE, "--sockets", &table]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ss.txt: line 4: port \"http\" is a name; run the tool with -n"), "{}", ran.err);
    let section = section(&ran.out);
    assert!(section.contains("11 of 11 in the capture") && section.contains("1 line of"), "{section}");
}

#[test]
fn the_moment_may_be_given() {
    let at = |times: &[&str]| {
        let mut arguments = vec![STARVED, "--sockets", QUEUE];
        arguments.extend(times.iter().flat_map(|time| ["--sockets-at", time]));
        run(&arguments)
    };
    assert!(section(&at(&["08:17:48.4"]).out).contains("taken at 08:17:48.4 (6 of 6 states fit)"));
    let wrong = section(&at(&["+0.2"]).out);
    assert!(wrong.contains("check --sockets-at"), "{wrong}");
    let many = at(&["+1", "+2"]);
    assert!(many.status == 2 && many.err.contains("once for each"), "{}", many.err);
    assert_eq!(run(&[STARVED, "--sockets-at", "+1"]).status, 2);
}

#[test]
fn narrowing_narrows_the_sockets_told_of() {
    let section = section(&succeed(&[CAPTURE, "--sockets", TABLE, "--port", "59068"]));
    assert!(section.contains("10.106.0.1:9918: 1 socket waits for its program"), "{section}");
}

#[test]
fn an_output_does_not_overwrite_a_table() {
    let place = Place::new();
    let table = place.file("ss.txt", &fs::read(TABLE).unwrap());
    let ran = run(&[CAPTURE, "--sockets", &table, "--json", &table]);
    assert!(ran.status == 2 && ran.err.contains("would overwrite"), "{}", ran.err);
    assert_eq!(fs::read(&table).unwrap(), fs::read(TABLE).unwrap());
}
