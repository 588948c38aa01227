//! One capture, read here and compared with its oracle.

use std::collections::BTreeMap;
use std::path::Path;

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;

use crate::stream::Stream;

/// What one capture came to.
#[derive(Default)]
pub(crate) struct Comparison {
    /// Streams without any difference.
    pub(crate) agree: usize,
    /// Which streams differ, and how: Wireshark's number, or `frame N` for one that only closewait has.
    pub(crate) differences: Vec<(String, String)>,
}

/// The streams of a capture by their first frame; `None` for files that are no pcap or pcapng.
pub(crate) fn read(path: &Path) -> Option<BTreeMap<u64, Stream>> {
    let mut streams = BTreeMap::new();
    let mut listen = |flow: &Flow, _: &[Finding]| {
        streams.insert(flow.first.record, Stream::of(flow));
    };
    let outcome = Analysis::new().run(Input::open(&[path.to_owned()]), &mut listen).unwrap();
    outcome.input.files.iter().any(|file| !file.format.is_empty()).then_some(streams)
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
            let number = oracle.number.to_string();
            let Some(mut stream) = own.remove(&oracle.first_frame) else {
                missing += 1;
                comparison.differences.push((number, format!("missing, first frame {}", oracle.first_frame)));
                continue;
            };
            let extra = own_only.iter().filter(|&&frame| frame < stream.first_frame).count();
            stream.number = (stream.number + missing).wrapping_sub(u64::try_from(extra).unwrap());
            match stream.differences(oracle) {
                same if same.is_empty() => comparison.agree += 1,
                differences => comparison.differences.push((number, differences)),
            }
        }
        for stream in own.values() {
            let sides = stream.sides.each_ref().map(ToString::to_string).join(" to ");
            comparison
                .differences
                .push((format!("frame {}", stream.first_frame), format!("not there: {sides}")));
        }
        comparison
    }
}
