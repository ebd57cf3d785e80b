//! What both sides know of accounts.

use serde::{Deserialize, Serialize};

/// Longest e-mail address in characters (RFC 5321 allows 254).
pub const EMAIL_LIMIT: usize = 254;
/// Longest name of a person.
pub const NAME_LIMIT: usize = 100;

/// What the first-run page makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    pub slug: String,
    pub organisation: String,
    /// The master key's secret: this once.
    pub master_key: crate::kernel::Secret,
}

/// What is behind the signed-out pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// The first Owner exists.
    pub is_set_up: bool,
    /// Reset links can be mailed.
    pub has_mail: bool,
}

/// An e-mail address, as typed and in its one canonical form.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// As typed, trimmed; an internationalised domain in its ASCII form.
    pub shown: String,
    /// Lower case, Unicode NFKC, ASCII domain: what makes an account unique.
    pub canonical: String,
}

#[cfg(feature = "ssr")]
impl Email {
    /// Reads one address. The sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        use crate::kernel::text::is_treacherous;
        use unicode_normalization::UnicodeNormalization;
        let text = text.trim();
        let invalid = || Err("This is no e-mail address such as ada@example.org.".to_owned());
        if text.is_empty() {
            return Err("An e-mail address is needed.".into());
        }
        if text.chars().count() > EMAIL_LIMIT {
            return Err(format!("An e-mail address can have at most {EMAIL_LIMIT} characters."));
        }
        let hidden = |c: char| is_treacherous(c) || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{00AD}');
        if text.chars().any(hidden) {
            return Err("The address has a character that cannot be seen.".into());
        }
        let Some((local, domain)) = text.rsplit_once('@') else { return invalid() };
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c));
        if !local_ok {
            return invalid();
        }
        let Ok(domain) = idna::domain_to_ascii_strict(domain) else { return invalid() };
        if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
            return invalid();
        }
        let canonical_local = local.nfkc().collect::<String>().to_lowercase().nfkc().collect::<String>();
        Ok(Self { shown: format!("{local}@{domain}"), canonical: format!("{canonical_local}@{domain}") })
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.shown.rsplit_once('@').map_or(self.shown.as_str(), |(local, _)| local)
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        let canonical = |text: &str| Email::parse(text).unwrap().canonical;
        assert_eq!(canonical(" Ada@Example.ORG "), "ada@example.org");
        assert_eq!(canonical("jose\u{301}@example.org"), canonical("jos\u{e9}@example.org"));
        assert_eq!(canonical("a@b\u{fc}cher.example"), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "ada", "@x.org", "ada@", "a b@x.org", "a@x..org", ".a@x.org", "a\u{200B}@x.org", "a\r\n@x.org", "a\u{202E}@x.org", "a@x.org,b@x.org"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(300))).is_err());
    }
}
