//! Counts how often the prediction agrees with the tables of one host.

use std::collections::{BTreeMap, BTreeSet};

use crate::packets::Packets;
use crate::tables::{Key, Prediction, Said, Snapshot, Table};

/// A table is not atomic, and the capture is taken a little outside of the socket.
const TOLERANCE: i64 = 50_000_000;

#[derive(Debug, Default)]
pub(crate) struct Agreement {
    /// Sockets that `ss` showed, without those that were just changing or had sent nothing yet.
    pub(crate) scored: u64,
    pub(crate) agree: u64,
    /// In no prediction.
    pub(crate) missed: u64,
    /// Predicted, but gone.
    pub(crate) gone: u64,
    pub(crate) least_given: u64,
    pub(crate) least_broken: u64,
    pub(crate) most_broken: u64,
    /// By state in `ss` and in the prediction.
    matrix: BTreeMap<(String, String), u64>,
}

impl Agreement {
    pub(crate) fn of(table: &Table, prediction: &Prediction, packets: &Packets) -> Self {
        let mut found = Self::default();
        for (place, snapshot) in table.snapshots.iter().enumerate() {
            let none = BTreeMap::new();
            let said = prediction.get(&snapshot.moment()).unwrap_or(&none);
            let keys: BTreeSet<&Key> = snapshot.sockets.keys().chain(said.keys()).collect();
            for key in keys {
                let is_neighbour = |(other, _): &(usize, &Snapshot)| other.abs_diff(place) == 1;
                let near = table.snapshots.iter().enumerate().filter(is_neighbour);
                if is_settled(key, snapshot, near.map(|(_, near)| near), packets) {
                    found.compare(snapshot.sockets.get(key), said.get(key));
                }
            }
        }
        found
    }

    fn compare(&mut self, real: Option<&(String, u64)>, said: Option<&Said>) {
        let state = |state: Option<&str>| state.unwrap_or("none").to_owned();
        let class =
            (state(real.map(|(state, _)| state.as_str())), state(said.map(|said| said.state.as_str())));
        let agrees = class.0 == class.1;
        *self.matrix.entry(class).or_default() += 1;
        let Some((_, recv_queue)) = real else {
            self.gone += 1;
            return;
        };
        self.scored += 1;
        self.agree += u64::from(agrees);
        self.missed += u64::from(said.is_none());
        if let Some(said) = said.filter(|_| agrees) {
            self.least_given += u64::from(said.least.is_some());
            self.least_broken += u64::from(said.least.is_some_and(|least| least > *recv_queue));
            self.most_broken += u64::from(said.most < *recv_queue);
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.scored += other.scored;
        self.agree += other.agree;
        self.missed += other.missed;
        self.gone += other.gone;
        self.least_given += other.least_given;
        self.least_broken += other.least_broken;
        self.most_broken += other.most_broken;
        for (class, count) in &other.matrix {
            *self.matrix.entry(class.clone()).or_default() += count;
        }
    }

    pub(crate) fn percent(&self) -> f64 {
        share(self.agree, self.scored)
    }

    pub(crate) fn percent_with_gone(&self) -> f64 {
        share(self.agree, self.scored + self.gone)
    }

    pub(crate) fn wrong(&self) -> u64 {
        self.scored - self.agree + self.gone
    }

    pub(crate) fn differences(&self) -> Vec<((String, String), u64)> {
        let differs = self.matrix.iter().filter(|((real, said), _)| real != said);
        differs.map(|(class, count)| (class.clone(), *count)).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn share(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// True unless the socket was just changing its state, or has sent and got nothing yet.
fn is_settled<'a>(
    key: &Key,
    snapshot: &Snapshot,
    neighbours: impl Iterator<Item = &'a Snapshot>,
    packets: &Packets,
) -> bool {
    let (from, until) = (snapshot.before - TOLERANCE, snapshot.after + TOLERANCE);
    let state = |snapshot: &Snapshot| snapshot.sockets.get(key).map(|(state, _)| state.clone());
    let seen = packets.has_seen(key, snapshot.after);
    let in_table = snapshot.sockets.contains_key(key);
    if !seen {
        return !in_table;
    }
    let is_near = |other: &&Snapshot| other.after >= from && other.before <= until;
    !packets.moves(key, from, until)
        && neighbours.filter(is_near).all(|other| state(other) == state(snapshot))
}
