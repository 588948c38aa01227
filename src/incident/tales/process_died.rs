//! The process of a service died: the kernel closed and reset all it had at once.

use crate::diagnose::{Certainty, Facts};
use crate::incident::tale::{Story, Tale, ss};
use crate::survey::{Burst, Party, Service};
use crate::time::{TimeDelta, Timestamp};
use crate::words::counted;

/// What belongs to one death lies no further apart.
const AT_ONCE: TimeDelta = TimeDelta::from_millis(100);
/// So many connections that are reset at once were not reset one by one.
const MANY: usize = 3;

/// Connections that were reset at once.
#[derive(Clone, Copy, Debug)]
pub(in crate::incident) struct Death {
    at: Timestamp,
    until: Timestamp,
    resets: usize,
    /// When connects were refused afterwards: nobody listened any more.
    pub(in crate::incident) refused: Option<(Timestamp, Timestamp)>,
}

impl Death {
    /// The greatest burst of resets by a service, if there is one.
    pub(in crate::incident) fn of(service: &Service) -> Option<Self> {
        let (at, until, resets) = greatest(&service.resets)?;
        let refused = service.refusals.filter(|(first, _)| *first >= at);
        // Answers to late segments come whenever these do; a death is all at once.
        let is_most = resets * 2 > service.resets.len();
        (resets >= MANY && is_most).then_some(Self { at, until, resets, refused })
    }
}

fn greatest(resets: &[Timestamp]) -> Option<(Timestamp, Timestamp, usize)> {
    let windows = resets.iter().enumerate().map(|(place, &at)| {
        let end = resets.partition_point(|it| *it - at <= AT_ONCE);
        (at, end - place, end)
    });
    let (at, count, end) = windows.max_by_key(|&(at, count, _)| (count, std::cmp::Reverse(at)))?;
    Some((at, resets.get(end.checked_sub(1)?).copied()?, count))
}

/// A sentence about it, for stories that end with it.
pub(in crate::incident) fn ending(tale: &Tale<'_>) -> Option<String> {
    let service = tale.service()?;
    if let Some(death) = Death::of(service) {
        return Some(format!(
            "at {} {} were reset within {}: its process ended, it seems",
            tale.clock(death.at),
            counted(death.resets as u64, "connection"),
            death.until - death.at
        ));
    }
    at_once(tale, service)
}

/// FINs, and RSTs if there are any, that left it at once although nobody's end released them.
fn at_once(tale: &Tale<'_>, service: &Service) -> Option<String> {
    let size = |burst: &&Burst| burst.released.len() + burst.overtaken.len() + burst.aborts;
    let bursts = service.releases.bursts.iter().filter(|burst| burst.holder.is_none());
    let burst = bursts.max_by_key(size).filter(|burst| size(burst) > 1)?;
    let why = match (burst.aborts, burst.overtaken.is_empty()) {
        (0, true) => "nothing shows that the end of another connection released them",
        (0, false) => {
            "connections that came later had been served all the time, so none of them waited in the accept queue: \
             somebody closed them together, as a process does that ends"
        }
        _ => "some of them by RST: its process ended, it seems",
    };
    let count = counted(size(&burst) as u64, "connection");
    Some(format!("at {} {count} were closed together; {why}", tale.clock(burst.start()?.time)))
}

pub(in crate::incident) fn tell(tale: &Tale<'_>) -> Story {
    let Some(service) = tale.service() else { return Story::default() };
    let Some(death) = Death::of(service) else { return Story::default() };
    let count = counted(death.resets as u64, "connection");
    let refused = match death.refused {
        Some((first, last)) => format!(
            "{} refused from {} to {}: nobody listened",
            counted(service.refused, "connect"),
            tale.clock(first),
            tale.clock(last)
        ),
        None => String::new(),
    };
    let again = service.requests.answered.first_after(death.at);
    let again = again.map(|at| format!("it answered again at {}", tale.clock(at)));
    Story {
        title: if death.refused.is_some() {
            format!(
                "the process behind {} died at {}: {count} reset at once",
                service.endpoint,
                tale.clock(death.at)
            )
        } else {
            format!("{} reset {count} at once at {}", service.endpoint, tale.clock(death.at))
        },
        cause: format!(
            "{count} reset within {}: a kernel does that for a process that ends; no connection released another",
            death.until - death.at
        ),
        effects: [Some(refused), before(tale, service), again].into_iter().flatten().collect(),
        who: format!("whoever runs the service on {} must find out why its process ended", service.endpoint),
        confirm: vec![ss(
            service.endpoint.addr,
            service.endpoint,
            "listening",
            "another process than before",
        )],
        facts: Facts::new()
            .and("service", service.endpoint)
            .and("died_at", death.at)
            .and("within", death.until - death.at)
            .and("resets", death.resets)
            .and("refused", service.refused)
            .and_maybe("answers_again", service.requests.answered.first_after(death.at)),
        certainty: death.refused.is_none().then_some(Certainty::Presumed),
        connections: Some((death.resets as u64).max(service.stuck.connections)),
        party: Some(Party::Service(service.endpoint)),
        span: Some((death.at, death.refused.map(|(_, last)| last))),
    }
}

/// What was wrong before.
fn before(tale: &Tale<'_>, service: &Service) -> Option<String> {
    let stopped = tale.member("SVC106").or_else(|| tale.member("SVC102"));
    let told = stopped.and_then(|symptom| symptom.told.first().cloned());
    let stuck = (service.stuck.connections > 0)
        .then(|| format!("it had left {} in CLOSE-WAIT", counted(service.stuck.connections, "connection")));
    told.or(stuck).map(|told| format!("before: {told}"))
}
