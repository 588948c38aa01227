//! The documents say what the program says, and modules know only those that they may know.
//! `UPDATE_GOLDEN=1 cargo test --test shape` rewrites the generated parts of `README.md` and `ARCHITECTURE.md`.

#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use closewait::diagnose::markdown_table;
use serde_json::Value;

const MAIN_JOB: &str = "testdata/lab/accept_starved_90s.client.pcap";
const SOCKETS: &str = "netstat --at 08:17:38 --host 10.100.0.1 testdata/lab/accept_starved_90s.client.pcap";
const LADDER: &str = "timeline --flow 13 testdata/lab/accept_starved_90s.client.pcap";

/// Crates that only these modules may name.
const CRATES: &[(&str, &[&str])] = &[
    ("pcap_parser", &["capture"]),
    ("flate2", &["capture"]),
    ("zstd", &["capture"]),
    ("glob", &["capture"]),
    ("etherparse", &["dissect"]),
    ("foldhash", &["keyed"]),
    ("hdrhistogram", &["delays"]),
    ("petgraph", &["incident"]),
    ("csv", &["report"]),
    ("serde_json", &["report"]),
    ("tempfile", &["report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
    ("jiff", &["cli"]),
    ("terminal_size", &["cli"]),
];

/// What each module may import of the others. `analysis` wires them and may import all.
const NEIGHBOURS: &[(&str, &[&str])] = &[
    ("digits", &[]),
    ("keyed", &[]),
    ("words", &[]),
    ("time", &["digits"]),
    ("net", &["time"]),
    ("tcp", &["net", "time"]),
    ("error", &["time"]),
    ("threads", &[]),
    ("delays", &["time"]),
    ("timers", &["delays", "error", "time"]),
    ("capture", &["error", "threads", "time"]),
    ("dissect", &["capture", "net", "tcp", "time"]),
    ("flow", &["dissect", "keyed", "net", "tcp", "time"]),
    ("netstat", &["flow", "net", "tcp", "time"]),
    ("survey", &["delays", "flow", "keyed", "net", "tcp", "time"]),
    ("socket_file", &["error", "flow", "net", "survey", "tcp", "time"]),
    ("diagnose", &["delays", "flow", "keyed", "net", "survey", "tcp", "time", "timers", "words"]),
    ("incident", &["delays", "diagnose", "flow", "net", "socket_file", "survey", "time", "timers", "words"]),
    ("narrow", &["diagnose", "flow", "incident", "net", "survey", "time"]),
    (
        "report",
        &[
            "delays",
            "diagnose",
            "digits",
            "flow",
            "incident",
            "narrow",
            "net",
            "netstat",
            "socket_file",
            "survey",
            "tcp",
            "time",
            "timers",
            "words",
        ],
    ),
];

#[test]
fn the_readme_shows_what_the_program_prints() {
    hold("README.md", &format!("output: {MAIN_JOB}"), &text_block(&printed(MAIN_JOB)));
    hold("README.md", &format!("output: {LADDER}"), &text_block(&printed(LADDER)));
    hold("README.md", &format!("output: {SOCKETS}"), &text_block(&printed(SOCKETS)));
}

#[test]
fn the_readme_shows_how_a_ticket_begins() {
    let ticket = printed(&format!("--markdown - {MAIN_JOB}"));
    let (beginning, _) = ticket.split_once("\n<details>").unwrap();
    hold("README.md", "ticket", &format!("````markdown\n{beginning}````\n"));
}

#[test]
fn the_readme_names_the_command_of_each_output() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&format!("\ncargo run --release -- {MAIN_JOB}\n")));
    assert!(readme.contains(&format!("\nclosewait {LADDER}\n")));
    assert!(readme.contains(&format!("\nclosewait --markdown ticket.md {MAIN_JOB}\n")));
    assert!(readme.contains(&format!("\nclosewait {SOCKETS}\n")));
}

#[test]
fn the_readme_lists_every_finding() {
    hold("README.md", "findings", &markdown_table());
}

/// Stories that together have every kind of fact, and tables attached to one of them.
const STORIES: [&str; 12] = [
    "accept_starved_90s.client.pcap",
    "closewait_leak_client.client.pcap",
    "keepalive_leak.client.pcap.gz",
    "keepalive_race.client.pcap",
    "middlebox_idle_rst.client.pcap",
    "pool_exhaustion.server.pcap",
    "port_exhaustion.client.pcap.gz",
    "proxy_read_timeout.middle.pcap",
    "reuse_closewait.client.pcap",
    "server_killed.server.pcap --sockets testdata/lab/server_killed.server.ss.txt",
    "stale_pool.server.pcap",
    "backlog_overflow.client.pcap",
];

#[test]
fn every_field_of_the_document_is_documented() {
    let documentation = fs::read_to_string(root().join("docs/report-json.md")).unwrap();
    let quoted = documentation.split('`').skip(1).step_by(2);
    let known: BTreeSet<&str> = quoted
        .flat_map(|code| code.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .collect();
    let mut unknown = BTreeSet::new();
    for story in STORIES {
        let document = printed(&format!("--json - testdata/lab/{story}"));
        collect_names(&serde_json::from_str(&document).unwrap(), &mut unknown);
    }
    unknown.retain(|name| !known.contains(name.as_str()));
    assert!(unknown.is_empty(), "docs/report-json.md does not tell of {unknown:?}");
}

/// The names of all fields, save for those of counts by name.
fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                if !["options", "outcomes", "findings", "states", "fits", "verdicts"].contains(&name.as_str())
                    || value.is_array()
                {
                    collect_names(value, names);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}

#[test]
fn the_architecture_names_every_module_with_its_purpose() {
    let lines: Vec<_> =
        sources().iter().map(|source| format!("{:<36} {}", source.name, source.purpose())).collect();
    hold("ARCHITECTURE.md", "tree", &text_block(&(lines.join("\n") + "\n")));
}

#[test]
fn a_crate_is_named_by_few_modules() {
    let mut strangers = Vec::new();
    for source in sources() {
        for (name, owners) in CRATES {
            if !owners.contains(&source.module()) && source.code().any(|line| names_path(line, name)) {
                strangers.push(format!("{} names {name}, which is for {}", source.name, owners.join(", ")));
            }
        }
    }
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}

#[test]
fn modules_import_only_what_lies_before_them() {
    let mut strangers = Vec::new();
    for source in sources() {
        let Some((module, allowed)) = NEIGHBOURS.iter().find(|(module, _)| *module == source.module()) else {
            continue;
        };
        for imported in source.code().flat_map(own_modules) {
            if imported != *module && !allowed.contains(&imported) {
                strangers.push(format!("{} imports {imported}", source.name));
            }
        }
    }
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}

#[test]
fn every_module_has_its_neighbours_listed() {
    let unlisted: Vec<_> = sources()
        .into_iter()
        .map(|source| source.module().to_owned())
        .filter(|module| !["lib", "main", "analysis", "cli"].contains(&module.as_str()))
        .filter(|module| NEIGHBOURS.iter().all(|(listed, _)| listed != module))
        .collect();
    assert_eq!(unlisted, [""; 0]);
}

/// One file below `src`.
struct Source {
    /// Its path below the package.
    name: String,
    text: String,
}

impl Source {
    /// The top-level module that it belongs to.
    fn module(&self) -> &str {
        let below = self.name.strip_prefix("src/").unwrap();
        below.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The first sentence of its documentation.
    fn purpose(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//! "));
        let paragraph = lines.collect::<Vec<_>>().join(" ");
        let end = paragraph.find(". ").unwrap_or(paragraph.len());
        paragraph.get(..end).unwrap().trim_end_matches('.').to_owned()
    }

    /// Its lines down to the tests, without comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        let is_test = self.name.ends_with("/tests.rs");
        let lines = self.text.lines().take_while(move |line| !is_test && *line != "mod tests {");
        lines.filter(|line| !line.trim_start().starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    paths.sort();
    let source = |path: PathBuf| Source {
        name: path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/"),
        text: fs::read_to_string(path).unwrap(),
    };
    paths.into_iter().map(source).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// True when `line` has `name::` or `use name;` and `name` is not the end of a longer name.
fn names_path(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(place, _)| {
        let (before, after) = (line.get(..place).unwrap(), line.get(place + name.len()..).unwrap());
        let begins = !before.ends_with(|last: char| last.is_alphanumeric() || "_:.\"".contains(last));
        begins && (after.starts_with("::") || (before == "use " && after.starts_with(';')))
    })
}

/// The modules that `line` names by `crate::`.
fn own_modules(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).filter_map(|rest| {
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_');
        let name = rest.get(..end.unwrap_or(rest.len()))?;
        name.starts_with(char::is_lowercase).then_some(name)
    })
}

/// What the program prints on standard output that is no terminal.
fn printed(arguments: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_closewait"))
        .current_dir(root())
        .args(arguments.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn text_block(text: &str) -> String {
    format!("```text\n{text}```\n")
}

/// Holds what stands in `document` between `<!-- mark -->` and `<!-- end -->` against `expected`.
fn hold(document: &str, mark: &str, expected: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let path = root().join(document);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(&format!("<!-- {mark} -->\n")).unwrap();
    let (found, after) = rest.split_once("<!-- end -->").unwrap();
    let expected = format!("\n{expected}\n");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}<!-- {mark} -->\n{expected}<!-- end -->{after}")).unwrap();
    } else {
        assert!(
            found == expected,
            "{document}: {mark} differs; UPDATE_GOLDEN=1 rewrites it. Is:\n{expected}"
        );
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
