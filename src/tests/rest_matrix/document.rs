//! The OpenAPI document lets through no more than the server does.

use super::{Matrix, routes};
use crate::{
    gateway::endpoints::TABLE,
    policy::Operation,
    tests::support::{World, each_engine},
};
use serde_json::{Map, Value, json};
use std::sync::Mutex;

/// A schema of the document, wherever it stands.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a schema"),
        None => schema,
    }
}

/// What a field's schema says, where it may be null as well.
fn plain(schema: &Value) -> &Value {
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    one_of.into_iter().find(|choice| choice["type"] != "null").unwrap_or(schema)
}

fn is_of(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&kind.into()))
}

/// The one list that is needed is that of a guardrail's checks.
fn checks() -> Value {
    json!([{ "id": "default.notNull" }])
}

/// The least that can be asked of explanations.
fn questions() -> Value {
    json!([{ "permission": "prompts.publish" }])
}

/// A value that the document lets through.
fn good(schema: &Value, n: usize) -> Value {
    if is_of(schema, "object") {
        // The one field of this kind that is needed is that of a config.
        return json!({ "retry": { "attempts": 2 } });
    }
    if is_of(schema, "array") {
        return checks();
    }
    if is_of(schema, "boolean") {
        return json!(true);
    }
    if is_of(schema, "integer") {
        return json!(1);
    }
    if schema["pattern"].is_string() {
        // All that is needed in a form of its own is written like a slug.
        return json!(format!("name-{n}"));
    }
    match (schema["enum"][0].as_str(), schema["format"].as_str()) {
        (Some(first), _) => json!(first),
        (None, Some("email")) => json!(format!("d{n}@north.test")),
        _ => json!(format!("name {n}")),
    }
}

/// Values that the document does not let through.
fn bad(schema: &Value) -> Vec<Value> {
    let mut bad = vec![];
    if is_of(schema, "string") {
        bad.push(json!(7));
        bad.push(json!([]));
        if let Some(most) = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
            bad.push(json!("a".repeat(most + 1)));
        }
        if schema["minLength"].as_u64() > Some(0) {
            bad.push(json!(""));
        }
        if schema["enum"].is_array() || schema["pattern"].is_string() || schema["format"].is_string() {
            bad.push(json!("No such one!"));
        }
    }
    if is_of(schema, "integer") {
        bad.push(json!("x"));
        bad.push(json!(0.5));
        bad.extend(schema["maximum"].as_i64().map(|most| json!(most + 1)));
        bad.extend(schema["minimum"].as_i64().map(|least| json!(least - 1)));
    }
    if is_of(schema, "number") {
        bad.push(json!("x"));
        bad.extend(schema["maximum"].as_f64().map(|most| json!(most + 0.5)));
        bad.extend(schema["minimum"].as_f64().map(|least| json!(least - 0.5)));
    }
    if is_of(schema, "array") {
        bad.push(json!("x"));
        bad.push(json!([7]));
    }
    if is_of(schema, "object") {
        bad.push(json!("x"));
        bad.push(json!([]));
        // Whatever names it has, what stands under them is of a type.
        if schema["additionalProperties"].is_object() {
            bad.push(json!({ "a": [] }));
        } else if schema["properties"].is_object() {
            bad.push(json!({ "No such one!": "read" }));
            bad.push(json!({ "prompts": "No such one!" }));
        }
    }
    if is_of(schema, "boolean") {
        bad.push(json!("x"));
        bad.push(json!(2));
    }
    if schema["oneOf"].is_array() {
        bad.push(json!(7));
    }
    assert!(!bad.is_empty(), "the document says nothing of {schema}");
    bad
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_as_strict_as_the_server() {
    each_engine(async |house| {
        let matrix = Matrix::new(World::new(house).await).await;
        let document = matrix.world.house.nobody().api("GET", "/v1/openapi.json", Value::Null).await.json();
        // All that differs is told at once.
        let taken = Mutex::new(vec![]);
        let refused = async |method: &str, path: &str, body: Value| {
            let answer = matrix.master.api(method, path, body.clone()).await;
            if !(400..500).contains(&answer.status) {
                let body: String = body.to_string().chars().take(200).collect();
                taken
                    .lock()
                    .expect("the list")
                    .push(format!("{method} {path} {body}: {} {}", answer.status, answer.text));
            }
        };
        for (operation, route) in routes(&matrix.world).await {
            // What a provider takes is the provider's to say.
            if TABLE.iter().any(|row| row.operation == operation) {
                continue;
            }
            let (method, pattern) = route.split_once(' ').expect("a method and a path");
            let entry = &document["paths"][pattern][method.to_lowercase()];
            let call = matrix.call(operation, &route).await;
            // What a call needs in its address stands there already; each field is tried beside the others.
            let (bare, rest) = call.path.split_once('?').unwrap_or((call.path.as_str(), ""));
            let asking = |name: &str, value: &str| {
                let others = rest.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(&format!("{name}=")));
                let pairs: Vec<_> = others.map(str::to_owned).chain([format!("{name}={value}")]).collect();
                format!("{bare}?{}", pairs.join("&"))
            };
            let query = entry["parameters"].as_array().into_iter().flatten().filter(|field| field["in"] == "query");
            for field in query {
                let schema = plain(&field["schema"]);
                let name = field["name"].as_str().expect("a name");
                if schema["format"].is_string() || schema["enum"].is_array() || schema["pattern"].is_string() {
                    refused(method, &asking(name, "No+such+one!"), Value::Null).await;
                }
                for edge in [schema["maximum"].as_i64().map(|n| n + 1), schema["minimum"].as_i64().map(|n| n - 1)] {
                    let Some(edge) = edge else { continue };
                    refused(method, &asking(name, &edge.to_string()), Value::Null).await;
                }
                if let Some(most) = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
                    refused(method, &asking(name, &"a".repeat(most + 1)), Value::Null).await;
                }
            }
            refused(method, &asking("no_such_field", "1"), Value::Null).await;
            let body = &entry["requestBody"]["content"]["application/json"]["schema"];
            if body.is_null() {
                continue;
            }
            let body = resolved(&document, body);
            assert_eq!(body["additionalProperties"], false, "{route}");
            let fields = body["properties"].as_object().expect("fields");
            let required: Vec<&str> =
                body["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let least = |n: usize| -> Map<String, Value> {
                let value = |name: &str| if name == "questions" { questions() } else { good(plain(&fields[name]), n) };
                required.iter().map(|name| ((*name).to_owned(), value(name))).collect()
            };
            let with = |name: &str, value: Value| {
                let mut fields = least(matrix.calls.number());
                fields.insert(name.to_owned(), value);
                Value::Object(fields)
            };
            for name in &required {
                let mut fields = least(0);
                fields.remove(*name);
                refused(method, &call.path, Value::Object(fields)).await;
            }
            refused(method, &call.path, with("no_such_field", json!(1))).await;
            for (name, schema) in fields {
                for value in bad(plain(schema)) {
                    // That an organisation is another's, whatever it is called, is the same as that there is none.
                    refused(method, &call.path, with(name, value)).await;
                }
            }
            let mut least = least(matrix.calls.number());
            if route == "POST /v1/virtual-keys" {
                // Whether a credential is needed depends on the provider.
                least.insert("key".into(), json!("a".repeat(4096)));
            }
            if operation == Operation::PromptLabel {
                // Each of its routes needs one of them, and the other stands in its path.
                least.extend([("label_id".into(), json!("staging")), ("version".into(), json!(1))]);
            }
            if operation == Operation::OrganisationRestrict {
                // Any of its fields will do, but one of them has to be there.
                least.insert("saved_only".into(), json!(false));
            }
            if operation == Operation::LimitSet {
                // Either of two fields says what it shall be.
                least.extend(call.body.as_object().cloned().unwrap_or_default());
            }
            if operation == Operation::PricePut {
                let each = json!({ "request_token": { "price": 0.001 }, "response_token": { "price": 0.002 } });
                least.insert("pay_as_you_go".into(), each);
            }
            if route == "POST /v1/guardrails/try" {
                // No guardrail is named: its checks come with the call.
                least.insert("checks".into(), checks());
            }
            let answer = matrix.master.api(method, &call.path, Value::Object(least)).await;
            assert_eq!(answer.status, 200, "{route}: {}", answer.text);
        }
        let taken = taken.into_inner().expect("the list");
        assert!(taken.is_empty(), "the server takes more than the document tells: {taken:#?}");
    })
    .await;
}
