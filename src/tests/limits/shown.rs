//! Where people and programs see limits: on the pages of what they hold for, in lists, and on Home.

use super::{call, change, limited, read, written};
use crate::{
    features::limits::{self, Use},
    kernel::time::DAY,
    tests::{
        gateway::{key, with_provider},
        support::{Client, House, World, done, each_engine, text},
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Sets a limit that blocks in the console.
pub(super) async fn set(owner: &Client, house: &House, on: &str, limit: &[(&str, &str)]) {
    let fields: Vec<_> = [("slug", house.slug.as_str()), ("on", on)].iter().chain(limit).copied().collect();
    done(owner, "limits/set", &fields).await;
}

const TWO_CALLS: [(&str, &str); 4] = [("kind", "budget"), ("measure", "requests"), ("span", "month"), ("amount", "2")];

#[tokio::test]
async fn the_page_of_a_key_tells_every_limit_that_holds_and_rest_its_own() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (id, secret) = key(&house, &owner, "Desk", "enabled").await;
        let path = format!("/v1/api-keys/{id}");
        let person = read(&house, &path).await["responsible_id"].as_str().expect("a person").to_owned();
        let own = format!("api_key:{id}");
        set(&owner, &house, &own, &TWO_CALLS).await;
        let tokens = [("kind", "budget"), ("measure", "tokens"), ("span", "whole"), ("amount", "100")];
        set(&owner, &house, &format!("person:{person}"), &tokens).await;
        let rate = [("kind", "rate"), ("measure", "requests"), ("span", "day"), ("amount", "50")];
        set(&owner, &house, &format!("organisation:{}", house.organisation), &rate).await;
        // One of somebody else's.
        let (other, _) = limited(&house, json!({})).await;
        set(
            &owner,
            &house,
            &format!("api_key:{other}"),
            &[("kind", "budget"), ("measure", "tokens"), ("amount", "77")],
        )
        .await;
        let program = house.program(&secret);
        assert_eq!(call(&program).await.status, 200);

        let fields = [("slug", house.slug.as_str()), ("id", id.as_str())];
        let shown = owner.form("api_keys/get", &fields).await.json();
        let mut shown: Vec<(String, i64, i64)> = shown["limits"]
            .as_array()
            .expect("limits")
            .iter()
            .map(|one| {
                let number = |field: &str| one[field].as_i64().expect("a number");
                (one["limit"]["on"]["scope"].as_str().expect("a scope").to_owned(), number("used"), number("amount"))
            })
            .collect();
        shown.sort();
        let expected = [("api_key", 1, 2), ("organisation", 1, 50), ("person", 11, 100)];
        assert_eq!(shown, expected.map(|(scope, used, amount)| (scope.to_owned(), used, amount)));
        // They are those that the gateway goes by, as it tells the key itself.
        let told = program.api("GET", "/v1/whoami", Value::Null).await.json();
        let mut scopes: Vec<_> = told["limits"].as_array().expect("limits").iter().map(|one| &one["scope"]).collect();
        scopes.sort_by_key(|scope| scope.to_string());
        assert_eq!(scopes, ["api_key", "organisation", "person"]);

        let page = owner.page(&format!("/o/{}/api-keys/{id}", house.slug)).await.text;
        for words in [
            "2 requests in a month",
            "1 request of 2 requests",
            "Inherited from the organisation",
            "1 request of 50 requests",
            "Inherited from Ada",
            "11 tokens of 100 tokens",
            "Never resets by itself",
            "Set a limit",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("77 tokens"), "another key's limit is no concern of this one");
        let rest = read(&house, &path).await;
        assert_eq!((&rest["usage_limits"]["credit_limit"], &rest["rate_limits"]), (&json!(2.0), &json!([])), "{rest}");

        set(&owner, &house, &format!("virtual_key:{}", virtual_key(&house).await), &TWO_CALLS).await;
        let page = owner.page(&format!("/o/{}/virtual-keys/main", house.slug)).await.text;
        assert!(page.contains("0 requests of 2 requests") && page.contains("Set a limit"), "{page}");
        assert!(!page.contains("50 requests"), "a virtual key has its own limits alone");
        let team = owner.page(&format!("/o/{}/team", house.slug)).await.text;
        assert!(team.contains(&format!("/limits?on=person%3A{person}")), "{team}");
    })
    .await;
}

async fn virtual_key(house: &House) -> String {
    let list = read(house, "/v1/virtual-keys").await;
    list["data"][0]["id"].as_str().expect("an id").to_owned()
}

/// The status of each in a list, by name.
async fn states(house: &House, path: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let list = read(house, path).await;
    let mut states: Vec<_> =
        list["data"].as_array().expect("a list").iter().map(|one| (text(&one["name"]), text(&one["status"]))).collect();
    states.sort();
    states
}

#[tokio::test]
async fn lists_tell_of_what_a_budget_is_used_up() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let once =
            |action: &str| json!({ "usage_limits": { "type": "requests", "credit_limit": 1, "action": action } });
        let (full, program) = limited(&house, once("block")).await;
        change(&house, &format!("/v1/api-keys/{full}"), json!({ "name": "Full" })).await;
        let (_, warned) = limited(&house, once("warn")).await;
        change(&house, "/v1/virtual-keys/main", json!({ "usage_limits": { "type": "requests", "credit_limit": 2 } }))
            .await;
        let keys = |state: &str| {
            [("Full", state), ("Limited", "active"), ("Master key", "active")]
                .map(|(name, state)| (name.to_owned(), state.to_owned()))
        };
        let main = |state: &str| [("Main".to_owned(), state.to_owned())];
        assert_eq!(states(&house, "/v1/api-keys").await, keys("active"));
        assert_eq!(states(&house, "/v1/virtual-keys").await, main("active"));
        assert_eq!((call(&program).await.status, call(&warned).await.status), (200, 200));
        assert_eq!(states(&house, "/v1/api-keys").await, keys("exhausted"));
        assert_eq!(states(&house, "/v1/virtual-keys").await, main("exhausted"));
        for list in ["api-keys", "virtual-keys"] {
            let page = owner.page(&format!("/o/{}/{list}", house.slug)).await.text;
            assert_eq!(page.matches(">Budget used up<").count(), 1, "{page}");
        }
        // So another process reads it, which knows what is written alone.
        written(&house, 4).await;
        let another = house.another(|_| {}).await;
        assert_eq!(states(&another, "/v1/api-keys").await, keys("exhausted"));
        // What was used before a budget began anew does not count.
        change(&house, &format!("/v1/api-keys/{full}"), json!({ "reset_usage": true })).await;
        assert_eq!(states(&house, "/v1/api-keys").await, keys("active"));
        assert_eq!(states(&another, "/v1/api-keys").await, keys("active"));
    })
    .await;
}

#[tokio::test]
async fn what_was_used_is_read_of_any_number_of_limits() {
    each_engine(async |house| {
        let (house, _, _provider) = with_provider(house).await;
        let day = |days: i64| json!({ "type": "requests", "credit_limit": 1_000, "periodic_reset_days": days });
        let many = json!({ "usage_limits": (1..=20).map(day).collect::<Vec<_>>() });
        change(&house, "/v1/admin/organisation", many.clone()).await;
        change(&house, "/v1/virtual-keys/main", many.clone()).await;
        let (_, program) = limited(&house, many).await;
        assert_eq!(call(&program).await.status, 200);
        written(&house, 60).await;
        let another = house.another(|_| {}).await;
        for house in [&house, &another] {
            let list = read(house, "/v1/limits").await;
            let used: Vec<_> =
                list["data"].as_array().expect("limits").iter().map(|one| &one["usage_limit"]["used"]).collect();
            assert_eq!(used, vec![&json!(1.0); 60]);
        }
    })
    .await;
}

/// Counts this much as used of every limit there is.
async fn spend(world: &World, amount: i64) {
    let list = world.owner.form("limits/list", &[("slug", &world.house.slug)]).await.json();
    let used = |named: &Value| Use {
        limit: named["standing"]["limit"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
        period: serde_json::from_value(named["standing"]["period"]["start"].clone()).expect("a moment"),
        amount,
        replica: Uuid::nil(),
    };
    let uses: Vec<Use> = list["limits"].as_array().expect("limits").iter().map(used).collect();
    let mut note = world.house.app.note_in(world.house.organisation).await.expect("writes");
    limits::count(note.tx(), &uses, world.house.app.clock.now()).await.expect("counts");
    note.commit().await.expect("is written");
}

#[tokio::test]
async fn home_names_the_budgets_of_which_little_is_left() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let told = async |who: &Client| {
            let home = who.form("home/view", &[("slug", slug)]).await.json();
            let told = |one: &Value| {
                let is = |field: &str| one[field].as_bool().expect("yes or no");
                (one["name"].as_str().expect("a name").to_owned(), is("used_up"), is("refuses"))
            };
            home["budgets"].as_array().expect("budgets").iter().map(told).collect::<Vec<_>>()
        };
        let organisation = format!("organisation:{}", world.house.organisation);
        let budget = |amount: &'static str, more: &[(&'static str, &'static str)]| {
            let mut limit = vec![("kind", "budget"), ("measure", "requests"), ("span", "month"), ("amount", amount)];
            limit.extend_from_slice(more);
            limit
        };
        let on = async |name: &str| format!("api_key:{}", world.key(name, &[("completions", "enabled")]).await.0);
        set(&world.owner, &world.house, &organisation, &budget("100", &[("alert_at", "10")])).await;
        set(&world.owner, &world.house, &on("Warned").await, &budget("10", &[("action", "warn")])).await;
        set(&world.owner, &world.house, &on("Full").await, &budget("10", &[])).await;
        set(&world.owner, &world.house, &on("Free").await, &budget("100", &[])).await;
        let rate = [("kind", "rate"), ("measure", "requests"), ("span", "hour"), ("amount", "1")];
        set(&world.owner, &world.house, &on("Fast").await, &rate).await;
        spend(&world, 9).await;
        assert_eq!(told(&world.owner).await.len(), 0);
        spend(&world, 1).await;
        let expected = [("Full", true, true), ("Warned", true, false), ("The organisation", false, false)];
        let expected = expected.map(|(name, used_up, refuses)| (name.to_owned(), used_up, refuses));
        for who in [&world.owner, &world.admin] {
            assert_eq!(told(who).await, expected);
        }
        assert_eq!(told(&world.member).await.len(), 0, "who may not list limits is told of none");
        let page = world.owner.page(&format!("/o/{slug}")).await.text;
        assert!(page.contains(": budget used up") && page.contains("10 requests of 10 requests"), "{page}");
        for number in 0..5 {
            set(&world.owner, &world.house, &on(&format!("More {number}")).await, &budget("1", &[])).await;
        }
        spend(&world, 1).await;
        assert_eq!(told(&world.owner).await.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn a_raise_ends_with_another_amount() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = ("slug", world.house.slug.as_str());
        let organisation = format!("organisation:{}", world.house.organisation);
        set(&world.owner, &world.house, &organisation, &TWO_CALLS).await;
        let limit = async || {
            let list = world.owner.form("limits/list", &[slug]).await.json();
            list["limits"][0]["standing"]["limit"].clone()
        };
        let id = text(&limit().await, "id");
        let until = world.house.app.clock.now().plus(DAY).rfc3339();
        done(&world.owner, "limits/raise", &[slug, ("id", &id), ("raised_to", "9"), ("raised_until", &until)]).await;
        for (amount, action, is_raised) in [("2", "warn", true), ("3", "warn", false)] {
            let fields = [("kind", "budget"), ("measure", "requests"), ("span", "month"), ("amount", amount)];
            let fields: Vec<_> = fields.into_iter().chain([("id", id.as_str()), ("action", action)]).collect();
            set(&world.owner, &world.house, &organisation, &fields).await;
            assert_eq!(limit().await["raised"].is_object(), is_raised, "{amount}");
        }
    })
    .await;
}

#[tokio::test]
async fn limits_on_what_is_gone_can_be_begun_anew_and_deleted() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, ("slug", world.house.slug.as_str()));
        let list = async || world.owner.form("limits/list", &[slug]).await.json();
        let before = list().await;
        let subjects = before["subjects"].as_array().expect("things");
        let cy = text(&subjects.iter().find(|one| one["name"] == "Cy").expect("Cy")["on"], "id");
        let (key, _) = world.key("Old", &[]).await;
        set(&world.owner, house, &format!("person:{cy}"), &TWO_CALLS).await;
        set(&world.owner, house, &format!("api_key:{key}"), &TWO_CALLS).await;
        let named = |list: &Value| -> Vec<(String, String)> {
            let limits = list["limits"].as_array().expect("limits");
            limits.iter().map(|one| (text(one, "name"), text(&one["standing"]["limit"], "id"))).collect()
        };
        let ids = named(&list().await);
        let names: Vec<&str> = ids.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.len() == 2 && names.contains(&"Cy") && names.contains(&"Old"), "{names:?}");
        done(&world.owner, "team/remove", &[slug, ("id", &cy)]).await;
        let deleted = house.program(&house.master_key).api("DELETE", &format!("/v1/api-keys/{key}"), Value::Null).await;
        assert_eq!(deleted.status, 200, "{}", deleted.text);
        // A person can come back; a key that is deleted calls no more.
        let left: Vec<String> = named(&list().await).into_iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["Deleted"]);
        for (_, id) in &ids {
            assert_eq!(world.owner.page(&format!("/o/{}/limits?id={id}", house.slug)).await.status, 200);
            done(&world.owner, "limits/reset", &[slug, ("id", id)]).await;
            done(&world.owner, "limits/delete", &[slug, ("id", id)]).await;
        }
        assert_eq!(named(&list().await).len(), 0);
    })
    .await;
}
