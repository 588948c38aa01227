//! Why a record is not a TCP segment, counted.

use std::collections::BTreeMap;
use std::fmt;

/// Why a record gave no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// ARP or RARP.
    Arp,
    /// An EtherType other than IP.
    OtherEtherType(u16),
    /// An 802.2, PPP or cooked frame that carries no network packet of ours.
    OtherLinkPayload,
    /// A link type that is not read.
    UnsupportedLink(u16),
    /// UDP that is no tunnel.
    Udp,
    /// ICMP that is no error about a TCP segment.
    Icmp,
    /// ICMPv6 that is no error about a TCP segment.
    Icmpv6,
    /// Another IP protocol.
    OtherIpProtocol(u8),
    /// An IP fragment after the first, of a datagram that did not become whole.
    IpFragment,
    /// An IP fragment that became part of a whole datagram, which counts as the record that completed it.
    JoinedFragment,
    /// An IP fragment after the first, of a datagram that had been told by its first fragment already.
    LateFragment,
    /// An IP fragment whose octets had come before.
    RepeatedFragment,
    /// More tunnels inside one another than are followed.
    TunnelTooDeep,
    /// The capture stops before the IP header.
    CutBeforeIp,
    /// The capture stops inside an IP header or its extensions.
    CutInIp,
    /// The capture stops before the flags of the TCP header.
    CutInTcp,
    /// The capture stops inside a UDP or tunnel header.
    CutInTunnel,
    /// The capture stops inside an ICMP error, before what it quotes is known.
    CutInIcmp,
    /// An IP header that contradicts itself.
    MalformedIp,
    /// A TCP header that contradicts itself or its IP header.
    MalformedTcp,
}

impl SkipReason {
    /// Stable name for machines; reasons that carry a number share one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arp => "arp",
            Self::OtherEtherType(_) => "other_ethertype",
            Self::OtherLinkPayload => "other_link_payload",
            Self::UnsupportedLink(_) => "unsupported_link",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::OtherIpProtocol(_) => "other_ip_protocol",
            Self::IpFragment => "ip_fragment",
            Self::JoinedFragment => "joined_fragment",
            Self::LateFragment => "late_fragment",
            Self::RepeatedFragment => "repeated_fragment",
            Self::TunnelTooDeep => "tunnel_too_deep",
            Self::CutBeforeIp => "cut_before_ip",
            Self::CutInIp => "cut_in_ip",
            Self::CutInTcp => "cut_in_tcp",
            Self::CutInTunnel => "cut_in_tunnel",
            Self::CutInIcmp => "cut_in_icmp",
            Self::MalformedIp => "malformed_ip",
            Self::MalformedTcp => "malformed_tcp",
        }
    }

    /// True when a TCP segment may have been lost to the analysis: cut, malformed or not understood.
    pub const fn may_hide_tcp(self) -> bool {
        !matches!(
            self,
            Self::Arp
                | Self::Udp
                | Self::Icmp
                | Self::Icmpv6
                | Self::OtherIpProtocol(_)
                | Self::JoinedFragment
                | Self::RepeatedFragment
        )
    }
}

/// For people.
impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherEtherType(kind) => return write!(f, "EtherType 0x{kind:04x}, not IP"),
            Self::UnsupportedLink(link) => return write!(f, "link type {link} is not read"),
            Self::OtherIpProtocol(protocol) => return write!(f, "IP protocol {protocol}, not TCP"),
            Self::Arp => "ARP",
            Self::OtherLinkPayload => "link control or another network protocol",
            Self::Udp => "UDP",
            Self::Icmp => "ICMP, no error about a TCP segment",
            Self::Icmpv6 => "ICMPv6, no error about a TCP segment",
            Self::IpFragment => "IP fragment after the first, not all of its datagram there",
            Self::JoinedFragment => "IP fragment, joined with the one that completed it",
            Self::LateFragment => "IP fragment that came after its connection had moved on",
            Self::RepeatedFragment => "IP fragment that had come before",
            Self::TunnelTooDeep => "too many tunnels inside one another",
            Self::CutBeforeIp => "cut before the IP header",
            Self::CutInIp => "cut inside the IP header",
            Self::CutInTcp => "cut before the TCP flags",
            Self::CutInTunnel => "cut inside a UDP or tunnel header",
            Self::CutInIcmp => "cut inside an ICMP error",
            Self::MalformedIp => "malformed IP header",
            Self::MalformedTcp => "malformed TCP header",
        })
    }
}

/// How often something applied, and where to look for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skips {
    /// Records.
    pub count: u64,
    /// Number of the first of them; 0 when there is none.
    pub first_record: u64,
}

/// Every record accounted for: `records = segments + icmp_errors + skipped`.
///
/// Bounded: reasons that carry a number can take at most 2 × 65,536 + 256 values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipTally {
    segments: u64,
    icmp_errors: Skips,
    /// Counted by itself, so that the sum over all reasons can be held against it.
    skipped: u64,
    reasons: BTreeMap<SkipReason, Skips>,
}

impl SkipTally {
    /// Records seen.
    pub const fn records(&self) -> u64 {
        self.segments + self.icmp_errors.count + self.skipped
    }

    /// Records that were TCP segments.
    pub const fn segments(&self) -> u64 {
        self.segments
    }

    /// Records that were ICMP errors about a TCP segment.
    pub const fn icmp_errors(&self) -> Skips {
        self.icmp_errors
    }

    /// Records that were neither: the sum over all reasons.
    pub fn skipped(&self) -> u64 {
        self.reasons.values().map(|skips| skips.count).sum()
    }

    /// Every reason that applied, in a fixed order.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = (SkipReason, Skips)> + '_ {
        self.reasons.iter().map(|(&reason, &skips)| (reason, skips))
    }

    /// Adds the counts of the part of the input that follows `records` records.
    pub fn join(&mut self, records: u64, later: &Self) {
        let moved = |skips: Skips| Skips { first_record: skips.first_record + records, ..skips };
        self.segments += later.segments;
        self.icmp_errors.add(moved(later.icmp_errors));
        self.skipped += later.skipped;
        for (reason, skips) in later.reasons() {
            self.add(reason, moved(skips));
        }
    }

    #[inline]
    pub(super) const fn count_segment(&mut self) {
        self.segments += 1;
    }

    pub(super) fn count_icmp_error(&mut self, record: u64) {
        self.icmp_errors.add(Skips { count: 1, first_record: record });
    }

    pub(super) fn count_skip(&mut self, reason: SkipReason, record: u64) {
        self.count_skips(reason, Skips { count: 1, first_record: record });
    }

    pub(super) fn count_skips(&mut self, reason: SkipReason, skips: Skips) {
        if skips.count > 0 {
            self.skipped += skips.count;
            self.add(reason, skips);
        }
    }

    fn add(&mut self, reason: SkipReason, skips: Skips) {
        self.reasons.entry(reason).or_default().add(skips);
    }
}

impl Skips {
    fn add(&mut self, others: Self) {
        self.first_record = match (self.count, others.count) {
            (_, 0) => self.first_record,
            (0, _) => others.first_record,
            _ => self.first_record.min(others.first_record),
        };
        self.count += others.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_keeps_the_sums_and_the_earliest_example() {
        let mut late = SkipTally::default();
        late.count_skip(SkipReason::Udp, 4);
        let mut early = SkipTally::default();
        early.count_skip(SkipReason::Udp, 3);
        early.count_skip(SkipReason::OtherEtherType(0x88cc), 4);
        early.join(5, &late);
        let reasons: Vec<_> = early.reasons().collect();
        assert_eq!(early.records(), 3);
        assert_eq!(early.skipped(), 3);
        assert_eq!(
            reasons,
            [
                (SkipReason::OtherEtherType(0x88cc), Skips { count: 1, first_record: 4 }),
                (SkipReason::Udp, Skips { count: 2, first_record: 3 }),
            ]
        );
    }
}
