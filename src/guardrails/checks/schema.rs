//! JSON in texts: `default.jsonSchema` (2020-12, without any network or file) and `default.jsonKeys`. Blocks between
//! fences are looked at first; where there are none, every whole object in the text.

use super::parameters::Parameters;
use super::search::each_even_empty;
use super::{Found, Scene};
use crate::kernel::json;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The most bytes of a schema.
const LARGEST: usize = 64 << 10;
/// The most objects that are looked for in a text.
const MOST: usize = 100;

/// Whether a JSON value in the text fits a schema.
#[derive(Debug)]
pub struct Schema {
    schema: Validator,
    not: bool,
}

impl Schema {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let schema = match read.get("schema") {
            // Editors may send it as text.
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            other => other.cloned(),
        };
        let Some(schema) = schema.filter(|schema| schema.is_object() || schema.is_boolean()) else {
            read.wrong("schema", "This is a JSON schema, as an object.");
            return None;
        };
        let text = schema.to_string();
        if text.len() > LARGEST || json::read(&text).is_err() {
            read.wrong("schema", "A schema has at most 64 KiB and 64 levels.");
            return None;
        }
        if let Some(other) = foreign(&schema) {
            let shown: String = other.chars().take(80).collect();
            read.wrong("schema", format!("A schema refers to nothing outside itself, as `{shown}` does."));
            return None;
        }
        // Its patterns run in linear time as well.
        let patterns = jsonschema::PatternOptions::regex().size_limit(1 << 20);
        let built = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(patterns)
            .build(&schema);
        match built {
            Ok(schema) => Some(Self { schema, not }),
            Err(error) => {
                let told: String = error.to_string().chars().take(200).collect();
                read.wrong("schema", format!("This is no JSON schema (2020-12): {told}"));
                None
            }
        }
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let fits = |text: &str| values(text).iter().any(|value| self.schema.is_valid(value));
        let failed = each_even_empty(scene, |text| fits(text) != self.not);
        Found::verdict(failed.is_empty(), json!({ "failed": failed }))
    }
}

/// A reference that leads out of the schema.
fn foreign(schema: &Value) -> Option<String> {
    match schema {
        Value::Object(members) => {
            let leads = |key: &str| ["$ref", "$dynamicRef", "$recursiveRef"].contains(&key);
            for (key, value) in members {
                match value.as_str() {
                    Some(to) if leads(key) && !to.starts_with('#') => return Some(to.to_owned()),
                    Some(own) if key == "$schema" && !own.contains("json-schema.org/draft/2020-12") => {
                        return Some(own.to_owned());
                    }
                    _ => {}
                }
                if let Some(found) = foreign(value) {
                    return Some(found);
                }
            }
            None
        }
        Value::Array(elements) => elements.iter().find_map(foreign),
        _ => None,
    }
}

/// Which members a JSON object in the text has, at its outermost level.
#[derive(Debug)]
pub struct Keys {
    keys: Vec<String>,
    operator: &'static str,
    not: bool,
}

impl Keys {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let operator = read.choice("operator", &["any", "all", "none"], "any");
        Some(Self { keys: read.texts("keys", 1, 1_000, 200)?, operator, not })
    }

    fn holds(&self, text: &str) -> bool {
        values(text).iter().filter_map(Value::as_object).any(|object| {
            let found = self.keys.iter().filter(|key| object.contains_key(*key)).count();
            match self.operator {
                "all" => found == self.keys.len(),
                "none" => found == 0,
                _ => found > 0,
            }
        })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        // Text without an object has no such key, but it is no object without it either.
        let failed = each_even_empty(scene, |text| self.holds(text) != self.not);
        Found::verdict(failed.is_empty(), json!({ "failed": failed }))
    }
}

/// The JSON values in a text.
fn values(text: &str) -> Vec<Value> {
    let mut found = fenced(text);
    if found.is_empty() {
        found.extend(parsed(text.trim()));
    }
    if found.is_empty() {
        found = objects(text);
    }
    found
}

/// A value that is not nested too deep.
fn parsed(text: &str) -> Option<Value> {
    json::read(text).ok()?;
    serde_json::from_str(text).ok()
}

fn fenced(text: &str) -> Vec<Value> {
    let mut found = vec![];
    let mut rest = text;
    while let Some(open) = rest.find("```") {
        let inner = &rest[open + 3..];
        let Some(close) = inner.find("```") else { break };
        let block = &inner[..close];
        // The first line may name the language.
        let content = match block.split_once('\n') {
            Some((first, content)) if !first.trim_start().starts_with(['{', '[']) => content,
            _ => block.trim_start_matches(|c: char| c.is_ascii_alphanumeric()),
        };
        found.extend(parsed(content.trim()));
        if found.len() >= MOST {
            break;
        }
        rest = &inner[close + 3..];
    }
    found
}

/// Every whole object in a text, found in one pass: braces inside of strings do not count.
fn objects(text: &str) -> Vec<Value> {
    let bytes = text.as_bytes();
    let mut found = vec![];
    let mut open = vec![];
    let (mut string, mut at) = (false, 0);
    while at < bytes.len() && found.len() < MOST {
        match bytes[at] {
            b'\\' if string => at += 1,
            b'"' if !open.is_empty() => string = !string,
            b'{' if !string => open.push(at),
            b'}' if !string => {
                if let Some(start) = open.pop()
                    && open.is_empty()
                {
                    found.extend(parsed(&text[start..=at]));
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}
