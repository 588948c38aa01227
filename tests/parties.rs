//! What many connections of a party show together: the numbers of each finding, and that their order does not matter.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, its helpers too")]

mod support;

use std::collections::BTreeMap;

use closewait::diagnose::{Certainty, Fact, InputFinding, Severity, Terms, diagnose_parties};
use closewait::flow::{Flow, Limits};
use closewait::survey::Survey;
use closewait::time::{TimeDelta, Timestamp};
use proptest::prelude::*;
use support::case;
use support::outcome::Outcome;
use support::trace::{Place, Trace};

/// One exchange.
const EXCHANGE: &str = "+0 > S 0:0(0)
+0.0001 < S. 0:0(0) ack 1
+0.0001 > . 1:1(0) ack 1
+0.0001 > P. 1:101(100) ack 1
+0.002 < P. 1:201(200) ack 101
+0.0001 > . 101:101(0) ack 201
";
/// A request that is acknowledged and not answered.
const UNANSWERED: &str = "+0 > S 0:0(0)
+0.0001 < S. 0:0(0) ack 1
+0.0001 > . 1:1(0) ack 1
+0.0001 > P. 1:101(100) ack 1
+0.0001 < . 1:1(0) ack 101
";
/// A connection without octets that both close.
const BARE: &str = "+0 > S 0:0(0)
+0.0001 < S. 0:0(0) ack 1
+0.0001 > . 1:1(0) ack 1
+0.0001 > F. 1:1(0) ack 1
+0.0001 < F. 1:1(0) ack 2
+0.0001 > . 2:2(0) ack 2
";
/// The initiator closes, the responder does not.
const LEFT_OPEN: &str = "+0 > S 0:0(0)
+0.0001 < S. 0:0(0) ack 1
+0.0001 > . 1:1(0) ack 1
+0.0001 > F. 1:1(0) ack 1
+0.04 < . 1:1(0) ack 2
";
/// The responder closes after its answer, the initiator does not.
const KEPT: &str = "+0 > S 0:0(0)
+0.0001 < S. 0:0(0) ack 1
+0.0001 > . 1:1(0) ack 1
+0.0001 > P. 1:101(100) ack 1
+0.002 < FP. 1:201(200) ack 101
+0.0377 > . 101:101(0) ack 202
";

fn times(count: u16, every: &str, lines: &str) -> String {
    format!("times {count} every {every}\n{lines}done\n")
}

fn flows(trace: &Trace) -> Vec<Flow> {
    Outcome::of(&trace.entries(&Place::default(), 1)).told.into_iter().map(|told| told.flow).collect()
}

fn judged(flows: &[Flow], ports: Option<(u16, u16)>) -> Vec<InputFinding> {
    let mut survey = Survey::new(Limits::default());
    for flow in flows {
        survey.add(flow);
    }
    diagnose_parties(&survey.settle(None), &Terms { ports, ..Terms::default() })
}

fn found_from(text: &str, ports: Option<(u16, u16)>, code: &str) -> Option<InputFinding> {
    let trace = Trace::parse(text).unwrap();
    let mut found = judged(&flows(&trace), ports);
    found.retain(|finding| finding.rule.code == code);
    assert!(found.len() < 2, "{found:?}");
    for finding in &found {
        assert!(finding.party.is_some() && !finding.evidence.is_empty() && finding.filter.is_some());
    }
    found.pop()
}

fn found(text: &str, code: &str) -> Option<InputFinding> {
    found_from(text, None, code)
}

/// Seconds from the start of the trace, of a moment that a finding tells.
fn moment(finding: &InputFinding, name: &str) -> f64 {
    let Some(Fact::Time(time)) = finding.facts.get(name) else { panic!("{name}: {:?}", finding.facts) };
    (*time - Timestamp::from_nanos(Place::default().start)).as_secs_f64()
}

fn count(finding: &InputFinding, name: &str) -> u64 {
    let Some(Fact::Count(count)) = finding.facts.get(name) else { panic!("{name}: {:?}", finding.facts) };
    *count
}

fn number(finding: &InputFinding, name: &str) -> f64 {
    match finding.facts.get(name) {
        Some(Fact::Number(number)) => *number,
        Some(Fact::Span(span)) => span.as_secs_f64(),
        fact => panic!("{name}: {fact:?}"),
    }
}

#[track_caller]
fn about(value: f64, expected: f64) {
    assert!((value - expected).abs() < 0.01 * expected.abs().max(0.1), "{value}, not {expected}");
}

#[test]
fn a_leak_is_told_with_its_growth_and_the_age_of_what_it_left() {
    let leak = found(&(times(31, "0.2", EXCHANGE) + "+20 end"), "SVC103").unwrap();
    assert_eq!((leak.severity, leak.certainty), (Severity::Warning, Certainty::Presumed));
    assert_eq!(["open", "exchanges_each", "closed"].map(|name| count(&leak, name)), [31, 1, 0]);
    about(number(&leak, "one_exchange"), 1.0);
    about(number(&leak, "growth_per_minute"), 300.0);
    about(moment(&leak, "first_opened"), 0.0);
    about(moment(&leak, "last_opened"), 6.0);
    for (name, idle) in [("idle_least", 20.0), ("idle_median", 23.0), ("idle_most", 26.0)] {
        about(number(&leak, name), idle);
    }
    // 28 232 ports of Linux, 31 of them taken, 5 more each second.
    about(moment(&leak, "local_ports_run_out"), 6.0 + (28_232.0 - 31.0) / 5.0);
    let given = found_from(&(times(31, "0.2", EXCHANGE) + "+20 end"), Some((50_000, 50_999)), "SVC103");
    assert_eq!(count(&given.unwrap(), "local_ports"), 1000);
}

#[test]
fn a_pool_that_fills_itself_one_after_the_other_is_no_leak() {
    // The next is opened as soon as the one before has logged in.
    assert!(found(&(times(20, "0.0026", EXCHANGE) + "+20 end"), "SVC103").is_none());
    assert!(found(&(times(20, "0.1", EXCHANGE) + "+20 end"), "SVC103").is_some());
}

#[test]
fn who_was_idle_for_a_moment_only_may_yet_close() {
    assert!(found(&(times(20, "0.1", EXCHANGE) + "+2 end"), "SVC103").is_none());
}

#[test]
fn connections_that_are_used_again_are_no_leak() {
    let again =
        "+3 > P. 101:201(100) ack 201\n+0.002 < P. 201:401(200) ack 201\n+0.0001 > . 201:201(0) ack 401\n";
    let text = times(20, "0.1", EXCHANGE) + &times(20, "0.1", again) + "+20 end";
    assert!(found(&text, "SVC103").is_none());
}

#[test]
fn a_plateau_is_told_with_its_size_and_since_when() {
    let ask = "+0.1 > P. 101:201(100) ack 201\n+0.0001 < . 201:201(0) ack 201\n";
    let text = times(8, "0.0001", EXCHANGE) + &times(3, "0.0001", ask) + "+30 end";
    let plateau = found(&text, "SVC104").unwrap();
    assert_eq!((plateau.severity, plateau.certainty), (Severity::Warning, Certainty::Presumed));
    assert_eq!(["size", "waiting"].map(|name| count(&plateau, name)), [8, 3]);
    about(moment(&plateau, "constant_since"), 0.0007);
    about(moment(&plateau, "silent_since"), 0.1033);
    about(number(&plateau, "silent_for"), 30.0);
    assert!(plateau.facts.get("front").is_none());
}

#[test]
fn a_silence_that_the_capture_hardly_shows_is_no_plateau() {
    let ask = "+0.1 > P. 101:201(100) ack 201\n+0.0001 < . 201:201(0) ack 201\n";
    let text = |end: &str| times(8, "0.0001", EXCHANGE) + &times(3, "0.0001", ask) + end;
    assert!(found(&text("+4 end"), "SVC104").is_none());
    assert!(found(&text("+6 end"), "SVC104").is_some());
    // Long pauses were usual.
    let slow =
        times(8, "0.0001", EXCHANGE) + "@1 +10 > P. 101:102(1) ack 201\n@1 +0.1 < P. 201:202(1) ack 102\n";
    assert!(
        found(&(slow + &times(3, "0.0001", ask).replace("101:201", "102:202") + "+15 end"), "SVC104")
            .is_none()
    );
}

#[test]
fn a_pool_that_shrinks_or_is_asked_for_more_is_not_constant() {
    let ask = "+0.1 > P. 101:201(100) ack 201\n+0.0001 < . 201:201(0) ack 201\n";
    let text = |line: &str| times(8, "0.0001", EXCHANGE) + &times(3, "0.0001", ask) + line + "+3 end";
    assert!(found(&text("+10 > . 201:201(0) ack 201\n"), "SVC104").is_some());
    assert!(
        found(&text("@8 +10 > F. 101:101(0) ack 201\n@8 +0.0001 < F. 201:201(0) ack 102\n"), "SVC104")
            .is_none()
    );
    assert!(found(&text("@9 +10 > S 0:0(0)\n"), "SVC104").is_none());
}

/// `flows` between other hosts.
fn moved(flows: Vec<Flow>, client: &str, service: &str) -> Vec<Flow> {
    let move_one = |mut flow: Flow| {
        (flow.initiator.addr, flow.responder.addr) = (client.parse().unwrap(), service.parse().unwrap());
        flow
    };
    flows.into_iter().map(move_one).collect()
}

#[test]
fn a_pool_that_is_silent_while_its_front_hangs_is_told_with_it() {
    let pool = moved(
        flows(&Trace::parse(&(times(8, "0.0001", EXCHANGE) + "+30 end")).unwrap()),
        "10.1.0.1",
        "10.2.0.2",
    );
    let front = |after: &str| {
        let text = format!("@30 +{after} > S 0:0(0)\n") + &times(3, "0.0001", UNANSWERED) + "+29 end";
        let flows = flows(&Trace::parse(&text).unwrap());
        flows.into_iter().filter(|flow| flow.initiator.port < 40_020).collect::<Vec<_>>()
    };
    let found = |front: Vec<Flow>| {
        let found = judged(&[pool.clone(), front].concat(), None);
        found.into_iter().find(|finding| finding.rule.code == "SVC104")
    };
    // Nobody waits, as far as the pool alone shows.
    assert!(found(Vec::new()).is_none());
    for (host, after, is_front) in [
        ("10.1.0.1", "0.5", true),
        ("10.1.0.1", "9", true),
        ("10.1.9.9", "0.5", true),
        ("10.1.9.9", "9", false),
    ] {
        let plateau = found(moved(front(after), "10.3.0.3", host));
        assert_eq!(plateau.is_some(), is_front, "{host} {after}");
        let Some(plateau) = plateau else { continue };
        assert_eq!((plateau.severity, count(&plateau, "waiting")), (Severity::Warning, 0));
        assert_eq!(plateau.facts.get("front"), Some(&Fact::Text(format!("{host}:80"))));
        about(moment(&plateau, "front_unanswered_since"), after.parse::<f64>().unwrap() + 0.0003);
    }
}

#[test]
fn ports_that_ran_out_are_told_with_what_holds_them() {
    let text = format!("times 24 every 0.05 step 7\n{KEPT}done\n+10 end");
    let given = found_from(&text, Some((40_000, 40_024)), "SVC105").unwrap();
    assert_eq!((given.severity, given.certainty), (Severity::Fault, Certainty::Proven));
    assert_eq!(
        ["held", "close_wait", "open", "time_wait", "local_ports"].map(|name| count(&given, name)),
        [24, 24, 0, 0, 25]
    );
    assert_eq!(given.facts.get("exhausted"), Some(&Fact::Is(true)));
    about(moment(&given, "last_connect"), 1.15);
    let guessed = found(&text, "SVC105").unwrap();
    assert_eq!((guessed.severity, guessed.certainty), (Severity::Warning, Certainty::Presumed));
    assert_eq!(guessed.facts.get("range"), Some(&Fact::Text("40000-40023".into())));
    assert!(found_from(&text, Some((30_000, 60_000)), "SVC105").is_none());
}

#[test]
fn ports_that_still_run_out_are_projected() {
    let text = format!("times 24 every 0.5\n{KEPT}done\n+0.5 end");
    let projected = found_from(&text, Some((40_000, 40_099)), "SVC105").unwrap();
    assert_eq!((projected.severity, projected.certainty), (Severity::Warning, Certainty::Presumed));
    assert_eq!(projected.facts.get("exhausted"), Some(&Fact::Is(false)));
    about(number(&projected, "growth_per_minute"), 120.0);
    about(moment(&projected, "local_ports_run_out"), 11.5 + 76.0 / 2.0);
    // Who stopped does not run out.
    let stopped = format!("times 24 every 0.5\n{KEPT}done\n+60 end");
    assert!(found_from(&stopped, Some((40_000, 40_099)), "SVC105").is_none());
}

#[test]
fn a_host_without_a_port_left_may_have_some_in_time_wait() {
    let kept = format!("times 24 every 0.05 step 7\n{KEPT}done\n");
    let text = times_on(25, BARE) + &kept + "+10 end";
    let found = found_from(&text, Some((40_000, 40_024)), "SVC105").unwrap();
    assert_eq!((count(&found, "held"), count(&found, "time_wait")), (24, 1));
}

fn times_on(connection: u16, lines: &str) -> String {
    format!("times 1 every 1 from {connection}\n{lines}done\n")
}

#[test]
fn how_long_a_host_remembers_lies_between_two_delays() {
    let late = |connection: u16, after: &str, answer: &str| {
        format!("@{connection} +{after} < F. 1:1(0) ack 2\n@{connection} +0.0001 {answer}\n")
    };
    let (known, gone) = ("> . 2:2(0) ack 2", "> R 2:2(0)");
    let close = times(4, "0.0001", LEFT_OPEN);
    let text = close.clone()
        + &late(1, "20", known)
        + &late(2, "10", known)
        + &late(3, "12", gone)
        + &late(4, "40", known)
        + "+1 end";
    let bracket = found(&text, "SVC107").unwrap();
    assert_eq!((bracket.severity, bracket.certainty), (Severity::Note, Certainty::Presumed));
    about(number(&bracket, "at_least"), 30.0);
    about(number(&bracket, "less_than"), 42.0);
    about(number(&bracket, "only_shut_down"), 82.0);
    assert_eq!(["acknowledged", "forgotten"].map(|name| count(&bracket, name)), [3, 1]);
    let upper = found(&(close.clone() + &late(1, "20", gone) + "+1 end"), "SVC107").unwrap();
    assert!(upper.facts.get("at_least").is_none());
    about(number(&upper, "less_than"), 20.0);
    let lower =
        close.clone() + &late(1, "20", known) + &late(2, "10", known) + &late(3, "12", known) + "+1 end";
    let lower = found(&lower, "SVC107").unwrap();
    assert!(lower.facts.get("less_than").is_none());
    about(number(&lower, "at_least"), 42.0);
    assert!(found(&(close + &late(1, "20", known) + "+1 end"), "SVC107").is_none());
}

#[test]
fn connects_in_a_silence_are_counted() {
    let text = EXCHANGE.to_owned()
        + "times 2 every 0.1 from 11\n+0.5 > S 0:0(0)\n"
        + UNANSWERED.split_once('\n').unwrap().1
        + "done\n"
        + "times 5 every 1 from 21\n+0.5 > S 0:0(0)\n"
        + BARE.split_once('\n').unwrap().1
        + "done\n+5 end";
    let hang = found(&text, "SVC108").unwrap();
    assert_eq!((hang.severity, hang.certainty), (Severity::Warning, Certainty::Proven));
    // The first that asked in vain had connected before it asked.
    let counts =
        ["connects", "bare_connects", "closed_in_order", "unanswered"].map(|name| count(&hang, name));
    assert_eq!(counts, [6, 5, 5, 2]);
    about(moment(&hang, "first_unanswered"), 0.5027);
    about(moment(&hang, "last_answered"), 0.0023);
    // Without an answer before, nobody knows whether there is one.
    let never = text.strip_prefix(EXCHANGE).unwrap();
    let never = found(never, "SVC108").unwrap();
    assert_eq!((never.severity, never.certainty), (Severity::Note, Certainty::Presumed));
}

#[test]
fn an_answer_in_between_shows_that_the_service_lives() {
    let ask = "times 2 every 0.1 from 11\n+0.5 > S 0:0(0)\n".to_owned()
        + UNANSWERED.split_once('\n').unwrap().1
        + "done\n";
    let probe = |from: u16| format!("times 3 every 0.5 from {from}\n{BARE}done\n");
    let text = EXCHANGE.to_owned()
        + &ask
        + &probe(21)
        + &times_on(31, EXCHANGE)
        + &probe(41)
        + &times_on(51, EXCHANGE)
        + "+5 end";
    assert!(found(&text, "SVC108").is_none_or(|finding| finding.until.is_some()));
    let text = EXCHANGE.to_owned() + &ask + &times_on(31, EXCHANGE) + "+1 end";
    assert!(found(&text, "SVC108").is_none());
}

#[test]
fn many_flows_of_a_party_take_little_time() {
    let trace = Trace::parse(&(times(2, "0.1", KEPT) + "+20 end")).unwrap();
    let model = flows(&trace).remove(0);
    let many: Vec<_> = (0..200_000_u32)
        .map(|index| {
            let mut flow = model.clone();
            flow.id = u64::from(index);
            flow.initiator.port = u16::try_from(1024 + index % 60_000).unwrap();
            flow.first.time = flow.first.time + TimeDelta::from_millis(i64::from(index) / 10);
            flow
        })
        .collect();
    let found = judged(&many, Some((1024, 61_023)));
    let ports =
        found.iter().find(|finding| finding.rule.code == "SVC105").map(|finding| count(finding, "held"));
    assert_eq!(ports, Some(60_000));
}

/// A case file about parties.
struct Story {
    name: String,
    flows: Vec<Flow>,
    ports: Option<(u16, u16)>,
}

fn stories() -> Vec<Story> {
    let of_parties = case::all().into_iter().filter(case::Case::is_about_parties);
    let told = of_parties.map(|case| {
        let trace = case.parse_trace();
        Story { name: case.name(), flows: flows(&trace), ports: trace.local_ports }
    });
    told.collect()
}

/// Findings as text, and how many there are of each code.
fn told(findings: &[InputFinding]) -> (String, BTreeMap<&'static str, usize>) {
    let mut codes = BTreeMap::new();
    for finding in findings {
        *codes.entry(finding.rule.code).or_default() += 1;
    }
    (format!("{findings:?}"), codes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_flows_come_does_not_matter(lots in prop::collection::vec(any::<u64>(), 64)) {
        for Story { name, flows, ports } in stories() {
            let mut shuffled: Vec<_> = flows.iter().zip(lots.iter().cycle()).enumerate().collect();
            shuffled.sort_by_key(|(index, (_, lot))| lot.rotate_left(u32::try_from(index / 64).unwrap()));
            let shuffled: Vec<_> = shuffled.into_iter().map(|(_, (flow, _))| flow.clone()).collect();
            prop_assert_eq!(told(&judged(&flows, ports)), told(&judged(&shuffled, ports)), "{}", name);
        }
    }
}

#[test]
fn the_stories_show_every_rule_about_parties() {
    let mut all = BTreeMap::new();
    for Story { flows, ports, .. } in stories() {
        all.extend(told(&judged(&flows, ports)).1);
    }
    let codes: Vec<_> = all.into_keys().collect();
    assert_eq!(codes, ["SVC101", "SVC102", "SVC103", "SVC104", "SVC105", "SVC106", "SVC107", "SVC108"]);
}

/// What ordinary programs do that is neither silence nor starvation nor forgetting.
#[test]
fn ordinary_ends_accuse_no_service() {
    let served = times(6, "0.5", EXCHANGE);
    let opened = "+0 > S 0:0(0)\n+0.0001 < S. 0:0(0) ack 1\n+0.0001 > . 1:1(0) ack 1\n";
    let asked = format!("{opened}+0.0001 > P. 1:101(100) ack 1\n");
    let farewell = format!(
        "{asked}+0.002 < P. 1:201(200) ack 101\n+75 < FP. 201:232(31) ack 101\n+0.0001 > P. 101:132(31) ack 233\n\
         +0.0001 > F. 132:132(0) ack 233\n+0.0001 < . 233:233(0) ack 133\n"
    );
    let shed = format!("{asked}+0.008 < R. 1:1(0) ack 101\n");
    let closed = format!(
        "{asked}+0.008 < F. 1:1(0) ack 101\n+0.0001 > F. 101:101(0) ack 2\n+0.0001 < . 2:2(0) ack 102\n"
    );
    let upload = format!(
        "{asked}+0.002 < P. 1:201(200) ack 101\n{}",
        (0..20)
            .map(|at| format!(
                "+5 > P. {0}:{1}(100) ack 201\n+0.01 < . 201:201(0) ack {1}\n",
                101 + 100 * at,
                201 + 100 * at
            ))
            .collect::<String>()
    );
    let half_close = format!(
        "{asked}+0.001 > F. 101:101(0) ack 1\n+0.0001 < . 1:1(0) ack 102\n{}",
        (0..30)
            .map(|at| format!("+0.5 < P. {}:{}(1000) ack 102\n", 1 + 1000 * at, 1001 + 1000 * at))
            .collect::<String>()
    );
    for (what, lines) in [
        ("farewell", farewell),
        ("shed", shed),
        ("closed", closed),
        ("upload", upload),
        ("half-close", half_close),
    ] {
        let text = format!(
            "{served}{}+0.5 end\n",
            times(6, "0.5", &lines).replace("times 6 every 0.5", "times 6 every 0.5 from 21")
        );
        for code in ["SVC101", "SVC102", "SVC106"] {
            assert!(
                found_from(&text, None, code).is_none_or(|it| it.severity == Severity::Note),
                "{what}: {code}"
            );
        }
    }
}

/// Requests that wait when the capture ends may be answered a moment later.
#[test]
fn a_capture_that_ends_soon_shows_no_silence() {
    let waiting = times(6, "0.1", UNANSWERED).replace("every 0.1", "every 0.1 from 21");
    let text = |end: &str| format!("{}{waiting}{end}\n", times(6, "0.5", EXCHANGE));
    assert!(found_from(&text("+2 end"), None, "SVC106").is_none());
    assert!(found_from(&text("+20 end"), None, "SVC106").is_some());
}
