//! One flow as a ladder diagram: time runs down, the initiator stands left, the responder right.

use std::io::{self, Write};

use super::escape::{display_width, for_terminal, shorten};
use super::paint::Paint;
use super::story::{answered_word, forgotten_by, points_right, reset_words, state_word};
use super::text::wrap;
use crate::diagnose::{Finding, Severity};
use crate::flow::{EndpointState, Event, EventKind, Flow, Step, replay};
use crate::net::Role;
use crate::survey::Release;
use crate::time::{TimeDelta, Timestamp};

/// Columns of `12:00:04.178  `, of `+86.8 s    ` with the blank after it, and of a state.
const TIME: usize = 14;
const DELTA: usize = 11;
const STATE: usize = 14;
const RECORD: usize = 8;
/// A narrower arrow has no room for its label, a wider one only stretches the page.
const ARROW: std::ops::RangeInclusive<usize> = 8..=34;

/// Writes `flow` as a ladder of at most `width` columns (80 or more), with its findings below.
///
/// # Errors
/// What `out` says.
pub fn write_ladder(
    flow: &Flow,
    findings: &[Finding],
    width: usize,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let layout = Layout::new(flow, width.max(80));
    layout.head(flow, paint, out)?;
    let mut previous = None;
    for step in replay(flow) {
        if let Some(event) = flow.events.get(step.event) {
            if let Some(reset) = forgotten_by(flow, event) {
                let who = flow.endpoint(reset.by).addr;
                let text = format!("({who} has forgotten this port: record {})", reset.at.record);
                writeln!(
                    out,
                    "{:TIME$}{:DELTA$}{}",
                    "",
                    "",
                    paint.dim(&shorten(&text, layout.width - TIME - DELTA))
                )?;
            }
            layout.rung(flow, &step, event, previous, paint, out)?;
            previous = Some(event.at.time);
        }
    }
    if flow.events_dropped > 0 {
        writeln!(out, "{:TIME$}… {} more events were not kept", "", flow.events_dropped)?;
    }
    foot(flow, findings, layout.width, paint, out)
}

/// Writes the last line of a ladder: whose end let the flow out of the accept queue.
///
/// # Errors
/// What `out` says.
pub fn write_release(release: &Release, out: &mut dyn Write) -> io::Result<()> {
    let when = release.ended.map_or(String::new(), |(ended, after)| {
        format!(" (closed {}, {after} before)", ended.time_of_day(3))
    });
    writeln!(out, "released by flow {}{when}", release.holder)
}

struct Layout {
    width: usize,
    arrow: usize,
    record: usize,
}

impl Layout {
    fn new(flow: &Flow, width: usize) -> Self {
        let digits = flow.last.record.max(flow.id).to_string().len();
        let record = RECORD.max(digits + 1);
        let fixed = TIME + DELTA + 2 * STATE + 2 + record;
        let arrow = width.saturating_sub(fixed).clamp(*ARROW.start(), *ARROW.end());
        Self { width: fixed + arrow, arrow, record }
    }

    fn head(&self, flow: &Flow, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        let title =
            format!("flow {} (tcp.stream {})  {} → {}", flow.id, flow.stream, flow.initiator, flow.responder);
        let outcome = flow.outcome.as_str();
        let gap = self.width.saturating_sub(display_width(&title) + outcome.len());
        if gap < 2 {
            writeln!(out, "{}\n{:TIME$}{outcome}", paint.bold(&title), "")?;
        } else {
            writeln!(out, "{}{:gap$}{outcome}", paint.bold(&title), "")?;
        }
        let line = format!(
            "{:TIME$}{:DELTA$}{:STATE$}{:arrow$}  {:STATE$}{:>record$}",
            "time",
            "Δ",
            "initiator",
            "",
            "responder",
            "record",
            arrow = self.arrow,
            record = self.record
        );
        writeln!(out, "{}", paint.dim(&line))
    }

    fn rung(
        &self,
        flow: &Flow,
        step: &Step,
        event: &Event,
        previous: Option<Timestamp>,
        paint: Paint,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let delta = previous.map_or(String::new(), |previous| short_delta(event.at.time - previous));
        let state = |role: Role| {
            let (before, after) = (step.before[role], step.after[role]);
            let first = step.event == 0 && event.from == role;
            cell(before, after, first)
        };
        let arrow = self.arrow(&label(flow, event), event);
        let arrow = match event.kind {
            EventKind::Rst | EventKind::RstOutside => paint.severity(Severity::Fault, &arrow),
            EventKind::Fin | EventKind::FinAgain => paint.bold(&arrow),
            _ => arrow,
        };
        writeln!(
            out,
            "{:TIME$}{delta:DELTA$}{:STATE$}{arrow}  {:STATE$}{:>record$}",
            event.at.time.time_of_day(3),
            state(Role::Initiator),
            state(Role::Responder),
            event.at.record,
            record = self.record
        )
    }

    /// `── FIN ────────▶` or `◀─ FIN ─────────`.
    fn arrow(&self, label: &str, event: &Event) -> String {
        let label = shorten(label, self.arrow - 5);
        let rest = "─".repeat(self.arrow.saturating_sub(display_width(&label) + 5));
        if event.kind == EventKind::IcmpError {
            let dots = "·".repeat(rest.chars().count());
            return format!("·· {label} {dots}·");
        }
        if points_right(event) {
            format!("── {label} {rest}▶")
        } else {
            format!("◀─ {label} {rest}─")
        }
    }
}

fn cell(before: EndpointState, after: EndpointState, first: bool) -> String {
    if before == after && !first { "·".to_owned() } else { state_word(after) }
}

fn label(flow: &Flow, event: &Event) -> String {
    let octets = |word: &str| match event.octets {
        0 => word.to_owned(),
        count => format!("{word}, {count}"),
    };
    match event.kind {
        EventKind::Syn => "SYN".to_owned(),
        EventKind::SynAgain => "SYN again".to_owned(),
        EventKind::SynAck => "SYN, ACK".to_owned(),
        EventKind::SynAckAgain => "SYN, ACK again".to_owned(),
        EventKind::HandshakeAck | EventKind::Ack => octets("ACK"),
        EventKind::Data => super::story::octets(event.octets),
        EventKind::AckOfFin => octets("ACK of FIN"),
        EventKind::Fin => octets("FIN"),
        EventKind::FinAgain => "FIN again".to_owned(),
        EventKind::Rst | EventKind::RstOutside => "RST".to_owned(),
        EventKind::Probe => "probe".to_owned(),
        EventKind::ZeroWindow => "window 0".to_owned(),
        EventKind::WindowOpened => "window open".to_owned(),
        EventKind::Ghost => match flow.reuse {
            Some(reuse) => format!("{} of {}", super::story::flags_word(event.flags), reuse.predecessor),
            None => "ghost".to_owned(),
        },
        EventKind::IcmpError => format!("ICMP {}/{}", event.window >> 8, event.window & 0xff),
    }
}

/// At most ten columns: `+86.8 s`, `+12m04s`, `+3h20m`, `+5d`.
fn short_delta(span: TimeDelta) -> String {
    let seconds = span.abs().nanos() / 1_000_000_000;
    let sign = if span.nanos() < 0 { '-' } else { '+' };
    match seconds {
        0..600 => format!("{sign}{}", span.abs()),
        600..7200 => format!("{sign}{}m{:02}s", seconds / 60, seconds % 60),
        7200..360_000 => format!("{sign}{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{sign}{}d", seconds / 86_400),
    }
}

fn foot(
    flow: &Flow,
    findings: &[Finding],
    width: usize,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    for reset in &flow.resets {
        let answered = reset.answers.map_or(String::new(), |(what, at)| {
            format!(" answers the {} of record {}", answered_word(what), at.record)
        });
        let text = format!("record {}: RST{answered}: {}", reset.at.record, reset_words(reset));
        wrap("", "  ", &text, width, out)?;
    }
    if let Some(wait) = flow.close_wait.filter(|wait| wait.until.is_none()) {
        let (who, since, lasted) = (flow.endpoint(wait.at), wait.since.record, wait.lasted);
        let text =
            format!("{who} was still in CLOSE-WAIT when the capture ended, {lasted} after record {since}");
        wrap("", "  ", &text, width, out)?;
    }
    for finding in findings {
        let text = for_terminal(&finding.summary(flow)).into_owned();
        let head = format!("{} ", finding.rule.code);
        let mut lines = Vec::new();
        wrap(&head, "       ", &text, width, &mut lines)?;
        let lines = String::from_utf8_lossy(&lines).into_owned();
        let painted =
            lines.replacen(finding.rule.code, &paint.severity(finding.severity, finding.rule.code), 1);
        out.write_all(painted.as_bytes())?;
    }
    if let Some(reuse) = flow.reuse {
        let gap = crate::time::span_in_words(reuse.gap);
        writeln!(out, "the port was flow {}'s until {gap} before", reuse.predecessor)?;
    }
    if let Some((successor, at)) = flow.successor {
        writeln!(out, "flow {successor} took the port over at {}", at.time_of_day(3))?;
    }
    if let Some(why) = flow.undecided_because {
        wrap("undecided: ", "  ", why, width, out)?;
    }
    Ok(())
}
