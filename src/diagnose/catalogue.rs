//! The list of all findings. Its order is the order of runs, of `explain`, of `rules` and of the README table.

use super::rules::{app, capture, fin, rst, service, syn, tuple};
use super::{Certainty, Context, Finding, InputFinding, Rule, Severity, Sight, Signs, Terms};
use crate::flow::Flow;
use crate::survey::View;

/// Every rule, by code within its family.
pub static CATALOGUE: &[&Rule] = &[
    &syn::REFUSED,
    &syn::REFUSED_BY_ICMP,
    &syn::UNANSWERED,
    &syn::INCOMPLETE,
    &syn::ACCEPT_QUEUE_OVERFLOW,
    &syn::SLOW_CONNECT,
    &fin::HALF_CLOSED,
    &fin::DELAYED_FIN,
    &fin::FIN_UNACKED,
    &fin::LAST_ACK_MISSING,
    &fin::DELIBERATE_HALF_CLOSE,
    &fin::SIMULTANEOUS_CLOSE,
    &rst::STALE_PORT_FIN,
    &rst::STALE_PORT_DATA,
    &rst::ABORT,
    &rst::AFTER_OWN_FIN,
    &rst::THIRD_PARTY,
    &rst::IGNORED,
    &rst::NO_CONNECTION,
    &rst::AFTER_IDLE,
    &rst::STATE_LOST,
    &tuple::REUSE_HALF_CLOSED,
    &tuple::REUSE_TIME_WAIT,
    &tuple::GHOST,
    &tuple::REUSE_BLOCKED,
    &app::UNANSWERED,
    &app::GAVE_UP,
    &app::IDLE,
    &app::STOPPED_READING,
    &app::SILENCE_AFTER_IDLE,
    &app::CROSSED_FIN,
    &app::STALE_POOL,
    &service::CLOSE_WAIT_ACCUMULATES,
    &service::ACCEPT_STARVATION,
    &service::CONNECTION_LEAK,
    &service::POOL_PLATEAU,
    &service::PORTS_RUN_OUT,
    &service::STOPPED_ANSWERING,
    &service::FIN_WAIT_2,
    &service::REQUESTS_HANG,
    &capture::MISSED_SEGMENTS,
    &capture::ONE_DIRECTION,
    &capture::SEEN_TWICE,
    &capture::CLOCK_STEPPED,
    &capture::DAMAGED_FILE,
    &capture::EDGES,
    &capture::CUT_HEADERS,
];

/// Replaces `findings` with what the catalogue finds in `flow`, in catalogue order.
///
/// Nothing is allocated when nothing is found. A finding that is only presumed is never a fault.
pub fn diagnose(flow: &Flow, context: &Context<'_>, findings: &mut Vec<Finding>) {
    findings.clear();
    let signs = Signs::in_flow(flow, context);
    if signs.meet(ALL_NEEDS) {
        diagnose_by(signs, flow, context, findings);
    }
}

/// What each rule needs, in catalogue order, side by side: no rule is touched that a flow has nothing for.
static NEEDS: [Signs; CATALOGUE.len()] = {
    let mut all = [Signs::of(&[]); CATALOGUE.len()];
    let (mut places, mut rules): (&mut [Signs], &[&Rule]) = (&mut all, CATALOGUE);
    while let (Some((place, others)), Some((rule, rest))) = (places.split_first_mut(), rules.split_first()) {
        *place = rule.needs();
        (places, rules) = (others, rest);
    }
    all
};

/// What some rule needs. Most flows of most captures have nothing of it.
static ALL_NEEDS: Signs = {
    let (mut needs, mut all): (Signs, &[Signs]) = (Signs::of(&[]), &NEEDS);
    while let [first, rest @ ..] = all {
        (needs, all) = (needs.or(*first), rest);
    }
    needs
};

fn diagnose_by(signs: Signs, flow: &Flow, context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (rule, _) in CATALOGUE.iter().zip(&NEEDS).filter(|(_, needs)| signs.meet(**needs)) {
        if let Some(finding) = rule.find(flow, context) {
            findings.push(match finding.certainty {
                Certainty::Proven => finding,
                Certainty::Presumed => finding.at_most(Severity::Warning),
            });
        }
    }
}

/// What the catalogue finds in the input as a whole, in catalogue order: once, after the last flow.
pub fn diagnose_input(sight: &Sight) -> Vec<InputFinding> {
    CATALOGUE.iter().flat_map(|rule| rule.find_in_input(sight)).collect()
}

/// What the catalogue finds in what services, their clients and hosts did, in catalogue order: once, after the last flow.
pub fn diagnose_parties(view: &View, terms: &Terms) -> Vec<InputFinding> {
    let findings = CATALOGUE.iter().flat_map(|rule| rule.find_in_parties(view, terms));
    findings
        .map(|finding| match finding.certainty {
            Certainty::Proven => finding,
            Certainty::Presumed => finding.at_most(Severity::Warning),
        })
        .collect()
}

/// The rule with this code, whatever its case.
pub fn find_rule(code: &str) -> Option<&'static Rule> {
    CATALOGUE.iter().find(|rule| rule.code.eq_ignore_ascii_case(code)).copied()
}

/// The catalogue as a Markdown table: code, title, severity (the greatest that an instance can have).
pub fn markdown_table() -> String {
    let mut table = String::from("| code | finding | severity |\n|---|---|---|\n");
    for rule in CATALOGUE {
        for cell in ["| ", rule.code, " | ", rule.title, " | ", rule.severity.as_str(), " |\n"] {
            table.push_str(cell);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::diagnose::testing::{Story, context_at, findings_in};
    use crate::flow::FlowOutcome;
    use crate::net::Role;

    const HEADINGS: [&str; 4] = ["What we saw", "Why it matters", "What to do", "What else it can be"];

    #[test]
    fn codes_are_unique_and_ordered_within_their_family() {
        let codes: BTreeSet<_> = CATALOGUE.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), CATALOGUE.len());
        let family_order = |rule: &Rule| {
            ["SYN", "FIN", "RST", "TUP", "APP", "SVC", "CAP"].iter().position(|it| *it == &rule.code[..3])
        };
        assert!(CATALOGUE.is_sorted_by_key(|rule| (family_order(rule), rule.code)));
        assert!(CATALOGUE.iter().all(|rule| family_order(rule).is_some() && rule.code.len() == 6));
    }

    #[test]
    fn every_explanation_has_the_four_headings_in_order() {
        for rule in CATALOGUE {
            let sections = rule.sections();
            let headings: Vec<_> = sections.iter().map(|(heading, _)| *heading).collect();
            assert_eq!(headings.get(..4), Some(&HEADINGS[..]), "{}", rule.code);
            assert!(matches!(headings.get(4..), Some([] | ["See"])), "{}: {headings:?}", rule.code);
            assert!(sections.iter().all(|(_, text)| text.len() > 15), "{}", rule.code);
        }
    }

    #[test]
    fn titles_fit_a_table_cell() {
        assert!(CATALOGUE.iter().all(|rule| rule.title.len() <= 60 && !rule.title.contains('|')));
    }

    #[test]
    fn a_code_is_found_in_any_case() {
        assert_eq!(find_rule("fin102").map(|rule| rule.code), Some("FIN102"));
        assert!(find_rule("FIN999").is_none());
    }

    #[test]
    fn the_table_has_a_line_per_rule() {
        let table = markdown_table();
        assert_eq!(table.lines().count(), CATALOGUE.len() + 2);
        assert!(table.contains("| FIN102 | delayed FIN | warning |\n"));
    }

    #[test]
    fn a_clean_flow_yields_nothing_and_allocates_nothing() {
        let flow = Story::clean();
        let context = context_at(600.0);
        let mut findings = Vec::new();
        diagnose(&flow, &context, &mut findings);
        assert_eq!((findings.len(), findings.capacity()), (0, 0));
        assert!(CATALOGUE.iter().all(|rule| rule.find(&flow, &context).is_none()));
    }

    #[test]
    fn an_open_flow_yields_nothing() {
        assert!(
            findings_in(&Story::connected().exchange(0.5).flow_until(FlowOutcome::Open, 20.0), 20.0)
                .is_empty()
        );
    }

    #[test]
    fn an_undecided_flow_yields_no_fault() {
        let flow = Story::connected().fin(Role::Initiator, 1.0).acked(1.04).flow(FlowOutcome::Undecided);
        assert!(findings_in(&flow, 600.0).iter().all(|finding| finding.severity < Severity::Fault));
    }
}
