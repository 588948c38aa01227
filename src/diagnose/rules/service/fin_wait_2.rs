use std::net::IpAddr;

use super::MANY;
use crate::diagnose::{Facts, InputFinding, Terms, party_filter};
use crate::survey::{Memory, Party, View};
use crate::time::TimeDelta;

rule! {
    /// ## What we saw
    /// A host closed connections first and got the other side's FIN late. It acknowledged those that came soon enough, and
    /// answered later ones with RST: by then it had forgotten the connection. How long it remembers lies between the longest
    /// delay of the first kind and the shortest of the second.
    ///
    /// ## Why it matters
    /// Whoever closes later than that gets a RST for its FIN, on a port that may have a new owner. A service that can take
    /// so long to close (SVC102) should know how long its clients remember.
    ///
    /// ## What to do
    /// On Linux this is `net.ipv4.tcp_fin_timeout` (60 s), which expires up to 7 % late. Let the other side close sooner
    /// rather than raise it.
    ///
    /// ## What else it can be
    /// Several hosts behind one address, each with a time of its own. A firewall on the path that forgot instead of the
    /// host. A socket that only shut down its sending side waits as long as it takes: an acknowledged FIN may say nothing
    /// of sockets that were closed, so the lower end of the range is the less certain one.
    ///
    /// ## See
    /// RFC 9293 §3.6 (FIN-WAIT-2 has no time-out of its own), `tcp(7)` on `tcp_fin_timeout`.
    party static FIN_WAIT_2 = {
        code: "SVC107", title: "how long a host remembers FIN-WAIT-2", severity: Note
    }
}

/// That a host remembers for less is a matter of course.
const WORTH_TELLING: TimeDelta = TimeDelta::from_secs(10);

fn check(view: &View, _: &Terms) -> Vec<InputFinding> {
    view.hosts.iter().filter_map(|(host, memory)| find(*host, memory)).collect()
}

fn find(host: IpAddr, memory: &Memory) -> Option<InputFinding> {
    let bracket = memory.bracket();
    let refused = bracket.map(|bracket| bracket.refused);
    let acknowledged = match bracket {
        Some(bracket) => bracket.acknowledged,
        // That one FIN was acknowledged, however late, is no news.
        None => memory.longest().filter(|fin| fin.delay >= WORTH_TELLING && memory.remembered >= MANY),
    };
    let first = [acknowledged, refused].into_iter().flatten().min_by_key(|fin| fin.fin.time)?;
    let longer = memory.longest().zip(refused).filter(|(longest, refused)| longest.delay > refused.delay);
    let party = Party::Host(host);
    let after = match (acknowledged, refused) {
        (Some(known), Some(gone)) => format!("for {} or more, and less than {}", known.delay, gone.delay),
        (Some(known), None) => format!("for {} or more", known.delay),
        (None, Some(gone)) => format!("for less than {}", gone.delay),
        (None, None) => return None,
    };
    let kept = longer.map_or_else(String::new, |(longest, _)| {
        format!("; one that it only shut down, it seems, for {}", longest.delay)
    });
    let facts = Facts::new()
        .and_maybe("at_least", acknowledged.map(|fin| fin.delay))
        .and_maybe("at_least_flow", acknowledged.map(|fin| fin.flow))
        .and_maybe("less_than", refused.map(|fin| fin.delay))
        .and_maybe("less_than_flow", refused.map(|fin| fin.flow))
        .and("acknowledged", memory.remembered)
        .and("forgotten", memory.forgotten)
        .and_maybe("only_shut_down", longer.map(|(longest, _)| longest.delay));
    let summary = format!("{host} remembers a connection that it closed first (FIN-WAIT-2) {after}{kept}");
    let mut finding = InputFinding::about(&FIN_WAIT_2, party, first.fin.time, summary)
        .filtered(party_filter(&party))
        .with(facts);
    if let Some(fin) = acknowledged {
        finding = finding.and(fin.fin, "the latest FIN that it still acknowledged");
    }
    if let Some(fin) = refused {
        finding = finding.and(fin.fin, "the earliest FIN that it answered with RST");
    }
    Some(finding)
}
