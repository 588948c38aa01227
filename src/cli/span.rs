//! Spans of time as people type them.

use std::str::FromStr;

use closewait::time::{TimeDelta, parse_span};

/// A span that is not negative: `1.5`, `500ms`, `90s`, `2min`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) TimeDelta);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected seconds, or a number with ms, s, min or h".to_owned();
        parse_span(text).map(Self).ok_or_else(expected)
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
