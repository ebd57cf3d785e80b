//! JSON in texts: `default.jsonSchema` and `default.jsonKeys`. Blocks between fences come first; outside of them, whole
//! objects count. Of several, one that fits is enough, but with `not` or `none` all must keep to it. What is nested too
//! deeply to be read is no JSON. Schemas are of draft 2020-12 unless `$schema` says otherwise, and nothing is fetched.

mod find;
mod limits;

use super::parameters::Parameters;
use super::search::each_even_empty;
use super::{Found, Scene};
use find::{Finds, find};
use jsonschema::{Draft, PatternOptions, Validator};
use limits::Cost;
use serde_json::{Value, json};
use std::cell::Cell;

/// The most bytes of a schema's text.
const MAX_SCHEMA: usize = 64 << 10;

/// Whether JSON keeps to a schema.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    cost: Cost,
    not: bool,
}

impl Schema {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let Some(given) = read.get("schema") else {
            read.wrong("schema", "`schema` is missing.");
            return None;
        };
        let parsed;
        let schema = match given {
            // As some editors send it.
            Value::String(text) => match serde_json::from_str(text) {
                Ok(schema @ Value::Object(_)) => {
                    parsed = schema;
                    &parsed
                }
                _ => {
                    read.wrong("schema", "This text is not a JSON object.");
                    return None;
                }
            },
            Value::Object(_) => given,
            _ => {
                read.wrong("schema", "A schema must be an object.");
                return None;
            }
        };
        if schema.to_string().len() > MAX_SCHEMA {
            read.wrong("schema", "A schema can be at most 64 KiB long.");
            return None;
        }
        let cost = match Cost::of(schema) {
            Ok(cost) => cost,
            Err(message) => {
                read.wrong("schema", message);
                return None;
            }
        };
        let mut options = jsonschema::options().with_pattern_options(PatternOptions::regex().size_limit(128 << 10));
        if schema.get("$schema").is_none() {
            options = options.with_draft(Draft::Draft202012);
        }
        match options.offline().build(schema) {
            Ok(validator) => Some(Self { validator, cost, not }),
            Err(error) => {
                let place = error.instance_path().to_string();
                let told: String = error.to_string().chars().take(200).collect();
                read.wrong(
                    "schema",
                    match place.is_empty() {
                        true => format!("This is not a valid schema: {told}."),
                        false => format!("This is not a valid schema, see `{place}`: {told}."),
                    },
                );
                None
            }
        }
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let too_dear = Cell::new(false);
        judge(scene, &too_dear, |values| {
            if !values.iter().all(|value| self.cost.allows(value)) {
                too_dear.set(true);
                return false;
            }
            values.iter().any(|value| self.validator.is_valid(value)) != self.not
        })
    }
}

/// Which keys objects have.
#[derive(Debug)]
pub struct Keys {
    keys: Vec<String>,
    operator: &'static str,
    not: bool,
}

impl Keys {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let operator = read.choice("operator", &["any", "all", "none"], "any");
        let not = read.not();
        Some(Self { keys: read.texts("keys", 1, 1_000, 200)?, operator, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        judge(scene, &Cell::new(false), |values| {
            let objects: Vec<_> = values.iter().filter_map(Value::as_object).collect();
            let any = || objects.iter().any(|object| self.keys.iter().any(|key| object.contains_key(key)));
            let all = || objects.iter().any(|object| self.keys.iter().all(|key| object.contains_key(key)));
            let holds = match self.operator {
                "all" => all(),
                "none" => !any(),
                _ => any(),
            };
            !objects.is_empty() && holds != self.not
        })
    }
}

/// Judges the JSON of each unit; one without any fails.
fn judge(scene: &Scene<'_>, too_dear: &Cell<bool>, holds: impl Fn(&[Value]) -> bool) -> Found {
    let too_much = Cell::new(false);
    let without = Cell::new(0_usize);
    let failed = each_even_empty(scene, |text| match find(text) {
        Finds::Values(values) if values.is_empty() => {
            without.set(without.get() + 1);
            false
        }
        Finds::Values(values) => holds(&values),
        Finds::TooMuch => {
            too_much.set(true);
            false
        }
    });
    if too_much.get() {
        return Found::error("The text has too many JSON objects, or broken ones, to be judged.");
    }
    if too_dear.get() {
        return Found::error("The JSON is too large, or nested too deeply, to be judged by this schema.");
    }
    Found::verdict(failed.is_empty(), json!({ "failed": failed, "without_json": without.get() }))
}

#[cfg(test)]
mod tests;
