//! Incidents against what happened: one story for each capture, with the right numbers, and none where nothing went wrong.

use closewait::Analysis;
use closewait::capture::Input;
use closewait::diagnose::Finding;
use closewait::flow::Flow;
use serde_json::{Value, json};

use crate::truth::{Connection, Truth};
use crate::{captures, lab, load_truth};

/// The incidents of a capture as `report.json` tells them.
fn incidents(truth: &Truth) -> Vec<Value> {
    let input = Input::open(&truth.files(lab()));
    let outcome = Analysis::new().run(input, &mut |_: &Flow, _: &[Finding]| {}).unwrap();
    outcome.incidents.iter().map(|incident| serde_json::to_value(incident).unwrap()).collect()
}

/// The one incident of a capture.
#[track_caller]
fn the_incident(name: &str) -> (Truth, Value) {
    let truth = load_truth(name);
    let mut incidents = incidents(&truth);
    let titles: Vec<_> = incidents.iter().map(|incident| incident["title"].clone()).collect();
    assert_eq!(incidents.len(), 1, "{name}: {titles:?}");
    (truth, incidents.remove(0))
}

/// How many connections the truth says this of.
fn count(truth: &Truth, is_so: impl Fn(&Connection) -> bool) -> usize {
    truth.connections.iter().filter(|connection| is_so(connection)).count()
}

#[track_caller]
fn near(value: &Value, expected: f64, tolerance: f64) {
    let own = value.as_f64().unwrap_or(f64::NAN);
    assert!((own - expected).abs() <= tolerance, "{value}, expected {expected} ± {tolerance}");
}

/// What each story is called, by the beginning of the capture's name.
const KINDS: &[(&str, &str)] = &[
    ("accept_starved_", "accept_starvation"),
    ("backlog_overflow", "accept_queue_overflow"),
    ("closewait_leak_", "forgot_to_close"),
    ("graceful_restart", "forgot_to_close"),
    ("keepalive_leak", "connection_leak"),
    ("keepalive_race", "keep_alive_race"),
    ("middlebox_idle_rst", "idle_reset"),
    ("middlebox_idle_silent.client", "idle_silence"),
    ("nat_port_moved", "reuse_blocked"),
    ("pool_exhaustion", "pool_saturated"),
    ("port_exhaustion", "ports_exhausted"),
    ("proxy_read_timeout.middle", "stopped_answering"),
    ("proxy_read_timeout.upstream", "stopped_answering"),
    ("restart_burst", "process_died"),
    ("reuse_closewait_", "reuse_blocked"),
    ("rst_injected", "forged_reset"),
    ("server_killed", "process_died"),
    ("service_stops", "stopped_answering"),
    ("stale_pool", "stale_pool"),
    ("state_lost_reboot", "state_lost"),
];

/// Captures in which nothing went wrong that would be worth a ticket.
const HEALTHY: &[&str] = &["controls", "reuse_clean", "mptcp", "fastopen", "simultaneous_close", "midstream"];

#[test]
fn each_story_is_one_incident_of_its_kind() {
    let mut told = 0;
    for name in captures().iter().filter(|name| !name.starts_with("x_")) {
        if let Some((_, kind)) = KINDS.iter().find(|(prefix, _)| name.starts_with(prefix)) {
            let (_, incident) = the_incident(name);
            assert_eq!(incident["kind"], *kind, "{name}: {}", incident["title"]);
            told += 1;
        }
    }
    assert!(told >= 2 * KINDS.len() - 8, "{told}");
}

#[test]
fn healthy_captures_have_no_incident() {
    for name in captures().iter().filter(|name| HEALTHY.iter().any(|prefix| name.starts_with(prefix))) {
        let titles: Vec<_> =
            incidents(&load_truth(name)).iter().map(|incident| incident["title"].clone()).collect();
        assert!(titles.is_empty(), "{name}: {titles:?}");
    }
}

/// SCENARIOS.md A: who held whom up, for how long, how soon they were released, in which order, who had forgotten.
#[test]
fn accept_starvation_names_its_holders_and_counts_who_waited() {
    for name in captures().iter().filter(|name| name.starts_with("accept_starved_")) {
        let (truth, incident) = the_incident(name);
        let facts = &incident["facts"];
        let waited = count(&truth, |it| {
            it.expect.released_by.is_some()
                || it.expect.slot_freed_by.is_some()
                || it.has("starved_in_accept_queue")
        });
        let holders: Vec<_> = truth.connections.iter().filter(|it| !it.expect.releases.is_empty()).collect();
        if !holders.is_empty() {
            assert_eq!(facts["waited"], json!(waited), "{name}");
            let told = facts["holders"].as_array().unwrap();
            assert_eq!(told.len(), holders.len(), "{name}");
            for (told, holder) in told.iter().zip(&holders) {
                assert_eq!(told["initiator"], json!(holder.client().to_string()), "{name}");
                assert!(
                    told["first_after"].as_f64().unwrap() < 0.01 && told["in_order"] == json!(true),
                    "{name}"
                );
            }
        }
        let late = count(&truth, |it| it.class == "late_fin_rst" || it.class == "late_probe_rst");
        let late_data = count(&truth, |it| it.class == "late_data_rst");
        if late + late_data > 0 {
            assert_eq!(facts["stale_port_resets"], json!({ "fins": late, "data": late_data }), "{name}");
        }
        assert_eq!(facts["late_answers"], json!(late_data), "{name}");
    }
}

#[test]
fn a_holder_that_idled_for_ninety_seconds_may_be_a_go_client() {
    for name in ["accept_starved_90s.client", "accept_starved_90s.server", "accept_starved_90s.server.any"] {
        let (_, incident) = the_incident(name);
        let facts = &incident["facts"];
        let holder = &facts["holders"][0];
        near(&holder["idle"], 90.0, 0.2);
        assert_eq!(holder["closer"], "initiator");
        let may_be: Vec<_> = holder["may_be"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(may_be.iter().any(|it| it.starts_with("Go http.Transport IdleConnTimeout")), "{may_be:?}");
        // The client's kernel was told to forget after 40 s, and its timer is coarse.
        let bracket = &facts["fin_wait_2"][0];
        assert!(
            bracket["acknowledged"].as_f64().unwrap() < 42.8 && bracket["refused"].as_f64().unwrap() > 40.0
        );
        near(&facts["close_wait"]["longest"], 89.6, 0.2);
        assert_eq!(facts["slots"], 1);
        assert_eq!(facts["unanswered"], 5);
        // A request of 51 octets and the FIN; a probe's FIN alone.
        assert_eq!(facts["recv_q_most"], json!([1, 52]));
    }
}

#[test]
fn a_limit_of_two_shows_as_two_slots_and_three_bursts() {
    let (_, incident) = the_incident("accept_starved_slots.server");
    let released: Vec<_> =
        incident["facts"]["holders"].as_array().unwrap().iter().map(|it| &it["released"]).collect();
    assert_eq!(
        (incident["facts"]["slots"].as_u64(), released),
        (Some(2), vec![&json!(7), &json!(5), &json!(26)])
    );
}

/// SCENARIOS.md B: growth, one exchange each, none closed.
#[test]
fn a_leak_counts_what_was_opened_and_never_closed() {
    let (_, incident) = the_incident("keepalive_leak.client");
    assert_eq!(incident["facts"]["open"], 40);
    assert_eq!(incident["facts"]["SVC103"]["one_exchange"], 1.0);
}

/// SCENARIOS.md C: whose ports are held, out of which range.
#[test]
fn exhausted_ports_name_the_host_and_the_range() {
    for name in ["port_exhaustion.client", "port_exhaustion.server"] {
        let (truth, incident) = the_incident(name);
        let held = count(&truth, |it| it.has("holds_client_port"));
        assert_eq!(
            (&incident["facts"]["held"], &incident["facts"]["client"]),
            (&json!(held), &json!("10.147.0.2"))
        );
        let text = incident.to_string();
        assert!(text.contains("42000") && text.contains("42059"), "{text}");
    }
}

/// SCENARIOS.md D: how many, since when, given up after how long.
#[test]
fn a_proxy_that_gave_up_shows_its_time_out() {
    let (_, incident) = the_incident("proxy_read_timeout.upstream");
    let facts = &incident["facts"];
    assert_eq!(
        (&facts["unanswered"], &facts["gave_up"], &facts["not_closed"]),
        (&json!(8), &json!(8), &json!(8))
    );
    near(&facts["gave_up_after"], 10.0, 0.1);
}

#[test]
fn a_service_that_stops_is_told_with_its_last_answer_and_its_return() {
    for name in ["service_stops.client", "service_stops.server"] {
        let (truth, incident) = the_incident(name);
        let facts = &incident["facts"];
        let late = count(&truth, |it| it.class == "late_data_rst");
        assert_eq!((&facts["late_answers"], &facts["unanswered"]), (&json!(late), &json!(late)), "{name}");
        near(&facts["gave_up_after"], 5.0, 0.05);
        assert!(
            incident["since"].as_str().unwrap().starts_with("2026-11-21T09:18:09.5"),
            "{}",
            incident["since"]
        );
        assert!(
            incident["until"].as_str().unwrap().starts_with("2026-11-21T09:18:22.0"),
            "{}",
            incident["until"]
        );
    }
}

/// SCENARIOS.md E: the pool's size, and the front that is stuck behind it.
#[test]
fn a_full_pool_is_the_cause_of_its_front() {
    let (_, incident) = the_incident("pool_exhaustion.server");
    let facts = &incident["facts"];
    assert_eq!((&facts["size"], &facts["backend"]), (&json!(8), &json!("10.110.2.2:6379")));
    assert_eq!((&facts["front"], &facts["front_unanswered"]), (&json!("10.110.1.1:8001"), &json!(20)));
    near(&facts["gave_up_after"], 4.0, 0.05);
    let (_, incident) = the_incident("pool_exhaustion.upstream");
    assert_eq!(incident["facts"]["size"], 8);
}

#[test]
fn idle_time_outs_are_found_between_what_lived_and_what_died() {
    let (_, incident) = the_incident("middlebox_idle_silent.client");
    assert!(incident["facts"]["idle_at_least"].as_f64().unwrap() > 3.0, "{}", incident["facts"]);
    let (_, incident) = the_incident("keepalive_race.client");
    assert_eq!(incident["facts"]["crossed"], 5);
    near(&incident["facts"]["server_idle_timeout"], 3.0, 0.05);
    let (_, incident) = the_incident("stale_pool.client");
    near(&incident["facts"]["server_idle_timeout"], 2.0, 0.05);
}

#[test]
fn a_death_and_a_reboot_are_told_apart() {
    let (truth, incident) = the_incident("restart_burst.server");
    let resets = count(&truth, |it| it.class == "reset_by_server");
    assert_eq!((&incident["facts"]["resets"], &incident["facts"]["refused"]), (&json!(resets), &json!(2)));
    let (truth, incident) = the_incident("state_lost_reboot.client");
    assert_eq!(incident["facts"]["flows"], json!(count(&truth, |it| it.has("state_lost"))));
}

#[test]
fn many_stories_in_one_capture_stay_apart() {
    let truth = load_truth("soup");
    let incidents = incidents(&truth);
    let starved = incidents.iter().filter(|incident| incident["kind"] == "accept_starvation").count();
    assert_eq!(starved, 2);
    let ids: Vec<_> = incidents.iter().map(|incident| incident["id"].as_u64().unwrap()).collect();
    assert!(ids.iter().copied().eq(1..=incidents.len() as u64));
}
