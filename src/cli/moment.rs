//! Moments of a capture as people type them.

use std::str::FromStr;

use closewait::time::{TimeDelta, Timestamp};
use jiff::civil;
use jiff::tz::TimeZone;

use super::span::Span;

const DAY: i64 = 86_400_000_000_000;
/// A number alone is nanoseconds since the epoch from so many digits on, which is 1973; fewer may be meant for seconds.
const FEWEST_DIGITS: usize = 18;

/// A moment, or where it lies relative to a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// `2026-11-21T08:01:09.5Z`; a date and time without zone is UTC. Or nanoseconds since the epoch.
    At(Timestamp),
    /// `08:01:09.5`: nanoseconds since midnight (UTC) of the capture's first day.
    OfDay(i64),
    /// `+90`: after the capture's first record.
    AfterStart(TimeDelta),
}

impl Moment {
    /// The moment in a capture that starts at `start`; `None` when that is needed but not known.
    pub(super) fn resolve(self, start: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            Self::OfDay(nanos) => {
                let midnight = start?.nanos().div_euclid(DAY).saturating_mul(DAY);
                Some(Timestamp::from_nanos(midnight.saturating_add(nanos)))
            }
            Self::AfterStart(span) => Some(start? + span),
        }
    }

    /// As [`Self::resolve`]; a time of day before the start is that of the next day.
    pub(super) fn resolve_after(self, start: Option<Timestamp>) -> Option<Timestamp> {
        let time = self.resolve(start)?;
        Some(if self.is_of_day() && Some(time) < start { time + one_day() } else { time })
    }

    /// True when [`Self::resolve`] needs to know the capture's start.
    pub(super) fn is_relative(self) -> bool {
        !matches!(self, Self::At(_))
    }

    /// True for a time of day, which may mean the day after.
    pub(super) fn is_of_day(self) -> bool {
        matches!(self, Self::OfDay(_))
    }
}

/// The span of one day.
pub(super) const fn one_day() -> TimeDelta {
    TimeDelta::from_nanos(DAY)
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(span) = text.strip_prefix('+') {
            return Ok(Self::AfterStart(span.parse::<Span>()?.0));
        }
        if text.len() >= FEWEST_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let nanos = text.parse().map_err(|_| "no capture is that far away".to_owned())?;
            return Ok(Self::At(Timestamp::from_nanos(nanos)));
        }
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return at(time);
        }
        if let Ok(time) = text.parse::<civil::DateTime>() {
            return at(time.to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?.timestamp());
        }
        match text.parse::<civil::Time>() {
            Ok(time) => {
                let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60;
                let nanos = (seconds + i64::from(time.second())) * 1_000_000_000;
                Ok(Self::OfDay(nanos + i64::from(time.subsec_nanosecond())))
            }
            Err(_) => Err("expected a time as 2026-11-21T08:01:09.5Z, 08:01:09.5 or +SECONDS".to_owned()),
        }
    }
}

fn at(time: jiff::Timestamp) -> Result<Moment, String> {
    let nanos = i64::try_from(time.as_nanosecond()).map_err(|_| "no capture is that far away".to_owned())?;
    Ok(Moment::At(Timestamp::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-11-21T08:01:00Z";

    fn resolved(text: &str) -> String {
        let Moment::At(start) = START.parse().unwrap() else { panic!("not absolute") };
        text.parse::<Moment>().unwrap().resolve(Some(start)).unwrap().to_string()
    }

    #[test]
    fn moments_are_absolute_of_the_day_or_after_the_start() {
        assert_eq!(resolved("2026-11-21T09:01:09.25+01:00"), "2026-11-21T08:01:09.250000000Z");
        assert_eq!(resolved("2026-11-21 08:01:09"), "2026-11-21T08:01:09.000000000Z");
        assert_eq!(resolved("08:01:09.25"), "2026-11-21T08:01:09.250000000Z");
        assert_eq!(resolved("08:02"), "2026-11-21T08:02:00.000000000Z");
        assert_eq!(resolved("+1.5"), "2026-11-21T08:01:01.500000000Z");
        assert_eq!(resolved("+2min"), "2026-11-21T08:03:00.000000000Z");
        assert_eq!(resolved("1795248069000000001"), "2026-11-21T08:01:09.000000001Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "+",
            "+-1",
            "yesterday",
            "25:00:00",
            "9999-01-01T00:00:00Z",
            "1795248069",
            "9999999999999999999",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn relative_moments_need_a_start() {
        assert_eq!("+1".parse::<Moment>().unwrap().resolve(None), None);
        assert!("08:00:00".parse::<Moment>().unwrap().is_relative());
        assert!(!START.parse::<Moment>().unwrap().is_relative());
    }
}
