//! What every story is told with: its parties, its numbers, and the sentences that many of them share.

use std::net::IpAddr;

use super::kind::Kind;
use super::owners::Owners;
use super::symptom::Symptom;
use super::tales::process_died::Death;
use super::{Confirmation, Incident, Member, Statement, tales};
use crate::diagnose::{Certainty, Fact, Facts, Severity, Shown, Terms, party_filter};
use crate::net::{Endpoint, Role};
use crate::socket_file::SocketJoin;
use crate::survey::{Pair, Party, Service, View, Waits};
use crate::time::{TimeDelta, Timestamp};
use crate::timers::{Kind as TimerKind, name_candidates};
use crate::words::counted;

/// Parts of the capture's time in which sockets are counted.
const CURVE: usize = 48;
/// Kinds of findings that are told of one incident; more come of many clients with the same.
const MEMBERS: usize = 100;
/// Timers that are named of all that a delay may be.
const CANDIDATES: usize = 2;

/// What one story is made of.
pub(super) struct Tale<'a> {
    pub(super) view: &'a View,
    pub(super) terms: &'a Terms,
    /// What attached socket tables say.
    pub(super) sockets: Option<&'a SocketJoin>,
    /// Where it begins.
    pub(super) root: &'a Symptom,
    /// All that belongs to it.
    pub(super) members: &'a [&'a Symptom],
}

/// What is special about one story.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) title: String,
    pub(super) cause: String,
    pub(super) effects: Vec<String>,
    pub(super) who: String,
    pub(super) confirm: Vec<Confirmation>,
    pub(super) facts: Facts,
    /// Connections in trouble, if that is not what the symptoms count.
    pub(super) connections: Option<u64>,
    /// Who must act, if not the party of the root.
    pub(super) party: Option<Party>,
    /// How sure it is, if not as the root.
    pub(super) certainty: Option<Certainty>,
    /// When it began and ended, if not as the root did.
    pub(super) span: Option<(Timestamp, Option<Timestamp>)>,
}

impl Tale<'_> {
    /// The incident.
    pub(super) fn tell(&self) -> Incident {
        let kind = self.kind();
        let story = tales::tell(kind, self);
        let party = story.party.unwrap_or(self.root.party);
        let (since, until) = story.span.unwrap_or((self.root.since, self.root.until));
        let stuck_party = self.stuck().map_or(party, |(party, _)| party);
        let owners = Owners::of(self.sockets, &stuck_party);
        let is_confirmed = kind == Kind::AcceptStarvation && owners.never_accepted > 0;
        let certainty = story.certainty.unwrap_or(self.root.certainty);
        let mut statements = Vec::new();
        let mut state = |label: &'static str, text: String| {
            if !text.is_empty() {
                statements.push(Statement { label, text });
            }
        };
        state("cause", story.cause);
        story.effects.into_iter().for_each(|effect| state("effect", effect));
        state("poisoned", self.poisoned());
        self.reuse().into_iter().for_each(|told| state("reuse", told));
        state("sockets", self.sockets());
        state("held by", owners.told);
        state("who", story.who);
        state("else", self.innocent());
        let connections = story.connections.unwrap_or_else(|| self.connections());
        Incident {
            id: 0,
            kind,
            title: story.title,
            severity: self.members.iter().map(|it| it.severity).max().unwrap_or(Severity::Note),
            certainty: if is_confirmed { Certainty::Proven } else { certainty },
            party,
            since,
            until,
            connections,
            statements,
            confirm: story.confirm,
            filter: party_filter(&party),
            facts: self
                .common_facts(story.facts.and("connections", connections))
                .and_maybe("held_by", owners.facts),
            findings: self.members.iter().take(MEMBERS).map(|symptom| member(symptom)).collect(),
            causes: Vec::new(),
            curve: self.stuck().map_or_else(Vec::new, |(_, waits)| {
                let (from, to) = self.around(since, until);
                waits.curve.levels(from, to, CURVE)
            }),
        }
    }

    /// The time of the story and a tenth of it on both sides, as far as the capture goes.
    fn around(&self, since: Timestamp, until: Option<Timestamp>) -> (Timestamp, Timestamp) {
        let until = until.unwrap_or(self.view.end);
        let margin = TimeDelta::from_nanos((until - since).nanos() / 10);
        ((since + -margin).max(self.view.start), (until + margin).min(self.view.end))
    }

    fn kind(&self) -> Kind {
        if self.has_run_out() && matches!(self.root.code, "SVC101" | "SVC103" | "SVC105") {
            return Kind::PortsExhausted;
        }
        let may_die = self.root.code != "RST109";
        let death =
            self.service().filter(|_| may_die).and_then(Death::of).filter(|death| death.refused.is_some());
        let known = Kind::of(self.root.code).map(|(kind, _)| kind);
        death.map(|_| Kind::ProcessDied).or(known).unwrap_or(Kind::StalePorts)
    }

    /// True when a host has no local ports left toward the service.
    fn has_run_out(&self) -> bool {
        self.member("SVC105").is_some_and(|it| it.facts.get("exhausted") == Some(&Fact::Is(true)))
    }

    /// The findings of `code` that belong to it.
    pub(super) fn member(&self, code: &str) -> Option<&Symptom> {
        self.members.iter().find(|symptom| symptom.code == code).copied()
    }

    /// How many findings of `code` belong to it.
    pub(super) fn count(&self, code: &str) -> u64 {
        self.members.iter().filter(|symptom| symptom.code == code).map(|symptom| symptom.count).sum()
    }

    /// The service of the root.
    pub(super) fn service(&self) -> Option<&Service> {
        self.view.services.get(&self.root.service).map(|service| &**service)
    }

    /// The clients of the root's service.
    pub(super) fn clients(&self) -> impl Iterator<Item = &Pair> {
        self.view.clients_of(self.root.service).map(|(_, pair)| pair)
    }

    /// The one client host of the root's service, if there is only one.
    pub(super) fn only_client(&self) -> Option<IpAddr> {
        let mut hosts = self.clients().map(|pair| pair.client);
        hosts.next().filter(|_| hosts.next().is_none())
    }

    /// The clients in words: an address, or how many.
    pub(super) fn clients_in_words(&self) -> String {
        match self.only_client() {
            Some(host) => host.to_string(),
            None => counted(self.clients().count() as u64, "client host"),
        }
    }

    /// `12:31:05.2`, with the date when the capture runs past midnight (UTC).
    pub(super) fn clock(&self, time: Timestamp) -> String {
        let day = |time: Timestamp| time.nanos().div_euclid(86_400_000_000_000);
        let of_day = time.time_of_day(1);
        if day(self.view.start) == day(self.view.end) {
            return of_day;
        }
        let date: String = time.to_string().chars().take_while(|&letter| letter != 'T').collect();
        format!("{date} {of_day}")
    }

    /// The party of the story that left most sockets in CLOSE-WAIT.
    pub(super) fn stuck(&self) -> Option<(Party, &Waits)> {
        let services = self.members.iter().map(|symptom| symptom.service);
        let mut parties: Vec<(Party, &Waits)> = Vec::new();
        for service in services.collect::<std::collections::BTreeSet<_>>() {
            parties.extend(self.view.services.get(&service).map(|it| (Party::Service(service), &it.stuck)));
            let clients = self.view.clients_of(service).map(|(_, pair)| pair);
            parties.extend(clients.map(|pair| (Party::Client { host: pair.client, service }, &pair.stuck)));
        }
        let most =
            parties.into_iter().max_by_key(|(party, waits)| (waits.connections, std::cmp::Reverse(*party)));
        most.filter(|(_, waits)| waits.connections > 0)
    }

    /// What the sockets in CLOSE-WAIT were.
    fn sockets(&self) -> String {
        let Some((party, waits)) = self.stuck() else { return String::new() };
        let peak = waits.curve.peak();
        let about = if peak.exact { "" } else { "about " };
        let still = match waits.still {
            0 => String::new(),
            still => format!(", {still} still there when the capture ended"),
        };
        let mut text = format!(
            "CLOSE-WAIT at {party}: {about}{} at once, most at {}{still}; the longest lasted {}",
            peak.level,
            self.clock(peak.at),
            waits.lasted.max()
        );
        if let (Party::Service(service), Some(first)) = (party, self.view.services.get(&self.root.service))
            && first.endpoint == service
            && let Some((low, high)) = first.recv_q
        {
            let most = if low == high { low.to_string() } else { format!("{low} to {high}") };
            text += ". Recv-Q of such a socket is at most ";
            text += &most;
            text += ": what came since the last answer, and 1 for the FIN";
        }
        text
    }

    /// Late segments that reached hosts that had forgotten, and for how long these remember.
    fn poisoned(&self) -> String {
        let mut parts = Vec::new();
        for (code, what) in [("RST101", "late FIN"), ("RST102", "late answer or request")] {
            if let Some(group) = self.member(code).and_then(|symptom| symptom.group.as_ref()) {
                let pairs: Vec<String> = group.examples().map(answered).collect();
                let more = if group.count > pairs.len() as u64 { ", …" } else { "" };
                parts.push(format!(
                    "{} met a port whose owner had forgotten the connection (RST; records {}{more})",
                    counted(group.count, what).replace("answer or requests", "answers or requests"),
                    pairs.join(", ")
                ));
            }
        }
        for (host, bracket) in self.brackets() {
            let longest = bracket.acknowledged.map(|fin| fin.delay);
            let candidates = self.terms.timers.between(
                (longest.unwrap_or_default(), bracket.refused.delay),
                &[TimerKind::FinWait2],
                TimeDelta::ZERO,
            );
            let named = match longest {
                Some(_) if !candidates.is_empty() => format!(" ({})", name_candidates(&candidates, 1)),
                _ => String::new(),
            };
            parts.push(match longest {
                Some(longest) => format!(
                    "{host} remembers a connection that it closed for {longest} (still acknowledged) to {} (refused){named}",
                    bracket.refused.delay
                ),
                None => format!("{host} had forgotten a connection {} after it closed", bracket.refused.delay),
            });
        }
        parts.join(". ")
    }

    /// How long the hosts that closed first remember.
    pub(super) fn brackets(&self) -> Vec<(IpAddr, crate::survey::Bracket)> {
        let hosts: std::collections::BTreeSet<IpAddr> =
            self.clients().map(|pair| pair.client).chain([self.root.service.addr]).collect();
        hosts.into_iter().filter_map(|host| Some((host, self.view.hosts.get(&host)?.bracket()?))).collect()
    }

    /// Connections that met what was left of earlier ones.
    fn reuse(&self) -> Vec<String> {
        let codes = ["TUP101", "TUP103", "TUP104"];
        let told = codes.iter().filter_map(|code| self.member(code)).filter_map(|symptom| {
            let first = symptom.told.first()?;
            let more = if symptom.count > 1 { format!(" ({} in all)", symptom.count) } else { String::new() };
            Some(format!("{}: {first}{more}", symptom.code))
        });
        told.collect()
    }

    /// What else it can be, in the words of the rule at its root.
    fn innocent(&self) -> String {
        let rule = crate::diagnose::find_rule(self.root.code);
        let sections = rule.map(crate::diagnose::Rule::sections).unwrap_or_default();
        let found = sections.into_iter().find(|(heading, _)| heading.starts_with("What else"));
        found.map_or_else(String::new, |(_, text)| {
            let first = text.split_inclusive(". ").next().unwrap_or_default();
            first.trim_end().to_owned()
        })
    }

    /// Connections in trouble: the most that any of its symptoms counts.
    fn connections(&self) -> u64 {
        let stuck = self.stuck().map_or(0, |(_, waits)| waits.connections);
        self.members.iter().map(|symptom| symptom.count).max().unwrap_or(0).max(stuck)
    }

    /// Numbers that every story has, if there are any.
    fn common_facts(&self, mut facts: Facts) -> Facts {
        if let Some((party, waits)) = self.stuck() {
            let peak = waits.curve.peak();
            let close_wait = Facts::new()
                .and("party", party)
                .and("connections", waits.connections)
                .and("still", waits.still)
                .and("peak", peak.level)
                .and("peak_at", peak.at)
                .and_maybe("since", waits.since)
                .and_maybe("until", waits.until.filter(|_| waits.still == 0))
                .and("longest", waits.lasted.max())
                .and("median", waits.lasted.median());
            facts = facts.and("close_wait", close_wait);
            if waits.late_fins.count() > 0 {
                let fins = &waits.late_fins;
                let late = Facts::new()
                    .and("count", fins.count())
                    .and("least", fins.min())
                    .and("median", fins.median())
                    .and("most", fins.max());
                facts = facts.and("late_fins", late);
            }
        }
        let is_service = self.stuck().is_some_and(|(party, _)| matches!(party, Party::Service(_)));
        if let Some((low, high)) = self.service().and_then(|service| service.recv_q).filter(|_| is_service) {
            facts = facts.and("recv_q_most", vec![low, high]);
        }
        let resets = [("RST101", "fins"), ("RST102", "data")].map(|(code, name)| (name, self.count(code)));
        if resets.iter().any(|(_, count)| *count > 0) {
            let stale = resets.into_iter().fold(Facts::new(), |facts, (name, count)| facts.and(name, count));
            facts = facts.and("stale_port_resets", stale);
        }
        let brackets: Vec<Facts> = self
            .brackets()
            .into_iter()
            .map(|(host, bracket)| {
                Facts::new()
                    .and("host", host.to_string())
                    .and_maybe("acknowledged", bracket.acknowledged.map(|fin| fin.delay))
                    .and("refused", bracket.refused.delay)
            })
            .collect();
        if !brackets.is_empty() {
            facts = facts.and("fin_wait_2", brackets);
        }
        self.members
            .iter()
            .filter(|symptom| !symptom.facts.is_empty())
            .fold(facts, |facts, symptom| facts.and(symptom.code, symptom.facts.clone()))
    }

    /// What a delay may be, in words in brackets with a blank before; empty when nothing is known.
    pub(super) fn may_be(&self, delay: TimeDelta, kinds: &[TimerKind]) -> String {
        let candidates = self.terms.timers.candidates(delay, kinds, TimeDelta::from_millis(100));
        match name_candidates(&candidates, CANDIDATES).as_str() {
            "" => String::new(),
            named => format!(" ({named})"),
        }
    }

    /// The first candidates of a delay, for facts.
    pub(super) fn candidates(&self, delay: TimeDelta, kinds: &[TimerKind]) -> Vec<String> {
        let candidates = self.terms.timers.candidates(delay, kinds, TimeDelta::from_millis(100));
        candidates.iter().take(CANDIDATES + 1).map(|candidate| candidate.timer.to_string()).collect()
    }

    /// How long connections had been idle before `closer` closed them: the value at which they pile up, or the middle.
    pub(super) fn idle_before(&self, closer: Role) -> Option<TimeDelta> {
        let delays = &self.service()?.idle[closer];
        let plateau = delays.plateaus().first().map(|plateau| plateau.low);
        plateau.or_else(|| (delays.count() > 0).then(|| delays.median()))
    }
}

/// `ss` on `host` for the sockets of `service`, as its server or its client.
pub(super) fn ss(host: IpAddr, service: Endpoint, states: &str, expect: &str) -> Confirmation {
    let side = if host == service.addr { "sport" } else { "dport" };
    let states = if states.is_empty() { String::new() } else { format!("state {states} ") };
    Confirmation {
        host,
        command: format!("ss -tanp {states}'{side} = :{}'", service.port),
        expect: expect.to_owned(),
    }
}

fn answered(example: Shown) -> String {
    let Shown { before, last, .. } = example;
    if before == last { last.to_string() } else { format!("{before} → {last}") }
}

fn member(symptom: &Symptom) -> Member {
    Member {
        code: symptom.code,
        title: symptom.title,
        party: symptom.party,
        count: symptom.count,
        flows: symptom.flows.clone(),
        records: symptom.records.clone(),
    }
}
