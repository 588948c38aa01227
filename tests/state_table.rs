//! The whole of `State::next` as one text, to be held against RFC 9293 figure 5 and §3.10.7.

#![expect(clippy::unwrap_used, reason = "a test may fail by panic, its helpers too")]

use std::fmt::Write;
use std::{env, fs};

use closewait::tcp::{Event, Signal, State};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden/state-table.txt");

const SIGNALS: [(Signal, &str); 6] = [
    (Signal::Syn, "SYN"),
    (Signal::SynAck, "SYN-ACK"),
    (Signal::AckOfSyn, "ACK of SYN"),
    (Signal::Fin, "FIN"),
    (Signal::AckOfFin, "ACK of FIN"),
    (Signal::Rst, "RST"),
];

#[test]
fn the_state_table_is_the_one_that_was_reviewed() {
    let table = print_table();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(GOLDEN, &table).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap_or_default();
    assert_eq!(table, golden, "UPDATE_GOLDEN=1 rewrites testdata/golden/state-table.txt");
}

#[test]
fn only_time_wait_ends_by_itself() {
    let by_itself = State::ALL.into_iter().filter(|state| state.next(Event::QuietTimeOver).is_some());
    assert_eq!(by_itself.collect::<Vec<_>>(), [State::TimeWait]);
}

#[test]
fn a_reset_ends_every_connection() {
    for state in State::ALL.into_iter().filter(|state| !matches!(state, State::Listen | State::Closed)) {
        for event in [Event::Sent(Signal::Rst), Event::Received(Signal::Rst)] {
            assert_eq!(state.next(event), Some(State::Closed), "{state} {event:?}");
        }
    }
}

fn print_table() -> String {
    let mut text = String::from(
        "State after each event (RFC 9293 section 3.3.2, figure 5). Rows: the state before. A dot: no such arc.\n\
         Signals are judged first: retransmissions, unacceptable segments and ACKs of nothing are no events.\n",
    );
    let mut arcs = 0;
    let received: Vec<_> = SIGNALS.iter().map(|(signal, name)| (*name, Event::Received(*signal))).collect();
    let sent: Vec<_> = SIGNALS.iter().map(|(signal, name)| (*name, Event::Sent(*signal))).collect();
    arcs += write_block(&mut text, "received", &received);
    arcs += write_block(&mut text, "sent", &sent);
    arcs += write_block(&mut text, "time", &[("2MSL over", Event::QuietTimeOver)]);
    writeln!(text, "\n{arcs} arcs in 11 x 13 cells").unwrap();
    text
}

fn write_block(text: &mut String, title: &str, events: &[(&str, Event)]) -> usize {
    text.push('\n');
    write_row(text, [title].into_iter().chain(events.iter().map(|(name, _)| *name)));
    let mut arcs = 0;
    for state in State::ALL {
        let after: Vec<_> = events.iter().map(|(_, event)| state.next(*event)).collect();
        arcs += after.iter().flatten().count();
        let cells = after.iter().map(|state| state.map_or(".", State::as_str));
        write_row(text, [state.as_str()].into_iter().chain(cells));
    }
    arcs
}

fn write_row<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    let start = text.len();
    for cell in cells {
        write!(text, "{cell:<14}").unwrap();
    }
    text.truncate(start + text[start..].trim_end().len());
    text.push('\n');
}
