//! Reads packet captures after an incident and says *who did not close, since when, who waited for it, and
//! which ports are poisoned as a result*.
//!
//! The core has no clock, no files and no printing: capture time is an argument, records come in, rows go out.
//!
//! ```text
//! capture ──▶ dissect ──▶ flow ──▶ diagnose ──▶ report
//! bytes       records     segments  facts        findings
//! → records   → segments  → facts   → findings   → page, ladder, CSV, JSON
//! ```
//!
//! Neighbours talk in one type each: [`capture::Record`], [`tcp::Segment`], [`flow::Flow`] (the frozen facts of
//! one incarnation of a four-tuple) and [`diagnose::Finding`]. [`Analysis`] wires the stages; each can be used
//! without the ones after it.
//!
//! | to | use |
//! |---|---|
//! | do what the command does | [`Analysis::run`] with a [`report::Report`], or a closure over flows and findings |
//! | read captures only | [`capture::Input`] |
//! | get segments from records | [`dissect::Dissector`] |
//! | judge segments from elsewhere | [`flow::Table`], then [`diagnose::diagnose`] |
//! | see both endpoints step by step | [`flow::replay`] |
//! | see the sockets of a moment | [`netstat::for_each_socket`], [`report::SocketsCsv`] |
//! | list and explain the rules | [`diagnose::CATALOGUE`] |
//!
//! What an endpoint *sent* is certain once it passed the capture point; what it *received* is certain only when
//! its own later segments show it. So every state comes twice, *proven* and *presumed*, and a finding that rests
//! on what is only presumed says so.
//!
//! Errors stop a run only when a report cannot be written. Whatever is wrong with the input is counted, kept with
//! its place, and told in [`Outcome::problems`].

mod analysis;
pub mod capture;
pub mod delays;
pub mod diagnose;
mod digits;
pub mod dissect;
pub mod error;
pub mod flow;
pub mod incident;
mod keyed;
pub mod narrow;
pub mod net;
pub mod netstat;
pub mod report;
pub mod socket_file;
pub mod survey;
pub mod tcp;
mod threads;
pub mod time;
pub mod timers;
mod words;

pub use analysis::{Analysis, Outcome, Partial};
pub use error::{Error, Result};

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
