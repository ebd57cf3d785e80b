//! The management calls, as programs make them.

mod analytics;
mod api_keys;
mod audit;
mod configs;
mod door;
mod guardrails;
mod logs;
mod narrowing;
mod prompts;
mod requests;
mod saved;
mod team;
mod virtual_keys;

use super::support::{Answer, Client, House};
use axum::{body::Body, http::Request};
use serde_json::Value;

async fn founded(house: House) -> (House, Client) {
    let house = house.founded().await;
    let program = house.program(&house.master_key);
    (house, program)
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["success"], false, "{}", answer.text);
    assert_eq!(body["status"], "failure");
    assert_eq!(body["message"], body["error"]["message"]);
    assert_eq!(body["message"], body["data"]["message"]);
    assert!(body["request_id"].as_str().is_some_and(|id| id.len() == 36), "{}", answer.text);
    well_formed(answer);
    body["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// What clients need of every answer.
fn well_formed(answer: &Answer) {
    assert!(answer.json().is_object());
    for (name, value) in [("content-type", "application/json"), ("cache-control", "no-store")] {
        assert_eq!(answer.headers.get(name).and_then(|v| v.to_str().ok()), Some(value), "{name} of {}", answer.text);
    }
    assert!(answer.headers.contains_key("x-portkey-trace-id"));
}

async fn made(program: &Client, body: Value) -> (String, String) {
    let answer = program.api("POST", "/v1/api-keys", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    well_formed(&answer);
    let body = answer.json();
    (body["id"].as_str().expect("an id").to_owned(), body["key"].as_str().expect("a secret").to_owned())
}

fn raw(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(body.into())
        .expect("a request")
}
