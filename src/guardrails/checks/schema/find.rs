//! Finds JSON in a text.

use serde_json::{Deserializer, Value};

/// The most values of a text.
const MOST: usize = 1_000;
/// What is read again and again because it is broken may come to so many times the text.
const TIMES: usize = 8;

/// What was found.
#[derive(Debug, PartialEq)]
pub(super) enum Finds {
    Values(Vec<Value>),
    /// Too many, or too much that is broken.
    TooMuch,
}

/// The JSON of a text: the text, if it is a list or an object; else what stands between fences; else the objects in it.
/// What is nested too deeply (128) is none.
pub(super) fn find(text: &str) -> Finds {
    // A text that is JSON as a whole may hold fences in its strings.
    if text.trim_start().starts_with(['{', '['])
        && let Ok(whole) = serde_json::from_str(text)
    {
        return Finds::Values(vec![whole]);
    }
    let fenced: Vec<Value> = blocks(text).filter_map(|block| serde_json::from_str(block).ok()).take(MOST + 1).collect();
    if fenced.len() > MOST {
        return Finds::TooMuch;
    }
    if !fenced.is_empty() {
        return Finds::Values(fenced);
    }
    objects(text)
}

/// The objects in a text, from one that can be read to the next.
fn objects(text: &str) -> Finds {
    let mut found = vec![];
    let mut work = text.len().saturating_mul(TIMES).saturating_add(64 << 10);
    let mut at = 0;
    while let Some(next) = text[at..].find('{') {
        at += next;
        let mut reader = Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match reader.next() {
            Some(Ok(value)) => {
                at += reader.byte_offset();
                if found.len() == MOST {
                    return Finds::TooMuch;
                }
                found.push(value);
            }
            Some(Err(error)) => {
                let read = offset(&text[at..], error.line(), error.column());
                // To count lines is work as well.
                work = match work.checked_sub(read + 1) {
                    Some(work) => work,
                    None => return Finds::TooMuch,
                };
                at += 1;
            }
            None => at += 1,
        }
    }
    Finds::Values(found)
}

/// The place of a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column).min(text.len())
}

/// The texts between fences; one that is not closed goes to the end.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let open = rest.find("```")?;
        let body = rest[open..].trim_start_matches('`');
        // `json` or another word behind the fence, on its line or, as some models write it, before the value.
        let body = body.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '_'));
        let end = body.find("```").unwrap_or(body.len());
        rest = body[end..].trim_start_matches('`');
        Some(body[..end].trim())
    })
}
