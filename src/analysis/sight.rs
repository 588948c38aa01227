//! What the stages before diagnosis know of the input, in the words of the rules about it.

use crate::capture::{Health, Input, Problem};
use crate::diagnose::{ClockSight, CutSight, DamageSight, FileSight, Steps};
use crate::dissect::{SkipReason, SkipTally};
use crate::flow::TableStats;
use crate::time::TimeDelta;

/// Records that several capture queues write out of order lie less far apart than this; a clock that is set goes
/// further.
const LEAST_STEP: TimeDelta = TimeDelta::from_secs(1);

/// All that is known of the files once they were read.
pub(super) fn file_sight(input: &Input, tally: &SkipTally, table: &TableStats) -> FileSight {
    let health = input.health();
    FileSight {
        copies: table.copies,
        first_copy: table.first_copy,
        clock: clock(health),
        damages: damages(input.problems()),
        clipped: health.clipped,
        cut_headers: tally
            .reasons()
            .filter_map(|(reason, skips)| {
                let place = cut_place(reason)?;
                Some(CutSight { place, count: skips.count, first_record: skips.first_record })
            })
            .collect(),
        dropped: input.files().iter().filter_map(|file| file.dropped).sum(),
        missing_files: Vec::new(),
    }
}

fn clock(health: Health) -> ClockSight {
    if health.largest_step_back < LEAST_STEP {
        return ClockSight::default();
    }
    let back = Steps { count: health.steps_back, largest: health.largest_step_back, first: None };
    ClockSight { back, ..ClockSight::default() }
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
