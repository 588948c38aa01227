//! Reads packet captures after an incident and says *who did not close, since when, who waited for it, and
//! which ports are poisoned as a result*.
//!
//! The core has no clock, no files and no printing: capture time is an argument, records come in, rows go out.

mod analysis;
pub mod capture;
pub mod diagnose;
mod digits;
pub mod dissect;
pub mod error;
pub mod flow;
pub mod narrow;
pub mod net;
pub mod report;
pub mod tcp;
pub mod time;

pub use analysis::{Analysis, Outcome};
pub use error::{Error, Result};
