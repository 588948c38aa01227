//! `closewait netstat`: sockets of a moment, in traces and against what `ss` said on the hosts.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

#[path = "../support/mod.rs"]
mod support;

mod agree;
mod laws;
mod packets;
mod queues;
mod states;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use agree::Agreement;
use packets::Packets;
use tables::{Table, sockets_of};

/// Of the sockets that `ss` showed, and that were not just changing, so many must be predicted in the right state.
const LEAST_AGREEMENT: f64 = 99.7;
/// The same where those count as well that were predicted though they were gone.
const LEAST_WITH_GONE: f64 = 97.0;

#[test]
fn sockets_are_in_the_states_that_ss_showed() {
    let mut all = Agreement::default();
    for name in hosts() {
        let found = compare(&name);
        if found.wrong() > 0 {
            println!("{name}: {:?}", found.differences());
        }
        all.join(&found);
    }
    println!("{all:?}");
    assert!(all.scored > 23_000, "{all:?}");
    assert!(all.percent() >= LEAST_AGREEMENT, "{all:?}");
    assert!(all.percent_with_gone() >= LEAST_WITH_GONE, "{all:?}");
    assert_eq!((all.missed, all.least_broken, all.most_broken), (0, 0, 0), "{all:?}");
    assert!(all.least_given > 50, "{all:?}");
}

/// What a capture cannot know, as (`ss`, predicted), and no other class: see `docs/netstat.md`.
const UNKNOWABLE: &[(&str, &str)] = &[
    ("FIN-WAIT-1", "ESTAB"),
    ("TIME-WAIT", "CLOSE-WAIT"),
    ("none", "ESTAB"),
    ("none", "FIN-WAIT-2"),
    ("none", "LAST-ACK"),
    ("none", "SYN-SENT"),
    ("none", "TIME-WAIT"),
];

#[test]
fn every_class_of_disagreement_is_explained() {
    let manual = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/netstat.md")).unwrap();
    let mut classes = BTreeMap::new();
    for name in hosts() {
        for ((real, said), count) in compare(&name).differences() {
            *classes.entry((real, said)).or_insert(0) += count;
        }
    }
    for (real, said) in classes.keys() {
        let class = (real.as_str(), said.as_str());
        assert!(UNKNOWABLE.contains(&class), "{class:?}: {classes:?}");
        assert!(manual.contains(&format!("| {real} | {said} |")), "{class:?} is not explained");
    }
}

#[test]
fn a_table_is_the_same_for_any_number_of_threads_and_any_order_of_moments() {
    let name = "accept_starved_reuse.server";
    let mut moments = Table::read(&table(name)).moments();
    let forth = predict(name, &moments, &["--threads", "1"]);
    moments.reverse();
    assert_eq!(predict(name, &moments, &["--threads", "4"]), forth);
    assert!(forth.lines().count() > moments.len());
}

/// Names of the hosts whose socket tables and own captures are at hand.
fn hosts() -> Vec<String> {
    let files = fs::read_dir(lab()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        files.filter_map(|file| Some(file.split_once(".ss.jsonl.gz")?.0.to_owned())).collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 80, "{}", names.len());
    names
}

fn compare(name: &str) -> Agreement {
    let table = Table::read(&table(name));
    let said = predict(name, &table.moments(), &[]);
    Agreement::of(&table, &sockets_of(&said, &table.addresses), &Packets::read(&capture(name)))
}

/// What the program says of these moments, with the time-out that was set on a host of the story.
fn predict(name: &str, moments: &[i64], options: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("moments");
    let lines: Vec<_> = moments.iter().map(i64::to_string).collect();
    fs::write(&list, lines.join("\n")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_closewait"))
        .args(["netstat", "--csv", "-", "--at-file"])
        .arg(&list)
        .args(["--fin-timeout", &fin_timeout(name)])
        .args(options)
        .arg(capture(name))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `net.ipv4.tcp_fin_timeout` in seconds; 60 where no host changed it.
fn fin_timeout(name: &str) -> String {
    let truth = serde_json::from_str::<serde_json::Value>(&text(&stored(name, "truth.json"))).unwrap();
    let mut hosts = truth["sysctl"].as_object().into_iter().flat_map(|hosts| hosts.values());
    let set = hosts.find_map(|host| host["net.ipv4.tcp_fin_timeout"].as_str());
    set.unwrap_or("60").to_owned()
}

fn capture(name: &str) -> PathBuf {
    ["pcap", "pcap.gz", "pcap.zst", "pcapng", "pcapng.gz"]
        .into_iter()
        .map(|suffix| lab().join(format!("{name}.{suffix}")))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name}: no capture"))
}

fn table(name: &str) -> PathBuf {
    lab().join(format!("{name}.ss.jsonl.gz"))
}

/// The file, plain or compressed.
fn stored(name: &str, suffix: &str) -> PathBuf {
    let plain = lab().join(format!("{name}.{suffix}"));
    if plain.exists() { plain } else { lab().join(format!("{name}.{suffix}.gz")) }
}

fn text(path: &Path) -> String {
    String::from_utf8(support::cut::unpack(fs::read(path).unwrap())).unwrap()
}

fn lab() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab"))
}
