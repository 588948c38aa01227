use super::counted;
use crate::diagnose::filter::address_filter;
use crate::diagnose::{InputFinding, Sight};
use crate::net::Sides;

rule! {
    /// ## What we saw
    /// Of some connections only one side's segments were captured, and its ACK numbers show that the other side spoke
    /// as well.
    ///
    /// ## Why it matters
    /// The ACKs tell that the other side sent and how much, not what: a FIN and an octet look the same in them, and a
    /// RST is not acknowledged at all. What such a connection came to is `undecided` unless the captured side
    /// says so itself.
    ///
    /// ## What to do
    /// Capture where both directions pass, best on one of the two hosts. On a switch mirror both transmit and receive;
    /// with a tap or two uplinks capture both legs, then give both files at once. Filters must name a host
    /// (`host A`), not a direction (`src host A`).
    ///
    /// ## What else it can be
    /// Asymmetric routing: the answers take another way. A load balancer that answers clients past itself (direct
    /// server return). Answers to requests that somebody else forged in this host's name (backscatter).
    ///
    /// ## See
    /// RFC 9293 §3.4; closewait reads several files as one stream.
    input static ONE_DIRECTION = {
        code: "CAP102", title: "only one direction was captured", severity: Warning
    }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let Sides { initiator, responder } = &sight.unseen;
    let flows = initiator.flows + responder.flows;
    let all = [responder, initiator].into_iter().flat_map(|side| &side.examples);
    let Some(first) = all.min_by_key(|example| example.first.record) else { return Vec::new() };
    let summary = format!(
        "only one direction was captured of {flows} of {}: the initiator's of {}, the responder's of {}; first in flow {}",
        counted(sight.flows, "flow"),
        responder.flows,
        initiator.flows,
        first.first.record
    );
    let (from, to) = first.ends;
    vec![
        InputFinding::new(&ONE_DIRECTION, summary)
            .filtered(address_filter(from, to))
            .and_examples(responder, "a flow whose responder was not captured")
            .and_examples(initiator, "a flow whose initiator was not captured"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Sight;
    use crate::diagnose::testing::{Story, found_in_input};
    use crate::flow::FlowOutcome;

    #[test]
    fn the_directions_are_counted_apart() {
        let mut sight = Sight::default();
        for missing in [true, true, false] {
            let mut flow = Story::connected().flow(FlowOutcome::Undecided);
            flow.traffic.responder.unseen = missing;
            flow.traffic.initiator.unseen = !missing;
            sight.add(&flow);
        }
        let findings = found_in_input("CAP102", &sight);
        assert_eq!(
            findings[0].summary,
            "only one direction was captured of 3 of 3 flows: the initiator's of 2, the responder's of 1; first in flow 1"
        );
        assert!(findings[0].filter.as_ref().is_some_and(|filter| filter.starts_with("(ip.src == 10.0.0.2")));
    }

    #[test]
    fn a_syn_that_nobody_answered_has_no_other_direction() {
        let mut sight = Sight::default();
        sight.add(&Story::syn().flow(FlowOutcome::SynUnanswered));
        assert!(found_in_input("CAP102", &sight).is_empty());
    }
}
