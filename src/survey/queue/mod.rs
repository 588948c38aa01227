//! What shows of a service's accept queue from outside: who waited in it, who was served meanwhile, and who was let in
//! when whose connection ended.
//!
//! A kernel completes handshakes, and acknowledges data and FINs, for connections that the program has not accepted yet.
//! Such a connection does nothing of its own until it is accepted. What it does first (a reply, a FIN) shows that it was.

mod overtakers;
mod settle;
mod waiting;

use self::overtakers::Overtakers;
pub use self::settle::{Burst, Releases};
use self::waiting::Wait;
use crate::flow::{Flow, RecordRef, ResetKind};
use crate::net::{Endpoint, Role};
use crate::time::{TimeDelta, Timestamp};

/// Connections remembered of one service, of those that waited and of those that were served for long.
const REMEMBERED: usize = 1 << 15;
/// Who waited for less did not wait in a queue.
const BRIEF: TimeDelta = TimeDelta::from_millis(100);
/// Connections remembered that waited for less than `--fin-delay`.
const BRIEF_REMEMBERED: usize = 1 << 12;
/// Aborts remembered of one service.
const ABORTS: usize = 1 << 12;

/// What is known of one service's accept queue.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Vec<Waiting>,
    /// Those that waited, but not for long: since when, and when they were released.
    brief: Vec<(Timestamp, RecordRef)>,
    served: Vec<Served>,
    overtakers: Overtakers,
    /// When the service aborted connections by RST.
    aborts: Vec<Timestamp>,
    /// Connections beyond what is remembered.
    left_out: u64,
}

/// A connection of which the service did nothing for `--fin-delay` or more although it had reason to.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// The flow.
    pub flow: u64,
    /// When its handshake was complete: its place in the queue.
    pub opened: RecordRef,
    /// How exactly that is known: one round trip.
    pub round_trip: TimeDelta,
    /// When the initiator asked for something, or closed.
    pub demand: Timestamp,
    /// The initiator had closed by then: nobody waited for what the service did.
    pub abandoned: bool,
    /// What the service did first; `None` when it never did anything.
    pub released: Option<RecordRef>,
    /// When the connection ended without it, by RST; `None` when it still waits, or was released.
    pub ended: Option<Timestamp>,
}

/// A connection that the service had accepted and that lasted.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// The flow.
    pub flow: u64,
    /// Who opened it.
    pub initiator: Endpoint,
    /// When its handshake was complete.
    pub opened: RecordRef,
    /// When the service first did something.
    pub served: Timestamp,
    /// The service's FIN, or the RST that ended it; `None` when it was open at the end.
    pub ended: Option<RecordRef>,
    /// Who closed first.
    pub closer: Option<Role>,
    /// How long nothing was done on it before it was closed, where that was a second or more.
    pub idle: Option<TimeDelta>,
}

impl Queue {
    /// Adds a finished flow of the service; true when its initiator had closed long before the service did anything, so
    /// that somebody may have released it.
    pub fn add(&mut self, flow: &Flow, fin_delay: TimeDelta) -> bool {
        if let Some(abort) = abort_of(flow).filter(|_| self.aborts.len() < ABORTS) {
            self.aborts.push(abort);
        }
        let Some(wait) = Wait::of(flow) else { return false };
        let waiting = wait.as_waiting(flow, fin_delay);
        if let Some(served) = wait.act {
            if waiting.is_none() {
                self.overtakers.add(served.time, wait.opened.time);
            }
            let ended = end_of(flow);
            let life = ended.map_or(flow.decided, |end| end.time) - wait.opened.time;
            if life >= fin_delay {
                let idle = flow.pause.filter(|pause| ends_by_close(flow, pause.until)).map(|it| it.length());
                let closer = flow.active_closer;
                let (initiator, opened) = (flow.initiator, wait.opened);
                let served = served.time;
                let served = Served { flow: flow.id, initiator, opened, served, ended, closer, idle };
                self.left_out += u64::from(!remember(&mut self.served, served));
            }
        }
        if waiting.is_none()
            && self.brief.len() < BRIEF_REMEMBERED
            && let Some(brief) = wait.as_brief(BRIEF)
        {
            self.brief.push(brief);
        }
        match waiting {
            Some(waiting) if remember(&mut self.waiting, waiting) => {
                waiting.abandoned && waiting.released.is_some()
            }
            Some(_) => {
                self.left_out += 1;
                false
            }
            None => false,
        }
    }
}

fn remember<T>(list: &mut Vec<T>, one: T) -> bool {
    let fits = list.len() < REMEMBERED;
    if fits {
        list.push(one);
    }
    fits
}

/// When the service gave up a connection: a RST of a live socket has an ACK (RFC 9293 §3.10.7.1).
fn abort_of(flow: &Flow) -> Option<Timestamp> {
    let is_abort = |kind| matches!(kind, ResetKind::Abort | ResetKind::AfterOwnFin);
    let reset = flow.reset().filter(|reset| reset.by == Role::Responder && is_abort(reset.kind));
    reset.map(|reset| reset.at.time)
}

/// When the service was done with it.
fn end_of(flow: &Flow) -> Option<RecordRef> {
    let fin = flow.fin.responder.map(|fin| fin.first);
    fin.or_else(|| flow.reset().map(|reset| reset.at))
}

/// True when `at` is the first FIN or a RST.
fn ends_by_close(flow: &Flow, at: RecordRef) -> bool {
    let fin = flow.first_fin().map(|(_, fin)| fin.first.record);
    fin == Some(at.record) || flow.reset().is_some_and(|reset| reset.at.record == at.record)
}
