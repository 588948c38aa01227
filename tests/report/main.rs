//! One fixture through every report, compared whole with `testdata/golden`.
//! `UPDATE_GOLDEN=1 cargo test` rewrites the files; the change is then reviewed like any other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect stops"
)]

mod extremes;
mod fixture;

use std::fs;
use std::path::PathBuf;

use closewait::report::rows::conn_state;
use closewait::report::{
    DotReport, FindingsCsv, FlowsCsv, JsonReport, MarkdownReport, Order, Paint, Report, Reports, Sources,
    TextOptions, TextReport, TimelineCsv, write_ladder, write_release,
};
use closewait::survey::Place;

fn run(report: &mut dyn Report) {
    let names = fixture::input().files.into_iter().map(|file| file.name).collect::<Vec<_>>();
    let locate = |record: u64| if record <= 100 { (0, record) } else { (1, record - 100) };
    report.begin(&fixture::plan()).unwrap();
    let mut sources = Sources { names: &names, locate: &locate, place: Place::default() };
    for (flow, findings) in fixture::flows() {
        let pair = Some(u32::from(flow.responder.port == 443));
        sources.place = Place { pair, may_be_released: [11, 57].contains(&flow.id) };
        report.flow(&flow, &findings, &sources).unwrap();
    }
    report.incidents(&fixture::incidents()).unwrap();
    report.input(&fixture::input_findings(), &sources).unwrap();
    report.finish(&fixture::input()).unwrap();
}

fn compare(name: &str, found: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    let found = String::from_utf8(found.to_vec()).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs; UPDATE_GOLDEN=1 rewrites it. Found:\n{found}");
}

fn page(options: TextOptions) -> String {
    let mut out = Vec::new();
    run(&mut TextReport::new(&mut out, options));
    String::from_utf8(out).unwrap()
}

#[test]
fn flows_csv_is_as_in_the_golden_file() {
    let mut out = Vec::new();
    run(&mut FlowsCsv::new(&mut out, Order::Finished));
    compare("flows.csv", &out);
}

#[test]
fn sorting_by_start_changes_the_order_of_rows_only() {
    let (mut finished, mut sorted) = (Vec::new(), Vec::new());
    let mut both = Reports(vec![
        Box::new(FlowsCsv::new(&mut finished, Order::Finished)),
        Box::new(FlowsCsv::new(&mut sorted, Order::Start)),
    ]);
    run(&mut both);
    drop(both);
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let mut by_start = lines(&finished);
    by_start[1..].sort_by_key(|line| line.split(',').nth(6).unwrap().to_owned());
    assert_eq!(lines(&sorted), by_start);
}

#[test]
fn every_row_of_flows_csv_has_a_cell_per_column() {
    let mut out = Vec::new();
    run(&mut FlowsCsv::new(&mut out, Order::Finished));
    let mut reader = csv::Reader::from_reader(out.as_slice());
    assert_eq!(reader.headers().unwrap().len(), 42);
    assert_eq!(reader.records().map(Result::unwrap).count(), 6);
}

#[test]
fn timeline_csv_is_as_in_the_golden_file() {
    let mut out = Vec::new();
    run(&mut TimelineCsv::new(&mut out, true));
    compare("timeline.csv", &out);
}

#[test]
fn the_timeline_leaves_out_flows_without_findings() {
    let mut out = Vec::new();
    run(&mut TimelineCsv::new(&mut out, false));
    let mut reader = csv::Reader::from_reader(out.as_slice());
    let flows: Vec<_> = reader.records().map(|row| row.unwrap()[2].to_owned()).collect();
    assert!(flows.contains(&"57".to_owned()) && !flows.contains(&"1".to_owned()));
}

#[test]
fn findings_csv_is_as_in_the_golden_file() {
    let mut out = Vec::new();
    run(&mut FindingsCsv::new(&mut out));
    compare("findings.csv", &out);
}

#[test]
fn report_json_is_as_in_the_golden_file() {
    let mut out = Vec::new();
    run(&mut JsonReport::new(&mut out));
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["schema"], "closewait/1");
    assert_eq!(document["totals"]["flows"], 6);
    compare("report.json", &out);
}

#[test]
fn the_ticket_is_as_in_the_golden_file() {
    let mut out = Vec::new();
    run(&mut MarkdownReport::new(&mut out));
    compare("report.md", &out);
}

#[test]
fn the_graph_is_written_as_it_is() {
    let mut out = Vec::new();
    run(&mut DotReport::new(&mut out));
    assert_eq!(String::from_utf8(out).unwrap(), fixture::incidents().dot);
}

#[test]
fn an_empty_run_still_gives_whole_documents() {
    let mut out = Vec::new();
    let mut report = JsonReport::new(&mut out);
    report.begin(&fixture::plan()).unwrap();
    report.finish(&closewait::report::InputFacts::default()).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["flows"], serde_json::json!([]));
}

#[test]
fn the_page_is_as_in_the_golden_files() {
    for width in [80, 120] {
        let page = page(TextOptions { width, color: false });
        compare(&format!("page-{width}.txt"), page.as_bytes());
    }
}

#[test]
fn no_line_of_the_page_is_longer_than_the_terminal() {
    for width in [80, 93, 120] {
        for line in page(TextOptions { width, color: false }).lines() {
            assert!(line.chars().count() <= width, "{} columns: {line}", line.chars().count());
        }
    }
}

#[test]
fn colours_change_nothing_but_the_colour() {
    let painted = page(TextOptions { width: 80, color: true });
    let mut plain = painted.clone();
    for code in ["0", "1", "2", "31", "33"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert!(painted.contains('\u{1b}'));
    assert_eq!(plain, page(TextOptions { width: 80, color: false }));
}

#[test]
fn ladders_are_as_in_the_golden_file() {
    let mut out = Vec::new();
    for width in [80, 120] {
        for (flow, findings) in fixture::flows() {
            let mut ladder = Vec::new();
            write_ladder(&flow, &findings, width, Paint::default(), &mut ladder).unwrap();
            let ladder = String::from_utf8(ladder).unwrap();
            assert!(ladder.lines().all(|line| line.chars().count() <= width), "{ladder}");
            out.extend_from_slice(ladder.as_bytes());
            out.push(b'\n');
        }
    }
    compare("ladders.txt", &out);
}

#[test]
fn a_ladder_ends_with_who_let_the_flow_in() {
    let incidents = fixture::incidents();
    let mut out = Vec::new();
    write_release(incidents.causes.released_by(57).unwrap(), &mut out).unwrap();
    assert_eq!(out, b"released by flow 1 (closed 08:01:31.041, 2.0 ms before)\n");
}

#[test]
fn a_reader_of_the_page_learns_who_was_stuck_and_who_had_forgotten() {
    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, TextOptions::default());
    let locate = |record| (0, record);
    let sources = Sources { names: &[], locate: &locate, place: Place::default() };
    report.begin(&fixture::plan()).unwrap();
    for late in 0..30 {
        let mut flow = if late < 20 { fixture::delayed() } else { fixture::late_fin_rst() };
        let mut wait = flow.close_wait.unwrap();
        wait.since.time = fixture::at(1000 + late);
        wait.until.as_mut().unwrap().time = fixture::at(31_100 + late * 2000);
        wait.lasted = wait.until.unwrap().time - wait.since.time;
        flow.fin_delay = Some(wait.lasted);
        flow.close_wait = Some(wait);
        report.flow(&flow, &[], &sources).unwrap();
    }
    report.finish(&fixture::input()).unwrap();
    drop(report);
    let page = String::from_utf8(out).unwrap();
    for told in [
        "10.100.0.1:8880 left 30 connections half-closed, 08:00:01.0 – 08:01:29.1",
        "30 FINs came 30.1 – 88.1 s late (median 59.1 s)",
        "peak 30 in CLOSE-WAIT, 08:00:01.0",
        "10.100.0.2 answered 10 late FINs of 10.100.0.1:8880 with RST (it had forgotten",
    ] {
        assert!(page.contains(told), "{told}\n{page}");
    }
}

#[test]
fn large_numbers_and_long_names_keep_to_the_page() {
    let mut input = fixture::input();
    input.records = 123_456_789_012;
    input.segments = 123_456_789_006;
    input.files[0].name = format!("/var/captures/{}.pcapng.zst", "rotated-".repeat(30));
    input.notes = vec!["the capture dropped packets ".repeat(9)];
    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, TextOptions::default());
    let locate = |record| (0, record);
    let sources = Sources { names: &[], locate: &locate, place: Place::default() };
    let (mut flow, findings) = fixture::flows().pop().unwrap();
    for host in 1..=8_u16 {
        flow.initiator.addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, host).into();
        flow.responder.addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 6, 7, 8, 9, 10, 11).into();
        let mut wait = flow.close_wait.unwrap();
        wait.at = closewait::net::Role::Initiator;
        flow.close_wait = Some(wait);
        report.flow(&flow, &findings, &sources).unwrap();
    }
    report.finish(&input).unwrap();
    drop(report);
    let page = String::from_utf8(out).unwrap();
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(page.contains("… and 3 more endpoints with 3 connections"), "{page}");
}

#[test]
fn a_file_name_can_do_nothing_to_the_terminal() {
    let mut out = Vec::new();
    let mut report = TextReport::new(&mut out, TextOptions::default());
    let mut input = fixture::input();
    input.files[0].name = "a\u{1b}[2J\r\n'b.pcap".to_owned();
    input.notes = vec!["a\u{202e}b".to_owned()];
    report.finish(&input).unwrap();
    drop(report);
    let page = String::from_utf8(out).unwrap();
    assert!(!page.contains(['\u{1b}', '\r', '\u{202e}']), "{page}");
    assert!(page.contains("no TCP connection to tell of"), "{page}");
}

#[test]
fn conn_state_is_the_word_that_zeek_gives() {
    assert_eq!(conn_state(&fixture::clean()), "SF");
    assert_eq!(conn_state(&fixture::half_closed()), "S2");
    assert_eq!(conn_state(&fixture::refused()), "REJ");
    // Both sent their FINs: the RST after them is no abort to Zeek.
    assert_eq!(conn_state(&fixture::late_fin_rst()), "SF");
}
