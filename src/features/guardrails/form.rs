//! What is typed into the editor's form, read to a definition, and a definition laid out for the form. What parameters there
//! are, and how each is typed, the catalogue says.

use super::model::{Actions, Block, MOST_CHECKS, Typed};
use crate::{
    guardrails::catalogue::{self, Kind, Parameter},
    kernel::Fields,
};
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;

/// The name of a field in the form, by the name that it has in JSON: `checks[0].id` is `checks.0.id`.
pub fn form_name(field: &str) -> String {
    field.replace('[', ".").replace(']', "")
}

/// A definition's checks as blocks.
pub fn blocks_of(definition: &Value) -> Vec<Block> {
    definition["checks"].as_array().map(|checks| checks.iter().map(block_of).collect()).unwrap_or_default()
}

fn block_of(check: &Value) -> Block {
    let id = check["id"].as_str().unwrap_or_default();
    let mut rest = check["parameters"].as_object().cloned().unwrap_or_default();
    let mut values = BTreeMap::new();
    for parameter in catalogue::find(id).map_or(&[][..], |known| known.parameters) {
        let Some(value) = rest.remove(parameter.name) else {
            values.insert(parameter.name.to_owned(), usual(parameter).to_owned());
            continue;
        };
        match shown(parameter, &value) {
            Some(shown) => drop(values.insert(parameter.name.to_owned(), shown)),
            // It is kept as it is.
            None => drop(rest.insert(parameter.name.to_owned(), value)),
        }
    }
    Block {
        id: id.to_owned(),
        name: check["name"].as_str().unwrap_or_default().to_owned(),
        is_enabled: check["is_enabled"] != json!(false),
        values,
        rest: if rest.is_empty() { String::new() } else { pretty(&Value::Object(rest)) },
    }
}

/// What is typed where nothing is said.
fn usual(parameter: &Parameter) -> &'static str {
    match parameter.kind {
        Kind::Flag(true) => "yes",
        Kind::Choice(choices) => choices.first().map_or("", |(value, _)| value),
        _ => "",
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A stored value as it is typed; none: the form has no way to type it.
fn shown(parameter: &Parameter, value: &Value) -> Option<String> {
    match parameter.kind {
        Kind::Line | Kind::Exact => value.as_str().filter(|text| !text.contains('\n')).map(str::to_owned),
        Kind::Number => value.as_number().map(Number::to_string),
        Kind::Flag(_) => value.as_bool().map(|on| if on { "yes".to_owned() } else { String::new() }),
        Kind::Choice(choices) => {
            let word = match value {
                // As existing definitions say it of what is found.
                Value::Bool(on) => {
                    if *on {
                        "replace"
                    } else {
                        ""
                    }
                }
                value => value.as_str()?,
            };
            choices.iter().any(|(value, _)| *value == word).then(|| word.to_owned())
        }
        Kind::Lines => match value {
            Value::String(text) => Some(text.split(',').map(str::trim).collect::<Vec<_>>().join("\n")),
            value => lines(value.as_array()?),
        },
        Kind::Marks(_) => lines(value.as_array()?),
        Kind::Json => Some(match value {
            Value::String(text) => text.clone(),
            value => pretty(value),
        }),
    }
}

fn lines(items: &[Value]) -> Option<String> {
    let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    let items = items?;
    // A list that lines cannot say.
    if items.iter().any(|item| item.is_empty() || item.contains('\n')) { None } else { Some(items.join("\n")) }
}

/// A definition's actions as the form shows them.
pub fn actions_of(definition: &Value) -> Actions {
    let actions = &definition["actions"];
    let is = |name: &str| actions[name] == json!(true);
    let word = |name: &str| actions[name].as_str().unwrap_or_default().to_owned();
    let feedback = |name: &str| {
        let feedback = &actions[name]["feedback"];
        let number = |name: &str| feedback[name].as_number().map(Number::to_string).unwrap_or_default();
        (number("value"), number("weight"))
    };
    Actions {
        on_fail: if is("observe") {
            "observe"
        } else if is("deny") {
            "deny"
        } else {
            "pass"
        }
        .to_owned(),
        is_async: is("async"),
        is_sequential: is("sequential"),
        on_error: word("on_error"),
        stream: word("stream"),
        success: feedback("on_success"),
        failure: feedback("on_fail"),
    }
}

/// The blocks as they are typed, in their order, after the step that a button asked for: `add`, `up.1`, `down.1` or
/// `remove.1`.
pub fn blocks_typed(typed: &Typed, step: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = (0..MOST_CHECKS).map_while(|at| block_typed(typed, at)).collect();
    let (word, at) = step.split_once('.').unwrap_or((step, ""));
    let at = at.parse::<usize>().ok().filter(|at| *at < blocks.len());
    match (word, at) {
        ("up", Some(at)) if at > 0 => blocks.swap(at - 1, at),
        ("down", Some(at)) if at + 1 < blocks.len() => blocks.swap(at, at + 1),
        ("remove", Some(at)) => drop(blocks.remove(at)),
        ("add", _) if blocks.len() < MOST_CHECKS && catalogue::find(typed.get("add")).is_some() => {
            blocks.push(block_of(&json!({ "id": typed.get("add") })));
        }
        _ => {}
    }
    blocks
}

fn block_typed(typed: &Typed, at: usize) -> Option<Block> {
    let name = |part: &str| format!("checks.{at}.{part}");
    let id = typed.0.get(&name("id"))?;
    let mut values = BTreeMap::new();
    for parameter in catalogue::find(id).map_or(&[][..], |known| known.parameters) {
        let name = name(&format!("parameters.{}", parameter.name));
        let value = match parameter.kind {
            Kind::Marks(marks) => {
                let on = |mark: &&str| !typed.get(&format!("{name}.{mark}")).is_empty();
                marks.iter().map(|(mark, _)| *mark).filter(on).collect::<Vec<_>>().join("\n")
            }
            _ => typed.get(&name).replace("\r\n", "\n"),
        };
        values.insert(parameter.name.to_owned(), value);
    }
    Some(Block {
        id: id.clone(),
        name: typed.get(&name("name")).to_owned(),
        is_enabled: !typed.get(&name("is_enabled")).is_empty(),
        values,
        rest: typed.get(&name("parameters")).replace("\r\n", "\n"),
    })
}

/// The actions as they are typed.
pub fn actions_typed(typed: &Typed) -> Actions {
    let text = |name: &str| typed.get(name).to_owned();
    let is = |name: &str| !typed.get(name).is_empty();
    let feedback = |name: &str| {
        (text(&format!("actions.{name}.feedback.value")), text(&format!("actions.{name}.feedback.weight")))
    };
    Actions {
        on_fail: text("actions.deny"),
        is_async: is("actions.async"),
        is_sequential: is("actions.sequential"),
        on_error: text("actions.on_error"),
        stream: text("actions.stream"),
        success: feedback("on_success"),
        failure: feedback("on_fail"),
    }
}

/// The definition that is typed. What the form has no field for is kept as it is in `stored`.
pub fn definition_of(blocks: &[Block], actions: &Actions, stored: &Value, fields: &mut Fields) -> Value {
    let checks: Vec<Value> = blocks.iter().enumerate().map(|(at, block)| check_of(block, at, fields)).collect();
    let mut told = stored["actions"].as_object().cloned().unwrap_or_default();
    told.insert("deny".into(), json!(actions.on_fail == "deny"));
    set(&mut told, "observe", (actions.on_fail == "observe").then_some(json!(true)));
    told.insert("async".into(), json!(actions.is_async));
    set(&mut told, "sequential", actions.is_sequential.then_some(json!(true)));
    for (name, word) in [("on_error", &actions.on_error), ("stream", &actions.stream)] {
        set(&mut told, name, (!word.is_empty()).then(|| json!(word)));
    }
    for (name, (value, weight)) in [("on_success", &actions.success), ("on_fail", &actions.failure)] {
        let mut event = told.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        if value.trim().is_empty() && weight.trim().is_empty() {
            event.remove("feedback");
        } else {
            let mut feedback = event.get("feedback").and_then(Value::as_object).cloned().unwrap_or_default();
            for (part, typed) in [("value", value), ("weight", weight)] {
                set(&mut feedback, part, (!typed.trim().is_empty()).then(|| number(typed)));
            }
            event.insert("feedback".into(), Value::Object(feedback));
        }
        set(&mut told, name, (!event.is_empty()).then_some(Value::Object(event)));
    }
    json!({ "checks": checks, "actions": told })
}

fn set(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(object.insert(name.to_owned(), value)),
        None => drop(object.remove(name)),
    }
}

fn check_of(block: &Block, at: usize, fields: &mut Fields) -> Value {
    let mut parameters = match block.rest.trim() {
        "" => Map::new(),
        text => match serde_json::from_str(text) {
            Ok(Value::Object(rest)) => rest,
            _ => {
                fields.refuse(&format!("checks[{at}].parameters"), "This is a JSON object, such as {\"a\": 1}.");
                Map::new()
            }
        },
    };
    for parameter in catalogue::find(&block.id).map_or(&[][..], |known| known.parameters) {
        // The form has no way to type it: it stands with the rest.
        if parameters.contains_key(parameter.name) {
            continue;
        }
        let typed = block.values.get(parameter.name).map_or("", String::as_str);
        let field = || format!("checks[{at}].parameters.{}", parameter.name);
        if let Some(value) = read(parameter, typed, fields, field) {
            parameters.insert(parameter.name.to_owned(), value);
        }
    }
    let mut check = Map::new();
    check.insert("id".into(), json!(block.id));
    check.insert("parameters".into(), Value::Object(parameters));
    set(&mut check, "name", (!block.name.trim().is_empty()).then(|| json!(block.name.trim())));
    set(&mut check, "is_enabled", (!block.is_enabled).then_some(json!(false)));
    Value::Object(check)
}

/// A number, or the text where it is none: what must be a number says so itself.
fn number(typed: &str) -> Value {
    let plain = typed.trim().replace(',', "");
    match serde_json::from_str::<Number>(&plain) {
        Ok(number) => Value::Number(number),
        Err(_) => json!(typed),
    }
}

/// What a parameter is, of what is typed; none: it is left out.
fn read(parameter: &Parameter, typed: &str, fields: &mut Fields, field: impl Fn() -> String) -> Option<Value> {
    let split = || json!(typed.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>());
    match parameter.kind {
        Kind::Line => Some(typed.trim()).filter(|text| !text.is_empty()).map(|text| json!(text)),
        Kind::Exact => (!typed.is_empty()).then(|| json!(typed)),
        Kind::Number => (!typed.trim().is_empty()).then(|| number(typed)),
        Kind::Flag(usual) => (typed.is_empty() == usual).then(|| json!(!usual)),
        Kind::Choice(choices) => {
            // The first is the same as nothing, but for choices that always say something.
            let says_all = choices.first().is_some_and(|(value, _)| !value.is_empty());
            (says_all || !typed.is_empty()).then(|| json!(typed))
        }
        // These may be left out; all other lists are needed.
        Kind::Lines if matches!(parameter.name, "allowedTypes" | "blockedTypes" | "algorithms") => {
            (!typed.trim().is_empty()).then(split)
        }
        Kind::Lines | Kind::Marks(_) => Some(split()),
        Kind::Json => match typed.trim() {
            "" => None,
            text => match serde_json::from_str(text) {
                Ok(value) => Some(value),
                Err(error) => {
                    let sentence =
                        format!("This is no JSON: look at line {}, column {}.", error.line(), error.column());
                    fields.refuse(&field(), sentence);
                    None
                }
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(definition: &Value) -> Value {
        let mut fields = Fields::default();
        let told = definition_of(&blocks_of(definition), &actions_of(definition), definition, &mut fields);
        fields.finish().expect("nothing is refused");
        told
    }

    #[test]
    fn the_form_keeps_every_definition() {
        for definition in [
            json!({ "checks": [{ "id": "default.regexMatch", "parameters": { "rule": "  a b ", "not": true } }], "actions": { "deny": true, "async": false } }),
            json!({ "checks": [
                { "id": "default.contains", "parameters": { "operator": "none", "words": ["Project, Halyard", "x"], "ignoreCase": true } },
                { "id": "portkey.pii", "name": "Ours", "is_enabled": false, "parameters": { "categories": ["IBAN", "EMAIL_ADDRESS"], "redact": "mask" } },
                { "id": "default.addPrefix", "parameters": { "prefix": "Be kind. ", "applyToRole": "system", "addToExisting": false } },
                { "id": "default.wordCount", "parameters": { "minWords": 1, "maxWords": 9.5 } },
                { "id": "default.validUrls", "parameters": { "onlyDNS": true } },
                { "id": "default.jsonSchema", "parameters": { "schema": { "type": "object", "required": ["a"] } } },
            ], "actions": { "deny": false, "async": true, "observe": true, "on_error": "pass", "stream": "sentence", "odd": 1,
                "on_success": { "feedback": { "value": 5, "weight": 0.5, "metadata": "x" } } } }),
            // What lines cannot say stands with the rest.
            json!({ "checks": [{ "id": "default.contains", "parameters": { "operator": "any", "words": ["a\nb", ""] } }], "actions": { "deny": true, "async": false } }),
        ] {
            let told = round(&definition);
            assert_eq!(told, definition);
        }
    }

    fn typed(fields: &[(&str, &str)]) -> Typed {
        Typed(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn buttons_move_add_and_remove_what_is_typed() {
        let form = [
            ("checks.0.id", "default.regexMatch"),
            ("checks.0.is_enabled", "yes"),
            ("checks.0.parameters.rule", "a"),
            ("checks.1.id", "portkey.pii"),
            ("checks.1.parameters.categories.IBAN", "yes"),
            ("add", "default.notNull"),
        ];
        let ids = |step: &str| -> Vec<String> {
            blocks_typed(&typed(&form), step).into_iter().map(|block| block.id).collect()
        };
        assert_eq!(ids(""), ["default.regexMatch", "portkey.pii"]);
        assert_eq!(ids("up.1"), ["portkey.pii", "default.regexMatch"]);
        assert_eq!(ids("down.0"), ["portkey.pii", "default.regexMatch"]);
        assert_eq!(ids("up.0"), ids(""));
        assert_eq!(ids("remove.0"), ["portkey.pii"]);
        assert_eq!(ids("add"), ["default.regexMatch", "portkey.pii", "default.notNull"]);
        let blocks = blocks_typed(&typed(&form), "up.1");
        assert_eq!((blocks[0].values["categories"].as_str(), blocks[1].values["rule"].as_str()), ("IBAN", "a"));
        assert!(blocks[1].is_enabled && !blocks[0].is_enabled);
    }

    #[test]
    fn what_cannot_be_read_is_told_at_its_field() {
        let form = [
            ("checks.0.id", "default.jsonSchema"),
            ("checks.0.parameters.schema", "{\n  nonsense"),
            ("checks.1.id", "default.wordCount"),
            ("checks.1.parameters.minWords", "few"),
            ("checks.2.id", "default.requestParametersCheck"),
            ("checks.2.parameters", "[]"),
        ];
        let mut fields = Fields::default();
        let told =
            definition_of(&blocks_typed(&typed(&form), ""), &actions_typed(&typed(&[])), &json!({}), &mut fields);
        let error = fields.finish().expect_err("refused");
        let names: Vec<_> = error.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(names, ["checks[0].parameters.schema", "checks[2].parameters"]);
        assert_eq!(told["checks"][1]["parameters"]["minWords"], "few", "the check itself says what it needs");
        assert_eq!(form_name("checks[0].parameters.schema"), "checks.0.parameters.schema");
    }
}
