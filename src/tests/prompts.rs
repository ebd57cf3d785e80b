//! Prompts in the console: values that they are tried with, versions beside each other, files, and news of others' saves.

use super::support::{World, done, each_engine, provide, text};
use crate::gateway::tests::support::{Upstream, completion};
use serde_json::{Value, json};

/// A prompt of Ada's with two versions; its slug.
async fn two_versions(world: &World) -> String {
    let slug = world.house.slug.as_str();
    let of = world
        .prompt(&world.owner, "prompts", &[("name", "Letter"), ("string", "Dear {{name}}"), ("model", "gpt-4o")])
        .await;
    let fields = [
        ("slug", slug),
        ("of", &of),
        ("version", "1"),
        ("name", "Letter"),
        ("string", "Hello {{name}}"),
        ("model", "gpt-4o"),
    ];
    done(&world.owner, "prompts/update", &fields).await;
    of
}

fn names(sets: &Value) -> Vec<(String, bool)> {
    let sets = sets.as_array().unwrap_or_else(|| panic!("sets in {sets}"));
    sets.iter().map(|set| (text(set, "name"), set["is_shared"] == true)).collect()
}

#[tokio::test]
async fn values_are_kept_for_oneself_or_for_everybody() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let of = two_versions(&world).await;
        let about = [("slug", slug), ("of", of.as_str())];
        let keep = async |who: &super::support::Client, more: &[(&str, &str)]| {
            who.form("prompts/keep_values", &[&about, more].concat()).await
        };
        let kept = keep(&world.owner, &[("set_name", "Ours"), ("value.name", "Zoë"), ("set_shared", "yes")]).await;
        assert_eq!(kept.status, 200, "{}", kept.text);
        assert_eq!(kept.json()[0]["values"], r#"{"name":"Zoë"}"#);
        keep(&world.member, &[("set_name", "Mine"), ("values", r#"{"name": "B", "pages": [1]}"#)]).await;
        let seen = async |who: &super::support::Client| names(&who.form("prompts/values", &about).await.json()["sets"]);
        assert_eq!(seen(&world.member).await, [("Mine".into(), false), ("Ours".into(), true)]);
        assert_eq!(seen(&world.owner).await, [("Ours".to_owned(), true)], "what a person keeps is theirs alone");

        // Those of the same name give place, and only those of the same keeper.
        let again = keep(&world.member, &[("set_name", "Mine"), ("value.name", "C")]).await.json();
        assert_eq!((again.as_array().map(Vec::len), &again[0]["values"]), (Some(2), &json!(r#"{"name":"C"}"#)));
        keep(&world.owner, &[("set_name", "Mine"), ("value.name", "D")]).await;
        let mine = world.member.form("prompts/values", &about).await.json();
        let id = text(&mine["sets"][0], "id");
        assert_eq!(mine["sets"][0]["values"], r#"{"name":"C"}"#);

        // Nobody removes what is another's.
        let before = world.house.snapshot().await;
        let theirs = [("slug", slug), ("of", of.as_str()), ("values", id.as_str())];
        assert_eq!(world.owner.form("prompts/drop_values", &theirs).await.code(), "not_found");
        for (fields, wrong) in [
            ([("set_name", ""), ("values", r#"{"a": 1}"#)], "set_name"),
            ([("set_name", "x"), ("values", "")], "values"),
            ([("set_name", "x"), ("values", "[1]")], "values"),
            ([("set_name", "x"), ("values", "{")], "values"),
        ] {
            let refused = keep(&world.member, &fields).await;
            assert_eq!(
                (refused.status, &refused.json()["fields"][0]["field"]),
                (422, &json!(wrong)),
                "{}",
                refused.text
            );
        }
        let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(64 << 10));
        assert_eq!(keep(&world.member, &[("set_name", "x"), ("values", &long)]).await.status, 422);
        assert_eq!(world.house.snapshot().await, before);
        done(&world.member, "prompts/drop_values", &theirs).await;
        assert_eq!(seen(&world.member).await, [("Ours".to_owned(), true)]);

        let half = format!(r#"{{"a": "{}"}}"#, "x".repeat(33 << 10));
        assert_eq!(keep(&world.member, &[("set_name", "half"), ("values", &half)]).await.status, 200);
        assert_eq!(keep(&world.member, &[("set_name", "other"), ("values", &half)]).await.code(), "conflict");
        assert_eq!(keep(&world.member, &[("set_name", "half"), ("value.name", "x")]).await.status, 200);
        for number in 2..20 {
            assert_eq!(
                keep(&world.member, &[("set_name", &format!("n{number}")), ("value.name", "x")]).await.status,
                200
            );
        }
        assert_eq!(keep(&world.member, &[("set_name", "n20"), ("value.name", "x")]).await.status, 200);
        assert_eq!(keep(&world.member, &[("set_name", "one more"), ("value.name", "x")]).await.code(), "conflict");
        assert_eq!(
            keep(&world.member, &[("set_name", "n20"), ("value.name", "y")]).await.status,
            200,
            "it takes no place"
        );

        // One's own go with whoever leaves, and all with the prompt.
        let owned =
            async || world.house.snapshot().await.iter().filter(|row| row.starts_with("prompt_values:")).count();
        let before = owned().await;
        done(&world.member, "team/leave", &[("slug", slug)]).await;
        assert_eq!(before - owned().await, 20);
        done(&world.owner, "prompts/delete", &about).await;
        assert!(!world.house.snapshot().await.iter().any(|row| row.starts_with("prompt_values:")));
    })
    .await;
}

#[tokio::test]
async fn two_versions_run_beside_each_other_over_all_values() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let mut provider = Upstream::json(200, "", &completion()).await;
        provide(&world.owner, slug, "main", "openai", &provider).await;
        let message = |word: &str| json!([{ "role": "user", "content": format!("{word} {{{{name}}}}") }]).to_string();
        let (first, second) = (message("Dear"), message("Hello"));
        let own = [("name", "Letter"), ("model", "gpt-4o"), ("virtual_key", "main")];
        let of = world.prompt(&world.owner, "prompts", &[&own[..], &[("string", &first)]].concat()).await;
        let about = [("slug", slug), ("of", of.as_str())];
        done(&world.owner, "prompts/update", &[&about[..], &own, &[("string", &second), ("version", "1")]].concat())
            .await;
        let compare = async |number: &str, more: &[(&str, &str)]| {
            world.member.form("prompts/compare", &[&about[..], &[("was", "1"), ("now", number)], more].concat()).await
        };
        assert_eq!(compare("2", &[]).await.code(), "conflict", "there is nothing to run them with");
        for (name, value) in [("A", "Zoë"), ("B", "Bo")] {
            let set = [("set_name", name), ("value.name", value), ("set_shared", "yes")];
            done(&world.owner, "prompts/keep_values", &[&about[..], &set].concat()).await;
        }
        // What others keep for themselves is not run.
        done(&world.owner, "prompts/keep_values", &[&about[..], &[("set_name", "C"), ("value.name", "x")]].concat())
            .await;
        let compared = compare("2", &[("now_model", "gpt-4o-mini")]).await;
        assert_eq!(compared.status, 200, "{}", compared.text);
        let compared = compared.json();
        assert_eq!(compared["sides"], json!(["v1, gpt-4o", "v2, gpt-4o-mini"]));
        let rows = &compared["rows"];
        let told: Vec<_> = rows
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| (text(row, "set"), text(&row["left"], "text"), text(&row["right"], "text")))
            .collect();
        let row = |set: &str| (set.to_owned(), "Hi".to_owned(), "Hi".to_owned());
        assert_eq!(told, [row("A"), row("B")]);
        let mut sent = vec![];
        for _ in 0..4 {
            let request: Value = serde_json::from_str(&provider.request().await.body).expect("JSON");
            sent.push((text(&request, "model"), text(&request["messages"][0], "content")));
        }
        sent.sort();
        let call = |model: &str, text: &str| (model.to_owned(), text.to_owned());
        let all = [
            call("gpt-4o", "Dear Bo"),
            call("gpt-4o", "Dear Zoë"),
            call("gpt-4o-mini", "Hello Bo"),
            call("gpt-4o-mini", "Hello Zoë"),
        ];
        assert_eq!(sent, all);
        assert_eq!(compare("3", &[]).await.status, 422, "there is no such version");
        assert_eq!(provider.seen(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_file_brings_a_prompt_into_another_organisation() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let message = r#"[{"role": "user", "content": "Dear {{name}} é"}]"#;
        let own = [
            ("name", "Letter"),
            ("string", message),
            ("model", "gpt-4o"),
            ("parameters", r#"{"temperature": 0.5}"#),
            ("is_strict", "yes"),
        ];
        let of = world.prompt(&world.owner, "prompts", &own).await;
        let page = world.owner.form("prompts/get", &[("slug", slug), ("of", &of)]).await.json();
        let export = text(&page, "export");
        let file = export.strip_prefix("data:application/json;charset=utf-8,").expect("a file");
        let file = percent_encoding::percent_decode_str(file).decode_utf8().expect("text").into_owned();
        let import = async |file: &str| {
            world.stranger.form("prompts/import", &[("slug", world.south.as_str()), ("file", file)]).await
        };
        // What the organisation does not have is left out.
        let with_key = file.replacen('{', r#"{"virtual_key": "of-north","#, 1);
        let made = import(&with_key).await;
        assert!(made.status < 400, "{}", made.text);
        let there = world.stranger.form("prompts/get", &[("slug", world.south.as_str()), ("of", &of)]).await.json();
        assert_eq!(there["prompt"]["content"], page["prompt"]["content"]);
        assert_eq!(
            (&there["prompt"]["is_strict"], &there["prompt"]["labels"]),
            (&json!(true), &json!([])),
            "it is not published"
        );

        let before = world.house.snapshot().await;
        for (file, said) in [
            (file.as_str(), "slug"),
            ("{", "line 1"),
            (r#"{"name": "x"}"#, "`string`"),
            (r#"{"name": 1, "string": "a"}"#, "invalid type"),
            (r#"{"name": "", "string": "a"}"#, "name"),
            (r#"{"name": "x", "string": "{{#a}}"}"#, "line 1"),
        ] {
            let refused = import(file).await;
            let error = refused.json();
            assert_eq!(error["fields"][0]["field"], "file", "{file}: {error}");
            assert!(refused.text.contains(said), "{file}: {error}");
        }
        assert_eq!(world.house.snapshot().await, before);
        // A partial is told by its own word.
        let partial = r#"{"object": "partial", "name": "Sign", "slug": "sign", "string": ", yours"}"#;
        assert!(import(partial).await.status < 400);
        let there = world.stranger.form("partials/get", &[("slug", world.south.as_str()), ("of", "sign")]).await;
        assert_eq!(there.status, 200, "{}", there.text);
    })
    .await;
}

#[tokio::test]
async fn whoever_writes_a_prompt_hears_of_others_who_save_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let (of, other) = (
            two_versions(&world).await,
            world.prompt(&world.owner, "prompts", &[("name", "Other"), ("string", "a")]).await,
        );
        let page = world.admin.form("prompts/get", &[("slug", slug), ("of", &of)]).await.json();
        let seen = page["seen"].to_string();
        let news = async |one: &str| {
            let fields = [("slug", slug), ("list", "prompts"), ("of", one), ("after", &seen)];
            world.admin.form("lists/news", &fields).await.json()["changes"].clone()
        };
        assert_eq!(news(&of).await, json!(0));
        done(&world.owner, "prompts/publish", &[("slug", slug), ("of", &of), ("number", "2"), ("was", "0")]).await;
        done(&world.admin, "prompts/publish", &[("slug", slug), ("of", &of), ("number", "1"), ("was", "2")]).await;
        assert_eq!((news(&of).await, news(&other).await, news("").await), (json!(1), json!(0), json!(1)));
    })
    .await;
}

#[tokio::test]
async fn a_part_of_the_calls_stands_among_the_moves() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let of = two_versions(&world).await;
        let about = [("slug", slug), ("of", of.as_str())];
        done(&world.owner, "prompts/publish", &[&about[..], &[("number", "1"), ("was", "0")]].concat()).await;
        let roll = async |percent: &str| {
            let fields = [("label", "production"), ("number", "2"), ("percent", percent), ("was", "1")];
            done(&world.owner, "prompts/roll_out", &[&about[..], &fields].concat()).await;
        };
        roll("20").await;
        // The same again, as a retry asks for it, is no move.
        roll("20").await;
        roll("0").await;
        let versions = world.owner.form("prompts/versions", &about).await.json();
        let moves: Vec<_> = versions["moves"]
            .as_array()
            .expect("moves")
            .iter()
            .map(|moved| (moved["from"].clone(), moved["to"].clone(), moved["trial"].clone()))
            .collect();
        let expected = [
            (json!(1), json!(1), json!([2, 0])),
            (json!(1), json!(1), json!([2, 20])),
            (Value::Null, json!(1), Value::Null),
        ];
        assert_eq!(moves, expected);
    })
    .await;
}
