//! ICMP and ICMPv6 errors that quote a TCP segment (RFC 792, RFC 4443 §3).

use super::ip::{self, Addresses, Packet};
use super::walk::Context;
use super::{IcmpError, SkipReason};
use crate::tcp::SeqNumber;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Octets before the quoted packet, in both versions.
const HEADER: usize = 8;

/// True for ICMP over IPv4 and ICMPv6 over IPv6.
pub(super) const fn is_icmp(packet: &Packet<'_>) -> bool {
    matches!((packet.addresses, packet.protocol), (Addresses::V4(..), ICMP) | (Addresses::V6(..), ICMPV6))
}

/// The error, when it quotes ports and sequence number of a TCP segment.
pub(super) fn error(packet: &Packet<'_>, context: &Context) -> Result<IcmpError, SkipReason> {
    let v6 = packet.protocol == ICMPV6;
    let plain = if v6 { SkipReason::Icmpv6 } else { SkipReason::Icmp };
    let message = packet.payload;
    let absent = message.lacking(SkipReason::CutInIcmp, plain);
    let kind = message.byte(0).ok_or(absent)?;
    if !is_error(v6, kind) {
        return Err(plain);
    }
    let code = message.byte(1).ok_or(absent)?;
    let quote = message.after(HEADER).ok_or(absent)?;
    // A quote is a packet cut by its reporter: whether it fell short there or in the capture shows outside.
    let quoted = match ip::parse(quote).and_then(|(parsed, _)| ip::alone(parsed)) {
        Ok(quoted) => quoted,
        Err(SkipReason::CutBeforeIp | SkipReason::CutInIp) => return Err(absent),
        Err(_) => return Err(plain),
    };
    if quoted.protocol != ip::TCP {
        return Err(plain);
    }
    let start = quoted.payload;
    let (Some(source), Some(destination), Some(seq)) = (start.word(0), start.word(2), start.long(4)) else {
        return Err(absent);
    };
    let (tuple, from_low) = quoted.addresses.tuple((source, destination), context.scope);
    Ok(IcmpError {
        record: context.record,
        time: context.time,
        reporter: packet.addresses.source(),
        kind,
        code,
        v6,
        tuple,
        from_low,
        seq: SeqNumber(seq),
    })
}

/// True for the types that report an error about the quoted packet; a redirect (5) does not.
const fn is_error(v6: bool, kind: u8) -> bool {
    if v6 { matches!(kind, 1..=4) } else { matches!(kind, 3 | 4 | 11 | 12) }
}
