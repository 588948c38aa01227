//! The graph of causes: services, what was found at them, connections that held others up, and why one led to another.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::{EdgeRef, NodeIndexable};

use super::links::{Cause, Link, link};
use super::symptom::Symptom;
use crate::net::Endpoint;
use crate::survey::{Served, View};

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
    graph: DiGraph<Node, Link>,
    symptoms: &'a [Symptom],
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
        for (index, symptom) in symptoms.iter().enumerate() {
            let Some(&service) = services.get(&symptom.service) else { continue };
            let place = graph.add_node(Node::Symptom(index));
            let reason = symptom.title.to_owned();
            graph.add_edge(service, place, Link { cause: Cause::SeenAt, score: 1.0, reason });
            places.entry(symptom.service).or_default().push((index, place));
            if symptom.code == "SVC102" {
                add_holders(&mut graph, view, symptom, place);
            }
        }
        let mut built = Self { graph, symptoms };
        for here in places.values() {
            built.link_all(here, here);
        }
        built.link_services(&places);
        built
    }

    /// Services are linked where one is a client of the other, or where they are on one host.
    fn link_services(&mut self, places: &BTreeMap<Endpoint, Vec<(usize, NodeIndex)>>) {
        let mut by_host: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (service, here) in places {
            by_host.entry(service.addr).or_default().push((service, here));
        }
        let all: Vec<_> = places.values().flatten().copied().collect();
        for (service, here) in places {
            // A pool names its front, wherever that is.
            let pools = here
                .iter()
                .filter(|(index, _)| self.symptoms.get(*index).is_some_and(|it| it.code == "SVC104"));
            self.link_all(&pools.copied().collect::<Vec<_>>(), &all);
            let clients = here.iter().filter_map(|(index, _)| match self.symptoms.get(*index)?.party {
                crate::survey::Party::Client { host, .. } => Some(host),
                _ => None,
            });
            let hosts: BTreeSet<_> = clients.chain([service.addr]).collect();
            for (other, there) in hosts.iter().filter_map(|host| by_host.get(host)).flatten() {
                if *other != service {
                    self.link_all(here, there);
                }
            }
        }
    }

    fn link_all(&mut self, causes: &[(usize, NodeIndex)], effects: &[(usize, NodeIndex)]) {
        for (cause, from) in causes {
            for (effect, to) in effects.iter().filter(|(effect, _)| effect != cause) {
                let known = self.symptoms.get(*cause).zip(self.symptoms.get(*effect));
                if let Some(link) = known.and_then(|(cause, effect)| link(cause, effect)) {
                    self.graph.add_edge(*from, *to, link);
                }
            }
        }
    }

    /// What hangs together, in the order of the first service of each.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut sets = UnionFind::new(self.graph.node_bound());
        for edge in self.graph.edge_references() {
            sets.union(edge.source().index(), edge.target().index());
        }
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        for node in self.graph.node_indices() {
            let part = parts.entry(sets.find(node.index())).or_default();
            part.nodes.push(node);
            if let Some(Node::Symptom(index)) = self.graph.node_weight(node) {
                part.symptoms.push(*index);
            }
        }
        let mut parts: Vec<_> = parts.into_values().collect();
        parts.sort_by_key(|part| part.nodes.first().copied());
        parts
    }

    /// Whether a symptom has a cause among the others.
    pub(super) fn is_caused(&self, symptom: usize) -> bool {
        let is_it = |node: &NodeIndex| matches!(self.graph.node_weight(*node), Some(Node::Symptom(index)) if *index == symptom);
        self.graph.node_indices().find(is_it).is_some_and(|node| {
            let mut causes = self.graph.edges_directed(node, Direction::Incoming);
            causes.any(|edge| {
                edge.weight().cause != Cause::SeenAt
                    && matches!(self.graph.node_weight(edge.source()), Some(Node::Symptom(_)))
            })
        })
    }

    /// The edges of a part that tell a cause: its effect, its cause, and why.
    pub(super) fn causes_in(&self, part: &Part) -> Vec<(String, String, Link)> {
        let edges = part.nodes.iter().flat_map(|node| self.graph.edges_directed(*node, Direction::Outgoing));
        let causal = edges.filter(|edge| edge.weight().cause != Cause::SeenAt);
        causal
            .map(|edge| (self.name(edge.target()), self.name(edge.source()), edge.weight().clone()))
            .collect()
    }

    fn name(&self, node: NodeIndex) -> String {
        match self.graph.node_weight(node) {
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
        let label = |node: NodeIndex| match self.graph.node_weight(node) {
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
        format!("{:?}", Dot::with_attr_getters(&self.graph, &config, &edge_words, &node_words))
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
