//! The networks that an address counts for, where something is limited by where it comes from.

use std::net::IpAddr;

/// An address's own network and the wider ones around it. Whoever has one IPv6 address has its /64, and may have a /56 or
/// /48 as easily; neighbours in an IPv4 /24 often belong to one holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks {
    /// The address itself, or its /64.
    pub own: String,
    /// Its /24, or its /56; none where the address is not known.
    pub around: Option<String>,
    /// Its /24, or its /48: as far as one holder may reach.
    pub widest: String,
}

impl Networks {
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self { own: "unknown".into(), around: None, widest: "unknown".into() },
            Some(IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                let around = format!("{a}.{b}.{c}.0/24");
                Self { own: v4.to_string(), around: Some(around.clone()), widest: around }
            }
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self {
                    own: format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"),
                    around: Some(format!("{a:x}:{b:x}:{c:x}:{:x}::/56", d & 0xff00)),
                    widest: format!("{a:x}:{b:x}:{c:x}::/48"),
                }
            }
        }
    }

    /// Each network once, with how many times the allowance of a single address it has.
    pub fn allowances(&self) -> impl Iterator<Item = (&str, u32)> {
        let around = self.around.as_deref();
        let widest = Some(self.widest.as_str()).filter(|widest| Some(*widest) != around && *widest != self.own);
        [Some((self.own.as_str(), 1)), around.map(|around| (around, 3)), widest.map(|widest| (widest, 6))]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowances(address: &str) -> Vec<(String, u32)> {
        let networks = Networks::of(address.parse().ok());
        networks.allowances().map(|(network, times)| (network.to_owned(), times)).collect()
    }

    #[test]
    fn networks_stand_inside_one_another() {
        let named = |list: &[(&str, u32)]| list.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect::<Vec<_>>();
        assert_eq!(allowances("203.0.113.7"), named(&[("203.0.113.7", 1), ("203.0.113.0/24", 3)]));
        assert_eq!(allowances("::ffff:203.0.113.7"), allowances("203.0.113.7"));
        let expected = [("2001:db8:1:2ab::/64", 1), ("2001:db8:1:200::/56", 3), ("2001:db8:1::/48", 6)];
        assert_eq!(allowances("2001:db8:1:2ab:3::1"), named(&expected));
        assert_eq!(allowances("nowhere"), named(&[("unknown", 1)]));
    }
}
