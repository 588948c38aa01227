//! What few packed flows have: a pause, a closed window, an incarnation before.

use super::pass::Pass;
use crate::flow::facts::{Pause, Reuse, ReuseKind};
use crate::flow::live::Live;
use crate::flow::stalls::Stall;
use crate::net::Role;
use crate::time::TimeDelta;

pub(super) fn pass_pause(pass: &mut impl Pass, live: &mut Live) {
    let none = Pause { from: live.first, until: live.first, by: Role::Initiator, survived: TimeDelta::ZERO };
    let mut pause = live.pause().unwrap_or(none);
    pass.at(&mut pause.from, live.first);
    pass.at(&mut pause.until, live.active);
    pass_one_of(pass, &mut pause.by, &Role::BOTH);
    pass_span(pass, &mut pause.survived);
    live.rare_mut().pause = Some(pause);
}

/// The times for which `role` kept its window closed: that which goes on, and the longest before.
pub(super) fn pass_stalls(pass: &mut impl Pass, live: &mut Live, role: Role) {
    let near = live.first;
    let mut watch = live.stalls()[role];
    if pass_whether(pass, watch.closed.is_some()) {
        let (mut since, mut probes) = watch.closed.unwrap_or((near, 0));
        pass.at(&mut since, near);
        pass.small(&mut probes);
        watch.closed = Some((since, probes));
    }
    if pass_whether(pass, watch.longest.is_some()) {
        let mut stall = watch.longest.unwrap_or(Stall { since: near, until: None, probes: 0 });
        pass.at(&mut stall.since, near);
        let mut until = stall.until.unwrap_or(near);
        pass.at(&mut until, stall.since);
        pass.small(&mut stall.probes);
        watch.longest = Some(Stall { until: Some(until), ..stall });
    }
    live.rare_mut().stalls[role] = watch;
}

fn pass_span(pass: &mut impl Pass, span: &mut TimeDelta) {
    let mut nanos = span.nanos();
    pass.signed(&mut nanos);
    *span = TimeDelta::from_nanos(nanos);
}

/// Whether something follows.
fn pass_whether(pass: &mut impl Pass, is: bool) -> bool {
    let mut octet = u8::from(is);
    pass.octet(&mut octet);
    octet != 0
}

const KINDS: [ReuseKind; 4] =
    [ReuseKind::Clean, ReuseKind::WithinTimeWait, ReuseKind::HalfClosed, ReuseKind::Open];
const WAITING: [Option<Role>; 3] = [None, Some(Role::Initiator), Some(Role::Responder)];

pub(super) fn pass_reuse(pass: &mut impl Pass, live: &mut Live) {
    pass.small(&mut live.incarnation);
    let none = Reuse {
        predecessor: live.first.record,
        gap: None,
        kind: ReuseKind::Clean,
        waiting: None,
        since: None,
    };
    let mut reuse = live.reuse().unwrap_or(none);
    pass.record(&mut reuse.predecessor, live.first.record);
    pass_one_of(pass, &mut reuse.kind, &KINDS);
    pass_one_of(pass, &mut reuse.waiting, &WAITING);
    if pass_whether(pass, reuse.gap.is_some()) {
        let mut gap = reuse.gap.unwrap_or_default();
        pass_span(pass, &mut gap);
        reuse.gap = Some(gap);
    }
    if pass_whether(pass, reuse.since.is_some()) {
        let mut since = reuse.since.unwrap_or(live.first);
        pass.at(&mut since, live.first);
        reuse.since = Some(since);
    }
    live.rare_mut().reuse = Some(reuse);
}

fn pass_one_of<T: Copy + PartialEq>(pass: &mut impl Pass, value: &mut T, all: &[T]) {
    let mut place = all.iter().position(|one| one == value).unwrap_or_default();
    pass.count(&mut place);
    if let Some(one) = all.get(place) {
        *value = *one;
    }
}
