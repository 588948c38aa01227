//! Traces that enter the analysis as segments or as capture files, and what comes out.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(unreachable_pub, reason = "shared by test programs, a crate each")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panic, its helpers too")]

pub mod case;
pub mod cut;
pub mod file;
pub mod laws;
pub mod normal;
pub mod outcome;
pub mod random;
pub mod reader;
pub mod trace;
pub mod whole;
