//! A JSON text read where it stands: values are places in the text, and nothing of it is copied but what is looked at.
//!
//! So a body takes no more memory than its bytes, however many values it has, and a text goes from one language into
//! another as it was written, escapes included.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::raw_json::{self, JsonError, Scan};

/// A value of a text whose grammar has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a>(&'a str);

impl<'a> View<'a> {
    pub const NULL: View<'static> = View("null");

    /// Checks that the bytes are a JSON object, and gives it with the number of values in it.
    ///
    /// # Errors
    /// As [`raw_json::members`].
    pub fn object(bytes: &'a [u8]) -> Result<(Self, usize), JsonError> {
        let values = raw_json::members(bytes, |_| Ok::<_, JsonError>(()))?;
        Ok((Self::checked(bytes)?, values))
    }

    /// The object in bytes of which [`raw_json::members`] has found that they are one.
    ///
    /// # Errors
    /// When they are no text at all.
    pub fn checked(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Syntax(error.valid_up_to()))?;
        Ok(Self(text.trim_ascii()))
    }

    /// The text of the value.
    pub fn text(self) -> &'a str {
        self.0
    }

    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub fn is_array(self) -> bool {
        self.0.starts_with('[')
    }

    pub fn as_bool(self) -> Option<bool> {
        self.0.parse().ok()
    }

    pub fn as_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    pub fn as_i64(self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// A number that fits into a float.
    pub fn as_f64(self) -> Option<f64> {
        self.read()
    }

    pub fn as_text(self) -> Option<Text<'a>> {
        self.0.strip_prefix('"')?.strip_suffix('"').map(Text)
    }

    /// A string, read.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        self.as_text()?.read()
    }

    /// Whether it is this string.
    pub fn says(self, word: &str) -> bool {
        self.as_str().is_some_and(|text| text == word)
    }

    /// The value as a type of the program's own, for small parts of a text.
    pub fn read<T: DeserializeOwned>(self) -> Option<T> {
        serde_json::from_str(self.0).ok()
    }

    /// The elements of an array; none if it is none.
    pub fn elements(self) -> impl Iterator<Item = View<'a>> {
        Inside::of(self, b'[').map(|(_, value)| value)
    }

    /// The members of an object in order; none if it is none. A name that is no text stands there as it was written.
    pub fn members(self) -> impl Iterator<Item = (Cow<'a, str>, View<'a>)> {
        Inside::of(self, b'{').map(|(key, value)| (raw_json::text(key.as_bytes()).unwrap_or(Cow::Borrowed(key)), value))
    }

    /// The values of these members, each the last of its name. A member that is `null` is as one that is not there.
    pub fn pick<const N: usize>(self, names: [&str; N]) -> [Option<View<'a>>; N] {
        let mut found = [None; N];
        for (name, value) in self.members() {
            if let Some(at) = names.iter().position(|wanted| *wanted == name) {
                found[at] = Some(value).filter(|value| !value.is_null());
            }
        }
        found
    }

    /// The value of one member, as [`View::pick`] finds it.
    pub fn get(self, name: &str) -> Option<View<'a>> {
        let [value] = self.pick([name]);
        value
    }
}

/// A string, as it is written in the text between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// What stands between the quotes.
    pub fn written(self) -> &'a str {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has no character that is not blank.
    pub fn is_blank(self) -> bool {
        self.without_blank_end().is_empty()
    }

    /// The same without the blanks at its end, however they are written.
    pub fn without_blank_end(self) -> Self {
        let (mut end, mut at) = (0, 0);
        while let Some(next) = self.0[at..].chars().next() {
            let (length, blank) = match (next, self.0.as_bytes().get(at + 1)) {
                ('\\', Some(b'u')) => {
                    let code = self.0.get(at + 2..at + 6).and_then(|code| u32::from_str_radix(code, 16).ok());
                    (6, code.and_then(char::from_u32).is_some_and(is_blank))
                }
                ('\\', escaped) => (2, matches!(escaped, Some(b'n' | b'r' | b't' | b'f'))),
                _ => (next.len_utf8(), is_blank(next)),
            };
            at = (at + length).min(self.0.len());
            if !blank {
                end = at;
            }
        }
        Self(&self.0[..end])
    }

    /// Its characters. `None` for a lone surrogate, which no text can hold.
    pub fn read(self) -> Option<Cow<'a, str>> {
        Self::read_written(self.0)
    }

    /// The characters of a part of a string, as it is written between the quotes.
    pub fn read_written(part: &'a str) -> Option<Cow<'a, str>> {
        if !part.contains('\\') {
            return Some(Cow::Borrowed(part));
        }
        raw_json::text(format!("\"{part}\"").as_bytes()).map(|text| Cow::Owned(text.into_owned()))
    }
}

/// Blanks as Unicode and Python, in which providers check texts, know them.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

/// Walks through an object or array.
struct Inside<'a> {
    text: &'a str,
    scan: Scan<'a>,
    object: bool,
    over: bool,
}

impl<'a> Inside<'a> {
    fn of(View(text): View<'a>, open: u8) -> Self {
        let bytes = text.as_bytes();
        let empty = bytes.get(1..).is_none_or(|rest| matches!(rest.trim_ascii_start(), [b'}' | b']', ..]));
        let over = bytes.first() != Some(&open) || empty;
        Self { text, scan: Scan::new(bytes), object: open == b'{', over }
    }
}

impl<'a> Iterator for Inside<'a> {
    type Item = (&'a str, View<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let (key, value) = self.scan.following(self.object)?;
        self.over = !self.scan.goes_on();
        Some((self.text.get(key)?, View(self.text.get(value)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn rebuilt(view: View<'_>) -> Value {
        if view.is_object() {
            view.members()
                .map(|(name, value)| (name.into_owned(), rebuilt(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        } else if view.is_array() {
            view.elements().map(rebuilt).collect()
        } else if let Some(text) = view.as_str() {
            Value::from(text.into_owned())
        } else {
            view.read().expect("a value")
        }
    }

    #[test]
    fn members_are_found_by_name_and_the_last_counts() {
        let text = br#" { "a" : [ 1 , [ ] , {} ] , "b\u0031":"x\"y", "a":null,"c":{"d":-2,"e":1e3} } "#;
        let (view, values) = View::object(text).unwrap();
        assert_eq!(values, 9);
        let [a, b1, c, none] = view.pick(["a", "b1", "c", "z"]);
        assert_eq!((a, none), (None, None));
        assert_eq!(b1.and_then(View::as_str).as_deref(), Some("x\"y"));
        let c = c.unwrap();
        assert_eq!((c.get("d").and_then(View::as_i64), c.get("e").and_then(View::as_f64)), (Some(-2), Some(1000.0)));
        assert_eq!((view.elements().count(), c.elements().count(), View::NULL.members().count()), (0, 0, 0));
        assert_eq!(view.members().next().unwrap().1.elements().count(), 3);
    }

    #[test]
    fn blanks_are_seen_however_they_are_written() {
        let text = |written: &'static str| Text(written).without_blank_end().written();
        assert_eq!(text(r"a b \n\t\u0020\u00a0 "), "a b");
        assert_eq!((text(r"a\\n"), text(r"a\\\n"), text(r"\u0041 ")), (r"a\\n", r"a\\", r"\u0041"));
        assert!(Text(r" \r\n\u2003").is_blank() && Text("").is_blank() && !Text(r"\u00e4").is_blank());
    }

    proptest! {
        #[test]
        fn trimming_what_is_written_trims_what_is_read(text in "[a \\\\\\n\\t\"ü\u{a0}]{0,12}") {
            let body = json!({ "k": text }).to_string();
            let (view, _) = View::object(body.as_bytes()).unwrap();
            let written = view.get("k").and_then(View::as_text).unwrap();
            let trimmed = written.without_blank_end().read().unwrap();
            prop_assert_eq!(&*trimmed, text.trim_end());
            prop_assert_eq!(written.is_blank(), text.trim().is_empty());
        }

        #[test]
        fn a_view_holds_what_a_parser_reads(value in super::super::testing::near_answer(), pretty: bool) {
            let body = json!({ "k": value });
            let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.unwrap();
            let (view, _) = View::object(text.as_bytes()).unwrap();
            prop_assert_eq!(rebuilt(view), serde_json::from_str::<Value>(&text).unwrap());
        }
    }
}
