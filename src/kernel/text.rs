//! Limits and refusals that every text field shares.

/// Why a text is refused, as a sentence for people.
pub type Refusal = String;

/// True for characters that can forge or hide text: controls, bidirectional overrides, line separators.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// A single line of at most `limit` characters, trimmed and not empty.
pub fn line(what: &str, text: &str, limit: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{what} is needed."));
    }
    optional_line(what, text, limit)
}

/// As [`line`], but may be empty.
pub fn optional_line(what: &str, text: &str, limit: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() > limit {
        return Err(format!("{what} can have at most {limit} characters."));
    }
    if text.chars().any(is_treacherous) {
        return Err(format!("{what} has a character that cannot be shown safely (a control or direction mark)."));
    }
    Ok(text.to_owned())
}

/// The first `limit` characters, never half of one.
pub fn cut(text: &str, limit: usize) -> &str {
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}

/// Up to two initials for a name: `Northwind Research` is `NR`.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    let first = words.next().unwrap_or("?");
    let letter = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let second = match words.next_back() {
        Some(last) => letter(last),
        None => first.chars().filter(|c| c.is_alphanumeric()).nth(1),
    };
    let initials: String = letter(first).into_iter().chain(second).flat_map(char::to_uppercase).take(2).collect();
    if initials.is_empty() { "?".into() } else { initials }
}

/// The same words with a capital at their start.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A slug proposed from a name: lower-case ASCII letters, digits and single hyphens.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if let Some(letters) = folded(c) {
            slug.push_str(letters);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_LIMIT {
            slug.truncate(SLUG_LIMIT);
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Characters of a proposed slug.
const SLUG_LIMIT: usize = 40;

/// A Latin letter without its accent, in lower case; an accent by itself is nothing. Only what European languages and
/// Vietnamese write: Unicode's whole table would weigh more in the browser than all of this file.
const fn folded(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{300}'..='\u{36F}' => "",
        'À'..='Å' | 'à'..='å' | 'Ā'..='ą' | 'Ạ'..='ặ' => "a",
        'Æ' | 'æ' => "ae",
        'Ç' | 'ç' | 'Ć'..='č' => "c",
        'Ð' | 'ð' | 'Ď'..='đ' => "d",
        'È'..='Ë' | 'è'..='ë' | 'Ē'..='ě' | 'Ẹ'..='ệ' => "e",
        'Ĝ'..='ģ' => "g",
        'Ĥ'..='ħ' => "h",
        'Ì'..='Ï' | 'ì'..='ï' | 'Ĩ'..='ı' | 'Ỉ'..='ị' => "i",
        'Ĳ' | 'ĳ' => "ij",
        'Ĵ' | 'ĵ' => "j",
        'Ķ'..='ĸ' => "k",
        'Ĺ'..='ł' => "l",
        'Ñ' | 'ñ' | 'Ń'..='ŋ' => "n",
        'Ò'..='Ö' | 'Ø' | 'ò'..='ö' | 'ø' | 'Ō'..='ő' | 'Ơ' | 'ơ' | 'Ọ'..='ợ' => "o",
        'Œ' | 'œ' => "oe",
        'Ŕ'..='ř' => "r",
        'Ś'..='š' | 'ſ' | 'Ș' | 'ș' => "s",
        'ß' | 'ẞ' => "ss",
        'Ţ'..='ŧ' | 'Ț' | 'ț' => "t",
        'Þ' | 'þ' => "th",
        'Ù'..='Ü' | 'ù'..='ü' | 'Ũ'..='ų' | 'Ư' | 'ư' | 'Ụ'..='ự' => "u",
        'Ŵ' | 'ŵ' => "w",
        'Ý' | 'ý' | 'ÿ' | 'Ŷ'..='Ÿ' | 'Ỳ'..='ỹ' => "y",
        'Ź'..='ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_refuse_forgery() {
        assert_eq!(line("Name", "  Ada  ", 3).as_deref(), Ok("Ada"));
        assert!(line("Name", "Adaa", 3).is_err());
        assert!(line("Name", " ", 3).is_err());
        assert!(line("Name", "a\u{202E}b", 9).is_err());
        assert!(line("Name", "a\nb", 9).is_err());
        assert_eq!(line("Name", "👩‍🔬", 3).as_deref(), Ok("👩‍🔬"));
    }

    #[test]
    fn cuts_stand_between_characters() {
        assert_eq!(cut("añb", 2), "añ");
        assert_eq!(cut("añb", 9), "añb");
    }

    #[test]
    fn slugs_keep_letters_without_their_accents() {
        assert_eq!(slug("Café Models 2"), "cafe-models-2");
        assert_eq!(slug("Cafe\u{301} Models"), "cafe-models", "an accent of its own");
        assert_eq!(slug("Süß & Größe"), "suss-grosse");
        assert_eq!(slug("Łódź Øresund Ærø Þór Œuvre"), "lodz-oresund-aero-thor-oeuvre");
        assert_eq!(slug("ŠKODA Çağrı Țara Điện Nước"), "skoda-cagri-tara-dien-nuoc");
        // Each folded letter is written in both cases alike, and never outgrows the limit.
        for c in ('\u{C0}'..'\u{1F00}').filter(|c| folded(*c).is_some()) {
            let other: String = if c.is_lowercase() { c.to_uppercase().collect() } else { c.to_lowercase().collect() };
            assert_eq!(slug(&other), slug(&c.to_string()), "{c} and {other}");
        }
        assert_eq!(slug(&"ß".repeat(40)).len(), SLUG_LIMIT);
        assert_eq!(slug(&format!("a{}", "ß".repeat(40))).len(), SLUG_LIMIT);
    }

    #[test]
    fn names_become_slugs_and_initials() {
        assert_eq!(slug("Northwind Research!"), "northwind-research");
        assert_eq!(slug("日本"), "");
        assert_eq!(slug("Tokyo 東京 2"), "tokyo-2");
        for (name, expected) in [
            ("Ada Lind", "AL"),
            ("Northwind Research Group", "NG"),
            ("Sandbox", "SA"),
            ("eun-ji park", "EP"),
            ("", "?"),
            ("  ", "?"),
            ("X", "X"),
            ("🔑 keys", "KE"),
            ("שלום עולם", "שע"),
            ("ßeta", "SS"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn words_begin_with_a_capital() {
        assert_eq!(capital("only Owners"), "Only Owners");
        assert_eq!(capital("Owners and Admins"), "Owners and Admins");
        assert_eq!(capital(""), "");
    }
}
