use crate::diagnose::{Context, Evidence, Finding, Sign};
use crate::flow::{Flow, Reset, ResetKind};

rule! {
    /// ## What we saw
    /// A RST passed the capture point, and its receiver went on as if nothing had come.
    ///
    /// ## Why it matters
    /// The two sides no longer agree on whether the connection exists, or somebody tried to cut it and failed.
    ///
    /// ## What to do
    /// Look at the RST's sequence number. Outside the receiver's window it was discarded, as it should be: an old
    /// duplicate or a blind attack. In the window but not exact, the receiver answers with a challenge ACK
    /// (`nstat -az TcpExtTCPChallengeACK`). Exact, and still ignored: it was dropped behind the capture point, so
    /// look for a firewall on the receiver (conntrack calls such packets INVALID; iptables often drops them).
    ///
    /// ## What else it can be
    /// The receiver's segments had left before the RST came in; in TIME-WAIT a host may ignore RSTs on purpose
    /// (RFC 1337).
    ///
    /// ## See
    /// RFC 5961 §3, RFC 9293 §3.10.7.4.
    static IGNORED = {
        code: "RST106", title: "RST that its receiver ignored", severity: Note,
        needs: [Sign::IgnoredReset]
    }
}

fn check(flow: &Flow, _: &Context<'_>) -> Option<Finding> {
    let mut ignored = ignored(flow);
    let first = ignored.next()?;
    let evidence = Evidence::new(first.at, "RST, without effect");
    let evidence = ignored.fold(evidence, |sum, reset| sum.and(reset.at, "another"));
    Some(Finding::new(&IGNORED, flow, flow.endpoint(!first.by), evidence))
}

fn ignored(flow: &Flow) -> impl Iterator<Item = &Reset> {
    // A program, or Windows for it, may ask again after a refusal: that is no RST without effect.
    flow.resets.iter().filter(|reset| reset.ignored && !reset.after_close && reset.kind != ResetKind::Refusal)
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(first) = ignored(flow).next() else { return String::new() };
    let more = match ignored(flow).count() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    format!(
        "{} went on after the RST of {} (record {}){more}",
        finding.endpoint,
        flow.endpoint(first.by),
        first.at.record
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{FlowOutcome, ResetKind};
    use crate::net::Role;

    fn reset_and_on() -> Story {
        let mut story =
            Story::connected().reset(ResetKind::Unsolicited, Role::Initiator, 0.2, None).exchange(0.3);
        story.flow.deciding_reset = None;
        story
    }

    #[test]
    fn a_rst_without_effect_is_a_note_about_its_receiver() {
        let mut story = reset_and_on();
        story.flow.resets[0].ignored = true;
        let flow = story.flow(FlowOutcome::Open);
        assert_eq!(found("RST106", &flow, 60.0), Some((Severity::Note, Certainty::Proven)));
        assert!(
            summary("RST106", &flow, 60.0).starts_with("10.0.0.1:80 went on after the RST of 10.0.0.2:40000")
        );
    }

    #[test]
    fn a_rst_after_the_close_changes_nothing_and_is_none() {
        let mut story = reset_and_on();
        (story.flow.resets[0].ignored, story.flow.resets[0].after_close) = (true, true);
        assert_eq!(found("RST106", &story.flow(FlowOutcome::CleanClose), 60.0), None);
    }
}
