//! What the authors of suricata-verify expect of their own captures.

use std::collections::BTreeMap;

use closewait::flow::Flow;
use closewait::net::Endpoint;
use closewait::report::rows::conn_state;
use serde::Deserialize;

use super::{CONTROL, fits, told};
use crate::captures::{captures, rows};
use crate::tally::{Difference, Tally};

#[derive(Deserialize)]
struct Row {
    test: String,
    expected_event_count: usize,
    /// `proto=TCP ; tcp.state=closed`.
    #[serde(rename = "match")]
    fields: String,
}

/// Fields that say something of TCP itself; others are about rules and applications.
const COMPARED: &[&str] =
    &["flow.pkts_toserver", "flow.pkts_toclient", "tcp.tcp_flags_ts", "tcp.tcp_flags_tc", "tcp.state"];

pub(crate) fn compare() -> Tally {
    let what = "suricata-verify: packets, flags and state of the expected flows";
    let mut tally = Tally::new(what, "known-expected.csv");
    let about_tcp =
        |row: &csv::StringRecord| COMPARED.iter().any(|field| row[3].contains(&format!("{field}=")));
    for (pcap, theirs) in rows::<Row>("oracles/suricata-verify-expectations.csv", about_tcp) {
        let flows = &captures().unwrap()[pcap].flows;
        for row in theirs {
            let fields: BTreeMap<_, _> =
                row.fields.split(" ; ").filter_map(|field| field.split_once('=')).collect();
            if fields.get("proto").is_some_and(|proto| *proto != "TCP") || fields.contains_key("icmp_type") {
                continue;
            }
            let found = flows.iter().filter(|flow| is_as_expected(flow, &fields)).count();
            if found == row.expected_event_count {
                tally.agrees();
            } else {
                let how = format!("{found} flows, not {}: {}", row.expected_event_count, row.fields);
                tally.differs(pcap, &Difference { key: row.test, how });
            }
        }
    }
    tally
}

fn is_as_expected(flow: &Flow, fields: &BTreeMap<&str, &str>) -> bool {
    [false, true].into_iter().any(|swapped| {
        let ends = if swapped { [flow.responder, flow.initiator] } else { [flow.initiator, flow.responder] };
        let is =
            |name: &str, own: &dyn Fn(&str) -> bool| fields.get(name).is_none_or(|expected| own(expected));
        let addr = |end: Endpoint| move |text: &str| text.parse() == Ok(end.addr);
        let port = |end: Endpoint| move |text: &str| text.parse() == Ok(end.port);
        let [(to_server, by_client), (to_client, by_server)] = told(flow, swapped);
        let flags =
            |own: u8| move |text: &str| u8::from_str_radix(text, 16).map(|it| it & CONTROL) == Ok(own);
        is("src_ip", &addr(ends[0]))
            && is("dest_ip", &addr(ends[1]))
            && is("src_port", &port(ends[0]))
            && is("dest_port", &port(ends[1]))
            && is("flow.pkts_toserver", &|text| text.parse() == Ok(to_server))
            && is("flow.pkts_toclient", &|text| text.parse() == Ok(to_client))
            && is("tcp.tcp_flags_ts", &flags(by_client))
            && is("tcp.tcp_flags_tc", &flags(by_server))
            && is("tcp.state", &|text| fits(conn_state(flow), text))
    })
}
