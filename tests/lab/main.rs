//! Flows against ground truth: what the programs at both ends of real kernels' connections logged.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod compare;
mod rows;
mod thinned;
mod truth;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use compare::{Verdict, compare, pair_up};
use rows::{Rows, from_csv, from_library};
use truth::Truth;

/// Captures whose flows are not all judged as labelled, with the number of differences and their cause.
const KNOWN: &[(&str, usize, &str)] =
    &[("x_swapped", 65, "neighbouring records are swapped; segments are taken in the order of the file")];

#[test]
fn every_flow_is_judged_as_its_programs_logged_it() {
    let (mut compared, mut surprises) = (0, String::new());
    for name in captures() {
        let verdict = judge(&name, from_library);
        compared += verdict.compared;
        let known = KNOWN.iter().find(|(capture, ..)| *capture == name).map_or(0, |known| known.1);
        if verdict.differences.len() != known {
            writeln!(surprises, "{name}: {} differences, {known} known", verdict.differences.len()).unwrap();
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

#[test]
fn healthy_connections_bear_no_fault() {
    let mut flows = 0;
    let mut surprises = Vec::new();
    for name in captures() {
        let (truth, rows) = load(&name, from_library);
        for (connection, row) in pair_up(&truth, &rows, &mut Verdict::default()) {
            if !HEALTHY.contains(&connection.class.as_str())
                || DISTURBED.iter().any(|tag| connection.has(tag))
            {
                continue;
            }
            flows += 1;
            if !row.faults.is_empty() {
                surprises.push(format!("{name} {} {:?}: {:?}", connection.id, connection.tags, row.faults));
            }
        }
    }
    assert!(surprises.is_empty(), "{} of {flows}:\n{}", surprises.len(), surprises.join("\n"));
    assert!(flows > 2500, "{flows}");
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
