//! CAP: what the capture could not show. These accuse nobody; they say how far the other findings can be trusted.

mod clock_stepped;
mod cut_headers;
mod damaged_file;
mod edges;
mod missed_segments;
mod one_direction;
mod seen_twice;

pub(in crate::diagnose) use clock_stepped::CLOCK_STEPPED;
pub(in crate::diagnose) use cut_headers::CUT_HEADERS;
pub(in crate::diagnose) use damaged_file::DAMAGED_FILE;
pub(in crate::diagnose) use edges::EDGES;
pub(in crate::diagnose) use missed_segments::MISSED_SEGMENTS;
pub(in crate::diagnose) use one_direction::ONE_DIRECTION;
pub(in crate::diagnose) use seen_twice::SEEN_TWICE;

use crate::words::counted;
