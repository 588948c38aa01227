use super::local_ports::{Growth, LocalPorts, rounded};
use crate::diagnose::{Facts, InputFinding, Severity, Terms, party_filter};
use crate::survey::{Pair, Party, View};
use crate::time::{TimeDelta, Timestamp};

rule! {
    /// ## What we saw
    /// Sockets of one host, open or in CLOSE-WAIT, hold nearly all the local ports from which it connects to a service, and
    /// it stopped connecting; or they will at the rate at which they grow.
    ///
    /// ## Why it matters
    /// Each connection to one address and port needs a local port of its own. When none is left, `connect` fails at once,
    /// in all programs of the host, and nothing shows on the wire: the traffic just stops. CLOSE-WAIT and open connections
    /// have no timer that frees them.
    ///
    /// ## What to do
    /// Find the program that holds them (`ss -tanp` on the client) and let it close: after the peer's FIN (SVC101), or when
    /// it is done (SVC103). A wider `ip_local_port_range` gains time only. `--local-ports LOW-HIGH` tells this program which
    /// range the host has.
    ///
    /// ## What else it can be
    /// A client that had no more work: then the number of ports only happens to be that of the range. A range that is wider
    /// than the ports that were seen, where it was not given. Ports in TIME-WAIT are freed by themselves and are no fault.
    ///
    /// ## See
    /// RFC 6056 (how ports are chosen), `ip(7)` on `ip_local_port_range`, EADDRNOTAVAIL in `connect(2)`.
    party static PORTS_RUN_OUT = {
        code: "SVC105", title: "ephemeral ports run out", severity: Fault
    }
}

/// Of a range that was given, so many ports may be held by others.
const BY_OTHERS: u64 = 2;
/// Of ranges that are guessed: fewer ports tell nothing.
const FEW: u64 = 20;
/// A range that somebody set by hand; wider ones are compared with those that are known.
const NARROW: u64 = 1 << 10;
/// A port that counts up begins anew at the lower end so often while it fills its range.
const TURNS: usize = 3;
/// What systems use unless told otherwise: Linux, Windows and the BSDs; and what is often set.
const KNOWN: [LocalPorts; 3] = [
    LocalPorts { low: 32_768, high: 60_999 },
    LocalPorts { low: 49_152, high: 65_535 },
    LocalPorts { low: 1_024, high: 65_535 },
];
/// Who pauses for so many times the longest pause before has stopped.
const UNUSUAL: i64 = 5;
/// So many ports are a beginning; an exhaustion that is nearer than this is worth a warning then.
const MANY: u64 = 100;
const SOON: TimeDelta = TimeDelta::from_secs(3600);

fn check(view: &View, terms: &Terms) -> Vec<InputFinding> {
    let pairs = view.pairs.values().map(|(_, pair)| pair);
    pairs.filter_map(|pair| find(pair, view, terms)).collect()
}

/// The ports of a client that are held for good.
struct Held<'a> {
    pair: &'a Pair,
    range: LocalPorts,
    range_given: bool,
    /// How many.
    count: u64,
    /// Those that were taken in the capture.
    growth: Growth,
    /// Others in TIME-WAIT when the client last connected.
    resting: u64,
    last_connect: Timestamp,
    /// The client connects no more although it had done so steadily.
    ceased: bool,
}

fn find(pair: &Pair, view: &View, terms: &Terms) -> Option<InputFinding> {
    let held = Held::new(pair, LocalPorts::of(terms), terms.ports.is_some(), view)?;
    if held.is_full() && held.ceased {
        return Some(held.ran_out());
    }
    if terms.ports.is_none() && held.ceased {
        let guessed = held.guessed_range()?;
        return Some(Held::new(pair, guessed, false, view)?.ran_out());
    }
    held.runs_out(view.end)
}

impl<'a> Held<'a> {
    fn new(pair: &'a Pair, range: LocalPorts, range_given: bool, view: &View) -> Option<Self> {
        let (_, last_connect) = pair.opened?;
        let taken = &pair.ports.taken;
        let span = (taken.first()?, taken.last()?);
        let count = pair.ports.lasting.within(range.low, range.high) as u64;
        let resting = pair.ports.resting(last_connect, view.limits.time_wait, (range.low, range.high)) as u64;
        let pause = taken.longest_gap().nanos().saturating_mul(UNUSUAL).max(TimeDelta::from_secs(1).nanos());
        let ceased = (view.end - last_connect).nanos() >= pause;
        let growth = Growth { count: taken.count(), span };
        Some(Self { pair, range, range_given, count, growth, resting, last_connect, ceased })
    }

    /// All ports are held, but for those of others.
    fn is_full(&self) -> bool {
        let (held, all) = (self.count, self.range.count());
        held * 10 >= all * 9 && held + self.resting + BY_OTHERS >= all
    }

    /// The range that the ports seem to fill, if the host does not merely count up.
    fn guessed_range(&self) -> Option<LocalPorts> {
        let lasting = &self.pair.ports.lasting;
        let (low, high) = lasting.ends()?;
        let seen = LocalPorts { low, high };
        let count = lasting.len() as u64;
        let is_narrow = (FEW..=NARROW).contains(&count)
            && count * 10 >= seen.count() * 9
            && self.pair.ports.turns() >= TURNS;
        if is_narrow {
            return Some(seen);
        }
        let fills =
            |range: &&LocalPorts| range.low <= low && high <= range.high && count * 100 >= range.count() * 99;
        KNOWN.iter().find(fills).copied()
    }

    fn ran_out(self) -> InputFinding {
        let given = if self.range_given { "" } else { ", if that is its ip_local_port_range" };
        let summary = format!(
            "{} holds {} of its {} local ports {}{given} ({}), and connects no more since {}",
            self.party(),
            self.count,
            self.range.count(),
            self.range,
            self.by_state(),
            self.last_connect.time_of_day(1)
        );
        let is_proven = self.range_given && self.pair.stuck.presumed == 0;
        self.told(summary, true, self.last_connect).proven_if(is_proven)
    }

    /// That they will run out, if what holds them only grows.
    fn runs_out(self, end: Timestamp) -> Option<InputFinding> {
        let leaked = self.pair.stuck.still + self.pair.standing.unshared().map_or(0, |leak| leak.count);
        let is_leak = leaked * 2 >= self.pair.held;
        let (held, all) = (self.count, self.range.count());
        let at = self.full_at()?;
        let is_near = held * 10 >= all || held >= MANY && at - end <= SOON;
        if !is_leak || !is_near || held < FEW.min(all / 2) || self.ceased && !self.is_full() {
            return None;
        }
        let rate = self.growth.per_minute().map_or_else(String::new, rounded);
        let summary = format!(
            "{} holds {held} of its {all} local ports {} ({}), {rate} more each minute: none is left at {}",
            self.party(),
            self.range,
            self.by_state(),
            at.time_of_day(0)
        );
        let since = self.growth.span.0;
        Some(self.told(summary, false, since).at_most(Severity::Warning))
    }

    /// When the last port is taken at the rate so far.
    fn full_at(&self) -> Option<Timestamp> {
        self.growth.reaches(self.growth.count + self.range.count().saturating_sub(self.count))
    }

    fn told(&self, summary: String, exhausted: bool, since: Timestamp) -> InputFinding {
        let party = self.party();
        let facts = Facts::new()
            .and("exhausted", exhausted)
            .and("held", self.count)
            .and("close_wait", self.pair.stuck.still)
            .and("open", self.pair.open)
            .and("time_wait", self.resting)
            .and("local_ports", self.range.count())
            .and("range", self.range.to_string())
            .and("range_given", self.range_given)
            .and("last_connect", self.last_connect)
            .and_maybe("growth_per_minute", self.growth.per_minute())
            .and_maybe("local_ports_run_out", self.full_at().filter(|_| !exhausted));
        let finding = InputFinding::about(&PORTS_RUN_OUT, party, since, summary)
            .filtered(party_filter(&party))
            .with(facts);
        let stuck = self.pair.stuck.examples.iter().map(|(_, at)| *at);
        let open = self.pair.standing.opened.map(|(first, _)| first);
        stuck.chain(open).fold(finding, |finding, at| finding.and(at, "a socket that keeps its port"))
    }

    fn party(&self) -> Party {
        Party::Client { host: self.pair.client, service: self.pair.service }
    }

    /// `58 in CLOSE-WAIT, 2 more in TIME-WAIT`.
    fn by_state(&self) -> String {
        let named = [
            (self.pair.stuck.still, "in CLOSE-WAIT"),
            (self.pair.open, "open"),
            (self.resting, "more in TIME-WAIT"),
        ];
        let there = named.iter().filter(|(count, _)| *count > 0);
        there.map(|(count, state)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
    }
}
