use super::counted;
use crate::diagnose::{InputFinding, Sight};

rule! {
    /// ## What we saw
    /// The same packet was captured more than once: all its numbers and its IP identification are equal, and the copies
    /// lie closer together than any retransmission.
    ///
    /// ## Why it matters
    /// Copies are left out: they count neither as packets nor as retransmissions. Tools that do not recognise them report
    /// retransmissions and duplicate ACKs that never were.
    ///
    /// ## What to do
    /// Nothing for these findings. To be rid of them, capture on one interface instead of `any`, mirror a VLAN or a
    /// port but not both, or remove them with `editcap -D 50 -w 0.1` (identical frames only).
    ///
    /// ## What else it can be
    /// A router, bridge or container host that shows each packet on its way in and out; both legs of a mirror; two
    /// captures merged into one; a network that duplicates packets; a loop in the network, if the time to live falls from copy to copy.
    ///
    /// ## See
    /// RFC 6864 (IP identification), RFC 6298 §2.4 (the least retransmission time-out).
    input static SEEN_TWICE = {
        code: "CAP103", title: "the same packet captured more than once", severity: Note
    }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let Some(first) = sight.files.first_copy else { return Vec::new() };
    let of = first.original.map_or_else(String::new, |at| format!(" repeats record {}", at.record));
    let are = if sight.files.copies == 1 { "is a further copy" } else { "are further copies" };
    let summary = format!(
        "{} {are} of a packet that is there already (first: record {}{of}); not counted again",
        counted(sight.files.copies, "record"),
        first.copy.record
    );
    let finding = InputFinding::new(&SEEN_TWICE, summary);
    let finding = first.original.into_iter().fold(finding, |finding, at| finding.and(at, "a packet"));
    vec![finding.and(first.copy, "the same packet again")]
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Sight;
    use crate::diagnose::testing::found_in_input;
    use crate::flow::{PacketCopy, RecordRef};

    #[test]
    fn the_first_pair_is_shown() {
        let at = |record| RecordRef { record, ..RecordRef::default() };
        let mut sight = Sight::default();
        sight.files.copies = 12;
        sight.files.first_copy = Some(PacketCopy { copy: at(2), original: Some(at(1)), place: 2 });
        let findings = found_in_input("CAP103", &sight);
        assert_eq!(
            findings[0].summary,
            "12 records are further copies of a packet that is there already (first: record 2 repeats record 1); \
             not counted again"
        );
        assert_eq!(findings[0].evidence.iter().map(|it| it.record).collect::<Vec<_>>(), [1, 2]);
    }
}
