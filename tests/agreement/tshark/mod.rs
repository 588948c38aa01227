//! Streams and their control segments as tshark sees them.

mod comparison;
mod oracle;
mod stream;

use comparison::Comparison;

use crate::captures::{captures, rows};
use crate::tally::Tally;
use stream::Stream;

pub(crate) fn compare() -> Tally {
    let mut tally = Tally::new("tshark: endpoints, control segments and times per stream", "known.csv");
    for (pcap, theirs) in rows::<oracle::Row>("oracles/tshark-streams.csv", |_| true) {
        let theirs: Vec<Stream> = theirs.into_iter().map(Stream::from).collect();
        let own = captures().unwrap()[pcap].flows.iter().map(|flow| (flow.first.record, Stream::of(flow)));
        let comparison = Comparison::of(own.collect(), &theirs);
        (0..comparison.agree).for_each(|_| tally.agrees());
        comparison.differences.iter().for_each(|difference| tally.differs(pcap, difference));
    }
    tally
}
