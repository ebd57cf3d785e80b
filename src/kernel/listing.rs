//! Lists: what is asked of one, and which part of it is read.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap};

/// What an API key's secret begins with, and the bytes of it: `lk_`, a letter for its kind, 28 random characters, 6 of
/// checksum.
const SECRET_BEGINS: &str = "lk_";
const SECRET_BYTES: usize = 38;
/// Bytes at a secret's beginning and at its end that lists show.
const SHOWN_FIRST: usize = 7;
const SHOWN_LAST: usize = 4;

/// What may be sent, kept in an address and searched for of a text that stands under this name. If the secret of an API key,
/// or a part of one, is anywhere in it, that is its beginning and its ending, as lists show them: `lk_p7Xa…Tn2e`; of a part
/// only the beginning. The name `q` is searched by people, who paste the rest of a secret there too.
pub fn without_secret<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    for (at, _) in text.match_indices(SECRET_BEGINS) {
        let from = &text[at..];
        let rest = &from[SECRET_BEGINS.len()..];
        let length = SECRET_BEGINS.len() + rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if rest.starts_with(['m', 'p']) && length > SHOWN_FIRST {
            let ending = if length == SECRET_BYTES { &from[length - SHOWN_LAST..length] } else { "" };
            return Cow::Owned(format!("{}…{ending}", &from[..SHOWN_FIRST]));
        }
    }
    let word = text.trim();
    let has = |kind: fn(&u8) -> bool| word.bytes().any(|b| kind(&b));
    let is_random = name == "q"
        && word.len() >= 20
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase);
    if is_random { Cow::Owned(format!("…{}", &word[word.len() - SHOWN_LAST..])) } else { Cow::Borrowed(text) }
}

/// What a list is asked for, as it stands in its address: `q` is searched for, `sort` names an order (with `-` before it
/// the other way round), `page` counts from 1, `after` and `before` are places between two rows. Every other name is a
/// filter of the list's own. What is empty asks for nothing. It never holds a secret of an API key, whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct Asked(BTreeMap<String, String>);

impl From<BTreeMap<String, String>> for Asked {
    fn from(sent: BTreeMap<String, String>) -> Self {
        sent.into_iter().fold(Self::default(), |asked, (name, value)| asked.with(&name, value))
    }
}

impl Asked {
    /// What is said under a name; empty: nothing.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The same, saying this under a name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        match value.into() {
            empty if empty.is_empty() => self.0.remove(name),
            value => self.0.insert(name.to_owned(), without_secret(name, &value).into_owned()),
        };
        self
    }

    /// Whether nothing is said under any of these names.
    pub fn is_silent(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.get(name).is_empty())
    }

    /// The page that is asked for, of a list with this many rows on a page.
    pub fn window(&self, size: i64) -> Window {
        Window::page(self.get("page").parse().unwrap_or(1), size)
    }
}

/// A part of a list: at most `limit` rows from `offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub offset: i64,
    pub limit: i64,
    /// Beyond the end the last page is meant, as rows may have gone since an address was made. Else there is nothing.
    pub or_last: bool,
}

impl Window {
    /// A page for people, from 1.
    pub fn page(number: i64, size: i64) -> Self {
        Self { offset: (number.max(1) - 1).saturating_mul(size), limit: size, or_last: true }
    }

    /// What is meant in a list of this many rows.
    #[must_use]
    pub fn within(self, total: i64) -> Self {
        let last = (total.max(1) - 1) / self.limit * self.limit;
        if self.or_last { Self { offset: self.offset.min(last), ..self } } else { self }
    }

    /// The pages before and after it, where there are any.
    pub fn neighbours(self, total: i64) -> (Option<i64>, Option<i64>) {
        let number = self.offset / self.limit + 1;
        ((number > 1).then(|| number - 1), (number * self.limit < total).then(|| number + 1))
    }

    /// "26 to 50 of 312".
    pub fn words(self, total: i64) -> String {
        format!("{} to {} of {total}", self.offset + 1, (self.offset + self.limit).min(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_reduced_wherever_it_stands() {
        let secret = format!("lk_p7Xa{}Tn2e", "BBBBCCCCDDDDEEEEFFFFGGGG012");
        assert_eq!(secret.len(), SECRET_BYTES);
        for around in ["", "Bearer ", "x-portkey-api-key: ", "\"", "lk_ lk_q "] {
            assert_eq!(without_secret("model", &format!("{around}{secret}")), "lk_p7Xa…Tn2e", "{around}");
            assert_eq!(without_secret("q", &format!("{around}{secret}, and more")), "lk_p7Xa…Tn2e", "{around}");
        }
        // Of a part nothing more is told than where it begins: not even where it stopped.
        for end in 8..SECRET_BYTES {
            assert_eq!(without_secret("q", &format!("Bearer {}", &secret[..end])), "lk_p7Xa…");
        }
        assert_eq!(without_secret("q", &format!("{secret}x")), "lk_p7Xa…");
        for plain in ["", "lk_", "lk_p7Xa", "lk_p7Xa…Tn2e", "production gateway", "lk_xBBBBCCCC"] {
            assert_eq!(without_secret("q", plain), plain);
        }
        let tail = &secret[7..];
        assert_eq!((without_secret("q", tail), without_secret("trace_id", tail)), ("…Tn2e".into(), tail.into()));
        let sent = format!(r#"{{"q":"Bearer {secret}","model":"{secret}","role":""}}"#);
        let asked: Asked = serde_json::from_str(&sent).unwrap();
        assert_eq!(serde_json::to_string(&asked).unwrap(), r#"{"model":"lk_p7Xa…Tn2e","q":"lk_p7Xa…Tn2e"}"#);
    }

    #[test]
    fn pages_are_counted_and_end_with_the_list() {
        let asked = |page: &str| Asked::default().with("page", page).window(25);
        assert_eq!(asked("2"), Window { offset: 25, limit: 25, or_last: true });
        for first in ["", "0", "-3", "x", "1"] {
            assert_eq!(asked(first).offset, 0, "{first}");
        }
        assert_eq!([0, 25, 26, 50].map(|total| asked("9223372036854775807").within(total).offset), [0, 0, 25, 25]);
        assert_eq!(Window { or_last: false, ..asked("7") }.within(26).offset, 150);
        assert_eq!((asked("1").neighbours(25), asked("1").neighbours(26)), ((None, None), (None, Some(2))));
        assert_eq!((asked("2").neighbours(26), asked("2").words(26)), ((Some(1), None), "26 to 26 of 26".into()));
    }
}
