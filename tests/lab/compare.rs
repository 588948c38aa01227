//! Holds rows against truth. A label and a row are the same flow when their four-tuple is the same and they
//! come at the same place in the order of starts on it.

use std::collections::HashMap;

use crate::rows::{Row, Rows};
use crate::truth::{Connection, Truth, tuple_of};

/// The default of `--fin-delay`, in seconds.
const LATE: f64 = 1.0;
/// Between the programs' logs and the wire, in seconds.
const TOLERANCE: f64 = 0.25;
/// The same where loss delays the FIN on the wire.
const TOLERANCE_UNDER_LOSS: f64 = 3.0;

/// What one capture came to.
#[derive(Default)]
pub(crate) struct Verdict {
    /// Things compared.
    pub(crate) compared: usize,
    /// Those that differ, in words.
    pub(crate) differences: Vec<String>,
}

pub(crate) fn compare(truth: &Truth, rows: &Rows) -> Verdict {
    let mut verdict = Verdict::default();
    let pairs = pair_up(truth, rows, &mut verdict);
    let flows: HashMap<&str, u64> =
        pairs.iter().map(|(connection, row)| (connection.id.as_str(), row.flow)).collect();
    for (connection, row) in pairs {
        let scene = Scene { connection, row, flows: &flows, lenient: truth.has_holes() };
        scene.compare(&mut verdict);
    }
    verdict
}

/// The labels with their rows; what is left over on either side differs.
pub(crate) fn pair_up<'a>(
    truth: &'a Truth,
    rows: &'a Rows,
    verdict: &mut Verdict,
) -> Vec<(&'a Connection, &'a Row)> {
    let mut pairs = Vec::new();
    let labels = truth.by_tuple();
    for (tuple, connections) in &labels {
        let visible: Vec<&Connection> =
            connections.iter().copied().filter(|connection| connection.is_visible()).collect();
        let unreadable = connections.iter().all(|connection| connection.class == "not_analyzable");
        let own = rows.get(tuple).map_or(&[][..], Vec::as_slice);
        let own = own.iter().filter(|row| !(unreadable && row.outcome == "undecided"));
        let own: Vec<&Row> = own.collect();
        let excused = truth.has_holes() || (truth.may_have_more() && own.len() > visible.len());
        verdict.check(own.len() == visible.len() || excused, || {
            format!("{} -> {}: {} rows, {} incarnations", tuple[0], tuple[1], own.len(), visible.len())
        });
        pairs.extend(visible.into_iter().zip(own));
    }
    if !truth.may_have_more() {
        for rows in rows.values() {
            let row = &rows[0];
            if !labels.contains_key(&tuple_of(row.initiator, row.responder)) {
                verdict.check(false, || format!("{} -> {}: no label", row.initiator, row.responder));
            }
        }
    }
    pairs
}

/// One label beside its row.
struct Scene<'a> {
    connection: &'a Connection,
    row: &'a Row,
    flows: &'a HashMap<&'a str, u64>,
    lenient: bool,
}

impl Scene<'_> {
    fn compare(&self, verdict: &mut Verdict) {
        let agrees = self.allowed().contains(&self.row.outcome.as_str());
        let Connection { class, tags, .. } = self.connection;
        verdict.check(agrees, || self.say(&format!("outcome {}, truth {class} {tags:?}", self.row.outcome)));
        if !agrees {
            return;
        }
        if !self.lenient {
            self.compare_delay(verdict);
            self.compare_predecessor(verdict);
        }
        if self.row.saw_handshake {
            let same = self.row.initiator == self.connection.client();
            verdict.check(same, || self.say("roles swapped"));
        }
    }

    fn compare_delay(&self, verdict: &mut Verdict) {
        let asked = matches!(self.connection.class.as_str(), "delayed_fin" | "late_fin_rst");
        let Some(truth) = self.connection.expect.fin_delay_s.filter(|_| asked) else { return };
        let tolerance = if self.connection.has("impaired_path") { TOLERANCE_UNDER_LOSS } else { TOLERANCE };
        let own = self.row.fin_delay;
        let near = own.is_some_and(|own| (own - truth).abs() <= tolerance);
        verdict.check(near, || self.say(&format!("fin delay {own:?} s, truth {truth} s")));
    }

    fn compare_predecessor(&self, verdict: &mut Verdict) {
        let truth = match &self.connection.predecessor {
            // One that the file does not show cannot be named.
            Some(id) => match self.flows.get(id.as_str()) {
                Some(&flow) => Some(flow),
                None => return,
            },
            None => None,
        };
        let own = self.row.predecessor;
        if truth.is_some() || own.is_some() {
            verdict.check(own == truth, || self.say(&format!("predecessor {own:?}, truth {truth:?}")));
        }
    }

    /// The outcomes that the label allows.
    fn allowed(&self) -> Vec<&str> {
        let Connection { class, tags, expect, .. } = self.connection;
        let mut allowed: Vec<&str> = outcomes_of(class).to_vec();
        if let (Some(delay), "delayed_fin") = (expect.fin_delay_s, class.as_str()) {
            if delay < LATE - TOLERANCE {
                allowed.clear();
            }
            if delay < LATE + TOLERANCE {
                allowed.push("clean_close");
            }
        }
        if class == "undecided_file_ends" {
            let whole = tags.iter().filter_map(|tag| tag.strip_prefix("truth:"));
            for class in whole {
                allowed.extend_from_slice(outcomes_of(class));
            }
        }
        if let Some(shows) = &expect.shows {
            allowed = shows.iter().map(String::as_str).collect();
        }
        if self.lenient {
            allowed.push("undecided");
        }
        allowed
    }

    fn say(&self, what: &str) -> String {
        let Row { flow, initiator, responder, .. } = self.row;
        format!("{} {initiator} -> {responder} (flow {flow}): {what}", self.connection.id)
    }
}

impl Verdict {
    fn check(&mut self, agrees: bool, difference: impl FnOnce() -> String) {
        self.compared += 1;
        if !agrees {
            self.differences.push(difference());
        }
    }
}

/// The outcomes that stand for a class of the lab.
pub(crate) fn outcomes_of(class: &str) -> &'static [&'static str] {
    match class {
        "clean_close" => &["clean_close"],
        "simultaneous_close" => &["simultaneous_close"],
        "half_closed_at_end" => &["half_closed"],
        "delayed_fin" => &["delayed_fin"],
        "late_fin_rst" => &["late_fin_rst"],
        "late_data_rst" => &["late_data_rst"],
        "late_probe_rst" => &["late_probe_rst"],
        "late_fin_into_successor" => &["late_fin_into_successor"],
        "reset_by_client" => &["reset_initiator"],
        "reset_by_server" => &["reset_responder"],
        "reset_by_third_party" => &["reset_third_party"],
        "refused" => &["refused"],
        "refused_by_icmp" => &["refused_icmp"],
        "syn_timeout" => &["syn_unanswered"],
        "handshake_incomplete" => &["handshake_incomplete"],
        "open_unacked_at_end" => &["open_unacked"],
        "unanswered_open_at_end" => &["open_unanswered"],
        "stalled_open_at_end" => &["open_stalled"],
        "idle_open_at_end" => &["open"],
        "fin_unacked" => &["fin_unacked"],
        // Cut inside the flow: what it looked like until then.
        "undecided_file_ends" => &[
            "undecided",
            "open",
            "open_unanswered",
            "half_closed",
            "syn_unanswered",
            "handshake_incomplete",
            "fin_unacked",
        ],
        other => panic!("no outcome stands for {other}"),
    }
}
