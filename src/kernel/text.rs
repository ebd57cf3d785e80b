//! Limits and refusals that every text field shares.

use std::fmt::Write;

/// Why a text is refused, as a sentence for people.
pub type Refusal = String;

/// True for characters that can forge or hide text: controls, bidirectional overrides, line separators.
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Adds a text as a cell of a CSV file: in quotation marks, on one line, and never a formula to a spreadsheet, which could send
/// away what stands beside it. What a spreadsheet may take for one has an apostrophe before it: at the beginning, and behind
/// a `;`, at which some languages split lines that commas separate, whatever quotation marks say. Characters that could
/// break a line or forge text are written out, as `\u000a`.
pub fn cell(out: &mut String, text: &str) {
    out.push('"');
    if is_formula(text) {
        out.push('\'');
    }
    for (at, c) in text.char_indices() {
        match c {
            '"' => out.push_str("\"\""),
            c if is_treacherous(c) => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
        if matches!(c, ';' | '\t') && is_formula(&text[at + 1..]) {
            out.push('\'');
        }
    }
    out.push('"');
}

/// Whether a text begins as a formula does. Spreadsheets in some languages take the wide signs for the narrow ones, and
/// blanks and quotation marks before a sign may be passed over.
fn is_formula(text: &str) -> bool {
    let begins = text.trim_start_matches(|c: char| c == '"' || (c.is_whitespace() && !c.is_control()));
    begins.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'])
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
    if hides(text) {
        return Err(format!("{what} has a character that cannot be seen."));
    }
    Ok(text.to_owned())
}

/// True for characters that take no room and show nothing by themselves (Unicode's default-ignorable ones).
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a text has an invisible character that does nothing where it stands. Joiners do something between the parts of
/// an emoji and between letters of scripts that need them, and variation selectors behind what has variants.
pub fn hides(text: &str) -> bool {
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let (joins_letters, after) = (before.is_some_and(is_joining), chars.peek().copied());
        let is_needed = match c {
            _ if !is_invisible(c) => true,
            '\u{200C}' => joins_letters && after.is_some_and(is_joining),
            '\u{200D}' => {
                let in_emoji =
                    before.is_some_and(|c| is_picture(c) || c == '\u{FE0F}') && after.is_some_and(is_picture);
                let in_word = joins_letters && (after.is_some_and(is_joining) || before.is_some_and(is_virama));
                in_emoji || in_word
            }
            '\u{FE0E}' | '\u{FE0F}' => {
                before.is_some_and(|c| is_picture(c) || (is_keycap(c) && after == Some('\u{20E3}')) || is_ideograph(c))
            }
            '\u{FE00}'..='\u{FE02}' | '\u{E0100}'..='\u{E01EF}' => before.is_some_and(is_ideograph),
            '\u{180B}'..='\u{180D}' => before.is_some_and(|c| matches!(c, '\u{1820}'..='\u{18AA}')),
            _ => false,
        };
        if !is_needed {
            return true;
        }
        before = Some(c);
    }
    false
}

/// Letters and marks of scripts in which a joiner changes how its neighbours are written: Arabic, Syriac, N'Ko, Mandaic,
/// those of India and Sri Lanka, Burmese, Khmer, Mongolian.
const fn is_joining(c: char) -> bool {
    matches!(c,
        '\u{620}'..='\u{6FF}' | '\u{700}'..='\u{77F}' | '\u{7C0}'..='\u{7FF}' | '\u{840}'..='\u{8FF}' | '\u{900}'..='\u{DFF}'
        | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17B3}' | '\u{17B6}'..='\u{17D3}' | '\u{1820}'..='\u{18AA}')
}

/// Marks that silence the vowel of the letter before them.
const fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94D}'
            | '\u{9CD}'
            | '\u{A4D}'
            | '\u{ACD}'
            | '\u{B4D}'
            | '\u{BCD}'
            | '\u{C4D}'
            | '\u{CCD}'
            | '\u{D4D}'
            | '\u{DCA}'
            | '\u{1039}'
            | '\u{17D2}'
    )
}

/// What emoji are made of, skin tones included.
const fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{A9}' | '\u{AE}' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21FF}'
        | '\u{2300}'..='\u{23FF}' | '\u{24C2}' | '\u{25A0}'..='\u{27BF}' | '\u{2934}' | '\u{2935}' | '\u{2B00}'..='\u{2BFF}'
        | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

const fn is_keycap(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*')
}

const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// Slugs to try one after another until one is free: the wanted one, then with numbers behind it.
pub fn numbered_slugs(wanted: &str) -> impl Iterator<Item = String> + use<'_> {
    let begin = |most| cut(wanted, most).trim_end_matches('-');
    std::iter::once(begin(SLUG_LIMIT).to_owned())
        .chain((2..=1_000).map(move |n: u32| format!("{}-{n}", begin(SLUG_LIMIT - 5))))
}

/// `1,204`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whether a thing's name was typed, where its end wants that. None: the caller is a program, which names it otherwise.
pub fn confirm(name: &str, typed: Option<&str>) -> Result<(), Refusal> {
    match typed {
        Some(typed) if typed.trim() != name => Err(format!("Type the name, {name}, to confirm.")),
        _ => Ok(()),
    }
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
/// The most bytes of a slug.
pub const SLUG_LIMIT: usize = 40;

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
        assert!(line("Name", "A\u{200B}da", 9).is_err());
    }

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_row() {
        for (text, written) in [
            ("", "\"\""),
            ("Ada", "\"Ada\""),
            ("gpt-4o", "\"gpt-4o\""),
            ("a=1", "\"a=1\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            (" =1", "\"' =1\""),
            ("\u{a0}=1", "\"'\u{a0}=1\""),
            ("\"=1", "\"'\"\"=1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@a", "\"'@a\""),
            ("\tx", "\"'\\u0009x\""),
            ("\r=1", "\"'\\u000d=1\""),
            ("\nx", "\"'\\u000ax\""),
            ("\0=1", "\"'\\u0000=1\""),
            ("＝1", "\"'＝1\""),
            ("x;=cmd|'/C calc'!A0", "\"x;'=cmd|'/C calc'!A0\""),
            ("x; \"=1;y;-2", "\"x;' \"\"=1;y;'-2\""),
            ("x\t=1", "\"x\\u0009'=1\""),
            ("x;y", "\"x;y\""),
            (";", "\";\""),
            ("a\r\nb\u{1b}[31m\u{202e}", "\"a\\u000d\\u000ab\\u001b[31m\\u202e\""),
            ("<script>", "\"<script>\""),
        ] {
            let mut out = String::new();
            cell(&mut out, text);
            assert_eq!(out, written);
        }
    }

    #[test]
    fn what_cannot_be_seen_stands_only_where_it_is_needed() {
        for needed in [
            "👩‍🔬",
            "🏳\u{FE0F}\u{200D}🌈",
            "👩🏽\u{200D}❤\u{FE0F}\u{200D}👨🏿",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "می\u{200C}خواهم",
            "ශ\u{DCA}\u{200D}ර\u{DD3}",
            "क\u{94D}\u{200D}",
            "葛\u{E0100}城",
            "\u{1820}\u{180B}",
        ] {
            assert!(!hides(needed), "{}", needed.escape_unicode());
        }
        for hidden in [
            "a\u{200D}b",
            "a\u{200C}b",
            "\u{200D}👩",
            "👩\u{200D}",
            "👩\u{200D}a",
            "م\u{200C}",
            "م\u{200C}\u{200C}م",
            "a\u{FE0F}",
            "1\u{FE0F}",
            "❤\u{FE0F}\u{FE0F}",
            "a\u{E0100}",
            "\u{200B}",
            "a\u{2060}",
            "a\u{AD}b",
            "\u{3164}",
            "a\u{200F}",
            "🏴\u{E0067}",
        ] {
            assert!(hides(hidden), "{}", hidden.escape_unicode());
        }
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
