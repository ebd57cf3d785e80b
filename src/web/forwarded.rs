//! The address of a caller behind proxies.

use axum::http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The nearest hop that is no proxy of ours. Each hop was named by the one before it, so the walk goes from the connection's
/// other end backwards and believes the next name only while it stands at a proxy: what comes before that was sent by the
/// caller. A hop that cannot be read ends the walk at the proxy that named it.
pub fn caller(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let mut at = peer.to_canonical();
    for hop in hops(headers) {
        match hop {
            Some(hop) if is_among(at, proxies) => at = hop,
            _ => break,
        }
    }
    at
}

/// What `X-Forwarded-For` names, the nearest hop first. None: an entry, or a whole line, that cannot be read.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(',').map(read))
}

/// An address, with or without a port: `203.0.113.7`, `203.0.113.7:54321`, `2001:db8::7`, `[2001:db8::7]:443`.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let address = hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip())).or_else(bracketed);
    address.map(|address| address.to_canonical())
}

/// Whether one of the ranges holds the address, whichever way it is written: `::ffff:127.0.0.0/104` is `127.0.0.0/8`.
fn is_among(address: IpAddr, ranges: &[IpNet]) -> bool {
    ranges.iter().any(|range| match (address, range) {
        (IpAddr::V4(v4), IpNet::V6(range)) => range.prefix_len() >= 96 && range.contains(&v4.to_ipv6_mapped()),
        _ => range.contains(&address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// The caller that these lines name, when they come from this peer and 10.0.0.0/8 and 127.0.0.0/8 are proxies.
    fn named(peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let proxies = ["10.0.0.0/8", "::ffff:127.0.0.0/104", "2001:db8:ffff::/48"].map(|range| range.parse().unwrap());
        caller(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn ports_are_no_part_of_an_address() {
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, 203.0.113.7:54321"]), "203.0.113.7");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, [2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6,[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, 203.0.113.7 ,\t10.9.9.9:80"]), "203.0.113.7");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, unknown"]), "10.0.0.1");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, _hidden, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, "]), "10.0.0.1");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6, 203.0.113.7:99999"]), "10.0.0.1");
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6", b"\xff"]), "10.0.0.1", "a line that is no text");
    }

    #[test]
    fn lines_follow_one_another() {
        assert_eq!(named("10.0.0.1", &[b"6.6.6.6", b"203.0.113.7, 10.0.0.2"]), "203.0.113.7");
        assert_eq!(named("10.0.0.1", &[b"203.0.113.7", b"10.0.0.3", b"10.0.0.2"]), "203.0.113.7");
    }

    #[test]
    fn one_address_has_several_spellings() {
        assert_eq!(named("::ffff:127.0.0.1", &[b"203.0.113.7"]), "203.0.113.7");
        assert_eq!(named("127.0.0.1", &[b"203.0.113.7, ::ffff:10.0.0.2"]), "203.0.113.7");
        assert_eq!(named("2001:db8:ffff::1", &[b"::ffff:203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(named("203.0.113.7", &[b"10.0.0.1"]), "203.0.113.7");
        assert_eq!(named("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(named("10.0.0.1", &[b"10.0.0.9, 10.0.0.2"]), "10.0.0.9", "all are ours: the first of them");
    }
}
