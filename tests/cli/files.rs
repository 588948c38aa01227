//! Outputs: what goes where, and how it begins.

use std::collections::BTreeSet;
use std::fs;

use crate::capture::{Place, late_close};
use crate::{STARVED, run, succeed};

const FLOWS: &str = "flow,stream,initiator,initiator_port,responder,responder_port,start,end,duration_s,\
    origin,handshake,handshake_rtt_s,syn_retries,outcome,active_closer,initiator_state,responder_state,\
    states_proven,initiator_fin,responder_fin,fin_delay_s,close_wait_at,close_wait_s,rst_by,rst_kind,\
    incarnation,predecessor,reuse_gap_s,initiator_packets,responder_packets,initiator_octets,\
    responder_octets,retransmissions,exchanges,unanswered_octets,released_by,history,conn_state,\
    first_record,last_record,file,findings";
const TIMELINE: &str =
    "time,since_start_s,flow,stream,record,actor,endpoint,peer,event,state,detail,finding,incident";
const FINDINGS: &str =
    "code,severity,certainty,title,flow,endpoint,start,duration_s,summary,records,filter,incident";

#[test]
fn the_bundle_has_every_file_that_there_is() {
    let place = Place::new();
    let directory = place.join("deep/report");
    let page = succeed(&["-o", &directory, STARVED]);
    assert!(page.contains("1 INCIDENT"));
    let read = |name: &str| fs::read_to_string(format!("{directory}/{name}")).unwrap();
    for (name, header, rows) in
        [("flows.csv", FLOWS, 32), ("timeline.csv", TIMELINE, 150), ("findings.csv", FINDINGS, 30)]
    {
        let text = read(name);
        assert_eq!(text.lines().next(), Some(header), "{name}");
        assert!(text.lines().count() > rows, "{name}");
    }
    let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json["flows"].as_array().unwrap().len(), 32);
    assert!(read("report.md").starts_with("# 1 incident in `accept_starved_90s.client.pcap`\n"));
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 5);
}

#[test]
fn an_output_on_standard_output_takes_the_place_of_the_page() {
    for (option, header) in [("--csv", FLOWS), ("--timeline", TIMELINE), ("--findings", FINDINGS)] {
        let out = succeed(&[option, "-", STARVED]);
        assert_eq!(out.lines().next(), Some(header));
        assert!(!out.contains("1 INCIDENT"));
    }
    assert!(serde_json::from_str::<serde_json::Value>(&succeed(&["--json", "-", STARVED])).is_ok());
}

#[test]
fn every_table_names_the_incident_and_who_let_a_flow_in() {
    let cells = |option: &str, name: &str| {
        let out = succeed(&[option, "-", STARVED]);
        let mut reader = csv::Reader::from_reader(out.as_bytes());
        let place = reader.headers().unwrap().iter().position(|column| column == name).unwrap();
        let cells = reader.records().map(|row| row.unwrap()[place].to_owned());
        let mut cells: Vec<String> = cells.collect();
        let rows = cells.len();
        cells.retain(|cell| !cell.is_empty());
        let told = cells.len();
        cells.dedup();
        (rows, told, cells)
    };
    assert_eq!(cells("--csv", "released_by"), (32, 30, vec!["6".to_owned()]));
    let (rows, told, incidents) = cells("--findings", "incident");
    assert_eq!((told, incidents), (rows, vec!["1".to_owned()]));
    let (rows, told, incidents) = cells("--timeline", "incident");
    assert!(told > 50 && told < rows && incidents == ["1"], "{incidents:?}");
    let json: serde_json::Value = serde_json::from_str(&succeed(&["--json", "-", STARVED])).unwrap();
    let flow = &json["flows"].as_array().unwrap().iter().find(|flow| flow["flow"] == 13).unwrap();
    assert_eq!((&flow["released_by"], &flow["findings"][0]["incident"]), (&6.into(), &1.into()));
    assert!(json["parties"].as_array().unwrap().iter().all(|finding| finding["incident"] == 1));
}

#[test]
fn a_ticket_and_a_graph_go_where_they_are_sent() {
    let ticket = succeed(&["--markdown", "-", STARVED]);
    for told in [
        "\n## 1. `10.100.0.1:8880` accepted nothing for 89.6 s",
        "\n- **Who must act:** ",
        "```sh\n# on 10.100.0.1:",
    ] {
        assert!(ticket.contains(told), "{ticket}");
    }
    let narrowed = succeed(&["--markdown", "-", "--host", "10.100.0.3", STARVED]);
    assert!(
        narrowed.starts_with("# No incident in ") && narrowed.contains("**Narrowed by** `--host 10.100.0.3`"),
        "{narrowed}"
    );
    let graph = succeed(&["--dot", "-", STARVED]);
    assert!(graph.starts_with("digraph {") && graph.contains("held up behind"), "{graph}");
}

#[test]
fn quiet_prints_nothing_but_still_writes() {
    let place = Place::new();
    assert_eq!(succeed(&["-q", "--csv", &place.join("flows.csv"), STARVED]), "");
    assert_eq!(fs::read_to_string(place.join("flows.csv")).unwrap().lines().count(), 33);
}

#[test]
fn all_flows_are_in_the_timeline_when_asked_for() {
    let place = Place::new();
    let clean = place.file("clean.pcap", &late_close(0));
    assert_eq!(succeed(&["--timeline", "-", &clean]).lines().count(), 1);
    assert!(succeed(&["--timeline", "-", "--all", &clean]).lines().count() > 5);
}

#[test]
fn rows_are_sorted_by_start_when_asked_for() {
    let ids = |arguments: &[&str]| -> Vec<u64> {
        let out = succeed(arguments);
        out.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    };
    let (finished, started) =
        (ids(&["--csv", "-", STARVED]), ids(&["--csv", "-", "--sort", "start", STARVED]));
    assert!(started.is_sorted());
    assert_eq!(BTreeSet::from_iter(started), BTreeSet::from_iter(finished));
}

#[test]
fn options_that_decide_content_are_in_the_report() {
    let out = succeed(&["--json", "-", "--fin-delay", "500ms", "--port", "8880", STARVED]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["options"]["fin-delay"], "500ms");
    assert_eq!(json["options"]["port"], "8880");
    assert!(json["options"].get("json").is_none());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let place = Place::new();
    let ran = run(&["--csv", &place.join("no/such/flows.csv"), STARVED]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("no/such/flows.csv: cannot write: "), "{}", ran.err);
    let ran = run(&["-o", STARVED, STARVED]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.starts_with("closewait: ") && ran.err.contains("cannot write"), "{}", ran.err);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_with_the_name_of_the_file() {
    for option in ["--csv", "--timeline", "--findings", "--json", "--markdown", "--dot"] {
        let ran = run(&[option, "/dev/full", STARVED]);
        assert_eq!(ran.status, 2, "{option}");
        assert!(ran.err.starts_with("closewait: /dev/full: cannot write: No space left"), "{}", ran.err);
    }
}
