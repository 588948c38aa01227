//! What must hold for the sockets of any trace.

use closewait::flow::Flow;
use closewait::net::Role;
use closewait::netstat::{Moments, Socket, Span, Stack, for_each_socket, spans};
use closewait::tcp::State;
use closewait::time::{TimeDelta, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::support::case;
use crate::support::outcome::Outcome;
use crate::support::random::any_trace;
use crate::support::trace::{Place, Trace};

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_state_follows_the_other(trace in any_trace(40)) {
        follow_each_other(&trace)?;
    }

    #[test]
    fn even_moments_are_moments_like_others(trace in any_trace(20), step in 1..5000_i64) {
        agree(&trace, TimeDelta::from_millis(step))?;
    }
}

#[test]
fn so_it_is_in_all_case_files() {
    for case in case::all() {
        let trace = case.parse_trace();
        let held = follow_each_other(&trace).and_then(|()| agree(&trace, TimeDelta::from_secs(1)));
        held.unwrap_or_else(|broken| panic!("{}: {broken}", case.name()));
    }
}

fn flows(trace: &Trace) -> Vec<Flow> {
    let outcome = Outcome::of(&trace.entries(&Place::default(), 1));
    outcome.by_start().into_iter().map(|told| told.flow).collect()
}

fn follow_each_other(trace: &Trace) -> TestCaseResult {
    for flow in flows(trace) {
        for role in Role::BOTH {
            let spans = spans(&flow, role, &Stack::default());
            for span in &spans {
                prop_assert!(!matches!(span.state, State::Listen | State::Closed), "{span:?}");
                prop_assert!(span.since >= flow.first.time, "{span:?}");
                prop_assert!(span.until.is_none_or(|until| until >= span.since), "{span:?}");
            }
            let follows = |pair: &[Span]| pair[0].until.is_some_and(|until| until <= pair[1].since);
            prop_assert!(spans.windows(2).all(follows), "{spans:?}");
        }
    }
    Ok(())
}

/// Asking for even moments gives what asking for each of them gives, and each socket is in one of the spans.
fn agree(trace: &Trace, step: TimeDelta) -> TestCaseResult {
    let stack = Stack::default();
    for flow in flows(trace) {
        let until = flow.first.time + TimeDelta::from_secs(60);
        let every = Moments::every(step, None, Some(until));
        let list = Moments::at(every.within(flow.first.time, until + TimeDelta::from_nanos(1)).collect());
        // What nothing ends goes on after the input in a list alone.
        let in_input = |sockets: Vec<Socket>| -> Vec<_> {
            sockets.into_iter().filter(|socket| socket.at <= flow.decided).collect()
        };
        let told = in_input(sockets(&flow, &stack, &every));
        prop_assert_eq!(in_input(sockets(&flow, &stack, &list)), told.clone());
        for socket in &told {
            let role = if socket.local == flow.endpoint(Role::Initiator) {
                Role::Initiator
            } else {
                Role::Responder
            };
            let holds = |span: &Span| span.holds(socket.at) && span.state == socket.state;
            prop_assert!(spans(&flow, role, &stack).iter().any(holds), "{socket:?}");
        }
    }
    Ok(())
}

fn sockets(flow: &Flow, stack: &Stack, moments: &Moments) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for_each_socket(flow, stack, moments, |socket| {
        sockets.push(*socket);
        Ok::<_, std::convert::Infallible>(())
    })
    .unwrap();
    sockets.sort_by_key(|socket: &Socket| (socket.at, socket.local));
    sockets
}

#[test]
fn moments_that_no_flow_lives_at_cost_nothing() {
    let flow = &flows(&case::all()[0].parse_trace())[0];
    let long_before = Moments::at(vec![Timestamp::from_nanos(0)]);
    assert_eq!(sockets(flow, &Stack::default(), &long_before), []);
}
