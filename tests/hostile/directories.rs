//! Directories that lead back to themselves, hold what never ends, or hold more than may be open at once.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use closewait::capture::expand;

use super::octets::frame;

#[test]
fn links_that_lead_back_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("below");
    fs::create_dir(&below).unwrap();
    symlink(folder.path(), below.join("up")).unwrap();
    symlink(".", below.join("here")).unwrap();
    symlink("self", below.join("self")).unwrap();
    fs::write(below.join("a.pcap"), frame(1, &[0; 14])).unwrap();
    assert_eq!(expand(&[folder.path()]).unwrap(), [below.join("a.pcap")]);
}

#[test]
fn what_never_ends_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/zero", folder.path().join("zero")).unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("pipe")).status();
    assert!(made.is_ok_and(|status| status.success()));
    fs::write(folder.path().join("a.pcap"), frame(1, &[0; 14])).unwrap();
    assert_eq!(expand(&[folder.path()]).unwrap(), [folder.path().join("a.pcap")]);
}

/// More directories side by side than a process may hold open, each with a capture.
#[test]
fn directories_are_opened_one_at_a_time() {
    const DIRECTORIES: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..DIRECTORIES {
        let below = folder.path().join(number.to_string());
        fs::create_dir(&below).unwrap();
        fs::write(below.join("a.pcap"), frame(1, &[0; 14])).unwrap();
    }
    let run = Command::new("sh")
        .args(["-c", "ulimit -n 32 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_closewait"), "--json", "-"])
        .arg(folder.path())
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["inputs"].as_array().unwrap().len(), DIRECTORIES);
}
