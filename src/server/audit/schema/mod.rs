//! What the events of each action may say: of what kinds their subjects are, which fields they name, and what these hold.
//! From this `docs/audit-events.schema.json` is made, and tests hold every event to it.

mod actions;

use super::pending::BEGUN;
use actions::ACTIONS;
use serde_json::{Value, json};

/// Counted up where something that was in the schema is not any more, or means something else.
const VERSION: u32 = 2;

/// The kinds of subjects whose names are those of people, or their addresses.
pub const PEOPLE: [&str; 4] = ["account", "invitation", "member", "session"];
/// The field that names some of the subjects that were counted together.
const SUCH_AS: &str = "such_as";

/// What a value is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    Texts,
    Object,
}

use Kind::{Flag, Number, Object, Text, Texts};

/// Whether there is a value before or after a change.
#[derive(Clone, Copy)]
enum There {
    Never,
    Perhaps,
    Always,
}

/// Of which person a field says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of whoever acts.
    Actors,
    /// Of whom the event is about.
    Subjects,
    /// Of others, or of nobody who is known by an id.
    Others,
}

/// A field that events may name. A name that begins with `^` is a pattern of names.
#[derive(Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    was: There,
    now: There,
    /// Of whom it says a name, an address or what else tells of a person: then events hold a commitment in its place. None: of
    /// nobody.
    whose: Option<Whose>,
}

impl Field {
    /// It holds the name or an address of a person, or may hold one.
    const fn of(self, whose: Whose) -> Self {
        Self { whose: Some(whose), ..self }
    }
}

/// Something new.
const fn made(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, was: There::Never, now: There::Always, whose: None }
}

/// Something else than before.
const fn changed(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, was: There::Always, now: There::Always, whose: None }
}

/// Something new, something else, or nothing any more.
const fn perhaps(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, was: There::Perhaps, now: There::Perhaps, whose: None }
}

/// Nothing any more.
const fn gone(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, was: There::Always, now: There::Never, whose: None }
}

/// What the events of an action may say once it is done. Whatever was refused or failed has changed nothing.
struct Action {
    name: &'static str,
    subjects: &'static [&'static str],
    fields: &'static [&'static [Field]],
}

const fn action(name: &'static str, subjects: &'static [&'static str], fields: &'static [&'static [Field]]) -> Action {
    Action { name, subjects, fields }
}

/// The actions that have a schema.
pub fn actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|action| action.name)
}

/// Of which person a field of an event says something, by the event's action. None: of nobody.
/// Whatever stands in no schema is taken for personal, so that nothing is kept in clear for want of a decision.
pub fn whose(action: &str, field: &str) -> Option<Whose> {
    if field == SUCH_AS {
        // The subjects that were counted together may be of other kinds than the last.
        return Some(Whose::Others);
    }
    if field == BEGUN {
        return None;
    }
    let Some(action) = ACTIONS.iter().find(|known| known.name == action) else { return Some(Whose::Others) };
    let mut fields = action.fields.iter().copied().flatten();
    match fields.clone().find(|known| known.name == field) {
        Some(known) => known.whose,
        // Fields that are known by a pattern say nothing of people, as a test holds.
        None if fields.any(|known| known.name.starts_with('^')) => None,
        None => Some(Whose::Others),
    }
}

/// The schemas as one JSON Schema (draft 2020-12), with its end.
pub fn document() -> String {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:latchkey:audit-events:{VERSION}"),
        "title": "What the events of Latchkey's audit log say, action by action",
        "description": "Holds besides audit-event.schema.json, which says what all events have in common. An event that was \
                        written by an older version may name other fields.",
        "type": "object",
        "required": ["action", "outcome", "subject", "changes"],
        "oneOf": ACTIONS.iter().map(Action::schema).collect::<Vec<_>>(),
        "$defs": {
            // Some of the things that were counted together; and when an act began of which nobody knows what came of it.
            "nothing": changes(&[
                json!({
                    "properties": {
                        "field": { "const": SUCH_AS },
                        "was": { "type": "null" },
                        "now": personal(json!({ "type": "array", "items": { "type": "string" } })),
                    },
                }),
                made(BEGUN, Text).schema(),
            ]),
            // What stands in the place of a personal value from version 3 of the format on.
            "personal": {
                "type": "object",
                "required": ["personal"],
                "additionalProperties": false,
                "properties": { "personal": { "type": "string", "pattern": "^[0-9a-f]{64}$" } },
            },
        },
    });
    written(&schema, 0) + "\n"
}

/// A value, or a commitment to it.
fn personal(value: Value) -> Value {
    json!({ "anyOf": [value, { "$ref": "#/$defs/personal" }] })
}

/// Changes, each of which is one of these.
fn changes(each: &[Value]) -> Value {
    match each {
        [] => json!({ "maxItems": 0 }),
        each => json!({ "items": { "required": ["field", "was", "now"], "anyOf": each } }),
    }
}

impl Action {
    fn schema(&self) -> Value {
        let fields: Vec<Value> = self.fields.iter().copied().flatten().map(Field::schema).collect();
        // What is refused before it is known what it is about is a request, or what the action's name says.
        let named = match self.name.split_once('.') {
            Some(("team", _)) | None => "member",
            Some((named, _)) => named,
        };
        let mut tried = self.subjects.to_vec();
        tried.extend([named, "request"]);
        tried.sort_unstable();
        tried.dedup();
        let subject = |kinds: &[&str]| json!({ "properties": { "kind": { "enum": kinds } } });
        json!({
            "title": self.name,
            "properties": { "action": { "const": self.name } },
            "if": { "properties": { "outcome": { "const": "done" } } },
            "then": { "properties": { "subject": subject(self.subjects), "changes": changes(&fields) } },
            "else": { "properties": { "subject": subject(&tried), "changes": { "$ref": "#/$defs/nothing" } } },
        })
    }
}

impl Field {
    fn schema(&self) -> Value {
        let name = match self.name.starts_with('^') {
            true => json!({ "pattern": self.name }),
            false => json!({ "const": self.name }),
        };
        json!({ "properties": { "field": name, "was": self.value(self.was), "now": self.value(self.now) } })
    }

    fn value(&self, there: There) -> Value {
        let name = match self.kind {
            Text => "string",
            Number => "integer",
            Flag => "boolean",
            Texts => "array",
            Object => "object",
        };
        let mut schema = match there {
            There::Never => return json!({ "type": "null" }),
            There::Perhaps => json!({ "type": [name, "null"] }),
            There::Always => json!({ "type": name }),
        };
        if matches!(self.kind, Texts) {
            schema["items"] = json!({ "type": "string" });
        }
        if self.whose.is_some() { personal(schema) } else { schema }
    }
}

/// Characters of a line that are not broken.
const LINE: usize = 140;

/// JSON that a reviewer reads: what fits stands on one line.
fn written(value: &Value, depth: usize) -> String {
    let line = value.to_string();
    if line.len() + 2 * depth <= LINE {
        return line;
    }
    let (open, close, parts): (char, char, Vec<String>) = match value {
        Value::Array(all) => ('[', ']', all.iter().map(|one| written(one, depth + 1)).collect()),
        Value::Object(all) => {
            let member = |(name, one): (&String, &Value)| format!("{}: {}", json!(name), written(one, depth + 1));
            ('{', '}', all.iter().map(member).collect())
        }
        _ => return line,
    };
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    format!("{open}\n{inner}{}\n{outer}{close}", parts.join(&format!(",\n{inner}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Operation;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_that_leaves_events_has_a_schema() {
        let known: BTreeSet<&str> = actions().collect();
        assert_eq!(known.len(), ACTIONS.len(), "an action stands there twice");
        let audited = Operation::ALL.iter().map(|operation| operation.spec()).filter(|spec| spec.audited);
        let audited: BTreeSet<&str> = audited.map(|spec| spec.id).collect();
        let others: BTreeSet<&str> = [crate::server::audit::heads::ACTION, "audit.erase", "audit.rotate_key"].into();
        assert_eq!(known, audited.union(&others).copied().collect(), "left: the schemas; right: what is audited");
    }

    #[test]
    fn what_is_personal_stands_in_the_table_of_actions() {
        for action in ACTIONS {
            let mut fields = action.fields.iter().copied().flatten();
            let pattern = fields.find(|field| field.name.starts_with('^') && field.whose.is_some());
            assert!(pattern.is_none(), "{}: fields that are known by a pattern say nothing of people", action.name);
        }
        for (action, field, expected) in [
            ("account.rename", "name", Some(Whose::Subjects)),
            ("account.setup", "owner", Some(Whose::Actors)),
            ("virtual_key.update", "name", None),
            ("api_key.create", "permissions.users", None),
            ("api_key.create", "alert_emails", Some(Whose::Others)),
            ("audit.heads", "01a2213b-56de-7491-9c32-e7dcc295ff44", None),
            ("account.sign_in", "such_as", Some(Whose::Others)),
            ("api_key.delete", "such_as", Some(Whose::Others)),
            // Nobody has decided.
            ("account.rename", "nickname", Some(Whose::Others)),
            ("team.dance", "partner", Some(Whose::Others)),
        ] {
            assert_eq!(whose(action, field), expected, "{action} {field}");
        }
    }

    #[test]
    fn the_schemas_equal_the_checked_in_text() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit-events.schema.json");
        let actual = document();
        if std::env::var_os("LATCHKEY_UPDATE_TABLES").is_some() {
            std::fs::write(path, &actual).expect("the schemas can be written");
        }
        let expected = std::fs::read_to_string(path).unwrap_or_default();
        assert!(actual == expected, "{path} differs: review it, then run with LATCHKEY_UPDATE_TABLES=1");
    }

    #[test]
    fn the_schemas_refuse_what_no_event_says() {
        let schema: Value = serde_json::from_str(&document()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let event = |action: &str, outcome: &str, kind: &str, changes: Value| {
            let subject = json!({ "kind": kind, "id": "", "name": "" });
            validator.is_valid(&json!({ "action": action, "outcome": outcome, "subject": subject, "changes": changes }))
        };
        let one = |field: &str, was: Value, now: Value| json!([{ "field": field, "was": was, "now": now }]);
        let role = |kind: &str, was: Value, now: Value| event("team.change_role", "done", kind, one("role", was, now));
        assert!(role("member", "owner".into(), "admin".into()));
        assert!(!role("account", "owner".into(), "admin".into()), "another kind of subject");
        assert!(!role("member", "owner".into(), Value::Null) && !role("member", 1.into(), 2.into()), "other values");
        assert!(event("team.change_role", "done", "member", json!([])));
        assert!(!event("team.change_role", "done", "member", one("name", "a".into(), "b".into())), "another field");
        assert!(!event("team.dance", "done", "member", json!([])), "an action that there is not");
        assert!(event("api_key.create", "done", "api_key", one("permissions.users", Value::Null, "read".into())));
        assert!(!event("api_key.create", "done", "api_key", one("permissions", Value::Null, "read".into())));
        assert!(event("team.remove", "refused", "request", json!([])));
        let hidden = json!({ "personal": "0f".repeat(32) });
        assert!(event("account.rename", "done", "account", one("name", hidden.clone(), hidden.clone())));
        assert!(!event("team.change_role", "done", "member", one("role", hidden.clone(), hidden)), "it is no person's");
        assert!(event("team.remove", "refused", "member", one("such_as", Value::Null, json!(["Ada", "Bo"]))));
        assert!(!event("team.remove", "refused", "member", one("role", "owner".into(), Value::Null)), "it is not done");
        assert!(!event("team.remove", "done", "request", json!([])), "what is done is about something");
        assert!(!event("account.sign_out", "done", "account", one("x", 1.into(), 2.into())), "it has no fields");
    }
}
