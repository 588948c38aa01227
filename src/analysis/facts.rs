//! What reports are told of the input: its files, every record accounted for, and what limits it.

use crate::capture::{Account, ClockHealth, Compression, FileSummary, Gap, Health, Irregularity, Overlap};
use crate::dissect::{SkipTally, Skips};
use crate::flow::TableStats;
use crate::report::{FileFacts, InputFacts, Skipped};

pub(super) fn input_facts(account: &Account, tally: &SkipTally, table: TableStats) -> InputFacts {
    let mut skipped: Vec<Skipped> = tally
        .reasons()
        .map(|(reason, skips)| Skipped {
            reason: reason.to_string(),
            count: skips.count,
            first_record: skips.first_record,
        })
        .collect();
    let Skips { count, first_record } = tally.icmp_errors();
    if count > 0 {
        skipped.push(Skipped { reason: "ICMP error about TCP".to_owned(), count, first_record });
    }
    skipped.sort_by_key(|skipped| (std::cmp::Reverse(skipped.count), skipped.first_record));
    InputFacts {
        files: account.files.iter().map(file_facts).collect(),
        records: tally.records(),
        segments: tally.segments(),
        skipped,
        late_segments: table.late,
        duplicates: table.copies,
        first_time: account.files.iter().filter_map(|file| file.first_time).min(),
        last_time: account.end(),
        notes: notes(account, &account.health(), table),
    }
}

fn file_facts(file: &FileSummary) -> FileFacts {
    let compression =
        if file.compression == Compression::None { String::new() } else { format!(", {}", file.compression) };
    FileFacts {
        name: file.path.display().to_string(),
        format: file.format.map_or_else(String::new, |format| format!("{format}{compression}")),
        link_types: file.links.iter().map(ToString::to_string).collect(),
        snaplen: (file.snaplen != 0).then_some(file.snaplen),
        records: file.records,
        bytes: file.bytes_read,
    }
}

/// What limits the input, one sentence each.
fn notes(account: &Account, health: &Health, table: TableStats) -> Vec<String> {
    let mut notes: Vec<String> = account.problems.iter().map(ToString::to_string).collect();
    let name = |file: usize| {
        account.files.get(file).map_or_else(String::new, |file| file.path.display().to_string())
    };
    notes.extend(health.overlaps.iter().map(|overlap| overlap_note(overlap, &name)));
    notes.extend(health.gaps.iter().map(|gap| gap_note(gap, &name)));
    if let Some(dropped @ 1..) = health.dropped {
        notes.push(format!("the capturing host says that it dropped {dropped} frames"));
    }
    notes.extend(clock_notes(&health.clock, &name));
    if table.evicted > 0 {
        notes.push(format!(
            "{} connections were told before their end because more were live than --max-flows or --max-memory allow",
            table.evicted
        ));
    }
    if table.forgotten > 0 {
        notes.push(format!(
            "{} connections that had ended were forgotten: what came later on their ports counts as new",
            table.forgotten
        ));
    }
    if health.untimed.count > 0 {
        notes.push(format!(
            "{} records carry no time: their durations and delays cannot be told",
            health.untimed.count
        ));
    }
    notes
}

fn overlap_note(overlap: &Overlap, name: &dyn Fn(usize) -> String) -> String {
    let Overlap { earlier, later, span, merged } = *overlap;
    let (earlier, later) = (name(earlier), name(later));
    if merged {
        format!("{earlier} and {later} overlap by {span}: read side by side in the order of time")
    } else {
        format!(
            "{earlier} and {later} overlap by {span} and were read one after the other: merge them first \
             (mergecap); together their counts and findings are wrong"
        )
    }
}

fn gap_note(gap: &Gap, name: &dyn Fn(usize) -> String) -> String {
    format!(
        "nothing for {} between {} and {}, where records are {} apart at most: a file may be missing",
        gap.span(),
        name(gap.before.file),
        name(gap.after.file),
        gap.usual
    )
}

/// Steps and leaps are findings of their own (CAP104).
fn clock_notes(clock: &ClockHealth, name: &dyn Fn(usize) -> String) -> Vec<String> {
    let told = |seen: &Irregularity, what: &str| {
        let place = seen.first.filter(|_| seen.count > 0)?;
        let (count, largest) = (seen.count, seen.largest);
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        Some(format!(
            "{what} {times}, by {largest} at most (first: {}, record {})",
            name(place.file),
            place.record
        ))
    };
    [
        told(&clock.strays, "a single time stamp lies apart"),
        told(&clock.reordered, "neighbouring records run backwards"),
    ]
    .into_iter()
    .flatten()
    .collect()
}
