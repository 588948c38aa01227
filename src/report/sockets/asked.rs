//! The moments of a whole input, gone through beside what is sorted by moment.

use std::io;
use std::iter::Peekable;

use crate::netstat::Within;
use crate::time::Timestamp;

/// The moments that were asked for, in order.
pub(super) struct Asked<'a> {
    moments: Peekable<Within<'a>>,
    /// The last one that was told.
    current: Option<Timestamp>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(moments: Within<'a>) -> Self {
        Self { moments: moments.peekable(), current: None }
    }

    /// Tells `each` of the moments up to `at`; false when `at` is none of them.
    pub(super) fn reach(
        &mut self,
        at: Timestamp,
        mut each: impl FnMut(Timestamp) -> io::Result<()>,
    ) -> io::Result<bool> {
        while let Some(moment) = self.moments.next_if(|moment| *moment <= at) {
            self.current = Some(moment);
            each(moment)?;
        }
        Ok(self.current == Some(at))
    }

    /// Tells `each` of all that are left.
    pub(super) fn finish(mut self, each: impl FnMut(Timestamp) -> io::Result<()>) -> io::Result<()> {
        self.reach(Timestamp::MAX, each).map(drop)
    }
}
