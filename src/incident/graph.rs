//! The graph of causes: services, what was found at them, connections that held others up, and why one led to another.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use petgraph::Direction;
use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::{EdgeRef, NodeIndexable};

use super::links::{Cause, Link, link};
use super::symptom::Symptom;
use crate::diagnose::Fact;
use crate::net::Endpoint;
use crate::survey::{Party, Served, View};

/// What a cause or an effect is.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A service.
    Service(Endpoint),
    /// What was found; an index.
    Symptom(usize),
    /// A connection that held others up.
    Holder(Served),
}

/// Causes and effects: an edge goes from the first to the second.
pub(super) struct Graph<'a> {
    net: DiGraph<Node, Link>,
    symptoms: &'a [Symptom],
    /// The node of each symptom that has one.
    nodes: Vec<Option<NodeIndex>>,
}

/// What hangs together.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// Indices of symptoms.
    pub(super) symptoms: Vec<usize>,
    nodes: Vec<NodeIndex>,
}

impl<'a> Graph<'a> {
    /// Of the services at which something was found that makes an incident.
    pub(super) fn new(view: &View, symptoms: &'a [Symptom]) -> Self {
        let worthy: BTreeSet<Endpoint> =
            symptoms.iter().filter(|symptom| symptom.is_root()).map(|symptom| symptom.service).collect();
        let mut graph = DiGraph::new();
        let services: BTreeMap<Endpoint, NodeIndex> =
            worthy.iter().map(|service| (*service, graph.add_node(Node::Service(*service)))).collect();
        let mut places: BTreeMap<Endpoint, Vec<(usize, NodeIndex)>> = BTreeMap::new();
        let mut nodes = vec![None; symptoms.len()];
        for (index, symptom) in symptoms.iter().enumerate() {
            let Some(&service) = services.get(&symptom.service) else { continue };
            let place = graph.add_node(Node::Symptom(index));
            if let Some(node) = nodes.get_mut(index) {
                *node = Some(place);
            }
            let reason = symptom.title.to_owned();
            graph.add_edge(service, place, Link { cause: Cause::SeenAt, score: 1.0, reason });
            places.entry(symptom.service).or_default().push((index, place));
            if symptom.code == "SVC102" {
                add_holders(&mut graph, view, symptom, place);
            }
        }
        let mut built = Self { net: graph, symptoms, nodes };
        for here in places.values() {
            built.link_service(here);
        }
        built.link_services(&places);
        built
    }

    /// At one service: what it did itself leads to anything, what one client did to nothing of another client.
    fn link_service(&mut self, here: &[(usize, NodeIndex)]) {
        let mut by_client: BTreeMap<Option<IpAddr>, Vec<(usize, NodeIndex)>> = BTreeMap::new();
        for place in here {
            let host = match self.symptoms.get(place.0).map(|symptom| symptom.party) {
                Some(Party::Client { host, .. }) => Some(host),
                _ => None,
            };
            by_client.entry(host).or_default().push(*place);
        }
        let shared = by_client.remove(&None).unwrap_or_default();
        self.link_all(&shared, &shared);
        for of_client in by_client.values() {
            self.link_all(&shared, of_client);
            self.link_all(of_client, &shared);
            self.link_all(of_client, of_client);
        }
    }

    /// Services are linked where one is a client of the other, where a pool names its front, or where one host lost what
    /// it knew of both.
    fn link_services(&mut self, places: &BTreeMap<Endpoint, Vec<(usize, NodeIndex)>>) {
        let mut by_host: BTreeMap<IpAddr, Vec<(Endpoint, &Vec<_>)>> = BTreeMap::new();
        for (service, here) in places {
            by_host.entry(service.addr).or_default().push((*service, here));
        }
        for (service, here) in places {
            for place in here {
                let Some(symptom) = self.symptoms.get(place.0) else { continue };
                let Party::Client { host, .. } = symptom.party else { continue };
                let fronts = by_host.get(&host).into_iter().flatten().filter(|(other, _)| other != service);
                let named = symptom.facts.get("front").and_then(|front| match front {
                    Fact::Text(front) => places.iter().find(|(other, _)| other.to_string() == *front),
                    _ => None,
                });
                let effects = fronts.map(|(_, there)| *there).chain(named.map(|(_, there)| there));
                effects.for_each(|there| self.link_all(&[*place], there));
            }
        }
        for services in by_host.values() {
            let lost = |here: &[(usize, NodeIndex)]| {
                here.iter()
                    .copied()
                    .find(|(index, _)| self.symptoms.get(*index).is_some_and(|it| it.code == "RST109"))
            };
            let lost: Vec<_> = services.iter().filter_map(|(_, here)| lost(here)).collect();
            for pair in lost.windows(2) {
                if let [one, other] = *pair {
                    self.link_all(&[one], &[other]);
                }
            }
        }
    }

    fn link_all(&mut self, causes: &[(usize, NodeIndex)], effects: &[(usize, NodeIndex)]) {
        for (cause, from) in causes {
            for (effect, to) in effects.iter().filter(|(effect, _)| effect != cause) {
                let known = self.symptoms.get(*cause).zip(self.symptoms.get(*effect));
                if let Some(link) = known.and_then(|(cause, effect)| link(cause, effect)) {
                    self.net.add_edge(*from, *to, link);
                }
            }
        }
    }

    /// What hangs together, in the order of the first service of each.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut sets = UnionFind::new(self.net.node_bound());
        for edge in self.net.edge_references() {
            sets.union(edge.source().index(), edge.target().index());
        }
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        for node in self.net.node_indices() {
            let part = parts.entry(sets.find(node.index())).or_default();
            part.nodes.push(node);
            if let Some(Node::Symptom(index)) = self.net.node_weight(node) {
                part.symptoms.push(*index);
            }
        }
        let mut parts: Vec<_> = parts.into_values().collect();
        parts.sort_by_key(|part| part.nodes.first().copied());
        parts
    }

    /// Whether a symptom has a cause among the others.
    pub(super) fn is_caused(&self, symptom: usize) -> bool {
        let node = self.nodes.get(symptom).copied().flatten();
        node.is_some_and(|node| {
            let mut causes = self.net.edges_directed(node, Direction::Incoming);
            causes.any(|edge| {
                edge.weight().cause != Cause::SeenAt
                    && matches!(self.net.node_weight(edge.source()), Some(Node::Symptom(_)))
            })
        })
    }

    /// The edges of a part that tell a cause: its effect, its cause, and why.
    pub(super) fn causes_in(&self, part: &Part) -> Vec<(String, String, Link)> {
        let edges = part.nodes.iter().flat_map(|node| self.net.edges_directed(*node, Direction::Outgoing));
        let causal = edges.filter(|edge| edge.weight().cause != Cause::SeenAt);
        causal
            .map(|edge| (self.name(edge.target()), self.name(edge.source()), edge.weight().clone()))
            .collect()
    }

    fn name(&self, node: NodeIndex) -> String {
        match self.net.node_weight(node) {
            Some(Node::Service(service)) => service.to_string(),
            Some(Node::Holder(holder)) => format!("flow {}", holder.flow),
            Some(Node::Symptom(index)) => self
                .symptoms
                .get(*index)
                .map_or_else(String::new, |symptom| format!("{} {}", symptom.code, symptom.party)),
            None => String::new(),
        }
    }

    /// The graph in the language of Graphviz.
    pub(super) fn to_dot(&self) -> String {
        let shape = |node: &Node| match node {
            Node::Service(_) => "box",
            Node::Symptom(_) => "ellipse",
            Node::Holder(_) => "hexagon",
        };
        let label = |node: NodeIndex| match self.net.node_weight(node) {
            Some(Node::Symptom(index)) => self.symptoms.get(*index).map_or_else(String::new, |symptom| {
                let times = if symptom.count > 1 { format!(" × {}", symptom.count) } else { String::new() };
                format!("{}{times}\n{}\n{}", symptom.code, symptom.title, symptom.party)
            }),
            Some(Node::Holder(holder)) => format!("flow {}\n{}", holder.flow, holder.initiator),
            _ => self.name(node),
        };
        let edge_words = |_: &_, edge: petgraph::graph::EdgeReference<'_, Link>| {
            let Link { cause, score, reason } = edge.weight();
            let style = if *cause == Cause::SeenAt { "dotted" } else { "solid" };
            format!("label={:?} tooltip={reason:?} style={style}", format!("{cause} ({score:.2})"))
        };
        let node_words = |_: &_, (node, weight): (NodeIndex, &Node)| {
            format!("label={:?} shape={}", label(node), shape(weight))
        };
        let config = [Config::EdgeNoLabel, Config::NodeNoLabel];
        format!("{:?}", Dot::with_attr_getters(&self.net, &config, &edge_words, &node_words))
    }
}

fn add_holders(graph: &mut DiGraph<Node, Link>, view: &View, symptom: &Symptom, place: NodeIndex) {
    let Some(service) = view.services.get(&symptom.service) else { return };
    for burst in &service.releases.bursts {
        let Some(holder) = burst.holder else { continue };
        let from = graph.add_node(Node::Holder(holder));
        let reason = match burst.delays() {
            Some((first, last)) => {
                format!("{} released {first} to {last} after its end", burst.released.len() + burst.brief)
            }
            None => String::new(),
        };
        graph.add_edge(from, place, Link { cause: Cause::ReleasedBy, score: 1.0 - burst.chance, reason });
    }
}
