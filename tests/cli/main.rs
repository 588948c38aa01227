//! The command as a user and a script meet it: arguments, streams, files, exit status.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect stops")]

mod capture;
mod explanations;
mod files;
mod input;
mod many;
mod netstat;
mod page;
mod sockets;
mod timeline;
mod timers;
mod usage;

use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;

/// A starved accept queue: 32 flows, late FINs, late data, RSTs.
const STARVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/lab/accept_starved_90s.client.pcap");

/// What a run came to.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn closewait() -> Command {
    let mut command = Command::cargo_bin("closewait").unwrap();
    command.env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Ran {
    closewait().args(arguments).output().unwrap().into()
}

/// A run that does all that was asked and says nothing on standard error.
fn succeed(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.out
}

fn golden(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} differs; UPDATE_GOLDEN=1 rewrites it. Found:\n{found}");
}
