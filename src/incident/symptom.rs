//! What was found, by service: what single findings have in common, and what many flows show together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::kind::Kind;
use super::tales::process_died::Death;
use crate::diagnose::{CATALOGUE, Certainty, Facts, Group, InputFinding, Rule, Severity};
use crate::net::Endpoint;
use crate::survey::{Party, View};
use crate::time::Timestamp;

/// Findings of one code at one service.
#[derive(Clone, Debug)]
pub(super) struct Symptom {
    /// The rule.
    pub(super) code: &'static str,
    /// What the rule is called.
    pub(super) title: &'static str,
    /// The service.
    pub(super) service: Endpoint,
    /// Whom it is about.
    pub(super) party: Party,
    pub(super) severity: Severity,
    pub(super) certainty: Certainty,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    /// How many flows.
    pub(super) count: u64,
    /// Numbers, where it is about many flows together.
    pub(super) facts: Facts,
    /// Its sentence, or those of the first flows.
    pub(super) told: Vec<String>,
    /// The first flows.
    pub(super) flows: Vec<u64>,
    /// The first records that show it.
    pub(super) records: Vec<u64>,
    /// What single findings come to.
    pub(super) group: Option<Group>,
    /// The service reset many connections at once.
    is_sudden: bool,
    /// Numbers of the pairs of which flows have it.
    pub(super) pairs: Vec<u32>,
}

impl Symptom {
    /// True when an incident may grow from it alone.
    pub(super) fn is_root(&self) -> bool {
        let enough = |least: u64| self.group.is_none() || self.count >= least;
        // Programs abort connections for many reasons; only all at once they do not.
        if self.code == "RST103" && !self.is_sudden {
            return false;
        }
        // A note explains; nothing is wrong.
        self.severity > Severity::Note && Kind::of(self.code).is_some_and(|(_, least)| enough(least))
    }

    fn of_finding(finding: &InputFinding, view: &View, hosts: &Hosts) -> Option<Self> {
        let party = finding.party?;
        let (service, pairs) = match party {
            Party::Service(service) => {
                (service, view.clients_of(service).map(|(number, _)| number).collect())
            }
            Party::Client { host, service } => {
                let pair = view.pairs.get(&(service, host)).map(|(number, _)| *number);
                (service, pair.into_iter().collect())
            }
            // What a host remembers shows at the services that it used.
            Party::Host(host) => hosts.0.get(&host)?.clone(),
        };
        Some(Self {
            code: finding.rule.code,
            title: finding.rule.title,
            service,
            party,
            severity: finding.severity,
            certainty: finding.certainty,
            since: finding.start.unwrap_or(view.start),
            until: finding.until,
            count: 1,
            facts: finding.facts.clone(),
            told: vec![finding.summary.clone()],
            flows: Vec::new(),
            records: finding.evidence.iter().map(|it| it.record).collect(),
            group: None,
            is_sudden: false,
            pairs,
        })
    }

    fn of_group(rule: &'static Rule, service: Endpoint, found: Found, view: &View) -> Option<Self> {
        let (code, title) = (rule.code, rule.title);
        let is_sudden = view.services.get(&service).and_then(|service| Death::of(service)).is_some();
        let Found { group, clients, pairs } = found;
        let group = group?;
        let (since, until) = group.times;
        Some(Self {
            code,
            title,
            service,
            party: match clients.as_slice() {
                [client] => Party::Client { host: *client, service },
                _ => Party::Service(service),
            },
            severity: group.severity,
            certainty: group.certainty,
            since,
            until: Some(until),
            count: group.count,
            facts: Facts::new(),
            told: vec![group.told.to_string()],
            flows: group.examples().map(|example| example.flow).collect(),
            records: group.examples().map(|example| example.last).collect(),
            group: Some(group),
            is_sudden,
            pairs,
        })
    }
}

struct Found {
    group: Option<Group>,
    clients: Vec<IpAddr>,
    pairs: Vec<u32>,
}

/// The first service of each host, and the numbers of all its pairs, as client and as server.
struct Hosts(BTreeMap<IpAddr, (Endpoint, Vec<u32>)>);

impl Hosts {
    /// Those of which something was found.
    fn of(view: &View, findings: &[InputFinding]) -> Self {
        let of_host = |finding: &InputFinding| match finding.party {
            Some(Party::Host(host)) => Some((host, None)),
            _ => None,
        };
        let mut hosts: BTreeMap<IpAddr, Option<(Endpoint, Vec<u32>)>> =
            findings.iter().filter_map(of_host).collect();
        for (number, pair) in view.pairs.values() {
            for host in [pair.client, pair.service.addr] {
                if let Some(known) = hosts.get_mut(&host) {
                    known.get_or_insert_with(|| (pair.service, Vec::new())).1.push(*number);
                }
            }
        }
        Self(hosts.into_iter().filter_map(|(host, known)| Some((host, known?))).collect())
    }
}

/// Everything that was found, by service and code.
pub(super) fn symptoms(
    view: &View,
    findings: &[InputFinding],
    groups: &BTreeMap<(u32, u16), Group>,
) -> Vec<Symptom> {
    let parties: BTreeMap<u32, (Endpoint, IpAddr)> =
        view.pairs.iter().map(|(parties, (number, _))| (*number, *parties)).collect();
    let mut found: BTreeMap<(Endpoint, u16), Found> = BTreeMap::new();
    for ((pair, rule), group) in groups {
        let Some(&(service, client)) = parties.get(pair) else { continue };
        let here = found.entry((service, *rule));
        let here = here.or_insert_with(|| Found { group: None, clients: Vec::new(), pairs: Vec::new() });
        match &mut here.group {
            Some(known) => known.join(group),
            none => *none = Some(group.clone()),
        }
        here.clients.push(client);
        here.pairs.push(*pair);
    }
    let hosts = Hosts::of(view, findings);
    let of_parties = findings.iter().filter_map(|finding| Symptom::of_finding(finding, view, &hosts));
    let of_flows = found.into_iter().filter_map(|((service, rule), found)| {
        let rule = CATALOGUE.get(usize::from(rule))?;
        Symptom::of_group(rule, service, found, view)
    });
    of_parties.chain(of_flows).collect()
}
