//! What the stages before diagnosis know of the input, in the words of the rules about it.

use crate::capture::{Account, ClockHealth, Gap, Irregularity, Place, Problem};
use crate::diagnose::{ClockSight, CutSight, DamageSight, FileSight, MissingFile, Steps};
use crate::dissect::{SkipReason, SkipTally};
use crate::flow::{RecordRef, TableStats};

/// All that is known of the files once they were read.
pub(super) fn file_sight(account: &Account, tally: &SkipTally, table: &TableStats) -> FileSight {
    let health = account.health();
    FileSight {
        copies: table.copies,
        first_copy: table.first_copy,
        clock: clock(&health.clock),
        damages: damages(&account.problems),
        clipped: health.clipped.count,
        cut_headers: tally
            .reasons()
            .filter_map(|(reason, skips)| {
                let place = cut_place(reason)?;
                Some(CutSight { place, count: skips.count, first_record: skips.first_record })
            })
            .collect(),
        dropped: health.dropped.unwrap_or(0),
        missing_files: health.gaps.iter().map(missing_file).collect(),
    }
}

fn clock(clock: &ClockHealth) -> ClockSight {
    ClockSight { back: steps(&clock.steps_back), ahead: steps(&clock.leaps) }
}

fn steps(steps: &Irregularity) -> Steps {
    Steps { count: steps.count, largest: steps.largest, first: steps.first.map(record) }
}

fn missing_file(gap: &Gap) -> MissingFile {
    MissingFile { before: record(gap.before), after: record(gap.after) }
}

fn record(place: Place) -> RecordRef {
    RecordRef { record: place.global_record, time: place.time }
}

/// One entry per file: its first damage, or why it could not be read.
fn damages(problems: &[Problem]) -> Vec<DamageSight> {
    let mut damages: Vec<(Option<usize>, DamageSight)> = Vec::new();
    for problem in problems {
        let (file, before) = match problem {
            Problem::Damaged(damage) => {
                (Some(damage.file), (damage.record > 1).then(|| damage.global_record.saturating_sub(1)))
            }
            Problem::Unreadable(_) => (None, None),
        };
        match damages.last_mut() {
            Some((last, damage)) if file.is_some() && *last == file => damage.more += 1,
            _ => damages.push((file, DamageSight { what: problem.to_string(), more: 0, before })),
        }
    }
    damages.into_iter().map(|(_, damage)| damage).collect()
}

const fn cut_place(reason: SkipReason) -> Option<&'static str> {
    Some(match reason {
        SkipReason::CutBeforeIp => "cut before the IP header",
        SkipReason::CutInIp => "cut inside the IP header",
        SkipReason::CutInTcp => "cut before the TCP flags",
        SkipReason::CutInTunnel => "cut inside a UDP or tunnel header",
        SkipReason::CutInIcmp => "cut inside an ICMP error",
        _ => return None,
    })
}
