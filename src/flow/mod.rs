//! Segments to facts: every four-tuple's incarnations, and what became of each.
//!
//! ```text
//! segment ─▶ Table ─▶ Live (one incarnation, small, updated per segment) ─▶ judge ─▶ Flow (frozen facts)
//! ```
//!
//! * [`Table`] finds the incarnation that a segment belongs to: by its numbers, not only by its addresses.
//! * While a connection merely carries data, only sums and marks change. Control segments, and whatever
//!   passes during teardown, are kept as [`Event`]s.
//! * When a flow is finished (orderly close or reset, and a quiet time after it; or the input ends) its
//!   events are replayed through the states of RFC 9293, and it becomes a [`Flow`].

mod clock;
mod deaf;
mod duplicates;
mod event;
mod facts;
mod finished;
mod ghosts;
mod half;
mod history;
mod holes;
mod index;
mod judge;
mod kept;
mod letters;
mod live;
mod observe;
mod octets;
mod ordinary_close;
mod outcome;
mod packed;
mod proceed;
mod rare;
mod replay;
mod resets;
mod shard;
mod spell;
mod stalls;
mod table;
mod tombstone;

pub use event::{Event, EventKind};
pub use facts::{
    CloseWait, EndpointState, FinFacts, Flow, Handshake, Limits, Order, Origin, Pause, RecordRef, Replies,
    Reuse, ReuseKind, Traffic, Wait,
};
pub(crate) use finished::Turn;
pub use finished::{Finished, Judge, Outlet};
pub use ghosts::{Drew, Ghost};
pub use history::{Entry, History, Replay};
pub use letters::{Letter, Letters};
pub use outcome::FlowOutcome;
pub use replay::{Premise, Step, replay};
pub use resets::{Answered, Reset, ResetKind};
pub use shard::{Directions, PacketCopy, TableStats};
pub use stalls::Stall;
pub use table::Table;
