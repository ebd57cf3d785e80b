//! How a prompt is named, and what an address with its name means.

use super::PRODUCTION;
use crate::kernel::text;

/// Longest name, in characters.
pub const NAME_LIMIT: usize = 100;
/// Longest slug that a caller chooses, in bytes.
pub const SLUG_LIMIT: usize = 100;

pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

/// Words that stand where a slug does in the addresses of pages and calls.
const RESERVED: [&str; 5] = ["partials", "new", "labels", "folders", "import"];

/// A slug that a caller chooses.
pub fn parse_slug(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let text = text.trim();
    let is_dots = text.chars().all(|c| c == '.');
    if is_dots || text.len() > SLUG_LIMIT || !text.chars().all(fits) {
        return Err(format!("A slug has 1 to {SLUG_LIMIT} letters (a to z), digits, hyphens, underscores and dots."));
    }
    if RESERVED.contains(&text) {
        return Err(format!("“{text}” is the name of a page. Choose another slug."));
    }
    Ok(text.to_owned())
}

/// What a name of a prompt in an address means: `slug`, `slug@7`, `slug@latest`, `slug@staging`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// The published version.
    Published,
    Latest,
    Number(i64),
    Label(&'a str),
}

/// Takes an address apart: the slug or id, and which version is meant.
pub fn address(text: &str) -> (&str, Which<'_>) {
    match text.rsplit_once('@') {
        None => (text, Which::Published),
        Some((name, "latest")) => (name, Which::Latest),
        Some((name, "" | "default" | PRODUCTION)) => (name, Which::Published),
        Some((name, word)) => match word.parse() {
            Ok(number) if word.bytes().all(|byte| byte.is_ascii_digit()) => (name, Which::Number(number)),
            _ => (name, Which::Label(word)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_one_version() {
        assert_eq!(address("pp-a-1"), ("pp-a-1", Which::Published));
        assert_eq!(address("pp-a-1@production"), ("pp-a-1", Which::Published));
        assert_eq!(address("pp-a-1@latest"), ("pp-a-1", Which::Latest));
        assert_eq!(address("pp-a-1@7"), ("pp-a-1", Which::Number(7)));
        assert_eq!(address("pp-a-1@canary"), ("pp-a-1", Which::Label("canary")));
        assert_eq!(address("pp-a-1@7a"), ("pp-a-1", Which::Label("7a")));
        // No number fits it, so that it means no version at all.
        assert_eq!(address("a@99999999999999999999"), ("a", Which::Label("99999999999999999999")));
    }

    #[test]
    fn a_slug_leaves_the_addresses_of_others_free() {
        for bad in ["", "..", "partials", "new", "a@1", "a/b", "a b"] {
            assert!(parse_slug(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_slug(" tone "), Ok("tone".to_owned()));
    }
}
