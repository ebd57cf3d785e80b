//! What the checks have in common that look through texts.

use super::{Found, Scene, Side, Unit};
use crate::kernel::json::{self, Node, Value};
use serde_json::Value as Json;

/// The units that have something to judge. Those without text are passed over where others have some; one that only calls
/// tools has nothing for most checks.
pub(super) fn with_text<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = (usize, &'s Unit)> {
    scene.units.iter().enumerate().filter(|(_, unit)| !unit.text.is_empty())
}

/// Whether a unit without text is judged all the same: each choice of an answer is, unless it calls tools, where another
/// has text. Messages without text are passed over.
pub(super) fn is_empty_choice(scene: &Scene<'_>, unit: &Unit) -> bool {
    scene.side == Side::Answer && unit.text.is_empty() && !unit.calls_tools
}

/// Judges unit by unit: all must hold. `Err` where there is nothing to judge.
pub(super) fn each(scene: &Scene<'_>, holds: impl Fn(&str) -> bool) -> Result<Vec<usize>, Found> {
    let mut any = false;
    let mut failed = vec![];
    for (number, unit) in with_text(scene) {
        any = true;
        if !holds(&unit.text) {
            failed.push(number);
        }
    }
    if any {
        let choices = scene.units.iter().enumerate().filter(|(_, unit)| is_empty_choice(scene, unit));
        failed.extend(choices.filter(|(_, unit)| !holds(&unit.text)).map(|(number, _)| number));
    }
    // An answer whose choices only call tools.
    if !any && !scene.units.iter().any(|unit| unit.calls_tools) {
        return Err(Found::no_text());
    }
    Ok(failed)
}

/// The same for checks that judge an empty text as well: where there is no unit at all, one without text is judged.
pub(super) fn each_even_empty(scene: &Scene<'_>, holds: impl Fn(&str) -> bool) -> Vec<usize> {
    let any = with_text(scene).next().is_some();
    if scene.units.is_empty() {
        return if holds("") { vec![] } else { vec![0] };
    }
    let passed_over = |unit: &Unit| unit.text.is_empty() && (unit.calls_tools || any && !is_empty_choice(scene, unit));
    let judged = scene.units.iter().enumerate().filter(|(_, unit)| !passed_over(unit));
    judged.filter(|(_, unit)| !holds(&unit.text)).map(|(number, _)| number).collect()
}

/// Where something stands that is in no unit's own text, as far as that was looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    in_tools: bool,
    in_asides: bool,
}

impl Beside {
    pub(super) fn is_there(self) -> bool {
        self.in_tools || self.in_asides
    }

    /// Adds to what a check tells, which has found something in these units.
    pub(super) fn tell(self, failed: &[usize], mut data: Json) -> Json {
        data["in_tool_calls"] = self.in_tools.into();
        // Where a unit has it, what is said beside it may be the same once more.
        if self.in_asides && failed.is_empty() {
            data["in_other_texts"] = true.into();
        }
        data
    }
}

/// Whether something stands in the arguments of a tool call, or else in whatever can be read besides: in the text as it is,
/// or in any string, number or key in it, however that is written.
pub(super) fn beside(scene: &Scene<'_>, is_there: impl Fn(&str) -> bool) -> Beside {
    let is_in = |text: &String| {
        is_there(text)
            || match json::read(text) {
                Ok((root, _)) => within(&root, text, &is_there),
                // Cut off, too deep, or no JSON: whoever reads it may still undo what is escaped in it.
                Err(_) => is_there(&unescaped(text)),
            }
    };
    let in_tools = scene.arguments.iter().any(is_in);
    Beside { in_tools, in_asides: !in_tools && scene.asides.iter().any(is_in) }
}

/// A text with everything undone that JSON escapes, wherever it stands.
pub(in super::super) fn unescaped(text: &str) -> String {
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        new.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let (char, length) = match behind.bytes().next() {
            Some(b'u') => match unit(behind) {
                // Two that stand for one character.
                Some(high @ 0xd800..0xdc00) => {
                    let low = behind.get(5..).and_then(|more| more.strip_prefix('\\')).and_then(unit);
                    match low {
                        Some(low @ 0xdc00..0xe000) => {
                            (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 11)
                        }
                        _ => (None, 5),
                    }
                }
                Some(code) => (char::from_u32(code), 5),
                None => (None, 1),
            },
            Some(b'n') => (Some('\n'), 1),
            Some(b't') => (Some('\t'), 1),
            Some(b'r') => (Some('\r'), 1),
            Some(b'b' | b'f') => (Some(' '), 1),
            Some(_) => (behind.chars().next(), behind.chars().next().map_or(0, char::len_utf8)),
            None => (None, 0),
        };
        new.push(char.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &behind[length..];
    }
    new.push_str(rest);
    new
}

/// The four digits behind a `u`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.get(1..5).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    text.starts_with('u').then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn within(node: &Node, text: &str, is_there: &impl Fn(&str) -> bool) -> bool {
    match &node.value {
        Value::Text(inner) => {
            is_there(inner)
                // Arguments inside arguments.
                || inner.trim_start().starts_with(['{', '['])
                    && match json::read(inner) {
                        Ok((root, _)) => within(&root, inner, is_there),
                        Err(_) => is_there(&unescaped(inner)),
                    }
        }
        Value::Number(_) => is_there(&text[node.at.clone()]),
        Value::List(elements) => elements.iter().any(|element| within(element, text, is_there)),
        Value::Object(members) => {
            members.iter().any(|member| is_there(&member.key) || within(&member.value, text, is_there))
        }
        Value::Null | Value::Bool(_) => false,
    }
}
