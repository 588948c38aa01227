//! Findings to incidents: one story each, with its cause, what followed, who must act, and what would confirm it.

mod graph;
mod kind;
mod links;
mod owners;
mod symptom;
mod tale;
mod tales;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use self::graph::{Graph, Part};
pub use self::kind::Kind;
pub use self::links::Cause;
use self::symptom::{Symptom, symptoms};
use self::tale::Tale;
use crate::diagnose::{CATALOGUE, Certainty, Facts, Groups, InputFinding, Severity, Terms};
use crate::socket_file::SocketJoin;
use crate::survey::{Causes, Party, View};
use crate::time::Timestamp;

/// One story for a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Incident {
    /// Its number: 1 has done most harm.
    pub id: u32,
    /// What happened.
    pub kind: Kind,
    /// In one line, with whom and since when.
    pub title: String,
    /// Of its worst finding.
    pub severity: Severity,
    /// Of what is at its root.
    pub certainty: Certainty,
    /// Who must act.
    #[serde(serialize_with = "as_text")]
    pub party: Party,
    /// When it began.
    pub since: Timestamp,
    /// When it was over; `None` when it was not when the capture ended.
    pub until: Option<Timestamp>,
    /// Connections in trouble.
    pub connections: u64,
    /// What is to be said about it, in order.
    pub statements: Vec<Statement>,
    /// What would confirm it.
    pub confirm: Vec<Confirmation>,
    /// A Wireshark display filter that selects its packets.
    pub filter: String,
    /// Its numbers by name.
    pub facts: Facts,
    /// What it consists of.
    pub findings: Vec<Member>,
    /// What led to what.
    pub causes: Vec<CausalEdge>,
    /// Sockets in CLOSE-WAIT over time, where that is what it is about: the highest number in each of some equal parts of
    /// its time and a tenth more on both sides.
    pub curve: Vec<u64>,
}

impl Incident {
    /// How grave and how sure: `fault, proven`.
    pub fn rating(&self) -> String {
        format!("{}, {}", self.severity.as_str(), self.certainty.as_str())
    }
}

/// A few sentences under a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// What they are about: `cause`, `effect`, `sockets`, `who`, …
    pub label: &'static str,
    /// The sentences.
    pub text: String,
}

/// A command that tells whether it is so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confirmation {
    /// Where to run it.
    pub host: IpAddr,
    /// The command.
    pub command: String,
    /// What it shows if it is so.
    pub expect: String,
}

/// Findings of one rule that belong to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The rule.
    pub code: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Whom they are about.
    #[serde(serialize_with = "as_text")]
    pub party: Party,
    /// How many flows, or 1 for a finding about many together.
    pub count: u64,
    /// The first flows.
    pub flows: Vec<u64>,
    /// The first records that show it.
    pub records: Vec<u64>,
}

/// One thing led to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CausalEdge {
    /// What followed.
    pub effect: String,
    /// How.
    pub how: Cause,
    /// What it followed from.
    pub cause: String,
    /// How likely that is, 0 to 1.
    pub score: f64,
    /// Why.
    pub reason: String,
}

fn as_text<S: Serializer>(party: &Party, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(party)
}

/// What a run comes to.
#[derive(Debug, Default)]
pub struct Incidents {
    /// The worst first.
    pub incidents: Vec<Incident>,
    /// From flows and findings to their causes.
    pub causes: Causes,
    /// What services, their clients and hosts did.
    pub view: View,
    /// The graph of causes in the language of Graphviz.
    pub dot: String,
}

/// Causes that are told of one incident.
const CAUSES: usize = 100;

/// Makes incidents of what was found in parties and in flows; `sockets` tells who holds what is stuck.
pub fn incidents(
    view: View,
    (findings, groups): (&[InputFinding], Groups),
    terms: &Terms,
    sockets: Option<&SocketJoin>,
) -> Incidents {
    let symptoms = symptoms(&view, findings, &groups.settle());
    let graph = Graph::new(&view, &symptoms);
    let mut told: Vec<(Incident, Part)> = graph
        .parts()
        .into_iter()
        .filter_map(|part| Some((tell((&view, terms, sockets), &graph, &symptoms, &part)?, part)))
        .collect();
    told.sort_by_key(|(incident, _)| {
        (Reverse((incident.severity, incident.connections)), incident.since, incident.party)
    });
    let (mut of_flows, mut of_parties) = (BTreeMap::new(), BTreeMap::new());
    let mut incidents = Vec::new();
    for (number, (incident, part)) in (1_u32..).zip(told) {
        for symptom in part.symptoms.iter().filter_map(|index| symptoms.get(*index)) {
            let rule = CATALOGUE.iter().position(|rule| rule.code == symptom.code);
            let Some(rule) = rule.and_then(|place| u16::try_from(place).ok()) else { continue };
            if symptom.group.is_some() {
                of_flows.extend(symptom.pairs.iter().map(|pair| ((*pair, rule), number)));
            } else {
                of_parties.insert((symptom.party, rule), number);
            }
        }
        incidents.push(Incident { id: number, ..incident });
    }
    let causes = Causes::new(view.released(), of_flows, of_parties);
    Incidents { incidents, causes, dot: graph.to_dot(), view }
}

fn tell(
    (view, terms, sockets): (&View, &Terms, Option<&SocketJoin>),
    graph: &Graph<'_>,
    symptoms: &[Symptom],
    part: &Part,
) -> Option<Incident> {
    let members: Vec<&Symptom> = part.symptoms.iter().filter_map(|index| symptoms.get(*index)).collect();
    let roots = part.symptoms.iter().filter(|index| symptoms.get(**index).is_some_and(Symptom::is_root));
    // The root of the story has no cause among the others; the graver kind comes first.
    let root = roots.min_by_key(|index| {
        let symptom = symptoms.get(**index);
        let kind = symptom.and_then(|symptom| Kind::of(symptom.code)).map(|(kind, _)| kind);
        (graph.is_caused(**index), kind, symptom.map(|symptom| symptom.since))
    })?;
    let root = symptoms.get(*root)?;
    let edges = graph.causes_in(part).into_iter().map(|(effect, cause, link)| CausalEdge {
        effect,
        how: link.cause,
        cause,
        score: link.score,
        reason: link.reason,
    });
    let tale = Tale { view, terms, sockets, root, members: &members };
    Some(Incident { causes: edges.take(CAUSES).collect(), ..tale.tell() })
}
