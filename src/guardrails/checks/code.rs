//! Code in a language: `default.containsCode`. Only blocks between fences that name their language count; a line may end
//! in CRLF.

use super::parameters::Parameters;
use super::search::{each, in_arguments};
use super::{Found, Scene};
use serde_json::json;

/// Languages with the words that fences use for them.
pub(in super::super) const LANGUAGES: [(&str, &[&str]); 24] = [
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
];

/// Whether a block of code in a language is there.
#[derive(Debug)]
pub struct Code {
    words: &'static [&'static str],
    not: bool,
}

impl Code {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let format = read.text("format", 40)?;
        match LANGUAGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&format)) {
            Some((_, words)) => Some(Self { words, not }),
            None => {
                let names: Vec<&str> = LANGUAGES.iter().map(|(name, _)| *name).collect();
                read.wrong("format", format!("This is one of {}.", names.join(", ")));
                None
            }
        }
    }

    fn is_in(&self, text: &str) -> bool {
        let mut open: Option<(bool, char, usize)> = None;
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
            let Some((mark, length)) = fence(line) else { continue };
            let rest = line[length..].trim();
            match open {
                // A fence is closed by one of its kind that is no shorter.
                Some((wanted, kind, opened)) if kind == mark && length >= opened && rest.is_empty() => {
                    if wanted {
                        return true;
                    }
                    open = None;
                }
                Some(_) => {}
                None => {
                    let named = rest.split([' ', '\t', '{', ',']).next().unwrap_or_default();
                    let wanted = self.words.iter().any(|word| word.eq_ignore_ascii_case(named));
                    open = Some((wanted, mark, length));
                }
            }
        }
        // A block that is cut off is code all the same.
        open.is_some_and(|(wanted, ..)| wanted)
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let in_tools = self.not && in_arguments(scene, |text| self.is_in(text));
        match each(scene, |text| self.is_in(text) != self.not) {
            Err(_) if in_tools => Found::verdict(false, json!({ "in_tool_calls": true })),
            Err(none) => none,
            Ok(failed) => {
                Found::verdict(failed.is_empty() && !in_tools, json!({ "failed": failed, "in_tool_calls": in_tools }))
            }
        }
    }
}

/// The mark and length of a fence at the beginning of a line.
fn fence(line: &str) -> Option<(char, usize)> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.bytes().take_while(|byte| *byte == mark as u8).count();
    (length >= 3).then_some((mark, length))
}
