//! Zeek's `conn_state`, so that rows can be laid beside a `conn.log`.

use crate::flow::{Flow, Handshake, Origin, ResetKind};
use crate::net::Role;

/// The word that Zeek gives the connection: `S0` `S1` `SF` `REJ` `S2` `S3` `RSTO` `RSTR` `RSTOS0` `RSTRH` `SH`
/// `SHR` `OTH` (`base/protocols/conn`).
pub fn conn_state(flow: &Flow) -> &'static str {
    let originator = state(flow, Role::Initiator);
    let responder = state(flow, Role::Responder);
    let silent = |state| matches!(state, Seen::Inactive | Seen::Partial);
    match (originator, responder) {
        (Seen::SynSent, Seen::Reset) => "REJ",
        (Seen::Reset, Seen::Reset) if no_data(flow) => "REJ",
        (_, Seen::Reset) if silent(originator) => "RSTRH",
        (_, Seen::Reset) => "RSTR",
        (Seen::Reset, _) if silent(responder) => "RSTOS0",
        (Seen::Reset, _) => "RSTO",
        (Seen::Closed, Seen::Closed) => "SF",
        (Seen::Closed, _) if silent(responder) => "SH",
        (Seen::Closed, _) => "S2",
        (_, Seen::Closed) if silent(originator) => "SHR",
        (_, Seen::Closed) => "S3",
        (Seen::SynSent, Seen::Inactive) => "S0",
        (Seen::Established, Seen::Established) => "S1",
        _ => "OTH",
    }
}

fn no_data(flow: &Flow) -> bool {
    flow.traffic.initiator.octets + flow.traffic.responder.octets == 0
}

/// What an endpoint's own packets made of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Inactive,
    Partial,
    SynSent,
    Established,
    Closed,
    Reset,
}

fn state(flow: &Flow, role: Role) -> Seen {
    let reset = |kind| kind != ResetKind::SuccessorSyn;
    if flow.resets.iter().any(|rst| rst.by == role && !rst.after_close && reset(rst.kind)) {
        return Seen::Reset;
    }
    if flow.fin[role].is_some() {
        return Seen::Closed;
    }
    if flow.traffic[role].packets == 0 {
        return Seen::Inactive;
    }
    match (flow.origin, flow.handshake) {
        (Origin::Midstream, _) | (_, Handshake::NotSeen) => Seen::Partial,
        (_, Handshake::Complete | Handshake::Simultaneous) => Seen::Established,
        (_, Handshake::Syn | Handshake::SynAck) => Seen::SynSent,
    }
}
