//! Words that `ss`, `netstat` and the kernel share: states and timers.

use super::row::Timer;
use crate::tcp::State;
use crate::time::TimeDelta;

/// The state that a tool calls `word`, in the spelling of `ss` or of `netstat`.
pub(super) fn state_of(word: &str) -> Option<State> {
    Some(match word.to_ascii_uppercase().replace('_', "-").as_str() {
        "ESTAB" | "ESTABLISHED" => State::Established,
        "SYN-SENT" => State::SynSent,
        "SYN-RECV" | "SYN-RECEIVED" | "NEW-SYN-RECV" => State::SynReceived,
        "FIN-WAIT-1" | "FIN-WAIT1" => State::FinWait1,
        "FIN-WAIT-2" | "FIN-WAIT2" => State::FinWait2,
        "TIME-WAIT" => State::TimeWait,
        // Bound and neither connected nor listening, or connected no more.
        "UNCONN" | "CLOSE" | "CLOSED" | "BOUND-INACTIVE" => State::Closed,
        "CLOSE-WAIT" => State::CloseWait,
        "LAST-ACK" => State::LastAck,
        "LISTEN" => State::Listen,
        "CLOSING" => State::Closing,
        _ => return None,
    })
}

/// `on,4.384ms,4` of `ss`: what, how long, how often.
pub(super) fn ss_timer(text: &str) -> Timer {
    let mut parts = text.splitn(3, ',');
    let name = parts.next().unwrap_or_default().to_owned();
    let left = parts.next().and_then(ss_span);
    Timer { name, left, retries: parts.next().and_then(|text| text.parse().ok()) }
}

/// `119min`, `1min32sec`, `59sec`, `9.384ms`, `059ms`. What stands before the point are whole seconds:
/// `4.384ms` means 4.384 s (`print_ms_timer` of iproute2).
fn ss_span(text: &str) -> Option<TimeDelta> {
    let (minutes, rest) = match text.split_once("min") {
        Some((minutes, rest)) => (minutes.parse().ok()?, rest),
        None => (0, text),
    };
    let (seconds, rest) = match rest.split_once("sec").or_else(|| rest.split_once('.')) {
        Some((seconds, rest)) => (seconds.parse().ok()?, rest),
        None => (0, rest),
    };
    let millis: i64 = match rest {
        "" => 0,
        rest => rest.strip_suffix("ms")?.parse().ok()?,
    };
    let (minutes, seconds): (u32, u32) = (minutes, seconds);
    let whole = i64::from(minutes) * 60 + i64::from(seconds);
    (0..1000).contains(&millis).then(|| TimeDelta::from_millis(whole * 1000 + millis))
}

/// `keepalive (7195.02/0/0)` of `netstat`: what, seconds, how often, probes.
pub(super) fn netstat_timer(text: &str) -> Option<Timer> {
    let (name, rest) = text.split_once(" (")?;
    let (numbers, _) = rest.split_once(')')?;
    let mut numbers = numbers.split('/');
    let seconds: f64 = numbers.next()?.parse().ok()?;
    let retries = numbers.next().and_then(|text| text.parse().ok());
    let name = name.trim();
    // `off` is no timer; a name is one word.
    let is_named = !name.is_empty() && name != "off" && !name.contains(' ');
    let left = seconds.is_finite().then(|| TimeDelta::from_secs_f64(seconds));
    is_named.then(|| Timer { name: name.to_owned(), left, retries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_in_both_spellings() {
        for (word, state) in [
            ("ESTAB", State::Established),
            ("ESTABLISHED", State::Established),
            ("SYN-RECV", State::SynReceived),
            ("FIN_WAIT2", State::FinWait2),
            ("FIN-WAIT-2", State::FinWait2),
            ("close-wait", State::CloseWait),
            ("CLOSE_WAIT", State::CloseWait),
            ("UNCONN", State::Closed),
        ] {
            assert_eq!(state_of(word), Some(state), "{word}");
        }
        assert_eq!((state_of("STREAM"), state_of("7"), state_of("")), (None, None, None));
    }

    #[test]
    fn a_point_in_a_timer_of_ss_ends_the_seconds() {
        let left = |text| ss_timer(text).left.map(|left| left.nanos() / 1_000_000);
        assert_eq!(left("on,4.384ms,4"), Some(4384));
        assert_eq!(left("on,384ms,0"), Some(384));
        assert_eq!(left("on,009ms,0"), Some(9));
        assert_eq!(left("timewait,59sec,0"), Some(59_000));
        assert_eq!(left("keepalive,1min32sec,0"), Some(92_000));
        assert_eq!(left("keepalive,119min,0"), Some(119 * 60_000));
        assert_eq!(left("timewait,,0"), Some(0));
        assert_eq!((left("on,soon,0"), left("on")), (None, None));
        let timer = ss_timer("on,4.384ms,4");
        assert_eq!((timer.name.as_str(), timer.retries), ("on", Some(4)));
    }

    #[test]
    fn a_timer_of_netstat_is_in_seconds() {
        let timer = netstat_timer("keepalive (7195.02/3/0)").unwrap();
        assert_eq!((timer.name.as_str(), timer.retries), ("keepalive", Some(3)));
        assert_eq!(timer.left, Some(TimeDelta::from_millis(7_195_020)));
        assert_eq!(netstat_timer("off (0.00/0/0)"), None);
        assert_eq!(netstat_timer("nginx: worker (1)"), None);
    }
}
