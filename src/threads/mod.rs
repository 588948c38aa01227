//! Threads that work on one thing after the other: permits to work, and channels between them.

mod channel;
mod permits;

pub(crate) use channel::{Receiver, Sender, channel};
pub(crate) use permits::Permits;
