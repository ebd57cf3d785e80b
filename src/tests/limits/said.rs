//! What whoever sets limits is told of them, and what stays of how they were corrected.

use super::{call, change, limited, read, shown::set};
use crate::{
    kernel::{Timestamp, time::DAY},
    tests::{
        gateway::{key, with_provider},
        support::{Answer, House, World, each_engine, text},
    },
};
use serde_json::{Value, json};

/// The warnings of an answer that took what was sent: each with its code, and the beginning of its sentence.
fn warned(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let Some(warnings) = body.get("warnings") else { return vec![] };
    let warnings = warnings.as_array().expect("a list");
    assert!(!warnings.is_empty(), "where nothing is odd, nothing is said: {body}");
    warnings.iter().map(|one| (text(one, "code"), text(one, "message"))).collect()
}

fn codes(answer: &Answer) -> Vec<String> {
    warned(answer).into_iter().map(|(code, _)| code).collect()
}

fn budget(kind: &str, amount: i64, reset: &str) -> Value {
    json!({ "usage_limits": { "type": kind, "credit_limit": amount, "periodic_reset": reset } })
}

#[tokio::test]
async fn a_save_says_which_limits_hold_nothing_up() {
    each_engine(async |house| {
        let (house, _, provider) = with_provider(house).await;
        let master = house.program(&house.master_key);
        let put = async |path: &str, body: Value| master.api("PUT", path, body).await;
        let make = async |body: Value| master.api("POST", "/v1/api-keys", body).await;
        let with = |mut body: Value, more: Value| {
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        };
        let both = json!({ "usage_limits": [
            { "type": "requests", "credit_limit": 100, "periodic_reset": "monthly" },
            { "type": "tokens", "credit_limit": 100_000, "periodic_reset": "monthly" },
        ] });
        let organisation = put("/v1/admin/organisation", both).await;
        assert_eq!((codes(&organisation), organisation.json()), (vec![], json!({})));

        // Where a key is made.
        let fits = make(with(json!({ "name": "Fits" }), budget("requests", 100, "monthly"))).await;
        assert_eq!(codes(&fits).len(), 0, "as high is not higher");
        let high = make(with(json!({ "name": "High" }), budget("requests", 200, "monthly"))).await;
        let [(code, message)] = &warned(&high)[..] else { panic!("one warning: {}", high.text) };
        assert_eq!(code, "never_reached");
        let told = "200 requests in a month is more than the limit of the organisation, 100 requests in a month";
        assert!(message.starts_with(told), "{message}");
        let limits = read(&house, "/v1/limits").await;
        let ids: Vec<_> = limits["data"].as_array().expect("limits").iter().map(|one| text(one, "id")).collect();
        assert_eq!(limits["total"], 4, "all of them are set: {limits}");
        assert!(ids.contains(&text(&high.json()["warnings"][0], "limit_id")), "{}", high.text);
        let mute = json!({ "name": "Mute", "permissions": { "completions": "disabled" } });
        let mute = make(with(mute, budget("requests", 10, "monthly"))).await;
        assert_eq!(codes(&mute), ["holds_for_nothing"]);

        // Where one is changed: of what was set alone, and of nothing where no limit was.
        let path = format!("/v1/api-keys/{}", text(&high.json(), "id"));
        let rates = |value: i64| json!({ "rate_limits": [{ "type": "requests", "unit": "rph", "value": value }] });
        assert_eq!(codes(&put(&path, rates(101)).await), ["never_reached"], "an hour lies in a month");
        assert_eq!(codes(&put(&path, rates(20)).await).len(), 0);
        assert_eq!(codes(&put(&path, json!({ "description": "Another" })).await).len(), 0);
        assert_eq!(codes(&put(&path, budget("tokens", 1_000, "monthly")).await).len(), 0, "another measure");
        let own = json!({ "usage_limits": [
            { "type": "tokens", "credit_limit": 1_000, "periodic_reset": "monthly" },
            { "type": "tokens", "credit_limit": 2_000, "periodic_reset": "daily" },
        ] });
        let [(code, message)] = &warned(&put(&path, own).await)[..] else { panic!("one warning") };
        assert!(
            code == "never_reached" && message.contains("another limit on the same thing, 1,000 tokens in a month"),
            "{message}"
        );
        // Past its end it makes no calls.
        let end = house.app.clock.now().plus(DAY).rfc3339();
        assert_eq!(codes(&put(&path, json!({ "expires_at": end })).await).len(), 0);
        house.app.clock.advance(2 * DAY);
        assert_eq!(codes(&put(&path, budget("tokens", 900, "monthly")).await), ["holds_for_nothing"]);

        let more = put("/v1/virtual-keys/main", budget("tokens", 500_000, "monthly")).await;
        assert_eq!(codes(&more), ["never_reached"]);
        let attempts = put("/v1/virtual-keys/main", budget("requests", 500, "monthly")).await;
        assert_eq!(codes(&attempts).len(), 0, "it counts attempts, of which one call may need several");
        let base = format!("http://127.0.0.1:{}/v1", provider.port);
        let virtual_key = json!({ "name": "Next", "provider": "openai", "key": "sk-2", "base_url": base });
        let next = master.api("POST", "/v1/virtual-keys", with(virtual_key, budget("tokens", 100_001, "daily"))).await;
        assert_eq!(codes(&next), ["never_reached"]);

        // By routes of their own, and of the person whom a key answers for.
        let owner = house.person("ada@north.test").await;
        let (desk, _) = key(&house, &owner, "Desk", "enabled").await;
        let person = text(&read(&house, &format!("/v1/api-keys/{desk}")).await, "responsible_id");
        let tokens = [("kind", "budget"), ("measure", "tokens"), ("span", "month"), ("amount", "50")];
        set(&owner, &house, &format!("person:{person}"), &tokens).await;
        let budget = json!({ "type": "tokens", "credit_limit": 60, "periodic_reset": "monthly" });
        let limit = json!({ "scope": "api_key", "subject_id": desk, "usage_limit": budget });
        let desk_limit = master.api("POST", "/v1/limits", limit).await;
        let [(_, message)] = &warned(&desk_limit)[..] else { panic!("one warning: {}", desk_limit.text) };
        assert!(message.contains("the limit of the person it answers for, 50 tokens"), "{message}");
        let path = format!("/v1/limits/{}", text(&desk_limit.json(), "id"));
        let lower = json!({ "usage_limit": { "type": "tokens", "credit_limit": 40, "periodic_reset": "monthly" } });
        assert_eq!(codes(&put(&path, lower).await).len(), 0);
        let raise = |to: &str| json!({ "raised_to": to, "raised_until": "2999-12-31T00:00:00Z" });
        assert_eq!(codes(&master.api("POST", &format!("{path}/raise"), raise("50")).await).len(), 0);
        let raised = master.api("POST", &format!("{path}/raise"), raise("70")).await;
        let [(code, message)] = &warned(&raised)[..] else { panic!("one warning: {}", raised.text) };
        assert!(code == "never_reached" && message.starts_with("70 tokens in a month is more than"), "{message}");

        // The console says the same.
        let on = format!("api_key:{desk}");
        let fields = [
            ("slug", house.slug.as_str()),
            ("on", on.as_str()),
            ("kind", "budget"),
            ("measure", "requests"),
            ("span", "month"),
            ("amount", "300"),
        ];
        let typed = owner.form("limits/set", &fields).await;
        assert!(typed.status < 400, "{}", typed.text);
        assert_eq!(typed.json()[0]["code"], "never_reached", "{}", typed.text);
        let page = owner.page(&format!("/o/{}/limits?done=doubted", house.slug)).await.text;
        let listed = "Desk: 300 requests in a month is more than the limit of the organisation";
        assert!(page.contains(listed) && page.contains("The limit is set, but has no effect"), "{page}");
    })
    .await;
}

/// The corrections of a limit, the newest first: kind, what was before and after, and the reason.
async fn history(house: &House, id: &str) -> Vec<(String, f64, f64, Value)> {
    let list = read(house, &format!("/v1/limits/{id}/history")).await;
    let number = |one: &Value, field: &str| one[field].as_f64().expect("a number");
    let told = |one: &Value| (text(one, "kind"), number(one, "before"), number(one, "after"), one["reason"].clone());
    list["data"].as_array().expect("corrections").iter().map(told).collect()
}

#[tokio::test]
async fn each_correction_stays_with_what_it_was_for() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (id, program) = limited(&house, budget("requests", 5, "monthly")).await;
        let master = house.program(&house.master_key);
        let limit = text(&read(&house, "/v1/limits").await["data"][0], "id");
        let act = async |what: &str, body: Value| master.api("POST", &format!("/v1/limits/{limit}/{what}"), body).await;
        assert!(history(&house, &limit).await.is_empty());
        let empty = owner.page(&format!("/o/{}/limits?id={limit}", house.slug)).await.text;
        assert!(empty.contains("It was never raised or reset."), "{empty}");

        assert_eq!((call(&program).await.status, call(&program).await.status), (200, 200));
        assert_eq!(act("reset", json!({ "reason": "A test ran wild" })).await.status, 200);
        let until = "2999-12-31T00:00:00Z";
        let raise = |to: &str, why: &str| json!({ "raised_to": to, "raised_until": until, "reason": why });
        assert_eq!(act("raise", raise("4", "No raise at all")).await.status, 422);
        assert_eq!(act("raise", raise("9", "The fair")).await.status, 200);
        assert_eq!(act("raise", json!({ "reason": "It is over" })).await.status, 200);
        assert_eq!(act("raise", json!({ "reason": "There is none" })).await.status, 200);
        assert_eq!(act("raise", raise("8", "")).await.status, 200);
        let path = format!("/v1/api-keys/{id}");
        change(&house, &path, json!({ "alert_emails": ["it@north.test"] })).await;
        change(&house, &path, budget("requests", 6, "monthly")).await;
        change(&house, &path, json!({ "reset_usage": true })).await;
        let row = |kind: &str, before: f64, after: f64, reason: Value| (kind.to_owned(), before, after, reason);
        let expected = [
            row("reset", 0.0, 0.0, Value::Null),
            row("end_of_raise", 8.0, 6.0, json!("The limit was changed")),
            row("raise", 5.0, 8.0, Value::Null),
            row("end_of_raise", 9.0, 5.0, json!("It is over")),
            row("raise", 5.0, 9.0, json!("The fair")),
            row("reset", 2.0, 0.0, json!("A test ran wild")),
        ];
        assert_eq!(history(&house, &limit).await, expected);
        let list = read(&house, &format!("/v1/limits/{limit}/history")).await;
        let first = &list["data"][5];
        assert_eq!(
            (&list["total"], &first["by"], &first["raised_until"]),
            (&json!(6), &json!("Master key"), &Value::Null)
        );
        let start = text(first, "period_start");
        assert!(start.ends_with("-01T00:00:00.000Z") && text(first, "at") > start, "{first}");
        assert_eq!(list["data"][4]["raised_until"], "2999-12-31T00:00:00.000Z");

        let page = owner.page(&format!("/o/{}/limits?id={limit}", house.slug)).await.text;
        for words in
            ["Corrections of the limit", "2 requests used, reset to zero", "A test ran wild", "The fair", "None given"]
        {
            assert!(page.contains(words), "{words}: {page}");
        }
        for (statement, verb) in [
            ("UPDATE limit_corrections SET reason = 'Another'", "changed"),
            ("DELETE FROM limit_corrections", "deleted"),
        ] {
            let refused = house.as_owner(statement).await.expect_err("the trigger refuses").to_string();
            assert!(
                refused.contains("limit corrections cannot be") && refused.contains(verb),
                "{statement}: {refused}"
            );
        }
        assert_eq!(history(&house, &limit).await, expected);
        // One that there is not has none to read.
        for gone in ["0198c5a2-7b1e-7000-8000-000000000000", "nothing"] {
            assert_eq!(
                master.api("GET", &format!("/v1/limits/{gone}/history"), Value::Null).await.status,
                404,
                "{gone}"
            );
        }
    })
    .await;
}

/// Where the limit above was begun anew, one that has been counting for longer is reached all the same.
#[tokio::test]
async fn nothing_is_said_of_a_limit_that_counts_more_than_the_one_above() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let master = house.program(&house.master_key);
        // The tenth of the next month, so that no month ends unforeseen.
        let now = house.app.clock.now();
        let today = now.rfc3339();
        let [year, month]: [i32; 2] = [&today[..4], &today[5..7]].map(|digits| digits.parse().expect("a number"));
        let tenth = format!("{}-{:02}-10T12:00:00Z", year + month / 12, month % 12 + 1);
        house.app.clock.advance(Timestamp::parse(&tenth).expect("a moment").0 - now.0);
        let (id, _) = limited(&house, budget("requests", 8, "monthly")).await;
        let path = format!("/v1/api-keys/{id}");
        let save = async |amount: i64| codes(&master.api("PUT", &path, budget("requests", amount, "monthly")).await);
        house.app.clock.advance(DAY);
        let set = master.api("PUT", "/v1/admin/organisation", budget("requests", 5, "monthly")).await;
        assert_eq!(set.status, 200, "{}", set.text);
        assert_eq!(save(9).await.len(), 0, "the organisation's was set later");
        house.app.clock.advance(30 * DAY);
        assert_eq!(save(8).await, ["never_reached"], "both count the month from its beginning");
        let reset = master.api("PUT", "/v1/admin/organisation", json!({ "reset_usage": true })).await;
        assert_eq!(reset.status, 200, "{}", reset.text);
        assert_eq!(save(9).await.len(), 0, "the organisation's was begun anew");
        house.app.clock.advance(30 * DAY);
        assert_eq!(save(8).await, ["never_reached"]);
    })
    .await;
}

#[tokio::test]
async fn the_history_of_a_deleted_limit_can_be_read() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let master = house.program(&house.master_key);
        let set = master.api("PUT", "/v1/admin/organisation", budget("requests", 5, "monthly")).await;
        assert_eq!(set.status, 200, "{}", set.text);
        let limit = text(&read(house, "/v1/limits").await["data"][0], "id");
        let raise = json!({ "raised_to": "9", "raised_until": "2999-12-31T00:00:00Z", "reason": "The fair" });
        let path = format!("/v1/limits/{limit}");
        assert_eq!(master.api("POST", &format!("{path}/raise"), raise).await.status, 200);
        let expected = [("raise".to_owned(), 5.0, 9.0, json!("The fair"))];
        assert_eq!(history(house, &limit).await, expected);
        let deleted = master.api("DELETE", &path, Value::Null).await;
        assert!(deleted.status < 300, "{}", deleted.text);
        assert_eq!(read(house, "/v1/limits").await["total"], 0);
        assert_eq!(history(house, &limit).await, expected);
        let never = "/v1/limits/0198c5a2-7b1e-7000-8000-000000000000".to_owned();
        for (program, path) in [(house.program(&world.south_key), &path), (master, &never)] {
            let hidden = program.api("GET", &format!("{path}/history"), Value::Null).await;
            assert_eq!(hidden.status, 404, "{path}: {}", hidden.text);
        }
    })
    .await;
}
