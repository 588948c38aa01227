//! What leaves the table when too many flows are live.

use super::rest::REST;
use super::{Due, Table};
use crate::flow::Flow;
use crate::flow::live::{Live, RETIRED};
use crate::time::Timestamp;

/// This part of all flows leaves at once: looking for those that can be spared best costs a look at each.
const PART: u64 = 8;

/// How well a flow can be spared; the first ones leave first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It is over, and waits for late segments only.
    Over,
    /// Nobody answered its SYN.
    Unanswered,
    /// All others.
    Open,
}

impl Table {
    /// Writes flows before their time when more are live than [`Limits::max_flows`](super::Limits::max_flows):
    /// those that are over first, then unanswered SYNs, then all others; in each group those that were quiet the
    /// longest.
    #[inline]
    pub(super) fn keep_within_limit(&mut self, done: &mut dyn FnMut(&Flow)) {
        if self.live > self.limits.max_flows {
            self.make_room(done);
        }
    }

    #[cold]
    fn make_room(&mut self, done: &mut dyn FnMut(&Flow)) {
        let mut waiting = std::mem::take(&mut self.finished);
        waiting.sort_unstable();
        for (decided, _, slot) in waiting {
            self.close(slot, decided, done);
        }
        let surplus = self.live.saturating_sub(self.limits.max_flows - self.limits.max_flows / PART);
        let mut leaving = self.spare(usize::try_from(surplus).unwrap_or(usize::MAX));
        leaving.sort_unstable();
        for (decided, id, slot) in leaving {
            if slot & REST != 0 {
                self.finish_resting((decided, id, slot), done);
                continue;
            }
            let Some(Some(live)) = self.slots.get_mut(slot as usize) else { continue };
            live.stage.evicted = Standing::of(live) != Standing::Over;
            self.stats.evicted += u64::from(live.stage.evicted);
            self.unlink(slot);
            self.close(slot, decided, done);
        }
    }

    /// The `count` flows that can be spared best.
    fn spare(&self, count: usize) -> Vec<Due> {
        let in_use = (0..).zip(&self.slots).filter_map(|(slot, live)| Some((slot, live.as_ref()?)));
        let at_rest = self.rest.iter().filter_map(|(_, slot)| Some((slot, &self.rest.get(slot)?.live)));
        let mut flows: Vec<(Standing, Timestamp, u64, u32)> = in_use
            .filter(|(_, live)| live.deadline != RETIRED)
            .chain(at_rest)
            .map(|(slot, live)| (Standing::of(live), live.last().time, live.first.record, slot))
            .collect();
        let count = count.min(flows.len());
        if let Some(last) = count.checked_sub(1) {
            flows.select_nth_unstable(last);
        }
        flows.into_iter().take(count).map(|(_, _, id, slot)| (self.watermark, id, slot)).collect()
    }
}

impl Standing {
    fn of(live: &Live) -> Self {
        if live.is_over() {
            Self::Over
        } else if live.stage.syn && !live.halves.responder.seen {
            Self::Unanswered
        } else {
            Self::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{FlowOutcome, Limits};
    use crate::net::FourTuple;
    use crate::tcp::{Flags, Segment, SeqNumber};

    fn segment(record: u64, client: u16, from_client: bool, flags: Flags) -> Segment {
        let (ports, hosts) = ((client, 80), ([10, 0, 0, 1], [10, 0, 0, 2]));
        let (tuple, from_low) = if from_client {
            FourTuple::v4(hosts.0, hosts.1, ports, 0)
        } else {
            FourTuple::v4(hosts.1, hosts.0, (ports.1, ports.0), 0)
        };
        Segment {
            record,
            time: Timestamp::from_nanos(i64::try_from(record).unwrap()),
            tuple,
            from_low,
            seq: SeqNumber(if from_client { 100 } else { 500 }),
            ack: SeqNumber(if from_client { 0 } else { 101 }),
            flags,
            window: 1000,
            window_known: true,
            octets: 0,
            ttl: 64,
            ip_id: 0,
            checksum: 0,
            interface: 0,
            options: None,
        }
    }

    #[test]
    fn unanswered_syns_leave_before_connections_and_the_oldest_first() {
        let mut table = Table::new(Limits { max_flows: 16, ..Limits::default() });
        let mut left = Vec::new();
        let mut done = |flow: &Flow| left.push((flow.initiator.port, flow.outcome, flow.undecided_because));
        table.observe(&segment(1, 1, true, Flags::SYN), &mut done);
        table.observe(&segment(2, 1, false, Flags(Flags::SYN.0 | Flags::ACK.0)), &mut done);
        for port in 2..=17 {
            table.observe(&segment(u64::from(port) + 1, port, true, Flags::SYN), &mut done);
        }
        let why = Some("too many connections were live at once to follow them all (--max-flows)");
        assert_eq!(left, [2, 3, 4].map(|port| (port, FlowOutcome::Undecided, why)));
        assert_eq!((table.live(), table.stats().evicted), (14, 3));
    }

    #[test]
    fn a_flood_keeps_within_the_limit_and_every_flow_is_told_once() {
        let mut table = Table::new(Limits { max_flows: 100, ..Limits::default() });
        let mut told = Vec::new();
        for port in 1..=5000 {
            let mut done = |flow: &Flow| told.push(flow.initiator.port);
            table.observe(&segment(port.into(), port, true, Flags::SYN), &mut done);
            assert!(table.live() <= 100);
        }
        table.finish(&mut |flow| told.push(flow.initiator.port));
        told.sort_unstable();
        assert_eq!(told, (1..=5000).collect::<Vec<_>>());
    }
}
