//! Flows against ground truth: what the programs at both ends of real kernels' connections logged.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod compare;
mod programs;
mod rows;
mod stories;
mod thinned;
mod truth;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use closewait::narrow::Narrowing;
use compare::{Verdict, compare, pair_up};
use rows::{Rows, from_csv, from_library};
use truth::{Expect, Truth};

#[test]
fn every_flow_is_judged_as_its_programs_logged_it() {
    let (mut compared, mut surprises) = (0, String::new());
    for name in captures() {
        let verdict = judge(&name, from_library);
        compared += verdict.compared;
        if !verdict.differences.is_empty() {
            writeln!(surprises, "{name}: {} differences", verdict.differences.len()).unwrap();
            let show = if env::var_os("SHOW_ALL").is_some() { usize::MAX } else { 5 };
            for difference in verdict.differences.iter().take(show) {
                writeln!(surprises, "    {difference}").unwrap();
            }
        }
    }
    assert!(surprises.is_empty(), "{compared} compared\n{surprises}");
    assert!(compared > 14_000, "{compared}");
}

#[test]
fn the_columns_of_flows_csv_tell_the_same() {
    for name in
        ["accept_starved_20s.client", "accept_starved_reuse.server", "controls_ipv6.client", "rotated.server"]
    {
        let verdict = judge(name, from_csv);
        assert_eq!(verdict.differences, [""; 0], "{name}");
        assert_eq!(verdict.compared, judge(name, from_library).compared, "{name}");
    }
}

/// Of every flow that waited in an accept queue and was abandoned there: whose end released it. Of no other flow.
#[test]
fn releasers_are_named_as_the_programs_logged_them() {
    let (mut named, mut surprises) = (0, Vec::new());
    for name in captures() {
        let (truth, rows) = load(&name, from_csv);
        let pairs = pair_up(&truth, &rows, &mut Verdict::default());
        let flows: HashMap<&str, u64> =
            pairs.iter().map(|(connection, row)| (connection.id.as_str(), row.flow)).collect();
        for (connection, row) in
            pairs.iter().filter(|(connection, _)| connection.class != "undecided_file_ends")
        {
            let Expect { released_by, fin_delay_s, .. } = &connection.expect;
            let truth = released_by.as_deref().and_then(|id| flows.get(id).copied());
            // What waited for less than `--fin-delay` need not be named.
            let is_brief = fin_delay_s.is_some_and(|delay| delay < 1.0) && row.released_by.is_none();
            named += usize::from(truth.is_some());
            if row.released_by != truth && !is_brief {
                surprises.push(format!("{name} {}: {:?}, truth {truth:?}", connection.id, row.released_by));
            }
        }
    }
    assert!(surprises.is_empty(), "{} of {named}:\n{}", surprises.len(), surprises.join("\n"));
    assert!(named > 900, "{named}");
}

#[test]
fn healthy_connections_bear_no_fault() {
    let mut flows = 0;
    let mut surprises = Vec::new();
    for name in captures() {
        let (truth, rows) = load(&name, from_library);
        let (healthy, accused) = falsely_accused(&truth, &rows);
        flows += healthy;
        surprises.extend(accused.into_iter().map(|accused| format!("{name} {accused}")));
    }
    assert!(surprises.is_empty(), "{} of {flows}:\n{}", surprises.len(), surprises.join("\n"));
    assert!(flows > 2500, "{flows}");
}

#[test]
fn captures_of_healthy_connections_alone_are_in_the_count() {
    for prefix in
        ["controls", "reuse_clean", "mptcp", "fastopen", "messy_network", "capture_drops", "asymmetric"]
    {
        let names: Vec<_> = captures().into_iter().filter(|name| name.starts_with(prefix)).collect();
        assert!(!names.is_empty(), "{prefix}");
        for name in names {
            let (truth, rows) = load(&name, from_library);
            let (healthy, accused) = falsely_accused(&truth, &rows);
            assert!(healthy > 0 && accused.is_empty(), "{name}: {healthy}, {accused:?}");
        }
    }
}

#[test]
fn a_false_accusation_would_be_noticed() {
    let (truth, mut rows) = load("reuse_clean.client", from_library);
    rows.values_mut().flatten().for_each(|row| row.faults.push("FIN101"));
    let (healthy, accused) = falsely_accused(&truth, &rows);
    assert!(healthy > 0 && accused.len() == healthy, "{healthy}, {accused:?}");
}

/// How many connections nothing was wrong with, and those that are accused all the same.
fn falsely_accused(truth: &Truth, rows: &Rows) -> (usize, Vec<String>) {
    let pairs = pair_up(truth, rows, &mut Verdict::default());
    let healthy: Vec<_> = pairs
        .into_iter()
        .filter(|(connection, _)| HEALTHY.contains(&connection.class.as_str()))
        .filter(|(connection, _)| !DISTURBED.iter().any(|tag| connection.has(tag)))
        .collect();
    let accused = healthy.iter().filter(|(_, row)| !row.faults.is_empty());
    let accused = accused
        .map(|(connection, row)| format!("{} {:?}: {:?}", connection.id, connection.tags, row.faults))
        .collect();
    (healthy.len(), accused)
}

#[test]
fn what_a_capture_could_not_show_is_found_where_it_was_made_so() {
    for (name, expected) in CAPTURE_FINDINGS {
        assert_eq!(capture_findings(name), *expected, "{name}");
    }
}

/// What was done to captures, in the codes of findings; connections at the edges (CAP106) are in most.
const CAPTURE_FINDINGS: &[(&str, &[&str])] = &[
    ("accept_starved_90s.client", &[]),
    ("asymmetric.client", &["CAP102"]),
    ("asymmetric.client.replies", &["CAP102"]),
    ("capture_drops.client", &["CAP101"]),
    ("controls.client", &[]),
    ("controls.server", &[]),
    ("messy_network.client", &["CAP103"]),
    ("messy_network.server", &["CAP103"]),
    ("reuse_clean.server", &[]),
    ("routed_any.middle", &["CAP103"]),
    ("snaplen64.client", &[]),
    ("snaplen64_ipv6.client", &["CAP107"]),
    ("snaplen68_ipv6.client", &[]),
    ("x_bad_block", &["CAP105"]),
    ("x_bad_record", &["CAP105"]),
    ("x_clock_step", &["CAP104"]),
    ("x_cut", &["CAP105"]),
    ("x_cut_header", &["CAP105"]),
    ("x_cut_packet", &["CAP105"]),
];

fn capture_findings(name: &str) -> Vec<&'static str> {
    let (truth, _) = load(name, from_library);
    let input = Input::open(&truth.files(lab()));
    let ignore = vec!["CAP106".to_owned()];
    let narrowing = Narrowing { ignore, ..Default::default() };
    let run = Analysis::new().narrow(narrowing);
    let outcome = run.run(input, &mut |_: &Flow, _: &[Finding]| {}).unwrap();
    let of_input = outcome.input_findings.iter().filter(|finding| finding.party.is_none());
    of_input.map(|finding| finding.rule.code).collect()
}

/// Classes in which nothing went wrong.
const HEALTHY: [&str; 4] = ["clean_close", "simultaneous_close", "idle_open_at_end", "refused"];
/// Tags of connections that ended well but met the remains of an earlier one.
const DISTURBED: [&str; 2] = ["syn_answered_by_ack", "foreign_fin_of_predecessor"];

fn judge(name: &str, read: fn(&[PathBuf]) -> Rows) -> Verdict {
    let (truth, rows) = load(name, read);
    compare(&truth, &rows)
}

fn load(name: &str, read: fn(&[PathBuf]) -> Rows) -> (Truth, Rows) {
    let truth = load_truth(name);
    let rows = read(&truth.files(lab()));
    (truth, rows)
}

fn load_truth(name: &str) -> Truth {
    let plain = lab().join(format!("{name}.truth.json"));
    Truth::load(&if plain.exists() { plain } else { plain.with_extension("json.gz") })
}

/// Names of all captures with a truth file, those that hold no capture at all excepted.
fn captures() -> Vec<String> {
    let files = fs::read_dir(lab()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let names = files.filter_map(|file| Some(file.split_once(".truth.json")?.0.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name != "x_empty" && name != "x_text").collect();
    names.sort();
    names
}

fn lab() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab"))
}
