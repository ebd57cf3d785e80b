//! The interface's own lists, held against the table of operations.

use super::*;
use crate::gateway;
use std::collections::BTreeSet;

/// The routes of the table, of those operations that `which` lets through.
fn table(which: impl Fn(Operation) -> bool) -> BTreeSet<String> {
    let chosen = Operation::ALL.iter().filter(|operation| which(**operation));
    chosen.flat_map(|operation| operation.spec().routes).map(|route| (*route).to_owned()).collect()
}

#[test]
fn every_route_of_the_table_is_served_and_no_other() {
    let api = api();
    let served: BTreeSet<_> = api.served.iter().copied().map(|operation| operation.spec().id).collect();
    assert_eq!(served.len(), api.served.len(), "an operation is served twice");
    let own = table(|operation| api.served.contains(&operation));
    let of_gateway: BTreeSet<_> =
        gateway::routes::addresses().map(|(method, path)| format!("{method} {path}")).collect();
    assert!(own.is_disjoint(&of_gateway));
    assert_eq!(own.union(&of_gateway).cloned().collect::<BTreeSet<_>>(), table(|_| true));
    let paths: BTreeSet<_> =
        own.iter().filter_map(|route| route.split_once(' ')).map(|(_, path)| path.to_owned()).collect();
    assert_eq!(api.methods.keys().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>(), paths);
}

#[test]
fn the_document_tells_of_the_same_routes() {
    let document: serde_json::Value = serde_json::from_str(&document(api())).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let told: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
            methods.map(move |method| format!("{method} {path}"))
        })
        .collect();
    assert_eq!(told, table(|_| true));
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids: Vec<_> = paths
        .values()
        .filter_map(|item| item.as_object())
        .flatten()
        .map(|(_, entry)| entry["operationId"].to_string())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an operation id is used twice");
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_every_answer_is_an_object() {
    let document: serde_json::Value = serde_json::from_str(&document(api())).expect("JSON");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        let schema = &schemas[reference];
        let parts = schema["allOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
        assert!(parts.iter().all(|part| part["type"] == "object"), "{reference}");
    }
}

#[test]
fn the_document_equals_the_checked_in_text() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/api/openapi.json");
    let actual = document(api());
    if std::env::var_os("LATCHKEY_UPDATE_TABLES").is_some() {
        std::fs::write(path, &actual).expect("the document can be written");
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(actual == expected, "{path} differs: review it, then run with LATCHKEY_UPDATE_TABLES=1");
}
