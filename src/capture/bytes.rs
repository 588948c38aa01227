//! Integers of either byte order.

/// The byte order of a file or section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Big,
    Little,
}

/// Each reader gives 0 where `bytes` is too short: callers have checked, this only keeps panics out.
impl ByteOrder {
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let octets = chunk(bytes, at);
        if self == Self::Big { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }
    }

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let octets = chunk(bytes, at);
        if self == Self::Big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    }

    #[inline]
    pub(super) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let octets = chunk(bytes, at);
        if self == Self::Big { u64::from_be_bytes(octets) } else { u64::from_le_bytes(octets) }
    }

    /// Four 32-bit words. The order is asked once: a file has one, which the processor foresees.
    #[inline]
    pub(super) fn words(self, bytes: &[u8; 16]) -> [u32; 4] {
        let words = [0, 4, 8, 12].map(|at| chunk(bytes, at));
        match self {
            Self::Big => words.map(u32::from_be_bytes),
            Self::Little => words.map(u32::from_le_bytes),
        }
    }

    /// Two 32-bit words, the upper first, as pcapng writes its times.
    #[inline]
    pub(super) fn split_u64(self, bytes: &[u8], at: usize) -> u64 {
        u64::from(self.u32(bytes, at)) << 32 | u64::from(self.u32(bytes, at + 4))
    }
}

#[inline]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

/// A length as an index; lengths here are 32 bits and so are the smallest machines.
#[inline]
pub(super) const fn index(length: u32) -> usize {
    length as usize
}

/// Appends a number, seven bits an octet, the lowest first; the top bit says that more follow.
pub(super) fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Takes what [`push_varint`] wrote from the front of `octets`.
pub(super) fn take_varint(octets: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&octet, rest) = octets.split_first()?;
        *octets = rest;
        value |= u64::from(octet & 0x7f) << shift;
        if octet < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::ByteOrder::{Big, Little};

    #[test]
    fn a_number_of_any_size_comes_back() {
        let values = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let mut octets = Vec::new();
        for value in values {
            super::push_varint(value, &mut octets);
        }
        let mut rest = &octets[..];
        let back: Vec<u64> = std::iter::from_fn(|| super::take_varint(&mut rest)).collect();
        assert_eq!(back, values);
    }

    #[test]
    fn both_orders_are_read_and_nothing_beyond_the_end() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((Big.u16(&bytes, 0), Little.u16(&bytes, 0)), (0x0102, 0x0201));
        assert_eq!((Big.u32(&bytes, 4), Little.u32(&bytes, 4)), (0x0506_0708, 0x0807_0605));
        assert_eq!(Big.u64(&bytes, 0), 0x0102_0304_0506_0708);
        assert_eq!(Little.split_u64(&bytes, 0), 0x0403_0201_0807_0605);
        assert_eq!(Big.u32(&bytes, 6), 0);
    }
}
