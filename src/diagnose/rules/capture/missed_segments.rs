use super::counted;
use crate::diagnose::{InputFinding, MissingFile, Sight};

rule! {
    /// ## What we saw
    /// An endpoint acknowledged octets that the capture does not hold, and they did not come later either: they passed
    /// the network, but not the capture. Or the host that captured says itself that it dropped frames.
    ///
    /// ## Why it matters
    /// What is missing in one place may be missing in another. Where a verdict would rest on a segment that was not
    /// seen (no FIN, no answer, no ACK), the flow is `undecided` instead, and what cannot be shown is only presumed.
    ///
    /// ## What to do
    /// Capture again with a larger buffer (`tcpdump -B 65536`, `dumpcap -B 64`), a short snap length (`-s 128` is
    /// enough here), a filter for the hosts in question, and onto a local disk. On a mirror port make sure that it
    /// is not slower than both directions together. `tcpdump` and `dumpcap` print what the kernel dropped when they
    /// end.
    ///
    /// ## What else it can be
    /// Segments that took another way than the rest (several links or paths, one of them captured); a filter that lets
    /// through a part of a connection; a device that acknowledges in a host's name; fragments or tunnels that were
    /// not read.
    ///
    /// ## See
    /// RFC 9293 §3.4 (what an ACK number says); Wireshark: `tcp.analysis.ack_lost_segment`.
    input static MISSED_SEGMENTS = {
        code: "CAP101", title: "the capture missed segments", severity: Warning
    }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let dropped = (sight.files.dropped > 0)
        .then(|| format!("the capturing host says that it dropped {} frames", sight.files.dropped));
    let gaps = (sight.gaps.flows > 0).then(|| {
        format!(
            "the capture missed segments in {} of {}, {} in all; first in flow {}",
            sight.gaps.flows,
            counted(sight.flows, "flow"),
            octets(sight.missed),
            sight.gaps.examples.first().map_or(0, |first| first.first.record)
        )
    });
    let is_proven = gaps.is_some();
    let parts: Vec<String> = gaps.into_iter().chain(dropped).chain(missing_file(sight)).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let finding = InputFinding::new(&MISSED_SEGMENTS, parts.join("; ")).proven_if(is_proven);
    vec![
        finding
            .filtered("tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment")
            .and_examples(&sight.gaps, "a flow of which segments are missing"),
    ]
}

/// The first place at which a file may be missing.
fn missing_file(sight: &Sight) -> Option<String> {
    let MissingFile { before, after } = sight.files.missing_files.first()?;
    let more = match sight.files.missing_files.len() {
        1 => String::new(),
        places => format!(", and at {}", counted(places as u64 - 1, "more place")),
    };
    let (span, before, after) = (after.time - before.time, before.record, after.record);
    Some(format!("a file may be missing: nothing for {span} between records {before} and {after}{more}"))
}

/// `312 octets`, `12.5 kB`, `1.2 MB`.
#[expect(clippy::cast_precision_loss, reason = "for display")]
fn octets(count: u64) -> String {
    match count {
        0..10_000 => counted(count, "octet"),
        10_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found_in_input};
    use crate::diagnose::{Certainty, MissingFile, Sight};
    use crate::flow::{FlowOutcome, RecordRef};

    fn with_gap(missed: u64) -> Sight {
        let mut flow = Story::connected().exchange(0.5).flow(FlowOutcome::Undecided);
        (flow.traffic.responder.gap, flow.traffic.responder.missed) = (true, missed);
        let mut sight = Sight::default();
        sight.add(&flow);
        sight.add(&Story::clean());
        sight
    }

    #[test]
    fn gaps_are_told_once_with_their_size_and_first_flow() {
        let findings = found_in_input("CAP101", &with_gap(1_234_567));
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].summary,
            "the capture missed segments in 1 of 2 flows, 1.2 MB in all; first in flow 1"
        );
        assert_eq!(findings[0].evidence[0].record, 1);
    }

    #[test]
    fn drops_that_left_no_trace_are_told_as_the_host_counts_them() {
        let mut sight = Sight::default();
        sight.files.dropped = 67;
        let findings = found_in_input("CAP101", &sight);
        assert_eq!(findings[0].summary, "the capturing host says that it dropped 67 frames");
        assert_eq!(findings[0].certainty, Certainty::Presumed);
    }

    #[test]
    fn a_file_that_may_be_missing_is_told_with_the_records_around_it() {
        let place = |record, seconds| RecordRef { record, time: at(seconds) };
        let mut sight = Sight::default();
        sight.files.missing_files = vec![MissingFile { before: place(100, 10.0), after: place(101, 42.0) }];
        assert_eq!(
            found_in_input("CAP101", &sight)[0].summary,
            "a file may be missing: nothing for 32.0 s between records 100 and 101"
        );
        let doubts = sight.doubts();
        assert!(doubts.absence(place(100, 10.0)).is_some());
        assert_eq!(doubts.absence(place(101, 42.0)), None);
    }

    #[test]
    fn a_direction_that_is_missing_altogether_is_another_finding() {
        let mut flow = Story::connected().flow(FlowOutcome::Undecided);
        flow.traffic.responder =
            crate::flow::Traffic { gap: true, missed: 10, unseen: true, ..Default::default() };
        let mut sight = Sight::default();
        sight.add(&flow);
        assert!(found_in_input("CAP101", &sight).is_empty());
        assert_eq!(found_in_input("CAP102", &sight).len(), 1);
    }
}
