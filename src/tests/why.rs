//! Why: explanations say what the server does, simulations what it would do, and neither more than the asker may know.

use super::support::{Client, World, answer_for, each_engine, text};
use crate::{kernel::time::DAY, policy::Permission};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Asks one question as a program.
async fn ask(program: &Client, question: Value) -> Value {
    let answer = program.api("POST", "/v1/why", json!({ "questions": [question] })).await;
    assert_eq!(answer.status, 200, "{question}: {}", answer.text);
    answer.json()["data"][0].clone()
}

/// Asks about every permission at once.
async fn ask_all(program: &Client, question: &Value) -> Vec<Value> {
    let questions: Vec<_> = Permission::ALL
        .iter()
        .map(|permission| {
            let mut question = question.clone();
            question["permission"] = permission.name().into();
            question
        })
        .collect();
    let answer = program.api("POST", "/v1/why", json!({ "questions": questions })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["data"].as_array().expect("answers").clone()
}

/// What an explanation comes to, without that something was supposed.
fn outcome(answer: &Value) -> Value {
    json!([answer["what"], answer["allowed"], answer["code"], answer["permission"], answer["held_by"], answer["steps"]])
}

/// The part that decides a denial.
fn decides(answer: &Value) -> &str {
    let steps = answer["steps"].as_array().expect("steps");
    let failed = steps.iter().find(|step| step["verdict"] == "failed");
    failed.map_or("", |step| step["part"].as_str().expect("a part"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_told_by_which_step() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let master = world.house.program(&world.house.master_key);
        let (ada, bo, cy) = (
            world.id_of("ada@north.test").await,
            world.id_of("bo@north.test").await,
            world.id_of("cy@north.test").await,
        );
        for (id, permission, allowed, part) in [
            (&ada, "billing.manage", true, ""),
            (&bo, "billing.manage", false, "role"),
            (&bo, "prompts.publish", true, ""),
            (&cy, "prompts.publish", false, "role"),
            (&cy, "prompts.update", true, ""),
        ] {
            let answer = ask(&master, json!({ "user": id, "permission": permission })).await;
            assert_eq!((answer["allowed"].as_bool(), decides(&answer)), (Some(allowed), part), "{answer}");
        }
        let refused = ask(&master, json!({ "user": cy, "permission": "prompts.publish" })).await;
        assert_eq!(
            (&refused["permission"], &refused["held_by"], &refused["code"]),
            (&json!("prompts.publish"), &json!("Owners and Admins"), &json!("permission_denied"))
        );
        assert_eq!(refused["sentence"], "No. Cy cannot publish prompts.");

        // Keys: by their own set, by their person, and by what they died of.
        let levels = [("prompts", "write")];
        let (id, secret) = world.key("writer", &levels).await;
        let publishes = json!({ "api_key": id, "permission": "prompts.publish" });
        assert_eq!(ask(&master, publishes.clone()).await["allowed"], true);
        let deletes = ask(&master, json!({ "api_key": id, "permission": "prompts.delete" })).await;
        assert_eq!(decides(&deletes), "own_set");
        answer_for(&world.house, &ada, &cy).await;
        let cut = ask(&master, publishes.clone()).await;
        assert_eq!((decides(&cut), &cut["permission"]), ("person", &json!("prompts.publish")));
        // Whose person's account is disabled opens nothing, and neither does that person.
        let disabled =
            |at: &str| format!("UPDATE users SET disabled_at = {at} WHERE email_canonical = 'cy@north.test'");
        world.house.as_owner_composed(&disabled("1")).await.expect("disabled");
        assert_eq!(decides(&ask(&master, json!({ "api_key": id, "permission": "prompts.list" })).await), "person");
        let person = ask(&master, json!({ "user": cy, "permission": "prompts.list" })).await;
        assert_eq!((decides(&person), &person["code"]), ("standing", &json!("sign_in_needed")));
        world.house.as_owner_composed(&disabled("NULL")).await.expect("enabled");
        let own = cut["own_permissions"].as_array().expect("a set");
        let effective = cut["effective_permissions"].as_array().expect("a set");
        assert!(own.contains(&json!("prompts.publish")) && !effective.contains(&json!("prompts.publish")));
        // The server says the same.
        let program = world.house.program(&secret);
        let denied = program.api("GET", "/v1/admin/users", Value::Null).await.json();
        let explained = ask(&program, json!({ "operation": "team.list" })).await;
        for field in ["code", "permission", "held_by"] {
            assert_eq!(denied["error"][field], explained[field], "{denied} {explained}");
        }
        // It was used a moment ago, so that its end is confirmed by its name.
        let fields = [("slug", world.house.slug.as_str()), ("id", id.as_str()), ("confirm", "writer")];
        let disabled = world.owner.form("api_keys/disable", &fields).await;
        assert!(disabled.status < 400, "{}", disabled.text);
        let dead = ask(&master, publishes.clone()).await;
        assert_eq!((decides(&dead), &dead["code"]), ("standing", &json!("api_key_disabled")));
        assert_eq!(dead["code"], program.api("GET", "/v1/prompts", Value::Null).await.json()["error"]["code"]);
        assert_eq!(master.api("POST", &format!("/v1/api-keys/{id}/enable"), Value::Null).await.status, 200);
        world.house.app.clock.advance(91 * DAY);
        let dead = ask(&master, publishes.clone()).await;
        assert_eq!((decides(&dead), &dead["code"]), ("standing", &json!("api_key_expired")));
        assert_eq!(master.api("DELETE", &format!("/v1/api-keys/{id}"), Value::Null).await.status, 200);
        let dead = ask(&master, publishes).await;
        assert_eq!((decides(&dead), &dead["code"]), ("standing", &json!("api_key_revoked")));
        assert_eq!(dead["code"], program.api("GET", "/v1/prompts", Value::Null).await.json()["error"]["code"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_supposed_is_what_comes_of_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let master = world.house.program(&world.house.master_key);
        let slug = world.house.slug.as_str();
        let cy = world.id_of("cy@north.test").await;
        for role in ["admin", "owner", "member"] {
            let supposed = ask_all(&master, &json!({ "user": cy, "suppose": { "role": role } })).await;
            let fields = [("slug", slug), ("id", &cy), ("role", role), ("asked", "true")];
            let changed = world.owner.form("team/change_role", &fields).await;
            assert!(changed.status < 400, "{}", changed.text);
            let real = ask_all(&master, &json!({ "user": cy })).await;
            assert!(supposed.iter().all(|answer| answer["supposed"] == true));
            let pairs = supposed.iter().zip(&real);
            pairs.for_each(|(supposed, real)| assert_eq!(outcome(supposed), outcome(real), "{role}"));
        }

        // A key of Bo's: other levels, a whole set, and a person of another role.
        let made = world.admin.form("api_keys/create", &[("slug", slug), ("name", "of Bo"), ("expiry", "90")]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let key = text(&made.json(), "id");
        let levels = json!({ "prompts": "delete", "users": "read", "completions": "disabled" });
        let supposed = ask_all(&master, &json!({ "api_key": key, "suppose": { "levels": levels } })).await;
        let path = format!("/v1/api-keys/{key}");
        let changed = master.api("PUT", &path, json!({ "permissions": levels })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let real = ask_all(&master, &json!({ "api_key": key })).await;
        supposed.iter().zip(&real).for_each(|(supposed, real)| assert_eq!(outcome(supposed), outcome(real)));
        assert!(
            real.iter().any(|answer| answer["allowed"] == true) && real.iter().any(|answer| answer["allowed"] == false)
        );
        // The same set by its names is the same supposition.
        let names = real[0]["own_permissions"].clone();
        let named = ask_all(&master, &json!({ "api_key": key, "suppose": { "permissions": names } })).await;
        named.iter().zip(&real).for_each(|(named, real)| assert_eq!(outcome(named), outcome(real)));

        let supposed = ask_all(&master, &json!({ "api_key": key, "suppose": { "responsible_role": "member" } })).await;
        let bo = world.id_of("bo@north.test").await;
        answer_for(&world.house, &bo, &cy).await;
        let cut = ask_all(&master, &json!({ "api_key": key })).await;
        supposed.iter().zip(&cut).for_each(|(supposed, cut)| assert_eq!(outcome(supposed), outcome(cut)));
        assert_ne!(real.iter().map(outcome).collect::<Vec<_>>(), cut.iter().map(outcome).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ceiling_is_asked_where_it_is_known_what_is_touched() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let master = world.house.program(&world.house.master_key);
        let (ada, bo) = (world.id_of("ada@north.test").await, world.id_of("bo@north.test").await);
        let (strong, _) = world.key("strong", &[("api_keys", "delete"), ("users", "delete")]).await;
        let (weak, secret) = world.key("weak", &[("api_keys", "write")]).await;
        for (question, allowed, part) in [
            (json!({ "user": bo, "operation": "team.change_role" }), true, ""),
            (json!({ "user": bo, "operation": "team.change_role", "on_user": ada }), false, "ceiling"),
            (
                json!({ "user": bo, "operation": "team.change_role", "on_user": bo, "to_role": "owner" }),
                false,
                "ceiling",
            ),
            (json!({ "user": ada, "operation": "team.change_role", "on_user": bo, "to_role": "owner" }), true, ""),
            (json!({ "user": bo, "permission": "team.invite", "to_role": "owner" }), false, "ceiling"),
            (json!({ "api_key": weak, "permission": "api_keys.update" }), true, ""),
            (json!({ "api_key": weak, "permission": "api_keys.update", "on_api_key": strong }), false, "ceiling"),
            (json!({ "api_key": weak, "operation": "api_key.rotate", "on_api_key": weak }), false, "ceiling"),
            (json!({ "api_key": strong, "operation": "api_key.rotate", "on_api_key": weak }), true, ""),
        ] {
            let answer = ask(&master, question.clone()).await;
            assert_eq!((answer["allowed"].as_bool(), decides(&answer)), (Some(allowed), part), "{question} {answer}");
        }
        // The server denies with the same permission.
        let denied =
            world.house.program(&secret).api("POST", &format!("/v1/api-keys/{strong}/rotate"), Value::Null).await;
        let question = json!({ "api_key": weak, "operation": "api_key.rotate", "on_api_key": strong });
        let explained = ask(&master, question).await;
        assert_eq!(denied.status, 403, "{}", denied.text);
        assert_eq!(denied.json()["error"]["permission"], explained["permission"]);
        let besides = ask(&master, json!({ "user": ada, "operation": "team.change_role", "on_user": ada })).await;
        assert!(besides["besides"][0].as_str().is_some_and(|words| words.contains("password")), "{besides}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_is_everybody_of_whom_it_is_explained_so() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let master = world.house.program(&world.house.master_key);
        let (writer, _) = world.key("writer", &[("prompts", "write"), ("metrics", "enabled")]).await;
        let (off, _) = world.key("off", &[("prompts", "delete")]).await;
        assert_eq!(master.api("POST", &format!("/v1/api-keys/{off}/disable"), Value::Null).await.status, 200);
        let mut people = vec![];
        for email in ["ada@north.test", "bo@north.test", "cy@north.test"] {
            people.push(world.id_of(email).await);
        }
        let listed = master.api("GET", "/v1/api-keys", Value::Null).await.json();
        let keys: Vec<_> = listed["data"].as_array().expect("keys").iter().map(|key| text(key, "id")).collect();
        assert!(keys.contains(&writer) && keys.contains(&off) && keys.len() >= 3, "{listed}");
        for permission in Permission::ALL {
            let told = master.api("GET", &format!("/v1/who-can?permission={permission}"), Value::Null).await;
            assert_eq!(told.status, 200, "{}", told.text);
            let told = told.json();
            for (field, kind, ids) in [("users", "user", &people), ("api_keys", "api_key", &keys)] {
                let able: BTreeSet<_> =
                    told[field].as_array().expect("a list").iter().map(|party| text(party, "id")).collect();
                let mut explained = BTreeSet::new();
                for id in ids {
                    let mut question = json!({ "permission": permission.name() });
                    question[kind] = id.as_str().into();
                    if ask(&master, question).await["allowed"] == true {
                        explained.insert(id.clone());
                    }
                }
                assert_eq!(able, explained, "{permission} {field}");
            }
            assert_eq!(told["is_whole"], true);
        }
        // Whoever may list people and no keys is told of people.
        let (_, secret) = world.key("looks at people", &[("users", "read")]).await;
        let told = world.house.program(&secret).api("GET", "/v1/who-can?permission=prompts.list", Value::Null).await;
        assert!(told.json()["users"].as_array().is_some_and(|users| users.len() == 3), "{}", told.text);
        assert_eq!(told.json()["api_keys"], Value::Null);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_more_than_they_may_know() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let (ada, cy) = (world.id_of("ada@north.test").await, world.id_of("cy@north.test").await);
        let (key, secret) = world.key("plain", &[("prompts", "write")]).await;
        let nothing = "00000000-0000-0000-0000-000000000007";

        // A Member asks about themselves, and is told of nobody else: whether there is one or not.
        let page = world.member.form("why/ask", &[("slug", slug), ("what", "prompts.publish")]).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        assert_eq!((&page["people"], &page["keys"], &page["who_can"]), (&json!([]), &json!([]), &Value::Null));
        assert_eq!(page["answer"]["sentence"], "No. You cannot publish prompts.");
        for (who, permission) in [
            (format!("user.{ada}"), "team.view"),
            (format!("user.{nothing}"), "team.view"),
            (format!("key.{key}"), "api_keys.list"),
            (format!("key.{nothing}"), "api_keys.list"),
        ] {
            let fields = [("slug", slug), ("what", "prompts.publish"), ("who", who.as_str())];
            let refused = world.member.form("why/ask", &fields).await;
            assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{who}");
            assert_eq!(text(&refused.json()["missing"], "permission"), permission, "{who}");
        }
        let who = format!("user.{cy}");
        let own = [("slug", slug), ("what", "prompts.publish"), ("who", who.as_str()), ("role", "admin")];
        let own = world.member.form("why/ask", &own).await.json();
        assert_eq!(own["supposed"]["sentence"], "Then yes. You could publish prompts.");

        // A key that may list neither asks about itself, and is not told for whom it answers.
        let program = house.program(&secret);
        let own = program.api("POST", "/v1/why", json!({ "questions": [{ "permission": "prompts.publish" }] })).await;
        assert!(own.status == 200 && !own.text.contains("Ada") && !own.text.contains("Owners,"), "{}", own.text);
        assert_eq!(own.json()["data"][0]["id"], key.as_str());
        for (question, permission) in [
            (json!({ "user": ada, "permission": "prompts.list" }), "team.view"),
            (json!({ "user": nothing, "permission": "prompts.list" }), "team.view"),
            (json!({ "permission": "team.remove", "on_user": ada }), "team.view"),
        ] {
            let refused = program.api("POST", "/v1/why", json!({ "questions": [question] })).await;
            assert_eq!(refused.status, 403, "{question}: {}", refused.text);
            assert_eq!(refused.json()["error"]["permission"], permission);
        }
        let refused = program.api("GET", "/v1/who-can?permission=prompts.list", Value::Null).await;
        assert_eq!((refused.status, refused.json()["error"]["permission"].as_str()), (403, Some("team.view")));

        // To another organisation nothing of North is there.
        let south = house.program(&world.south_key);
        for (of, invented) in [
            (
                json!({ "user": cy, "permission": "prompts.list" }),
                json!({ "user": nothing, "permission": "prompts.list" }),
            ),
            (
                json!({ "api_key": key, "permission": "prompts.list" }),
                json!({ "api_key": nothing, "permission": "prompts.list" }),
            ),
            (
                json!({ "permission": "api_keys.update", "on_api_key": key }),
                json!({ "permission": "api_keys.update", "on_api_key": nothing }),
            ),
        ] {
            let mut told = vec![];
            for question in [of, invented] {
                let answer = south.api("POST", "/v1/why", json!({ "questions": [question] })).await;
                assert_eq!(answer.status, 404, "{}", answer.text);
                let mut body = answer.json();
                body.as_object_mut().expect("an object").remove("request_id");
                told.push(body);
            }
            assert_eq!(told[0], told[1]);
        }
        let able = south.api("GET", "/v1/who-can?permission=prompts.list", Value::Null).await.json();
        assert!(able["users"].as_array().is_some_and(|users| users.len() == 1 && users[0]["name"] == "Eve"), "{able}");
        assert!(!able.to_string().contains(&key));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_cannot_be_read_are_named() {
    each_engine(async |house| {
        let house = house.founded().await;
        let master = house.program(&house.master_key);
        let one = json!({ "permission": "prompts.list" });
        let many = |count: usize| json!({ "questions": vec![one.clone(); count] });
        assert_eq!(master.api("POST", "/v1/why", many(100)).await.json()["total"], 100);
        for (body, field) in [
            (many(0), "questions"),
            (many(101), "questions"),
            (json!({ "questions": {} }), "questions"),
            (json!({ "questions": [one, { "permission": "prompts.burn" }] }), "questions.1.permission"),
            (json!({ "questions": [{ "permission": "prompts.list", "operation": "prompt.list" }] }), "questions.0.operation"),
            (json!({ "questions": [{}] }), "questions.0.permission"),
            (json!({ "questions": [{ "permission": "prompts.list", "who": "x" }] }), "questions.0"),
            (json!({ "questions": [{ "permission": "prompts.list", "to_role": "admin" }] }), "questions.0.to_role"),
            (json!({ "questions": [{ "permission": "prompts.list", "suppose": { "role": "admin" } }] }), "questions.0.suppose"),
            (
                json!({ "questions": [{ "permission": "prompts.list", "suppose": { "levels": { "prompts": "enabled" } } }] }),
                "questions.0.suppose",
            ),
            (
                json!({ "questions": [{ "permission": "prompts.list", "suppose": { "permissions": ["billing.manage"] } }] }),
                "questions.0.suppose",
            ),
        ] {
            let refused = master.api("POST", "/v1/why", body.clone()).await;
            assert_eq!((refused.status, refused.json()["error"]["param"].as_str()), (422, Some(field)), "{}", refused.text);
        }
    })
    .await;
}

/// The page is a plain form and its answer, and a denial leads to it.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_without_a_script() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let inside = |page: &str| format!("/o/{}/{page}", world.house.slug);
        let page = world.member.page(&inside("why?what=prompts.publish&role=admin")).await;
        assert_eq!(page.status, 200);
        for words in [
            "No. You cannot publish prompts.",
            "Then yes. You could publish prompts.",
            "The role does not hold it",
            "You can ask about yourself.",
            "name=\"what\"",
        ] {
            assert!(page.text.contains(words), "{words}");
        }
        let (cy, eve) = (world.id_of("cy@north.test").await, "00000000-0000-0000-0000-000000000007");
        let asked = |who: &str| inside(&format!("why?who=user.{who}&what=team.view"));
        let page = world.owner.page(&asked(&cy)).await;
        assert!(page.status == 200 && page.text.contains("No. Cy cannot view the team."), "{}", page.status);
        assert!(page.text.contains("Who can do this"));
        assert_eq!(world.owner.page(&asked(eve)).await.status, 404);
        assert_eq!(world.owner.page(&inside("why?what=prompts.burn")).await.status, 422);
        // A denied page names what is missing, who holds it, and its own id, and leads to the reasons.
        let denied = world.member.page(&inside("api-keys")).await;
        assert_eq!(denied.status, 403);
        let id = denied.headers["x-request-id"].to_str().expect("an id");
        for words in ["api_keys.list", "Owners and Admins", "/why?what=api_keys.list", id] {
            assert!(denied.text.contains(words), "{words}");
        }
    })
    .await;
}

/// The id of a refusal is the request's: it stands in the answer and in the event.
#[tokio::test(flavor = "multi_thread")]
async fn a_denial_can_be_looked_up_by_its_id() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (_, secret) = world.key("plain", &[]).await;
        let denied =
            world.house.program(&secret).api("POST", "/v1/configs", json!({ "name": "x", "config": {} })).await;
        assert_eq!(denied.status, 403, "{}", denied.text);
        let body = denied.json();
        assert_eq!(body["error"]["permission"], "configs.create");
        assert_eq!(body["error"]["held_by"], "Owners, Admins and Members");
        let (_, event) = world.house.chain(world.house.organisation).await;
        let event = event.expect("an event");
        assert_eq!(event["outcome"], "refused");
        assert_eq!(event["request_id"], body["request_id"]);
        assert_eq!(denied.headers["x-request-id"], text(&event, "request_id"));
        // By a person in the console as well.
        let fields = [("slug", world.house.slug.as_str()), ("name", "x")];
        let denied = world.member.form("api_keys/create", &fields).await;
        let missing = denied.json()["missing"].clone();
        assert_eq!(
            (text(&missing, "permission"), text(&missing, "held_by")),
            ("api_keys.create".into(), "Owners and Admins".into())
        );
        let (_, event) = world.house.chain(world.house.organisation).await;
        assert_eq!(event.expect("an event")["request_id"], denied.json()["request_id"]);
    })
    .await;
}
