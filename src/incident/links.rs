//! What is a likely cause of what, and why.

use std::fmt;

use serde::Serialize;

use super::symptom::Symptom;
use crate::diagnose::Fact;
use crate::survey::Party;
use crate::time::TimeDelta;

/// How one thing led to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The end of a connection let others in.
    ReleasedBy,
    /// Connections waited for a place, or for an answer, that others held.
    HeldUpBehind,
    /// A new connection took the ports of one that was not over.
    ReusedTupleOf,
    /// A host that had forgotten the connection answered what came late.
    AnsweredLateFinOf,
    /// It began when, or soon after, the other had.
    StoppedAnsweringAfter,
    /// Both are at one service.
    SeenAt,
}

impl Cause {
    /// The words between effect and cause.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReleasedBy => "released by",
            Self::HeldUpBehind => "held up behind",
            Self::ReusedTupleOf => "reused tuple of",
            Self::AnsweredLateFinOf => "answered late FIN of",
            Self::StoppedAnsweringAfter => "stopped answering after",
            Self::SeenAt => "seen at",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A cause, with how likely it is one and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    pub(super) cause: Cause,
    /// 0 to 1.
    pub(super) score: f64,
    pub(super) reason: String,
}

/// At one service: what leads to what, how sure that is, and why.
const AT_ONE_SERVICE: &[(&str, &[&str], Cause, f64, &str)] = &[
    (
        "SVC102",
        &["SVC101", "SVC106", "SVC108", "FIN101", "FIN102", "APP101", "APP102"],
        Cause::HeldUpBehind,
        0.9,
        "a connection that was never accepted is neither answered nor closed",
    ),
    (
        "SVC104",
        &["SVC106", "SVC101"],
        Cause::HeldUpBehind,
        0.7,
        "who waits for a connection of a full pool does nothing else",
    ),
    (
        "SVC106",
        &["SVC101", "SVC108", "FIN101", "FIN102", "APP101", "APP102"],
        Cause::StoppedAnsweringAfter,
        0.8,
        "a program that does nothing neither answers nor closes",
    ),
    (
        "SVC101",
        &["SVC105", "FIN101", "FIN102"],
        Cause::HeldUpBehind,
        0.8,
        "a socket in CLOSE-WAIT keeps its port",
    ),
    ("SVC103", &["SVC105"], Cause::HeldUpBehind, 0.8, "an open connection keeps its port"),
    (
        "SVC101",
        &["TUP101", "TUP104"],
        Cause::ReusedTupleOf,
        0.9,
        "the port belongs to a socket in CLOSE-WAIT",
    ),
    (
        "FIN101",
        &["TUP101", "TUP104"],
        Cause::ReusedTupleOf,
        0.9,
        "the port belongs to a half-closed connection",
    ),
    ("TUP101", &["TUP103", "TUP104"], Cause::ReusedTupleOf, 0.9, "the old socket answers for its numbers"),
    (
        "FIN102",
        &["RST101", "TUP103", "SVC107"],
        Cause::AnsweredLateFinOf,
        0.9,
        "the FIN came when the other side had forgotten the connection",
    ),
    ("APP101", &["RST102"], Cause::AnsweredLateFinOf, 0.8, "the answer came when the client had gone"),
    ("APP107", &["RST102"], Cause::AnsweredLateFinOf, 0.9, "the request came when the server had gone"),
    (
        "RST105",
        &["RST109", "RST103"],
        Cause::AnsweredLateFinOf,
        0.7,
        "who was reset by somebody else no longer knows the connection",
    ),
    (
        "RST108",
        &["RST109", "RST105"],
        Cause::AnsweredLateFinOf,
        0.8,
        "what forgets an idle connection resets both of its ends",
    ),
    (
        "APP107",
        &["SVC101", "FIN101"],
        Cause::HeldUpBehind,
        0.5,
        "a pool that does not notice a FIN does not close either",
    ),
    (
        "SYN105",
        &["SYN103", "SYN104", "SVC106", "APP101"],
        Cause::HeldUpBehind,
        0.8,
        "the accept queue was full",
    ),
];

/// How much later a front may stop than what it waits for, or seem to stop before.
const SLACK: TimeDelta = TimeDelta::from_secs(1);

/// How `cause` led to `effect`, if it is likely that it did.
pub(super) fn link(cause: &Symptom, effect: &Symptom) -> Option<Link> {
    // One client's sockets hold up no other client's.
    if let (Party::Client { host, .. }, Party::Client { host: other, .. }) = (cause.party, effect.party)
        && host != other
        && cause.service == effect.service
    {
        return None;
    }
    if cause.service == effect.service {
        let known = AT_ONE_SERVICE
            .iter()
            .find(|(code, effects, ..)| *code == cause.code && effects.contains(&effect.code));
        return known.map(|&(_, _, cause, score, reason)| Link { cause, score, reason: reason.to_owned() });
    }
    behind(cause, effect).or_else(|| at_the_same_time(cause, effect)).or_else(|| at_one_host(cause, effect))
}

/// A backend that says nothing, and the front that is its client.
fn behind(back: &Symptom, front: &Symptom) -> Option<Link> {
    let Party::Client { host, .. } = client_of(back)? else { return None };
    let is_cause = matches!(back.code, "SVC104" | "SVC106" | "SVC102" | "SYN105");
    let is_effect = matches!(front.code, "SVC106" | "SVC108" | "SVC102" | "SVC101" | "FIN101");
    let is_later = front.since + SLACK >= back.since;
    let is_front = host == front.service.addr && front.service != back.service;
    (is_cause && is_effect && is_front && is_later).then(|| Link {
        cause: Cause::StoppedAnsweringAfter,
        score: if front.since - back.since < TimeDelta::from_secs(60) { 0.8 } else { 0.5 },
        reason: format!("{host} waits for {} since {}", back.service, back.since.time_of_day(1)),
    })
}

/// A pool that is full and silent, and a front that stopped at the same time: hosts have several addresses.
fn at_the_same_time(back: &Symptom, front: &Symptom) -> Option<Link> {
    let front_service = Fact::Text(front.service.to_string());
    let is_front =
        back.code == "SVC104" && front.code == "SVC106" && back.facts.get("front") == Some(&front_service);
    is_front.then(|| Link {
        cause: Cause::StoppedAnsweringAfter,
        score: 0.6,
        reason: format!("{} fell silent when {} stopped answering", back.party, front.service),
    })
}

/// The client of a symptom that has one only.
fn client_of(symptom: &Symptom) -> Option<Party> {
    matches!(symptom.party, Party::Client { .. }).then_some(symptom.party)
}

/// What befell one host shows at several of its services.
fn at_one_host(one: &Symptom, other: &Symptom) -> Option<Link> {
    let is_same_host = one.service.addr == other.service.addr && one.service < other.service;
    let is_near = (one.since - other.since).abs() <= TimeDelta::from_secs(10);
    let codes = ["RST109"];
    (is_same_host && is_near && one.code == other.code && codes.contains(&one.code)).then(|| Link {
        cause: Cause::SeenAt,
        score: 0.8,
        reason: format!("{} lost what it knew of both", one.service.addr),
    })
}
