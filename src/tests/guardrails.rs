//! Guardrails in the console, on both databases: what is typed, versions, late saves, uses, samples, and who may do what.

use super::support::{Answer, Calls, Client, World, each_engine};
use serde_json::{Value, json};

async fn act(client: &Client, world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(fields);
    client.form(&format!("guardrails/{path}"), &all).await
}

async fn get(world: &World, of: &str) -> Value {
    let answer = act(&world.owner, world, "get", &[("of", of)]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["guardrail"].clone()
}

/// Saves the guardrail with one pattern.
async fn save(client: &Client, world: &World, of: &str, version: &str, rule: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("of", of),
        ("version", version),
        ("name", "Codes"),
        ("checks.0.id", "default.regexMatch"),
        ("checks.0.is_enabled", "yes"),
        ("checks.0.parameters.rule", rule),
        ("actions.deny", "deny"),
    ];
    fields.extend_from_slice(more);
    act(client, world, "update", &fields).await
}

async fn last_event(world: &World) -> Value {
    world.house.chain(world.house.organisation).await.1.expect("an event")
}

#[tokio::test]
async fn another_definition_is_a_version_that_never_changes() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = world.guardrail("Codes", "INV-\\d+").await;
        assert!(of.starts_with("gr-codes-") && of.len() == "gr-codes-".len() + 6, "{of}");
        let same = save(&world.owner, &world, &of, "1", "INV-\\d+", &[("description", "Ours")]).await.json();
        assert_eq!((&same["number"], &same["is_new"]), (&json!(1), &json!(false)));
        let more = [("message", "More codes"), ("actions.async", "yes")];
        let saved = save(&world.owner, &world, &of, "2", "INV-\\d{5}", &more).await.json();
        assert_eq!((&saved["number"], &saved["is_new"]), (&json!(2), &json!(true)));
        let shown = get(&world, &of).await;
        let stored: Value = serde_json::from_str(shown["text"].as_str().expect("a text")).expect("JSON");
        let expected = json!({
            "checks": [{ "id": "default.regexMatch", "parameters": { "rule": "INV-\\d{5}" } }],
            "actions": { "deny": true, "async": true },
        });
        assert_eq!((&stored, &shown["description"]), (&expected, &json!("")));
        let event = last_event(&world).await;
        assert_eq!((&event["action"], &event["subject"]["kind"]), (&json!("guardrail.update"), &json!("guardrail")));
        let versions = act(&world.owner, &world, "versions", &[("of", &of)]).await.json();
        assert_eq!(versions["history"]["versions"][0]["message"], "More codes");
        assert!(versions["history"]["difference"]["rows"].to_string().contains("Changed"));
        let late = save(&world.owner, &world, &of, "2", "late", &[]).await;
        assert_eq!((late.status, late.code().as_str()), (409, "stale_version"));
        let restored = act(&world.owner, &world, "restore", &[("of", &of), ("number", "1")]).await;
        assert!(restored.status < 400, "{}", restored.text);
        let now = get(&world, &of).await;
        assert_eq!(now["current"], 3);
        assert!(now["text"].as_str().is_some_and(|text| text.contains("INV-\\\\d+")), "{now}");
        let same = act(&world.owner, &world, "restore", &[("of", &of), ("number", "1")]).await;
        assert_eq!((same.status, same.code().as_str()), (409, "conflict"));
    })
    .await;
}

#[tokio::test]
async fn faults_stand_at_their_fields_and_buttons_of_the_form_save_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = world.guardrail("Codes", "a").await;
        let before = get(&world, &of).await;
        let more = [
            ("checks.1.id", "default.jsonSchema"),
            ("checks.1.is_enabled", "yes"),
            ("checks.1.parameters.schema", "{"),
            ("checks.2.id", "acme.magic"),
            ("checks.2.is_enabled", "yes"),
        ];
        let refused = save(&world.owner, &world, &of, "1", "([a-z", &more).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let mut fields: Vec<_> = refused.json()["fields"].as_array().expect("fields").to_vec();
        fields.sort_by_key(|field| field["field"].to_string());
        let names: Vec<_> = fields.iter().map(|field| field["field"].clone()).collect();
        assert_eq!(names, ["checks.0.parameters.rule", "checks.1.parameters.schema", "checks.2.id"]);
        let events = world.house.chain(world.house.organisation).await.0;
        for step in ["add", "up.1", "remove.0", "try"] {
            let stepped = save(&world.owner, &world, &of, "1", "b", &[("step", step)]).await;
            assert!(stepped.text.contains("Nothing is saved yet"), "{}", stepped.text);
        }
        assert_eq!(world.house.chain(world.house.organisation).await.0, events);
        assert_eq!(get(&world, &of).await["text"], before["text"]);
        // What the form holds comes back with the step done, and with what was found.
        let typed = json!({
            "checks.0.id": "default.regexMatch", "checks.0.is_enabled": "yes", "checks.0.parameters.rule": "typed",
            "actions.deny": "observe", "add": "portkey.pii", "text": "typed words", "side": "request",
        });
        let typed = typed.to_string();
        let page = act(&world.owner, &world, "get", &[("of", &of), ("typed", &typed), ("step", "add")]).await.json();
        let blocks = &page["editing"]["blocks"];
        assert_eq!((&blocks[0]["values"]["rule"], &blocks[1]["id"]), (&json!("typed"), &json!("portkey.pii")));
        assert_eq!(page["editing"]["actions"]["on_fail"], "observe");
        let page = act(&world.owner, &world, "get", &[("of", &of), ("typed", &typed), ("step", "try")]).await.json();
        assert_eq!(page["editing"]["tried"]["passes"], true, "{page}");
    })
    .await;
}

#[tokio::test]
async fn what_judges_every_call_is_changed_by_owners_and_admins_alone() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = world.guardrail("Codes", "a").await;
        assert_eq!(save(&world.member, &world, &of, "1", "b", &[]).await.status, 200);
        let set = [("of", of.as_str()), ("requests", "yes")];
        assert_eq!(act(&world.member, &world, "enforce", &set).await.status, 403);
        let set = act(&world.admin, &world, "enforce", &set).await;
        assert_eq!((set.status, set.json()), (200, json!({ "requests": true, "answers": false })));
        let event = last_event(&world).await;
        assert_eq!(event["changes"], json!([{ "field": "requests", "was": false, "now": true }]));
        let version = get(&world, &of).await["version"].to_string();
        let refused = save(&world.member, &world, &of, &version, "c", &[]).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text.contains("judges every request of the organisation"), "{}", refused.text);
        let restore = [("of", of.as_str()), ("number", "1")];
        assert_eq!(act(&world.member, &world, "restore", &restore).await.status, 403);
        let shown = world.member.page(&format!("/o/{}/guardrails/{of}", world.house.slug)).await;
        assert!(shown.text.contains("It judges every request of the organisation."), "{}", shown.text);
        assert_eq!(save(&world.admin, &world, &of, &version, "c", &[]).await.status, 200);
        // A check that only knows requests may not come in where answers are judged, and the other way round.
        let both = [("of", of.as_str()), ("requests", "yes"), ("answers", "yes")];
        assert_eq!(act(&world.owner, &world, "enforce", &both).await.status, 200);
        let version = get(&world, &of).await["version"].to_string();
        let models = [
            ("checks.1.id", "default.modelWhitelist"),
            ("checks.1.is_enabled", "yes"),
            ("checks.1.parameters.models", "gpt-4o"),
        ];
        let refused = save(&world.owner, &world, &of, &version, "c", &models).await;
        assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (422, &json!("checks.1.id")));
        assert_eq!(act(&world.owner, &world, "enforce", &[("of", &of), ("requests", "yes")]).await.status, 200);
        let version = get(&world, &of).await["version"].to_string();
        assert_eq!(save(&world.owner, &world, &of, &version, "c", &models).await.status, 200);
        let refused = act(&world.owner, &world, "enforce", &both).await;
        assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (422, &json!("answers")));
        // What is in force is not deleted.
        let refused = act(&world.owner, &world, "delete", &[("of", &of)]).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "conflict"));
        assert_eq!(act(&world.owner, &world, "enforce", &[("of", &of)]).await.status, 200);
        assert_eq!(act(&world.member, &world, "delete", &[("of", &of)]).await.status, 403);
        assert!(act(&world.owner, &world, "delete", &[("of", &of)]).await.status < 400);
        assert_eq!(act(&world.owner, &world, "get", &[("of", &of)]).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn samples_run_on_each_save_and_warn() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = world.guardrail("Codes", "INV").await;
        for (text, passes) in [("my INV-1", "yes"), ("nothing here", "no")] {
            let fields = [("of", of.as_str()), ("text", text), ("side", "request"), ("passes", passes)];
            let kept = act(&world.member, &world, "keep_sample", &fields).await;
            assert!(kept.status < 400, "{}", kept.text);
        }
        let samples = act(&world.owner, &world, "samples", &[("of", &of)]).await.json();
        let holds: Vec<_> = samples["samples"].as_array().expect("samples").iter().map(|one| &one["holds"]).collect();
        assert_eq!(holds, [&json!(true), &json!(true)], "{samples}");
        let saved = save(&world.owner, &world, &of, "1", "nothing", &[]).await.json();
        assert_eq!(saved["broken"], json!(["my INV-1", "nothing here"]), "a warning, no refusal");
        let id = samples["samples"][0]["id"].as_str().expect("an id");
        let dropped = act(&world.member, &world, "drop_sample", &[("of", &of), ("sample", id)]).await;
        assert!(dropped.status < 400, "{}", dropped.text);
        let again = act(&world.member, &world, "drop_sample", &[("of", &of), ("sample", id)]).await;
        assert_eq!(again.status, 404);
        let empty = act(&world.owner, &world, "keep_sample", &[("of", &of), ("passes", "yes")]).await;
        assert_eq!((empty.status, &empty.json()["fields"][0]["field"]), (422, &json!("text")));
    })
    .await;
}

#[tokio::test]
async fn what_a_config_names_is_kept_and_both_sides_say_so() {
    each_engine(async |house| {
        let world = World::new(house).await;
        Calls::new().await.virtual_key(&world, "main", "openai").await;
        let of = world.guardrail("Codes", "a").await;
        let named = |list: &str, of: &str| json!({ "virtual_key": "main", list: [of] }).to_string();
        let config = world.config("Chat", &named("output_guardrails", &of)).await;
        let shown = get(&world, &of).await;
        let used = json!([{ "slug": config, "name": "Chat", "on_requests": false, "on_answers": true }]);
        assert_eq!(shown["configs"], used);
        let refused = act(&world.owner, &world, "delete", &[("of", &of)]).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("Chat"), "{}", refused.text);
        let page = world.owner.page(&format!("/o/{}/guardrails/{of}/used-by", world.house.slug)).await;
        assert!(page.status == 200 && page.text.contains("Chat"), "{}", page.text);
        // One that says nothing about answers does not come in there, from either side.
        let models = [
            ("checks.1.id", "default.modelWhitelist"),
            ("checks.1.is_enabled", "yes"),
            ("checks.1.parameters.models", "gpt-4o"),
        ];
        let refused = save(&world.owner, &world, &of, "1", "a", &models).await;
        assert_eq!((refused.status, &refused.json()["fields"][0]["field"]), (422, &json!("checks.1.id")));
        assert!(refused.text.contains("Chat"), "{}", refused.text);
        let other = world.guardrail("Models", "a").await;
        assert_eq!(save(&world.owner, &world, &other, "1", "a", &models).await.status, 200);
        let create = async |text: String| {
            let fields = [("slug", world.house.slug.as_str()), ("name", "More"), ("config", &text)];
            world.owner.form("configs/create", &fields).await
        };
        for (list, name, words) in [
            ("output_guardrails", other.as_str(), "only checks requests"),
            ("input_guardrails", "gr-nobody-000000", "There is no guardrail"),
        ] {
            let refused = create(named(list, name)).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
            assert!(refused.text.contains(words), "{}", refused.text);
        }
        assert!(create(named("input_guardrails", &other)).await.status < 400);
        // With the config's new text, or with the config, its use goes.
        let fields = [
            ("slug", world.house.slug.as_str()),
            ("of", &config),
            ("version", "1"),
            ("name", "Chat"),
            ("config", r#"{"virtual_key": "main"}"#),
        ];
        assert_eq!(world.owner.form("configs/update", &fields).await.status, 200);
        assert!(act(&world.owner, &world, "delete", &[("of", &of)]).await.status < 400);
    })
    .await;
}

#[tokio::test]
async fn pages_work_without_javascript() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let of = world.guardrail("Codes", "a").await;
        let inside = |page: &str| format!("/o/{}/guardrails{page}", world.house.slug);
        for (client, path, shows) in [
            (&world.owner, inside(""), vec!["Codes", "New guardrail"]),
            (&world.owner, inside("/new"), vec!["Test bench", "Deny the call", "None yet"]),
            (&world.owner, inside(&format!("/new?from={of}")), vec!["Codes copy", "Regular expression"]),
            (
                &world.owner,
                inside(&format!("/{of}")),
                vec!["checks.0.parameters.rule", "Save as v2", "Move up check 1"],
            ),
            (&world.member, inside(&format!("/{of}")), vec!["Save as v2"]),
            (&world.owner, inside(&format!("/{of}/versions")), vec!["There is one version"]),
            (&world.owner, inside(&format!("/{of}/samples")), vec!["No samples yet"]),
            (&world.owner, inside(&format!("/{of}/used-by")), vec!["Every call of this organisation"]),
            (&world.owner, inside(&format!("/{of}/delete")), vec!["Delete Codes"]),
        ] {
            let page = client.page(&path).await;
            assert_eq!(page.status, 200, "{path}");
            for words in shows {
                assert!(page.text.contains(words), "{words} on {path}: {}", page.text);
            }
        }
        assert_eq!(world.member.page(&inside(&format!("/{of}/delete"))).await.status, 403);
    })
    .await;
}
