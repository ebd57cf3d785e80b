//! Code in a language: `default.containsCode`. Only blocks between fences that name their language count; a line may end
//! in CRLF.

use super::parameters::Parameters;
use super::search::{Beside, beside, each};
use super::{Found, Scene};
use serde_json::json;

/// Languages with the words that fences use for them.
pub(in super::super) const LANGUAGES: [(&str, &[&str]); 25] = [
    ("SQL", &["sql", "mysql", "postgresql", "postgres", "sqlite", "plsql", "tsql"]),
    ("Python", &["python", "py", "python3"]),
    ("TypeScript", &["typescript", "ts", "tsx"]),
    ("JavaScript", &["javascript", "js", "jsx", "mjs"]),
    ("Java", &["java"]),
    ("C#", &["c#", "csharp", "cs"]),
    ("C++", &["c++", "cpp", "cxx", "cc"]),
    ("C", &["c", "h"]),
    ("PHP", &["php"]),
    ("Ruby", &["ruby", "rb"]),
    ("Swift", &["swift"]),
    ("Kotlin", &["kotlin", "kt"]),
    ("Go", &["go", "golang"]),
    ("Rust", &["rust", "rs"]),
    ("Scala", &["scala"]),
    ("R", &["r"]),
    ("Perl", &["perl", "pl"]),
    ("Shell", &["shell", "sh", "bash", "zsh", "console"]),
    ("HTML", &["html", "htm"]),
    ("CSS", &["css"]),
    ("XML", &["xml"]),
    ("JSON", &["json"]),
    ("YAML", &["yaml", "yml"]),
    ("Markdown", &["markdown", "md"]),
    ("Dockerfile", &["dockerfile", "docker"]),
];

/// Whether a block of code in a language is there.
#[derive(Debug)]
pub struct Code {
    words: &'static [&'static str],
    not: bool,
}

impl Code {
    /// Whether it looks for what must not be there.
    pub(super) fn forbids(&self) -> bool {
        self.not
    }

    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let format = read.text("format", 40)?;
        match LANGUAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&format)) {
            Some((_, words)) => Some(Self { words, not }),
            None => {
                let names: Vec<&str> = LANGUAGES.iter().map(|(name, _)| *name).collect();
                read.wrong("format", format!("This must be one of {}.", names.join(", ")));
                None
            }
        }
    }

    /// Whether a fence names the language, wherever it stands in its line: in a list, in a quotation, behind words.
    fn is_in(&self, text: &str) -> bool {
        ["```", "~~~"].iter().any(|fence| {
            let mark = fence.as_bytes()[0] as char;
            let mut until = 0;
            text.match_indices(fence).any(|(at, _)| {
                // One row of marks is one fence.
                if at < until {
                    return false;
                }
                let behind = text[at..].trim_start_matches(mark);
                until = text.len() - behind.len();
                let info: String = behind.chars().take_while(|c| !matches!(c, '\n' | '\r')).take(60).collect();
                let info = info.trim_start().trim_start_matches(['{', '.']);
                let named = info.split([' ', '\t', '{', '}', ',', ':', '`']).next().unwrap_or_default();
                self.words.iter().any(|word| word.eq_ignore_ascii_case(named))
            })
        })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let beside = if self.not { beside(scene, |text| self.is_in(text)) } else { Beside::default() };
        match each(scene, |text| self.is_in(text) != self.not) {
            Err(_) if beside.is_there() => Found::verdict(false, beside.tell(&[], json!({}))),
            Err(none) => none,
            Ok(failed) => Found::verdict(
                failed.is_empty() && !beside.is_there(),
                beside.tell(&failed, json!({ "failed": failed })),
            ),
        }
    }
}
