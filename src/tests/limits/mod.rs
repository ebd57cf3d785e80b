//! Limits and budgets, on the real database and through the real router.

mod alerts;
mod demanded;
mod kept;
mod said;
mod shown;

use super::{
    gateway::with_provider,
    support::{Answer, Client, House, each_engine, test_server},
};
use crate::gateway::tests::support::Upstream;
use axum::{body::Body, http::Request};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Rounds in which calls come at once.
const ROUNDS: usize = 100;
/// What is written by one process is known to the others.
const WRITTEN: Duration = Duration::from_secs(5);

/// The same with a key that may call and has these limits; gives its id and a program that holds it.
async fn limited(house: &House, limits: Value) -> (String, Client) {
    let mut body = json!({ "name": "Limited", "permissions": { "completions": "enabled" } });
    body.as_object_mut().expect("an object").extend(limits.as_object().expect("limits").clone());
    let made = house.program(&house.master_key).api("POST", "/v1/api-keys", body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let text = |field: &str| made.json()[field].as_str().expect("a text").to_owned();
    (text("id"), house.program(&text("key")))
}

async fn call_with(program: &Client, more: Value) -> Answer {
    let mut body = json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("fields").clone());
    let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    program.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn call(program: &Client) -> Answer {
    call_with(program, json!({})).await
}

async fn statuses(program: &Client, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::with_capacity(calls);
    for _ in 0..calls {
        statuses.push(call(program).await.status);
    }
    statuses
}

async fn read(house: &House, path: &str) -> Value {
    let answer = house.program(&house.master_key).api("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn change(house: &House, path: &str, body: Value) {
    let answer = house.program(&house.master_key).api("PUT", path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Waits until so much is written as used.
async fn written(house: &House, used: i64) {
    let since = Instant::now();
    loop {
        let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
        let sum = crate::features::limits::written(&mut tx).await.expect("a sum");
        if sum == used {
            return;
        }
        assert!(since.elapsed() < WRITTEN, "{sum} is written, not {used}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn rate(unit: &str, value: i64) -> Value {
    json!({ "rate_limits": [{ "type": "requests", "unit": unit, "value": value }] })
}

#[tokio::test]
async fn as_many_as_a_rate_says_pass_and_the_others_learn_when_to_come_back() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let (id, program) = limited(&house, rate("rpd", 3)).await;
        let (_, other) = limited(&house, json!({})).await;
        // What the gateway itself refuses takes no place.
        let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
        let refused = program.send(request.body(Body::from("{not json")).expect("a request")).await;
        assert_eq!(refused.status, 400);
        assert_eq!(statuses(&program, 4).await, [200, 200, 200, 429]);
        let full = call(&program).await;
        let error = &full.json()["error"];
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("api_key_rate_limit_error"), &json!("05")),
            "{}",
            full.text
        );
        assert_eq!(error["reason"], "rate_limited");
        assert_eq!(error["limit"]["window"], "day");
        let wait: i64 = full.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
        assert!((1..=86_400).contains(&wait), "{wait}");
        assert_eq!(full.headers["x-should-retry"], "false");
        assert_eq!(statuses(&other, 1).await, [200], "another key is not touched");
        let key = read(&house, &format!("/v1/api-keys/{id}")).await;
        assert_eq!(key["rate_limits"][0]["used"], 3, "{key}");
        assert_eq!(key["status"], "active");
        written(&house, 3).await;
    })
    .await;
}

#[tokio::test]
async fn a_budget_says_what_is_used_up_and_goes_on_where_it_was() {
    each_engine(async |house| {
        let (house, _, provider) = with_provider(house).await;
        let (id, program) = limited(&house, json!({ "usage_limits": { "type": "tokens", "credit_limit": 20 } })).await;
        let path = format!("/v1/api-keys/{id}");
        // Each call uses 11 tokens.
        assert_eq!(statuses(&program, 2).await, [200, 200]);
        let refused = call(&program).await;
        let error = &refused.json()["error"];
        assert_eq!(refused.status, 412, "{}", refused.text);
        assert_eq!((&error["type"], &error["code"]), (&json!("api_key_exhaust_error"), &json!("04")));
        assert!(!refused.headers.contains_key("retry-after"));
        let key = read(&house, &path).await;
        assert_eq!((&key["status"], &key["usage_limits"]["used"]), (&json!("exhausted"), &json!(22.0)), "{key}");
        // A rotation gives nobody anything.
        let rotated = house.program(&house.master_key).api("POST", &format!("{path}/rotate"), json!({})).await;
        let fresh = house.program(rotated.json()["key"].as_str().expect("a key"));
        assert_eq!(call(&fresh).await.status, 412);
        // More is allowed, and what was used stays used; another span goes on with it as well.
        change(&house, &path, json!({ "usage_limits": { "type": "tokens", "credit_limit": 30 } })).await;
        assert_eq!(statuses(&fresh, 2).await, [200, 412]);
        written(&house, 33).await;
        let monthly = json!({ "usage_limits": { "type": "tokens", "credit_limit": 40, "periodic_reset": "monthly" } });
        change(&house, &path, monthly).await;
        assert_eq!(read(&house, &path).await["usage_limits"]["used"], 33.0);
        assert_eq!(statuses(&fresh, 2).await, [200, 412]);
        change(&house, &path, json!({ "reset_usage": true })).await;
        let key = read(&house, &path).await;
        assert_eq!((&key["status"], &key["usage_limits"]["used"]), (&json!("active"), &json!(0.0)), "{key}");
        assert_eq!(call(&fresh).await.status, 200);
        assert_eq!(read(&house, &path).await["usage_limits"]["used"], 11.0);
        change(&house, &path, json!({ "usage_limits": null })).await;
        assert_eq!(statuses(&fresh, 4).await, [200; 4]);
        assert_eq!(provider.seen(), 9);
    })
    .await;
}

#[tokio::test]
async fn a_virtual_key_that_is_used_up_leads_on_and_a_key_that_is_leads_nowhere() {
    each_engine(async |house| {
        let (house, _, provider) = with_provider(house).await;
        let base = format!("http://127.0.0.1:{}/v1", provider.port);
        let second = json!({ "name": "Second", "slug": "second", "provider": "openai", "key": "sk-2", "base_url": base });
        let master = house.program(&house.master_key);
        assert_eq!(master.api("POST", "/v1/virtual-keys", second).await.status, 200);
        change(&house, "/v1/virtual-keys/main", rate("rpd", 1)).await;
        let config = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "main" }, { "virtual_key": "second" }] });
        let made = master.api("POST", "/v1/configs", json!({ "name": "Both", "config": config })).await;
        let slug = made.json()["slug"].as_str().or(made.json()["data"]["slug"].as_str()).expect("a slug").to_owned();
        let (_, program) = limited(&house, rate("rpd", 4)).await;
        let led = async || {
            let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
            let request = Request::post("/v1/chat/completions")
                .header("content-type", "application/json")
                .header("x-portkey-config", &slug);
            program.send(request.body(Body::from(body.to_string())).expect("a request")).await
        };
        for target in ["config.targets[0]", "config.targets[1]", "config.targets[1]"] {
            let answer = led().await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.headers["x-portkey-last-used-option-index"], target);
        }
        // Without the config the call has nowhere else to go.
        let alone = call(&program).await;
        assert_eq!(alone.status, 429);
        assert_eq!(alone.json()["error"]["type"], "virtual_key_rate_limit_error");
        assert_eq!(led().await.status, 200);
        let used_up = led().await;
        assert_eq!((used_up.status, provider.seen()), (429, 4));
        assert_eq!(used_up.json()["error"]["type"], "api_key_rate_limit_error");
    })
    .await;
}

#[tokio::test]
async fn what_may_be_spent_is_reserved_at_its_dearest() {
    each_engine(async |house| {
        let (house, _, provider) = with_provider(house).await;
        let (id, program) =
            limited(&house, json!({ "usage_limits": { "type": "tokens", "credit_limit": 1000 } })).await;
        // One that could use more than there is does not leave; one that says less does.
        let asks = |most: u64| call_with(&program, json!({ "max_tokens": most }));
        let (over, within) = (asks(1_000).await, asks(900).await);
        assert_eq!((over.status, within.status), (412, 200), "{}", over.text);
        let all = join_all((0..20).map(|_| asks(300))).await;
        let passed = all.iter().filter(|answer| answer.status == 200).count();
        assert!((1..=20).contains(&passed));
        assert!(all.iter().all(|answer| matches!(answer.status, 200 | 412)));
        let used =
            read(&house, &format!("/v1/api-keys/{id}")).await["usage_limits"]["used"].as_f64().expect("a number");
        assert!((used - 11.0 * (passed + 1) as f64).abs() < 0.5, "{used} after {passed}");
        assert_eq!(provider.seen(), passed + 1);
        // Nobody knows what this model costs.
        let (_, careful) = limited(&house, json!({ "usage_limits": { "type": "cost", "credit_limit": 1 } })).await;
        let unknown = call_with(&careful, json!({ "model": "@main/nobody-knows" })).await;
        assert_eq!((unknown.status, &unknown.json()["error"]["reason"]), (412, &json!("price_unknown")));
    })
    .await;
}

#[tokio::test]
async fn a_limit_that_only_warns_says_so_and_lets_pass() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let warns = json!({ "usage_limits": { "type": "requests", "credit_limit": 2, "action": "warn" } });
        change(&house, "/v1/admin/organisation", warns).await;
        let (_, program) = limited(&house, json!({})).await;
        for warned in [false, false, true, true] {
            let answer = call(&program).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.headers.contains_key("x-latchkey-limit-warning"), warned);
        }
        let organisation = read(&house, "/v1/admin/organisation").await;
        assert_eq!(organisation["usage_limits"]["used"], 4.0, "{organisation}");
        assert_eq!(organisation["status"], "active");
    })
    .await;
}

/// A key that has these limits: its address, and programs that hold it, one for each process.
async fn programs(houses: &[&House], limits: Value) -> (String, Vec<Client>) {
    let (id, _) = limited(houses[0], limits).await;
    let path = format!("/v1/api-keys/{id}");
    let rotated = houses[0].program(&houses[0].master_key).api("POST", &format!("{path}/rotate"), json!({})).await;
    let secret = rotated.json()["key"].as_str().expect("a key").to_owned();
    (path, houses.iter().map(|house| house.program(&secret)).collect())
}

/// The rounds on one process, or on two.
async fn rounds(houses: &[&House], provider: &Upstream, limits: Value, expected: usize) -> usize {
    let (path, programs) = programs(houses, limits).await;
    let mut most = 0;
    for round in 0..ROUNDS {
        change(houses[0], &path, json!({ "reset_usage": true })).await;
        for house in houses {
            // What was changed is heard of; how soon, other tests say.
            house.gateway.directory.invalidate_all();
        }
        // A reset of the same millisecond would be the same period.
        sleep(Duration::from_millis(2)).await;
        let before = provider.seen();
        let answers = join_all((0..3 * expected).map(|number| call(&programs[number % programs.len()]))).await;
        let passed = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)), "round {round}");
        assert_eq!(provider.seen() - before, passed);
        assert!(passed <= expected, "round {round}: {passed} of {expected}");
        most = most.max(passed);
    }
    most
}

#[tokio::test]
async fn however_many_come_at_once_no_more_pass_than_there_is_room_for() {
    each_engine(async |house| {
        let (house, _, provider) = with_provider(house).await;
        let budget = json!({ "usage_limits": { "type": "requests", "credit_limit": 6 } });
        assert_eq!(rounds(&[&house], &provider, budget, 6).await, 6);
    })
    .await;
}

#[tokio::test]
async fn so_it_is_over_two_replicas() {
    let Some(server) = test_server() else { return };
    let (house, _, provider) = with_provider(House::on_postgres(&server).await).await;
    let replica = house.another(|_| {}).await;
    let budget = json!({ "usage_limits": { "type": "requests", "credit_limit": 8 } });
    let most = rounds(&[&house, &replica], &provider, budget, 8).await;
    assert!(most >= 7, "{most} of 8 passed at most");
}

#[tokio::test]
async fn what_one_replica_has_used_the_other_knows_and_so_does_the_next_start() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let (id, program) = limited(&house, json!({ "usage_limits": { "type": "tokens", "credit_limit": 22 } })).await;
        assert_eq!(statuses(&program, 3).await, [200, 200, 412]);
        written(&house, 22).await;
        let another = house.another(|_| {}).await;
        let rotated =
            house.program(&house.master_key).api("POST", &format!("/v1/api-keys/{id}/rotate"), json!({})).await;
        let secret = rotated.json()["key"].as_str().expect("a key").to_owned();
        assert_eq!(call(&another.program(&secret)).await.status, 412);
        let used = read(&another, &format!("/v1/api-keys/{id}")).await["usage_limits"]["used"].clone();
        assert_eq!(used, 22.0);
    })
    .await;
}

#[tokio::test]
async fn a_key_with_limits_gets_around_them_by_no_other_key() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let manager = json!({ "permissions": { "completions": "enabled", "api_keys": "delete" } });
        let mut fields = manager;
        fields["rate_limits"] = rate("rpd", 1)["rate_limits"].clone();
        let (_, program) = limited(&house, fields).await;
        let (other, _) = limited(&house, json!({ "permissions": { "completions": "enabled" } })).await;
        let before = house.snapshot().await;
        for (method, path, body) in [
            ("POST", "/v1/api-keys".to_owned(), json!({ "name": "Free" })),
            ("POST", format!("/v1/api-keys/{other}/rotate"), json!({})),
            ("PUT", format!("/v1/api-keys/{other}"), json!({ "rate_limits": null })),
            ("PUT", "/v1/admin/organisation".to_owned(), json!({ "rate_limits": null })),
        ] {
            let answer = program.api(method, &path, body).await;
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
        }
        assert_eq!(house.snapshot().await, before, "a refusal changes nothing");
    })
    .await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_where_they_stand() {
    each_engine(async |house| {
        let house = house.founded().await;
        let master = house.program(&house.master_key);
        let good = json!({ "type": "requests", "unit": "rpm", "value": 5 });
        for (limits, field) in [
            (
                json!({ "rate_limits": [good, { "type": "requests", "unit": "rpd", "value": -1 }] }),
                "rate_limits[1].value",
            ),
            (json!({ "rate_limits": [good, good] }), "rate_limits[1]"),
            (
                json!({ "usage_limits": { "type": "tokens", "credit_limit": 10, "periodic_reset_days": 366 } }),
                "usage_limits.periodic_reset_days",
            ),
            (json!({ "alert_emails": ["nobody"] }), "alert_emails[0]"),
        ] {
            let mut body = json!({ "name": "Limited" });
            body.as_object_mut().expect("an object").extend(limits.as_object().expect("limits").clone());
            let refused = master.api("POST", "/v1/api-keys", body).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
            assert_eq!(refused.json()["error"]["fields"][0]["field"], field, "{}", refused.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_a_virtual_key_is_as_limited_as_the_first() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        change(&house, "/v1/virtual-keys/main", rate("rpd", 2)).await;
        let (_, program) = limited(&house, json!({})).await;
        assert_eq!(statuses(&program, 1).await, [200]);
        written(&house, 1).await;
        let copy = json!({ "name": "Copy", "new_slug": "copy" });
        let made = house.program(&house.master_key).api("POST", "/v1/virtual-keys/main/duplicate", copy).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let asks = || call_with(&program, json!({ "model": "@copy/gpt-4o" }));
        assert_eq!((asks().await.status, asks().await.status), (200, 429));
    })
    .await;
}
