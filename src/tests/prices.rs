//! Prices that an organisation sets: what calls cost by them, who sets them, and that they are nobody else's.

use super::support::{Answer, Client, World, done, each_engine, provide, text};
use crate::{
    gateway::tests::support::{STREAM, Upstream, chunk, completion, ending, piece},
    server::database::Db,
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use std::time::Duration;

/// What a call of the tests' provider costs by list price, in micro-cents: 9 tokens in, 2 out.
const LISTED: i64 = 4_250;

async fn set(world: &World, client: &Client, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(fields);
    client.form("prices/set", &all).await
}

async fn page(world: &World, client: &Client, asked: &[(&str, &str)]) -> Value {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(asked);
    let page = client.form("prices/list", &all).await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.json()
}

/// Calls a model; gives the call's id once the log is at rest.
async fn call(world: &World, secret: &str, model: &str, config: Option<&str>) -> String {
    let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hello" }] });
    let mut request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    if let Some(config) = config {
        request = request.header("x-portkey-config", config);
    }
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let answer = world.house.program(secret).send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(world.house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    answer.headers["x-request-id"].to_str().expect("an id").to_owned()
}

/// What the log says that a call cost, in micro-cents.
async fn cost(world: &World, key: &str, id: &str) -> Option<i64> {
    let entry = world.house.program(key).api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
    assert_eq!(entry.status, 200, "{}", entry.text);
    entry.json()["cost"].as_f64().map(|cents| (cents * 1e6).round() as i64)
}

#[tokio::test]
async fn a_price_of_ones_own_holds_from_the_next_call_on() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let upstream = Upstream::json(200, "", &completion()).await;
        provide(&world.owner, &world.house.slug, "main", "openai", &upstream).await;
        provide(&world.stranger, &world.south, "main", "openai", &upstream).await;
        let (north, south) = (world.house.master_key.clone(), world.south_key.clone());
        let costs = async |key: &str, model: &str, config: Option<&str>| {
            let id = call(&world, key, model, config).await;
            cost(&world, key, &id).await
        };
        let before = call(&world, &north, "@main/gpt-4o", None).await;
        assert_eq!(cost(&world, &north, &before).await, Some(LISTED));
        assert_eq!(costs(&south, "@main/gpt-4o", None).await, Some(LISTED));

        // 9 at 1 dollar a million and 2 at a little more than 2 dollars: exact, and rounded up once.
        let own = [("provider", "openai"), ("model", "GPT-4o"), ("input", "1"), ("output", "2.00000001")];
        assert_eq!(set(&world, &world.admin, &own).await.status, 200);
        assert_eq!(costs(&north, "@main/gpt-4o", None).await, Some(9 * 100 + 2 * 200 + 1));
        assert_eq!(costs(&north, "@main/gpt-4o-2024-08-06", None).await, Some(1_301), "an edition of it");
        assert_eq!(costs(&north, "gpt-4o", Some(r#"{"virtual_key":"main"}"#)).await, Some(1_301), "led by a config");
        assert_eq!(costs(&north, "@main/gpt-4o-mini", None).await, Some(255), "what has no price of its own");
        assert_eq!(cost(&world, &north, &before).await, Some(LISTED), "earlier calls keep their cost");
        assert_eq!(costs(&south, "@main/gpt-4o", None).await, Some(LISTED), "nobody else's");

        // The same model in another spelling is the same price, and nothing is not unknown.
        let free = [("provider", "open-ai"), ("model", "gpt-4o"), ("input", "0"), ("output", "0")];
        assert_eq!(set(&world, &world.owner, &free).await.status, 200);
        assert_eq!(costs(&north, "@main/gpt-4o", None).await, Some(0));
        let listed = page(&world, &world.member, &[]).await;
        assert_eq!(listed["prices"].as_array().map(Vec::len), Some(1), "{listed}");

        // A call that is warm asks no database.
        let id = text(&listed["prices"][0], "id");
        done(&world.owner, "prices/delete", &[("slug", &world.house.slug), ("id", &id)]).await;
        assert_eq!(costs(&north, "@main/gpt-4o", None).await, Some(LISTED), "deleted");
        assert_eq!(set(&world, &world.owner, &own).await.status, 200);
        assert_eq!(costs(&north, "@main/gpt-4o", None).await, Some(1_301));
        world.house.app.db.close().await;
        let body = json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
        let answer = world.house.program(&north).api("POST", "/v1/chat/completions", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn what_people_call_from_the_console_costs_what_their_organisation_pays() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let told = format!("{STREAM}{}{}0\r\n\r\n", chunk(&piece("Hi")), chunk(&ending()));
        let upstream = Upstream::saying(told).await;
        provide(&world.owner, &world.house.slug, "main", "openai", &upstream).await;
        let own = [("provider", "openai"), ("model", "gpt-4o"), ("input", "1"), ("output", "2.00000001")];
        assert_eq!(set(&world, &world.owner, &own).await.status, 200);
        let message = json!([{ "role": "user", "content": "Dear {{name}}" }]).to_string();
        let fields = [("name", "Letter"), ("model", "gpt-4o"), ("virtual_key", "main"), ("string", &message)];
        let of = world.prompt(&world.owner, "prompts", &fields).await;
        let about = [("slug", world.house.slug.as_str()), ("of", of.as_str())];
        let values = [("set_name", "A"), ("value.name", "Zoë")];
        done(&world.member, "prompts/keep_values", &[&about[..], &values].concat()).await;
        let sides = [("was", "1"), ("now", "1")];
        let compared = world.member.form("prompts/compare", &[&about[..], &sides].concat()).await;
        assert_eq!(compared.status, 200, "{}", compared.text);
        assert_eq!(compared.text.matches("\"cost\":1301").count(), 2, "{}", compared.text);
        assert!(world.house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let sent = [("slug", world.house.slug.as_str()), ("query[model]", "gpt-4o")];
        let log = world.member.form("logs/list", &sent).await.json();
        assert_eq!((&log["totals"]["calls"], &log["totals"]["cost"]), (&json!(2), &json!(2 * 1_301)), "{log}");
    })
    .await;
}

#[tokio::test]
async fn models_without_a_price_are_named_until_they_have_one() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let upstream = Upstream::json(200, "", &completion()).await;
        provide(&world.owner, &world.house.slug, "own", "openai-compatible", &upstream).await;
        provide(&world.owner, &world.house.slug, "main", "openai", &upstream).await;
        let (_, secret) = world.key("calls", &[("completions", "enabled")]).await;
        for _ in 0..3 {
            call(&world, &secret, "@own/llama-3.3-70b", None).await;
        }
        call(&world, &secret, "@own/qwen", None).await;
        call(&world, &secret, "@main/gpt-4o", None).await;
        let models = |page: &Value| {
            let found = page["unpriced"].as_array().expect("models").iter();
            found.map(|one| (text(one, "model"), one["calls"].as_i64().unwrap_or_default())).collect::<Vec<_>>()
        };
        let both = [("llama-3.3-70b".to_owned(), 3), ("qwen".to_owned(), 1)];
        let asked = [("query[provider]", "openai-compatible"), ("query[model]", "qwen")];
        let told = page(&world, &world.owner, &asked).await;
        assert_eq!(models(&told), both, "{told}");
        assert_eq!(
            (&told["draft"]["model"], &told["draft"]["input"], &told["is_change"]),
            (&json!("qwen"), &json!(""), &json!(false))
        );
        assert_eq!(models(&page(&world, &world.member, &[]).await), both);
        let html = world.owner.page(&format!("/o/{}/logs/prices", world.house.slug)).await.text.replace("&amp;", "&");
        let link = format!("/o/{}/logs/prices?provider=openai-compatible&model=qwen#price", world.house.slug);
        assert!(html.contains(&link), "{html}");

        // Whoever sees no calls but their own learns of these alone.
        let settings = [("slug", world.house.slug.as_str()), ("version", "0"), ("own_only", "true")];
        done(&world.owner, "logs/change_settings", &settings).await;
        assert!(models(&page(&world, &world.member, &[]).await).is_empty());
        assert_eq!(models(&page(&world, &world.admin, &[]).await), both);

        let price = [("provider", "openai-compatible"), ("model", "llama-3-3-70b"), ("input", "1"), ("output", "1")];
        assert_eq!(set(&world, &world.owner, &price).await.status, 200);
        assert_eq!(models(&page(&world, &world.owner, &[]).await), both[1..], "earlier calls are no reason");
        let id = call(&world, &secret, "@own/Llama-3.3-70b", None).await;
        assert_eq!(cost(&world, &world.house.master_key, &id).await, Some(11 * 100));
        let asked = [("query[provider]", "openai-compatible"), ("query[model]", "llama-3.3-70b")];
        let told = page(&world, &world.owner, &asked).await;
        assert_eq!((&told["draft"]["input"], &told["is_change"]), (&json!("1.00"), &json!(true)), "{told}");
    })
    .await;
}

#[tokio::test]
async fn prices_are_set_by_owners_and_admins_within_bounds_and_told_of() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let good = [("provider", "ollama"), ("model", "llama3.2"), ("input", "0.5"), ("output", "1.5")];
        let before = world.house.snapshot().await;
        let with = |field: &'static str, value: &'static str| {
            let others = good.into_iter().filter(move |(name, _)| *name != field);
            others.chain([(field, value)]).collect::<Vec<_>>()
        };
        for (field, value) in [
            ("provider", ""),
            ("provider", "nobody"),
            ("model", " "),
            ("model", "@main/llama3.2"),
            ("model", "a\u{202e}b"),
            ("input", ""),
            ("input", "-1"),
            ("input", "1e3"),
            ("input", "0.000000001"),
            ("input", "100000.01"),
            ("cached_input", "NaN"),
            ("output", "99999999999999999999"),
        ] {
            let refused = set(&world, &world.owner, &with(field, value)).await;
            let error = refused.json();
            assert_eq!((refused.status, &error["fields"][0]["field"]), (422, &json!(field)), "{value}: {}", refused.text);
            assert_eq!(error["fields"].as_array().map(Vec::len), Some(1), "{}", refused.text);
        }
        let all = set(&world, &world.owner, &[]).await.json();
        assert_eq!(all["fields"].as_array().map(Vec::len), Some(4), "every mistake at once: {all}");
        assert_eq!(set(&world, &world.member, &good).await.code(), "permission_denied");
        assert_eq!(set(&world, &world.stranger, &good).await.status, 404);
        assert_eq!(world.house.snapshot().await, before, "bad input changes nothing");

        let last = async || world.house.chain(world.house.organisation).await.1.expect("an event");
        assert_eq!(set(&world, &world.admin, &good).await.status, 200);
        let event = last().await;
        assert_eq!((&event["action"], &event["subject"]["name"]), (&json!("price.set"), &json!("ollama llama3.2")));
        let change = |field: &str, was: Value, now: Value| json!({ "field": field, "was": was, "now": now });
        let none = || Value::Null;
        assert_eq!(
            event["changes"],
            json!([
                change("input", none(), json!("0.50")),
                change("cached_input", none(), json!("0.50")),
                change("output", none(), json!("1.50"))
            ])
        );
        let other = [&with("output", "2")[..], &[("cached_input", "0.05")]].concat();
        assert_eq!(set(&world, &world.owner, &other).await.status, 200);
        let changes = json!([
            change("cached_input", json!("0.50"), json!("0.05")),
            change("output", json!("1.50"), json!("2.00"))
        ]);
        assert_eq!(last().await["changes"], changes);

        // An organisation has so many and no more; those that are there can be changed all the same.
        let uuid = if matches!(world.house.app.db, Db::Sqlite { .. }) { "randomblob(16)" } else { "gen_random_uuid()" };
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 499) INSERT INTO model_prices SELECT p.org_id, ID, 'openai', 'm' || i, 'm' || i, 1, 1, 1, 'A', 1 FROM n CROSS JOIN model_prices p";
        world.house.as_owner_composed(&sql.replace("ID,", &format!("{uuid},"))).await.expect("prices");
        let full = set(&world, &world.owner, &[("model", "m"), ("provider", "openai"), ("input", "1"), ("output", "1")]).await;
        assert_eq!((full.status, full.code().as_str()), (409, "conflict"), "{}", full.text);
        assert_eq!(set(&world, &world.owner, &good).await.status, 200);

        let listed = page(&world, &world.owner, &[]).await;
        let id = text(&listed["prices"][0], "id");
        let (north, south) = (world.house.slug.clone(), world.south.clone());
        let by = async |client: &Client, slug: &str| client.form("prices/delete", &[("slug", slug), ("id", &id)]).await.status;
        assert_eq!(by(&world.member, &north).await, 403);
        assert_eq!(by(&world.stranger, &south).await, 404, "of another organisation");
        assert_eq!(by(&world.admin, &north).await, 200);
        assert_eq!(last().await["action"], "price.delete");
        assert_eq!(by(&world.admin, &north).await, 404);
        assert_eq!(world.house.chain(world.south_id).await.1.expect("an event")["outcome"], "refused");
    })
    .await;
}

#[tokio::test]
async fn a_late_change_is_refused() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let owner = &world.owner;
        let price = |input| [("provider", "openai"), ("model", "gpt-4o"), ("input", input), ("output", "8")];
        assert!(set(&world, owner, &price("2")).await.status < 400);
        let of = [("query[provider]", "openai"), ("query[model]", "gpt-4o")];
        let begun = page(&world, owner, &of).await["draft"]["was"].clone();
        let was = begun.as_str().expect("what the form began with");
        assert!(set(&world, owner, &price("3")).await.status < 400);
        let change = |model| [("provider", "openai"), ("model", model), ("input", "4"), ("output", "8"), ("was", was)];
        let late = set(&world, owner, &change("gpt-4o")).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"));
        assert_eq!(page(&world, owner, &[]).await["prices"][0]["price"]["input"], 300_000_000);
        // What the form was changed to is about another model.
        assert!(set(&world, owner, &change("gpt-4o-mini")).await.status < 400);
    })
    .await;
}
