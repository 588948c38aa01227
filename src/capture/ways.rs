//! Which files come from one capture point, as far as can be told: a packet seen by two points is a copy, a
//! packet seen twice by one is a repetition.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::health::BORDER;
use super::lane::{Lane, Open};
use crate::time::Timestamp;

/// The ways of the capture points so far.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// The way of the latest file of each ring.
    of_rings: HashMap<PathBuf, u16>,
}

impl Ways {
    /// The way of a file at `path` that is opened beside `lanes`, and whether it is shared with one of them.
    ///
    /// Files of one ring have one way. That their names are alike does not prove that they are of one ring
    /// (`eth0.pcap`, `eth1.pcap`): two that are read side by side share a way on probation.
    pub(super) fn choose(&mut self, path: &Path, lanes: &[Lane]) -> (u16, bool) {
        let ring = ring_of(path);
        let is_taken = |way: &u16| lanes.iter().any(|lane| lane.open.way == *way && lane.open.ring != ring);
        let usual = self.of_rings.get(&ring).copied().filter(|way| !is_taken(way));
        let way = usual.unwrap_or_else(|| free_way(lanes));
        self.of_rings.insert(ring, way);
        (way, lanes.iter().any(|lane| lane.open.way == way))
    }

    /// Ends the probation of files that had records beside others of their way for longer than the border of
    /// two ring files: they are another capture point. `now` is the time that all lanes have reached.
    pub(super) fn separate(lanes: &mut [Lane], now: Timestamp) {
        for place in 0..lanes.len() {
            let Some(Open { way, way_is_shared: true, start, .. }) = lanes.get(place).map(|lane| &lane.open)
            else {
                continue;
            };
            let (way, is_over) = (*way, now - *start > BORDER);
            let shared = lanes.iter().enumerate().any(|(other, lane)| other != place && lane.open.way == way);
            let free = free_way(lanes);
            if let Some(Lane { open, .. }) = lanes.get_mut(place).filter(|_| is_over || !shared) {
                open.way_is_shared = false;
                open.way = if shared { free } else { way };
            }
        }
    }
}

/// What files of one ring have in common: the folder, and the name without its digits (`-C`, `-G` and `-W` of
/// tcpdump, `-b` of dumpcap).
pub(super) fn ring_of(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(Default::default, |name| name.to_string_lossy());
    let name: String = name.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    path.with_file_name(name)
}

/// The lowest way that no lane has. Spread from the top bit down: interfaces count from the bottom up, and both
/// are folded to eight bits where copies are recognised.
fn free_way(lanes: &[Lane]) -> u16 {
    let spread = |number: u8| u16::from(number.reverse_bits());
    (0..=u8::MAX).map(spread).find(|way| lanes.iter().all(|lane| lane.open.way != *way)).unwrap_or_default()
}
