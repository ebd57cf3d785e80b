//! E-mail addresses. The server alone reads them: the tables that this needs would weigh much in the browser.

use crate::kernel::text::{is_invisible, is_treacherous};
use unicode_normalization::UnicodeNormalization;

/// Longest e-mail address in characters (RFC 5321 allows 254).
const EMAIL_LIMIT: usize = 254;

/// An e-mail address, as typed and in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// As typed, trimmed; an internationalised domain in its ASCII form.
    pub shown: String,
    /// Lower case, Unicode NFC, ASCII domain: what makes an account unique. Only spellings of one mailbox are the same.
    pub canonical: String,
}

impl Email {
    /// Reads one address. The sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let invalid = || Err("This is no e-mail address such as ada@example.org.".to_owned());
        if text.is_empty() {
            return Err("An e-mail address is needed.".into());
        }
        if text.chars().count() > EMAIL_LIMIT {
            return Err(format!("An e-mail address can have at most {EMAIL_LIMIT} characters."));
        }
        if text.chars().any(|c| is_treacherous(c) || is_invisible(c)) {
            return Err("The address has a character that cannot be seen.".into());
        }
        let Some((local, domain)) = text.rsplit_once('@') else { return invalid() };
        let well_formed = |local: &str| {
            !local.is_empty()
                && local.len() <= 64
                && !local.starts_with('.')
                && !local.ends_with('.')
                && !local.contains("..")
                && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c))
        };
        // A letter and its separate accent are one letter. The canonical form must be an address as well.
        let local: String = local.nfc().collect();
        if let Some((c, like)) = lookalike(&local) {
            return Err(format!("An address cannot have “{c}”, which passes for “{like}” and is another character."));
        }
        let canonical_local = local.to_lowercase().nfc().collect::<String>();
        if !well_formed(&local) || !well_formed(&canonical_local) {
            return invalid();
        }
        let Ok(domain) = idna::domain_to_ascii_strict(domain) else { return invalid() };
        if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
            return invalid();
        }
        Ok(Self { shown: format!("{local}@{domain}"), canonical: format!("{canonical_local}@{domain}") })
    }

    /// Whether mail to `shown` reaches the mailbox of this canonical form. Earlier versions took some characters for
    /// others, and what they stored stays.
    pub fn is_of(shown: &str, canonical: &str) -> bool {
        Self::parse(shown).is_ok_and(|email| email.canonical == canonical)
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        self.shown.rsplit_once('@').map_or(self.shown.as_str(), |(local, _)| local)
    }
}

/// The first character that Unicode holds for a form of others (`ﬁ`, `ａ`, `²`), and these. Some mail servers take it for
/// them and some do not: an address with it may or may not be the one that it looks like.
fn lookalike(text: &str) -> Option<(char, String)> {
    let like = |c: char| c.nfkd().ne(c.nfd()).then(|| (c, c.nfkc().collect()));
    text.chars().find_map(like)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        let canonical = |text: &str| Email::parse(text).unwrap().canonical;
        assert_eq!(canonical(" Ada@Example.ORG "), "ada@example.org");
        assert_eq!(canonical("jose\u{301}@example.org"), canonical("jos\u{e9}@example.org"));
        assert_eq!(canonical("a@b\u{fc}cher.example"), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_only_looks_alike_is_no_other_mailbox() {
        let refusal = Email::parse("\u{FB01}nance@example.org").unwrap_err();
        assert!(refusal.contains('\u{FB01}') && refusal.contains("“fi”"), "{refusal}");
        for like in
            ["\u{FF41}da", "ada\u{B2}", "\u{AA}da", "\u{2460}", "\u{17F}am", "\u{FF76}", "\u{3164}", "\u{212B}\u{BD}"]
        {
            assert!(Email::parse(&format!("{like}@example.org")).is_err(), "{like}");
        }
        let canonical = |text: &str| Email::parse(text).unwrap().canonical;
        // A sign that is a letter by definition, in whatever composition, is that letter.
        assert_eq!(canonical("\u{212B}sa@example.org"), "\u{E5}sa@example.org");
        assert_ne!(canonical("stra\u{DF}e@example.org"), canonical("strasse@example.org"));
        assert_ne!(canonical("\u{131}da@example.org"), canonical("ida@example.org"));
        assert_ne!(canonical("\u{430}da@example.org"), canonical("ada@example.org"));
        // The domain is the name that DNS knows.
        assert_eq!(canonical("ada@\u{FF45}xample.org"), "ada@example.org");
        assert!(Email::is_of("Ada@Example.org", "ada@example.org"));
        assert!(!Email::is_of("\u{FB01}nance@example.org", "finance@example.org"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ada",
            "@x.org",
            "ada@",
            "a b@x.org",
            "a@x..org",
            ".a@x.org",
            "a\u{200B}@x.org",
            "a\r\n@x.org",
            "a\u{202E}@x.org",
            "a@x.org,b@x.org",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(300))).is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,80}") {
            let _ = Email::parse(&text);
        }

        #[test]
        fn what_is_shown_reads_as_the_same_account(local in "[\\p{L}\\p{N}]{1,12}([.+_-][\\p{L}\\p{N}]{1,12}){0,2}", domain in "[a-zA-Z\u{e4}\u{f6}\u{fc}]{1,10}\\.(org|example|COM)") {
            let Ok(once) = Email::parse(&format!("{local}@{domain}")) else { return Ok(()) };
            let shown = Email::parse(&once.shown).unwrap();
            prop_assert_eq!(&shown.canonical, &once.canonical);
            prop_assert_eq!(&shown.shown, &once.shown);
            let canonical = Email::parse(&once.canonical).unwrap();
            prop_assert_eq!(&canonical.canonical, &once.canonical);
        }

        #[test]
        fn case_and_blanks_make_no_second_account(local in "[a-z0-9.]{1,20}", domain in "[a-z]{1,10}\\.org") {
            let plain = format!("{local}@{domain}");
            let other = format!(" \t{} ", plain.to_uppercase());
            let canonical = |text: &str| Email::parse(text).map(|email| email.canonical);
            prop_assert_eq!(canonical(&plain), canonical(&other));
        }

        #[test]
        fn what_hides_is_refused_wherever_it_stands(at in 0_usize..15, which in prop::sample::select(vec!['\u{0}', '\r', '\n', '\u{7f}', '\u{200B}', '\u{200D}', '\u{202E}', '\u{2066}', '\u{FEFF}', '\u{00AD}'])) {
            let mut text = String::from("ada@example.org");
            text.insert(at, which);
            let blank_at_an_end = at == 0 && which.is_whitespace();
            prop_assert!(blank_at_an_end || Email::parse(&text).is_err());
        }
    }
}
