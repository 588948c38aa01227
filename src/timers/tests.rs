use super::*;

fn millis(millis: i64) -> TimeDelta {
    TimeDelta::from_millis(millis)
}

/// The first candidate of `kinds` for a delay of so many milliseconds.
fn told(delay: i64, kinds: &[Kind]) -> String {
    let timers = KnownTimers::builtin();
    timers
        .candidates(millis(delay), kinds, TimeDelta::ZERO)
        .first()
        .map_or_else(String::new, ToString::to_string)
}

#[test]
fn every_line_of_the_list_is_a_timer_with_its_source() {
    let timers = parse::timers(BUILTIN, Basis::Common).unwrap();
    for timer in &timers {
        assert!(!timer.source.is_empty(), "{timer}");
        assert_ne!(timer.basis, Basis::Site, "{timer}");
        assert!(timer.late.nanos() <= timer.value.nanos() / 10, "{timer}");
        let same = |other: &&Timer| {
            (&other.product, &other.setting, other.kind, other.value)
                == (&timer.product, &timer.setting, timer.kind, timer.value)
        };
        assert_eq!(timers.iter().filter(same).count(), 1, "{timer}");
    }
}

#[test]
fn a_delay_is_named_by_the_timer_that_it_may_be() {
    for (delay, kinds, name) in [
        (90_002, Kind::INITIATOR_IDLE, "Go http.Transport IdleConnTimeout 90 s?"),
        (75_011, Kind::RESPONDER_IDLE, "nginx keepalive_timeout 75 s?"),
        (5_003, Kind::RESPONDER_IDLE, "Apache httpd KeepAliveTimeout 5 s?"),
        (10_004, Kind::INITIATOR_WAITS, "OkHttp readTimeout 10 s?"),
        (350_000, Kind::PATH, "AWS NLB tcp.idle_timeout 350 s?"),
        (7_880_000, &[Kind::KeepAlive], "Linux tcp_keepalive_time, then 9 probes 7875 s?"),
        (127_500, &[Kind::Connect], "Linux tcp_syn_retries 6 127 s?"),
        (90_002, &[Kind::TimeWait], ""),
    ] {
        assert_eq!(told(delay, kinds), name);
    }
}

#[test]
fn timers_fire_late_but_never_early() {
    assert_eq!(told(89_900, Kind::INITIATOR_IDLE), "");
    assert_eq!(told(90_800, Kind::INITIATOR_IDLE), "Go http.Transport IdleConnTimeout 90 s?");
    assert_eq!(told(91_000, Kind::INITIATOR_IDLE), "");
    assert_eq!(told(62_000, &[Kind::FinWait2]), "Linux tcp_fin_timeout 60 s?");
}

#[test]
fn what_is_measured_badly_fits_more() {
    let timers = KnownTimers::builtin();
    assert_eq!(timers.candidates(millis(89_900), &[Kind::ClientIdle], millis(200))[0].off, millis(-100));
    let between = timers.between((millis(39_100), millis(61_000)), &[Kind::FinWait2], TimeDelta::ZERO);
    assert_eq!(between[0].to_string(), "Linux tcp_fin_timeout 60 s?");
}

#[test]
fn a_site_goes_first() {
    let text =
        "# ours\n\n90s|client-idle|our proxy|idle\n7200 + 9 * 75 | keep-alive | x | | fixed | here | 2 s\n";
    let timers = KnownTimers::builtin().with_text(text, "site").unwrap();
    let found = timers.candidates(millis(90_001), &[Kind::ClientIdle], TimeDelta::ZERO);
    assert_eq!(found[0].to_string(), "our proxy idle 90 s?");
    let second = timers.iter().nth(1).unwrap();
    assert_eq!((second.to_string(), second.late), ("x 7875 s".to_owned(), TimeDelta::from_secs(2)));
}

#[test]
fn a_line_that_is_no_timer_is_named() {
    for (line, what) in [
        ("soon | connect | x", "\"soon\" is no time"),
        ("0 | connect | x", "\"0\" is no time"),
        ("9999999 h + 9 | connect | x", "is no time"),
        ("90", "\"\" is no kind: expected one of server-idle,"),
        ("90 | nap | x", "\"nap\" is no kind"),
        ("90 | connect |", "no product"),
        ("90 | connect | x | | sure", "\"sure\" is no basis"),
        ("90 | connect | x | | fixed | here | -1", "\"-1\" is no lateness"),
        ("90 | connect | x | | fixed | here | 101%", "no lateness"),
        ("90 | connect | x | | fixed | here | 1 | more", "more than seven fields"),
    ] {
        let error = KnownTimers::none().with_text(&format!("# head\n{line}"), "site.txt").unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("site.txt:2: ") && error.contains(what), "{error}");
    }
}

#[test]
fn values_read_as_they_are_set() {
    let read = |value: &str| {
        let timers = KnownTimers::none().with_text(&format!("{value}|connect|x"), "").unwrap();
        timers.iter().next().unwrap().value_in_words()
    };
    for value in ["500 ms", "90 s", "900 s", "924.6 s", "30 min", "1 h", "5 d"] {
        assert_eq!(read(value), value);
    }
    assert_eq!(
        (read("300"), read("15 min"), read("1 + 2 + 4 * 60")),
        ("300 s".into(), "900 s".into(), "243 s".into())
    );
}

#[test]
fn a_few_candidates_are_named_and_the_others_counted() {
    let text = "9|connect|a\n9|connect|b|dial\n9|connect|c";
    let timers = KnownTimers::none().with_text(text, "").unwrap();
    let found = timers.candidates(millis(9000), &[], TimeDelta::ZERO);
    assert_eq!(name_candidates(&found, 2), "a 9 s? or b dial 9 s? (1 more)");
    assert_eq!(name_candidates(&found, 3), "a 9 s? or b dial 9 s? or c 9 s?");
    assert_eq!((name_candidates(&found, 0), name_candidates(&[], 3)), (String::new(), String::new()));
}
