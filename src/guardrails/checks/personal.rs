//! Personal data: `portkey.pii`, by patterns and check digits. What no pattern can tell, such as names, is refused by
//! name. Digits are ASCII's; a number may not be broken over lines.

mod numbers;

use super::parameters::Parameters;
use super::patterns::{self, Finder, Place, Redact, Redacting};
use super::{Found, HashKey, Mark, Rewriting, Scene};
use memchr::memchr_iter;
use std::net::Ipv6Addr;
use std::ops::Range;

pub(super) const EMAIL: &str = "EMAIL_ADDRESS";
pub(super) const PHONE: &str = "PHONE_NUMBER";
pub(super) const CARD: &str = "CREDIT_CARD";
pub(super) const SSN: &str = "SSN";
pub(super) const IP: &str = "IP_ADDRESS";
pub(super) const IBAN: &str = "IBAN";

const CATEGORIES: [&str; 6] = [EMAIL, PHONE, CARD, SSN, IP, IBAN];

/// Which personal data may not be there, or are taken out.
#[derive(Debug)]
pub struct Personal {
    wanted: Vec<&'static str>,
    redact: Option<Redact>,
}

pub(super) fn compile(read: &mut Parameters<'_>) -> Option<Personal> {
    let redact = Redact::read(read);
    // Clients send it for the service that others ask; there is none here that could be late.
    read.whole("timeout", 5_000, 600_000);
    if read.flag_or("not", false) {
        read.wrong("not", "Personal data can be forbidden, but not required. Leave `not` out.");
    }
    let listed = read.texts("categories", 1, 50, 100)?;
    let mut wanted = vec![];
    for (number, name) in listed.iter().enumerate() {
        match CATEGORIES.iter().find(|known| *known == name) {
            Some(known) => wanted.push(*known),
            None => {
                let known = CATEGORIES.join(", ");
                let message = format!("No pattern can recognise `{name}`. The categories are {known}.");
                read.wrong(&format!("categories[{number}]"), message);
            }
        }
    }
    Some(Personal { wanted, redact })
}

impl Personal {
    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        patterns::judge(self, scene)
    }

    pub(super) fn rewriting<'a>(&'a self, key: &'a HashKey) -> Option<Box<dyn Rewriting + Send + 'a>> {
        let by = self.redact?;
        Some(Box::new(Redacting::new(self, by, key)))
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        patterns::marks(self, text)
    }

    fn wants(&self, category: &str) -> bool {
        self.wanted.contains(&category)
    }
}

impl Finder for Personal {
    fn find(&self, text: &str, found: &mut Vec<Place>) {
        if self.wants(EMAIL) {
            emails(text, found);
        }
        // An account's or card's number is no telephone number, whether it is looked for or not.
        let numbers = [PHONE, CARD, SSN, IP].into_iter().any(|category| self.wants(category));
        if self.wants(IBAN) || self.wants(PHONE) {
            ibans(text, found);
        }
        if self.wants(IP) {
            ipv6(text, found);
        }
        if numbers {
            numbers::find(text, self.wants(PHONE), found);
            without_false_phones(found);
        }
        found.retain(|place| self.wants(place.category));
    }

    fn same(&self, category: &'static str, value: &str) -> String {
        match category {
            EMAIL | IP => value.to_lowercase(),
            _ => value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase(),
        }
    }

    fn masked(&self, category: &'static str, value: &str) -> String {
        match category {
            EMAIL => value.rsplit_once('@').map_or_else(|| "****".into(), |(_, domain)| format!("****@{domain}")),
            IP => "****".to_owned(),
            _ => {
                let kept: Vec<char> = value.chars().filter(char::is_ascii_alphanumeric).collect();
                let end: String = kept[kept.len().saturating_sub(4)..].iter().collect();
                format!("****{end}")
            }
        }
    }
}

/// Leaves out telephone numbers that are parts of something else. Those come last.
fn without_false_phones(found: &mut Vec<Place>) {
    let mut known: Vec<Range<usize>> =
        found.iter().filter(|place| place.category != PHONE).map(|place| place.at.clone()).collect();
    known.sort_by_key(|at| at.end);
    found.retain(|place| {
        let next = known.partition_point(|at| at.end <= place.at.start);
        place.category != PHONE || known.get(next).is_none_or(|at| at.start >= place.at.end)
    });
}

/// Addresses of mail: what stands around each `@`.
fn emails(text: &str, found: &mut Vec<Place>) {
    let local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`|~-".contains(c);
    let domain = |c: char| c.is_alphanumeric() || c == '.' || c == '-';
    for at in memchr_iter(b'@', text.as_bytes()) {
        let before = &text[..at];
        let start = before.char_indices().rev().take_while(|(_, c)| local(*c)).last().map_or(at, |(start, _)| start);
        // Quotes and marks around it are none of it.
        let name = before[start..].trim_start_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name = match name.rfind(['=', '/', '\'', '`', '|', '&', '?', '#', '*', '!', '$', '^', '~']) {
            // `to='a@b.example'`, but `o'neill@b.example`.
            Some(mark) if !(name[mark..].starts_with('\'') && mark + 2 < name.len() && is_apostrophe(name, mark)) => {
                &name[mark + 1..]
            }
            _ => name,
        };
        let after = &text[at + 1..];
        let end = after.find(|c: char| !domain(c)).unwrap_or(after.len());
        if !name.is_empty()
            && let Some(length) = host(&after[..end])
        {
            found.push(Place { at: at - name.len()..at + 1 + length, category: EMAIL });
        }
    }
}

fn is_apostrophe(name: &str, mark: usize) -> bool {
    name[..mark].chars().next_back().is_some_and(char::is_alphabetic)
        && name[mark + 1..].chars().next().is_some_and(char::is_alphabetic)
}

/// The length of the host's name with which this begins: at least two labels, the last of at least two letters.
fn host(text: &str) -> Option<usize> {
    let mut length = None;
    let mut from = 0;
    for (number, label) in text.split('.').enumerate() {
        if label.is_empty() || label.starts_with('-') {
            break;
        }
        let letters = label.find(|c: char| !c.is_alphabetic()).unwrap_or(label.len());
        let whole = label[letters..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        if number > 0 {
            if label[..letters].chars().nth(1).is_some() && whole {
                length = Some(from + letters);
            }
            if label.len() > 4 && label.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("xn--")) {
                length = Some(from + label.trim_end_matches('-').len());
            }
        }
        from += label.len() + 1;
    }
    length
}

/// How long the numbers of a country are, the country's letters included.
const IBANS: [(&[u8; 2], usize); 78] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"XK", 20),
];

/// Numbers of bank accounts: two letters, two check digits, and as many more as the country has.
fn ibans(text: &str, found: &mut Vec<Place>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, four) in bytes.windows(4).enumerate() {
        let [first, second, third, fourth] = four else { continue };
        let fits = third.is_ascii_digit()
            && fourth.is_ascii_digit()
            && first.is_ascii_alphabetic()
            && second.is_ascii_alphabetic()
            && at >= from
            && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric() || at >= 2 && bytes[at - 2] == b'\\');
        if fits && let Some(end) = iban(bytes, at) {
            found.push(Place { at: at..end, category: IBAN });
            from = end;
        }
    }
}

/// Where the account's number that begins here ends.
fn iban(bytes: &[u8], start: usize) -> Option<usize> {
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    let length = IBANS.iter().find(|(known, _)| **known == country)?.1;
    let mut taken = [0_u8; 34];
    let mut count = 0;
    let mut at = start;
    while count < length {
        match bytes.get(at) {
            Some(byte) if byte.is_ascii_alphanumeric() => {
                taken[count] = byte.to_ascii_uppercase();
                count += 1;
            }
            Some(b' ' | b'-') if count > 0 && bytes[at - 1].is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    if bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let turned = taken[4..length].iter().chain(&taken[..4]);
    let rest = turned.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    (rest == 1).then_some(at)
}

/// Addresses of IPv6: runs of hexadecimal digits and colons that the standard library can read.
fn ipv6(text: &str, found: &mut Vec<Place>) {
    /// Eight groups, or six and an address of IPv4.
    const LONGEST: usize = 45;
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut from = 0;
    for colon in memchr_iter(b':', bytes) {
        if colon < from {
            continue;
        }
        let mut start = colon;
        while start > from && part(bytes[start - 1]) {
            start -= 1;
        }
        let mut end = colon;
        while end < bytes.len() && part(bytes[end]) {
            end += 1;
        }
        from = end;
        // A colon before it, or a stop behind it, is none of it.
        if bytes[start] == b':' && bytes.get(start + 1) != Some(&b':') {
            start += 1;
        } else if text[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !(start >= 2 && bytes[start - 2] == b'\\')
        {
            continue;
        }
        while start < end && bytes[start] == b'.' {
            start += 1;
        }
        let mut behind = end;
        while behind > start
            && (bytes[behind - 1] == b'.' || bytes[behind - 1] == b':' && !ends_open(bytes, start, behind))
        {
            behind -= 1;
        }
        if text[end..].chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_') && behind == end {
            continue;
        }
        let run = &text[start..behind];
        let groups = run.split(':').filter(|group| !group.is_empty()).count();
        let told = run.len() <= LONGEST && (run.bytes().any(|byte| byte.is_ascii_digit()) || groups >= 4);
        if told && run.parse::<Ipv6Addr>().is_ok() {
            found.push(Place { at: start..behind, category: IP });
        }
    }
}

/// Whether two colons end it.
fn ends_open(bytes: &[u8], start: usize, end: usize) -> bool {
    end - start >= 2 && bytes[end - 2] == b':' && (end - start < 3 || bytes[end - 3] != b':')
}

#[cfg(test)]
mod tests;
