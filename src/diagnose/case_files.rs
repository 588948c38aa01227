//! Every rule has a case file, and every case file keeps to the grammar of `testdata/cases/README.md`.

use std::path::Path;

use super::{CATALOGUE, Check};
use crate::flow::FlowOutcome;
use crate::tcp::State;

/// One pair of blocks of a case file.
struct Case {
    trace: Vec<String>,
    expect: Vec<String>,
    is_near_miss: bool,
}

fn cases(code: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cases");
    let mut names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let prefix = format!("{code}-");
    let path = names
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)))
        .unwrap_or_else(|| panic!("{code} has a case file"));
    parse(&std::fs::read_to_string(path).unwrap())
}

fn parse(text: &str) -> Vec<Case> {
    let (mut cases, mut block, mut is_near_miss) = (Vec::new(), None, false);
    for line in text.lines() {
        match (line, block) {
            ("```trace", None) => {
                block = Some("trace");
                cases.push(Case { trace: Vec::new(), expect: Vec::new(), is_near_miss });
            }
            ("```expect", None) => block = Some("expect"),
            ("```", Some(_)) => block = None,
            ("## Not this finding", None) => is_near_miss = true,
            (line, Some("trace")) => cases.last_mut().unwrap().trace.push(line.into()),
            (line, Some(_)) => cases.last_mut().unwrap().expect.push(line.into()),
            (_, None) => {}
        }
    }
    cases
}

fn is_number(text: &str) -> bool {
    text.strip_prefix('-').unwrap_or(text).parse::<u32>().is_ok()
}

fn is_segment(words: &[&str]) -> bool {
    let [direction, flags, range, suffixes @ ..] = words else { return false };
    let range = range.strip_prefix("old:").unwrap_or(range);
    let Some((first, rest)) = range.split_once(':') else { return false };
    let Some((end, length)) = rest.strip_suffix(')').and_then(|rest| rest.split_once('(')) else {
        return false;
    };
    let value = |text: &str| text.parse::<i64>().unwrap();
    let names: Vec<_> = suffixes.iter().step_by(2).copied().collect();
    matches!(*direction, ">" | "<")
        && matches!(*flags, "S" | "S." | "." | "P." | "F." | "FP." | "R" | "R.")
        && [first, end, length].iter().all(|text| is_number(text))
        && value(end) - value(first) == value(length)
        && suffixes.len().is_multiple_of(2)
        && suffixes.chunks(2).all(|pair| match *pair {
            ["ack", number] => is_number(number.strip_prefix("old:").unwrap_or(number)),
            ["isn", number] => {
                flags.starts_with('S') && is_number(number.strip_prefix('+').unwrap_or(number))
            }
            ["win" | "ttl", number] => number.parse::<u16>().is_ok(),
            _ => false,
        })
        && names.is_sorted_by_key(|name| ["ack", "win", "ttl", "isn"].iter().position(|it| it == name))
        && names.contains(&"ack") == flags.ends_with('.')
}

fn is_trace_line(line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    if let ["#", ..] | ["cut" | "copy" | "done"] = words[..] {
        return true;
    }
    if matches!(words[..], ["snap", octets] if is_number(octets)) || is_times(&words) {
        return true;
    }
    if let ["local-ports", range] = words[..] {
        return range.split_once('-').is_some_and(|(low, high)| is_number(low) && is_number(high));
    }
    let words = match words.as_slice() {
        [connection, rest @ ..] if connection.strip_prefix('@').is_some_and(is_number) => rest,
        all => all,
    };
    let [span, rest @ ..] = words else { return false };
    let is_span = span.strip_prefix(['+', '-']).is_some_and(|span| span.parse::<f64>().is_ok());
    is_span
        && match rest {
            ["end"] => true,
            ["icmp", ">" | "<", kind, seq] => {
                is_number(seq) && kind.split_once('/').is_some_and(|(a, b)| is_number(a) && is_number(b))
            }
            segment => is_segment(segment),
        }
}

/// `times N every SECONDS [from K] [step S]`
fn is_times(words: &[&str]) -> bool {
    let ["times", count, "every", every, rest @ ..] = words else { return false };
    let is_option = |pair: &[&str]| matches!(pair, ["from" | "step", number] if is_number(number));
    is_number(count) && every.parse::<f64>().is_ok() && rest.chunks(2).all(is_option)
}

fn is_expect_line(line: &str) -> bool {
    let (line, times) = line.split_once(" times ").unwrap_or((line, "2"));
    is_number(times)
        && match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["outcome", word] => FlowOutcome::ALL.iter().any(|outcome| outcome.as_str() == *word),
            ["initiator" | "responder", state] => State::ALL.iter().any(|it| it.as_str() == *state),
            [code, "fault" | "warning" | "note", "proven" | "presumed"] => {
                CATALOGUE.iter().any(|rule| rule.code == *code)
            }
            _ => false,
        }
}

#[test]
fn every_rule_has_a_case_and_a_near_miss() {
    for rule in CATALOGUE {
        let cases = cases(rule.code);
        for is_near_miss in [false, true] {
            assert!(cases.iter().any(|case| case.is_near_miss == is_near_miss), "{}", rule.code);
        }
        for case in cases {
            let is_found = case.expect.iter().any(|line| line.starts_with(rule.code));
            assert_eq!(is_found, !case.is_near_miss, "{}: {:?}", rule.code, case.expect);
        }
    }
}

#[test]
fn some_case_shows_each_rule_at_its_full_severity() {
    for rule in CATALOGUE {
        let line = format!("{} {} ", rule.code, rule.severity);
        let shows = |case: &Case| case.expect.iter().any(|it| it.starts_with(&line));
        assert!(cases(rule.code).iter().any(shows), "{line}");
    }
}

#[test]
fn case_files_keep_to_the_grammar() {
    for rule in CATALOGUE {
        for case in cases(rule.code) {
            let bad = case.trace.iter().find(|line| !is_trace_line(line));
            assert_eq!(bad, None, "{}", rule.code);
            assert!(
                case.trace.iter().rfind(|line| *line != "cut").is_some_and(|line| line.ends_with(" end")),
                "{}",
                rule.code
            );
            let bad = case.expect.iter().find(|line| !is_expect_line(line));
            assert_eq!(bad, None, "{}", rule.code);
            // Of a file without a readable segment no outcome can be told.
            let is_about_input = matches!(rule.check, Check::Input(_));
            let has_outcome = case.expect.iter().any(|line| line.starts_with("outcome "));
            assert!(has_outcome || is_about_input, "{}", rule.code);
            let presumed_fault = case.expect.iter().find(|line| line.contains("fault presumed"));
            assert_eq!(presumed_fault, None, "a fault is proven");
        }
    }
}
