//! Configs in the console, on both databases: versions, late saves, what uses what, and what is said of a text.

use super::support::{Answer, Calls, Client, World, each_engine};
use serde_json::{Value, json};

const FIRST: &str = "{\n  \"virtual_key\": \"main\",\n  \"retry\": {\"attempts\": 1}\n}";
const SECOND: &str = "{\n  \"virtual_key\": \"main\",\n  \"retry\": {\"attempts\": 2}\n}";

async fn act(client: &Client, world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(fields);
    client.form(&format!("configs/{path}"), &all).await
}

async fn get(world: &World, of: &str) -> Value {
    let answer = act(&world.owner, world, "get", &[("of", of)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["config"].clone()
}

/// North with a virtual key `main`, and a config that names it: the config's slug.
async fn with_config(world: &World) -> String {
    Calls::new().await.virtual_key(world, "main", "openai").await;
    world.config("Resilient chat", FIRST).await
}

async fn save(world: &World, of: &str, version: &str, text: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("of", of), ("version", version), ("name", "Resilient chat"), ("config", text)];
    fields.extend_from_slice(more);
    act(&world.owner, world, "update", &fields).await
}

#[tokio::test]
async fn a_save_of_another_text_is_a_version_that_never_changes() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        assert!(of.starts_with("pc-resili-") && of.len() == "pc-resili-".len() + 6, "{of}");
        let fields = [("of", of.as_str()), ("version", "1"), ("name", "Chat"), ("config", FIRST)];
        let renamed = act(&world.owner, &world, "update", &fields).await.json();
        assert_eq!((&renamed["number"], &renamed["is_new"]), (&json!(1), &json!(false)));
        // Windows line breaks of a browser are no change.
        let again = save(&world, &of, "2", &FIRST.replace('\n', "\r\n"), &[]).await.json();
        assert_eq!((&again["number"], &again["is_new"]), (&json!(1), &json!(false)));
        let saved = save(&world, &of, "3", SECOND, &[("message", "Try twice")]).await.json();
        assert_eq!((&saved["number"], &saved["is_new"]), (&json!(2), &json!(true)));
        let versions = act(&world.owner, &world, "versions", &[("of", &of)]).await.json();
        let history = &versions["history"];
        let told: Vec<_> = history["versions"].as_array().expect("versions").iter().collect();
        assert_eq!((told.len(), &told[0]["message"], &told[0]["created_by"]), (2, &json!("Try twice"), &json!("Ada")));
        let rows = history["difference"]["rows"].to_string();
        assert!(rows.contains("Changed") && rows.contains('2'), "{rows}");
        let unknown = act(&world.owner, &world, "versions", &[("of", &of), ("was", "1"), ("now", "9")]).await;
        assert_eq!(unknown.status, 404);
        // The old text comes back as a third version.
        let restored = act(&world.owner, &world, "restore", &[("of", &of), ("number", "1")]).await;
        assert!(restored.status < 400, "{}", restored.text);
        let now = get(&world, &of).await;
        assert_eq!((&now["current"], &now["text"], &now["slug"]), (&json!(3), &json!(FIRST), &json!(of)));
        let same = act(&world.owner, &world, "restore", &[("of", &of), ("number", "1")]).await;
        assert_eq!((same.status, same.code().as_str()), (409, "conflict"));
        let (_, last) = world.house.chain(world.house.organisation).await;
        let last = last.expect("an event");
        assert_eq!((&last["action"], &last["outcome"]), (&json!("config.restore"), &json!("failed")));
    })
    .await;
}

#[tokio::test]
async fn a_late_save_changes_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        assert_eq!(save(&world, &of, "1", SECOND, &[]).await.status, 200);
        let late = save(&world, &of, "1", "{\"virtual_key\": \"main\"}", &[]).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"));
        assert_eq!(get(&world, &of).await["text"], SECOND);
        let versions = act(&world.owner, &world, "versions", &[("of", &of)]).await.json();
        assert_eq!(versions["history"]["total"], 2);
    })
    .await;
}

#[tokio::test]
async fn faults_are_told_at_their_places_and_store_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        let text = "{\n  \"virtual_key\": \"main\",\n  \"retry\": {\"attempts\": 9}\n}";
        let checked = act(&world.owner, &world, "check", &[("config", text)]).await.json();
        let fault = &checked["faults"][0];
        assert_eq!((&fault["path"], &fault["line"]), (&json!("retry.attempts"), &json!(3)), "{checked}");
        let before = world.house.snapshot().await.len();
        let refused = save(&world, &of, "1", text, &[]).await;
        assert_eq!(refused.status, 422);
        let field = &refused.json()["fields"][0];
        assert_eq!(field["field"], "config");
        assert!(field["message"].as_str().is_some_and(|words| words.starts_with("Line 3, column ")), "{field}");
        assert_eq!(get(&world, &of).await["current"], 1);
        // Another organisation's virtual key is the same as one that there is not.
        for slug in ["nobody", "of-south"] {
            let text = format!("{{\n  \"virtual_key\": \"{slug}\"\n}}");
            let fields = [("name", "Foreign"), ("config", text.as_str())];
            let refused = act(&world.owner, &world, "create", &fields).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        assert!(world.house.snapshot().await.len() <= before + 3, "no more than the events of refusals");
        // A look alone saves nothing and leaves no event.
        let events = world.house.chain(world.house.organisation).await.0;
        let page = format!("/o/{}/configs/{of}", world.house.slug);
        for (text, said) in [(SECOND, "No faults were found. Nothing is saved yet."), ("{", "There are faults")] {
            let fields = [("slug", world.house.slug.as_str()), ("of", &of), ("version", "1"), ("config", text)];
            let looked = world.owner.plain_form(&page, "configs/check", &fields).await;
            assert_eq!(looked.status, 200);
            assert!(looked.text.contains(said) && !looked.text.contains("This config is not saved"), "{}", looked.text);
            assert!(
                looked.text.contains(&format!(">\n{text}</textarea>")),
                "it stays as it was typed: {}",
                looked.text
            );
        }
        assert_eq!(world.house.chain(world.house.organisation).await.0, events);
        assert_eq!(get(&world, &of).await["current"], 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_used_is_not_deleted_and_both_sides_say_so() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        let north = world.house.slug.as_str();
        let refused = world.owner.form("virtual_keys/delete", &[("slug", north), ("key", "main")]).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("Resilient chat"), "{}", refused.text);
        let shown = world.owner.form("virtual_keys/get", &[("slug", north), ("key", "main")]).await.json();
        assert_eq!(shown["configs"], json!([{ "slug": of, "name": "Resilient chat" }]));
        let key = world.key("gateway", &[("config", &of), ("config_override", "no")]).await.0;
        let shown = get(&world, &of).await;
        assert_eq!((&shown["keys"][0]["name"], &shown["virtual_keys"][0]["slug"]), (&json!("gateway"), &json!("main")));
        let page = world.owner.page(&format!("/o/{north}/configs/{of}/used-by")).await;
        assert!(page.status == 200 && page.text.contains("gateway") && page.text.contains("@main"), "{}", page.text);
        let refused = act(&world.owner, &world, "delete", &[("of", &of)]).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("gateway"), "{}", refused.text);
        // The key goes: nothing uses the config any more. With the config goes the use of the virtual key.
        let gone = world.owner.form("api_keys/delete", &[("slug", north), ("id", &key)]).await;
        assert!(gone.status < 400, "{}", gone.text);
        let deleted = act(&world.owner, &world, "delete", &[("of", &of)]).await;
        assert!(deleted.status < 400, "{}", deleted.text);
        assert_eq!(act(&world.owner, &world, "get", &[("of", &of)]).await.status, 404);
        let deleted = world.owner.form("virtual_keys/delete", &[("slug", north), ("key", "main")]).await;
        assert!(deleted.status < 400, "{}", deleted.text);
    })
    .await;
}

#[tokio::test]
async fn new_keys_begin_with_the_default_and_one_config_has_that_mark() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        let other = world.config("Other", FIRST).await;
        let config_of = async |id: &str| {
            let page = world.owner.form("api_keys/get", &[("slug", &world.house.slug), ("id", id)]).await.json();
            (page["key"]["config"]["slug"].clone(), page["key"]["config_override"].clone())
        };
        let before = world.key("before", &[]).await.0;
        assert_eq!(save(&world, &of, "1", FIRST, &[("is_default", "yes")]).await.status, 200);
        let after = world.key("after", &[]).await.0;
        let none = world.key("none", &[("config", "none"), ("config_override", "no")]).await.0;
        assert_eq!(config_of(&before).await, (Value::Null, json!(true)));
        assert_eq!(config_of(&after).await, (json!(of), json!(true)));
        assert_eq!(config_of(&none).await, (Value::Null, json!(false)));
        // Only one has the mark.
        let fields =
            [("of", other.as_str()), ("version", "1"), ("name", "Other"), ("config", FIRST), ("is_default", "yes")];
        assert_eq!(act(&world.owner, &world, "update", &fields).await.status, 200);
        assert_eq!(
            (&get(&world, &of).await["is_default"], &get(&world, &other).await["is_default"]),
            (&json!(false), &json!(true))
        );
        let refused = act(&world.owner, &world, "delete", &[("of", &other)]).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"), "new keys begin with it");
    })
    .await;
}

#[tokio::test]
async fn pages_work_without_javascript() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = with_config(&world).await;
        let inside = |page: &str| format!("/o/{}/configs{page}", world.house.slug);
        for (client, path, shows) in [
            (&world.owner, inside(""), vec!["Resilient chat", "New config"]),
            (&world.owner, inside("/new"), vec!["In turn", "@main"]),
            (&world.owner, inside(&format!("/new?from={of}")), vec!["Resilient chat copy"]),
            (
                &world.owner,
                inside(&format!("/{of}")),
                vec!["<textarea", "What it does", "@main", "Tried again up to 1 times"],
            ),
            (&world.owner, inside(&format!("/{of}?dry=yes&model=gpt-4o")), vec!["Goes to @main as gpt-4o", "line 1"]),
            (&world.owner, inside(&format!("/{of}?dry=yes&at.config=500")), vec!["with 500"]),
            (&world.owner, inside(&format!("/{of}?dry=yes&suppose=config%3D503")), vec!["with 503"]),
            (&world.owner, inside(&format!("/{of}/versions")), vec!["There is one version"]),
            (&world.owner, inside(&format!("/{of}/delete")), vec!["Delete Resilient chat"]),
            (&world.member, inside(&format!("/{of}")), vec!["Create another from this", "virtual_key"]),
        ] {
            let page = client.page(&path).await;
            assert_eq!(page.status, 200, "{path}");
            for words in shows {
                assert!(page.text.contains(words), "{words} on {path}: {}", page.text);
            }
        }
        let member = world.member.page(&inside(&format!("/{of}"))).await;
        assert!(!member.text.contains("name=\"version\""), "a Member gets no form");
        assert_eq!(world.member.page(&inside(&format!("/{of}/delete"))).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn saved_only_is_set_by_the_organisation() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let settings = async || {
            world.owner.form("organisation/settings", &[("slug", &world.house.slug)]).await.json()["saved_only"].clone()
        };
        assert_eq!(settings().await, false);
        let set =
            world.admin.form("organisation/restrict", &[("slug", &world.house.slug), ("saved_only", "yes")]).await;
        assert!(set.status < 400, "{}", set.text);
        assert_eq!(settings().await, true);
        let (_, last) = world.house.chain(world.house.organisation).await;
        assert_eq!(last.expect("an event")["changes"], json!([{ "field": "saved_only", "was": false, "now": true }]));
        let page = world.owner.page(&format!("/o/{}/settings", world.house.slug)).await;
        assert!(page.text.contains("Saved configs only"), "{}", page.text);
        // A page that was loaded before that does not undo it unseen.
        let late = async |saved_only: &str, was: &str| {
            let fields = [("slug", world.house.slug.as_str()), ("saved_only", saved_only), ("was", was)];
            world.owner.form("organisation/restrict", &fields).await
        };
        assert_eq!(late("no", "no").await.code(), "stale_version");
        assert_eq!(settings().await, true);
        assert!(late("yes", "no").await.status < 400, "what is set already is set");
        assert!(late("no", "yes").await.status < 400);
        assert_eq!(settings().await, false);
        // What says nothing changes nothing.
        assert_eq!(world.owner.form("organisation/restrict", &[("slug", &world.house.slug)]).await.status, 422);
    })
    .await;
}
