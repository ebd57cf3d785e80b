//! What a caller says of a call.

use crate::kernel::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a caller says of a call: texts by name, bounded in number and length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    const MOST: usize = 16;
    const LONGEST_NAME: usize = 64;
    const LONGEST_VALUE: usize = 128;

    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// A sentence for people, as there are also for too many, too long or unfit names and values.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let texts: BTreeMap<String, String> =
            serde_json::from_slice(json).map_err(|_| "Metadata must be a JSON object whose values are texts.")?;
        if texts.len() > Self::MOST {
            return Err(format!("Metadata has at most {} names.", Self::MOST));
        }
        for (name, value) in &texts {
            Self::is_fit(name)?;
            text::optional_line("A value in metadata", value, Self::LONGEST_VALUE)?;
        }
        Ok(Self(texts))
    }

    /// Whether a text can be a name.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn is_fit(name: &str) -> Result<(), String> {
        // The databases look names up by paths of their own, in which other signs have a meaning.
        let fit = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | ' ');
        if name.is_empty() || name.chars().count() > Self::LONGEST_NAME || !name.chars().all(fit) {
            return Err(format!(
                "A name in metadata has 1 to {} letters, digits, spaces and signs out of _ - . : /",
                Self::LONGEST_NAME
            ));
        }
        Ok(())
    }

    /// Reads what a list is filtered by: one `name=value`, or an object of which a call must have every part.
    ///
    /// # Errors
    /// As [`Metadata::parse`].
    pub fn parse_filter(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            return Self::parse(text.as_bytes());
        }
        let (name, value) = text.split_once('=').ok_or("Write metadata as name=value.")?;
        let one = BTreeMap::from([(name.trim(), value.trim())]);
        Self::parse(&serde_json::to_vec(&one).unwrap_or_default())
    }

    /// What is said under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Each name with its value.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without the bounds, which it was read within.
    pub fn into_texts(self) -> BTreeMap<String, String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_bounded_and_refused_with_a_sentence() {
        let read = |text: &str| Metadata::parse(text.as_bytes());
        let two = read(r#"{"team":"core","_user":"ada"}"#).expect("metadata");
        assert_eq!(two.pairs().collect::<Vec<_>>(), [("_user", "ada"), ("team", "core")]);
        assert_eq!(Metadata::parse_filter("team = core"), Metadata::parse_filter(r#"{"team":"core"}"#));
        let wide = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"n{i}\":\"\"")).collect::<Vec<_>>().join(","));
        assert!(read(&wide(16)).is_ok());
        let long = |name: usize, value: usize| format!(r#"{{"{}":"{}"}}"#, "n".repeat(name), "é".repeat(value));
        assert!(read(&long(64, 128)).is_ok());
        for bad in [
            "",
            "x",
            "[]",
            "null",
            r#"{"n":1}"#,
            r#"{"n":null}"#,
            r#"{"n":{}}"#,
            r#"{"":"x"}"#,
            r#"{"$.a":"x"}"#,
            r#"{"[0]":"x"}"#,
            r#"{"a\"b":"x"}"#,
            r#"{"n":"a\u0000b"}"#,
            r#"{"n":"\u202e"}"#,
            &wide(17),
            &long(65, 1),
            &long(1, 129),
        ] {
            let sentence = read(bad).expect_err(bad);
            assert!(sentence.contains("etadata"), "{bad}: {sentence}");
        }
        assert!(Metadata::parse_filter("team").is_err());
    }
}
