//! What calls say, kept on the real databases: who may read it, how it lies there, and when it goes.

use super::support::{Answer, Client, House, World, each_engine, provide};
use crate::{
    features::logs::{NewSide, NewTexts, ages, write_texts},
    gateway::tests::support::{Upstream, completion},
    kernel::{
        CallId, Timestamp,
        time::{DAY, HOUR},
    },
    server::database::Db,
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use uuid::Uuid;

const SAID: &str = "The lighthouse keeper sleeps at noon";

/// A house with a virtual key `main` that leads to a provider, and its Owner.
async fn with_provider(house: House) -> (World, Upstream) {
    let world = World::new(house).await;
    let provider = Upstream::json(200, "", &completion()).await;
    provide(&world.owner, &world.house.slug, "main", "openai", &provider).await;
    (world, provider)
}

/// Sets what the organisation keeps.
async fn keep(world: &World, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(fields);
    world.owner.form("organisation/keep_texts", &all).await
}

/// Calls the model; gives the call's id once the log is at rest.
async fn call(world: &World, secret: &str, header: Option<(&str, &str)>) -> String {
    let body = json!({ "model": "@main/gpt-4o", "messages": [{ "role": "user", "content": SAID }] });
    let mut request = Request::post("/v1/chat/completions").header("content-type", "application/json");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let answer = world.house.program(secret).send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(world.house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    answer.headers["x-request-id"].to_str().expect("an id").to_owned()
}

async fn read(world: &World, client: &Client, id: &str) -> Answer {
    client.form("logs/texts", &[("slug", &world.house.slug), ("id", id)]).await
}

/// Numbers that the database's owner asks for.
async fn count(house: &House, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match &house.app.db {
        Db::Sqlite { readers, .. } => sqlx::query_scalar(sql).fetch_one(readers).await.expect("a number"),
        Db::Postgres(_) => {
            let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
            sqlx::query_scalar(sql).fetch_one(&mut owner).await.expect("a number")
        }
    }
}

async fn texts(house: &House) -> i64 {
    count(house, "SELECT COUNT(*) FROM call_texts").await
}

/// When the newest call came.
async fn came(house: &House) -> Timestamp {
    Timestamp(count(house, "SELECT MAX(started_at) FROM call_logs").await)
}

/// The texts of a call, sealed for it, of this age.
async fn put(house: &House, id: Uuid, at: Timestamp) {
    let side = NewSide { text: SAID, size: 36, is_cut: false };
    let texts = NewTexts { call: CallId(id), request: Some(side), answer: Some(side), left_out: 0, dropped: false, at };
    let mut note = house.app.note_in(house.organisation).await.expect("begins");
    write_texts(note.tx(), &house.app.keyring, &texts).await.expect("written");
    note.commit().await.expect("committed");
}

#[tokio::test]
async fn texts_are_kept_where_organisation_key_and_call_want_it() {
    each_engine(async |house| {
        let (world, _provider) = with_provider(house).await;
        let before = texts(&world.house).await;
        let (id, own) = world.key("calls", &[("completions", "enabled")]).await;
        let off = call(&world, &own, None).await;
        assert_eq!(texts(&world.house).await, before, "off at first");
        let told = read(&world, &world.owner, &off).await;
        assert_eq!((told.status, told.code().as_str()), (404, "not_found"), "{}", told.text);

        let program = world.house.program(&world.house.master_key);
        let set = async |choice: &str| {
            let path = format!("/v1/api-keys/{id}");
            let set = program.api("PUT", &path, json!({ "keep_texts": choice })).await;
            assert_eq!(set.status, 200, "{}", set.text);
            assert_eq!(program.api("GET", &path, Value::Null).await.json()["keep_texts"], choice);
        };
        assert_eq!(
            program.api("PUT", &format!("/v1/api-keys/{id}"), json!({ "keep_texts": "maybe" })).await.status,
            422
        );
        let kept = async |header: Option<(&str, &str)>| {
            let before = texts(&world.house).await;
            call(&world, &own, header).await;
            texts(&world.house).await - before
        };
        // The key's own word holds at once, as does the organisation's; the call can only take itself out.
        set("yes").await;
        assert_eq!(kept(None).await, 1);
        assert_eq!(kept(Some(("x-portkey-debug", "false"))).await, 0);
        set("inherit").await;
        assert_eq!(kept(Some(("x-portkey-debug", "true"))).await, 0);
        assert_eq!(keep(&world, &[("keep", "yes")]).await.status, 200);
        assert_eq!(kept(None).await, 1);
        set("no").await;
        assert_eq!(kept(None).await, 0);
        set("inherit").await;
        // No key holds what it takes to change it, and so none does.
        let no = program.api("PUT", "/v1/admin/organisation", json!({ "saved_only": false, "texts_days": 7 })).await;
        assert_eq!(no.status, 422, "{}", no.text);
        assert_eq!(keep(&world, &[("keep", "no"), ("texts_days", "7")]).await.status, 200);
        let own = program.api("GET", "/v1/admin/organisation", Value::Null).await.json();
        assert_eq!(
            (&own["keep_texts"], &own["texts_days"], &own["logs_days"], &own["leave_images_out"]),
            (&json!(false), &json!(7), &Value::Null, &json!(true))
        );
        assert_eq!(kept(None).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_said_is_read_once_asked_for_and_that_is_told() {
    each_engine(async |house| {
        let (world, _provider) = with_provider(house).await;
        assert_eq!(keep(&world, &[("keep", "yes")]).await.status, 200);
        let id = call(&world, &world.house.master_key, None).await;
        let events = async || world.house.chain(world.house.organisation).await;
        let before = events().await.0;

        // Opening the call reads nothing.
        let page = format!("/o/{}/logs/{id}", world.house.slug);
        let opened = world.member.page(&page).await;
        assert!(opened.text.contains("Kept until") && opened.text.contains("Show the request and the answer"));
        assert!(!opened.text.contains(SAID), "{}", opened.text);
        let program = world.house.program(&world.house.master_key);
        let entry = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await.json();
        assert_eq!(entry["texts"], "kept");
        assert_eq!(events().await.0, before, "nobody has read it");

        // Without JavaScript the page comes back with it.
        let fields = [("slug", world.house.slug.as_str()), ("id", &id), ("page", &page)];
        let shown = world.member.plain_form(&page, "logs/texts", &fields).await;
        assert!(shown.status == 200 && shown.text.contains(SAID), "{}", shown.text);
        let (after, last) = events().await;
        let last = last.expect("an event");
        assert_eq!(after, before + 1);
        assert_eq!((&last["action"], &last["subject"]["id"]), (&json!("log.read_texts"), &json!(id)));
        assert_eq!((&last["actor"]["name"], &last["outcome"]), (&json!("Cy"), &json!("done")));
        assert!(!last.to_string().contains(SAID));

        let texts = program.api("GET", &format!("/v1/logs/{id}/texts"), Value::Null).await;
        assert_eq!(texts.status, 200, "{}", texts.text);
        let texts = texts.json();
        assert_eq!(texts["request"]["conversation"], json!([{ "who": "user", "text": SAID }]));
        assert_eq!(texts["response"]["conversation"], json!([{ "who": "assistant", "text": "Hi" }]));
        assert_eq!((&texts["request"]["cut"], &texts["request"]["note"]), (&json!(false), &Value::Null));
        let (after, last) = events().await;
        assert_eq!((after, &last.expect("an event")["actor"]["kind"]), (before + 2, &json!("api_key")));

        // Nobody else has it: not another organisation, not by its own name.
        let south = world.house.program(&world.south_key);
        assert_eq!(south.api("GET", &format!("/v1/logs/{id}/texts"), Value::Null).await.status, 404);
        assert_eq!(read(&world, &world.stranger, &id).await.status, 404);
        let fields = [("slug", world.south.as_str()), ("id", id.as_str())];
        assert_eq!(world.stranger.form("logs/texts", &fields).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn texts_lie_sealed_and_open_nowhere_else() {
    each_engine(async |house| {
        let (world, _provider) = with_provider(house).await;
        assert_eq!(keep(&world, &[("keep", "yes")]).await.status, 200);
        let id = call(&world, &world.house.master_key, None).await;
        assert_eq!(read(&world, &world.owner, &id).await.status, 200);
        let rows = world.house.snapshot().await;
        assert!(rows.iter().any(|row| row.starts_with("call_texts:")), "there is something");
        let hex: String = SAID.bytes().map(|byte| format!("{byte:02x}")).collect();
        for row in &rows {
            let low = row.to_lowercase();
            assert!(!row.contains(SAID) && !low.contains(&hex), "{row}");
        }
        // The same bytes at another call's place, or on the other side.
        let other = Uuid::now_v7();
        world.house.add_call(other).await;
        let uuid = |id: Uuid| match &world.house.app.db {
            Db::Sqlite { .. } => format!("x'{}'", id.simple()),
            Db::Postgres(_) => format!("'{id}'"),
        };
        let (here, there) = (uuid(id.parse().expect("an id")), uuid(other));
        let moved = format!(
            "UPDATE call_texts SET request = (SELECT t.request FROM call_texts t WHERE t.call_id = {here}) WHERE call_id = {there}"
        );
        world.house.as_owner_composed(&moved).await.expect("moved");
        let told = read(&world, &world.owner, &other.to_string()).await;
        assert!(told.status == 500 && !told.text.contains(SAID), "{} {}", told.status, told.text);
        let turned = format!("UPDATE call_texts SET answer = request WHERE call_id = {here}");
        world.house.as_owner_composed(&turned).await.expect("turned");
        let told = read(&world, &world.owner, &id).await;
        assert!(told.status == 500 && !told.text.contains(SAID), "{} {}", told.status, told.text);
    })
    .await;
}

#[tokio::test]
async fn texts_go_after_their_days_and_entries_after_theirs() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        house.as_owner("DELETE FROM call_texts").await.expect("empty");
        house.as_owner("DELETE FROM call_attempts").await.expect("empty");
        house.as_owner("DELETE FROM call_logs").await.expect("empty");
        for _ in 0..3 {
            house.add_call(Uuid::now_v7()).await;
        }
        let sum = async || {
            let all = ["call_logs", "call_attempts", "call_texts"].map(|table| format!("SELECT COUNT(*) FROM {table}"));
            (count(house, &all[0]).await, count(house, &all[1]).await, count(house, &all[2]).await)
        };
        let events = async || house.chain(house.organisation).await.0;
        assert_eq!(keep(&world, &[("keep", "yes"), ("texts_days", "10"), ("logs_days", "20")]).await.status, 200);
        // Keeping no more deletes nothing.
        assert_eq!(keep(&world, &[("keep", "no"), ("texts_days", "10"), ("logs_days", "20")]).await.status, 200);
        let begun = events().await;
        house.app.clock.advance(10 * DAY - HOUR);
        house.add_call(Uuid::now_v7()).await;
        ages::round(&house.app).await.expect("a round");
        assert_eq!((sum().await, events().await), ((4, 4, 4), begun), "nothing is old enough");

        house.app.clock.advance(2 * HOUR);
        ages::round(&house.app).await.expect("a round");
        assert_eq!((sum().await, events().await), ((4, 4, 1), begun + 1), "texts go first");
        let last = house.chain(house.organisation).await.1.expect("an event");
        assert_eq!((&last["action"], &last["actor"]["kind"]), (&json!("log.expire"), &json!("system")));
        let changes = last["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({ "field": "texts", "was": 0, "now": 3 })), "{last}");
        ages::round(&house.app).await.expect("a round");
        assert_eq!(events().await, begun + 1, "a round that deletes nothing tells nothing");

        house.app.clock.advance(10 * DAY);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(sum().await, (1, 1, 0), "entries go with their attempts and texts");
        let last = house.chain(house.organisation).await.1.expect("an event");
        let changes = last["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({ "field": "entries", "was": 0, "now": 3 })), "{last}");
        // For ever, again.
        let owner = house.person("ada@north.test").await;
        let fields = [("slug", house.slug.as_str()), ("texts_days", "10"), ("logs_days", "")];
        assert_eq!(owner.form("organisation/keep_texts", &fields).await.status, 200);
        house.app.clock.advance(100 * DAY);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(sum().await, (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn more_than_a_batch_goes_in_one_round() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let now = house.app.clock.now();
        for _ in 0..450 {
            let id = Uuid::now_v7();
            house.add_call(id).await;
        }
        let before = texts(house).await;
        assert!(before >= 450, "{before}");
        house.app.clock.advance(31 * DAY);
        let late = Uuid::now_v7();
        house.add_call(late).await;
        ages::round(&house.app).await.expect("a round");
        assert_eq!(texts(house).await, 1, "the one of today stays: {}", now.rfc3339());
    })
    .await;
}

/// Two replicas begin their rounds at the same moment: one deletes and tells of it.
#[tokio::test]
async fn what_is_too_old_is_deleted_and_told_of_once() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        for _ in 0..250 {
            house.add_call(Uuid::now_v7()).await;
        }
        house.app.clock.advance(31 * DAY);
        let events = async || house.chain(house.organisation).await.0;
        let begun = events().await;
        let (one, two) = tokio::join!(ages::round(&house.app), ages::round(&house.app));
        assert_eq!((one.is_ok(), two.is_ok()), (true, true), "{one:?} {two:?}");
        assert_eq!((texts(house).await, events().await), (0, begun + 1));
        // One that was stopped in the middle keeps others from it for a while, not for ever.
        house.add_call(Uuid::now_v7()).await;
        house.app.clock.advance(31 * DAY);
        let soon = house.app.clock.now().plus(60_000).0;
        let claimed = format!("UPDATE organisations SET logs_expiring_until = {soon}");
        house.as_owner_composed(&claimed).await.expect("claimed");
        ages::round(&house.app).await.expect("a round");
        assert_eq!(texts(house).await, 1);
        house.app.clock.advance(61_000);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(texts(house).await, 0);
    })
    .await;
}

#[tokio::test]
async fn all_kept_texts_are_deleted_by_an_act_of_its_own() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let entries = count(house, "SELECT COUNT(*) FROM call_logs").await;
        assert!(texts(house).await > 0);
        let fields = [("slug", house.slug.as_str())];
        assert_eq!(world.member.form("logs/delete_texts", &fields).await.status, 403);
        assert!(texts(house).await > 0);
        let page = world.admin.page(&format!("/o/{}/settings/delete-texts", house.slug)).await;
        assert!(page.status == 200 && page.text.contains("cannot be brought back"), "{}", page.text);
        let done = world.admin.form("logs/delete_texts", &fields).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert_eq!((texts(house).await, count(house, "SELECT COUNT(*) FROM call_logs").await), (0, entries));
        let last = house.chain(house.organisation).await.1.expect("an event");
        assert_eq!((&last["action"], &last["actor"]["name"]), (&json!("log.delete_texts"), &json!("Bo")));
        // A call that was under way then writes its texts afterwards: nobody reads them, and the next round takes them.
        let late = Uuid::now_v7();
        house.add_uncounted_call_at(late, house.app.clock.now().plus(-60_000)).await;
        assert_eq!(texts(house).await, 1);
        let told = read(&world, &world.owner, &late.to_string()).await;
        assert_eq!(told.status, 404, "{}", told.text);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(texts(house).await, 0);
        house.app.clock.advance(HOUR);
        let after = Uuid::now_v7();
        house.add_call(after).await;
        assert_eq!(read(&world, &world.owner, &after.to_string()).await.status, 200, "what is kept later is kept");
    })
    .await;
}

#[tokio::test]
async fn days_have_bounds_and_a_late_save_is_refused() {
    each_engine(async |house| {
        let world = World::new(house).await;
        for (texts, logs, field) in [
            ("0", "", "texts_days"),
            ("3651", "", "texts_days"),
            ("x", "", "texts_days"),
            ("30", "29", "texts_days"),
            ("1", "3651", "logs_days"),
        ] {
            let told = keep(&world, &[("texts_days", texts), ("logs_days", logs)]).await;
            assert_eq!((told.status, told.json()["fields"][0]["field"].clone()), (422, json!(field)), "{}", told.text);
        }
        let settings = async || world.owner.form("organisation/settings", &[("slug", &world.house.slug)]).await.json();
        let kept = json!({ "keep": false, "leave_images_out": true, "texts_days": 30, "logs_days": null });
        assert_eq!(settings().await["keeping"], kept);
        assert_eq!(
            keep(&world, &[("was", "false true 30 ever"), ("keep", "yes"), ("images", "yes")]).await.status,
            200
        );
        let late = keep(&world, &[("was", "false true 30 ever"), ("texts_days", "3")]).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"));
        let last = world.house.chain(world.house.organisation).await.1.expect("an event");
        assert_eq!(last["outcome"], "failed");
        assert_eq!(settings().await["keeping"]["keep"], true);
        assert_eq!(world.member.form("organisation/keep_texts", &[("slug", &world.house.slug)]).await.status, 403);
    })
    .await;
}

/// A text that was cut, and one for which there was no room.
#[tokio::test]
async fn what_does_not_fit_is_told_on_the_page() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let id = Uuid::now_v7();
        world.house.add_call(id).await;
        world.house.as_owner("DELETE FROM call_texts").await.expect("empty");
        let side = NewSide { text: r#"{"messages":[{"role":"user","content":"Once"#, size: 1_234_567, is_cut: true };
        let texts = NewTexts {
            call: CallId(id),
            request: Some(side),
            answer: None,
            left_out: 2,
            dropped: false,
            at: came(&world.house).await,
        };
        let mut note = world.house.app.note_in(world.house.organisation).await.expect("begins");
        write_texts(note.tx(), &world.house.app.keyring, &texts).await.expect("written");
        note.commit().await.expect("committed");
        let page = world.owner.page(&format!("/o/{}/logs/{id}", world.house.slug)).await;
        for words in ["cut after 64 KiB of 1.2 MB", "2 images", "Kept until"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let told = read(&world, &world.owner, &id.to_string()).await.json();
        assert_eq!(told["request"]["turns"], json!([{ "who": "user", "words": "Once" }]));
        assert!(told["answer"].is_null());

        let full = Uuid::now_v7();
        world.house.add_call(full).await;
        world.house.as_owner("DELETE FROM call_texts").await.expect("empty");
        put(&world.house, full, came(&world.house).await).await;
        world.house.as_owner("UPDATE call_texts SET dropped = true, request = NULL, answer = NULL").await.expect("set");
        let page = world.owner.page(&format!("/o/{}/logs/{full}", world.house.slug)).await;
        assert!(page.text.contains("too much was to be kept at once"), "{}", page.text);
        assert_eq!(read(&world, &world.owner, &full.to_string()).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_call_is_asked_again_only_by_reading_it() {
    each_engine(async |house| {
        let (world, _provider) = with_provider(house).await;
        assert_eq!(keep(&world, &[("keep", "yes")]).await.status, 200);
        let id = call(&world, &world.house.master_key, None).await;
        let slug = world.house.slug.as_str();
        let events = async || world.house.chain(world.house.organisation).await;
        let before = events().await.0;
        // The way there reads nothing.
        let opened = world.member.page(&format!("/o/{slug}/logs/{id}")).await;
        let page = format!("/o/{slug}/prompts/new?call={id}");
        assert!(opened.text.contains(&format!("href=\"{page}\"")), "{}", opened.text);
        let asks = world.member.page(&page).await;
        assert!(asks.status == 200 && asks.text.contains("Fill in the messages of the call"), "{}", asks.text);
        assert!(!asks.text.contains(SAID), "{}", asks.text);
        assert_eq!(events().await.0, before, "nobody has read it");
        // Without JavaScript the page comes back with it, and with the model and the virtual key.
        let fields = [("slug", slug), ("id", id.as_str()), ("page", page.as_str())];
        let filled = world.member.plain_form(&page, "logs/replay", &fields).await;
        assert_eq!(filled.status, 200, "{}", filled.text);
        for part in [SAID, "value=\"gpt-4o\"", "@main", "blocks.0.role"] {
            assert!(filled.text.contains(part), "{part}: {}", filled.text);
        }
        let (after, last) = events().await;
        let last = last.expect("an event");
        assert_eq!((after, &last["action"]), (before + 1, &json!("log.read_texts")), "{last}");
        assert_eq!(last["subject"]["id"], json!(id));
        // What is refused comes back as it was typed, and not as it was read.
        let typed = [
            ("slug", slug),
            ("page", page.as_str()),
            ("name", ""),
            ("form", "chat"),
            ("written", "blocks"),
            ("blocks.0.role", "user"),
            ("blocks.0.text", "Typed over it"),
        ];
        let refused = world.member.plain_form(&page, "prompts/create", &typed).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("Typed over it") && !refused.text.contains(SAID), "{}", refused.text);
        let fields = [("slug", world.south.as_str()), ("id", id.as_str())];
        assert_eq!(world.stranger.form("logs/replay", &fields).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_call_tells_its_steps_and_how_its_cost_was_reckoned() {
    each_engine(async |house| {
        let (world, _provider) = with_provider(house).await;
        let id = call(&world, &world.house.master_key, None).await;
        let program = world.house.program(&world.house.master_key);
        let entry = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await.json();
        let steps = entry["timeline"].as_array().expect("steps");
        let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().expect("a name")).collect();
        assert_eq!(names, ["Arrived", "Until the first byte", "Answer", "Ended"], "{entry}");
        assert_eq!((&steps[0]["from"], &steps[3]["to"]), (&json!(0.0), &entry["response_time"]));
        let part = &entry["cost_details"][0];
        // Nine tokens read and two written, at $2.50 and $10.00 a million.
        assert_eq!(
            (&part["req_units"], &part["cached_req_units"], &part["res_units"]),
            (&json!(9), &json!(0), &json!(2))
        );
        let prices = json!({ "req_units": 250.0, "cached_req_units": 125.0, "res_units": 1000.0, "table": "built_in" });
        assert_eq!(part["price_per_million"], prices);
        let cost = (9.0 * 250.0 + 2.0 * 1000.0) / 1e6;
        for told in [&part["cost_today"], &part["cost"], &entry["cost"]] {
            assert!((told.as_f64().expect("a cost") - cost).abs() < 1e-9, "{told} {cost}");
        }
        let page = world.member.page(&format!("/o/{}/logs/{id}", world.house.slug)).await.text;
        for part in ["How the cost was calculated", "the built-in list of prices", "$2.50", "$10.00"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("The prices have changed since"), "{page}");
    })
    .await;
}
