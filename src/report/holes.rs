//! Cells that are known only once all flows are: rows are held from the first of them on, and told when they can be.

use std::io::{self, Read, Seek, Write};

use tempfile::SpooledTempFile;

use crate::diagnose::Finding;
use crate::survey::{Causes, Place};

/// Octets that are held in memory; more go to a temporary file.
const IN_MEMORY: usize = 8 << 20;
/// Begins a hole: a code point that no text may use for interchange (Unicode §23.7), so that nothing else contains it.
const MARK: char = '\u{fdd0}';
const MARK_LENGTH: usize = MARK.len_utf8();
/// The mark, a letter, and sixteen digits.
const LENGTH: usize = MARK_LENGTH + 1 + 16;

/// What a cell will tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// The flow whose end released this one.
    ReleasedBy(u64),
    /// The incident to which a finding belongs: who took part, and which finding it is.
    Incident {
        /// Number of the pair of parties.
        pair: u32,
        /// Place of the rule in the catalogue.
        rule: u16,
    },
}

impl Hole {
    /// The incident of a finding of the flow at `place`; `None` where it is known that there is none.
    pub(super) fn incident_of(finding: &Finding, place: Place) -> Option<Self> {
        place.pair.map(|pair| Self::Incident { pair, rule: finding.rule.number() })
    }

    /// What stands in its place.
    pub(super) fn text(self) -> String {
        match self {
            Self::ReleasedBy(flow) => format!("{MARK}R{flow:016x}"),
            Self::Incident { pair, rule } => {
                format!("{MARK}I{:016x}", u64::from(pair) << 16 | u64::from(rule))
            }
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (letter, digits) = std::str::from_utf8(text.get(MARK_LENGTH..)?).ok()?.split_at_checked(1)?;
        let number = u64::from_str_radix(digits, 16).ok()?;
        match letter {
            "R" => Some(Self::ReleasedBy(number)),
            "I" => Some(Self::Incident {
                pair: u32::try_from(number >> 16).ok()?,
                rule: u16::try_from(number & 0xffff).ok()?,
            }),
            _ => None,
        }
    }

    fn filling(self, causes: &Causes) -> Option<u64> {
        match self {
            Self::ReleasedBy(flow) => causes.released_by(flow).map(|release| release.holder),
            Self::Incident { pair, rule } => causes.incident_of(pair, rule).map(u64::from),
        }
    }
}

/// How a text tells what is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An empty cell.
    Csv,
    /// A hole stands in quotes; a number has none, and `null` is nothing.
    Json,
}

/// Writes `text` onto `out`, each hole filled; answers how much of it was written: what may be the beginning of a hole at
/// its end is not, unless it `ends` here.
fn fill(text: &[u8], causes: &Causes, form: Form, ends: bool, out: &mut dyn Write) -> io::Result<usize> {
    let quote = usize::from(form == Form::Json);
    let first = MARK.encode_utf8(&mut [0; MARK_LENGTH]).as_bytes().first().copied();
    let mut done = 0;
    let mut from = 0;
    while let Some(away) =
        text.get(from..).and_then(|rest| rest.iter().position(|&octet| Some(octet) == first))
    {
        let at = from + away;
        let Some(hole) = text.get(at..at + LENGTH + quote) else {
            if ends {
                break;
            }
            let kept = at.saturating_sub(quote).max(done);
            out.write_all(text.get(done..kept).unwrap_or_default())?;
            return Ok(kept);
        };
        from = at + 1;
        let is_quoted = quote == 0
            || hole.get(LENGTH) == Some(&b'"')
                && at.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'"');
        if let Some(hole) = hole.get(..LENGTH).and_then(Hole::parse).filter(|_| is_quoted) {
            out.write_all(text.get(done..at.saturating_sub(quote)).unwrap_or_default())?;
            match hole.filling(causes) {
                Some(number) => write!(out, "{number}")?,
                None if form == Form::Json => out.write_all(b"null")?,
                None => {}
            }
            done = at + LENGTH + quote;
            from = done;
        }
    }
    // A quote at the end may be that of a hole.
    let kept = if ends { text.len() } else { (text.len() - quote.min(text.len())).max(done) };
    out.write_all(text.get(done..kept).unwrap_or_default())?;
    Ok(kept)
}

/// Writes a whole text onto `out`, each hole filled.
pub(super) fn fill_all(text: &[u8], causes: &Causes, form: Form, out: &mut dyn Write) -> io::Result<()> {
    fill(text, causes, form, true, out).map(drop)
}

/// Writes at once until the first hole, holds what comes from there on until it can be filled, and writes at once again.
#[derive(Debug)]
pub(super) struct Held<W> {
    out: W,
    form: Form,
    spool: Option<SpooledTempFile>,
    /// Nothing is held any more.
    released: bool,
}

impl<W: Write> Held<W> {
    pub(super) const fn new(out: W, form: Form) -> Self {
        Self { out, form, spool: None, released: false }
    }

    /// Writes a text; `has_hole` tells whether it contains any.
    pub(super) fn put(&mut self, text: &[u8], has_hole: bool) -> io::Result<()> {
        if has_hole && self.spool.is_none() && !self.released {
            self.spool = Some(SpooledTempFile::new(IN_MEMORY));
        }
        match &mut self.spool {
            Some(spool) => spool.write_all(text),
            None => self.out.write_all(text),
        }
    }

    /// Fills all holes; what is written from now on has none.
    pub(super) fn release(&mut self, causes: &Causes) -> io::Result<()> {
        self.released = true;
        let Some(mut spool) = self.spool.take() else { return Ok(()) };
        spool.rewind()?;
        let mut text = Vec::new();
        loop {
            let read = Read::by_ref(&mut spool).take(1 << 18).read_to_end(&mut text)?;
            let done = fill(&text, causes, self.form, read == 0, &mut self.out)?;
            if read == 0 {
                return Ok(());
            }
            text.drain(..done);
        }
    }

    /// The end: what nobody told of is not known.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.released {
            self.release(&Causes::default())?;
        }
        self.out.flush()
    }
}

/// Every text may have a hole, until they are filled.
impl<W: Write> Write for Held<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.put(text, true)?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.spool.is_some() { Ok(()) } else { self.out.flush() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::survey::Release;

    fn causes() -> Causes {
        let released = [(5, 3), (0x1234_5678_9abc_def0, 7)];
        let released = released.map(|(flow, holder)| Release { flow, holder, ended: None });
        Causes::new(released.to_vec(), [((9, 2), 4)].into(), [].into())
    }

    #[test]
    fn a_hole_reads_back() {
        for hole in [Hole::ReleasedBy(u64::MAX), Hole::Incident { pair: u32::MAX, rule: 7 }] {
            assert_eq!((hole.text().len(), Hole::parse(hole.text().as_bytes())), (LENGTH, Some(hole)));
        }
    }

    #[test]
    fn holes_become_numbers_or_nothing() {
        let [known, unknown] = [5, 6].map(|flow| Hole::ReleasedBy(flow).text());
        let told = |form, text: String| {
            let mut out = Vec::new();
            fill_all(text.as_bytes(), &causes(), form, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(told(Form::Csv, format!("a,{known},{unknown},é\u{fdd0}\n")), "a,3,,é\u{fdd0}\n");
        assert_eq!(
            told(Form::Json, format!("{{\"a\":\"{known}\",\"b\":\"{unknown}\"}}")),
            "{\"a\":3,\"b\":null}"
        );
        // A name that looks like a hole stays in its quotes.
        assert_eq!(told(Form::Json, format!("\"x{known}\"")), format!("\"x{known}\""));
        let incident = |pair, rule| Hole::Incident { pair, rule }.text();
        assert_eq!(told(Form::Csv, format!("{},{}", incident(9, 2), incident(9, 3))), "4,");
    }

    #[test]
    fn what_comes_after_the_holes_are_filled_is_written_at_once() {
        let mut out = Vec::new();
        let mut held = Held::new(&mut out, Form::Csv);
        held.put(b"a", false).unwrap();
        held.put(Hole::ReleasedBy(5).text().as_bytes(), true).unwrap();
        held.release(&causes()).unwrap();
        held.write_all(b"b").unwrap();
        drop(held);
        assert_eq!(out, b"a3b");
    }

    #[test]
    fn rows_come_out_though_nobody_told_of_causes() {
        let mut out = Vec::new();
        let mut held = Held::new(&mut out, Form::Json);
        write!(held, "[\"{}\"]", Hole::ReleasedBy(5).text()).unwrap();
        held.finish().unwrap();
        drop(held);
        assert_eq!(out, b"[null]");
    }

    proptest! {
        #[test]
        fn what_is_held_comes_out_as_if_it_were_whole(
            parts in prop::collection::vec(prop_oneof![
                "[\"\u{fdd0}a-f0-9R,]{0,30}".prop_map(|text| (text, false)),
                (0..9_u64).prop_map(|flow| (Hole::ReleasedBy(flow).text(), true)),
            ], 0..40),
            form in prop_oneof![Just(Form::Csv), Just(Form::Json)],
        ) {
            let parts: Vec<_> = parts.into_iter().map(|(text, is_hole)| match form {
                Form::Json if is_hole => (format!("\"{text}\""), true),
                _ => (text, is_hole),
            }).collect();
            let whole: String = parts.iter().map(|(text, _)| text.as_str()).collect();
            let mut expected = Vec::new();
            fill_all(whole.as_bytes(), &causes(), form, &mut expected).unwrap();
            for step in [1, 2, 7, 50, 1 << 20] {
                let (mut out, mut rest) = (Vec::new(), Vec::new());
                for chunk in whole.as_bytes().chunks(step) {
                    rest.extend_from_slice(chunk);
                    let done = fill(&rest, &causes(), form, false, &mut out).unwrap();
                    rest.drain(..done);
                }
                fill(&rest, &causes(), form, true, &mut out).unwrap();
                prop_assert_eq!(&out, &expected);
            }
        }
    }
}
