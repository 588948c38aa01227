//! What other tools say of captures from many projects, row by row: tshark, Zeek, tcptrace, Suricata.
//!
//! A row that differs does so by a rule with a name, or is listed in a `known*.csv` with its class and its reason.
//! Anything else fails, and so does an entry that differs no more. `docs/agreement.md` holds the shares;
//! `UPDATE_GOLDEN=1` renews it and takes entries that agree out of the lists.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail by panic, its helpers too"
)]

mod captures;
mod known;
mod place;
mod suricata;
mod tally;
mod tcptrace;
mod tshark;
mod zeek;

use captures::captures;
use tally::Tally;

#[test]
fn streams_agree_with_wireshark() {
    println!("{}", check(tshark::compare, 4000));
}

#[test]
fn states_and_histories_agree_with_zeek() {
    println!("{}", check(zeek::compare, 3900));
}

#[test]
fn states_and_histories_agree_with_the_baselines_of_zeeks_authors() {
    println!("{}", check(zeek::compare_baselines, 60));
}

#[test]
fn connections_agree_with_tcptrace() {
    println!("{}", check(tcptrace::compare, 3700));
}

#[test]
fn flows_agree_with_suricata() {
    println!("{}", check(suricata::compare, 3800));
}

#[test]
fn flows_are_what_the_authors_of_suricata_verify_expect() {
    println!("{}", check(suricata::compare_expected, 10));
}

#[test]
fn the_documented_shares_are_those_measured() {
    if captures().is_none() {
        return;
    }
    let tallies = [
        tshark::compare(),
        zeek::compare(),
        zeek::compare_baselines(),
        tcptrace::compare(),
        suricata::compare(),
        suricata::compare_expected(),
    ];
    let shares: Vec<_> = tallies.iter().map(Tally::row).collect();
    let classes: Vec<_> = tallies.iter().map(Tally::classes).collect();
    let measured = format!(
        "| compared | rows | the same | share | with known differences |\n|---|---|---|---|---|\n{}\n\n{}",
        shares.join("\n"),
        classes.join("\n")
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/agreement.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, found) = text.split_once("<!-- measured -->\n\n").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{before}<!-- measured -->\n\n{measured}")).unwrap();
    } else {
        assert!(found == measured, "docs/agreement.md differs; UPDATE_GOLDEN=1 renews it. Is:\n{measured}");
    }
}

fn check(compare: fn() -> Tally, at_least: usize) -> String {
    if captures().is_some() { compare().check(at_least) } else { "not compared".to_owned() }
}
