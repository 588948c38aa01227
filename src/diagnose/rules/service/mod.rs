//! SVC: what many connections of one service or client show together.

mod accept_starvation;
mod close_wait_accumulates;
mod stopped_answering;

pub(in crate::diagnose) use accept_starvation::ACCEPT_STARVATION;
pub(in crate::diagnose) use close_wait_accumulates::CLOSE_WAIT_ACCUMULATES;
pub(in crate::diagnose) use stopped_answering::STOPPED_ANSWERING;

use crate::net::Endpoint;
use crate::survey::Party;

/// So many connections of a party make a story; fewer are told one by one.
const MANY: u64 = 3;

/// `1 connection`, `30 connections`.
fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A display filter that selects the packets of a party.
fn filter_of(party: &Party) -> String {
    let of_service = |service: Endpoint| match service.addr {
        std::net::IpAddr::V4(addr) => format!("ip.addr == {addr} && tcp.port == {}", service.port),
        std::net::IpAddr::V6(addr) => format!("ipv6.addr == {addr} && tcp.port == {}", service.port),
    };
    let of_host = |host: std::net::IpAddr| match host {
        std::net::IpAddr::V4(addr) => format!("ip.addr == {addr}"),
        std::net::IpAddr::V6(addr) => format!("ipv6.addr == {addr}"),
    };
    match *party {
        Party::Service(service) => of_service(service),
        Party::Client { host, service } => format!("{} && {}", of_host(host), of_service(service)),
        Party::Host(host) => format!("{} && tcp", of_host(host)),
    }
}
