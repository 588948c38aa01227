//! What must hold for every trace. A broken law says where.

use closewait::diagnose::{Certainty, Finding, Severity};
use closewait::flow::{EndpointState, Flow, Limits};
use closewait::net::Role;
use closewait::tcp::{Event, Segment, Signal, State};
use closewait::time::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::file::{self, Format};
use super::normal;
use super::outcome::{Outcome, Told};
use super::trace::{Entry, Place, Trace};

fn at_home(trace: &Trace) -> String {
    let place = Place::default();
    normal::text(&Outcome::of(&trace.entries(&place, 1)), &place)
}

pub fn place_does_not_matter(trace: &Trace, place: &Place) -> TestCaseResult {
    let moved = normal::text(&Outcome::of(&trace.entries(place, 1)), place);
    same(&at_home(trace), &moved)
}

/// The entries, with a copy of each packet whose bit in `twice` is set; and how many copies.
pub fn with_copies(trace: &Trace, twice: u64) -> (Vec<Entry>, u64) {
    let (mut entries, mut copies) = (Vec::new(), 0);
    for (index, entry) in trace.entries(&Place::default(), 2).into_iter().enumerate() {
        entries.push(entry);
        if let Entry::Segment(segment) = entry
            && index < trace.packets.len()
            && twice >> (index % 64) & 1 == 1
        {
            entries.push(Entry::Segment(Segment {
                record: segment.record + 1,
                time: Timestamp::from_nanos(segment.time.nanos() + 20_000),
                ttl: segment.ttl - 1,
                interface: segment.interface + 1,
                ..segment
            }));
            copies += 1;
        }
    }
    // As a run puts records in order that are a little out of it.
    entries.sort_by_key(|entry| match entry {
        Entry::Segment(segment) => segment.time,
        Entry::Icmp(error) => error.time,
    });
    (entries, copies)
}

pub fn copies_change_nothing(trace: &Trace, twice: u64) -> TestCaseResult {
    let once = Outcome::of(&trace.entries(&Place::default(), 2));
    let (entries, copies) = with_copies(trace, twice);
    let again = Outcome::of(&entries);
    same(&once.text(), &again.text())?;
    // A late segment's copy is as late.
    let idle = |outcome: &Outcome| outcome.stats.copies + outcome.stats.late;
    prop_assert_eq!(idle(&once) + copies, idle(&again));
    Ok(())
}

/// Whatever the entries are: all are accounted for, each flow is told once and makes sense.
pub fn is_judged(entries: &[Entry]) -> TestCaseResult {
    is_judged_within(entries, Limits::default())
}

pub fn is_judged_within(entries: &[Entry], limits: Limits) -> TestCaseResult {
    let outcome = Outcome::within(entries, limits);
    segments_are_accounted_for(&outcome)?;
    let segments = entries.iter().filter(|entry| matches!(entry, Entry::Segment(_))).count();
    prop_assert_eq!(outcome.stats.segments, segments as u64);
    let mut ids: Vec<_> = outcome.told.iter().map(|told| told.flow.id).collect();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(ids.len(), outcome.told.len());
    for told in &outcome.told {
        makes_sense(&told.flow, &told.findings)?;
    }
    Ok(())
}

/// A second run has another hash key.
pub fn two_runs_agree(entries: &[Entry]) -> TestCaseResult {
    same(&Outcome::of(entries).text(), &Outcome::of(entries).text())
}

/// A flow and its findings, each by itself.
pub fn makes_sense(flow: &Flow, findings: &[Finding]) -> TestCaseResult {
    presumed_follows_from_proven(flow)?;
    prop_assert_eq!(flow.id, flow.first.record);
    prop_assert!(flow.first.record <= flow.last.record);
    prop_assert!(flow.deciding_reset.is_none() || flow.reset().is_some());
    if findings.is_empty() {
        return Ok(());
    }
    let facts = format!("{flow:?}");
    for finding in findings {
        let code = finding.rule.code;
        prop_assert_eq!(finding.flow, flow.id);
        prop_assert!([flow.initiator, flow.responder].contains(&finding.endpoint), "{}", code);
        prop_assert!(finding.severity <= finding.rule.severity, "{}", code);
        prop_assert!(
            finding.severity < Severity::Fault || finding.certainty == Certainty::Proven,
            "{}",
            code
        );
        prop_assert!(!finding.summary(flow).is_empty(), "{}", code);
        for (at, caption) in finding.evidence.records() {
            let stated = format!("record: {}, ", at.record);
            prop_assert!(facts.contains(&stated), "{} {}: {} is none of {}", code, caption, stated, facts);
        }
    }
    Ok(())
}

/// Segments are those of flows, further copies, and late ones; none is lost and none counted twice.
pub fn segments_are_accounted_for(outcome: &Outcome) -> TestCaseResult {
    let stats = outcome.stats;
    prop_assert_eq!(stats.segments, outcome.packets() + stats.copies + stats.late);
    Ok(())
}

/// From the proven state the presumed one is reached by signals on their way.
pub fn presumed_follows_from_proven(flow: &Flow) -> TestCaseResult {
    for role in Role::BOTH {
        let EndpointState { proven, presumed } = flow.states[role];
        prop_assert!(reachable(proven).contains(&presumed), "{role:?}: {proven} {presumed}");
    }
    Ok(())
}

fn reachable(from: State) -> Vec<State> {
    let signals = [Signal::Syn, Signal::SynAck, Signal::AckOfSyn, Signal::Fin, Signal::AckOfFin, Signal::Rst];
    let mut reached = vec![from];
    let mut next = 0;
    while let Some(&state) = reached.get(next) {
        next += 1;
        let after = signals.iter().filter_map(|signal| state.next(Event::Received(*signal)));
        reached.extend(after.filter(|state| !reached.contains(state)).collect::<Vec<_>>());
    }
    reached
}

pub fn formats_agree(trace: &Trace) -> TestCaseResult {
    Format::ALL.into_iter().try_for_each(|format| format_agrees(trace, format))
}

pub fn format_agrees(trace: &Trace, format: Format) -> TestCaseResult {
    let place = Place::default();
    let (outcome, run) = Outcome::of_file(file::write(trace, &place, format));
    prop_assert!(run.problems.is_empty(), "{:?}: {:?}", format, run.problems);
    same(&Outcome::of(&trace.entries(&place, 1)).text(), &outcome.text())?;
    records_are_accounted_for(&outcome, &run)
}

pub fn records_are_accounted_for(outcome: &Outcome, run: &closewait::Outcome) -> TestCaseResult {
    let skipped: u64 = run.input.skipped.iter().map(|skipped| skipped.count).sum();
    prop_assert_eq!(run.input.records, run.input.segments + skipped);
    prop_assert_eq!(run.input.segments, outcome.stats.segments);
    segments_are_accounted_for(outcome)
}

/// What was told before the cut stays as it is, and every whole record is read.
pub fn whole_rows_survive_a_cut(trace: &Trace, cut: impl FnOnce(usize) -> usize) -> TestCaseResult {
    let place = Place::default();
    let content = file::write(trace, &place, Format::PcapNanos { big_endian: false });
    let (whole, _) = Outcome::of_file(content.clone());
    let (part, run) = Outcome::of_file(content.iter().copied().take(cut(content.len())).collect());
    records_are_accounted_for(&part, &run)?;
    let second = |time: Timestamp| time.nanos() / 1_000_000_000;
    let time_of = |entry: &Entry| match entry {
        Entry::Segment(segment) if segment.record <= run.input.records => Some(segment.time),
        Entry::Icmp(error) if error.record <= run.input.records => Some(error.time),
        _ => None,
    };
    let reached = trace.entries(&place, 1).iter().filter_map(time_of).max().map_or(i64::MIN, second);
    for told in whole.told.iter().filter(|told| second(told.flow.decided) < reached) {
        let same = part.told.iter().find(|other| other.flow.id == told.flow.id);
        prop_assert!(same.is_some(), "flow {} is lost", told.flow.id);
        self::same(&told.text(), &same.map(Told::text).unwrap_or_default())?;
    }
    Ok(())
}

/// Fails with the place where the two differ.
pub fn same(left: &str, right: &str) -> TestCaseResult {
    let differ = left.chars().zip(right.chars()).position(|(left, right)| left != right);
    let at = differ.unwrap_or_else(|| left.chars().count().min(right.chars().count()));
    let around = |text: &str| text.chars().skip(at.saturating_sub(80)).take(200).collect::<String>();
    prop_assert!(left == right, "\n{}\n{}\n", around(left), around(right));
    Ok(())
}
