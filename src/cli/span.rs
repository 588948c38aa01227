//! Spans of time as people type them.

use std::str::FromStr;

use closewait::time::TimeDelta;

/// Units, the longest suffix first where one ends like another.
const UNITS: [(&str, f64); 7] =
    [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("min", 60.0), ("h", 3600.0), ("s", 1.0)];

/// Longer than any capture; what is beyond cannot be meant.
const MOST_SECONDS: f64 = 1e9;

/// A span that is not negative: `1.5`, `500ms`, `90s`, `2min`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) TimeDelta);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, factor) = UNITS
            .iter()
            .find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
            .unwrap_or((text, 1.0));
        let plain = |c: char| c.is_ascii_digit() || c == '.';
        let number = number.trim_end();
        let seconds = Some(number)
            .filter(|number| number.chars().all(plain))
            .and_then(|number| number.parse::<f64>().ok())
            .map(|number| number * factor)
            .filter(|&seconds| seconds <= MOST_SECONDS)
            .ok_or_else(|| "expected seconds, or a number with ms, s, min or h".to_owned())?;
        Ok(Self(TimeDelta::from_secs_f64(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_meant_unless_a_unit_is_given() {
        for (text, millis) in [("1", 1000), ("0.5", 500), ("500ms", 500), ("90s", 90_000), ("2min", 120_000)]
        {
            assert_eq!(text.parse(), Ok(Span(TimeDelta::from_millis(millis))), "{text}");
        }
        assert_eq!("1.5 h".parse(), Ok(Span(TimeDelta::from_secs(5400))));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "-1", "s", "nan", "inf", "1e3", "1e999", "two", "1 week", "99999999999h", "1..2"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
