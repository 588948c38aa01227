//! TCP's vocabulary: sequence numbers, segments and the states of RFC 9293.

pub mod notation;
pub mod segment;
pub mod seq;
pub mod state;

pub use segment::{Flags, Mptcp, Segment, SynOptions};
pub use seq::SeqNumber;
pub use state::{Event, Signal, State};
