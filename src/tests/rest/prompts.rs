//! Prompts, as programs write, publish, fill and run them.

use super::{code, founded, well_formed};
use crate::{
    gateway::tests::support::{Upstream, completion},
    tests::support::{Client, World, done, each_engine, provide, text},
};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MESSAGES: &str =
    r#"[{"role": "system", "content": "Be {{manner}}."}, {"role": "user", "content": "Dear {{name}}{{> sign}}"}]"#;

async fn good(program: &Client, method: &str, path: &str, body: Value) -> Value {
    let answer = program.api(method, path, body).await;
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
    well_formed(&answer);
    answer.json()
}

/// What the provider was sent next.
async fn sent(provider: &mut Upstream) -> Value {
    serde_json::from_str(&provider.request().await.body).expect("JSON")
}

async fn upstream(program: &Client) -> Upstream {
    let provider = Upstream::json(200, "", &completion()).await;
    let base = format!("http://127.0.0.1:{}/v1", provider.port);
    let key = json!({ "name": "main", "slug": "main", "provider": "openai", "key": "sk-x", "base_url": base });
    good(program, "POST", "/v1/virtual-keys", key).await;
    provider
}

/// A prompt with one published version; its slug.
async fn prompt(program: &Client) -> String {
    good(program, "POST", "/v1/prompts/partials", json!({ "name": "Sign", "slug": "sign", "string": ", yours" })).await;
    let new = json!({
        "name": "Letter", "string": MESSAGES, "model": "gpt-4o", "virtual_key": "main",
        "parameters": { "temperature": 0.5, "stream": true }, "version_description": "First",
    });
    let made = good(program, "POST", "/v1/prompts", new).await;
    assert_eq!(made["current_version"], 1);
    text(&made, "slug")
}

#[tokio::test]
async fn versions_never_change_and_labels_say_which_is_run() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let _provider = upstream(&program).await;
        let slug = prompt(&program).await;
        let path = format!("/v1/prompts/{slug}");
        let shown = good(&program, "GET", &path, Value::Null).await;
        assert_eq!((&shown["published_version"], &shown["prompt_version_status"]), (&json!(1), &json!("active")));
        let names = &shown["variable_components"];
        assert_eq!((&names["variables"], &names["partials"]), (&json!(["manner", "name"]), &json!(["sign"])));
        // Another content makes a version that is not published; the same content makes none.
        let text = MESSAGES.replace("Dear", "Hello");
        let changed = good(&program, "PUT", &path, json!({ "string": text, "patch": true })).await;
        assert_eq!(changed["current_version"], 2);
        let same = good(&program, "PUT", &path, json!({ "name": "Renamed" })).await;
        assert_eq!(same["prompt_version_id"], changed["prompt_version_id"]);
        let first = good(&program, "GET", &path, Value::Null).await;
        assert_eq!((&first["prompt_version"], &first["name"]), (&json!(1), &json!("Renamed")));
        let latest = good(&program, "GET", &format!("{path}@latest"), Value::Null).await;
        assert_eq!((&latest["string"], &latest["model"]), (&json!(text), &json!("gpt-4o")));
        // A label that stands nowhere is no other version.
        assert_eq!(program.api("GET", &format!("{path}@staging"), Value::Null).await.status, 404);
        let id = latest["prompt_version_id"].as_str().expect("an id");
        good(&program, "PUT", &format!("{path}/versions/{id}"), json!({ "label_id": "staging" })).await;
        let staged = good(&program, "GET", &format!("{path}@staging"), Value::Null).await;
        assert_eq!((&staged["prompt_version"], &staged["prompt_version_label_id"]), (&json!(2), &json!("staging")));
        // Publishing and going back; whoever believes another version to be published is told.
        let stale =
            program.api("PUT", &format!("{path}/makeDefault"), json!({ "version": 2, "expected_version": 2 })).await;
        assert_eq!((stale.status, code(&stale).as_str()), (409, "stale_version"));
        let publish = json!({ "version": 2, "expected_version": 1 });
        assert_eq!(good(&program, "PUT", &format!("{path}/makeDefault"), publish).await, json!({}));
        good(&program, "PUT", &format!("{path}/makeDefault"), json!({ "version": 1 })).await;
        let moves = good(&program, "GET", &format!("{path}/moves"), Value::Null).await;
        let told: Vec<_> =
            moves["data"].as_array().expect("moves").iter().map(|one| (&one["label"], &one["to_version"])).collect();
        let (production, staging) = (json!("production"), json!("staging"));
        let (one, two) = (json!(1), json!(2));
        assert_eq!(told, [(&production, &one), (&production, &two), (&staging, &two), (&production, &one)]);
        let missing = program.api("PUT", &format!("{path}/makeDefault"), json!({ "version": 7 })).await;
        assert_eq!((missing.status, code(&missing).as_str()), (422, "invalid"));
        let restored = good(&program, "POST", &format!("{path}/versions/1/restore"), json!({})).await;
        assert_eq!(restored["current_version"], 3);
        assert_eq!(good(&program, "GET", &path, Value::Null).await["published_version"], 1);
        let versions = good(&program, "GET", &format!("{path}/versions"), Value::Null).await;
        assert_eq!((&versions["object"], &versions["total"]), (&json!("list"), &json!(3)));
        assert_eq!(versions["data"][2]["prompt_description"], "First");
        // What is named stays.
        let kept = program.api("DELETE", "/v1/prompts/partials/sign", Value::Null).await;
        assert_eq!((kept.status, code(&kept).as_str()), (409, "conflict"));
        assert_eq!(good(&program, "DELETE", &path, Value::Null).await, json!({}));
        good(&program, "DELETE", "/v1/prompts/partials/sign", Value::Null).await;
        assert_eq!(program.api("GET", &path, Value::Null).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn faults_name_the_text_its_line_and_column_and_nothing_is_saved() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let bad = json!({
            "name": "Bad", "virtual_key": "never-made", "model": "m",
            "string": "[{\"role\": \"user\", \"content\": \"one\\n  {{#open}}\"}]",
        });
        let answer = program.api("POST", "/v1/prompts", bad).await;
        assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{}", answer.text);
        let fields = answer.json()["error"]["fields"].clone();
        let named: Vec<_> = fields.as_array().expect("fields").iter().map(|field| text(field, "field")).collect();
        assert_eq!(named, ["string[0].content", "virtual_key"], "{}", answer.text);
        assert!(text(&fields[0], "message").contains("line 2, column 3"), "{}", answer.text);
        assert_eq!(good(&program, "GET", "/v1/prompts", Value::Null).await["total"], 0);
        let partial = json!({ "name": "p", "string": "{{#a}}" });
        assert_eq!(program.api("POST", "/v1/prompts/partials", partial).await.status, 422);
        let slugs = json!({ "name": "p", "slug": "partials", "string": "a" });
        assert_eq!(program.api("POST", "/v1/prompts", slugs).await.status, 422);
    })
    .await;
}

#[tokio::test]
async fn a_prompt_is_filled_and_run_through_the_gateway() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let mut provider = upstream(&program).await;
        let slug = prompt(&program).await;
        let path = format!("/v1/prompts/{slug}");
        let variables = json!({ "manner": "\"}], [", "name": "{{manner}}", "more": 1 });
        let filled =
            good(&program, "POST", &format!("{path}/render"), json!({ "variables": variables, "top_p": 1 })).await;
        let data = &filled["data"];
        assert_eq!(filled["success"], true);
        assert_eq!((&data["temperature"], &data["top_p"], data.get("stream")), (&json!(0.5), &json!(1), None));
        // No value changes the structure, and none is rendered again.
        assert_eq!(data["messages"][0]["content"], "Be \"}], [.");
        assert_eq!(data["messages"][1]["content"], "Dear {{manner}}, yours");
        assert_eq!(filled["warnings"], json!([{ "code": "unknown_variable", "name": "more" }]));
        let strict =
            program.api("POST", &format!("{path}/render"), json!({ "variables": { "nmae": 1 }, "strict": true })).await;
        assert_eq!((strict.status, code(&strict).as_str()), (422, "unfilled_variables"), "{}", strict.text);
        let error = strict.json()["error"].clone();
        assert_eq!((&error["missing"], &error["unknown"]), (&json!(["manner", "name"]), &json!(["nmae"])));

        let body =
            json!({ "variables": { "manner": "brief", "name": "Bo" }, "temperature": 0.9, "model": "gpt-4o-mini" });
        let answer = program.api("POST", &format!("{path}/completions"), body.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let sent_first = sent(&mut provider).await;
        assert_eq!((&sent_first["model"], &sent_first["temperature"]), (&json!("gpt-4o-mini"), &json!(0.9)));
        assert_eq!(sent_first["messages"][1]["content"], "Dear Bo, yours");
        assert!(sent_first.get("variables").is_none(), "{sent_first}");
        // Another version, by its number and by a label.
        good(&program, "PUT", &path, json!({ "string": MESSAGES.replace("Dear", "Hello"), "patch": true })).await;
        let old = program.api("POST", &format!("{path}%402/completions"), body.clone()).await;
        assert_eq!(old.status, 200, "{}", old.text);
        assert_eq!(sent(&mut provider).await["messages"][1]["content"], "Hello Bo, yours");
        let nowhere = program.api("POST", &format!("{path}@staging/completions"), body.clone()).await;
        assert_eq!((nowhere.status, code(&nowhere).as_str()), (404, "not_found"));
        // A move of the label, and a change of a partial, are obeyed.
        good(&program, "PUT", &format!("{path}/makeDefault"), json!({ "version": 2 })).await;
        good(&program, "PUT", "/v1/prompts/partials/sign", json!({ "string": "!", "publish": true })).await;
        assert_eq!(program.api("POST", &format!("{path}/completions"), body).await.status, 200);
        assert_eq!(sent(&mut provider).await["messages"][1]["content"], "Hello Bo!");
        // A partial that a variable names is within reach too.
        let any = json!({ "name": "Any", "string": r#"[{"role": "user", "content": "Yours{{>>which}}"}]"# });
        let any = text(&good(&program, "POST", "/v1/prompts", any).await, "slug");
        let variables = json!({ "variables": { "which": "sign" } });
        let filled = good(&program, "POST", &format!("/v1/prompts/{any}/render"), variables).await;
        assert_eq!((&filled["data"]["messages"][0]["content"], &filled["warnings"]), (&json!("Yours!"), &json!([])));
        // The log says what was run.
        assert!(house.gateway.recorder.drain(std::time::Duration::from_secs(5)).await, "the log comes to rest");
        let logs = good(&program, "GET", "/v1/logs", Value::Null).await;
        let last = text(&logs["data"][0], "id");
        let entry = good(&program, "GET", &format!("/v1/logs/{last}"), Value::Null).await;
        assert_eq!(
            (&entry["prompt"], &entry["prompt_version"], &entry["prompt_label"]),
            (&json!(slug), &json!(2), &json!("production")),
            "{entry}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_person_tries_what_is_typed_with_their_own_right() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let mut provider = Upstream::json(200, "", &completion()).await;
        provide(&world.owner, slug, "main", "openai", &provider).await;
        let typed = [
            ("slug", slug),
            ("written", "blocks"),
            ("blocks.0.role", "user"),
            ("blocks.0.text", "Dear {{person.name}}, {{tone}}"),
            ("model", "gpt-4o"),
            ("virtual_key", "main"),
            ("values", r#"{"tone": "warm"}"#),
            ("value.person.name", "Zoë"),
        ];
        let answer = world.member.form("prompts/answer", &typed).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let ran = answer.json();
        assert_eq!((&ran["text"], &ran["end"]["status"]), (&json!("Hi"), &json!(200)), "{ran}");
        assert_eq!(sent(&mut provider).await["messages"][0]["content"], "Dear Zoë, warm");
        // Piece by piece it comes to the same.
        let pieces = world.member.form("prompts/run", &typed).await;
        assert_eq!(pieces.status, 200, "{}", pieces.text);
        let lines: Vec<Value> = pieces.text.lines().map(|line| serde_json::from_str(line).expect("a piece")).collect();
        assert!(lines[0]["filled"]["request"].is_string(), "{lines:?}");
        assert_eq!(lines[1]["text"], "Hi");
        let end = &lines.last().expect("an end")["end"];
        assert_eq!(end["refusal"], "");
        // The log names the person, and no key.
        assert!(world.house.gateway.recorder.drain(std::time::Duration::from_secs(5)).await, "the log comes to rest");
        let id = end["call"].as_str().expect("an id");
        let entry = world.owner.form("logs/get", &[("slug", slug), ("id", id)]).await.json();
        assert_eq!((&entry["call"]["person"], &entry["key_id"]), (&json!("Cy"), &Value::Null), "{entry}");
        // Nothing is called where nothing says whom, or where what is typed does not fit.
        for (field, value, said) in
            [("virtual_key", "", "Choose a virtual key"), ("blocks.0.text", "{{#open}}", "line 1")]
        {
            let typed: Vec<_> =
                typed.iter().map(|(name, was)| (*name, if *name == field { value } else { *was })).collect();
            let ran = world.member.form("prompts/answer", &typed).await.json();
            assert!(text(&ran["filled"], "refusal").contains(said), "{ran}");
            assert_eq!(ran["end"], Value::Null);
        }
        // A guardrail of every call judges theirs too, and whoever is signed out calls nobody.
        let told = world.member.form("prompts/answer", &[("slug", "elsewhere"), ("string", "a")]).await;
        assert_eq!(told.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_default_key_runs_what_is_published_and_changes_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (_, master) =
            world.key("all", &[("prompts", "delete"), ("virtual_keys", "write"), ("completions", "enabled")]).await;
        let program = world.house.program(&master);
        let _provider = upstream(&program).await;
        let slug = prompt(&program).await;
        let path = format!("/v1/prompts/{slug}");
        let (_, usual) = world.key("usual", &[]).await;
        let usual = world.house.program(&usual);
        let variables = json!({ "variables": {} });
        assert_eq!(usual.api("POST", &format!("{path}/completions"), variables.clone()).await.status, 200);
        assert_eq!(usual.api("POST", &format!("{path}/render"), variables.clone()).await.status, 200);
        let before = world.house.snapshot().await;
        let refused = [
            ("POST", "/v1/prompts".to_owned(), json!({ "name": "x", "string": "x" })),
            ("PUT", path.clone(), json!({ "string": "x" })),
            ("PUT", format!("{path}/makeDefault"), json!({ "version": 1 })),
            ("PUT", format!("{path}/versions/1"), json!({ "label_id": "staging" })),
        ];
        for (method, path, body) in refused {
            let answer = usual.api(method, &path, body).await;
            assert_eq!((answer.status, code(&answer).as_str()), (403, "permission_denied"), "{method} {path}");
        }
        let after = world.house.snapshot().await;
        let rows = |all: &[String]| all.iter().filter(|row| row.starts_with("prompt")).cloned().collect::<Vec<_>>();
        assert_eq!(rows(&before), rows(&after));
        for (levels, status) in [
            ([("prompts", "disabled"), ("completions", "enabled")], 403),
            ([("prompts", "read"), ("completions", "disabled")], 403),
        ] {
            let (_, secret) = world.key(&format!("{levels:?}"), &levels).await;
            let answer =
                world.house.program(&secret).api("POST", &format!("{path}/completions"), variables.clone()).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, "permission_denied"), "{levels:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_part_of_the_calls_runs_another_version_and_callers_stay_with_theirs() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let new = json!({ "name": "Greeting", "string": r#"[{"role": "user", "content": "old {{who}}"}]"# });
        let slug = text(&good(&program, "POST", "/v1/prompts", new).await, "slug");
        let path = format!("/v1/prompts/{slug}");
        let second = json!({ "string": r#"[{"role": "user", "content": "new {{who}}"}]"#, "patch": true });
        good(&program, "PUT", &path, second).await;
        let roll_out = format!("{path}/labels/production/roll-out");
        let bad = [
            (roll_out.clone(), json!({ "version": 2, "percent": 100 }), 422),
            (roll_out.clone(), json!({ "version": 1, "percent": 10 }), 422),
            (roll_out.clone(), json!({ "version": 7, "percent": 10 }), 422),
            (roll_out.clone(), json!({ "version": 2, "percent": 10, "expected_version": 2 }), 409),
            (format!("{path}/labels/staging/roll-out"), json!({ "version": 2, "percent": 10 }), 409),
        ];
        for (path, body, status) in bad {
            let answer = program.api("PUT", &path, body.clone()).await;
            assert_eq!(answer.status, status, "{body}: {}", answer.text);
        }
        let half = json!({ "version": 2, "percent": 50, "sticky_by": "user" });
        let told = good(&program, "PUT", &roll_out, half).await;
        assert_eq!(told["labels"][0]["roll_out"], json!({ "version": 2, "percent": 50, "sticky_by": "user" }));
        let body = json!({ "variables": { "who": "Bo" } });
        let filled = async |user: &str| {
            let metadata = json!({ "user": user }).to_string();
            let request = Request::post(format!("{path}/render"))
                .header("content-type", "application/json")
                .header("x-portkey-metadata", metadata)
                .body(Body::from(body.to_string()))
                .expect("a request");
            let answer = program.send(request).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            text(&answer.json()["data"]["messages"][0], "content")
        };
        let mut seen = BTreeMap::<String, usize>::new();
        for number in 0..40 {
            let user = format!("user-{number}");
            let first = filled(&user).await;
            assert_eq!(first, filled(&user).await, "{user} stays with a version");
            *seen.entry(first).or_default() += 1;
        }
        assert_eq!(seen.values().sum::<usize>(), 40);
        assert!(seen.len() == 2 && seen.values().all(|many| *many >= 8), "{seen:?}");
        // A version that is named is that version, and an end is obeyed at once.
        for (which, content) in [("@1", "old Bo"), ("@2", "new Bo")] {
            let answer = good(&program, "POST", &format!("{path}{which}/render"), body.clone()).await;
            assert_eq!(answer["data"]["messages"][0]["content"], content);
        }
        good(&program, "PUT", &roll_out, json!({ "version": 2, "percent": 0 })).await;
        for number in 0..10 {
            assert_eq!(filled(&format!("user-{number}")).await, "old Bo");
        }
    })
    .await;
}

#[tokio::test]
async fn a_member_writes_and_cannot_publish_by_any_way() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let typed = [("name", "Letter"), ("string", "Dear {{name}}")];
        let of = world.prompt(&world.member, "prompts", &typed).await;
        let ways: [(&str, Vec<(&str, &str)>); 4] = [
            ("prompts/create", vec![("name", "Other"), ("string", "a"), ("publish", "yes")]),
            (
                "prompts/update",
                vec![("of", &of), ("version", "1"), ("name", "Letter"), ("string", "b"), ("publish", "yes")],
            ),
            ("prompts/publish", vec![("of", &of), ("number", "1"), ("was", "0")]),
            ("prompts/label", vec![("of", &of), ("label", "staging"), ("number", "1"), ("was", "0")]),
        ];
        for (path, fields) in ways {
            let fields: Vec<_> = [("slug", slug)].into_iter().chain(fields).collect();
            let before = world.house.snapshot().await;
            let answer = world.member.form(path, &fields).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text);
            let prompts =
                |rows: Vec<String>| rows.into_iter().filter(|row| row.starts_with("prompt")).collect::<Vec<_>>();
            assert_eq!(prompts(before), prompts(world.house.snapshot().await), "{path}");
        }
        done(
            &world.member,
            "prompts/update",
            &[("slug", slug), ("of", &of), ("version", "1"), ("name", "Letter"), ("string", "b")],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_label_can_need_a_second_person() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let of = world.prompt(&world.member, "prompts", &[("name", "Letter"), ("string", "one")]).await;
        let rules =
            [("slug", slug), ("of", "production"), ("version", "0"), ("movers", "publishers"), ("needs_second", "yes")];
        done(&world.admin, "labels/update", &rules).await;
        let late = world.admin.form("labels/update", &rules).await;
        assert_eq!(late.status, 409, "{}", late.text);
        let publish = [("slug", slug), ("of", of.as_str()), ("number", "1"), ("was", "0")];
        assert_eq!(world.admin.form("prompts/publish", &publish).await.status, 409, "nobody publishes alone");
        let at_once = [("slug", slug), ("name", "New"), ("string", "a"), ("publish", "yes")];
        assert_eq!(
            world.admin.form("prompts/create", &at_once).await.status,
            409,
            "not in the step that makes it either"
        );
        let proposal = [("slug", slug), ("of", of.as_str()), ("label", "production"), ("number", "1")];
        done(&world.admin, "prompts/propose", &proposal).await;
        assert_eq!(world.owner.form("prompts/propose", &proposal).await.status, 409, "one at a time");
        let own = world.admin.form("prompts/agree", &proposal).await;
        assert_eq!(own.status, 403, "{}", own.text);
        assert_eq!(world.member.form("prompts/agree", &proposal).await.status, 403);
        let other = [("slug", slug), ("of", of.as_str()), ("label", "production"), ("number", "2")];
        assert_eq!(world.owner.form("prompts/agree", &other).await.status, 409, "that is not what is proposed");
        done(&world.owner, "prompts/agree", &proposal).await;
        let page = world.owner.form("prompts/versions", &[("slug", slug), ("of", &of)]).await.json();
        assert_eq!((&page["pointers"][0]["number"], &page["proposals"]), (&json!(1), &json!([])));
        assert_eq!(
            (&page["moves"][0]["moved_by"], &page["moves"][0]["proposed_by"]),
            (&json!("Ada"), &json!("Bo")),
            "{page}"
        );
        // An Admin cannot take the rule away, and nobody passes it by a label that only Owners move.
        let easier = [("slug", slug), ("of", "production"), ("version", "1"), ("movers", "publishers")];
        assert_eq!(world.admin.form("labels/update", &easier).await.status, 403);
        let theirs = [("slug", slug), ("of", "staging"), ("version", "0"), ("movers", "owners")];
        assert_eq!(world.admin.form("labels/update", &theirs).await.status, 403);
        done(&world.owner, "labels/update", &theirs).await;
        let stage = [("slug", slug), ("of", of.as_str()), ("label", "staging"), ("number", "1"), ("was", "0")];
        assert_eq!(world.admin.form("prompts/label", &stage).await.status, 403);
        done(&world.owner, "prompts/label", &stage).await;
        // Whose key has proposed cannot agree.
        let (_, key) = world.key("all", &[("prompts", "delete")]).await;
        let program = world.house.program(&key);
        let proposed = program
            .api("POST", &format!("/v1/prompts/{of}/labels/development/proposal"), json!({ "version": 1 }))
            .await;
        assert_eq!(proposed.status, 200, "it answers for Ada: {}", proposed.text);
        let agree = [("slug", slug), ("of", of.as_str()), ("label", "development"), ("number", "1")];
        assert_eq!(world.owner.form("prompts/agree", &agree).await.status, 403, "her own key proposed it");
        done(&world.admin, "prompts/agree", &agree).await;
        // To a key that answers for all Owners none of them is the second person.
        done(&world.owner, "labels/create", &[("slug", slug), ("name", "canary")]).await;
        let master = world.house.program(&world.house.master_key);
        good(&master, "POST", &format!("/v1/prompts/{of}/labels/canary/proposal"), json!({ "version": 1 })).await;
        let agree = [("slug", slug), ("of", of.as_str()), ("label", "canary"), ("number", "1")];
        assert_eq!(world.owner.form("prompts/agree", &agree).await.status, 403, "an Owner's key may have proposed it");
        done(&world.admin, "prompts/agree", &agree).await;
    })
    .await;
}
