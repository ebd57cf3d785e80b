//! Which addresses may be dialled: public ones, and those that the operator lists.

use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not a public one. From the IANA special-purpose registries for IPv4 and IPv6, plus the
/// well-known metadata services that lie outside those ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// `127.0.0.0/8`, `::1`.
    Loopback,
    /// RFC 1918, unique local and the old site-local addresses.
    Private,
    /// `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// Shared address space of carriers, `100.64.0.0/10`.
    CarrierNat,
    Multicast,
    /// A cloud's metadata or wire service.
    Metadata,
    Documentation,
    Benchmarking,
    /// An IPv6 address that carries an IPv4 address or stands for a tunnel to one.
    Translated,
    /// Set aside, or not handed out at all.
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Special::Unspecified => "unspecified",
            Special::Loopback => "loopback",
            Special::Private => "private",
            Special::LinkLocal => "link-local",
            Special::CarrierNat => "carrier-grade NAT",
            Special::Multicast => "multicast",
            Special::Metadata => "metadata service",
            Special::Documentation => "documentation",
            Special::Benchmarking => "benchmarking",
            Special::Translated => "translated or tunnelled",
            Special::Reserved => "reserved",
        })
    }
}

/// Says what is special about an address, or `None` for a public unicast address.
pub fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        [0, ..] => Some(Special::Unspecified),
        [10, ..] => Some(Special::Private),
        [100, 64..=127, ..] => Some(Special::CarrierNat),
        [127, ..] => Some(Special::Loopback),
        // Azure's wire server sits in a public range but answers only inside.
        [168, 63, 129, 16] => Some(Special::Metadata),
        [169, 254, 169, 254] => Some(Special::Metadata),
        [169, 254, ..] => Some(Special::LinkLocal),
        [172, 16..=31, ..] => Some(Special::Private),
        [192, 0, 0, _] => Some(Special::Reserved),
        [192, 0, 2, _] => Some(Special::Documentation),
        // The deprecated 6to4 relay anycast.
        [192, 88, 99, _] => Some(Special::Translated),
        [192, 168, ..] => Some(Special::Private),
        [198, 18..=19, ..] => Some(Special::Benchmarking),
        [198, 51, 100, _] => Some(Special::Documentation),
        [203, 0, 113, _] => Some(Special::Documentation),
        [224..=239, ..] => Some(Special::Multicast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Special::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Special::Loopback),
        // IPv4-compatible, IPv4-mapped and the SIIT form: the machine would dial the IPv4 address inside.
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(Special::Translated),
        // NAT64, well-known and local-use prefixes.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(Special::Translated),
        // Teredo and 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Some(Special::Translated),
        [0x2001, 2, 0, ..] => Some(Special::Benchmarking),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Some(Special::Documentation),
        // The rest of the IETF protocol block, ORCHID included.
        [0x2001, 0..=0x1ff, ..] => Some(Special::Reserved),
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Some(Special::Metadata),
        [0xfc00..=0xfdff, ..] => Some(Special::Private),
        [0xfe80..=0xfebf, ..] => Some(Special::LinkLocal),
        [0xfec0..=0xfeff, ..] => Some(Special::Private),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        // Only 2000::/3 has been handed out as global unicast.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Special::Reserved),
    }
}

/// The ranges beyond public ones that the operator lets requests go to (`LATCHKEY_ALLOW_UPSTREAM`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

impl From<Vec<IpNet>> for AllowList {
    fn from(ranges: Vec<IpNet>) -> Self {
        Self(ranges)
    }
}

impl AllowList {
    /// Reads a comma-separated list of networks (`10.1.0.0/16`) and single addresses (`127.0.0.1`, `::1`).
    ///
    /// # Errors
    /// A sentence that names the first part that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| {
                part.parse::<IpNet>()
                    .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
                    .map_err(|_| format!("\"{part}\" is neither an address nor a network such as 10.1.0.0/16"))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self)
    }

    /// Whether the operator listed this address. Plain http is possible to listed addresses only.
    pub fn lists(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Whether a request may go to this address over https.
    pub fn permits(&self, address: IpAddr) -> bool {
        special(address).is_none() || self.lists(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn both_ends_of_every_special_range_are_refused() {
        for (range, kind) in [
            ("0.0.0.0/8", Special::Unspecified),
            ("10.0.0.0/8", Special::Private),
            ("100.64.0.0/10", Special::CarrierNat),
            ("127.0.0.0/8", Special::Loopback),
            ("168.63.129.16/32", Special::Metadata),
            ("169.254.169.254/32", Special::Metadata),
            ("169.254.0.0/16", Special::LinkLocal),
            ("172.16.0.0/12", Special::Private),
            ("192.0.0.0/24", Special::Reserved),
            ("192.0.2.0/24", Special::Documentation),
            ("192.88.99.0/24", Special::Translated),
            ("192.168.0.0/16", Special::Private),
            ("198.18.0.0/15", Special::Benchmarking),
            ("198.51.100.0/24", Special::Documentation),
            ("203.0.113.0/24", Special::Documentation),
            ("224.0.0.0/4", Special::Multicast),
            ("240.0.0.0/4", Special::Reserved),
            ("::/128", Special::Unspecified),
            ("::1/128", Special::Loopback),
            ("::ffff:0:0/96", Special::Translated),
            ("::ffff:0:0:0/96", Special::Translated),
            ("64:ff9b::/96", Special::Translated),
            ("64:ff9b:1::/48", Special::Translated),
            ("100::/64", Special::Reserved),
            ("2001::/32", Special::Translated),
            ("2001:2::/48", Special::Benchmarking),
            ("2001:20::/28", Special::Reserved),
            ("2001:db8::/32", Special::Documentation),
            ("2002::/16", Special::Translated),
            ("3fff::/20", Special::Documentation),
            ("4000::/3", Special::Reserved),
            ("5f00::/16", Special::Reserved),
            ("fc00::/8", Special::Private),
            ("fd00:ec2::254/128", Special::Metadata),
            ("fe80::/10", Special::LinkLocal),
            ("fec0::/10", Special::Private),
            ("ff00::/8", Special::Multicast),
        ] {
            let net: IpNet = range.parse().expect("a network");
            assert_eq!(special(net.network()), Some(kind), "first of {range}");
            assert_eq!(special(net.broadcast()), Some(kind), "last of {range}");
        }
    }

    #[test]
    fn the_neighbours_of_special_ranges_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2606:4700::1111",
            "3fff:1000::",
        ] {
            assert_eq!(special(ip(address)), None, "{address}");
        }
    }

    #[test]
    fn the_operators_list_opens_exactly_what_it_names() {
        let list = AllowList::parse(" 127.0.0.1, 10.1.0.0/16,::1 ,").expect("a list");
        for (address, open) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:127.0.0.1", false),
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::1", true),
            ("8.8.8.8", true),
        ] {
            assert_eq!(list.permits(ip(address)), open, "{address}");
        }
        assert!(!list.lists(ip("8.8.8.8")), "public, but not listed: no plain http");
        assert_eq!(AllowList::parse(""), Ok(AllowList::default()));
        for bad in ["localhost", "10.0.0.0/33", "10.0.0", "127.0.0.1:80", "::1%lo"] {
            assert!(AllowList::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// What the standard library knows to be special is special here.
        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_documentation() || v4.is_broadcast() || v4.is_unspecified()
            {
                prop_assert!(special(IpAddr::V4(v4)).is_some());
            }
        }

        /// No way of writing an IPv4 address inside an IPv6 one is public.
        #[test]
        fn no_embedding_of_ipv4_is_public(bits: u32) {
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for v6 in [
                Ipv4Addr::from(bits).to_ipv6_mapped(),
                Ipv4Addr::from(bits).to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            ] {
                prop_assert!(special(IpAddr::V6(v6)).is_some(), "{}", v6);
            }
        }

        #[test]
        fn nothing_outside_global_unicast_is_public(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            if bits >> 125 != 1 {
                prop_assert!(special(IpAddr::V6(v6)).is_some());
            }
        }
    }
}
