//! Facts to findings: what is wrong with a flow, who must act, and the records that show it.

#[cfg(test)]
mod case_files;
mod catalogue;
mod filter;
mod finding;
#[cfg(test)]
mod laws;
mod rules;
#[cfg(test)]
mod testing;

pub use catalogue::{CATALOGUE, diagnose, find_rule, markdown_table};
pub use filter::{display_filter, flow_filter};
pub use finding::{Certainty, Context, Evidence, Finding, Rule, Severity};
