//! Something on the path forgets connections that are idle.

use crate::diagnose::Facts;
use crate::incident::tale::{Story, Tale, ss};
use crate::time::TimeDelta;
use crate::timers::Kind as TimerKind;
use crate::words::counted;

/// The longest idle time that a connection outlived, and the shortest that none did.
struct Bracket {
    survived: Option<TimeDelta>,
    died: Option<TimeDelta>,
}

impl Bracket {
    fn of(tale: &Tale<'_>, code: &str) -> Self {
        let died = tale.member(code).and_then(|symptom| symptom.group.as_ref());
        let died = died.filter(|group| group.lasted.count() > 0).map(|group| group.lasted.min());
        let survived = tale.service().and_then(|service| service.survived);
        Self { survived: survived.filter(|it| died.is_none_or(|died| *it < died)), died }
    }

    fn in_words(&self, tale: &Tale<'_>) -> String {
        let named = match (self.survived, self.died) {
            (longest, Some(shortest)) => {
                let candidates = tale.terms.timers.between(
                    (longest.unwrap_or(shortest), shortest),
                    &[TimerKind::PathIdle],
                    TimeDelta::from_millis(100),
                );
                match crate::timers::name_candidates(&candidates, 2).as_str() {
                    "" => String::new(),
                    named => format!(" ({named})"),
                }
            }
            _ => String::new(),
        };
        match (self.survived, self.died) {
            (Some(survived), Some(died)) => {
                format!("after {died} of idleness or more, while {survived} did no harm{named}")
            }
            (None, Some(died)) => format!("after {died} of idleness or more{named}"),
            _ => "after an idle time".to_owned(),
        }
    }

    fn facts(&self) -> Facts {
        Facts::new().and_maybe("idle_at_least", self.died).and_maybe("idle_survived", self.survived)
    }
}

pub(in crate::incident) fn reset(tale: &Tale<'_>) -> Story {
    tell(
        tale,
        "RST108",
        "are reset by something on the path",
        "its RSTs bear another time to live than the hosts' segments, or go to both ends",
    )
}

pub(in crate::incident) fn silence(tale: &Tale<'_>) -> Story {
    tell(
        tale,
        "APP105",
        "fall silent: something on the path drops their segments",
        "busy connections and new ones between the same hosts work, so neither host is dead",
    )
}

fn tell(tale: &Tale<'_>, code: &str, what: &str, why: &str) -> Story {
    let service = tale.root.service;
    let (count, bracket) = (tale.count(code), Bracket::of(tale, code));
    let clients = tale.clients_in_words();
    Story {
        title: format!(
            "{} between {clients} and {service} {what} after an idle time",
            counted(count, "connection")
        ),
        cause: format!("a balancer, firewall or translator forgot them {}; {why}", bracket.in_words(tale)),
        who: format!(
            "whoever runs what is between {clients} and {service}; at the ends: keep-alive probes, or an idle time-out, shorter than {}",
            bracket.died.unwrap_or_default()
        ),
        confirm: vec![ss(
            service.addr,
            service,
            "established",
            "sockets on one side that the other no longer has",
        )],
        facts: bracket.facts().and("flows", count),
        connections: Some(count),
        ..Story::default()
    }
}
