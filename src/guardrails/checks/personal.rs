//! Personal data by patterns: `portkey.pii`. What no pattern can tell (a name, an address) is refused by name. `IBAN` is
//! ours, beside the contract's categories.

use super::parameters::Parameters;
use super::patterns::{Finder, Redact, Redacting, apart, judge, mark};
use super::{Found, Mark, Rewriting, Scene};
use regex::Regex;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

pub(in super::super) const CATEGORIES: [&str; 6] =
    ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "SSN", "IP_ADDRESS", "IBAN"];

/// Looks for personal data.
#[derive(Debug)]
pub struct Personal {
    categories: Vec<&'static str>,
    redact: Option<Redact>,
}

pub(super) fn compile(read: &mut Parameters<'_>) -> Option<Personal> {
    let redact = Redact::read(read);
    // Existing clients send how long a model may take to judge; patterns take no time to speak of.
    read.whole("timeout", 5_000, 600_000);
    let named = read.texts("categories", 1, 20, 60)?;
    let mut categories = vec![];
    for name in &named {
        match CATEGORIES.iter().find(|known| *known == name) {
            Some(known) => categories.push(*known),
            None => {
                let known = CATEGORIES.join(", ");
                let message =
                    format!("`{name}` cannot be told by a pattern, so it is not known here. Known are {known}.");
                read.wrong("categories", message);
            }
        }
    }
    Some(Personal { categories, redact })
}

impl Personal {
    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        judge(self, scene)
    }

    pub(super) fn rewriting(&self) -> Option<Box<dyn Rewriting + Send + '_>> {
        self.redact.map(|way| Box::new(Redacting::new(self, way)) as Box<dyn Rewriting + Send + '_>)
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        self.places(text)
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program")
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]+@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}{2,}")
});
/// Digits with the marks between them that people write.
static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\+?\(?[0-9](?:[ \u{a0}\u{2009}\u{202f}./()\u{2010}-\u{2015}-]{0,3}[0-9])+"));
static V4: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"));
static V6: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:[0-9]{0,3}(?:\.[0-9]{1,3}){3})?"));
static IBAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)[A-Z]{2}[0-9]{2}(?:[ \u{a0}-]?[A-Z0-9]){11,30}"));

impl Finder for Personal {
    fn places(&self, text: &str) -> Vec<Mark> {
        let mut places = vec![];
        let wants = |category: &str| self.categories.contains(&category);
        if wants("EMAIL_ADDRESS") && text.contains('@') {
            places.extend(EMAIL.find_iter(text).map(|found| mark(found.start(), found.end(), "EMAIL_ADDRESS")));
        }
        if wants("IBAN") {
            ibans(text, &mut places);
        }
        if wants("IP_ADDRESS") {
            addresses(text, &mut places);
        }
        if wants("CREDIT_CARD") || wants("SSN") || wants("PHONE_NUMBER") {
            // What stands beside an address or a date is looked at all the same.
            let mut from = 0;
            for Mark { start, end, .. } in taken(text).into_iter().chain([mark(text.len(), text.len(), "")]) {
                for found in DIGITS.find_iter(&text[from..start]) {
                    numbers(text, from + found.start(), from + found.end(), &wants, &mut places);
                }
                from = end;
            }
        }
        apart(places)
    }
}

/// Numbers that are something else: addresses on the network, dates.
fn taken(text: &str) -> Vec<Mark> {
    let mut places = vec![];
    addresses(text, &mut places);
    static DATE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9](?:[T ][0-2][0-9]:[0-5][0-9])?"));
    let dates = DATE.find_iter(text).filter(|date| stands_alone(text, date.start(), date.end()));
    places.extend(dates.map(|date| mark(date.start(), date.end(), "DATE")));
    apart(places)
}

/// Whether neither a letter nor a digit stands beside a place.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !part(text[..start].chars().next_back()) && !part(text[end..].chars().next())
}

/// What a row of digits is. Cards are found inside longer rows as well.
fn numbers(text: &str, start: usize, end: usize, wants: &impl Fn(&str) -> bool, places: &mut Vec<Mark>) {
    let row = &text[start..end];
    let digits: Vec<(usize, u8)> =
        row.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, byte)| (at, byte - b'0')).collect();
    if wants("CREDIT_CARD")
        && let Some((from, to)) = card(row, &digits)
    {
        places.push(mark(start + from, start + to, "CREDIT_CARD"));
        return;
    }
    if !stands_alone(text, start, end) {
        return;
    }
    if wants("SSN") && is_ssn(row) {
        places.push(mark(start, end, "SSN"));
    } else if wants("PHONE_NUMBER") && is_phone(row, digits.len()) {
        places.push(mark(start, end, "PHONE_NUMBER"));
    }
}

/// A card's number in a row of digits: 13 to 19 digits that stand in groups, whose check digit is right (ISO/IEC 7812-1).
fn card(row: &str, digits: &[(usize, u8)]) -> Option<(usize, usize)> {
    let begins = |at: usize| at == 0 || digits[at - 1].0 + 1 != digits[at].0;
    let ends = |at: usize| at + 1 == digits.len() || digits[at].0 + 1 != digits[at + 1].0;
    // What a card begins with, so that not every tenth number is one.
    let issued = |first: u8| (2..=6).contains(&first);
    for from in (0..digits.len()).filter(|at| begins(*at) && issued(digits[*at].1)) {
        for length in (13..=19).rev() {
            let to = from + length - 1;
            if to < digits.len()
                && ends(to)
                && is_luhn(&digits[from..=to])
                && only_blanks(row, digits[from].0, digits[to].0)
            {
                return Some((digits[from].0, digits[to].0 + 1));
            }
        }
    }
    None
}

/// Blanks and hyphens part the digits of a card, one at a time.
fn only_blanks(row: &str, from: usize, to: usize) -> bool {
    let mut last_blank = false;
    row[from..=to].chars().all(|c| {
        let blank = !c.is_ascii_digit();
        let good = !blank || (!last_blank && !matches!(c, '/' | '(' | ')'));
        last_blank = blank;
        good
    })
}

fn is_luhn(digits: &[(usize, u8)]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, (_, digit))| {
            let digit = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|(_, digit)| *digit != 0)
}

/// A number of the American social security: no area 000, 666 or 9xx, no group 00, no serial 0000.
fn is_ssn(row: &str) -> bool {
    let parts: Vec<&str> = row.split(['-', ' ']).collect();
    let [area, group, serial] = parts[..] else { return false };
    let plain = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    plain(area, 3)
        && plain(group, 2)
        && plain(serial, 4)
        && !["000", "666"].contains(&area)
        && !area.starts_with('9')
        && group != "00"
        && serial != "0000"
}

/// A telephone number: one with a country's code, or ten or eleven digits as they are written in groups.
fn is_phone(row: &str, digits: usize) -> bool {
    if row.starts_with('+') {
        return (8..=15).contains(&digits);
    }
    let groups = row.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    let groups: Vec<usize> = groups.map(str::len).collect();
    // Two groups might be any two numbers, and one any number.
    let parted = groups.len() >= 3 || (row.starts_with('(') && groups.len() >= 2);
    let local = groups.len() == 2 && row.starts_with('0') && !row.contains('.');
    let international = row.starts_with("00") && (10..=17).contains(&digits);
    let tenfold = groups.len() == 1 && digits == 10 && row.starts_with(|c: char| ('2'..='9').contains(&c));
    // Amounts and versions are parted by points alone.
    let pointed = row.contains('.') && !row.contains([' ', '-', '(']) && groups != [3, 3, 4];
    !pointed
        && !is_ssn_like(&groups)
        && (international || tenfold || ((parted || local) && (9..=13).contains(&digits)))
        && !looks_like_card(&groups)
}

/// A row in the groups of a social security number that is none is no telephone's either.
fn is_ssn_like(groups: &[usize]) -> bool {
    groups == [3, 2, 4]
}

fn looks_like_card(groups: &[usize]) -> bool {
    groups == [4, 4, 4, 4] || groups == [4, 6, 5]
}

fn addresses(text: &str, places: &mut Vec<Mark>) {
    for found in V4.find_iter(text) {
        let before = text[..found.start()].chars().next_back();
        let after = text[found.end()..].chars().next();
        let beyond = text[found.end()..].strip_prefix('.').and_then(|rest| rest.chars().next());
        let alone = !before.is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !beyond.is_some_and(|c| c.is_ascii_digit());
        if alone && found.as_str().parse::<Ipv4Addr>().is_ok() {
            places.push(mark(found.start(), found.end(), "IP_ADDRESS"));
        }
    }
    for found in V6.find_iter(text) {
        // The end of a sentence is no part of it.
        let whole = found.as_str();
        let word = if whole.ends_with("::") { whole } else { whole.trim_end_matches(':') };
        let end = found.start() + word.len();
        // Such as `std::net`.
        let told = word.bytes().any(|byte| byte.is_ascii_hexdigit());
        if told && stands_alone(text, found.start(), end) && word.parse::<Ipv6Addr>().is_ok() {
            places.push(mark(found.start(), end, "IP_ADDRESS"));
        }
    }
}

/// International bank account numbers whose check digits are right (ISO 13616). The shortest has 15 characters, the
/// longest 34.
fn ibans(text: &str, places: &mut Vec<Mark>) {
    for found in IBAN.find_iter(text) {
        if text[..found.start()].chars().next_back().is_some_and(char::is_alphanumeric) {
            continue;
        }
        // A word may follow after a blank.
        let row = found.as_str();
        let mut ends: Vec<usize> = row
            .char_indices()
            .filter(|(_, c)| !c.is_alphanumeric())
            .map(|(at, _)| at)
            .chain([row.len()])
            .filter(|end| !text[found.start() + end..].chars().next().is_some_and(char::is_alphanumeric))
            .collect();
        ends.reverse();
        let good = ends.into_iter().find(|end| is_iban(&row[..*end]));
        places.extend(good.map(|end| mark(found.start(), found.start() + end, "IBAN")));
    }
}

fn is_iban(row: &str) -> bool {
    let letters: Vec<u8> =
        row.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect();
    if !(15..=34).contains(&letters.len()) {
        return false;
    }
    let moved = letters[4..].iter().chain(&letters[..4]);
    let rest = moved.fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    rest == 1
}
