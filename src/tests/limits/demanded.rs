//! The rule that every API key has a budget.

use super::{call, limited, read};
use crate::tests::{
    gateway::{key, with_provider},
    support::{Answer, done, each_engine},
};
use serde_json::{Value, json};

const POLICY: &str = "/v1/admin/organisation/key-policy";

/// The fields that an answer of 422 names, of a program's call or of a form.
fn fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 422, "{}", answer.text);
    let body = answer.json();
    let fields = if body["error"].is_object() { &body["error"]["fields"] } else { &body["fields"] };
    let name = |field: &Value| field["field"].as_str().expect("a field").to_owned();
    fields.as_array().expect("fields").iter().map(name).collect()
}

#[tokio::test]
async fn keys_without_a_budget_are_blocked_until_they_have_one() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let master = house.program(&house.master_key);
        let budget = json!({ "type": "requests", "credit_limit": 1_000 });
        let (rich, with_budget) = limited(&house, json!({ "usage_limits": budget })).await;
        let (plain, secret) = key(&house, &owner, "Plain", "enabled").await;
        let without = house.program(&secret);
        let warns = json!({ "usage_limits": { "type": "requests", "credit_limit": 5, "action": "warn" } });
        let (_, warned) = limited(&house, warns).await;

        // How many it blocks has to be said. One that only warns is no budget in this sense, nor is a rate.
        let told = master.api("PUT", POLICY, json!({ "must_have_budget": true })).await;
        assert_eq!(fields(&told), ["blocks"]);
        assert!(told.text.contains("2 keys would be blocked"), "{}", told.text);
        assert_eq!(call(&without).await.status, 200, "nothing is changed by that");
        let set = master.api("PUT", POLICY, json!({ "must_have_budget": true, "blocks": 2 })).await;
        assert_eq!(set.status, 200, "{}", set.text);
        assert_eq!(read(&house, "/v1/admin/organisation").await["key_policy"]["must_have_budget"], true);
        for program in [&without, &warned] {
            let refused = call(program).await;
            assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("key_breaks_policy")));
            assert!(refused.text.contains("has a budget of its own"), "{}", refused.text);
            let refused = program.api("GET", "/v1/whoami", Value::Null).await;
            assert_eq!((refused.status, &refused.json()["error"]["code"]), (403, &json!("key_breaks_policy")));
        }
        assert_eq!(call(&with_budget).await.status, 200);
        let path = format!("/v1/api-keys/{plain}");
        let shown = read(&house, &path).await;
        assert_eq!(shown["status"], "blocked", "{shown}");
        let settings = owner.form("organisation/settings", &[("slug", &house.slug)]).await.json();
        assert_eq!(settings["key_policy"]["blocked"], 2, "{settings}");

        // No key is made or rotated against it, and none loses its budget by a save.
        let own = json!({ "type": "cost", "credit_limit": 5, "periodic_reset": "monthly" });
        let only_warns =
            json!({ "name": "New", "usage_limits": { "type": "cost", "credit_limit": 5, "action": "warn" } });
        let versions = async || {
            let list = read(&house, "/v1/api-keys").await;
            let keys = list["data"].as_array().expect("keys");
            keys.iter().map(|key| (key["id"].clone(), key["version"].clone())).collect::<Vec<_>>()
        };
        let before = versions().await;
        for body in [json!({ "name": "New" }), only_warns] {
            assert_eq!(fields(&master.api("POST", "/v1/api-keys", body).await), ["usage_limits"]);
        }
        let poor = master.api("PUT", &format!("/v1/api-keys/{rich}"), json!({ "usage_limits": null })).await;
        assert_eq!(fields(&poor), ["usage_limits"]);
        assert_eq!(fields(&master.api("POST", &format!("{path}/rotate"), json!({})).await), ["usage_limits"]);
        assert_eq!(versions().await, before, "a refusal changes nothing");
        let renamed = master.api("PUT", &path, json!({ "description": "Waits for its budget." })).await;
        assert_eq!(renamed.status, 200, "what is nothing of the policy's can be changed: {}", renamed.text);
        let made = master.api("POST", "/v1/api-keys", json!({ "name": "New", "usage_limits": own })).await;
        assert_eq!(made.status, 200, "{}", made.text);
        let given = master.api("PUT", &path, json!({ "usage_limits": own })).await;
        assert_eq!(given.status, 200, "{}", given.text);
        assert_eq!(call(&without).await.status, 200, "it works again");
        assert_eq!(read(&house, &path).await["status"], "active");

        // A budget can be deleted all the same, and the page says what that means.
        let page = async || owner.page(&format!("/o/{}/limits", house.slug)).await.text;
        assert!(page().await.contains("are blocked: Limited."), "{}", page().await);
        let limits = read(&house, "/v1/limits").await;
        let of_plain =
            limits["data"].as_array().expect("limits").iter().find(|one| one["subject_id"] == plain.as_str());
        let id = of_plain.expect("its limit")["id"].as_str().expect("an id").to_owned();
        done(&owner, "limits/delete", &[("slug", &house.slug), ("id", &id)]).await;
        assert!(page().await.contains("are blocked: Limited, Plain."), "{}", page().await);
        assert_eq!(call(&without).await.status, 403);

        // The rule ends, and with it what it did.
        let was = settings["key_policy"]["was"].as_str().expect("a text");
        let fields = [("slug", house.slug.as_str()), ("was", was), ("must_expire", "no"), ("must_have_budget", "no")];
        done(&owner, "organisation/key_policy", &fields).await;
        assert_eq!(call(&without).await.status, 200);
        let event = house.chain(house.organisation).await.1.expect("an event");
        let change = json!({ "field": "keys_must_have_budget", "was": true, "now": false });
        assert!(event["changes"].as_array().expect("changes").contains(&change), "{event}");
    })
    .await;
}

#[tokio::test]
async fn a_key_is_made_with_its_budget_in_the_console() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let set = house.program(&house.master_key).api("PUT", POLICY, json!({ "must_have_budget": true })).await;
        assert_eq!(set.status, 200, "the master key is exempt: {}", set.text);
        let create = async |budget: &str| {
            let fields = [("slug", house.slug.as_str()), ("name", "Desk"), ("expiry", "90"), ("usage_limits", budget)];
            owner.form("api_keys/create", &fields).await
        };
        let before = house.snapshot().await;
        for budget in ["", " ", "0.5", "ten", "-3"] {
            assert_eq!(fields(&create(budget).await), ["usage_limits"], "{budget}");
        }
        assert_eq!(house.snapshot().await, before, "a refusal changes nothing");
        let made = create("$12.50").await;
        assert_eq!(made.status, 200, "{}", made.text);
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        let shown = read(&house, &format!("/v1/api-keys/{id}")).await;
        let budget = &shown["usage_limits"];
        assert_eq!((&budget["type"], &budget["credit_limit"]), (&json!("cost"), &json!(12.5)), "{shown}");
        assert_eq!((&budget["periodic_reset"], &budget["action"]), (&json!("monthly"), &json!("block")), "{shown}");
        assert_eq!(shown["status"], "active");
        let page = owner.page(&format!("/o/{}/api-keys/new", house.slug)).await.text;
        assert!(page.contains("Monthly budget in dollars"), "{page}");
    })
    .await;
}
