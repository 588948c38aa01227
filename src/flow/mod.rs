//! Segments to facts: every four-tuple's incarnations, and what became of each.

mod event;
mod facts;
mod letters;

pub use event::{Event, EventKind};
pub use facts::{
    Answered, CloseWait, EndpointState, FinFacts, Flow, FlowOutcome, Handshake, Limits, Origin, RecordRef,
    Reset, ResetKind, Reuse, ReuseKind, Traffic,
};
pub use letters::{Letter, Letters};
