//! Outcomes without what must not matter: initial numbers, capture time, which address is the lower one.

use std::fmt::Write;

use closewait::flow::{EventKind, Flow};
use closewait::net::{Role, Sides};
use closewait::tcp::SeqNumber;

use super::outcome::{Outcome, Told};
use super::trace::{Place, ROUTER};

/// Everything that is told, in the order of telling, as if it had been seen at [`Place::default`].
pub fn text(outcome: &Outcome, place: &Place) -> String {
    let home = Place::default();
    let text: String = outcome.told.iter().map(|told| told_at_home(told, place)).collect();
    let mut text = move_times(&text, home.start - place.start);
    // Its address begins as an endpoint's does.
    text = text.replace(&ROUTER.to_string(), "<Router>");
    for role in Role::BOTH {
        // With what follows, so that it is no other address that begins alike.
        text = text
            .replace(&format!("addr: {:?},", place.endpoint(role, 0).addr), &format!("addr: <{role:?}>,"));
    }
    text
}

fn told_at_home(told: &Told, place: &Place) -> String {
    let mut flow = told.flow.clone();
    move_numbers(&mut flow, place);
    Told { flow, findings: told.findings.clone(), after: told.after }.text()
}

fn move_numbers(flow: &mut Flow, place: &Place) {
    // The one who opens the first incarnation is the trace's initiator, whatever a flow takes it for.
    let is_same = flow.initiator.addr == place.endpoint(Role::Initiator, 0).addr;
    let home = Place::default().isn;
    let shift = |role: Role| place.isn[role].wrapping_sub(home[role]);
    let there = Sides { initiator: shift(Role::Initiator), responder: shift(Role::Responder) };
    let shift =
        if is_same { there } else { Sides { initiator: there.responder, responder: there.initiator } };
    for role in Role::BOTH {
        if let Some(fin) = &mut flow.fin[role] {
            fin.end = fin.end.sub(shift[role]);
        }
    }
    for event in &mut flow.events {
        let quoted = event.kind == EventKind::IcmpError;
        event.seq = event.seq.sub(shift[if quoted { !event.from } else { event.from }]);
        event.ack = if event.flags.ack() { event.ack.sub(shift[!event.from]) } else { SeqNumber(0) };
    }
}

/// Moves every moment in `text`.
fn move_times(text: &str, by: i64) -> String {
    const MARK: &str = "Timestamp(";
    let mut parts = text.split(MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (nanos, rest) = part.split_once(')').unwrap();
        write!(out, "{MARK}{}){rest}", nanos.parse::<i64>().unwrap() + by).unwrap();
    }
    out
}
