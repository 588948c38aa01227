//! Who released whom.
//!
//! A service that serves so many connections at a time and no more accepts the next one when one of them ends. What waited
//! then acts in a burst, in the order of its handshakes. The connection whose end starts the burst is its releaser, if
//! all of that holds and chance is no likely explanation:
//!
//! - it was in service, and its handshake is older than that of the first that was released;
//! - it ended before the first act of the burst, and no other connection in service ended between;
//! - none of those released was overtaken: no connection that came later was served before the burst;
//! - the service aborted nothing in the burst: a process that dies closes and resets all it has;
//! - the burst keeps to the order of handshakes.

use super::overtakers;
use super::{Queue, Served, Waiting};
use crate::flow::RecordRef;
use crate::time::{TimeDelta, Timestamp};

/// Acts further apart than this do not belong to one burst.
const BURST_GAP: TimeDelta = TimeDelta::from_millis(50);
/// Who ended longer before a burst did not start it.
const LONGEST_REACTION: TimeDelta = TimeDelta::from_secs(1);
/// How likely it may be that some connection ends so shortly before a burst by chance.
const CHANCE: f64 = 0.01;
/// Of so many neighbours one may be out of order: threads that accept side by side swap some.
const SWAPPED: usize = 10;

/// What one service's accept queue came to.
#[derive(Clone, Debug, Default)]
pub struct Releases {
    /// Bursts in the order of time.
    pub bursts: Vec<Burst>,
    /// The most connections that were in service while others waited.
    pub slots: u64,
    /// Who still waits when the capture ends, in the order in which they came.
    pub still: Vec<Waiting>,
    /// Of these, connections in service that were there before the first of them.
    pub holders: Vec<Served>,
    /// Connections that waited but could not be remembered.
    pub left_out: u64,
}

/// Connections that were served one right after the other.
#[derive(Clone, Debug)]
pub struct Burst {
    /// Whose end released them; `None` when it was nobody's.
    pub holder: Option<Served>,
    /// Those that waited in the accept queue, as far as can be told, in the order of their release.
    pub released: Vec<Waiting>,
    /// Those of which a later one was served before: they had been accepted, and waited for something else.
    pub overtaken: Vec<Waiting>,
    /// Others that were released with them and had waited for less than `--fin-delay`.
    pub brief: usize,
    /// The service aborted other connections meanwhile.
    pub aborts: usize,
    /// Neighbours that were released against the order of their handshakes.
    pub swapped: usize,
    /// How likely it is that a connection ended so shortly before by chance.
    pub chance: f64,
}

impl Burst {
    /// The first act.
    pub fn start(&self) -> Option<RecordRef> {
        let first = |list: &[Waiting]| list.first().and_then(|waiting| waiting.released);
        [first(&self.released), first(&self.overtaken)]
            .into_iter()
            .flatten()
            .min_by_key(|at| (at.time, at.record))
    }

    /// How soon after the holder's end the first and the last were released.
    pub fn delays(&self) -> Option<(TimeDelta, TimeDelta)> {
        let ended = self.holder?.ended?.time;
        let (first, last) = (self.released.first()?.released?, self.released.last()?.released?);
        Some((first.time - ended, last.time - ended))
    }
}

impl Queue {
    /// Finds out who released whom, once all flows were added.
    pub fn settle(self) -> Releases {
        let Self { mut waiting, brief, mut served, overtakers, mut aborts, left_out } = self;
        aborts.sort_unstable();
        served.sort_unstable_by_key(|it| {
            it.ended.map_or((Timestamp::MAX, it.flow), |end| (end.time, end.record))
        });
        waiting.sort_unstable_by_key(|it| {
            it.released.map_or((Timestamp::MAX, it.flow), |at| (at.time, at.record))
        });
        let released = waiting.partition_point(|it| it.released.is_some());
        let (released, rest) = waiting.split_at(released);
        let scene =
            Scene { served: &served, brief: &brief, overtakers: &overtakers.settle(), aborts: &aborts };
        let mut bursts: Vec<Burst> = Vec::new();
        for members in released.chunk_by(|one, next| gap(one, next) < BURST_GAP) {
            let burst = scene.burst(members, bursts.last());
            bursts.push(burst);
        }
        let slots = bursts.iter().map(|burst| scene.in_service(burst)).max().unwrap_or(0);
        let mut still: Vec<_> = rest.iter().filter(|it| it.ended.is_none()).copied().collect();
        still.sort_unstable_by_key(|it| (it.opened.time, it.opened.record));
        let still = scene.not_overtaken(still);
        let holders = scene.holders_of(&still);
        Releases { bursts, slots, still, holders, left_out }
    }
}

fn gap(one: &Waiting, next: &Waiting) -> TimeDelta {
    match (one.released, next.released) {
        (Some(one), Some(next)) => next.time - one.time,
        _ => TimeDelta::ZERO,
    }
}

/// What one service did besides.
struct Scene<'a> {
    /// In the order of their ends, those without one last.
    served: &'a [Served],
    brief: &'a [(Timestamp, RecordRef)],
    overtakers: &'a overtakers::Served,
    aborts: &'a [Timestamp],
}

impl Scene<'_> {
    fn burst(&self, members: &[Waiting], before: Option<&Burst>) -> Burst {
        let start = members.first().and_then(|first| first.released).unwrap_or_default();
        let end = members.last().and_then(|last| last.released).unwrap_or_default();
        let latest = self.overtakers.latest_before(start.time);
        let is_overtaken = |it: &Waiting| latest.is_some_and(|came| came > it.opened.time + it.round_trip);
        let (overtaken, released): (Vec<_>, Vec<_>) = members.iter().copied().partition(is_overtaken);
        let around = (start.time + -BURST_GAP, end.time + BURST_GAP);
        let place = |at: Timestamp| self.aborts.partition_point(|it| *it < at);
        let aborts = place(around.1).saturating_sub(place(around.0));
        let swapped = released.windows(2).filter(|pair| is_swapped(pair)).count();
        let mut burst = Burst { holder: None, released, overtaken, brief: 0, aborts, swapped, chance: 1.0 };
        let in_order = swapped * SWAPPED <= burst.released.len();
        if let Some(head) = burst.released.first().filter(|_| aborts == 0 && in_order) {
            let found = self.releaser(head);
            if let Some((holder, chance)) = found.filter(|(_, chance)| *chance <= CHANCE) {
                let holder = through(holder, before);
                burst.released.retain(|it| is_before(holder.opened, it.opened));
                burst.holder = Some(holder);
                burst.chance = chance;
                burst.brief = self.brief.iter().filter(|it| came_along(it, start, end)).count();
            }
        }
        burst
    }

    /// Who ended last before `head` was released, and how likely somebody does so by chance.
    fn releaser(&self, head: &Waiting) -> Option<(Served, f64)> {
        let released = head.released?;
        let ended_before =
            self.served.partition_point(|it| it.ended.is_some_and(|end| is_before(end, released)));
        let ended = self.served.get(..ended_before)?;
        let holder =
            ended.iter().rev().find(|it| is_before(it.opened, head.opened) && it.flow != head.flow)?;
        let reaction = released.time - holder.ended?.time;
        if reaction > LONGEST_REACTION {
            return None;
        }
        let since = ended.partition_point(|it| it.ended.is_some_and(|end| end.time < head.demand));
        let chance = chance_of(reaction, released.time - head.demand, ended.len().saturating_sub(since));
        Some((*holder, chance))
    }

    /// How many were in service when the burst began, its holder among them.
    fn in_service(&self, burst: &Burst) -> u64 {
        let (Some(holder), Some(head)) = (burst.holder, burst.released.first()) else { return 0 };
        let ended = holder.ended.map_or(Timestamp::MAX, |end| end.time);
        let serves = |it: &&Served| {
            it.served < ended
                && it.ended.is_none_or(|end| end.time >= ended)
                && is_before(it.opened, head.opened)
        };
        self.served.iter().filter(serves).count() as u64
    }

    /// Those of `still` that nobody overtook.
    fn not_overtaken(&self, mut still: Vec<Waiting>) -> Vec<Waiting> {
        let latest = self.overtakers.latest_before(Timestamp::MAX);
        still.retain(|it| latest.is_none_or(|came| came <= it.opened.time + it.round_trip));
        still
    }

    /// Who is in service at the end and came before the first of `still`.
    fn holders_of(&self, still: &[Waiting]) -> Vec<Served> {
        let Some(head) = still.first() else { return Vec::new() };
        let holds = |it: &&Served| it.ended.is_none() && is_before(it.opened, head.opened);
        self.served.iter().filter(holds).copied().collect()
    }
}

/// Who waited itself and was served for a moment only passed the slot on: its own releaser did both.
fn through(holder: Served, before: Option<&Burst>) -> Served {
    let passed_on = before.and_then(|burst| {
        let own = burst.released.iter().find(|it| it.flow == holder.flow)?.released?;
        (holder.ended?.time - own.time < LONGEST_REACTION).then_some(burst.holder)?
    });
    passed_on.unwrap_or(holder)
}

/// True for one that waited when a burst began, and was released in it.
fn came_along(&(demand, released): &(Timestamp, RecordRef), start: RecordRef, end: RecordRef) -> bool {
    demand < start.time && is_before(start, released) && released.time < end.time + BURST_GAP
}

fn is_swapped(pair: &[Waiting]) -> bool {
    matches!(pair, [one, next] if next.opened.time + next.round_trip < one.opened.time)
}

fn is_before(one: RecordRef, other: RecordRef) -> bool {
    (one.time, one.record) < (other.time, other.record)
}

/// How likely it is that one of `ends` moments, anywhere in `wait`, lies within its last `reaction`.
fn chance_of(reaction: TimeDelta, wait: TimeDelta, ends: usize) -> f64 {
    let share = reaction.as_secs_f64() / wait.as_secs_f64().max(1e-9);
    let ends = i32::try_from(ends.max(1)).unwrap_or(i32::MAX);
    1.0 - (1.0 - share.clamp(0.0, 1.0)).powi(ends)
}
