//! The streams of one capture, closewait's beside tshark's.

use std::collections::BTreeMap;

use super::stream::Stream;
use crate::tally::Difference;

/// What one capture came to.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Streams without any difference.
    pub(crate) agree: usize,
    /// Which streams differ, and how: by Wireshark's number, or `frame N` for one that only closewait has.
    pub(crate) differences: Vec<Difference>,
}

impl Comparison {
    /// Streams with the same first frame are the same. A stream that only one side has shifts the numbers of
    /// all later ones: that is one difference, not many.
    pub(crate) fn of(mut own: BTreeMap<u64, Stream>, theirs: &[Stream]) -> Self {
        let mut comparison = Self::default();
        let own_only: Vec<u64> = own
            .values()
            .filter(|stream| !theirs.iter().any(|oracle| oracle.first_frame == stream.first_frame))
            .map(|stream| stream.first_frame)
            .collect();
        let mut missing = 0;
        for oracle in theirs {
            let key = oracle.number.to_string();
            let Some(mut stream) = own.remove(&oracle.first_frame) else {
                missing += 1;
                let how = format!("missing, first frame {}", oracle.first_frame);
                comparison.differences.push(Difference { key, how });
                continue;
            };
            let extra = own_only.iter().filter(|&&frame| frame < stream.first_frame).count();
            stream.number = (stream.number + missing).wrapping_sub(u64::try_from(extra).unwrap());
            match stream.differences(oracle) {
                same if same.is_empty() => comparison.agree += 1,
                how => comparison.differences.push(Difference { key, how }),
            }
        }
        for stream in own.values() {
            let sides = stream.sides.each_ref().map(ToString::to_string).join(" to ");
            let (key, how) = (format!("frame {}", stream.first_frame), format!("not there: {sides}"));
            comparison.differences.push(Difference { key, how });
        }
        comparison
    }
}
