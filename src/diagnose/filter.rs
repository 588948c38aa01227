//! Wireshark display filters that select what a finding or a flow is about.

use std::net::IpAddr;

use super::Finding;
use crate::flow::Flow;
use crate::net::Endpoint;
use crate::survey::Party;

/// The filter for the records of `finding`: `frame.number in {60, 61, 229}`.
///
/// Frame numbers are local to one file, so `locate` maps a record number of the whole input to the index of
/// its file and its number there. Evidence that lies in several files is selected by addresses and ports.
pub fn display_filter(finding: &Finding, flow: &Flow, locate: impl Fn(u64) -> (usize, u64)) -> String {
    let mut places: Vec<_> =
        finding.evidence.records().iter().map(|(record, _)| locate(record.record)).collect();
    places.sort_unstable();
    places.dedup();
    if places.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a != b)) {
        return address_filter(flow.initiator, flow.responder);
    }
    let frames: Vec<_> = places.iter().map(|(_, frame)| frame.to_string()).collect();
    format!("frame.number in {{{}}}", frames.join(", "))
}

/// The filter for all of `flow`: `tcp.stream == 4` when the input is one file, and addresses and ports when it
/// is several, because each file numbers its streams anew.
pub fn flow_filter(flow: &Flow, files: usize) -> String {
    if files > 1 {
        address_filter(flow.initiator, flow.responder)
    } else {
        format!("tcp.stream == {}", flow.stream)
    }
}

/// Both directions of the four-tuple. Each port is bound to its address, so that a host talking to itself, or
/// equal ports at both ends, select nothing else.
pub(super) fn address_filter(one: Endpoint, other: Endpoint) -> String {
    let (there, back) = (one_way(one, other), one_way(other, one));
    format!("({there}) || ({back})")
}

fn one_way(from: Endpoint, to: Endpoint) -> String {
    let family = |addr: IpAddr| if addr.is_ipv4() { "ip" } else { "ipv6" };
    format!(
        "{}.src == {} && tcp.srcport == {} && {}.dst == {} && tcp.dstport == {}",
        family(from.addr),
        from.addr,
        from.port,
        family(to.addr),
        to.addr,
        to.port
    )
}

/// A display filter that selects the packets of a party.
pub fn party_filter(party: &Party) -> String {
    let of_service = |service: Endpoint| match service.addr {
        IpAddr::V4(addr) => format!("ip.addr == {addr} && tcp.port == {}", service.port),
        IpAddr::V6(addr) => format!("ipv6.addr == {addr} && tcp.port == {}", service.port),
    };
    let of_host = |host: IpAddr| match host {
        IpAddr::V4(addr) => format!("ip.addr == {addr}"),
        IpAddr::V6(addr) => format!("ipv6.addr == {addr}"),
    };
    match *party {
        Party::Service(service) => of_service(service),
        Party::Client { host, service } => format!("{} && {}", of_host(host), of_service(service)),
        Party::Host(host) => format!("{} && tcp", of_host(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::Story;
    use crate::diagnose::{CATALOGUE, Evidence};
    use crate::flow::RecordRef;

    fn finding(flow: &Flow, records: &[u64]) -> Finding {
        let record = |record| RecordRef { record, ..RecordRef::default() };
        let evidence = Evidence::new(record(records[0]), "first");
        let evidence = records[1..].iter().fold(evidence, |sum, &next| sum.and(record(next), "next"));
        Finding::new(CATALOGUE[0], flow, flow.responder, evidence)
    }

    #[test]
    fn one_file_is_filtered_by_frame_numbers() {
        let flow = Story::clean();
        let filter = display_filter(&finding(&flow, &[61, 60, 229, 60]), &flow, |record| (0, record));
        assert_eq!(filter, "frame.number in {60, 61, 229}");
    }

    #[test]
    fn frame_numbers_are_those_of_the_file() {
        let flow = Story::clean();
        let filter = display_filter(&finding(&flow, &[161, 160]), &flow, |record| (3, record - 100));
        assert_eq!(filter, "frame.number in {60, 61}");
    }

    #[test]
    fn several_files_are_filtered_by_addresses_and_ports() {
        let flow = Story::clean();
        let locate = |record| if record < 100 { (0, record) } else { (1, record - 99) };
        let expected = "(ip.src == 10.0.0.2 && tcp.srcport == 40000 && ip.dst == 10.0.0.1 && tcp.dstport == 80) \
                        || (ip.src == 10.0.0.1 && tcp.srcport == 80 && ip.dst == 10.0.0.2 && tcp.dstport == 40000)";
        assert_eq!(display_filter(&finding(&flow, &[60, 229]), &flow, locate), expected);
        assert_eq!(flow_filter(&flow, 2), expected);
        assert_eq!(flow_filter(&flow, 1), "tcp.stream == 0");
    }

    #[test]
    fn ipv6_has_fields_of_its_own() {
        let mut flow = Story::clean();
        flow.initiator.addr = "2001:db8::2".parse().unwrap();
        flow.responder.addr = "2001:db8::1".parse().unwrap();
        assert!(flow_filter(&flow, 2).starts_with("(ipv6.src == 2001:db8::2 && tcp.srcport == 40000"));
    }
}
