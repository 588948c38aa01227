//! Many incidents, long texts, names that would rather be markup: pages and tickets keep their form.

use closewait::diagnose::{InputFinding, find_rule};
use closewait::flow::Limits;
use closewait::incident::{Incident, Incidents, Statement};
use closewait::report::{
    FileFacts, InputFacts, MarkdownReport, Plan, Report, Skipped, Sources, TextOptions, TextReport,
};
use closewait::survey::Place;
use proptest::prelude::*;

use crate::fixture;

/// What a run may come to.
struct Extreme {
    plan: Plan,
    incidents: Vec<Incident>,
    findings: Vec<InputFinding>,
    input: InputFacts,
}

impl Extreme {
    /// `count` of everything, with `text` wherever a text from outside may be.
    fn new(count: usize, text: &str) -> Self {
        let statements: Vec<_> = ["cause", "effect", "effect", "sockets", "who", "else", "new"]
            .map(|label| Statement { label, text: text.to_owned() })
            .into();
        let incident = |place: usize| {
            let id = u32::try_from(place + 1).unwrap();
            Incident { id, title: text.to_owned(), statements: statements.clone(), ..fixture::incident() }
        };
        let file = FileFacts { name: text.to_owned(), format: "pcapng".to_owned(), ..FileFacts::default() };
        let skipped = Skipped { reason: text.to_owned(), count: 1, first_record: 1 };
        let damage = InputFinding::new(find_rule("CAP105").unwrap(), text.to_owned());
        Self {
            plan: Plan {
                version: text.to_owned(),
                options: vec![("host".to_owned(), text.to_owned()); count],
                limits: Limits::default(),
                ..Plan::default()
            },
            incidents: (0..count).map(incident).collect(),
            findings: vec![damage; count],
            input: InputFacts {
                files: vec![file; count],
                skipped: vec![skipped; count.min(20)],
                notes: vec![text.to_owned(); count],
                ..fixture::input()
            },
        }
    }

    fn run(&self, report: &mut dyn Report) {
        let names = vec!["a.pcap".to_owned()];
        let sources = Sources { names: &names, locate: &|record| (0, record), place: Place::default() };
        report.begin(&self.plan).unwrap();
        for (flow, findings) in fixture::flows() {
            report.flow(&flow, &findings, &sources).unwrap();
        }
        let incidents = Incidents { incidents: self.incidents.clone(), ..Incidents::default() };
        report.incidents(&incidents).unwrap();
        report.input(&self.findings, &sources).unwrap();
        report.finish(&self.input).unwrap();
    }

    fn ticket(&self) -> String {
        let mut out = Vec::new();
        self.run(&mut MarkdownReport::new(&mut out));
        String::from_utf8(out).unwrap()
    }

    fn page(&self, width: usize) -> String {
        let mut out = Vec::new();
        self.run(&mut TextReport::new(&mut out, TextOptions { width, color: false }));
        String::from_utf8(out).unwrap()
    }
}

/// How lines of a ticket begin, and those that are always the same.
const BEGINNINGS: [&str; 9] = ["# ", "## ", "- ", "  - ", "| ", "|-", "**", "… and ", "266 records"];
const SENTENCES: [&str; 8] = [
    "",
    "<summary>What it consists of</summary>",
    "<summary>Input, thresholds, version</summary>",
    "What was found, the worst first:",
    "What led to what, and how likely that is:",
    "To look closer:",
    "what was found concerns single connections.",
    "Nothing was reported as dropped, cut or seen twice.",
];

/// Every line is one of those that the ticket is made of, and what opens is closed.
fn assert_keeps_its_form(ticket: &str) {
    assert!(ticket.len() < 60_000, "{} octets", ticket.len());
    assert!(ticket.chars().all(|letter| letter == '\n' || !letter.is_control()));
    let mut fence: Option<&str> = None;
    let (mut folded, mut cells) = (false, 0);
    for line in ticket.lines() {
        if let Some(open) = fence {
            fence = fence.filter(|_| line != open);
            continue;
        }
        let ticks = line.len() - line.trim_start_matches('`').len();
        match line {
            "<details>" if !folded => folded = true,
            "</details>" if folded => folded = false,
            _ if ticks >= 3 && ["", "sh", "text"].contains(&line.trim_start_matches('`')) => {
                fence = line.get(..ticks);
            }
            _ => assert_is_known(line),
        }
        let row = if line.starts_with('|') { unescaped(line).matches('|').count() } else { 0 };
        assert!(cells == 0 || row == 0 || row == cells, "{line}");
        cells = row;
    }
    assert!(fence.is_none() && !folded, "{ticket}");
}

fn assert_is_known(line: &str) {
    let begins = BEGINNINGS.iter().any(|beginning| line.starts_with(beginning));
    let is_rest = line.ends_with(" more incidents told in full in `report.json` (`--json`).");
    assert!(begins || SENTENCES.contains(&line) || is_rest, "{line}");
    let is_ours = line.starts_with("<summary>");
    assert!(is_ours || !outside_code(&unescaped(line).replace("<!-- -->", "")).contains('<'), "{line}");
}

/// `line` without the letters that a backslash keeps from being markup.
fn unescaped(line: &str) -> String {
    let mut letters = line.chars();
    let mut out = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

/// `line` without what stands between as many backquotes as end it.
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line.to_owned();
    while let Some(start) = rest.find('`') {
        let after = rest.split_off(start);
        out.push_str(&rest);
        let ticks = after.len() - after.trim_start_matches('`').len();
        let (fence, inside) = after.split_at(ticks);
        let mut end = 0;
        loop {
            let Some(place) = inside.get(end..).and_then(|inside| inside.find(fence)) else {
                return out + inside;
            };
            let run = inside[end + place..].len() - inside[end + place..].trim_start_matches('`').len();
            end += place + run;
            if run == ticks {
                break;
            }
        }
        inside.get(end..).unwrap().clone_into(&mut rest);
    }
    out + &rest
}

#[test]
fn thousands_of_incidents_still_make_a_ticket() {
    let long = "10.0.0.1:80 `waits` for [everybody](else) | and *more* <b>so</b> ".repeat(60);
    for count in [0, 1, 2, 40, 3000] {
        for text in ["", "short", long.as_str()] {
            assert_keeps_its_form(&Extreme::new(count, text).ticket());
        }
    }
    let ticket = Extreme::new(3000, "10.0.0.1:80 did something").ticket();
    assert!(ticket.contains("\n… and 2960 more, 2 960 faults.\n"), "{ticket}");
    let told = ticket.matches("**In Wireshark:**").count();
    assert!((5..=10).contains(&told), "{ticket}");
    assert!(ticket.contains(&format!("\n2 {} more incidents told in full in", 1000 - told)), "{ticket}");
}

#[test]
fn the_longest_incident_is_told() {
    let ticket = Extreme::new(1, &"很长的句子 ".repeat(5000)).ticket();
    assert!(ticket.contains("\n## 1. ") && ticket.contains("- **Cause:** 很长的句子"), "{ticket}");
    assert_keeps_its_form(&ticket);
}

#[test]
fn thousands_of_incidents_make_a_page_as_long_as_thirty() {
    let lines = |count| Extreme::new(count, "something happened").page(80).lines().count();
    assert_eq!(lines(3000), lines(30));
    let page = Extreme::new(3000, &"long text ".repeat(500)).page(100);
    assert!(page.lines().all(|line| line.chars().count() <= 100), "{page}");
    assert!(page.contains("\n… and 2990 more, 2 990 faults of them: report.json has them\n"), "{page}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_becomes_markup(
        text in prop_oneof![
            any::<String>(),
            "[`<>|\\\\\\[\\]()#@*_!& \n\r\t~-]{0,60}",
            "(```|<details>|</details>|\\| |# |- |\n|<!--|-->|x ){0,20}",
        ],
        count in 0..4_usize,
    ) {
        assert_keeps_its_form(&Extreme::new(count, &text).ticket());
        let page = Extreme::new(count, &text).page(80);
        prop_assert!(!page.chars().any(|letter| letter.is_control() && letter != '\n'));
    }
}
