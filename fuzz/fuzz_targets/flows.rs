//! Segments without captures: any segments at all, or plausible traces, which are held to more laws.

#![no_main]

use closewait::flow::Limits;
use closewait::net::Sides;
use closewait_fuzz::segments;
use closewait_fuzz::support::file::Format;
use closewait_fuzz::support::laws::{
    copies_change_nothing, format_agrees, is_judged, is_judged_within, place_does_not_matter, two_runs_agree,
    whole_rows_survive_a_cut,
};
use closewait_fuzz::support::random::{Step, trace_of};
use closewait_fuzz::support::trace::{Place, Trace};
use libfuzzer_sys::fuzz_target;

/// Inputs that begin with less than this are traces.
const TRACES: u8 = 128;
const MOST_STEPS: usize = 60;
const MOST_QUIET: i64 = 700;

fuzz_target!(|input: &[u8]| {
    match input {
        [what @ 0..TRACES, opening, quiet, luck, steps @ ..] => {
            let (steps, _) = steps.as_chunks::<4>();
            let steps: Vec<Step> = steps
                .iter()
                .take(MOST_STEPS)
                .map(|&[what, side, luck, pause]| (what, side & 1 == 1, luck, pause))
                .collect();
            let quiet = i64::from(*quiet) * MOST_QUIET / 256;
            hold(&trace_of(opening % 5, &steps, quiet), *what, *luck);
        }
        [what, segments @ ..] => {
            let entries = segments::decode(segments);
            // Some with more flows than fit.
            let max_flows = if what & 16 == 0 { Limits::default().max_flows } else { u64::from(what % 4) };
            is_judged_within(&entries, Limits { max_flows, ..Limits::default() }).unwrap();
            if what % 8 == 0 {
                two_runs_agree(&entries).unwrap();
            }
        }
        [] => {}
    }
});

fn hold(trace: &Trace, what: u8, luck: u8) {
    is_judged(&trace.entries(&Place::default(), 1)).unwrap();
    let number = u32::from(luck);
    match what % 8 {
        0 => format_agrees(trace, Format::ALL[usize::from(luck) % Format::ALL.len()]),
        1 => whole_rows_survive_a_cut(trace, |length| length * usize::from(luck) / 256),
        2 => place_does_not_matter(trace, &Place { mirrored: true, ..Place::default() }),
        3 => place_does_not_matter(
            trace,
            &Place { start: i64::from(luck) * 3_600_000_000_123, ..Place::default() },
        ),
        4 => {
            let isn = Sides { initiator: number << 24, responder: u32::MAX - number * 16 };
            place_does_not_matter(trace, &Place { isn, ..Place::default() })
        }
        5 => {
            let isn = Sides { initiator: 0_u32.wrapping_sub(number * 16), responder: number };
            place_does_not_matter(trace, &Place { isn, ..Place::default() })
        }
        6 => copies_change_nothing(trace, u64::from(luck) * 0x0101_0101_0101_0101),
        _ => copies_change_nothing(trace, 1 << (luck % 64)),
    }
    .unwrap();
}
