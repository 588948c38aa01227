//! Facts to findings: what is wrong with a flow, who must act, and the records that show it; and what the capture
//! could not show.

#[cfg(test)]
mod case_files;
mod catalogue;
mod fact;
mod filter;
mod finding;
mod groups;
mod input_finding;
#[cfg(test)]
mod laws;
mod rules;
mod sight;
mod signs;
#[cfg(test)]
pub(crate) mod testing;

pub use catalogue::{CATALOGUE, diagnose, diagnose_input, diagnose_parties, find_rule, markdown_table};
pub use fact::{Fact, Facts};
pub use filter::{display_filter, flow_filter, party_filter};
pub use finding::{Certainty, Check, Context, Evidence, Finding, Rule, Severity, Terms};
pub use groups::{Group, Groups, Shown};
pub use input_finding::{InputEvidence, InputFinding};
pub(crate) use rules::service::local_ports::{Growth, LocalPorts};
pub use sight::{
    Affected, ClockSight, CutSight, DamageSight, Doubts, Example, FileSight, MissingFile, Sight, Steps,
};
pub use signs::{Sign, Signs};
