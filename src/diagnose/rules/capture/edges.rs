use super::counted;
use crate::diagnose::{Affected, InputFinding, Sight};

rule! {
    /// ## What we saw
    /// Some connections were open already when the capture began, or still open when it ended.
    ///
    /// ## Why it matters
    /// Of the first the roles are a guess, and what came before is not known: one of them may have been closed on one
    /// side long ago. Of the others the end is not known: a FIN may have come a second later. A wait that goes on at
    /// the end of the capture lasted at least so long.
    ///
    /// ## What to do
    /// Capture longer than the longest time-out in question (60 to 350 s for most proxies and load balancers), or in a
    /// ring that goes on (`dumpcap -b`). `ss -tanpo` on either host, taken while the capture starts and ends, tells the
    /// states of what is open then.
    ///
    /// ## What else it can be
    /// Long-lived connections, which are healthy. A SYN that the capture missed (CAP101).
    ///
    /// ## See
    /// Wireshark: `tcp.completeness`.
    input static EDGES = {
        code: "CAP106", title: "connection starts before or ends after the capture", severity: Note
    }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let (before, after) = (&sight.begun_before, &sight.unfinished);
    if before.flows + after.flows == 0 {
        return Vec::new();
    }
    let example = |affected: &Affected| match affected.examples.first() {
        Some(first) => format!(" (first: flow {})", first.first.record),
        None => String::new(),
    };
    let parts = [(before, "began before the capture"), (after, "had not ended when it ended")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(affected, _)| affected.flows > 0)
        .map(|(affected, what)| format!("{} {what}{}", affected.flows, example(affected)))
        .collect();
    let summary = format!("of {} {}", counted(sight.flows, "flow"), parts.join(", "));
    vec![
        InputFinding::new(&EDGES, summary)
            .filtered("tcp.completeness.syn == 0 || (tcp.completeness.fin == 0 && tcp.completeness.rst == 0)")
            .and_examples(before, "its first segment is no SYN")
            .and_examples(after, "a connection without an end"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Sight;
    use crate::diagnose::testing::{Story, found_in_input};
    use crate::flow::{FlowOutcome, Origin};

    #[test]
    fn both_edges_are_counted() {
        let mut sight = Sight::default();
        let mut midstream = Story::connected().exchange(0.5).flow(FlowOutcome::Open);
        midstream.origin = Origin::Midstream;
        sight.add(&midstream);
        sight.add(&Story::connected().exchange(0.5).flow(FlowOutcome::Open));
        sight.add(&Story::clean());
        assert_eq!(
            found_in_input("CAP106", &sight)[0].summary,
            "of 3 flows 1 began before the capture (first: flow 1), 2 had not ended when it ended (first: flow 1)"
        );
    }

    #[test]
    fn flows_told_before_their_end_did_not_outlive_the_capture() {
        let mut sight = Sight::default();
        let mut flow = Story::connected().exchange(0.5).flow(FlowOutcome::Undecided);
        flow.evicted = true;
        sight.add(&flow);
        assert!(found_in_input("CAP106", &sight).is_empty());
    }

    #[test]
    fn a_capture_of_whole_connections_has_none() {
        let mut sight = Sight::default();
        sight.add(&Story::clean());
        sight.add(&Story::syn().flow(FlowOutcome::SynUnanswered));
        assert!(found_in_input("CAP106", &sight).is_empty());
    }
}
