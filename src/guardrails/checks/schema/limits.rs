//! Holds schemas to what can be judged in bounded time: nothing is fetched, nothing refers to itself in place, and what
//! refers to itself in several ways only judges values that are not too deep for it.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// Schemas in one another, and all of them, those that are referred to counted each time.
const MAX_DEPTH: usize = 40;
const MAX_SIZE: u64 = 20_000;
/// Each may take some memory.
const MAX_PATTERNS: usize = 50;
/// The most steps of judging a value, counted generously.
const MOST: u64 = 50_000_000;
/// Keywords that are schemas of parts of a value, or hold such.
const OF_PARTS: [&str; 11] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "items",
    "additionalItems",
    "prefixItems",
    "contains",
    "unevaluatedItems",
    "dependencies",
];
/// Keywords whose values are no schemas.
const NO_SCHEMAS: [&str; 5] = ["const", "enum", "default", "examples", "required"];

/// What it takes to judge values by a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// The schemas that judge a value, those of its parts included.
    size: u64,
    /// In how many ways the schema leads back to itself.
    ways: u64,
}

impl Cost {
    /// # Errors
    /// A sentence, where a schema is refused.
    pub(super) fn of(root: &Value) -> Result<Self, String> {
        let mut limits = Limits { root, sizes: HashMap::new(), again: 0, most: 0 };
        if patterns(root) > MAX_PATTERNS {
            return Err(format!("A schema can have at most {MAX_PATTERNS} patterns."));
        }
        limits.shape(root, 0, true)?;
        let size = limits.size(root, &mut vec![], 0)?;
        Ok(Self { size, ways: limits.most.max(1) })
    }

    /// Whether a value can be judged in bounded time.
    pub(super) fn allows(self, value: &Value) -> bool {
        self.total(value, self.size) <= MOST
    }

    fn total(self, value: &Value, each: u64) -> u64 {
        if each > MOST {
            return each;
        }
        let below = each.saturating_mul(self.ways);
        let parts = |sum: u64, part: &Value| {
            if sum > MOST { sum } else { sum.saturating_add(self.total(part, below)) }
        };
        match value {
            Value::Array(values) => values.iter().fold(each, parts),
            Value::Object(members) => members.values().fold(each, parts),
            _ => each,
        }
    }
}

/// How many patterns a schema has, and members that look like some.
fn patterns(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, inner)| {
                let own = match (key.as_str(), inner) {
                    ("pattern", Value::String(_)) => 1,
                    ("patternProperties", Value::Object(by)) => by.len(),
                    _ => 0,
                };
                own + patterns(inner)
            })
            .sum(),
        Value::Array(values) => values.iter().map(patterns).sum(),
        _ => 0,
    }
}

struct Limits<'s> {
    root: &'s Value,
    /// Of each place that is referred to.
    sizes: HashMap<String, u64>,
    /// In how many ways the reference that is followed leads back to something it has led through; the most of any.
    again: u64,
    most: u64,
}

impl<'s> Limits<'s> {
    /// What can be told of each part by itself.
    fn shape(&self, value: &'s Value, depth: usize, top: bool) -> Result<(), String> {
        if depth > MAX_DEPTH * 2 {
            return Err(format!("Schemas can be nested at most {MAX_DEPTH} deep."));
        }
        match value {
            Value::Object(members) => {
                for (key, inner) in members {
                    match (key.as_str(), inner) {
                        ("$ref", Value::String(to)) if !to.starts_with('#') => {
                            return Err(
                                "A `$ref` must stay within the schema and begin with `#`. Nothing is fetched.".into()
                            );
                        }
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                            return Err(format!("Use `$ref` in place of `{key}`."));
                        }
                        ("$id" | "id", Value::String(_)) if !top && members.keys().any(|key| key.starts_with('$')) => {
                            return Err("Only the schema itself can have an `$id`, not a part of it.".into());
                        }
                        ("$schema", Value::String(draft)) if top && !is_known(draft) => {
                            return Err(
                                "`$schema` must be https://json-schema.org/draft/2020-12/schema or an earlier draft."
                                    .into(),
                            );
                        }
                        _ if NO_SCHEMAS.contains(&key.as_str()) && !matches!(inner, Value::Object(_)) => {}
                        _ => self.shape(inner, depth + 1, false)?,
                    }
                }
                Ok(())
            }
            Value::Array(values) => values.iter().try_for_each(|value| self.shape(value, depth + 1, false)),
            _ => Ok(()),
        }
    }

    /// The number of schemas that judge a value, with those that are referred to. `open` are the references that have led
    /// here, each with whether they are still about the same value.
    fn size(&mut self, value: &'s Value, open: &mut Vec<(String, bool)>, depth: usize) -> Result<u64, String> {
        if depth > 4 * MAX_DEPTH {
            return Err(format!("Schemas can be nested at most {MAX_DEPTH} deep."));
        }
        let size = match value {
            Value::Object(members) => self.object(members, open, depth)?,
            Value::Array(values) => {
                let mut size = 1_u64;
                for value in values {
                    size = size.saturating_add(self.size(value, open, depth + 1)?);
                }
                size
            }
            _ => 1,
        };
        if size > MAX_SIZE {
            return Err(format!("With all that its references lead to, a schema can have at most {MAX_SIZE} parts."));
        }
        Ok(size)
    }

    fn object(
        &mut self,
        members: &'s Map<String, Value>,
        open: &mut Vec<(String, bool)>,
        depth: usize,
    ) -> Result<u64, String> {
        let mut size = 1_u64;
        for (key, inner) in members {
            // A value is compared with each of them.
            if key == "enum"
                && let Value::Array(values) = inner
            {
                size = size.saturating_add(values.len() as u64);
            }
            // Definitions count where they are referred to.
            if NO_SCHEMAS.contains(&key.as_str()) || key == "$defs" || key == "definitions" {
                continue;
            }
            if key == "$ref"
                && let Value::String(to) = inner
            {
                size = size.saturating_add(self.reference(to, open, depth)?);
                continue;
            }
            let parts = OF_PARTS.contains(&key.as_str());
            let before: Vec<bool> = open.iter().map(|(_, same)| *same).collect();
            if parts {
                open.iter_mut().for_each(|(_, same)| *same = false);
            }
            size = size.saturating_add(self.size(inner, open, depth + 1)?);
            for ((_, same), before) in open.iter_mut().zip(before) {
                *same = before;
            }
        }
        Ok(size)
    }

    fn reference(&mut self, to: &str, open: &mut Vec<(String, bool)>, depth: usize) -> Result<u64, String> {
        let shown: String = to.chars().take(80).collect();
        if let Some((_, same)) = open.iter().find(|(known, _)| known == to) {
            if *same {
                return Err(format!("`{shown}` refers to itself without end."));
            }
            self.again += 1;
            return Ok(1);
        }
        if let Some(known) = self.sizes.get(to) {
            return Ok(*known);
        }
        let Some(target) = self.target(to) else {
            return Err(format!("There is nothing at `{shown}` in this schema."));
        };
        if open.is_empty() {
            self.again = 0;
        }
        open.push((to.to_owned(), true));
        let before = self.again;
        let size = self.size(target, open, depth + 1);
        open.pop();
        let size = size?;
        self.most = self.most.max(self.again);
        // What leads back is looked at from each place that leads to it.
        if self.again == before {
            self.sizes.insert(to.to_owned(), size);
        }
        Ok(size)
    }

    fn target(&self, to: &str) -> Option<&'s Value> {
        let pointer = to.strip_prefix('#')?;
        if pointer.is_empty() {
            return Some(self.root);
        }
        if pointer.starts_with('/') {
            let decoded = percent_decoded(pointer)?;
            return self.root.pointer(&decoded);
        }
        anchored(self.root, pointer)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        match (first, behind) {
            (b'%', [high, low, behind @ ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn anchored<'s>(value: &'s Value, name: &str) -> Option<&'s Value> {
    match value {
        Value::Object(members) => {
            let here =
                ["$anchor", "$dynamicAnchor"].iter().any(|key| members.get(*key).and_then(Value::as_str) == Some(name));
            if here { Some(value) } else { members.values().find_map(|inner| anchored(inner, name)) }
        }
        Value::Array(values) => values.iter().find_map(|inner| anchored(inner, name)),
        _ => None,
    }
}

fn is_known(draft: &str) -> bool {
    let name = draft.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
    let drafts = ["draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12"];
    drafts.iter().any(|draft| name == format!("json-schema.org/{draft}/schema"))
}
