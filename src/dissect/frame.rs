//! The rest of a frame at some layer.

use super::SkipReason;
use crate::capture::Record;

/// No frame is longer: a TCP segment beyond the largest window (2³⁰, RFC 7323 §2.3) cannot be, and lengths
/// below this bound keep all later sums within 32 bits.
pub(super) const LONGEST: u32 = 1 << 30;

/// What is left of a frame at some layer: the octets captured, and how many there were on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    data: &'a [u8],
    length: u32,
}

impl<'a> Frame<'a> {
    pub(super) fn of(record: &Record<'a>) -> Self {
        let captured = u32::try_from(record.data.len()).unwrap_or(LONGEST);
        Self { data: record.data, length: record.original_length.max(captured).min(LONGEST) }
    }

    /// Octets that were kept of `length` on the wire.
    pub(super) const fn new(data: &'a [u8], length: u32) -> Self {
        Self { data, length }
    }

    /// The octets captured.
    pub(super) const fn data(self) -> &'a [u8] {
        self.data
    }

    /// Octets on the wire; may be more or fewer than `data` has.
    pub(super) const fn length(self) -> u32 {
        self.length
    }

    pub(super) fn byte(self, at: usize) -> Option<u8> {
        self.data.get(at).copied()
    }

    /// Two octets at `at`, network order.
    pub(super) fn word(self, at: usize) -> Option<u16> {
        self.data.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    /// Four octets at `at`, network order.
    pub(super) fn long(self, at: usize) -> Option<u32> {
        self.data.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    /// What follows the first `octets`; nothing when they were not all captured.
    pub(super) fn after(self, octets: usize) -> Option<Self> {
        let data = self.data.get(octets..)?;
        let length = self.length.saturating_sub(u32::try_from(octets).unwrap_or(u32::MAX));
        Some(Self { data, length })
    }

    /// The same start with the length that a header states, which excludes padding behind it. The stated
    /// length may exceed the frame (receive offload, or a file that was cut after capture).
    pub(super) fn with_length(self, length: u32) -> Self {
        let end = usize::try_from(length).unwrap_or(usize::MAX).min(self.data.len());
        Self { data: self.data.get(..end).unwrap_or_default(), length: length.min(LONGEST) }
    }

    /// Why something that should be here is not: the capture stopped short, or it never was there.
    pub(super) fn lacking(self, cut: SkipReason, malformed: SkipReason) -> SkipReason {
        let captured = u32::try_from(self.data.len()).unwrap_or(u32::MAX);
        if captured < self.length { cut } else { malformed }
    }
}
