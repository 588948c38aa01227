//! Reads a line.

use std::str::FromStr;

use super::{IcmpLine, LETTERS, Line, NotationError, Number, SegmentLine, Step};
use crate::net::Role;
use crate::tcp::Flags;
use crate::time::TimeDelta;

type Result<T> = std::result::Result<T, NotationError>;

/// Longest span that a line may tell, in seconds: no sum of case-file lines leaves the range of time.
const LONGEST_SPAN: i64 = 1_000_000_000;

/// ```
/// use closewait::tcp::notation::Line;
/// let line: Line = "+0.000100 < S. 0:0(0) ack 1".parse()?;
/// assert_eq!(line.to_string(), "+0.000100 < S. 0:0(0) ack 1");
/// # Ok::<(), closewait::tcp::notation::NotationError>(())
/// ```
impl FromStr for Line {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split_ascii_whitespace();
        let after = span(words.next().unwrap_or_default())?;
        let first = words.next().unwrap_or_default();
        let step = match first {
            "end" => Step::End,
            "icmp" => Step::Icmp(icmp(&mut words)?),
            _ => Step::Segment(segment(sender(first)?, &mut words)?),
        };
        match words.next() {
            None => Ok(Self { after, step }),
            Some(_) => Err(NotationError("the end of the line, or `ack`, `win`, `ttl`, `isn` in this order")),
        }
    }
}

fn segment<'a>(from: Role, words: &mut impl Iterator<Item = &'a str>) -> Result<SegmentLine> {
    let flags = flags(words.next().unwrap_or_default())?;
    let (seq, octets) = range(words.next().unwrap_or_default())?;
    let mut words = words.peekable();
    let mut value_of = |name| {
        words.next_if_eq(&name)?;
        Some(words.next().unwrap_or_default())
    };
    let ack = value_of("ack").map(number).transpose()?;
    if ack.is_some() != flags.ack() {
        return Err(NotationError("`ack` exactly where the flags have `.`"));
    }
    let (window, ttl, isn) = (value_of("win"), value_of("ttl"), value_of("isn"));
    if isn.is_some() && !flags.syn() {
        return Err(NotationError("`isn` on SYN segments only"));
    }
    if words.next().is_some() {
        return Err(NotationError("`ack`, `win`, `ttl`, `isn` in this order, and nothing else"));
    }
    let isn = isn.map(|text| relative(text.strip_prefix('+').unwrap_or(text))).transpose()?;
    Ok(SegmentLine {
        from,
        flags,
        seq,
        octets,
        ack: ack.unwrap_or_default(),
        window: window.map_or(Ok(Line::DEFAULT_WINDOW), |text| decimal(text, "a window up to 65535"))?,
        ttl: ttl.map_or(Ok(Line::DEFAULT_TTL), |text| decimal(text, "a time to live up to 255"))?,
        isn,
    })
}

fn icmp<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<IcmpLine> {
    let from = sender(words.next().unwrap_or_default())?;
    let (kind, code) = words
        .next()
        .and_then(|word| word.split_once('/'))
        .ok_or(NotationError("ICMP type and code: `3/1`"))?;
    Ok(IcmpLine {
        to: !from,
        kind: decimal(kind, "an ICMP type up to 255")?,
        code: decimal(code, "an ICMP code up to 255")?,
        seq: number(words.next().unwrap_or_default())?,
    })
}

fn sender(word: &str) -> Result<Role> {
    match word {
        ">" => Ok(Role::Initiator),
        "<" => Ok(Role::Responder),
        _ => Err(NotationError("`>`, `<`, `icmp` or `end`")),
    }
}

/// Seconds with a sign and up to nine decimals, exactly.
fn span(word: &str) -> Result<TimeDelta> {
    const WHAT: &str = "a span: `+` and decimal seconds, at most nine decimals";
    let (negative, digits) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(digits), _) => (false, digits),
        (_, Some(digits)) => (true, digits),
        _ => return Err(NotationError(WHAT)),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let seconds: i64 = decimal(seconds, WHAT)?;
    if fraction.len() > 9 || seconds > LONGEST_SPAN {
        return Err(NotationError(WHAT));
    }
    let nanos: i64 = decimal(&format!("{fraction:0<9}"), WHAT)?;
    let span = TimeDelta::from_nanos(seconds * 1_000_000_000 + nanos);
    Ok(if negative { -span } else { span })
}

fn flags(word: &str) -> Result<Flags> {
    const WHAT: &str = "flags: letters of `SFRPUEW`, then `.` for ACK; `-` for none";
    if word == "-" {
        return Ok(Flags::default());
    }
    let mut bits = 0;
    let mut letters = LETTERS.iter();
    for letter in word.chars() {
        // Each letter at most once, in order.
        bits |= letters.find(|(known, _)| *known == letter).ok_or(NotationError(WHAT))?.1;
    }
    if bits == 0 { Err(NotationError(WHAT)) } else { Ok(Flags(bits)) }
}

/// `SEQ:END(LENGTH)`
fn range(word: &str) -> Result<(Number, u32)> {
    const WHAT: &str = "a range: `SEQ:END(LENGTH)` where END is SEQ + LENGTH";
    let (rest, length) =
        word.strip_suffix(')').and_then(|word| word.split_once('(')).ok_or(NotationError(WHAT))?;
    let (seq, end) = rest.rsplit_once(':').ok_or(NotationError(WHAT))?;
    let (seq, octets) = (number(seq)?, decimal(length, WHAT)?);
    let ends_there = end.parse() == Ok(seq.value + i64::from(octets));
    if ends_there { Ok((seq, octets)) } else { Err(NotationError(WHAT)) }
}

fn number(word: &str) -> Result<Number> {
    let (value, old) = word.strip_prefix("old:").map_or((word, false), |rest| (rest, true));
    Ok(Number { value: relative(value)?, old })
}

fn relative(word: &str) -> Result<i64> {
    const WHAT: &str = "a sequence number within 32 bits, perhaps negative";
    let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
    let value = i64::from(decimal::<u32>(digits, WHAT)?);
    Ok(if negative { -value } else { value })
}

/// Digits alone: no sign, which `parse` would take.
fn decimal<T: FromStr>(word: &str, what: &'static str) -> Result<T> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| digits).ok_or(NotationError(what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = Number> {
        (prop_oneof![0..3000_i64, -i64::from(u32::MAX)..=i64::from(u32::MAX)], any::<bool>())
            .prop_map(|(value, old)| Number { value, old })
    }

    fn any_role() -> impl Strategy<Value = Role> {
        any::<bool>().prop_map(|initiator| if initiator { Role::Initiator } else { Role::Responder })
    }

    prop_compose! {
        fn any_segment()(
            (from, flags, seq, octets) in (any_role(), any::<u8>(), any_number(), any::<u32>()),
            (ack, window, ttl) in (any_number(), any::<u16>(), any::<u8>()),
            isn in prop::option::of(any_number()),
        ) -> SegmentLine {
            let flags = Flags(flags);
            SegmentLine {
                from,
                flags,
                seq,
                octets,
                ack: if flags.ack() { ack } else { Number::default() },
                window,
                ttl,
                isn: isn.filter(|_| flags.syn()).map(|number| number.value),
            }
        }
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let icmp = (any_role(), any::<u8>(), any::<u8>(), any_number())
            .prop_map(|(to, kind, code, seq)| IcmpLine { to, kind, code, seq });
        prop_oneof![any_segment().prop_map(Step::Segment), icmp.prop_map(Step::Icmp), Just(Step::End)]
    }

    proptest! {
        #[test]
        fn a_line_reads_back_and_prints_the_same(
            nanos in -1_000_000_000_000_000_i64..1_000_000_000_000_000,
            step in any_step(),
        ) {
            let line = Line { after: TimeDelta::from_nanos(nanos), step };
            let text = line.to_string();
            prop_assert_eq!(text.parse(), Ok(line));
            let again: Line = text.parse()?;
            prop_assert_eq!(again.to_string(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+<>.:()0-9 SFRPackwintlsoedmp/]{0,40}") {
            if let Ok(line) = text.parse::<Line>() {
                let printed = line.to_string();
                prop_assert_eq!(printed.parse(), Ok(line));
            }
        }
    }

    #[test]
    fn short_forms_print_in_full() {
        let printed = |text: &str| text.parse::<Line>().unwrap().to_string();
        assert_eq!(printed("+600 end"), "+600.000000 end");
        assert_eq!(printed("+0.5 <  . 01:1(0) ack 2 ttl 64"), "+0.500000 < . 1:1(0) ack 2");
        assert_eq!(printed("+0.1 > S 0:0(0) isn 7"), "+0.100000 > S 0:0(0) isn +7");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let why = |text: &str| text.parse::<Line>().unwrap_err().to_string();
        assert_eq!(why("+0.1 > S 0:1(0)"), "expected a range: `SEQ:END(LENGTH)` where END is SEQ + LENGTH");
        assert_eq!(why("+0.1 > . 0:0(0)"), "expected `ack` exactly where the flags have `.`");
        assert_eq!(why("+0.1 > F. 1:1(0) ack 1 isn +5"), "expected `isn` on SYN segments only");
        assert!(why("0.1 end").starts_with("expected a span"));
        assert!(why("+0.1 > .P 1:1(0) ack 1").starts_with("expected flags"));
        assert!(why("+0.1 end end").starts_with("expected the end of the line"));
    }
}
