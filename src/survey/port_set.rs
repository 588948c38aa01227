//! A set of ports that takes little memory while they are few.

/// So many ports are listed; more are marked in a map of all.
const LISTED: usize = 512;
/// Words of the map of all ports.
const WORDS: usize = 1 << 10;

/// A set of ports.
#[derive(Clone, Debug)]
pub enum PortSet {
    /// In order.
    Few(Vec<u16>),
    /// A bit for each port.
    Many(Box<[u64; WORDS]>),
}

impl Default for PortSet {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl PortSet {
    /// Adds a port.
    pub fn insert(&mut self, port: u16) {
        match self {
            Self::Few(ports) => {
                if let Err(place) = ports.binary_search(&port) {
                    ports.insert(place, port);
                }
                if ports.len() > LISTED {
                    *self = Self::marked(ports);
                }
            }
            Self::Many(words) => mark(words, port),
        }
    }

    /// True when it holds `port`.
    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::Few(ports) => ports.binary_search(&port).is_ok(),
            Self::Many(words) => {
                words.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
            }
        }
    }

    /// How many ports it holds from `low` to `high`.
    pub fn within(&self, low: u16, high: u16) -> usize {
        match self {
            Self::Few(ports) => ports.iter().filter(|port| (low..=high).contains(port)).count(),
            Self::Many(_) => (low..=high).filter(|port| self.contains(*port)).count(),
        }
    }

    /// How many ports it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::Few(ports) => ports.len(),
            Self::Many(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    /// True when it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lowest and the highest port.
    pub fn ends(&self) -> Option<(u16, u16)> {
        match self {
            Self::Few(ports) => Some((*ports.first()?, *ports.last()?)),
            Self::Many(_) => {
                let mut held = (0..=u16::MAX).filter(|port| self.contains(*port));
                let low = held.next()?;
                Some((low, held.next_back().unwrap_or(low)))
            }
        }
    }

    fn marked(ports: &[u16]) -> Self {
        let mut words = Box::new([0; WORDS]);
        for port in ports {
            mark(&mut words, *port);
        }
        Self::Many(words)
    }
}

fn mark(words: &mut [u64; WORDS], port: u16) {
    if let Some(word) = words.get_mut(usize::from(port >> 6)) {
        *word |= 1 << (port & 63);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_answer_alike() {
        let mut set = PortSet::default();
        assert!(set.is_empty() && set.ends().is_none());
        for port in (1000..1400).chain(1200..1600).rev() {
            set.insert(port);
        }
        assert!(matches!(set, PortSet::Many(_)));
        assert_eq!((set.len(), set.ends(), set.within(1500, 2000)), (600, Some((1000, 1599)), 100));
        let mut few = PortSet::default();
        for port in [7, 5, 7, u16::MAX] {
            few.insert(port);
        }
        assert_eq!((few.len(), few.ends(), few.within(6, 9)), (3, Some((5, u16::MAX)), 1));
        assert!(set.contains(1000) && !set.contains(1600) && few.contains(5) && !few.contains(6));
    }
}
