//! What a key is narrowed to beside its permissions, ready for judging: which models, virtual keys, configs and prompts,
//! from which addresses, and from when on.

use super::{
    model::narrowing::{MOST, PATTERN_LIMIT},
    rules::{Judged, KeyRules},
};
use crate::kernel::{Code, ConfigId, Error, PromptId, Result, Timestamp, VirtualKeyId, text};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// A key's narrowing as it is stored with it. What is named is held by its id, so that nothing that takes its name later is
/// opened by it. An empty list narrows nothing. A member that this program does not know fails the reading: it is never
/// passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Narrowing {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Pattern>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub virtual_keys: Vec<VirtualKeyId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<ConfigId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PromptId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

impl Narrowing {
    /// Narrows nothing that the key reaches: at most from where and from when on it works.
    pub fn reaches_all(&self) -> bool {
        let Self { models, virtual_keys, configs, prompts, .. } = self;
        models.is_empty() && virtual_keys.is_empty() && configs.is_empty() && prompts.is_empty()
    }
}

/// A pattern of names in which each `*` stands for any characters, or none. Case counts, and the whole name is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Whether it fits a name. Takes time in proportion to both lengths: what stands between two stars is looked for once,
    /// from where the part before it ended.
    pub fn fits(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let Some(mut left) = name.strip_prefix(first) else { return false };
        let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in between.split('*') {
            match left.find(part) {
                Some(at) => left = &left[at + part.len()..],
                None => return false,
            }
        }
        left.ends_with(last)
    }

    /// Whether it fits all that the other fits. Some cases are not recognised, and count as no: a star of the other can
    /// only be taken by a star of this one, so the other's text is treated as a name.
    fn covers(&self, other: &Pattern) -> bool {
        self.fits(&other.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(typed: &str) -> std::result::Result<Self, String> {
        let typed = text::line("A model", typed, PATTERN_LIMIT)?;
        match typed.chars().any(char::is_whitespace) {
            true => Err(format!("“{}” has a blank in it. Write one model on each line.", text::cut(&typed, 60))),
            false => Ok(Self(typed.into())),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.into()
    }
}

/// A range of addresses. IPv4 addresses have one spelling: `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and no wider range of IPv6
/// holds any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range(IpNet);

impl Range {
    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all of another is in it.
    pub fn covers(&self, other: &Range) -> bool {
        self.0.contains(&other.0)
    }
}

impl FromStr for Range {
    type Err = String;

    /// Reads `10.0.0.0/8`, or an address alone.
    fn from_str(typed: &str) -> std::result::Result<Self, String> {
        let typed = typed.trim();
        let net = typed.parse::<IpNet>().or_else(|_| typed.parse::<IpAddr>().map(IpNet::from));
        let net = net.map_err(|_| {
            let shown: String = text::cut(typed, 60).chars().filter(|c| !c.is_control()).collect();
            format!("“{shown}” is no range of addresses. Write one such as 10.0.0.0/8, or an address alone.")
        })?;
        let net = match net {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
                Some(v4) => IpNet::new(v4.into(), v6.prefix_len() - 96).unwrap_or(net),
                None => net,
            },
            other => other,
        };
        Ok(Self(net.trunc()))
    }
}

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.to_string()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One address is written without the length of its range.
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

/// Reads each entry of a list once, and says what is wrong with the first that cannot be read.
pub fn entries<T: FromStr<Err = String> + PartialEq>(typed: &[String]) -> std::result::Result<Vec<T>, String> {
    let mut read = vec![];
    for entry in distinct(typed)? {
        let entry: T = entry.parse()?;
        if !read.contains(&entry) {
            read.push(entry);
        }
    }
    Ok(read)
}

/// The entries of a list, each once, without what is empty.
pub fn distinct(typed: &[String]) -> std::result::Result<Vec<&str>, String> {
    let there: Vec<&str> = typed.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()).collect();
    if there.len() > MOST {
        return Err(format!("There can be {MOST} entries at most."));
    }
    let mut found: Vec<&str> = vec![];
    for entry in there {
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Whether a list that narrows lets something through.
fn lets<T>(list: &[T], fits: impl Fn(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fits)
}

/// Whether a list is narrowed at least as far as `own`.
fn within<T>(list: &[T], own: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    own.is_empty() || (!list.is_empty() && list.iter().all(|one| own.iter().any(|mine| covers(mine, one))))
}

impl Narrowing {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the model may be called, by the name under which the provider knows it.
    pub fn lets_model(&self, model: &str) -> bool {
        lets(&self.models, |pattern| pattern.fits(model))
    }

    pub fn lets_virtual_key(&self, id: VirtualKeyId) -> bool {
        lets(&self.virtual_keys, |one| *one == id)
    }

    pub fn lets_config(&self, id: ConfigId) -> bool {
        lets(&self.configs, |one| *one == id)
    }

    pub fn lets_prompt(&self, id: PromptId) -> bool {
        lets(&self.prompts, |one| *one == id)
    }

    /// What a key that is narrowed to `own` would give away with one that is narrowed to this, in a word: the first kind in
    /// which this is not narrowed as far. A moment that has passed narrows nothing: `own` is of a key that works now.
    pub fn wider_than(&self, own: &Narrowing) -> Option<&'static str> {
        let kinds = [
            ("models", within(&self.models, &own.models, Pattern::covers)),
            ("virtual keys", within(&self.virtual_keys, &own.virtual_keys, PartialEq::eq)),
            ("configs", within(&self.configs, &own.configs, PartialEq::eq)),
            ("prompts", within(&self.prompts, &own.prompts, PartialEq::eq)),
            ("addresses", within(&self.allowed_ips, &own.allowed_ips, Range::covers)),
        ];
        kinds.into_iter().find(|(_, is_within)| !is_within).map(|(kind, _)| kind)
    }
}

/// What bounds a key beside its permissions: its own narrowing, and what its organisation asks of all keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyBounds {
    pub own: Narrowing,
    /// The organisation's ranges; none: any address.
    pub ranges: Vec<Range>,
    /// Which rule of the organisation the key breaks, and what can be done, in sentences.
    pub breaks: Option<String>,
}

impl KeyBounds {
    /// Of a key that the rules look at.
    pub fn of(own: Narrowing, rules: KeyRules, key: Judged) -> Self {
        let breaks = rules.broken_by(key);
        Self { own, ranges: rules.allowed_ips, breaks }
    }

    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether where a call comes from matters.
    pub fn asks_where(&self) -> bool {
        !self.own.allowed_ips.is_empty() || !self.ranges.is_empty()
    }

    /// Whether the key works from an address. One that is not known is in no range.
    pub fn lets_address(&self, address: Option<IpAddr>) -> bool {
        let is_in = |ranges: &[Range]| lets(ranges, |range| address.is_some_and(|address| range.holds(address)));
        is_in(&self.own.allowed_ips) && is_in(&self.ranges)
    }

    /// Whether the key works at this moment, and from this address, as far as it is bounded here.
    pub fn check(&self, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        if let Some(from) = self.own.not_before.filter(|from| now < *from) {
            return Err(Error::new(Code::ApiKeyNotYetValid, not_yet(from)));
        }
        if let Some(breaks) = &self.breaks {
            return Err(Error::new(Code::KeyBreaksPolicy, breaks.clone()));
        }
        match self.lets_address(address) {
            true => Ok(()),
            false => Err(Error::new(Code::AddressNotAllowed, not_from(address))),
        }
    }
}

/// That a key does not work yet.
pub fn not_yet(from: Timestamp) -> String {
    format!("This API key does not work yet. It works from {} on.", from.date_time())
}

/// That a key does not work from an address.
pub fn not_from(address: Option<IpAddr>) -> String {
    match address {
        Some(address) => format!(
            "This API key does not work from {}. It is narrowed to certain addresses; whoever manages it can change that.",
            address.to_canonical()
        ),
        None => {
            "This API key is narrowed to certain addresses, and the address of this request is not known.".to_owned()
        }
    }
}

#[cfg(test)]
#[path = "narrowing_tests.rs"]
mod tests;
