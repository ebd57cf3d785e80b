//! Which permissions keys use: counted behind whoever asks, told by page and program, and what is unused taken away.

use super::{
    gateway::{call, key, with_provider},
    support::{Client, House, World, each_engine},
};
use crate::{
    features::api_keys::operations::{self, SetTo, verify, write_uses},
    kernel::{KeyId, time::DAY},
    policy::{Permission as P, PermissionSet},
    server::access::{Access, Origin},
};
use serde_json::{Value, json};
use std::time::Duration;

/// What programs are told of the use of a key's permissions.
async fn told(house: &House, id: &str) -> Value {
    let path = format!("/v1/api-keys/{id}/permission-uses");
    let answer = house.program(&house.master_key).api("GET", &path, Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// The permissions of which a use is told.
fn used(told: &Value) -> Vec<String> {
    let uses = told["permissions"].as_array().expect("permissions");
    let used = uses.iter().filter(|of| !of["last_used_on"].is_null());
    used.map(|of| of["permission"].as_str().expect("a name").to_owned()).collect()
}

async fn settle(house: &House) {
    assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    write_uses(&house.app).await.expect("written");
}

#[tokio::test]
async fn uses_are_written_behind_whoever_asks_and_survive() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (id, secret) = key(&house, &owner, "Production", "enabled").await;
        let (lister, list_secret) = key(&house, &owner, "Lister", "enabled").await;
        let before = house.snapshot().await;
        let program = house.program(&secret);
        assert_eq!(call(&house, &secret).await.status, 200);
        assert_eq!(program.api("GET", "/v1/prompts", Value::Null).await.status, 200);
        // What is refused is no use.
        assert_eq!(program.api("GET", "/v1/virtual-keys", Value::Null).await.status, 403);
        assert_eq!(house.program(&list_secret).api("GET", "/v1/models", Value::Null).await.status, 200);
        assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let rows = |all: Vec<String>| all.into_iter().filter(|row| row.starts_with("key_permission_uses:")).count();
        assert_eq!((rows(before), rows(house.snapshot().await)), (0, 0), "nobody waits for a note");

        write_uses(&house.app).await.expect("written");
        // As a program that was started since reads it.
        let later = house.another(|_| {}).await;
        let first = told(&later, &id).await;
        assert_eq!(used(&first), ["prompts.list", "models.call"]);
        let today = house.app.clock.now().iso_date();
        let yesterday = house.app.clock.now().plus(-DAY).iso_date();
        for of in first["permissions"].as_array().expect("permissions") {
            let day = &of["last_used_on"];
            assert!(day.is_null() || *day == today.as_str() || *day == yesterday.as_str(), "{first}");
        }
        assert_eq!(used(&told(&later, &lister).await), ["models.call"], "a list of models is a use, too");
        assert!(first["unused_scopes"].is_null(), "the key is too young for that: {first}");
        assert!(first["counted_since"].as_str().is_some_and(|at| at.ends_with('Z')), "{first}");

        house.app.clock.advance(91 * DAY);
        let all = told(&house, &id).await;
        assert_eq!(all["unused_scopes"], json!(["prompts.list", "prompts.view", "models.call"]));
        assert_eq!(call(&house, &secret).await.status, 200);
        settle(&house).await;
        assert_eq!(told(&house, &id).await["unused_scopes"], json!(["prompts.list", "prompts.view"]));
    })
    .await;
}

/// The names of the keys of which something is unused, as the list and as Home count them.
async fn with_unused(house: &House, owner: &Client) -> (Vec<String>, i64) {
    let slug = house.slug.as_str();
    let list =
        owner.form("api_keys/list", &[("slug", slug), ("filter[rights]", "unused"), ("filter[sort]", "name")]).await;
    assert_eq!(list.status, 200, "{}", list.text);
    let keys = list.json()["keys"].as_array().expect("keys").clone();
    let names = keys.iter().map(|key| key["name"].as_str().expect("a name").to_owned()).collect();
    let home = owner.form("home/view", &[("slug", slug)]).await.json();
    (names, home["unused"].as_i64().expect("a number"))
}

#[tokio::test]
async fn a_key_is_narrowed_to_what_it_used_and_has_all_again_by_one_press() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (id, secret) = key(&house, &owner, "Production", "enabled").await;
        let program = house.program(&house.master_key);
        let path = format!("/v1/api-keys/{id}");
        let scopes = async || program.api("GET", &path, Value::Null).await.json()["scopes"].clone();
        let set = async |owner: &Client, permissions: &str, within: &str, version: &str| {
            let fields = [
                ("slug", house.slug.as_str()),
                ("id", id.as_str()),
                ("permissions", permissions),
                ("used_within", within),
                ("version", version),
            ];
            owner.form("api_keys/set_permissions", &fields).await
        };
        let full = json!(["prompts.list", "prompts.view", "models.call"]);
        assert_eq!(scopes().await, full);
        let young = set(&owner, "models.call", "90", "1").await;
        assert_eq!((young.status, young.code().as_str()), (409, "conflict"), "{}", young.text);
        assert_eq!(with_unused(&house, &owner).await, (vec![], 0), "nothing is claimed of young keys");

        house.app.clock.advance(100 * DAY);
        let owner = house.person("ada@north.test").await;
        assert_eq!(call(&house, &secret).await.status, 200);
        settle(&house).await;
        let (names, count) = with_unused(&house, &owner).await;
        assert_eq!((names, count), (vec!["Production".to_owned()], 1), "the master key is there for everything");
        let page = owner.page(&format!("/o/{}/api-keys/{id}?unused=60", house.slug)).await;
        for words in
            ["Unused permissions", "prompts.view", "Narrow to what is used", "name=\"used_within\" value=\"60\""]
        {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }

        // What is not what was used, or is not understood, changes nothing.
        let before = house.snapshot().await;
        for (permissions, within, version, expected) in [
            ("", "90", "1", (409, "conflict")),
            ("models.call prompts.view", "90", "1", (409, "conflict")),
            ("models.call", "45", "1", (422, "invalid")),
            ("models.call", "many", "1", (422, "invalid")),
            ("models.everything", "90", "1", (422, "invalid")),
            // An Owner holds it, but no key can.
            ("audit.view", "", "1", (422, "invalid")),
        ] {
            let refused = set(&owner, permissions, within, version).await;
            assert_eq!((refused.status, refused.code().as_str()), expected, "{permissions}: {}", refused.text);
        }
        assert_eq!(house.snapshot().await, before);

        let events = house.chain(house.organisation).await.0;
        let done = set(&owner, "models.call", "90", "1").await;
        assert_eq!(done.status, 200, "{}", done.text);
        let (after, last) = house.chain(house.organisation).await;
        let last = last.expect("an event");
        assert_eq!(
            (after - events, &last["action"], &last["subject"]["id"]),
            (1, &json!("api_key.update"), &json!(id))
        );
        assert_eq!(last["changes"][0]["field"], "permissions.prompts", "{last}");
        assert_eq!(scopes().await, json!(["models.call"]));
        assert_eq!(with_unused(&house, &owner).await, (vec![], 0));

        // As the toast's button sends it.
        let reset = done.json();
        let was: Vec<_> = reset["was"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        let late = set(&owner, &was.join(" "), "", "1").await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"), "{}", late.text);
        let undone = set(&owner, &was.join(" "), "", &reset["version"].to_string()).await;
        assert_eq!(undone.status, 200, "{}", undone.text);
        assert_eq!(scopes().await, full, "exactly what it held");
        let now = told(&house, &id).await;
        assert_eq!(now["unused_scopes"], json!([]), "what was given just now is not said to be unused: {now}");
        assert!(!now["permissions"][0]["given_at"].is_null(), "{now}");

        // Without JavaScript the page says what was done.
        house.app.clock.advance(100 * DAY);
        let owner = house.person("ada@north.test").await;
        let (slug, version) = (house.slug.as_str(), "3");
        let page = format!("/o/{slug}/api-keys/{id}");
        let fields = [("slug", slug), ("id", &id), ("permissions", ""), ("used_within", "30"), ("version", version)];
        let led = owner.plain_form(&page, "api_keys/set_permissions", &fields).await;
        let to = led.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default().to_owned();
        assert!(led.status == 303 && to.contains("done=narrowed") && to.contains("unused=30"), "{} {to}", led.status);
        assert!(owner.page(&to).await.text.contains("The key holds no more than it used."));
        assert_eq!(scopes().await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn nobody_gives_by_it_what_they_do_not_hold_and_no_key_touches_itself() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        // It ends before the one that changes it, which gives no key a longer life than its own.
        let (weak, _) = world.key("weak", &[("completions", "disabled"), ("prompts", "disabled")]).await;
        let (own, secret) = world.key("manager", &[("api_keys", "write"), ("completions", "disabled")]).await;
        let (strong, _) = world.key("strong", &[("metrics", "enabled")]).await;
        let verified = verify(&house.app, &secret, None, house.app.clock.now()).await.expect("it works");
        let access = Access::key(house.app.clone(), Origin::default(), &verified);
        let set = async |id: &str, permissions: PermissionSet| {
            let id: KeyId = id.parse().expect("an id");
            let to = SetTo { permissions, used_within: None, version: None };
            operations::set_permissions(&access, id, || Ok(to)).await.map(|reset| reset.version)
        };
        let before = house.snapshot().await;
        let calls = PermissionSet::EMPTY.with(P::ModelsCall);
        for (id, permissions) in [
            (own.as_str(), PermissionSet::EMPTY),
            (&own, verified.effective.union(calls)),
            (&strong, PermissionSet::EMPTY),
            (&weak, calls),
        ] {
            let refused = set(id, permissions).await.expect_err("it is refused");
            assert_eq!(refused.code.as_str(), "permission_denied", "{id} {permissions:?}");
        }
        for body in [json!({ "scopes": [] }), json!({ "scopes": ["models.call"] })] {
            let answer = house.program(&secret).api("PUT", &format!("/v1/api-keys/{own}"), body).await;
            assert_eq!(answer.status, 403, "{}", answer.text);
        }
        assert_eq!(house.snapshot().await, before);
        assert_eq!(set(&weak, PermissionSet::EMPTY.with(P::PromptsView)).await, Ok(2), "what it holds it gives");

        // Another organisation's keys are as none.
        for path in [format!("/v1/api-keys/{own}/permission-uses"), "/v1/api-keys/none/permission-uses".to_owned()] {
            let foreign = house.program(&world.south_key).api("GET", &path, Value::Null).await;
            assert_eq!(foreign.status, 404, "{}", foreign.text);
        }
        let fields = [("slug", world.south.as_str()), ("id", &own), ("permissions", "")];
        let foreign = world.stranger.form("api_keys/set_permissions", &fields).await;
        assert_eq!(foreign.status, 404, "{}", foreign.text);
    })
    .await;
}
