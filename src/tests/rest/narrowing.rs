//! Keys that are narrowed beside their permissions, on both databases: what programs set, what then is refused, and that no
//! key gets around its own narrowing.

use super::{code, founded, made};
use crate::{
    gateway::tests::support::{Upstream, completion},
    kernel::time::DAY,
    tests::support::{Answer, Client, House, each_engine, text},
};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

async fn good(program: &Client, method: &str, path: &str, body: Value) -> Value {
    let answer = program.api(method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    answer.json()
}

/// A virtual key that leads to this provider.
async fn virtual_key(program: &Client, slug: &str, provider: &Upstream) {
    let base = format!("http://127.0.0.1:{}/v1", provider.port);
    let body = json!({ "name": slug, "slug": slug, "provider": "openai", "key": "sk-x", "base_url": base });
    good(program, "POST", "/v1/virtual-keys", body).await;
}

async fn provider() -> Upstream {
    Upstream::json(200, "", &completion()).await
}

async fn call(client: &Client, model: &str, config: Option<&str>) -> Answer {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hello" }] });
    let mut request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    if let Some(config) = config {
        request = request.header("x-portkey-config", config);
    }
    client.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// The fields that an answer of 422 names.
fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{}", answer.text);
    let fields = answer.json()["error"]["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|field| text(field, "field")).collect()
}

#[tokio::test]
async fn a_key_does_what_it_was_given_and_nothing_else() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let provider = provider().await;
        for slug in ["main", "second"] {
            virtual_key(&program, slug, &provider).await;
        }
        let prompt = async |name: &str| {
            let new = json!({ "name": name, "string": "Hello", "model": "gpt-4o", "virtual_key": "main" });
            text(&good(&program, "POST", "/v1/prompts", new).await, "slug")
        };
        let (letter, secret_plan) = (prompt("Letter").await, prompt("Plan").await);
        let fallback =
            json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "second" }, { "virtual_key": "main" }] });
        let config = async |config: &Value| {
            text(&good(&program, "POST", "/v1/configs", json!({ "name": "x", "config": config })).await, "slug")
        };
        let (given, other) = (config(&fallback).await, config(&json!({ "virtual_key": "main" })).await);
        let new = json!({
            "name": "narrow", "permissions": { "prompts": "write", "completions": "enabled" },
            "models": ["gpt-4o*", "gpt-4o*"], "virtual_keys": ["@main"], "configs": [given], "prompts": [letter],
            "allowed_ips": ["10.1.2.3/8", "2001:db8::/32"],
        });
        let (id, secret) = made(&program, new).await;
        let path = format!("/v1/api-keys/{id}");
        let shown = good(&program, "GET", &path, Value::Null).await;
        assert_eq!(
            [&shown["models"], &shown["virtual_keys"], &shown["configs"], &shown["prompts"], &shown["allowed_ips"], &shown["not_before"]],
            [&json!(["gpt-4o*"]), &json!(["main"]), &json!([given]), &json!([letter]), &json!(["10.0.0.0/8", "2001:db8::/32"]), &Value::Null]
        );

        let own = house.program(&secret).at("10.9.9.9");
        let from = |address: &str| house.program(&secret).at(address);
        assert_eq!(call(&own, "@main/gpt-4o-mini", None).await.status, 200);
        assert_eq!(call(&from("2001:db8::7"), "@main/gpt-4o", None).await.status, 200);
        assert_eq!(refusal(&call(&own, "@main/o3", None).await), (403, "model_not_allowed".into()));
        assert_eq!(refusal(&call(&own, "@second/gpt-4o", None).await), (403, "virtual_key_not_allowed".into()));
        assert_eq!(refusal(&call(&from("11.0.0.1"), "@main/gpt-4o", None).await), (403, "address_not_allowed".into()));
        assert_eq!(refusal(&call(&house.program(&secret), "@main/gpt-4o", None).await), (403, "address_not_allowed".into()));
        for config in [other.as_str(), "pc-none", r#"{"virtual_key":"main"}"#] {
            assert_eq!(refusal(&call(&own, "gpt-4o", Some(config)).await), (403, "config_not_allowed".into()), "{config}");
        }
        // What it may not use is a target that fails, and the next one answers.
        let rescued = call(&own, "gpt-4o", Some(&given)).await;
        assert_eq!(rescued.status, 200, "{}", rescued.text);
        assert_eq!(rescued.headers["x-portkey-last-used-option-index"], "config.targets[1]");

        // Prompts: run and read, by the interface for programs too.
        let run = async |slug: &str, what: &str| own.api("POST", &format!("/v1/prompts/{slug}/{what}"), json!({})).await;
        for what in ["render", "completions"] {
            assert_eq!(run(&letter, what).await.status, 200, "{what}");
            for slug in [secret_plan.as_str(), "nothing"] {
                assert_eq!(refusal(&run(slug, what).await), (403, "prompt_not_allowed".into()), "{slug} {what}");
            }
        }
        assert_eq!(own.api("GET", &format!("/v1/prompts/{letter}"), Value::Null).await.status, 200);
        for slug in [secret_plan.as_str(), "nothing"] {
            let told = own.api("GET", &format!("/v1/prompts/{slug}"), Value::Null).await;
            assert_eq!((told.status, code(&told)), (403, "prompt_not_allowed".into()));
            let told = own.api("PUT", &format!("/v1/prompts/{slug}"), json!({ "name": "Mine" })).await;
            assert_eq!((told.status, code(&told)), (403, "prompt_not_allowed".into()));
        }
        let told = own.api("POST", "/v1/prompts", json!({ "name": "New", "string": "x", "model": "gpt-4o", "virtual_key": "main" })).await;
        assert_eq!((told.status, code(&told)), (403, "prompt_not_allowed".into()));
        let list = good(&own, "GET", "/v1/prompts", Value::Null).await;
        assert_eq!((&list["total"], &list["data"][0]["slug"]), (&json!(1), &json!(letter)), "{list}");
        assert_eq!(good(&program, "GET", "/v1/prompts", Value::Null).await["total"], 2);
        let elsewhere = from("11.0.0.1").api("GET", "/v1/prompts", Value::Null).await;
        assert_eq!((elsewhere.status, code(&elsewhere)), (403, "address_not_allowed".into()));
        assert!(elsewhere.text.contains("11.0.0.1"), "{}", elsewhere.text);

        // What is left out stays; null lifts it.
        good(&program, "PUT", &path, json!({ "name": "still narrow" })).await;
        assert_eq!(refusal(&call(&own, "@main/o3", None).await), (403, "model_not_allowed".into()));
        good(&program, "PUT", &path, json!({ "models": null, "allowed_ips": [] })).await;
        assert_eq!(call(&from("11.0.0.1"), "@main/o3", None).await.status, 200);
        assert_eq!(refusal(&call(&own, "@second/o3", None).await), (403, "virtual_key_not_allowed".into()));
    })
    .await;
}

#[tokio::test]
async fn what_is_given_is_a_thing_and_not_a_name() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let provider = provider().await;
        virtual_key(&program, "main", &provider).await;
        let (id, secret) = made(&program, json!({ "name": "narrow", "virtual_keys": ["main"] })).await;
        let (own, path) = (house.program(&secret), format!("/v1/api-keys/{id}"));
        good(&program, "PUT", "/v1/virtual-keys/main", json!({ "name": "Renamed" })).await;
        assert_eq!(call(&own, "@main/gpt-4o", None).await.status, 200);
        good(&program, "DELETE", "/v1/virtual-keys/main", Value::Null).await;
        virtual_key(&program, "main", &provider).await;
        assert_eq!(refusal(&call(&own, "@main/gpt-4o", None).await), (403, "virtual_key_not_allowed".into()));
        // What is shown of it can be sent back and opens nothing; the new one is given by its name.
        let shown = good(&program, "GET", &path, Value::Null).await["virtual_keys"].clone();
        assert_ne!(shown, json!(["main"]));
        good(&program, "PUT", &path, json!({ "virtual_keys": shown })).await;
        assert_eq!(good(&program, "GET", &path, Value::Null).await["virtual_keys"], shown);
        assert_eq!(refusal(&call(&own, "@main/gpt-4o", None).await), (403, "virtual_key_not_allowed".into()));
        good(&program, "PUT", &path, json!({ "virtual_keys": ["main"] })).await;
        assert_eq!(call(&own, "@main/gpt-4o", None).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_given_is_refused_by_its_field_and_changes_nothing() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let provider = provider().await;
        virtual_key(&program, "main", &provider).await;
        let config = json!({ "name": "x", "config": { "virtual_key": "main" } });
        let (one, other) = (
            text(&good(&program, "POST", "/v1/configs", config.clone()).await, "slug"),
            text(&good(&program, "POST", "/v1/configs", config).await, "slug"),
        );
        let (id, _) = made(&program, json!({ "name": "k", "defaults": { "config_id": one } })).await;
        let path = format!("/v1/api-keys/{id}");
        let seen = async || {
            let mut shown = good(&program, "GET", &path, Value::Null).await;
            shown["last_used_at"] = Value::Null;
            (shown, good(&program, "GET", "/v1/api-keys", Value::Null).await["total"].clone())
        };
        let before = seen().await;
        let many: Vec<String> = (0..51).map(|n| format!("m{n}")).collect();
        let soon = house.app.clock.now().plus(DAY).rfc3339();
        for (body, expected) in [
            (json!({ "models": ["two words"] }), vec!["models"]),
            (json!({ "models": many }), vec!["models"]),
            (json!({ "models": ["x".repeat(101)] }), vec!["models"]),
            (json!({ "virtual_keys": ["main", "nothing"] }), vec!["virtual_keys"]),
            (json!({ "virtual_keys": ["00000000-0000-0000-0000-000000000001"] }), vec!["virtual_keys"]),
            (json!({ "configs": ["pc-none"] }), vec!["configs"]),
            (json!({ "configs": [other] }), vec!["defaults.config_id"]),
            (json!({ "prompts": ["nothing"] }), vec!["prompts"]),
            (json!({ "allowed_ips": ["10.0.0.0/40"] }), vec!["allowed_ips"]),
            (json!({ "not_before": "tomorrow" }), vec!["not_before"]),
            (json!({ "not_before": "9000-01-01" }), vec!["not_before"]),
            (json!({ "not_before": "2999-01-01T00:00:00Z", "expires_at": soon }), vec!["not_before"]),
            (
                json!({ "models": [""], "virtual_keys": ["a"], "prompts": ["b"], "allowed_ips": ["c"] }),
                vec!["virtual_keys", "prompts", "allowed_ips"],
            ),
        ] {
            assert_eq!(fields(&program.api("PUT", &path, body.clone()).await), expected, "{body}");
            let mut new = body.clone();
            new["name"] = json!("new");
            new["defaults"] = json!({ "config_id": one });
            assert_eq!(fields(&program.api("POST", "/v1/api-keys", new).await), expected, "{body}");
        }
        assert_eq!(seen().await, before);
        for body in [json!({ "models": "gpt-4o" }), json!({ "virtual_keys": [7] })] {
            assert_eq!(program.api("PUT", &path, body).await.status, 422);
        }
        good(&program, "PUT", &path, json!({ "configs": [one, other] })).await;
    })
    .await;
}

#[tokio::test]
async fn a_key_works_from_its_moment_on() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let from = house.app.clock.now().plus(2 * DAY);
        let new = json!({ "name": "later", "not_before": from.rfc3339(), "scopes": ["api_keys.list", "models.call"] });
        let (id, secret) = made(&program, new).await;
        let own = house.program(&secret);
        let early = own.api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!((early.status, code(&early)), (401, "api_key_not_yet_valid".into()));
        assert_eq!(refusal(&call(&own, "@main/gpt-4o", None).await), (401, "api_key_not_yet_valid".into()));
        house.app.clock.advance(2 * DAY);
        assert_eq!(own.api("GET", "/v1/api-keys", Value::Null).await.status, 200);
        assert_eq!(refusal(&call(&own, "@main/gpt-4o", None).await), (404, "virtual_key_not_found".into()));
        let shown = good(&program, "GET", &format!("/v1/api-keys/{id}"), Value::Null).await;
        assert_eq!(shown["not_before"], from.rfc3339());
    })
    .await;
}

/// A key that manages keys and is narrowed by `narrow`; gives its client.
async fn manager(house: &House, program: &Client, narrow: &Value) -> (String, Client) {
    let mut new = json!({ "name": "manager", "permissions": { "api_keys": "delete", "completions": "enabled" } });
    for (name, value) in narrow.as_object().expect("an object") {
        new[name] = value.clone();
    }
    let (id, secret) = made(program, new).await;
    (id, house.program(&secret).at("10.0.0.1"))
}

#[tokio::test]
async fn a_narrowed_key_makes_and_touches_only_what_is_narrowed_as_far() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let provider = provider().await;
        for slug in ["main", "second"] {
            virtual_key(&program, slug, &provider).await;
        }
        let config = json!({ "name": "x", "config": { "virtual_key": "main" } });
        let config_slug = text(&good(&program, "POST", "/v1/configs", config).await, "slug");
        let prompt = json!({ "name": "Letter", "string": "Hello", "model": "gpt-4o", "virtual_key": "main" });
        let prompt_slug = text(&good(&program, "POST", "/v1/prompts", prompt).await, "slug");
        for (narrow, as_far, wider) in [
            (json!({ "models": ["gpt-4o*"] }), json!(["gpt-4o-mini", "gpt-4o*"]), json!(["gpt-4*"])),
            (json!({ "virtual_keys": ["main"] }), json!(["main"]), json!(["main", "second"])),
            (json!({ "configs": [config_slug] }), json!([config_slug]), json!([])),
            (json!({ "prompts": [prompt_slug] }), json!([prompt_slug]), json!([])),
            (json!({ "allowed_ips": ["10.0.0.0/8"] }), json!(["10.0.0.0/16"]), json!(["10.0.0.0/7"])),
        ] {
            let kind = narrow.as_object().and_then(|all| all.keys().next()).expect("a kind").clone();
            let (own_id, manager) = manager(&house, &program, &narrow).await;
            let (open, _) = made(&program, json!({ "name": "open" })).await;
            let path = |id: &str| format!("/v1/api-keys/{id}");
            let seen = async || {
                let shown = good(&program, "GET", &path(&open), Value::Null).await;
                (shown["version"].clone(), good(&program, "GET", "/v1/api-keys", Value::Null).await["total"].clone())
            };
            let before = seen().await;
            let denied = |answer: &Answer, what: &str| {
                assert_eq!(
                    (answer.status, code(answer)),
                    (403, "permission_denied".into()),
                    "{kind}: {what} {}",
                    answer.text
                );
            };
            denied(&manager.api("POST", "/v1/api-keys", json!({ "name": "n" })).await, "one that is not narrowed");
            let body = json!({ "name": "n", kind.as_str(): wider });
            denied(&manager.api("POST", "/v1/api-keys", body).await, "a wider one");
            denied(&manager.api("PUT", &path(&open), json!({ "name": "n" })).await, "an edit");
            denied(
                &manager.api("PUT", &path(&open), json!({ kind.as_str(): as_far })).await,
                "a narrowing of another's",
            );
            denied(&manager.api("POST", &format!("{}/rotate", path(&open)), json!({})).await, "a rotation");
            denied(&manager.api("PUT", &path(&own_id), json!({ kind.as_str(): null })).await, "itself");
            assert_eq!(seen().await, before, "{kind}: nothing was changed");

            let (made_id, _) = made(&manager, json!({ "name": "n", kind.as_str(): as_far })).await;
            denied(&manager.api("PUT", &path(&made_id), json!({ kind.as_str(): wider })).await, "widening");
            denied(&manager.api("PUT", &path(&made_id), json!({ kind.as_str(): null })).await, "lifting");
            good(&manager, "PUT", &path(&made_id), json!({ "name": "renamed" })).await;
            good(&manager, "POST", &format!("{}/rotate", path(&made_id)), json!({})).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_console_narrows_a_key_and_says_so() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let program = house.program(&house.master_key);
        let provider = provider().await;
        virtual_key(&program, "main", &provider).await;
        let fields = [
            ("slug", house.slug.as_str()),
            ("name", "From the console"),
            ("expiry", "none"),
            ("narrowing", "yes"),
            ("only_models", "gpt-4o*\r\n\r\n o3 "),
            ("only_virtual_keys", "main"),
            ("only_ips", "10.0.0.0/8"),
            ("not_before", "2020-01-01"),
        ];
        let new = ada.form("api_keys/create", &fields).await;
        assert_eq!(new.status, 200, "{}", new.text);
        let (id, secret) = (text(&new.json(), "id"), text(&new.json(), "secret"));
        let own = house.program(&secret).at("10.0.0.1");
        assert_eq!(call(&own, "@main/o3", None).await.status, 200);
        assert_eq!(refusal(&call(&own, "@main/o1", None).await), (403, "model_not_allowed".into()));
        let page = ada.page(&format!("/o/{}/api-keys/{id}", house.slug)).await;
        for words in [
            "only models gpt-4o*, o3",
            "only virtual keys main",
            "only from 10.0.0.0/8",
            "not before 1 Jan 2020, 00:00 UTC",
        ] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let shown = ada.form("api_keys/get", &[("slug", house.slug.as_str()), ("id", &id)]).await.json();
        let version = shown["key"]["version"].to_string();
        let save = async |more: &[(&str, &str)]| {
            let basic = [
                ("slug", house.slug.as_str()),
                ("id", id.as_str()),
                ("name", "Renamed"),
                ("version", version.as_str()),
            ];
            ada.form("api_keys/update", &[&basic, more].concat()).await
        };
        let odd = save(&[("narrowing", "yes"), ("only_models", "a b"), ("only_configs", "none-such")]).await;
        let named: Vec<String> =
            odd.json()["fields"].as_array().expect("fields").iter().map(|field| text(field, "field")).collect();
        assert_eq!(
            (odd.status, named),
            (422, vec!["only_models".to_owned(), "only_configs".to_owned()]),
            "{}",
            odd.text
        );
        // A form without these fields says nothing of them.
        assert!(save(&[]).await.status < 400);
        assert_eq!(refusal(&call(&own, "@main/o1", None).await), (403, "model_not_allowed".into()));
    })
    .await;
}

#[tokio::test]
async fn what_the_organisation_asks_of_keys_holds_for_those_that_are_there() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let program = house.program(&house.master_key);
        let provider = provider().await;
        virtual_key(&program, "main", &provider).await;
        let (endless, secret) =
            made(&program, json!({ "name": "endless", "scopes": ["models.call", "api_keys.list"] })).await;
        let end = house.app.clock.now().plus(30 * DAY).rfc3339();
        let (_, short_secret) = made(&program, json!({ "name": "short", "expires_at": end })).await;
        let (own, short) = (house.program(&secret), house.program(&short_secret));
        assert_eq!(call(&own, "@main/gpt-4o", None).await.status, 200);

        // How many it would block has to be said, and nothing is changed before.
        let path = "/v1/admin/organisation/key-policy";
        for body in
            [json!({ "longest_days": 60 }), json!({ "longest_days": 60, "blocks": 2 }), json!({ "must_expire": true })]
        {
            let told = program.api("PUT", path, body.clone()).await;
            assert_eq!(fields(&told), ["blocks"], "{body}");
            assert!(told.text.contains("1 key would be blocked"), "{}", told.text);
        }
        assert_eq!(call(&own, "@main/gpt-4o", None).await.status, 200);
        for body in [json!({ "longest_days": 0 }), json!({ "longest_days": 3651 })] {
            assert_eq!(fields(&program.api("PUT", path, body).await), ["longest_days"]);
        }
        assert_eq!(fields(&program.api("PUT", path, json!({ "allowed_ips": ["x"] })).await), ["allowed_ips"]);
        good(&program, "PUT", path, json!({ "longest_days": 60, "blocks": 1 })).await;
        let shown = good(&program, "GET", "/v1/admin/organisation", Value::Null).await;
        let policy = json!({ "longest_days": 60, "must_expire": false, "must_have_budget": false, "allowed_ips": [] });
        assert_eq!(shown["key_policy"], policy);

        // It is blocked, says why, and is not revoked.
        let told = call(&own, "@main/gpt-4o", None).await;
        assert_eq!(refusal(&told), (403, "key_breaks_policy".into()));
        assert!(told.text.contains("60 days at most") && told.text.contains("Give it an end"), "{}", told.text);
        let told = own.api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!((told.status, code(&told)), (403, "key_breaks_policy".into()));
        assert_eq!(call(&short, "@main/gpt-4o", None).await.status, 200);
        let key = format!("/v1/api-keys/{endless}");
        let shown = good(&program, "GET", &key, Value::Null).await;
        assert_eq!(shown["status"], "blocked");
        assert!(shown["blocked_because"].as_str().is_some_and(|why| why.contains("60 days")));
        let list = ada.page(&format!("/o/{}/api-keys", house.slug)).await;
        assert!(list.text.contains("Blocked by policy"), "{}", list.text);
        let page = ada.page(&format!("/o/{}/api-keys/{endless}", house.slug)).await;
        assert!(page.text.contains("Blocked by policy") && page.text.contains("60 days at most"), "{}", page.text);

        // No key is made or saved against it.
        let far = house.app.clock.now().plus(61 * DAY).rfc3339();
        for body in [json!({ "name": "n" }), json!({ "name": "n", "expires_at": far })] {
            assert_eq!(fields(&program.api("POST", "/v1/api-keys", body).await), ["expires_at"]);
        }
        assert_eq!(fields(&program.api("PUT", &key, json!({ "expires_at": far })).await), ["expires_at"]);
        good(&program, "PUT", &key, json!({ "description": "Waits for its end." })).await;
        assert_eq!(fields(&program.api("POST", &format!("{key}/rotate"), json!({})).await), ["expires_at"]);
        // A life is that of a secret: after 70 days only another secret can have a later end.
        house.app.clock.advance(70 * DAY);
        let soon = house.app.clock.now().plus(DAY).rfc3339();
        assert_eq!(fields(&program.api("PUT", &key, json!({ "expires_at": soon })).await), ["expires_at"]);
        let later = house.app.clock.now().plus(59 * DAY).rfc3339();
        let body = json!({ "expires_at": later, "key_transition_period_ms": 3_600_000 });
        let rotated = good(&program, "POST", &format!("{key}/rotate"), body).await;
        let renewed = house.program(&text(&rotated, "key"));
        assert_eq!(call(&renewed, "@main/gpt-4o", None).await.status, 200);
        assert_eq!(good(&program, "GET", &key, Value::Null).await["status"], "active");

        // Ranges hold for every key, the master key too, and a key's own stay inside them.
        let inside = house.program(&house.master_key).at("10.0.0.1");
        good(&inside, "PUT", path, json!({ "allowed_ips": ["10.0.0.0/8"] })).await;
        let outside = house.program(&house.master_key).at("11.0.0.1");
        let told = outside.api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!((told.status, code(&told)), (403, "address_not_allowed".into()));
        assert_eq!(refusal(&call(&renewed, "@main/gpt-4o", None).await), (403, "address_not_allowed".into()));
        let near = json!({ "name": "n", "expires_at": later, "allowed_ips": ["10.1.0.0/16"] });
        good(&inside, "POST", "/v1/api-keys", near).await;
        let wide = json!({ "name": "n", "expires_at": later, "allowed_ips": ["0.0.0.0/0"] });
        assert_eq!(fields(&inside.api("POST", "/v1/api-keys", wide).await), ["allowed_ips"]);

        // The console: a stale save changes nothing, a fresh one does, and an event tells of it.
        let ada = house.person("ada@north.test").await;
        let settings = ada.form("organisation/settings", &[("slug", &house.slug)]).await.json();
        let was = text(&settings["key_policy"], "was");
        let save = async |was: &str, days: &str| {
            let fields = [("slug", house.slug.as_str()), ("was", was), ("longest_days", days), ("must_expire", "yes")];
            ada.form("organisation/key_policy", &fields).await
        };
        let stale = save("{}", "90").await;
        assert_eq!((stale.status, stale.code()), (409, "stale_version".into()));
        assert!(save(&was, "90").await.status < 400);
        let shown = good(&program, "GET", "/v1/admin/organisation", Value::Null).await;
        let policy = json!({ "longest_days": 90, "must_expire": true, "must_have_budget": false, "allowed_ips": [] });
        assert_eq!(shown["key_policy"], policy);
        let event = house.chain(house.organisation).await.1.expect("an event");
        assert_eq!(event["action"], "organisation.key_policy", "{event}");
    })
    .await;
}

#[tokio::test]
async fn no_narrowed_key_says_what_is_asked_of_all() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (_, free) = manager(&house, &program, &json!({})).await;
        good(&free, "PUT", "/v1/admin/organisation/key-policy", json!({ "allowed_ips": ["10.0.0.0/8"] })).await;
        good(&free, "PUT", "/v1/admin/organisation/key-policy", json!({ "allowed_ips": null })).await;
        let (_, narrow) = manager(&house, &program, &json!({ "allowed_ips": ["10.0.0.0/8"] })).await;
        let told = narrow.api("PUT", "/v1/admin/organisation/key-policy", json!({ "allowed_ips": null })).await;
        assert_eq!((told.status, code(&told)), (403, "permission_denied".into()));
    })
    .await;
}
