//! The contract's calls for exports.

use super::{Row, lines, put};
use crate::{
    kernel::time::MINUTE,
    tests::support::{Client, World, done, each_engine, text},
};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn programs_save_start_and_fetch_exports() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        put(house, &[Row::new(1, 60_000), Row { outcome: "failed", status: Some(502), ..Row::new(2, 120_000) }]).await;
        let program = house.program(&house.master_key);
        let fields = program.api("GET", "/v1/logs/exports/field-restrictions", Value::Null).await.json();
        assert_eq!(fields["denied_fields"], json!(["request", "response", "mode"]));
        // As the contract's own example asks for it.
        let all = [
            "id",
            "trace_id",
            "created_at",
            "request",
            "response",
            "is_success",
            "ai_org",
            "ai_model",
            "req_units",
            "res_units",
            "total_units",
            "request_url",
            "cost",
            "cost_currency",
            "response_time",
            "response_status_code",
            "mode",
            "config",
            "prompt_slug",
            "metadata",
        ];
        let (from, to) = ("2020-12-01", "2020-12-31");
        let filters = json!({ "time_of_generation_min": from, "time_of_generation_max": to, "cost_min": null });
        let body = json!({
            "workspace_id": house.slug,
            "filters": filters,
            "requested_data": all,
            "description": "December",
        });
        let made = program.api("POST", "/v1/logs/exports", body).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let made = made.json();
        assert_eq!((&made["object"], &made["total"]), (&json!("export"), &json!(0)));
        let path = format!("/v1/logs/exports/{}", text(&made, "id"));
        let one = program.api("GET", &path, Value::Null).await.json();
        assert_eq!((&one["status"], &one["description"]), (&json!("draft"), &json!("December")));
        assert_eq!(one["filters"], json!({ "time_of_generation_min": from, "time_of_generation_max": to }));
        let kept: Vec<&str> =
            one["requested_data"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
        assert_eq!(kept.len(), all.len() - 3, "{one}");
        assert!(!kept.contains(&"request") && !kept.contains(&"response"));
        let list = program.api("GET", "/v1/logs/exports", Value::Null).await.json();
        assert_eq!((&list["object"], &list["total"], &list["data"][0]), (&json!("list"), &json!(1), &one));
        // Nothing is fetched before it is started.
        for way in ["download", "file"] {
            let refused = program.api("GET", &format!("{path}/{way}"), Value::Null).await;
            assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (409, Some("conflict")), "{way}");
        }
        let changed = program.api("PUT", &path, json!({ "filters": { "range": "1h" } })).await;
        assert_eq!((changed.status, &changed.json()["total"]), (200, &json!(3)), "{}", changed.text);
        let task = program.api("POST", &format!("{path}/start"), Value::Null).await;
        assert_eq!((task.status, &task.json()["object"]), (200, &json!("export")), "{}", task.text);
        assert_eq!(program.api("POST", &format!("{path}/start"), Value::Null).await.status, 409);
        // The start has fixed the span: what comes later is in no file of this export.
        house.app.clock.advance(1_000);
        house.add_call(Uuid::now_v7()).await;
        let link = text(&program.api("GET", &format!("{path}/download"), Value::Null).await.json(), "signed_url");
        let link = link.strip_prefix("http://latchkey.test").expect("an address of ours").to_owned();
        let (before, _) = house.chain(house.organisation).await;
        let file = house.nobody().api("GET", &link, Value::Null).await;
        assert_eq!(file.status, 200, "{}", file.text);
        assert!(file.headers["content-type"].to_str().is_ok_and(|kind| kind.starts_with("application/x-ndjson")));
        let objects = lines(&file.text);
        assert_eq!(objects.len(), 3);
        let failed = objects.iter().find(|object| object["response_status_code"] == 502).expect("the failed call");
        assert_eq!((&failed["is_success"], &failed["cost"]), (&json!(false), &json!(1.25)));
        assert_eq!(failed["cost_currency"], "USD");
        assert_eq!((&failed["ai_org"], &failed["request_url"]), (&json!("openai"), &json!("/v1/chat/completions")));
        assert!(objects.iter().all(|object| object.get("request").is_none() && object.get("response").is_none()));
        let (after, event) = house.chain(house.organisation).await;
        let event = event.expect("an event");
        assert_eq!(after - before, 1);
        assert_eq!((&event["action"], &event["actor"]["kind"]), (&json!("log.export"), &json!("api_key")));
        // The address opens this file alone, and not for long.
        let body = json!({ "filters": {}, "requested_data": ["id"] });
        let other = program.api("POST", "/v1/logs/exports", body).await.json();
        let elsewhere = link.replace(&text(&made, "id"), &text(&other, "id"));
        let bent = [format!("{}x", &link[..link.len() - 2]), link.replace("signed=", "signed=A")];
        let none = format!("{path}/file?signed=");
        for bad in bent.into_iter().chain([elsewhere, none]) {
            let refused = house.nobody().api("GET", &bad, Value::Null).await;
            assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (410, Some("link_spent")), "{bad}");
        }
        house.app.clock.advance(10 * MINUTE);
        assert_eq!(house.nobody().api("GET", &link, Value::Null).await.status, 410);
        let link = text(&program.api("GET", &format!("{path}/download"), Value::Null).await.json(), "signed_url");
        let link = link.strip_prefix("http://latchkey.test").expect("an address of ours").to_owned();
        assert_eq!(house.nobody().api("GET", &link, Value::Null).await.status, 200);
        assert_eq!(program.api("POST", &format!("{path}/cancel"), Value::Null).await.status, 200);
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["status"], "stopped");
        assert_eq!(house.nobody().api("GET", &link, Value::Null).await.status, 409, "what is stopped is not fetched");
        assert_eq!(program.api("POST", &format!("{path}/cancel"), Value::Null).await.status, 409);
        // Another organisation has none of it.
        let south = house.program(&world.south_key);
        assert_eq!(south.api("GET", "/v1/logs/exports", Value::Null).await.json()["total"], 0);
        assert_eq!(south.api("GET", &path, Value::Null).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn what_an_export_cannot_hold_is_refused_by_name() {
    each_engine(async |house| {
        let house = house.founded().await;
        let program = house.program(&house.master_key);
        let before = house.snapshot().await;
        let long = "x".repeat(201);
        for (body, name) in [
            (json!({ "requested_data": ["nonsense"] }), "requested_data"),
            (json!({ "requested_data": ["request", "response"] }), "requested_data"),
            (json!({ "description": long }), "description"),
            (json!({ "filters": { "team": "x" } }), "team"),
            (json!({ "filters": { "prompt_token_min": -3 } }), "prompt_token_min"),
            (json!({ "filters": { "weighted_feedback_min": 3 } }), "weighted_feedback_min"),
            (json!({ "filters": { "ai_org_model": "gpt-4o, openai__a" } }), "ai_org_model"),
            (json!({ "filters": { "status_code": "200,9xx" } }), "status_code"),
            (json!({ "filters": { "page_size": 50_001 } }), "page_size"),
            (json!({ "filters": { "page_size": 50_000, "current_page": 21 } }), "current_page"),
            (json!({ "filters": { "status_code": "9xx" } }), "status_code"),
            (json!({ "filters": { "api_key_ids": "x" } }), "api_key_ids"),
            (json!({ "filters": { "range": "1h", "time_of_generation_min": "2027-01-01" } }), "range"),
            (json!({ "filters": { "time_of_generation_min": "yesterday" } }), "range"),
        ] {
            let refused = program.api("POST", "/v1/logs/exports", body.clone()).await;
            assert_eq!(refused.status, 422, "{body}: {}", refused.text);
            assert!(refused.text.contains(name), "{body}: {}", refused.text);
        }
        let elsewhere = json!({ "filters": { "workspace_slug": "south" } });
        assert_eq!(program.api("POST", "/v1/logs/exports", elsewhere).await.status, 404);
        assert_eq!(house.snapshot().await, before);
        let filters =
            json!({ "workspace_slug": house.slug, "ai_org_model": "openai__gpt-4o", "metadata": { "team": "a" } });
        assert_eq!(program.api("POST", "/v1/logs/exports", json!({ "filters": filters })).await.status, 200);
        // Pages, as the contract numbers them.
        let rows: Vec<Row> = (1..=5_u128).map(|id| Row::new(id, 1_000 * i64::try_from(id).expect("small"))).collect();
        put(&house, &rows).await;
        for (page, expected) in [(0, vec![1_u128, 2]), (1, vec![3, 4]), (2, vec![5]), (3, vec![])] {
            let body = json!({ "filters": { "page_size": 2, "current_page": page }, "requested_data": ["id"] });
            let made = program.api("POST", "/v1/logs/exports", body).await.json();
            assert_eq!(made["total"].as_u64(), Some(expected.len() as u64), "{page}");
            let path = format!("/v1/logs/exports/{}", text(&made, "id"));
            assert_eq!(program.api("POST", &format!("{path}/start"), Value::Null).await.status, 200);
            let file = program.api("GET", &format!("{path}/file"), Value::Null).await;
            let ids: Vec<u128> = lines(&file.text)
                .iter()
                .map(|line| text(line, "id").parse::<Uuid>().expect("an id").as_u128())
                .collect();
            assert_eq!(ids, expected, "{page}");
        }
        // What is too long to be kept, and what is long for its blanks alone.
        let long = "x".repeat(2_001);
        for (filters, name) in [
            (json!({ "trace_id": long }), "trace_id"),
            (json!({ "metadata": { "team": long } }), "metadata"),
            (json!({ "configs": long, "prompt_slug": "x" }), "configs"),
        ] {
            let before = house.snapshot().await;
            let refused = program.api("POST", "/v1/logs/exports", json!({ "filters": filters })).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
            assert!(refused.text.contains(name), "{}", refused.text);
            assert_eq!(house.snapshot().await, before);
        }
        let blank = " ".repeat(9_000);
        let filters = json!({ "trace_id": format!("{blank}x{blank}"), "status_code": format!("ok{blank}") });
        let made = program.api("POST", "/v1/logs/exports", json!({ "filters": filters })).await.json();
        let path = format!("/v1/logs/exports/{}", text(&made, "id"));
        let said = json!({ "trace_id": "x", "status_code": "ok" });
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["filters"], said);
        let (_, event) = house.chain(house.organisation).await;
        let event = event.expect("an event");
        assert!(event["changes"].as_array().expect("changes").iter().any(|change| change["now"] == said), "{event}");
    })
    .await;
}

#[tokio::test]
async fn exports_hold_what_has_one_of_several_values() {
    each_engine(async |house| {
        let house = house.founded().await;
        let program = house.program(&house.master_key);
        let rows = [
            Row::new(1, 1_000),
            Row { model: "other".into(), status: Some(429), ..Row::new(2, 2_000) },
            Row { model: "third".into(), ..Row::new(3, 3_000) },
        ];
        put(&house, &rows).await;
        for (filters, expected) in [
            (json!({ "ai_model": "gpt-4o, other" }), &[1_u128, 2][..]),
            (json!({ "ai_org_model": "openai__other,openai__third, anthropic__gpt-4o" }), &[2, 3]),
            (json!({ "status_code": "429,500" }), &[2]),
            (json!({ "status_code": "2xx,429", "ai_model": "other,third" }), &[2, 3]),
            (json!({ "trace_id": "x,trace" }), &[1, 2, 3]),
            (json!({ "configs": "pc-a,pc-b" }), &[]),
            (json!({ "prompt_token_min": 900, "completion_token_max": 304 }), &[1, 2, 3]),
            (json!({ "prompt_token_min": 901 }), &[]),
        ] {
            let body = json!({ "filters": filters, "requested_data": ["id"] });
            let made = program.api("POST", "/v1/logs/exports", body).await;
            assert_eq!(made.status, 200, "{filters}: {}", made.text);
            assert_eq!(made.json()["total"], expected.len(), "{filters}");
            let path = format!("/v1/logs/exports/{}", text(&made.json(), "id"));
            assert_eq!(program.api("POST", &format!("{path}/start"), Value::Null).await.status, 200);
            let file = program.api("GET", &format!("{path}/file"), Value::Null).await;
            let mut ids: Vec<String> = lines(&file.text).iter().map(|line| text(line, "id")).collect();
            ids.sort();
            assert_eq!(
                ids,
                expected.iter().map(|id| Uuid::from_u128(*id).to_string()).collect::<Vec<_>>(),
                "{filters}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_organisation_and_a_key_keep_so_many_exports() {
    each_engine(async |house| {
        let house = house.founded().await;
        let master = house.program(&house.master_key);
        // Each is younger than the one before it.
        let create = async |who: &Client| {
            house.app.clock.advance(1);
            who.api("POST", "/v1/logs/exports", json!({})).await
        };
        let key = async |name: &str| {
            let made = master.api("POST", "/v1/api-keys", json!({ "name": name, "scopes": ["logs.view"] })).await;
            house.program(&text(&made.json(), "key"))
        };
        let mut made = vec![];
        for _ in 0..30 {
            let answer = create(&master).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            made.push(format!("/v1/logs/exports/{}", text(&answer.json(), "id")));
        }
        let full = async |who: &Client, says: &str| {
            let before = master.api("GET", "/v1/logs/exports", Value::Null).await.json();
            let refused = create(who).await;
            assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (409, Some("conflict")));
            assert!(refused.text.contains(says), "{}", refused.text);
            let after = master.api("GET", "/v1/logs/exports", Value::Null).await.json();
            assert_eq!(after["data"], before["data"], "nobody's are deleted for it");
        };
        full(&master, "You have 30 exports").await;
        // One that is started or stopped makes room, the oldest first, and the event tells of it.
        let status = async |path: &str| master.api("GET", path, Value::Null).await.status;
        assert_eq!(master.api("POST", &format!("{}/start", made[7]), Value::Null).await.status, 200);
        assert_eq!(master.api("POST", &format!("{}/cancel", made[3]), Value::Null).await.status, 200);
        for (gone, left) in [(&made[3], &made[7]), (&made[7], &made[0])] {
            assert_eq!(create(&master).await.status, 200);
            assert_eq!((status(gone).await, status(left).await), (404, 200));
            let (_, event) = house.chain(house.organisation).await;
            let event = event.expect("an event");
            let changes = event["changes"].as_array().expect("changes").clone();
            let replaced = changes.iter().find(|change| change["field"] == "replaces").expect("what it replaces");
            let id = gone.strip_prefix("/v1/logs/exports/").expect("an export");
            assert_eq!((&event["action"], &replaced["now"]), (&json!("log_export.create"), &json!(id)));
        }
        full(&master, "You have 30 exports").await;
        let others = [key("one").await, key("two").await, key("three").await];
        for (other, most) in others.iter().zip([30, 30, 10]) {
            for _ in 0..most {
                assert_eq!(create(other).await.status, 200);
            }
        }
        full(&others[0], "You have 30 exports").await;
        // Where the organisation has no room, it is one's own that makes it.
        assert_eq!(master.api("POST", &format!("{}/start", made[0]), Value::Null).await.status, 200);
        full(&others[2], "This organisation has 100 exports").await;
        let own = format!(
            "/v1/logs/exports/{}",
            text(&others[2].api("GET", "/v1/logs/exports", Value::Null).await.json()["data"][0], "id")
        );
        assert_eq!(others[2].api("POST", &format!("{own}/start"), Value::Null).await.status, 200);
        assert_eq!(create(&others[2]).await.status, 200);
        assert_eq!((status(&own).await, status(&made[0]).await), (404, 200));
        full(&others[2], "This organisation has 100 exports").await;
        house.app.clock.advance(31 * 24 * 60 * MINUTE);
        let total = async || master.api("GET", "/v1/logs/exports", Value::Null).await.json()["total"].clone();
        assert_eq!(total().await, 0);
        assert_eq!(create(&master).await.status, 200, "those whose time is over make room");
        assert_eq!(total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_changes_no_exports_of_others_and_may_not_see_them() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (_, secret) = world.key("of the member", &[("metrics", "enabled")]).await;
        house
            .as_owner("UPDATE api_keys SET responsible = (SELECT user_id FROM memberships WHERE role = 'member' AND org_id = api_keys.org_id LIMIT 1) WHERE name = 'of the member'")
            .await
            .expect("another person answers for it");
        let (master, other) = (house.program(&house.master_key), house.program(&secret));
        let made = async |who: &Client| {
            let made = who.api("POST", "/v1/logs/exports", json!({ "requested_data": ["id"] })).await;
            assert_eq!(made.status, 200, "{}", made.text);
            format!("/v1/logs/exports/{}", text(&made.json(), "id"))
        };
        let (of_master, own) = (made(&master).await, made(&other).await);
        let body = json!({ "description": "mine now" });
        let change = async |who: &Client, path: &str| {
            let mut statuses = vec![who.api("PUT", path, body.clone()).await.status];
            for way in ["start", "cancel"] {
                statuses.push(who.api("POST", &format!("{path}/{way}"), Value::Null).await.status);
            }
            statuses
        };
        let before = master.api("GET", &of_master, Value::Null).await.json();
        assert_eq!(change(&other, &of_master).await, [404; 3]);
        assert_eq!(change(&master, &own).await, [404; 3], "not even the master key, which cannot change settings");
        assert_eq!(master.api("GET", &of_master, Value::Null).await.json(), before);
        assert_eq!(change(&other, &own).await, [200; 3]);
        assert_eq!(master.api("POST", &format!("{of_master}/start"), Value::Null).await.status, 200);
        let ways = ["", "/download", "/file"];
        let seen = async |who: &Client, path: &str| {
            let mut statuses = vec![];
            for way in ways {
                statuses.push(who.api("GET", &format!("{path}{way}"), Value::Null).await.status);
            }
            let list = who.api("GET", "/v1/logs/exports", Value::Null).await.json();
            (statuses, list["total"].as_u64().expect("a number"))
        };
        assert_eq!(seen(&other, &of_master).await, (vec![200; 3], 2));
        let fields = [("slug", house.slug.as_str()), ("version", "0"), ("own_only", "true")];
        done(&world.owner, "logs/change_settings", &fields).await;
        assert_eq!(seen(&other, &of_master).await, (vec![404; 3], 1), "whoever sees their own calls sees their own exports");
        assert_eq!(change(&other, &of_master).await, [404; 3]);
        assert_eq!(other.api("POST", &format!("{own}/start"), Value::Null).await.status, 200);
        assert_eq!(seen(&other, &own).await, (vec![200; 3], 1));
        assert_eq!(seen(&master, &own).await, (vec![200; 3], 2));
    })
    .await;
}
