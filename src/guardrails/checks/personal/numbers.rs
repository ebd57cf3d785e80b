//! Numbers in groups of digits: cards, telephones, social security, IPv4.

use super::{CARD, IP, PHONE, Place, SSN};
use std::ops::Range;

/// What may part the groups of a number, on one line.
fn parts(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2010}'..='\u{2013}')
}
/// The most characters between two groups, such as ` - `.
const MOST_BETWEEN: usize = 3;
const CARDS: [&[usize]; 7] =
    [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 4, 4, 4, 2], &[4, 4, 4, 4, 1], &[4, 4, 4, 1], &[4, 6, 5], &[4, 6, 4]];
/// Words before a number that make it one of a telephone, or one of social security.
const PHONE_WORDS: [&str; 12] =
    ["phone", "telephone", "tel", "mobile", "cell", "fax", "whatsapp", "dial", "sms", "telefon", "handy", "callback"];
const SSN_WORDS: [&str; 3] = ["ssn", "social", "security"];

/// Finds all of them, telephones last.
pub(super) fn find(text: &str, phones: bool, found: &mut Vec<Place>) {
    let bytes = text.as_bytes();
    let mut late = vec![];
    let mut groups = vec![];
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(u8::is_ascii_digit) {
        at = run(text, at + next, &mut groups);
        // Most numbers are too short for anything.
        if groups.iter().map(Range::len).sum::<usize>() < 4 {
            continue;
        }
        let run = Run { text, groups: &groups };
        run.cards(found);
        run.ssns(found);
        run.addresses(found);
        if phones {
            run.phones(&mut late);
        }
    }
    found.append(&mut late);
}

/// Takes in the groups that begin here; gives the end of the last.
fn run(text: &str, start: usize, groups: &mut Vec<Range<usize>>) -> usize {
    let bytes = text.as_bytes();
    groups.clear();
    let mut at = start;
    loop {
        let from = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        groups.push(from..at);
        let mut rest = text[at..].char_indices().take(MOST_BETWEEN + 1);
        let next = rest.find(|(_, c)| !parts(*c)).filter(|(_, c)| c.is_ascii_digit());
        match next {
            Some((between, _)) if between > 0 => at += between,
            _ => return at,
        }
    }
}

/// Groups of digits that follow one another.
struct Run<'r> {
    text: &'r str,
    groups: &'r [Range<usize>],
}

impl Run<'_> {
    fn long(&self, group: usize) -> usize {
        self.groups.get(group).map_or(0, Range::len)
    }

    fn digits(&self, group: usize) -> &str {
        &self.text[self.groups[group].clone()]
    }

    /// What stands before a group, back to the one before it.
    fn gap(&self, group: usize) -> &str {
        match group {
            0 => "",
            _ if group < self.groups.len() => &self.text[self.groups[group - 1].end..self.groups[group].start],
            _ => "",
        }
    }

    fn span(&self, groups: Range<usize>) -> Range<usize> {
        self.groups[groups.start].start..self.groups[groups.end - 1].end
    }

    fn before(&self, group: usize) -> &str {
        &self.text[..self.groups[group].start]
    }

    fn after(&self, group: usize) -> &str {
        &self.text[self.groups[group].end..]
    }

    fn all_digits(&self, groups: Range<usize>) -> impl Iterator<Item = u8> {
        let text = self.text.as_bytes();
        self.groups[groups].iter().flat_map(move |group| &text[group.clone()]).map(|digit| digit - b'0')
    }

    fn cards(&self, found: &mut Vec<Place>) {
        let mut from = 0;
        let all = self.groups.len();
        let total: usize = self.groups.iter().map(Range::len).sum();
        let joined =
            |groups: Range<usize>| (groups.start + 1..groups.end).all(|n| !self.gap(n).contains(['(', ')', '/']));
        if all > 1 && (13..=19).contains(&total) && joined(0..all) && self.is_card(0..all) {
            return found.push(Place { at: self.span(0..all), category: CARD });
        }
        while from < all {
            let long = self.long(from);
            // The places behind a decimal point are no card.
            let fraction = self.gap(from) == "." || from == 0 && self.before(0).ends_with('.');
            let single = (13..=19).contains(&long) && !fraction && self.is_card(from..from + 1);
            let shaped = || {
                let fit = CARDS.iter().filter(|shape| {
                    let groups = from..from + shape.len();
                    groups.end <= all
                        && shape.iter().zip(groups.clone()).all(|(long, n)| *long == self.long(n))
                        && joined(groups)
                });
                fit.map(|shape| from..from + shape.len()).find(|groups| self.is_card(groups.clone()))
            };
            match if single { Some(from..from + 1) } else { shaped() } {
                Some(groups) => {
                    from = groups.end;
                    found.push(Place { at: self.span(groups), category: CARD });
                }
                None => from += 1,
            }
        }
    }

    /// Whether the issuer's first digits and the check digit (Luhn) are right.
    fn is_card(&self, groups: Range<usize>) -> bool {
        let digits: Vec<u8> = self.all_digits(groups).collect();
        let issued = matches!(digits[..2], [2..=6, _] | [8, 1 | 2] | [9, 7]);
        let sum: u32 = digits.iter().rev().enumerate().fold(0, |sum, (place, digit)| {
            let digit = u32::from(*digit);
            sum + if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        });
        // All digits alike are a filling, not a number.
        issued && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
    }

    fn ssns(&self, found: &mut Vec<Place>) {
        let good = |area: &str, group: &str, serial: &str| {
            !(area == "000" || area == "666" || area.starts_with('9') || group == "00" || serial == "0000")
        };
        for n in 0..self.groups.len() {
            let gap = self.gap(n + 1);
            let grouped = self.long(n) == 3 && self.long(n + 1) == 2 && self.long(n + 2) == 4 && gap == self.gap(n + 2);
            let parted = matches!(gap, "-" | " " | "." | "\u{a0}" | "\u{2010}" | "\u{2011}" | "\u{2012}" | "\u{2013}");
            // One group more of the same kind, and it is something else.
            let alone = (n == 0 || self.gap(n) != gap) && self.gap(n + 3) != gap;
            if grouped && parted && alone && good(self.digits(n), self.digits(n + 1), self.digits(n + 2)) {
                found.push(Place { at: self.span(n..n + 3), category: SSN });
            }
            if self.long(n) == 9 {
                let digits = self.digits(n);
                if good(&digits[..3], &digits[3..5], &digits[5..]) && after_word(self.before(n), &SSN_WORDS) {
                    found.push(Place { at: self.span(n..n + 1), category: SSN });
                }
            }
        }
    }

    fn addresses(&self, found: &mut Vec<Place>) {
        let mut n = 0;
        while n + 4 <= self.groups.len() {
            let small = |n: usize| self.long(n) <= 3 && self.digits(n).parse::<u16>().is_ok_and(|part| part <= 255);
            let dotted = (n + 1..n + 4).all(|n| self.gap(n) == ".");
            let alone = self.gap(n) != "." && self.gap(n + 4) != ".";
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let begins = !self.before(n).ends_with(|c: char| word(c) || c == '.') || is_escape(self.before(n));
            if dotted && alone && begins && (n..n + 4).all(small) && !self.after(n + 3).starts_with(word) {
                found.push(Place { at: self.span(n..n + 4), category: IP });
                n += 4;
            } else {
                n += 1;
            }
        }
    }

    fn phones(&self, found: &mut Vec<Place>) {
        let mut n = 0;
        while n < self.groups.len() {
            let end = self.international(n).or_else(|| self.american(n)).or_else(|| self.national(n));
            let Some(end) = end.or_else(|| self.told(n)) else {
                n += 1;
                continue;
            };
            let mut at = self.span(n..end);
            let before = &self.text[..at.start];
            let bare = before.trim_end_matches(['+', '(']);
            at.start -= (before.len() - bare.len()).min(2);
            found.push(Place { at, category: PHONE });
            n = end;
        }
    }

    /// The most groups from here that have no more digits than this.
    fn up_to(&self, from: usize, most: usize) -> (usize, usize) {
        let mut total = 0;
        let mut end = from;
        while end < self.groups.len() && total + self.long(end) <= most {
            total += self.long(end);
            end += 1;
        }
        (end, total)
    }

    /// `+44 20 7946 0958`, `0044 20 7946 0958`.
    fn international(&self, n: usize) -> Option<usize> {
        let plus = self.before(n).trim_end_matches('(').ends_with('+');
        let first = self.digits(n);
        let zeros = first.starts_with("00") && first.as_bytes().get(2).is_none_or(|digit| *digit != b'0');
        let (end, total) = self.up_to(n, if plus { 15 } else { 17 });
        let groups = end - n;
        let decimal = groups == 2 && self.gap(n + 1) == ".";
        let fits = match (plus, zeros && self.opens(n)) {
            (true, _) => !first.starts_with('0') && total >= if groups == 1 { 9 } else { 8 },
            (_, true) => total >= 10 && groups >= 2,
            _ => false,
        };
        (fits && !decimal).then_some(end)
    }

    /// `(202) 555-0143`, `1-202-555-0143`.
    fn american(&self, n: usize) -> Option<usize> {
        let first = if self.digits(n) == "1" { n + 1 } else { n };
        if self.groups.len() <= first || !matches!(self.digits(first).as_bytes()[0], b'2'..=b'9') {
            return None;
        }
        let parted = |n: usize| self.gap(n).len() <= 3 && !self.gap(n).contains('/');
        let long = [self.long(first), self.long(first + 1), self.long(first + 2)];
        let braced = self.gap(first + 1).contains(')');
        let end = match long {
            [3, 3, 4] if parted(first + 1) && parted(first + 2) => first + 3,
            [3, 7, _] if braced => first + 2,
            _ => return None,
        };
        let tight = |gap: &str| matches!(gap, "-" | ".");
        (self.opens(n) && !tight(self.gap(end))).then_some(end)
    }

    /// `020 7946 0958`, `030/1234567`, `07911 123456`.
    fn national(&self, n: usize) -> Option<usize> {
        let first = self.digits(n);
        if !first.starts_with('0') || first.starts_with("00") || !self.opens(n) {
            return None;
        }
        if first.len() == 11 && first.starts_with("07") {
            return Some(n + 1);
        }
        let (end, total) = self.up_to(n, 12);
        let parted = (n + 1..end).all(|gap| gap == n + 1 || !self.gap(gap).contains('/'));
        let day = [self.long(n), self.long(n + 1), self.long(n + 2)] == [2, 2, 4];
        (total >= 9 && end - n >= 2 && (2..=6).contains(&first.len()) && parted && !day).then_some(end)
    }

    /// Any seven digits and more behind a word that says so.
    fn told(&self, n: usize) -> Option<usize> {
        let (end, total) = self.up_to(n, 15);
        (total >= 7 && self.opens(n) && after_word(self.before(n), &PHONE_WORDS)).then_some(end)
    }

    /// Whether a number can begin with this group: it is not in the middle of another, or of a word.
    fn opens(&self, n: usize) -> bool {
        if n > 0 {
            return !matches!(self.gap(n), "-" | "." | "/");
        }
        let before = self.before(0);
        is_escape(before) || !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/'))
    }
}

/// Whether a text ends with a line feed or the like as programs write it, such as `\n`.
fn is_escape(text: &str) -> bool {
    matches!(text.as_bytes(), [.., b'\\', b'n' | b't' | b'r'])
}

/// Whether one of these words stands a little before the end of a text, with no digit between.
fn after_word(text: &str, words: &[&str]) -> bool {
    let mut from = text.len().saturating_sub(24);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let near = &text[from..];
    let near = &near[near.rfind(|c: char| c.is_ascii_digit() || c == '\n').map_or(0, |at| at + 1)..];
    near.split(|c: char| !c.is_alphabetic()).any(|word| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
}
