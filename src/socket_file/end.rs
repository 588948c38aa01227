//! Addresses and ports as socket tools write them.

use std::net::{IpAddr, Ipv4Addr};

use super::row::SocketEnd;

/// An address that takes so many octets with its port may have been cut: `netstat` without `-W` makes no column
/// longer (`addr_do_one` of net-tools).
const CUT_AT: usize = 23;

/// `192.0.2.1:80`, `[2001:db8::1]:80`, `2001:db8::1:80` (netstat, old ss), `*:80`, `0.0.0.0:*`, each with an
/// interface behind `%`, inside the brackets or after them.
pub(super) fn parse_end(text: &str) -> Result<SocketEnd, String> {
    let (addr, port) = text.rsplit_once(':').ok_or_else(|| format!("{text:?} has no port"))?;
    let port = match port {
        "*" => None,
        // Listening sockets in /proc/net/tcp have peers with port 0.
        number => Some(number.parse().map_err(|_| no_port(number))?),
    };
    let (addr, interface) = split_interface(addr);
    let addr = match addr {
        "*" => None,
        text => Some(text.parse().map(unmapped).map_err(|_| no_address(text))?),
    };
    Ok(SocketEnd { addr, port, interface: interface.map(str::to_owned), may_be_cut: false })
}

/// The same for a column of `netstat`, which cuts long addresses.
pub(super) fn parse_netstat_end(text: &str) -> Result<SocketEnd, String> {
    let is_full = text.len() >= CUT_AT;
    match parse_end(text) {
        Ok(end) => {
            Ok(SocketEnd { may_be_cut: is_full && end.addr.is_some_and(|addr| addr.is_ipv6()), ..end })
        }
        Err(_) if is_full && text.matches(':').count() > 1 => {
            Err(format!("the address in {text:?} is cut; run netstat with -W"))
        }
        Err(why) => Err(why),
    }
}

/// An IPv6 socket that talks IPv4 has IPv4 on the wire.
pub(super) fn unmapped(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(addr, IpAddr::V4),
        IpAddr::V4(_) => addr,
    }
}

fn split_interface(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((inside, after)) = rest.split_once(']')
    {
        let (addr, inner) = inside.split_once('%').map_or((inside, None), |(addr, name)| (addr, Some(name)));
        return (addr, after.strip_prefix('%').or(inner));
    }
    text.split_once('%').map_or((text, None), |(addr, name)| (addr, Some(name)))
}

fn no_port(text: &str) -> String {
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        format!("port {text:?} is a name; run the tool with -n")
    } else {
        format!("{text:?} is no port")
    }
}

fn no_address(text: &str) -> String {
    let is_name = text.contains(|character: char| character.is_ascii_alphabetic()) && !text.contains(':');
    if is_name && text.parse::<Ipv4Addr>().is_err() {
        format!("{text:?} is a host name; run the tool with -n")
    } else {
        format!("{text:?} is no address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        parse_end(text).map_or_else(|why| why, |end| end.to_string())
    }

    #[test]
    fn every_spelling_of_an_end_is_read() {
        for (written, read) in [
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("0.0.0.0:*", "0.0.0.0:*"),
            ("*:80", "*:80"),
            ("[::]:*", "[::]:*"),
            (":::22", "[::]:22"),
            (":::*", "[::]:*"),
            ("::1:631", "[::1]:631"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
            ("2001:db8::1:80", "[2001:db8::1]:80"),
            ("fe80::1%eth0:80", "[fe80::1]%eth0:80"),
            ("[fe80::1]%eth0:80", "[fe80::1]%eth0:80"),
            ("[fe80::1%eth0]:80", "[fe80::1]%eth0:80"),
            ("127.0.0.53%lo:53", "127.0.0.53%lo:53"),
            ("*%eth0:68", "*%eth0:68"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1:80"),
            ("::ffff:192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(parsed(written), read, "{written}");
        }
    }

    #[test]
    fn what_is_no_end_says_why() {
        assert!(parsed("192.0.2.1:http").contains("-n"));
        assert!(parsed("web-1.example:80").contains("-n"));
        assert_eq!(parsed("192.0.2.1"), "\"192.0.2.1\" has no port");
        assert_eq!(parsed("192.0.2.1:65536"), "\"65536\" is no port");
        assert_eq!(parsed("192.0.2:80"), "\"192.0.2\" is no address");
        assert_eq!(parsed(":80"), "\"\" is no address");
    }

    #[test]
    fn what_netstat_cut_is_no_other_address() {
        let why = parse_netstat_end("2001:db8:1234:5678:9:80").unwrap_err();
        assert!(why.contains("-W"), "{why}");
        assert!(parse_netstat_end("2001:db8::1234:567:8080").unwrap().may_be_cut);
        assert!(!parse_netstat_end("2001:db8::1:8080").unwrap().may_be_cut);
        assert!(!parse_netstat_end("192.168.100.200:50000").unwrap().may_be_cut);
    }
}
