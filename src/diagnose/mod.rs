//! Facts to findings: what is wrong with a flow, who must act, and the records that show it.

mod finding;

pub use finding::{Certainty, Context, Evidence, Finding, Rule, Severity};
