//! Case files: `testdata/cases/*.md`.

use std::fs;
use std::path::Path;

use super::file::{self, Format};
use super::outcome::{Outcome, Told};
use super::trace::{Place, Trace};

/// One pair of a `trace` and an `expect` block.
#[derive(Clone, Debug)]
pub struct Case {
    /// File name.
    pub file: String,
    /// The heading above it, and which pair of the file it is, from 1.
    pub heading: String,
    pub index: usize,
    pub trace: String,
    pub expect: Vec<String>,
    pub is_near_miss: bool,
    /// Why the engine is known to judge it otherwise.
    pub known: Option<String>,
}

/// All cases about flows, by file and place.
pub fn all() -> Vec<Case> {
    read_all().into_iter().filter(|case| !case.is_about_input()).collect()
}

/// All cases about the input.
pub fn about_input() -> Vec<Case> {
    read_all().into_iter().filter(Case::is_about_input).collect()
}

fn read_all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cases");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|it| it == "md") && path.file_name().is_some_and(|it| it != "README.md")
    });
    paths.sort();
    let read = |path: &Path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        parse(&file, &fs::read_to_string(path).unwrap())
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut heading, mut block, mut is_near_miss) = (String::new(), "", false);
    for line in text.lines() {
        match (line, block) {
            ("```trace", "") => {
                let index = cases.len() + 1;
                let (file, heading) = (file.to_owned(), heading.clone());
                let (trace, expect, known) = (String::new(), Vec::new(), None);
                cases.push(Case { file, heading, index, trace, expect, is_near_miss, known });
                block = "trace";
            }
            ("```expect", "") => block = "expect",
            ("```", _) => block = "",
            (line, "trace") => cases.last_mut().unwrap().trace.extend([line, "\n"]),
            (line, "expect") => cases.last_mut().unwrap().expect.extend(repeated(line)),
            (line, _) => {
                if let Some(title) = line.strip_prefix('#') {
                    title.trim_start_matches('#').trim().clone_into(&mut heading);
                    is_near_miss |= heading == "Not this finding";
                } else if let (Some(why), Some(case)) = (line.strip_prefix("known: "), cases.last_mut()) {
                    case.known = Some(why.to_owned());
                }
            }
        }
    }
    cases
}

/// A line, as often as it says: `outcome open times 12`.
fn repeated(line: &str) -> Vec<String> {
    let (line, times) =
        line.split_once(" times ").map_or((line, 1), |(line, times)| (line, times.parse().unwrap()));
    vec![line.to_owned(); times]
}

impl Case {
    pub fn name(&self) -> String {
        format!("{}, {:?}, trace {}", self.file, self.heading, self.index)
    }

    /// True for cases of the family CAP, which only a whole run over a file can judge.
    pub fn is_about_input(&self) -> bool {
        self.file.starts_with("CAP")
    }

    /// True for cases of the family SVC, which are about many connections together.
    pub fn is_about_parties(&self) -> bool {
        self.file.starts_with("SVC")
    }

    pub fn parse_trace(&self) -> Trace {
        let mut trace = Trace::parse(&self.trace)
            .unwrap_or_else(|(line, why)| panic!("{}: {line:?}: {why}", self.name()));
        trace.file.is_quiet = self.is_about_input();
        trace
    }

    /// The whole analysis of the trace, as a file if it is about more than flows.
    pub fn run(&self) -> Outcome {
        let (trace, place) = (self.parse_trace(), Place::default());
        if !self.is_about_input() && !self.is_about_parties() {
            return Outcome::of(&trace.entries(&place, 1));
        }
        let mut content = file::write(&trace, &place, Format::PcapNanos { big_endian: false });
        if trace.file.is_cut {
            content.truncate(content.len() - 10);
        }
        let mut outcome = Outcome::of_file_from(content, trace.local_ports).0;
        if self.is_about_parties() {
            outcome.input.retain(|finding| finding.party.is_some());
        }
        outcome
    }

    /// What the analysis says, in the words of an `expect` block.
    pub fn say(&self, outcome: Outcome) -> Vec<String> {
        let input = outcome.input.clone();
        let told = outcome.by_start();
        let mut said: Vec<_> =
            told.iter().map(|told| format!("outcome {}", told.flow.outcome.as_str())).collect();
        for line in &self.expect {
            let Some((role, _)) = line.split_once(' ') else { continue };
            said.extend(told.first().and_then(|told| say_state(told, role)));
        }
        let mut findings: Vec<_> = told.iter().flat_map(|told| &told.findings).collect();
        if self.is_about_parties() {
            findings.sort_by_key(|finding| finding.rule.number());
        }
        said.extend(findings.iter().map(|it| format!("{} {} {}", it.rule.code, it.severity, it.certainty)));
        said.extend(input.iter().map(|it| format!("{} {} {}", it.rule.code, it.severity, it.certainty)));
        said
    }
}

fn say_state(told: &Told, role: &str) -> Option<String> {
    let states = &told.flow.states;
    let state = match role {
        "initiator" => states.initiator,
        "responder" => states.responder,
        _ => return None,
    };
    Some(format!("{role} {}", state.presumed))
}
