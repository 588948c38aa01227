//! Which row of an oracle is about which flow: the same endpoints, begun at the same time.

use std::net::IpAddr;

use closewait::flow::Flow;
use closewait::net::Endpoint;

/// Oracles print microseconds, some of them from floating point.
const CLOCK: i64 = 2_000;

/// Where and when a connection is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The one that the oracle names first, and its peer.
    pub(crate) ends: [End; 2],
    /// Nanoseconds, if the oracle tells.
    pub(crate) start: Option<i64>,
}

/// One end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// `None` where the oracle prints no address that can be read.
    pub(crate) addr: Option<IpAddr>,
    pub(crate) port: u16,
}

/// A row beside its flow.
pub(crate) struct Pair<'a, Row> {
    pub(crate) flow: &'a Flow,
    pub(crate) row: &'a Row,
    /// The row names the responder first.
    pub(crate) swapped: bool,
}

/// Rows with their flows, rows without, flows without.
pub(crate) struct Pairs<'a, Row> {
    pub(crate) both: Vec<Pair<'a, Row>>,
    pub(crate) theirs: Vec<&'a Row>,
    pub(crate) ours: Vec<&'a Flow>,
}

/// Pairs each row with the first flow in its place that is left.
pub(crate) fn pair<'a, Row>(
    flows: &'a [Flow],
    rows: &'a [Row],
    place: impl Fn(&Row) -> Place,
) -> Pairs<'a, Row> {
    let mut left: Vec<&Flow> = flows.iter().collect();
    let mut pairs = Pairs { both: Vec::new(), theirs: Vec::new(), ours: Vec::new() };
    for row in rows {
        let place = place(row);
        match left.iter().position(|flow| place.holds(flow)) {
            Some(found) => {
                let flow = left.remove(found);
                pairs.both.push(Pair { flow, row, swapped: !place.ends[0].is(flow.initiator) });
            }
            None => pairs.theirs.push(row),
        }
    }
    pairs.ours = left;
    pairs
}

impl Place {
    fn holds(&self, flow: &Flow) -> bool {
        let [first, second] = &self.ends;
        let same = first.is(flow.initiator) && second.is(flow.responder);
        let swapped = first.is(flow.responder) && second.is(flow.initiator);
        let began = flow.first.time.nanos();
        (same || swapped) && self.start.is_none_or(|start| (start - began).abs() <= CLOCK)
    }

    /// `1513204139.656584 10.1.1.2:44644 > 10.1.1.1:80`.
    pub(crate) fn key(&self, start: &str) -> String {
        let [first, second] = self.ends.map(|end| {
            let addr = end.addr.map_or_else(|| "?".to_owned(), |addr| addr.to_string());
            format!("{addr} {}", end.port)
        });
        format!("{start} {first} > {second}")
    }
}

impl End {
    pub(crate) fn new(addr: &str, port: u16) -> Self {
        Self { addr: addr.parse().ok(), port }
    }

    fn is(&self, endpoint: Endpoint) -> bool {
        self.port == endpoint.port && self.addr.is_none_or(|addr| addr == endpoint.addr)
    }
}

/// Seconds with any number of decimals, in nanoseconds.
pub(crate) fn nanos(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.')?;
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(sign * fraction)
}
