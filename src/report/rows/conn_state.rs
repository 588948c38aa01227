//! Zeek's `conn_state`, so that rows can be laid beside a `conn.log`.

use crate::flow::{Event, EventKind, Flow, ResetKind};
use crate::net::{Role, Sides};

/// The word that Zeek gives the connection: `S0` `S1` `SF` `REJ` `S2` `S3` `RSTO` `RSTR` `RSTOS0` `RSTRH` `SH`
/// `SHR` `OTH` (`base/protocols/conn`).
pub fn conn_state(flow: &Flow) -> &'static str {
    if closed_without_reset(flow) {
        return "SF";
    }
    let Sides { initiator: originator, responder } = states(flow);
    let silent = |state| matches!(state, Seen::Inactive | Seen::Partial);
    match (originator, responder) {
        (Seen::SynSent, Seen::Reset(_)) => "REJ",
        (Seen::Reset(_), Seen::Reset(_)) if no_data(flow) => "REJ",
        (_, Seen::Reset(_)) if silent(originator) => "RSTRH",
        (_, Seen::Reset(_)) => "RSTR",
        (Seen::Reset(_), _) if !silent(responder) => "RSTO",
        (Seen::Reset(_), _) if is_only_a_syn_before_its_reset(flow) => "RSTOS0",
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

/// True when both sides sent a FIN and none a RST: nothing else counts then, and so it is with most flows.
fn closed_without_reset(flow: &Flow) -> bool {
    flow.resets.is_empty() && Role::BOTH.into_iter().all(|role| flow.fin[role].is_some())
}

fn no_data(flow: &Flow) -> bool {
    flow.traffic.initiator.octets + flow.traffic.responder.octets == 0
}

/// The initiator's letters: a SYN, then a RST before anything that could belong to a connection.
fn is_only_a_syn_before_its_reset(flow: &Flow) -> bool {
    let mut letters = flow.letters.iter().skip_while(|&letter| letter == b'^');
    letters.next() == Some(b'S') && letters.find(|letter| b"RHAFGIQ".contains(letter)) == Some(b'R')
}

/// What an endpoint's own packets made of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Inactive,
    /// It sent something other than a SYN first.
    Partial,
    SynSent,
    Established,
    Closed,
    Reset(After),
}

/// What an endpoint that sent a RST had done before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    OwnFin,
    Anything,
}

/// Where Zeek's own, simple machine ends: it knows no numbers.
fn states(flow: &Flow) -> Sides<Seen> {
    let mut states = Sides { initiator: Seen::Inactive, responder: Seen::Inactive };
    for event in flow.events.iter().filter(|event| takes_part(flow, event)) {
        step(&mut states, event);
    }
    for role in Role::BOTH {
        // Plain segments need not be among the events.
        if states[role] == Seen::Inactive && flow.traffic[role].packets > 0 && !is_awaiting(states, role) {
            states[role] = joined(states[!role]);
        }
    }
    states
}

/// Neither about another incarnation nor an answer to one.
fn takes_part(flow: &Flow, event: &Event) -> bool {
    let answers_successor =
        |at| flow.resets.iter().any(|reset| reset.at == at && reset.kind == ResetKind::SuccessorSyn);
    !matches!(event.kind, EventKind::Ghost | EventKind::IcmpError) && !answers_successor(event.at)
}

fn step(states: &mut Sides<Seen>, event: &Event) {
    let (from, flags) = (event.from, event.flags);
    let peer = states[!from];
    match states[from] {
        Seen::Closed if flags.rst() && peer != Seen::Closed => states[from] = Seen::Reset(After::OwnFin),
        // A reset after both FINs changes nothing.
        Seen::Reset(_) | Seen::Closed => {}
        _ if flags.rst() => states[from] = Seen::Reset(After::Anything),
        _ if flags.fin() => {
            states[from] = Seen::Closed;
            // FIN, RST, and now the other FIN: closed after all.
            if peer == Seen::Reset(After::OwnFin) {
                states[!from] = Seen::Closed;
            }
        }
        Seen::Inactive if flags.syn() && from == Role::Initiator => states[from] = Seen::SynSent,
        Seen::Inactive if flags.syn() => {
            states[from] = Seen::Established;
            if peer == Seen::SynSent {
                states[!from] = Seen::Established;
            }
        }
        // Some stacks acknowledge a SYN before they answer it.
        Seen::Inactive if event.octets == 0 && is_awaiting(*states, from) => {}
        Seen::Inactive => states[from] = joined(peer),
        _ => {}
    }
}

/// True when all that is known of `role` is that a SYN went to it.
fn is_awaiting(states: Sides<Seen>, role: Role) -> bool {
    role == Role::Responder && states.initiator == Seen::SynSent
}

/// What an endpoint is whose first segment says nothing of itself.
fn joined(peer: Seen) -> Seen {
    if peer == Seen::Established { Seen::Established } else { Seen::Partial }
}
