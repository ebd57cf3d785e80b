//! Model calls on the real database, through the real router.

use super::support::{Answer, Client, House, each_engine, provide};
use crate::{
    gateway::{
        facts::Record,
        record::{Sink, SinkError},
        storage::call_log,
        tests::support::{Upstream, completion, facts},
    },
    kernel::{OrganisationId, Timestamp, time::DAY},
    server::{database::Db, watch::ChangeNews},
};
use axum::{body::Body, http::Request};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::{sync::Arc, time::Duration};

/// A house with a virtual key `main` that leads to a provider, and its Owner.
pub(super) async fn with_provider(house: House) -> (House, Client, Upstream) {
    let house = house.founded().await;
    let provider = Upstream::json(200, "", &completion()).await;
    let owner = house.person("ada@north.test").await;
    provide(&owner, &house.slug, "main", "openai", &provider).await;
    (house, owner, provider)
}

/// Makes a key; gives its id and secret.
pub(super) async fn key(house: &House, owner: &Client, name: &str, completions: &str) -> (String, String) {
    let fields = [
        ("slug", house.slug.as_str()),
        ("name", name),
        ("expiry", "none"),
        ("responsible", "owners"),
        ("completions", completions),
        ("virtual_keys", "disabled"),
    ];
    let made = owner.form("api_keys/create", &fields).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let text = |field: &str| made.json()[field].as_str().unwrap_or_else(|| panic!("{field}: {}", made.text)).to_owned();
    (text("id"), text("secret"))
}

pub(super) async fn call(house: &House, secret: &str) -> Answer {
    let body = json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("x-portkey-trace-id", "trace-of-the-caller");
    house.program(secret).send(request.body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn a_call_is_found_by_its_trace_its_virtual_key_and_what_its_caller_says() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (_, secret) = key(&house, &owner, "Production", "enabled").await;
        let body = json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
        let said = async |trace: &str, metadata: Option<&str>| {
            let mut request = Request::post("/v1/chat/completions")
                .header("content-type", "application/json")
                .header("x-portkey-trace-id", trace);
            if let Some(metadata) = metadata {
                request = request.header("x-portkey-metadata", metadata);
            }
            house.program(&secret).send(request.body(Body::from(body.to_string())).expect("a request")).await
        };
        let first = said("one", Some(r#"{"team":"core","_user":"ada","1":"x","a b":"y"}"#)).await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(said("two", Some(r#"{"team":"Core"}"#)).await.status, 200);
        assert_eq!(said("three", None).await.status, 200);
        for bad in ["team", "[]", r#"{"team":7}"#, &format!(r#"{{"team":"{}"}}"#, "x".repeat(129))] {
            let answer = said("four", Some(bad)).await;
            let error = &answer.json()["error"];
            assert_eq!((answer.status, &error["param"]), (400, &json!("x-portkey-metadata")), "{}", answer.text);
            assert!(error["message"].as_str().is_some_and(|sentence| sentence.contains("etadata")), "{}", answer.text);
        }
        assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let program = house.program(&house.master_key);
        let traces = async |query: &str| {
            let list = program.api("GET", &format!("/v1/logs?{query}"), serde_json::Value::Null).await;
            assert_eq!(list.status, 200, "{query}: {}", list.text);
            let data = list.json()["data"].take();
            data.as_array()
                .expect("calls")
                .iter()
                .map(|call| call["trace_id"].as_str().expect("a trace").to_owned())
                .collect::<Vec<_>>()
        };
        for (query, expected) in [
            ("trace_id=one", vec!["one"]),
            ("trace_id=on", vec![]),
            ("status=ok&virtual_key=main", vec!["three", "two", "one"]),
            ("virtual_key=%40main&trace_id=two", vec!["two"]),
            ("virtual_key=other", vec![]),
            ("metadata=team%3Dcore", vec!["one"]),
            ("metadata=team%3DCore", vec!["two"]),
            ("metadata=%7B%22team%22%3A%22core%22%2C%22_user%22%3A%22ada%22%7D", vec!["one"]),
            ("metadata=%7B%22team%22%3A%22core%22%2C%22_user%22%3A%22bo%22%7D", vec![]),
            // Names that could be paths.
            ("metadata=1%3Dx", vec!["one"]),
            ("metadata=a+b%3Dy", vec!["one"]),
        ] {
            assert_eq!(traces(query).await, expected, "{query}");
        }
        let entry = program.api("GET", "/v1/logs?trace_id=one", serde_json::Value::Null).await.json()["data"][0].take();
        assert_eq!(entry["virtual_key"], "main");
        assert_eq!(first.headers["x-request-id"], entry["id"].as_str().expect("an id"), "the call's own id");
        let path = format!("/v1/logs/{}", entry["id"].as_str().expect("an id"));
        let detail = program.api("GET", &path, serde_json::Value::Null).await.json();
        assert_eq!(
            (&detail["trace_id"], &detail["metadata"]),
            (&json!("one"), &json!({ "1": "x", "_user": "ada", "a b": "y", "team": "core" }))
        );
        // So does the console.
        for (query, there) in [("trace_id=two", true), ("metadata=team%3DCore", true), ("trace_id=one", false)] {
            let page = owner.page(&format!("/o/{}/logs?{query}", house.slug)).await;
            assert_eq!(page.text.contains(">two<"), there, "{query}: {}", page.text);
        }
        let page = owner.page(&format!("/o/{}/logs/{}", house.slug, entry["id"].as_str().expect("an id"))).await;
        assert!(page.text.contains("_user") && page.text.contains("ada"), "{}", page.text);
    })
    .await;
}

/// The calls in the log, by their start: each column as text.
async fn logged(house: &House) -> Vec<Vec<String>> {
    assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    let columns = [
        "COALESCE(provider, '-')",
        "COALESCE(model, '-')",
        "endpoint",
        "outcome",
        "COALESCE(CAST(status AS TEXT), '-')",
        "COALESCE(error_code, '-')",
        "COALESCE(CAST(input_tokens AS TEXT), '-')",
        "COALESCE(CAST(output_tokens AS TEXT), '-')",
        "COALESCE(CAST(cost AS TEXT), '-')",
        "trace_id",
        "CASE WHEN streamed THEN 'streamed' ELSE 'whole' END",
        "CASE WHEN key_id IS NOT NULL AND finished_at >= started_at AND latency_us > 0 THEN 'timed' ELSE '-' END",
        "CASE WHEN virtual_key_id IS NOT NULL AND first_byte_us > 0 AND first_byte_us <= latency_us THEN 'sent' ELSE '-' END",
    ];
    let text =
        sqlx::AssertSqlSafe(format!("SELECT {} FROM call_logs ORDER BY started_at, id", columns.join(" || '|' || ")));
    let rows: Vec<String> = match &house.app.db {
        Db::Sqlite { readers, .. } => sqlx::query_scalar(text).fetch_all(readers).await.expect("the rows"),
        Db::Postgres(_) => {
            let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
            sqlx::query_scalar(text).fetch_all(&mut owner).await.expect("the rows")
        }
    };
    rows.into_iter().map(|row| row.split('|').map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn a_call_is_in_the_log_with_all_that_is_known_of_it() {
    each_engine(async |house| {
        let (house, owner, mut provider) = with_provider(house).await;
        let (id, secret) = key(&house, &owner, "Production", "enabled").await;
        let answer = call(&house, &secret).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.headers["x-portkey-trace-id"], "trace-of-the-caller");
        assert_eq!(provider.request().await.header("authorization"), Some("Bearer sk-of-the-provider"));
        let expected = [
            "openai",
            "gpt-4o",
            "chat_completions",
            "ok",
            "200",
            "-",
            "9",
            "2",
            "4250",
            "trace-of-the-caller",
            "whole",
            "timed",
            "sent",
        ];
        assert_eq!(logged(&house).await, [expected.map(str::to_owned)]);
        let page = owner.form("api_keys/get", &[("slug", house.slug.as_str()), ("id", id.as_str())]).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(page.text.contains("\"used_at\":1"), "the last use is noted: {}", page.text);
    })
    .await;
}

#[tokio::test]
async fn without_completions_nothing_reaches_the_provider() {
    each_engine(async |house| {
        let (house, owner, provider) = with_provider(house).await;
        let (_, secret) = key(&house, &owner, "Allowed", "enabled").await;
        assert_eq!(call(&house, &secret).await.status, 200);
        assert_eq!(provider.seen(), 1);
        let (_, secret) = key(&house, &owner, "Reads", "disabled").await;
        let answer = call(&house, &secret).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
        let error = &answer.json()["error"];
        assert_eq!(error["permission"], "models.call");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("Owners, Admins and Members")), "{error}");
        assert_eq!(provider.seen(), 1, "no connection for a refused call");
        let outcomes: Vec<String> = logged(&house).await.into_iter().map(|row| row[3].clone()).collect();
        assert_eq!(outcomes, ["ok", "refused"]);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_disabled_or_deleted_is_refused_on_the_next_request() {
    each_engine(async |house| {
        let (house, owner, provider) = with_provider(house).await;
        for (act, code) in [("api_keys/disable", "api_key_disabled"), ("api_keys/delete", "api_key_revoked")] {
            let (id, secret) = key(&house, &owner, act, "enabled").await;
            assert_eq!(call(&house, &secret).await.status, 200);
            let before = provider.seen();
            let fields = [("slug", house.slug.as_str()), ("id", id.as_str()), ("confirm", act)];
            let done = owner.form(act, &fields).await;
            assert!(done.status < 400, "{}", done.text);
            let answer = call(&house, &secret).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!(code)), "{}", answer.text);
            assert_eq!(provider.seen(), before);
        }
    })
    .await;
}

/// A call of no virtual key that has begun.
fn begun(organisation: OrganisationId, started_at: Timestamp) -> Record {
    Record { call: Arc::new(facts(organisation, started_at)), outcome: None, texts: None }
}

/// A journal may tell once more of calls whose entries were deleted for their age meanwhile.
#[tokio::test]
async fn calls_that_are_older_than_the_log_keeps_any_are_left_out() {
    each_engine(async |house| {
        let house = house.founded().await;
        let log = call_log(&house.app);
        let old = begun(house.organisation, house.app.clock.now().plus(-2 * DAY));
        let is_kept = async || house.snapshot().await.iter().any(|row| row.starts_with("call_logs"));
        house.as_owner("UPDATE organisations SET logs_days = 1").await.expect("it runs");
        assert_eq!((log.write(std::slice::from_ref(&old)).await, is_kept().await), (Ok(()), false));
        house.as_owner("UPDATE organisations SET logs_days = NULL").await.expect("it runs");
        assert_eq!((log.write(&[old]).await, is_kept().await), (Ok(()), true));
    })
    .await;
}

#[tokio::test]
async fn only_a_record_that_can_never_be_stored_is_given_up() {
    each_engine(async |house| {
        let house = house.founded().await;
        let log = call_log(&house.app);
        let record = |organisation| begun(organisation, Timestamp(1));
        let good = [record(house.organisation)];
        let nowhere = [record(OrganisationId::numbered(99))];
        assert_eq!(log.write(&nowhere).await, Err(SinkError::Rejected));
        // What the operator has broken, the operator can mend.
        house.as_owner("ALTER TABLE call_logs RENAME TO elsewhere").await.expect("it runs");
        assert_eq!(log.write(&good).await, Err(SinkError::Unavailable));
        house.as_owner("ALTER TABLE elsewhere RENAME TO call_logs").await.expect("it runs");
        assert_eq!(log.write(&good).await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn what_happens_to_accounts_makes_the_gateway_forget_nothing() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (_, secret) = key(&house, &owner, "Production", "enabled").await;
        assert_eq!(call(&house, &secret).await.status, 200);
        // From here on whoever forgets cannot ask again.
        house.app.db.close().await;
        house.app.changes.announce(ChangeNews::Of(OrganisationId::INSTALLATION));
        assert_eq!(call(&house, &secret).await.status, 200);
        house.app.changes.announce(ChangeNews::Of(house.organisation));
        assert_eq!(call(&house, &secret).await.status, 503);
    })
    .await;
}

#[tokio::test]
async fn a_virtual_key_of_another_organisation_is_as_one_that_does_not_exist() {
    each_engine(async |house| {
        let (house, owner, provider) = with_provider(house).await;
        let founded = owner.form("organisation/create", &[("name", "South")]).await;
        assert_eq!(founded.status, 200, "{}", founded.text);
        let foreign = founded.json()["master_key"].as_str().expect("a key").to_owned();
        assert_eq!(call(&house, &house.master_key).await.status, 200);
        let before = provider.seen();
        let answer = call(&house, &foreign).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (404, &json!("virtual_key_not_found")),
            "{}",
            answer.text
        );
        assert_eq!(provider.seen(), before);
    })
    .await;
}

#[tokio::test]
async fn refused_calls_are_counted_in_the_log() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (id, secret) = key(&house, &owner, "Gone", "enabled").await;
        assert_eq!(call(&house, &secret).await.status, 200);
        let fields = [("slug", house.slug.as_str()), ("id", id.as_str()), ("confirm", "Gone")];
        let gone = owner.form("api_keys/delete", &fields).await;
        assert!(gone.status < 400, "{}", gone.text);
        for _ in 0..50 {
            assert_eq!(call(&house, &secret).await.status, 401);
        }
        let rows = logged(&house).await;
        assert_eq!(rows.len(), 1 + 20 + 1, "{rows:?}");
        let query = [("slug", house.slug.as_str()), ("query[range]", "24h")];
        let page = owner.form("logs/list", &query).await.json();
        assert_eq!((&page["totals"]["entries"], &page["totals"]["calls"]), (&json!(22), &json!(51)));
        assert_eq!(page["totals"]["failed"], 50);
        assert_eq!(
            page["bars"].as_array().expect("bars").iter().filter_map(|bar| bar["failed"].as_u64()).sum::<u64>(),
            50
        );
        let listed =
            house.program(&house.master_key).api("GET", "/v1/logs?status=refused", serde_json::Value::Null).await;
        let listed = listed.json();
        assert_eq!(listed["total"], 21);
        assert_eq!((&listed["data"][0]["count"], &listed["data"][1]["count"]), (&json!(30), &json!(1)));
    })
    .await;
}

#[tokio::test]
async fn a_call_that_a_config_leads_tells_its_attempts() {
    each_engine(async |house| {
        let (house, owner, provider) = with_provider(house).await;
        let (_, secret) = key(&house, &owner, "Production", "enabled").await;
        let program = house.program(&house.master_key);
        let config = json!({ "strategy": { "mode": "fallback" }, "retry": { "attempts": 0 }, "targets": [
            { "virtual_key": "main", "override_params": { "model": "gpt-4.1" }, "drop_params": ["model"] },
            { "virtual_key": "main" }] });
        let made = program.api("POST", "/v1/configs", json!({ "name": "Resilient", "config": config })).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let slug = made.json()["slug"].as_str().expect("a slug").to_owned();
        let call = async |config: &str, trace: &str| {
            let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
            let request = Request::post("/v1/chat/completions")
                .header("content-type", "application/json")
                .header("x-portkey-config", config)
                .header("x-portkey-trace-id", trace);
            house.program(&secret).send(request.body(Body::from(body.to_string())).expect("a request")).await
        };
        let told = call(&slug, "saved").await;
        assert_eq!((told.status, provider.seen()), (200, 1), "{}", told.text);
        assert_eq!(told.headers["x-portkey-last-used-option-index"], "config.targets[1]");
        assert_eq!(call(r#"{"virtual_key":"main"}"#, "inline").await.status, 200);
        assert_eq!(call("pc-nobody", "unknown").await.status, 400);
        assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let entry = async |trace: &str| {
            let list = program.api("GET", &format!("/v1/logs?trace_id={trace}"), serde_json::Value::Null).await.json();
            let path = format!("/v1/logs/{}", list["data"][0]["id"].as_str().expect("an id"));
            program.api("GET", &path, serde_json::Value::Null).await.json()
        };
        let saved = entry("saved").await;
        assert_eq!((&saved["config"], &saved["config_version"]), (&json!(slug), &json!(1)));
        assert_eq!((&saved["virtual_key"], &saved["ai_model"]), (&json!("main"), &json!("gpt-4o")));
        let step = |number: usize| {
            let attempt = &saved["attempts"][number];
            ["path", "virtual_key", "response_status_code", "error_code", "sent", "next"]
                .map(|name| attempt[name].clone())
        };
        let first = [json!("config.targets[0]"), json!(null), json!(null), json!("missing_parameter"), json!(false)];
        assert_eq!(step(0)[..5], first);
        assert_eq!(step(0)[5], "led_on");
        let second = [json!("config.targets[1]"), json!("main"), json!(200), json!(null), json!(true)];
        assert_eq!(step(1)[..5], second);
        assert_eq!((&step(1)[5], &saved["attempts"][2]), (&json!("answered"), &json!(null)));
        let inline = entry("inline").await;
        assert_eq!((&inline["config"], &inline["attempts"][0]["path"]), (&json!("inline"), &json!("config")));
        let unknown = entry("unknown").await;
        assert_eq!((&unknown["config"], &unknown["attempts"]), (&json!(null), &json!([])));
        // So does the console.
        let page = owner.page(&format!("/o/{}/logs/{}", house.slug, saved["id"].as_str().expect("an id"))).await;
        for words in [
            &format!("{slug}, version 1"),
            "targets[0]; missing_parameter: the next target was tried",
            "200: the answer",
        ] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        // A newer version is obeyed by the next call, and a deleted config by none.
        let newer = json!({ "config": { "virtual_key": "nobody" } });
        assert_eq!(program.api("PUT", &format!("/v1/configs/{slug}"), newer).await.status, 422, "no such virtual key");
        let newer = json!({ "config": { "virtual_key": "main", "request_timeout": 20000 } });
        assert_eq!(program.api("PUT", &format!("/v1/configs/{slug}"), newer).await.status, 200);
        let told = call(&slug, "newer").await;
        assert_eq!(
            (told.status, &told.headers["x-portkey-last-used-option-index"]),
            (200, &"config".parse().expect("a value"))
        );
        assert_eq!(program.api("DELETE", &format!("/v1/configs/{slug}"), serde_json::Value::Null).await.status, 200);
        let gone = call(&slug, "gone").await;
        assert_eq!((gone.status, &gone.json()["error"]["code"]), (400, &json!("config_not_found")));
    })
    .await;
}
