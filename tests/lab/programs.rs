//! What single connections show of the programs behind them: each finding on the connections that the truth says, and on
//! no other of any capture.

use crate::compare::{Verdict, pair_up};
use crate::rows::{Row, from_library};
use crate::truth::Connection;
use crate::{captures, load};

/// Whom a finding is true of.
type Holds = fn(&Connection) -> bool;

/// Findings that the truth decides: on all connections of which it is true.
const DECIDED: &[(&str, Holds)] = &[
    ("APP104", |it| it.has("zero_window")),
    ("APP105", |it| it.has("middlebox_dropped_state") && it.class == "open_unacked_at_end"),
    ("APP106", |it| it.has("request_crossed_fin")),
    ("APP107", |it| it.has("stale_pooled") && it.class == "late_data_rst"),
    ("RST108", |it| it.has("middlebox_dropped_state") && it.class == "reset_by_third_party"),
    ("APP102", gave_up),
];

/// Findings that need some time besides: on no connection of which they are not true.
const POSSIBLE: &[(&str, Holds)] = &[
    ("APP101", |it| {
        let waits = ["request_unanswered", "proxy_read_timeout", "request_unanswered_until_timeout"];
        waits.iter().any(|tag| it.has(tag))
            || it.class == "unanswered_open_at_end"
            || is_starved_fast_open(it)
    }),
    ("APP103", |it| ["idle_open_at_end", "clean_close"].contains(&it.class.as_str())),
];

/// Its program closed because it had waited long enough.
fn gave_up(it: &Connection) -> bool {
    let waits = ["client_timeout", "proxy_read_timeout", "request_unanswered_until_timeout"];
    waits.iter().any(|tag| it.has(tag)) || it.expect.unanswered_s.is_some() || is_starved_fast_open(it)
}

/// The request came with the SYN, and nobody accepted the connection.
fn is_starved_fast_open(it: &Connection) -> bool {
    it.has("tfo_data_in_syn") && it.class == "delayed_fin"
}

/// How many connections of a story bear a code.
const STORIES: &[(&str, &str, usize)] = &[
    ("accept_starved_90s.client", "APP102", 5),
    ("accept_starved_90s.client", "APP103", 1),
    ("accept_starved_never.server", "APP101", 3),
    ("backlog_overflow.client", "APP101", 3),
    ("closewait_leak_server.client", "APP101", 2),
    ("graceful_restart.client", "APP101", 4),
    ("keepalive_leak.client", "APP103", 40),
    ("keepalive_race.client", "APP106", 5),
    ("keepalive_race.server", "APP106", 5),
    ("middlebox_idle_rst.client", "RST108", 4),
    ("middlebox_idle_silent.client", "APP105", 4),
    ("middlebox_idle_silent.server", "APP105", 1),
    ("pool_exhaustion.server", "APP101", 22),
    ("pool_exhaustion.server", "APP102", 20),
    ("proxy_read_timeout.middle", "APP102", 8),
    ("proxy_read_timeout.upstream", "APP101", 8),
    ("restart_burst.server", "APP101", 5),
    ("server_killed.client", "APP101", 8),
    ("service_stops.client", "APP102", 8),
    ("stale_pool.client", "APP107", 5),
    ("zero_window.server", "APP104", 4),
];

#[test]
fn what_programs_did_is_told_of_their_connections_and_of_no_others() {
    let mut surprises = Vec::new();
    for name in captures().iter().filter(|name| !name.starts_with("x_")) {
        let (truth, rows) = load(name, from_library);
        if truth.has_holes() {
            continue;
        }
        for (connection, row) in pair_up(&truth, &rows, &mut Verdict::default()) {
            let has = |code: &str| row.codes.contains(&code);
            let missing = DECIDED.iter().filter(|(code, holds)| holds(connection) && !has(code));
            let surplus =
                DECIDED.iter().chain(POSSIBLE).filter(|(code, holds)| !holds(connection) && has(code));
            let mut say = |how: &str, (code, _): &(&str, Holds)| {
                surprises.push(format!(
                    "{name} {} {} {:?}: {how} {code}",
                    connection.id, connection.class, connection.tags
                ));
            };
            missing.for_each(|it| say("lacks", it));
            surplus.for_each(|it| say("bears", it));
        }
    }
    assert!(surprises.is_empty(), "{}:\n{}", surprises.len(), surprises.join("\n"));
}

#[test]
fn each_story_has_its_findings() {
    for (name, code, count) in STORIES {
        let (_, rows) = load(name, from_library);
        let bear = |row: &&Row| row.codes.contains(code);
        assert_eq!(rows.values().flatten().filter(bear).count(), *count, "{name} {code}");
    }
}
