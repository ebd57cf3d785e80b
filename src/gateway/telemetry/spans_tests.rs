//! Spans as a collector reads them.

use super::*;
use crate::features::logs::model::Next;
use crate::gateway::facts::{EndedBy, TriedEnd, Went};
use crate::guardrails::HookResults;
use crate::kernel::{ConfigId, KeyId, SecretId, Timestamp, UserId, VirtualKeyId};
use serde_json::{Value as Json, json};

pub fn call() -> CallFacts {
    CallFacts {
        id: CallId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0042)),
        organisation: OrganisationId::numbered(1),
        key: KeyId::numbered(2),
        secret: SecretId::numbered(4),
        person: None,
        virtual_key: Some(VirtualKeyId::numbered(3)),
        provider: Some(Provider::Google),
        endpoint: Endpoint::ChatCompletions,
        model: "gemini-2.5-pro".into(),
        streamed: true,
        trace: "0af7651916cd43dd8448eb211c80319c".into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: None,
        prices: None,
        started_at: Timestamp(1_700_000_000_000),
    }
}

pub fn end() -> CallEnd {
    CallEnd {
        status: 200,
        upstream_status: Some(200),
        upstream_id: None,
        error: None,
        sent: true,
        ended_by: EndedBy::Answer,
        latency_us: 1_500_000,
        first_byte_us: Some(250_000),
        usage: Some(crate::dialect::usage::Usage {
            input_tokens: 9,
            output_tokens: 2,
            cached_input_tokens: 1,
            reasoning_tokens: 1,
        }),
        cost: Some(4_250),
        saved: None,
        count: 1,
        went: None,
        tried: vec![],
        spent: vec![],
    }
}

/// The spans of these calls, each with its attributes as one object.
fn spans(calls: Vec<(CallFacts, CallEnd)>) -> Vec<(Json, Json)> {
    let calls: Vec<Ended> = calls.into_iter().map(|(call, end)| Ended { call: Arc::new(call), end }).collect();
    // One of two virtual keys is remembered.
    let target = Target { slug: "main".into(), server: Some(("api.example.com".into(), 8443)) };
    let find: Find = Arc::new(move |_, id| (id == VirtualKeyId::numbered(3)).then(|| target.clone()));
    let body: Json = serde_json::from_slice(&request(Uuid::from_u128(7), &calls, &find)).expect("JSON");
    assert_eq!(calls.iter().map(Ended::spans).sum::<u64>(), read(&body).len() as u64);
    read(&body)
}

fn read(body: &Json) -> Vec<(Json, Json)> {
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans");
    let attributes = |span: &Json| {
        let all = span["attributes"].as_array().expect("attributes").iter();
        let pairs = all.map(|pair| {
            let value = pair["value"].as_object().expect("a value").values().next().expect("one").clone();
            (pair["key"].as_str().expect("a key").to_owned(), value)
        });
        Json::Object(pairs.collect())
    };
    spans.iter().map(|span| (span.clone(), attributes(span))).collect()
}

#[test]
fn a_call_is_one_span_in_the_words_of_the_conventions() {
    let all = spans(vec![(call(), end())]);
    let [(span, attributes)] = &all[..] else { panic!("{all:?}") };
    let expected = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "8000000000000042", "name": "chat gemini-2.5-pro",
        "kind": 3, "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001500000000", "status": {},
    });
    for (name, value) in expected.as_object().expect("fields") {
        assert_eq!(&span[name], value, "{name}");
    }
    assert!(span.get("parentSpanId").is_none());
    let expected = json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "gemini-2.5-pro",
        "gen_ai.usage.input_tokens": "9", "gen_ai.usage.output_tokens": "2", "gen_ai.usage.cache_read.input_tokens": "1",
        "gen_ai.usage.reasoning.output_tokens": "1",
        "http.response.status_code": "200", "latchkey.call.id": "01900000-0000-7000-8000-000000000042",
        "latchkey.trace.id": "0af7651916cd43dd8448eb211c80319c", "latchkey.provider": "google",
        "latchkey.organisation.id": "00000000-0000-0000-0000-000000000001",
        "latchkey.key.id": "00000000-0000-0000-0000-000000000002",
        "latchkey.virtual_key.id": "00000000-0000-0000-0000-000000000003", "latchkey.virtual_key.slug": "main",
        "server.address": "api.example.com", "server.port": "8443", "latchkey.endpoint": "chat_completions",
        "latchkey.outcome": "ok", "latchkey.status_code": "200", "latchkey.streamed": true, "latchkey.sent": true,
        "latchkey.attempts": "1", "latchkey.first_byte_seconds": 0.25, "latchkey.cost_dollars": 0.0000425,
    });
    assert_eq!(attributes, &expected);
}

#[test]
fn attempts_are_children_and_a_fault_is_an_error() {
    let tried = |number: u64, end: Option<TriedEnd>| Tried {
        path: format!("config.targets[{number}]").into(),
        virtual_key: Some(VirtualKeyId::numbered(3 + u128::from(number))),
        provider: Some(Provider::OpenAi),
        model: "gpt-4o".into(),
        began_us: 1_000 * number,
        found: HookResults::default(),
        end,
    };
    let failed = TriedEnd {
        status: Some(503),
        error: Some("upstream_overloaded".into()),
        sent: true,
        took_us: 500,
        first_byte_us: None,
        usage: None,
        cost: None,
        then: Next::LedOn,
    };
    let went = Went { virtual_key: None, provider: Some(Provider::OpenAi), model: "gpt-4o".into() };
    let end = CallEnd {
        status: 499,
        upstream_status: None,
        ended_by: EndedBy::Caller,
        error: Some("client_left".into()),
        went: Some(Box::new(went)),
        tried: vec![tried(0, Some(failed)), tried(1, None)],
        usage: None,
        cost: None,
        ..end()
    };
    let call = CallFacts {
        model: "fast".into(),
        person: Some(UserId::numbered(9)),
        config: Some(Led { saved: Some((ConfigId::numbered(5), 2)) }),
        ..call()
    };
    let all = spans(vec![(call, end)]);
    let [(own, of_own), (first, of_first), (second, of_second)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        (&own["name"], &own["status"]),
        (&json!("chat gpt-4o"), &json!({ "code": 2, "message": "client_left" }))
    );
    for (name, value) in [
        ("error.type", json!("client_left")),
        ("latchkey.outcome", json!("left")),
        ("latchkey.model.asked", json!("fast")),
        ("latchkey.person.id", json!("00000000-0000-0000-0000-000000000009")),
        ("latchkey.key.id", Json::Null),
        ("latchkey.virtual_key.id", Json::Null),
        ("latchkey.config.version", json!("2")),
        ("latchkey.attempts", json!("2")),
        ("http.response.status_code", Json::Null),
    ] {
        assert_eq!(of_own[name], value, "{name}");
    }
    let parent = [&first["parentSpanId"], &second["parentSpanId"]];
    assert_eq!(parent, [&own["spanId"]; 2]);
    assert!(first["spanId"] != second["spanId"] && first["spanId"] != own["spanId"]);
    assert_eq!((&first["traceId"], &first["name"]), (&own["traceId"], &json!("attempt")));
    assert_eq!(first["endTimeUnixNano"], "1700000000000500000");
    assert_eq!(second["startTimeUnixNano"], "1700000000001000000");
    assert_eq!(first["status"], json!({ "code": 2, "message": "upstream_overloaded" }));
    assert_eq!(
        of_first,
        &json!({
            "latchkey.attempt.number": "1", "latchkey.attempt.path": "config.targets[0]", "latchkey.provider": "openai",
            "latchkey.model.sent": "gpt-4o", "latchkey.virtual_key.id": "00000000-0000-0000-0000-000000000003",
            "latchkey.virtual_key.slug": "main", "server.address": "api.example.com", "server.port": "8443",
            "latchkey.sent": true, "latchkey.attempt.next": "led_on", "http.response.status_code": "503",
            "error.type": "upstream_overloaded",
        })
    );
    assert_eq!((&second["status"], &of_second["error.type"]), (&json!({}), &Json::Null));
    assert_eq!(of_second["latchkey.virtual_key.id"], "00000000-0000-0000-0000-000000000004");
    assert_eq!((&of_second["latchkey.virtual_key.slug"], &of_second["server.address"]), (&Json::Null, &Json::Null));
}

#[test]
fn calls_of_one_trace_share_it_within_their_organisation() {
    let of = |organisation: u128, trace: &str| trace_id(OrganisationId::numbered(organisation), trace);
    assert_eq!(of(1, "checkout-17"), of(1, "checkout-17"));
    assert_ne!(of(1, "checkout-17"), of(2, "checkout-17"));
    assert_ne!(of(1, "checkout-17"), of(1, "checkout-18"));
    // An id is what it is, whoever says it and however it is written.
    assert_eq!(of(1, "0af76519-16cd-43dd-8448-eb211c80319c"), of(2, "0AF7651916CD43DD8448EB211C80319C"));
    // Zeros are no id, neither of a trace nor of a span.
    assert_ne!(of(1, "00000000000000000000000000000000"), 0);
    assert_ne!(span_id(CallId(Uuid::nil()), 0), 0);
}

#[test]
fn a_target_tells_where_it_leads_and_nothing_of_its_credential() {
    use crate::gateway::target::{Address, Credential};
    use crate::server::outgoing::{AllowList, BaseUrl};
    let target = |base: &str| CallTarget {
        virtual_key: VirtualKeyId::numbered(3),
        slug: "main".into(),
        provider: Provider::OpenAi,
        address: BaseUrl::parse(base, &AllowList::default()).ok().map(|base| Address::new(Provider::OpenAi, base)),
        credential: Credential::new(Provider::OpenAi, "sk-very-secret").ok(),
        api_version: None,
        limits: Default::default(),
    };
    for (base, server) in [
        ("https://api.example.com/v1", Some(("api.example.com", 443))),
        ("https://api.example.com:8443", Some(("api.example.com", 8443))),
        ("http://model.internal/v1", Some(("model.internal", 80))),
        ("https://127.0.0.1", None),
    ] {
        let server = server.map(|(host, port)| (host.into(), port));
        assert_eq!(Target::of(&target(base)), Target { slug: "main".into(), server }, "{base}");
    }
}

#[test]
fn a_refusal_is_told_by_what_is_known_of_it() {
    let call = CallFacts { virtual_key: None, provider: None, model: "".into(), trace: "x".into(), ..call() };
    let end = CallEnd {
        status: 401,
        upstream_status: None,
        error: Some("api_key_revoked".into()),
        sent: false,
        first_byte_us: None,
        usage: None,
        cost: None,
        saved: Some(100_000_000),
        count: 30,
        ..end()
    };
    let all = spans(vec![(call, end)]);
    let (span, attributes) = &all[0];
    assert_eq!((&span["name"], &attributes["error.type"]), (&json!("chat"), &json!("api_key_revoked")));
    let known =
        ["latchkey.outcome", "latchkey.count", "latchkey.attempts", "latchkey.saved_dollars", "gen_ai.provider.name"];
    let expected = [json!("refused"), json!("30"), json!("0"), json!(1.0), Json::Null];
    assert_eq!(known.map(|name| attributes[name].clone()), expected);
}
