//! Every case file through the whole analysis: outcomes, states and findings as the file says.

mod support;

use closewait::diagnose::CATALOGUE;
use support::case::{self, Case};
use support::file::{self, Format};
use support::outcome::Outcome;
use support::trace::Place;

#[test]
fn every_trace_is_judged_as_its_file_says() {
    let cases = [case::all(), case::about_input()].concat();
    let wrong: Vec<_> = cases.iter().filter_map(judge).collect();
    assert!(wrong.is_empty(), "{} cases:\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_code_has_a_case_and_a_near_miss() {
    let cases = [case::all(), case::about_input()].concat();
    for rule in CATALOGUE {
        let prefix = format!("{}-", rule.code);
        let own: Vec<_> = cases.iter().filter(|case| case.file.starts_with(&prefix)).collect();
        let names = |case: &Case| case.expect.iter().any(|line| line.starts_with(rule.code));
        assert!(own.first().is_some_and(|case| names(case)), "{} has a case that shows it", rule.code);
        assert!(own.iter().any(|case| case.is_near_miss), "{} has a near miss", rule.code);
        for case in own.iter().filter(|case| case.is_near_miss) {
            assert!(!names(case), "{} expects what it is not", case.name());
        }
    }
}

#[test]
fn a_trace_says_the_same_as_segments_and_as_a_file() {
    for case in case::all() {
        let (trace, place) = (case.parse_trace(), Place::default());
        let segments = Outcome::of(&trace.entries(&place, 1));
        let (file, run) =
            Outcome::of_file(file::write(&trace, &place, Format::PcapNanos { big_endian: false }));
        assert!(run.problems.is_empty(), "{}: {:?}", case.name(), run.problems);
        assert_eq!(segments.text(), file.text(), "{}", case.name());
    }
}

/// The difference, or what is odd about a known one.
fn judge(case: &Case) -> Option<String> {
    let said = case.say(case.run());
    let agrees = said == case.expect;
    match (&case.known, agrees) {
        (None, true) | (Some(_), false) => None,
        (Some(why), true) => Some(format!("{} passes now; remove `known: {why}`\n", case.name())),
        (None, false) => Some(difference(case, &said)),
    }
}

fn difference(case: &Case, said: &[String]) -> String {
    let mut lines = vec![case.name()];
    let missing = case.expect.iter().filter(|line| !said.contains(line));
    lines.extend(missing.map(|line| format!("  expected, not found: {line}")));
    let surplus = said.iter().filter(|line| !case.expect.contains(line));
    lines.extend(surplus.map(|line| format!("  found, not expected: {line}")));
    lines.push(format!("  all that was found: {}\n", said.join("; ")));
    lines.join("\n")
}
