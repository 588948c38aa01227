//! When the responder spoke: the facts that tell who was served, since when not, and how long it took.

#![expect(clippy::expect_used, reason = "a test may fail by panic, its helpers too")]

mod support;

use closewait::flow::Replies;
use closewait::time::TimeDelta;
use support::outcome::Outcome;
use support::trace::{Place, Trace};

const OPENING: &str = "+0 > S 0:0(0)\n+0.01 < S. 0:0(0) ack 1\n+0.01 > . 1:1(0) ack 1\n";

fn replies(then: &str) -> Option<Replies> {
    let trace = Trace::parse(&format!("{OPENING}{then}")).expect("a trace");
    let outcome = Outcome::of(&trace.entries(&Place::default(), 1));
    outcome.by_start().first().and_then(|told| told.flow.replies)
}

#[test]
fn who_sends_nothing_has_not_replied() {
    assert_eq!(replies("+1 > P. 1:11(10) ack 1\n+0.01 < . 1:1(0) ack 11"), None);
}

#[test]
fn a_reply_is_counted_from_the_last_octet_that_it_answers() {
    let request = "+1 > . 1:101(100) ack 1\n+0.5 > P. 101:201(100) ack 1\n+0.01 < . 1:1(0) ack 201\n";
    let only =
        replies(&format!("{request}+0.24 < P. 1:11(10) ack 201\n+0.1 < P. 11:21(10) ack 201")).unwrap();
    assert_eq!((only.first.record, only.last.record, only.before), (7, 7, None));
    assert_eq!(only.slowest.waited, TimeDelta::from_millis(250));
    assert_eq!(only.slowest.until, only.first.time);
}

#[test]
fn the_first_the_last_and_the_slowest_of_many_are_known() {
    let replies = replies(
        "+1 > P. 1:11(10) ack 1\n+0.1 < P. 1:11(10) ack 11\n\
         +1 > P. 11:21(10) ack 11\n+2 < P. 11:21(10) ack 21\n\
         +1 > P. 21:31(10) ack 21\n+0.2 < P. 21:31(10) ack 31\n\
         +1 > P. 31:41(10) ack 31",
    );
    let replies = replies.unwrap();
    assert_eq!((replies.first.record, replies.last.record), (5, 9));
    assert_eq!(replies.slowest.waited, TimeDelta::from_secs(2));
    assert_eq!(replies.before, Some(replies.slowest.until));
}

#[test]
fn a_fin_behind_the_request_asks_nothing_more() {
    let late = replies("+1 > P. 1:11(10) ack 1\n+9 > F. 11:11(0) ack 1\n+1 < P. 1:11(10) ack 12").unwrap();
    assert_eq!(late.slowest.waited, TimeDelta::from_secs(10));
}
