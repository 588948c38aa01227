//! Local ports that one client host holds toward one service.

use std::cmp::Reverse;

use super::least::Least;
use super::marks::Marks;
use super::port_set::PortSet;
use crate::flow::{Flow, FlowOutcome, Origin};
use crate::net::Role;
use crate::time::{TimeDelta, Timestamp};

/// The first ports that were taken for good, of which it is known in what order.
const IN_ORDER: usize = 1 << 10;
/// The last ports that went to TIME-WAIT.
const RESTING: usize = 1 << 10;

/// Local ports toward one service, those of connections that were over left out.
#[derive(Debug, Default)]
pub struct Ports {
    /// Those that were held when the capture ended, by sockets that are open or in CLOSE-WAIT: no timer frees them.
    pub lasting: PortSet,
    /// When these were taken, of connections whose beginning was captured.
    pub taken: Marks,
    /// The same with the ports, the first of them.
    in_order: Least<(Timestamp, u16), IN_ORDER>,
    /// When ports went to TIME-WAIT, the last of them.
    resting: Least<Reverse<(Timestamp, u16)>, RESTING>,
}

impl Ports {
    /// Adds a finished flow, of which the client still holds its port or not.
    pub(super) fn add(&mut self, flow: &Flow, is_held: bool) {
        let (start, port) = (flow.first.time, flow.initiator.port);
        if is_held {
            self.lasting.insert(port);
            // One that was held before the capture began was taken at a time that nobody knows.
            if flow.origin == Origin::Handshake {
                self.taken.add(start);
                self.in_order.add((start, port));
            }
        } else if rests(flow) {
            self.resting.add(Reverse((flow.last.time, port)));
        }
    }

    /// All were added.
    pub(super) fn settle(&mut self) {
        self.taken.tidy();
        self.in_order.tidy();
        self.resting.tidy();
    }

    /// How often a port was lower than the one that was taken before it: one that counts up does so only where it begins
    /// anew at the lower end of its range.
    pub fn turns(&self) -> usize {
        let is_turn =
            |pair: &&[(Timestamp, u16)]| matches!(pair, [(_, before), (_, after)] if after < before);
        self.in_order.items().windows(2).filter(is_turn).count()
    }

    /// How many other ports from `low` to `high` were in TIME-WAIT at `moment`, at least.
    pub fn resting(&self, moment: Timestamp, time_wait: TimeDelta, (low, high): (u16, u16)) -> usize {
        let mut ports = PortSet::default();
        let at_rest = self.resting.items().iter().map(|Reverse(item)| item);
        at_rest
            .filter(|(closed, port)| *closed + time_wait > moment && (low..=high).contains(port))
            .filter(|(_, port)| !self.lasting.contains(*port))
            .for_each(|(_, port)| ports.insert(*port));
        ports.len()
    }
}

/// True when the client closed first and in order: its side goes through TIME-WAIT.
fn rests(flow: &Flow) -> bool {
    let closes_in_order = matches!(
        flow.outcome,
        FlowOutcome::CleanClose | FlowOutcome::DelayedFin | FlowOutcome::SimultaneousClose
    );
    let closes_last =
        flow.active_closer == Some(Role::Responder) && flow.outcome != FlowOutcome::SimultaneousClose;
    closes_in_order && !closes_last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::testing::Story;

    /// `ports` that are taken one a second.
    fn taken(ports: impl IntoIterator<Item = u16>, model: &Flow, is_held: bool) -> Ports {
        let mut taken = Ports::default();
        for (seconds, port) in ports.into_iter().enumerate() {
            let mut flow = model.clone();
            flow.initiator.port = port;
            let later = TimeDelta::from_secs(i64::try_from(seconds).unwrap());
            (flow.first.time, flow.last.time) = (flow.first.time + later, flow.last.time + later);
            taken.add(&flow, is_held);
        }
        taken.settle();
        taken
    }

    fn open() -> Flow {
        Story::connected().exchange(0.5).flow(FlowOutcome::Open)
    }

    #[test]
    fn who_counts_up_turns_at_the_end_of_its_range_only() {
        assert_eq!(taken(1000..1100, &open(), true).turns(), 0);
        let filling = (0..5).flat_map(|first| (1000 + first..1100).step_by(5));
        let ports = taken(filling, &open(), true);
        assert_eq!((ports.turns(), ports.lasting.ends(), ports.lasting.len()), (4, Some((1000, 1099)), 100));
    }

    #[test]
    fn ports_of_closed_connections_rest_for_a_time() {
        let ports = taken(1000..1100, &Story::clean(), false);
        let end = Story::clean().last.time + TimeDelta::from_secs(99);
        let resting = |time_wait| ports.resting(end, TimeDelta::from_secs(time_wait), (1000, 1089));
        assert_eq!((resting(60), resting(200), ports.lasting.len()), (50, 90, 0));
    }

    #[test]
    fn any_number_of_flows_takes_little_memory() {
        let ports = taken((0..10).flat_map(|_| 1024..=u16::MAX), &open(), true);
        assert!(ports.in_order.items().len() <= IN_ORDER && ports.taken.count() == 645_120);
        assert_eq!(ports.lasting.len(), 64_512);
        let ports = taken((0..2).flat_map(|_| 1024..=u16::MAX), &Story::clean(), false);
        assert!(ports.resting.items().len() <= RESTING);
    }
}
