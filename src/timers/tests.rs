use super::*;

fn millis(millis: i64) -> TimeDelta {
    TimeDelta::from_millis(millis)
}

/// The candidates of `kinds` for a delay of so many milliseconds, in words.
fn told(delay: i64, kinds: &[Kind]) -> String {
    name_candidates(&KnownTimers::builtin().candidates(millis(delay), kinds, TimeDelta::ZERO), 9)
}

#[test]
fn every_line_of_the_list_is_a_timer_with_its_source() {
    let timers = parse::timers(BUILTIN, Basis::Common).unwrap();
    for timer in &timers {
        assert!(!timer.source.is_empty(), "{timer}");
        assert_ne!(timer.basis, Basis::Site, "{timer}");
        let same = |other: &&Timer| {
            (&other.product, &other.setting, other.kind, other.value)
                == (&timer.product, &timer.setting, timer.kind, timer.value)
        };
        assert_eq!(timers.iter().filter(same).count(), 1, "{timer}");
    }
}

#[test]
fn a_delay_is_named_by_the_timer_that_it_may_be() {
    assert_eq!(told(90_002, Kind::INITIATOR_IDLE), "Go http.Transport IdleConnTimeout 90 s?");
    assert_eq!(told(90_002, &[Kind::Connect]), "");
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
    assert_eq!(timers.candidates(millis(89_900), &[Kind::ClientIdle], millis(200)).len(), 1);
    let between = timers.between((millis(39_100), millis(61_000)), &[Kind::FinWait2], TimeDelta::ZERO);
    assert_eq!(name_candidates(&between, 3), "Linux tcp_fin_timeout 60 s?");
}

#[test]
fn a_site_goes_first() {
    let text =
        "# ours\n\n90s|client-idle|our proxy|idle\n7200 + 9 * 75 | keep-alive | x | | fixed | here | 2 s\n";
    let timers = KnownTimers::builtin().with_text(text, "site").unwrap();
    let found = timers.candidates(millis(90_001), &[Kind::ClientIdle], TimeDelta::ZERO);
    assert_eq!(name_candidates(&found, 1), "our proxy idle 90 s? (1 more)");
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
