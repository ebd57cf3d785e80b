//! Access reviews: what they show, how rows are decided, and that finished ones stay.

use super::support::{Answer, Client, World, done, each_engine, text, told};
use serde_json::{Value, json};

/// A review of North by one of its people.
struct Review<'a> {
    world: &'a World,
    id: String,
}

impl<'a> Review<'a> {
    async fn started(world: &'a World, by: &Client) -> Self {
        let made = by.form("reviews/start", &[("slug", &world.house.slug)]).await;
        assert_eq!(made.status, 200, "{}", made.text);
        Self { world, id: made.json().as_str().expect("an id").to_owned() }
    }

    async fn send(&self, by: &Client, verb: &str, fields: &[(&str, &str)]) -> Answer {
        let own = [("slug", self.world.house.slug.as_str()), ("id", self.id.as_str())];
        let fields: Vec<_> = own.into_iter().chain(fields.iter().copied()).collect();
        by.form(&format!("reviews/{verb}"), &fields).await
    }

    async fn read(&self, filter: &[(&str, &str)]) -> Value {
        let answer = self.send(&self.world.owner, "get", filter).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// The number of the row of this name.
    async fn number(&self, name: &str) -> String {
        let page = self.read(&[]).await;
        let rows = page["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} in {page}"));
        row["number"].to_string()
    }

    async fn decide(&self, by: &Client, name: &str, decision: &str, more: &[(&str, &str)]) -> Answer {
        let number = self.number(name).await;
        let fields: Vec<_> =
            [("number", number.as_str()), ("decision", decision)].into_iter().chain(more.iter().copied()).collect();
        self.send(by, "decide", &fields).await
    }
}

/// The last events of North's chain, the newest last.
async fn events(world: &World, count: i64) -> Vec<Value> {
    let house = &world.house;
    let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
    let head = crate::server::audit::head(&mut tx).await.expect("a head").expect("events").seq;
    let page = crate::server::audit::page(&mut tx, head - count, count).await.expect("a page");
    page.iter().map(told).collect()
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_review_shows_everybody_and_is_decided_to_its_last_row() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (key, secret) = world.key("metrics exporter", &[("metrics", "enabled"), ("completions", "disabled")]).await;
        let (off, _) = world.key("off", &[]).await;
        let fields = [("slug", world.house.slug.as_str()), ("id", &off)];
        done(&world.owner, "api_keys/disable", &fields).await;
        let review = Review::started(&world, &world.admin).await;
        let page = review.read(&[]).await;
        assert_eq!(page["review"]["people"], 3, "{page}");
        assert_eq!((&page["review"]["keys"], &page["total"]), (&json!(2), &json!(5)), "a disabled key opens nothing");
        let names: Vec<_> =
            page["rows"].as_array().expect("rows").iter().map(|row| row["name"].as_str().unwrap_or_default()).collect();
        assert_eq!(names, ["Ada", "Bo", "Cy", "Master key", "metrics exporter"], "people by rank, then keys");
        let facts = &page["rows"][0]["facts"];
        assert_eq!((&facts["role"], &facts["email"]), (&json!("owner"), &json!("ada@north.test")));
        let facts = &page["rows"][4]["facts"];
        assert_eq!(
            (&facts["responsible"], &facts["unused"]),
            (&json!("Ada"), &Value::Null),
            "too young to say: {facts}"
        );
        assert!(facts["permissions"].as_array().is_some_and(|all| all.contains(&json!("logs.view"))), "{facts}");
        assert_eq!(review.read(&[("asked[kind]", "api_key")]).await["total"], 2);

        // There is one at a time.
        let second = world.owner.form("reviews/start", &[("slug", &world.house.slug)]).await;
        assert_eq!(refused(&second), (409, "conflict".into()));

        let long = "x".repeat(501);
        let before = world.house.snapshot().await;
        for (decision, comment, expected) in [
            ("confirm", long.as_str(), (422, "invalid")),
            ("confirm", "a\u{202e}b", (422, "invalid")),
            ("perhaps", "", (422, "invalid")),
        ] {
            let answer = review.decide(&world.admin, "Cy", decision, &[("comment", comment)]).await;
            assert_eq!(refused(&answer), (expected.0, expected.1.into()), "{}", answer.text);
        }
        for number in ["0", "6", "x", "-1"] {
            let answer = review.send(&world.admin, "decide", &[("number", number), ("decision", "confirm")]).await;
            assert_eq!(answer.status, 404, "{number}: {}", answer.text);
        }
        assert_eq!(world.house.snapshot().await, before);

        for name in ["Ada", "Bo", "Master key"] {
            let answer = review.decide(&world.admin, name, "confirm", &[("comment", "Needed.")]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let twice = review.decide(&world.admin, "Ada", "confirm", &[]).await;
        assert_eq!(refused(&twice), (409, "conflict".into()));

        // What is revoked is revoked at once, and its own event names the review.
        let answer = review.decide(&world.admin, "Cy", "revoke", &[("comment", "Left the project.")]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(world.member.page(&format!("/o/{}", world.house.slug)).await.status, 404);
        let last = events(&world, 2).await;
        let (removal, decision) = (&last[0], &last[1]);
        assert_eq!((&removal["action"], &removal["outcome"]), (&json!("team.remove"), &json!("done")));
        assert_eq!(removal["subject"]["kind"], "member");
        let named = |event: &Value, field: &str| {
            let changes = event["changes"].as_array().expect("changes");
            changes.iter().find(|change| change["field"] == field).map(|change| change["now"].clone())
        };
        assert_eq!(named(removal, "access_review"), Some(json!(review.id)));
        assert_eq!(
            (&decision["action"], &decision["subject"]["id"]),
            (&json!("access_review.decide"), &json!(review.id))
        );
        assert_eq!(named(decision, "comment"), Some(json!("Left the project.")));
        assert_eq!(named(decision, "decision"), Some(json!("revoked")));

        // With the last row it is finished.
        let answer = review.decide(&world.admin, "metrics exporter", "revoke", &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let program = world.house.program(&secret);
        assert_eq!(program.api("GET", "/v1/logs", Value::Null).await.status, 401);
        let actions: Vec<_> = events(&world, 3).await.iter().map(|event| text(event, "action")).collect();
        assert_eq!(actions, ["api_key.disable", "access_review.decide", "access_review.finish"]);
        let page = review.read(&[]).await;
        assert_eq!((&page["review"]["confirmed"], &page["review"]["revoked"]), (&json!(3), &json!(2)));
        assert_eq!(page["review"]["finished"]["by"], "Bo", "{page}");

        // Nothing of it changes any more, whoever asks and by whichever way.
        let before = world.house.snapshot().await;
        let late = review.decide(&world.owner, "Ada", "revoke", &[]).await;
        assert_eq!(refused(&late), (409, "conflict".into()));
        let late = review.send(&world.owner, "finish", &[("reason", "again")]).await;
        assert_eq!(refused(&late), (409, "conflict".into()));
        assert_eq!(world.house.snapshot().await, before);
        let organisation = world.house.organisation.0.simple().to_string();
        for statement in [
            "UPDATE access_reviews SET reason = 'x'",
            "UPDATE access_review_rows SET comment = 'x'",
            "DELETE FROM access_review_rows",
            "DELETE FROM access_reviews",
        ] {
            // The owner of the tables is bound by the wall as well, and sees rows in the organisation's context alone.
            let text = match world.house.app.db.is_postgres() {
                true => {
                    format!("BEGIN; SELECT set_config('latchkey.org', '{organisation}', true); {statement}; COMMIT")
                }
                false => statement.to_owned(),
            };
            let refused = world.house.as_owner_composed(&text).await.expect_err("a trigger refuses").to_string();
            assert!(refused.contains("access reviews cannot be"), "{statement}: {refused}");
            if world.house.app.db.is_postgres() {
                world.house.as_owner("ROLLBACK").await.expect("the connection goes on");
            }
        }
        assert_eq!(world.house.snapshot().await, before);

        // The key is disabled, not gone; and the page of the review and its file show all.
        let (master, path) = (world.house.program(&world.house.master_key), format!("/v1/api-keys/{key}"));
        assert_eq!(master.api("GET", &path, Value::Null).await.json()["status"], "disabled");
        let path = format!("/o/{}/team/reviews", world.house.slug);
        assert!(world.admin.page(&path).await.text.contains("5 of 5 decided, 2 revoked"));
        let shown = world.admin.page(&format!("{path}/{}", review.id)).await;
        assert!(shown.status == 200 && shown.text.contains("Left the project."), "{}", shown.text);
        let file = review.send(&world.admin, "export", &[]).await;
        assert_eq!((file.status, file.text.lines().count()), (200, 6), "{}", file.text);
        assert!(
            file.text.starts_with("review,started_at,") && file.text.contains("\"Left the project.\""),
            "{}",
            file.text
        );
        assert_eq!(events(&world, 1).await[0]["action"], "access_review.export");
        Review::started(&world, &world.owner).await;
    })
    .await;
}

#[tokio::test]
async fn to_revoke_is_bound_by_the_rules_of_what_it_does() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (_, secret) = world.key("busy", &[("metrics", "enabled")]).await;
        let program = world.house.program(&secret);
        assert_eq!(program.api("GET", "/v1/logs", Value::Null).await.status, 200);
        // The note of the use is written behind the answer.
        for _ in 0..100 {
            let keys =
                world.owner.form("api_keys/list", &[("slug", &world.house.slug), ("filter[q]", "busy")]).await.json();
            if !keys["keys"][0]["used_at"].is_null() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let review = Review::started(&world, &world.owner).await;
        let before = world.house.snapshot().await;
        // An Admin touches no Owner, nobody removes themselves, the last Owner stays, a key in use ends by its name.
        let above = review.decide(&world.admin, "Ada", "revoke", &[]).await;
        assert_eq!(refused(&above), (403, "permission_denied".into()), "{}", above.text);
        let event = &events(&world, 1).await[0];
        assert_eq!((&event["action"], &event["outcome"]), (&json!("access_review.decide"), &json!("refused")));
        let own = review.decide(&world.owner, "Ada", "revoke", &[]).await;
        assert_eq!(own.status, 409, "{}", own.text);
        for typed in ["", "idle"] {
            let unnamed = review.decide(&world.admin, "busy", "revoke", &[("confirm", typed)]).await;
            assert_eq!(refused(&unnamed), (422, "invalid".into()), "{}", unnamed.text);
            assert_eq!(unnamed.json()["fields"][0]["field"], "confirm");
        }
        let odd = review.decide(&world.owner, "Cy", "revoke", &[("keys", "keep")]).await;
        assert_eq!(refused(&odd), (422, "invalid".into()), "{}", odd.text);
        // A Member sees none of it, nor does anybody of another organisation.
        for (verb, fields) in [("get", vec![]), ("decide", vec![("number", "1"), ("decision", "confirm")])] {
            assert_eq!(review.send(&world.member, verb, &fields).await.status, 403, "{verb}");
            assert_eq!(review.send(&world.stranger, verb, &fields).await.status, 404, "{verb}");
        }
        let south = world.stranger.form("reviews/get", &[("slug", &world.south), ("id", &review.id)]).await;
        assert_eq!(south.status, 404, "{}", south.text);
        let list = world.stranger.form("reviews/list", &[("slug", &world.south)]).await.json();
        assert_eq!((&list["total"], &list["open"]), (&json!(0), &Value::Null));
        assert_eq!(world.house.snapshot().await, before);
        assert_eq!(program.api("GET", "/v1/logs", Value::Null).await.status, 200);

        // Whoever is gone already is noted as revoked, and a confirmed row can still be revoked.
        assert_eq!(review.decide(&world.owner, "Cy", "confirm", &[]).await.status, 200);
        let cy = world.id_of("cy@north.test").await;
        done(&world.owner, "team/remove", &[("slug", &world.house.slug), ("id", &cy)]).await;
        assert_eq!(review.decide(&world.owner, "Cy", "revoke", &[]).await.status, 200);
        assert_eq!(review.decide(&world.owner, "Cy", "confirm", &[]).await.status, 409);
        assert_eq!(review.decide(&world.admin, "busy", "revoke", &[("confirm", "busy")]).await.status, 200);
        assert_eq!(program.api("GET", "/v1/logs", Value::Null).await.status, 401);

        // The master key can do everything: for it the password has to be proven anew.
        world.house.app.clock.advance(16 * crate::kernel::time::MINUTE);
        let before = world.house.snapshot().await;
        let proof = review.decide(&world.owner, "Master key", "revoke", &[("confirm", "Master key")]).await;
        assert_eq!(refused(&proof), (401, "password_needed".into()), "{}", proof.text);
        assert_eq!(world.house.snapshot().await, before);

        // Early it is finished with a reason alone.
        let silent = review.send(&world.owner, "finish", &[("reason", " ")]).await;
        assert_eq!(refused(&silent), (422, "invalid".into()), "{}", silent.text);
        assert_eq!(silent.json()["fields"][0]["field"], "reason");
        assert_eq!(review.send(&world.admin, "finish", &[("reason", "The year ends.")]).await.status, 200);
        let page = review.read(&[("asked[decision]", "open")]).await;
        assert_eq!(
            (&page["total"], &page["review"]["finished"]["reason"]),
            (&json!(3), &json!("The year ends.")),
            "{page}"
        );
        let event = &events(&world, 1).await[0];
        assert_eq!(
            (&event["action"], &event["changes"][0]["now"]),
            (&json!("access_review.finish"), &json!(3)),
            "{event}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_later_decision_keeps_what_was_said_or_says_what_it_replaces() {
    each_engine(async |house| {
        let world = World::new(house).await;
        world.key("metrics exporter", &[("completions", "disabled")]).await;
        let review = Review::started(&world, &world.admin).await;
        for name in ["Cy", "metrics exporter"] {
            let answer = review.decide(&world.admin, name, "confirm", &[("comment", "Needed.")]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let replaced = json!({ "field": "comment", "was": "Needed.", "now": "Left." });
        for (name, comment, kept, told) in
            [("Cy", "", "Needed.", None), ("metrics exporter", "Left.", "Left.", Some(&replaced))]
        {
            let answer = review.decide(&world.admin, name, "revoke", &[("comment", comment)]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let event = events(&world, 1).await.remove(0);
            let changes = event["changes"].as_array().expect("changes");
            assert_eq!(changes.iter().find(|change| change["field"] == "comment"), told);
            let page = review.read(&[("asked[decision]", "revoked")]).await;
            let rows = page["rows"].as_array().expect("rows");
            let row = rows.iter().find(|row| row["name"] == name).expect("the row");
            assert_eq!(row["decided"]["comment"], kept, "{row}");
        }
    })
    .await;
}
