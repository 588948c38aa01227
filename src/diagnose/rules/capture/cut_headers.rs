use super::counted;
use crate::diagnose::{InputFinding, Sight};

rule! {
    /// ## What we saw
    /// The snap length of the capture cut frames inside their headers, before the flags of the TCP segment.
    ///
    /// ## Why it matters
    /// Such a record cannot be analysed: whether it is a FIN, a RST or data is not known. To the connection it is as if
    /// the capture had missed it.
    ///
    /// ## What to do
    /// Capture with a larger snap length: `-s 128` holds all headers of plain IPv4 and IPv6, `-s 256` those inside
    /// tunnels and of frames with many VLAN tags or IPv6 extensions. Payload is not needed.
    ///
    /// ## What else it can be
    /// Frames that are not TCP at all but were cut before that could be told; a tool that shortens captures for privacy
    /// (`editcap -s`, `tcprewrite`).
    ///
    /// ## See
    /// Wireshark: `frame.cap_len < frame.len`.
    input static CUT_HEADERS = { code: "CAP107", title: "the snap length cut headers", severity: Warning }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let (clipped, cuts) = (sight.files.clipped, &sight.files.cut_headers);
    // A frame that is as short as it was on the wire was not cut by the capture.
    if clipped == 0 || cuts.is_empty() {
        return Vec::new();
    }
    let count: u64 = cuts.iter().map(|cut| cut.count).sum();
    let places: Vec<String> = cuts
        .iter()
        .map(|cut| format!("{} {} (first: record {})", cut.count, cut.place, cut.first_record))
        .collect();
    let was = if count == 1 { "was" } else { "were" };
    let summary = format!("{} {was} cut in the headers: {}", counted(count, "record"), places.join(", "));
    let finding = InputFinding::new(&CUT_HEADERS, summary).filtered("frame.cap_len < frame.len");
    vec![cuts.iter().fold(finding, |finding, cut| finding.and_number(cut.first_record, cut.place))]
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::found_in_input;
    use crate::diagnose::{CutSight, Sight};

    #[test]
    fn cut_headers_are_told_by_place() {
        let mut sight = Sight::default();
        sight.files.cut_headers =
            vec![CutSight { place: "cut before the TCP flags", count: 9, first_record: 3 }];
        assert!(found_in_input("CAP107", &sight).is_empty(), "runts are not cut");
        sight.files.clipped = 20;
        assert_eq!(
            found_in_input("CAP107", &sight)[0].summary,
            "9 records were cut in the headers: 9 cut before the TCP flags (first: record 3)"
        );
    }
}
