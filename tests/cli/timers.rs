//! `timers`, and `--timers` with those of a site.

use std::fs;

use tempfile::tempdir;

use crate::{STARVED, closewait, run, succeed};

#[test]
fn timers_are_listed_by_what_they_do_within_80_columns() {
    let text = succeed(&["timers"]);
    assert!(text.contains("  90 s      Go http.Transport IdleConnTimeout · default · "), "{text}");
    assert!(text.contains("  7875 s    Linux tcp_keepalive_time, then 9 probes"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let wide = closewait().arg("timers").env("COLUMNS", "120").output().unwrap();
    assert!(wide.status.success());
}

#[test]
fn timers_are_rows_for_programs() {
    let text = succeed(&["timers", "--csv"]);
    assert!(
        text.starts_with("value_s,late_s,kind,product,setting,basis,source\n75.0,0.75,server-idle,nginx,")
    );
    assert_eq!(run(&["timers", "--csv", "90"]).status, 2);
}

#[test]
fn a_delay_is_looked_up() {
    let text = succeed(&["timers", "90.01"]);
    assert!(text.contains("Go http.Transport IdleConnTimeout · client-idle · default"), "{text}");
    assert!(!text.contains("nginx"), "{text}");
    assert_eq!(succeed(&["timers", "99.9"]), "no known timer fires after 99.9 s\n");
    assert!(succeed(&["timers", "89.9", "--within", "200ms"]).contains("IdleConnTimeout"));
    assert_eq!(run(&["timers", "soon"]).status, 2);
}

#[test]
fn a_site_has_its_own_timers() {
    let directory = tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    fs::write(&first, "# ours\n45 s | server-idle | our gateway | idle_timeout\n").unwrap();
    fs::write(&second, "45|server-idle|=their gateway\u{1b}[2J\n").unwrap();
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    let text = succeed(&["timers", "45.004", "--timers", first, "--timers", second]);
    let (ours, theirs) = text.split_once('\n').unwrap();
    assert_eq!(ours, "  45 s      our gateway idle_timeout · server-idle · site");
    assert!(theirs.contains("=their gateway\\u{1b}[2J · server-idle · site"), "{theirs}");
    let rows = succeed(&["timers", "--csv", "--timers", second]);
    assert!(rows.contains("45.0,0.45,server-idle,'=their gateway"), "{rows}");
    assert!(succeed(&[STARVED, "--timers", first]).contains("1 INCIDENT"));
}

#[test]
fn a_line_that_is_no_timer_is_told_with_its_place() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("site.txt");
    fs::write(&path, "90 | server-idle | a\n90 | nap | b\n").unwrap();
    let path = path.to_str().unwrap();
    for arguments in [["timers", "--timers", path], [STARVED, "--timers", path]] {
        let ran = run(&arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with(&format!("closewait: {path}:2: \"nap\" is no kind: ")), "{}", ran.err);
    }
    let ran = run(&["timers", "--timers", "/no/such/file"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.starts_with("closewait: /no/such/file: "), "{}", ran.err);
}
