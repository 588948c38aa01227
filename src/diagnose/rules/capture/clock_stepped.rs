use super::counted;
use crate::diagnose::{ClockSight, InputFinding, Sight, Steps};

rule! {
    /// ## What we saw
    /// The time of a record lies well before that of the record in front of it: the clock of the capturing host was set
    /// while it captured.
    ///
    /// ## Why it matters
    /// Times on both sides of the step cannot be compared. Delays, idle times and durations that span it are wrong by
    /// the size of the step; the order of segments, and so every outcome that does not rest on a delay, is not.
    ///
    /// ## What to do
    /// Mistrust durations of flows that were alive at the step. Let NTP or chrony slew the clock, not step it, and find
    /// out what set it (`journalctl -u chronyd -u systemd-timesyncd`, a virtual machine that was resumed or moved).
    ///
    /// ## What else it can be
    /// Files of several hosts, or of one host on both sides of a step, given in one run; captures merged in the wrong
    /// order (`mergecap` sorts, `cat` does not); several capture queues whose records were written far apart.
    ///
    /// ## See
    /// Wireshark: `frame.time_delta < 0`; `reordercap` sorts a file by time.
    input static CLOCK_STEPPED = { code: "CAP104", title: "the clock stepped", severity: Warning }
}

fn check(sight: &Sight) -> Vec<InputFinding> {
    let ClockSight { back, ahead } = sight.files.clock;
    let steps = [(back, "runs backwards"), (ahead, "leaps ahead")];
    let steps = steps.iter().filter(|(steps, _)| steps.count > 0);
    // Time that leaps ahead may be a time without a packet.
    let found = steps.map(|(steps, what)| found(steps, what).proven_if(*what == "runs backwards"));
    found.collect()
}

fn found(steps: &Steps, what: &str) -> InputFinding {
    let first = steps.first.map_or_else(String::new, |at| format!(" (first: record {})", at.record));
    let summary = format!(
        "time {what} {}, by {} at most{first}: durations across that are not known",
        if steps.count == 1 { "once".to_owned() } else { counted(steps.count, "time") },
        steps.largest
    );
    let finding = InputFinding::new(&CLOCK_STEPPED, summary).lasting(steps.largest);
    let finding = match what {
        "runs backwards" => finding.filtered("frame.time_delta < 0"),
        _ => finding,
    };
    steps.first.into_iter().fold(finding, |finding, at| finding.and(at, "the first record after the step"))
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::found_in_input;
    use crate::diagnose::{Certainty, Sight, Steps};
    use crate::time::TimeDelta;

    #[test]
    fn a_step_back_is_told_with_its_size() {
        let mut sight = Sight::default();
        sight.files.clock.back = Steps { count: 1, largest: TimeDelta::from_secs(90), first: None };
        let findings = found_in_input("CAP104", &sight);
        assert!(
            findings[0].summary.starts_with("time runs backwards once, by 90.0 s at most"),
            "{findings:?}"
        );
        assert!(sight.doubts().clock_stepped);
    }

    #[test]
    fn a_leap_may_be_a_time_without_packets() {
        let mut sight = Sight::default();
        sight.files.clock.ahead = Steps { count: 1, largest: TimeDelta::from_secs(90_000), first: None };
        assert_eq!(found_in_input("CAP104", &sight)[0].certainty, Certainty::Presumed);
    }

    #[test]
    fn a_clock_that_was_not_set_is_none() {
        assert!(found_in_input("CAP104", &Sight::default()).is_empty());
    }
}
