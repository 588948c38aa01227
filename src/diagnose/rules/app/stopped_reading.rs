use crate::diagnose::rules::lookup;
use crate::diagnose::{Context, Evidence, Finding, Severity, Sign};
use crate::flow::{Flow, Order, RecordRef, Stall};
use crate::net::Role;
use crate::time::{TimeDelta, Timestamp};

/// A reader that pauses for less does its work.
const NOTICEABLE: TimeDelta = TimeDelta::from_secs(1);
/// One that pauses for longer has stopped, or throttles its peer on purpose.
const LONG: TimeDelta = TimeDelta::from_secs(10);

rule! {
    /// ## What we saw
    /// One side closed its receive window: the kernel's buffer for the connection was full, since the program did not read
    /// from it. Its peer had more to send and could only probe.
    ///
    /// ## Why it matters
    /// The sender is stopped, and whatever feeds it: a write that blocks, a queue that fills, a proxy that holds the
    /// other connection open. A FIN waits behind the data as well: `close()` of the sender is not seen by the reader.
    ///
    /// ## What to do
    /// On the endpoint named here: `ss -tanp`: Recv-Q is the full buffer, and the process is the one to look at (thread dump,
    /// `strace -p PID`: what does it do instead of reading?). On its peer the data waits in Send-Q.
    ///
    /// ## What else it can be
    /// Flow control at work: a player whose buffer is full, a download that the user paused, a backup that writes to a slow
    /// disk. A window that opens again after a while is a slow reader, not a dead one.
    ///
    /// ## See
    /// RFC 9293 §3.8.6.1 (zero-window probing), `tcp(7)`: `tcp_rmem`.
    static STOPPED_READING = {
        code: "APP104", title: "receiver stopped reading (zero window)", severity: Warning,
        needs: [Sign::Stalled]
    }
}

/// Who kept its window closed while its peer had something to send, from when to when.
struct Blocked {
    who: Role,
    stall: Stall,
    until: Timestamp,
    /// The RST by which that ended.
    cut: Option<RecordRef>,
}

impl Blocked {
    fn lasted(&self) -> TimeDelta {
        self.until - self.stall.since.time
    }
}

fn find(flow: &Flow) -> Option<Blocked> {
    let blocked = Role::BOTH.into_iter().filter_map(|role| by(flow, role));
    blocked.filter(|blocked| blocked.lasted() >= NOTICEABLE).max_by_key(Blocked::lasted)
}

fn by(flow: &Flow, who: Role) -> Option<Blocked> {
    let stall = flow.traffic[who].stall.filter(|stall| stall.probes > 0)?;
    // Behind its FIN the peer has nothing more to send, so no room for it is needed.
    let has_all = flow.fin[!who]
        .is_some_and(|fin| fin.acked.is_some() && !flow.order.is_before(stall.since, fin.first));
    let cut = flow.reset().map(|reset| reset.at).filter(|_| stall.until.is_none());
    let end = match flow.order {
        // The clock was set back: how long it was is not known.
        Order::Records => flow.last.time,
        Order::Times => flow.decided,
    };
    let until = stall.until.or(cut).map_or(end, |at| at.time);
    (!has_all).then_some(Blocked { who, stall, until, cut })
}

fn check(flow: &Flow, context: &Context<'_>) -> Option<Finding> {
    let blocked = find(flow)?;
    let evidence = Evidence::new(blocked.stall.since, "the window closes")
        .and_maybe(blocked.stall.until, "it opens again")
        .and_maybe(blocked.cut, "RST")
        .and_maybe(flow.traffic[!blocked.who].last, "last segment of the sender");
    let is_over = blocked.stall.until.is_some() && blocked.lasted() < LONG;
    Some(
        Finding::new(&STOPPED_READING, flow, flow.endpoint(blocked.who), evidence)
            .unless(lookup::missed_of(flow, blocked.who))
            .unless(context.doubts.duration())
            .at_most(if is_over { Severity::Note } else { Severity::Warning })
            .lasting(blocked.lasted()),
    )
}

fn summary(flow: &Flow, finding: &Finding) -> String {
    let Some(blocked) = find(flow) else { return String::new() };
    let end = match (blocked.stall.until, blocked.cut) {
        (Some(opened), _) => format!("until record {}", opened.record),
        (None, Some(rst)) => format!("until a RST (record {})", rst.record),
        (None, None) => "to the end".into(),
    };
    let often = match flow.traffic[blocked.who].zero_windows {
        0 | 1 => String::new(),
        count => format!("; it closed it {count} times, this was the longest"),
    };
    format!(
        "{} took no more octets of {} for {} (window closed at record {}, {end}; probed {} times){often}",
        finding.endpoint,
        flow.endpoint(!blocked.who),
        finding.span(),
        blocked.stall.since.record,
        blocked.stall.probes
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnose::testing::{Story, at, found, summary};
    use crate::diagnose::{Certainty, Severity};
    use crate::flow::{EventKind, Flow, FlowOutcome, RecordRef, ResetKind, Stall};
    use crate::net::Role;

    fn stalled(mut flow: Flow, until: Option<f64>, probes: u32) -> Flow {
        let record = |record, seconds| RecordRef { record, time: at(seconds) };
        let until = until.map(|seconds| record(9, seconds));
        flow.traffic.responder.stall = Some(Stall { since: record(5, 1.0), until, probes });
        flow.traffic.responder.zero_windows = 1;
        flow
    }

    fn upload() -> Story {
        Story::connected().request(0.5).event(EventKind::ZeroWindow, Role::Responder, 1.0)
    }

    #[test]
    fn a_window_that_stays_closed_is_about_the_one_who_does_not_read() {
        let flow = stalled(upload().flow_until(FlowOutcome::OpenStalled, 14.0), None, 6);
        assert_eq!(found("APP104", &flow, 14.0), Some((Severity::Warning, Certainty::Proven)));
        assert_eq!(
            summary("APP104", &flow, 14.0),
            "10.0.0.1:80 took no more octets of 10.0.0.2:40000 for 13.0 s (window closed at record 5, to the end; \
             probed 6 times)"
        );
    }

    #[test]
    fn a_reader_that_goes_on_after_a_while_is_a_note() {
        let flow = stalled(upload().flow(FlowOutcome::Open), Some(4.0), 3);
        assert_eq!(found("APP104", &flow, 600.0), Some((Severity::Note, Certainty::Proven)));
    }

    #[test]
    fn a_reset_ends_it_too() {
        let flow = upload().reset(ResetKind::Abort, Role::Responder, 13.5, None);
        let flow = stalled(flow.flow(FlowOutcome::ResetResponder), None, 6);
        assert!(
            summary("APP104", &flow, 600.0)
                .contains("for 12.5 s (window closed at record 5, until a RST (record 6)")
        );
    }

    #[test]
    fn a_short_pause_and_one_in_which_nobody_waited_are_none() {
        let flow = stalled(upload().flow(FlowOutcome::Open), Some(1.5), 1);
        assert_eq!(found("APP104", &flow, 600.0), None);
        let flow = stalled(upload().flow(FlowOutcome::Open), Some(90.0), 0);
        assert_eq!(found("APP104", &flow, 600.0), None);
    }

    #[test]
    fn who_has_all_needs_no_room() {
        let story = Story::connected().request(0.5).fin(Role::Initiator, 0.9).acked(1.0);
        let flow = stalled(story.flow(FlowOutcome::HalfClosed), None, 2);
        assert_eq!(found("APP104", &flow, 600.0), None);
    }
}
