//! Filters of the log that are saved: one's own and everybody's, who changes them, and what becomes of them.

use super::support::{Answer, Client, World, done, each_engine, text};
use crate::server::database::Db;
use serde_json::{Value, json};

async fn save(world: &World, client: &Client, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("slug", world.house.slug.as_str())];
    all.extend_from_slice(fields);
    client.form("logs/save_filter", &all).await
}

/// The filters that somebody sees: name, whether it is everybody's, and whether they may change it.
async fn seen(world: &World, client: &Client) -> Vec<(String, bool, bool)> {
    let page = client.form("logs/filters", &[("slug", &world.house.slug)]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let page = page.json();
    let filters = page["filters"].as_array().expect("filters").iter();
    filters
        .map(|one| {
            let flag = |flag: &Value| flag.as_bool().expect("a flag");
            (text(&one["saved"], "name"), flag(&one["saved"]["is_shared"]), flag(&one["may_change"]))
        })
        .collect()
}

/// The id of one that somebody sees.
async fn id_of(world: &World, client: &Client, name: &str) -> String {
    let page = client.form("logs/filters", &[("slug", &world.house.slug)]).await.json();
    let all = page["filters"].as_array().expect("filters");
    let one = all.iter().find(|one| one["saved"]["name"] == name).unwrap_or_else(|| panic!("{name} is in {page}"));
    text(&one["saved"], "id")
}

fn named(name: &str, is_shared: bool, may_change: bool) -> (String, bool, bool) {
    (name.to_owned(), is_shared, may_change)
}

#[tokio::test]
async fn ones_own_are_seen_by_nobody_else_and_stay_no_longer_than_their_owner() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let dee = world.join("dee@north.test", "member").await;
        let slug = world.house.slug.as_str();
        let ok = async |client: &Client, fields: &[(&str, &str)]| {
            let saved = save(&world, client, fields).await;
            assert_eq!(saved.status, 200, "{}", saved.text);
        };
        ok(&world.member, &[("name", "Failures"), ("filter", "status=failed&range=7d")]).await;
        ok(&world.member, &[("name", "Failures"), ("filter", "status=5xx"), ("shared", "true")]).await;
        ok(&dee, &[("name", "Failures"), ("filter", "status=4xx")]).await;
        assert_eq!(seen(&world, &world.member).await, [named("Failures", false, true), named("Failures", true, true)]);
        assert_eq!(seen(&world, &dee).await, [named("Failures", true, false), named("Failures", false, true)]);
        assert_eq!(seen(&world, &world.owner).await, [named("Failures", true, true)]);

        // They stand above the log and above analytics, and lead to both.
        for page in ["logs", "analytics"] {
            let html = world.member.page(&format!("/o/{slug}/{page}")).await.text.replace("&amp;", "&");
            assert!(html.contains(&format!("/o/{slug}/{page}?range=7d&status=failed")), "{page}: {html}");
            assert!(html.contains(&format!("/o/{slug}/{page}?status=5xx")), "{page}");
            assert!(!html.contains("status=4xx"), "what is another's own: {page}");
            let html = world.member.page(&format!("/o/{slug}/{page}?status=left")).await.text;
            assert!(html.contains(&format!("/o/{slug}/logs/filters?status=left")), "{page}: {html}");
        }
        let html = world.member.page(&format!("/o/{slug}/logs/filters?status=left&page=2")).await.text;
        assert!(html.contains("Outcome: caller left") && html.contains("value=\"status=left\""), "{html}");

        // Everybody's is changed by its maker, Owners and Admins.
        let theirs = [("name", "Failures"), ("filter", "status=lost"), ("shared", "true")];
        let refused = save(&world, &dee, &theirs).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "permission_denied"), "{}", refused.text);
        let shared = id_of(&world, &world.owner, "Failures").await;
        let delete = async |client: &Client, slug: &str, id: &str| {
            client.form("logs/delete_filter", &[("slug", slug), ("id", id)]).await.status
        };
        assert_eq!(delete(&dee, slug, &shared).await, 403);
        let by_id = [("id", shared.as_str()), ("name", "Trouble"), ("filter", "status=lost")];
        assert_eq!(save(&world, &dee, &by_id).await.status, 403);
        ok(&world.admin, &by_id).await;
        assert_eq!(seen(&world, &world.member).await, [named("Failures", false, true), named("Trouble", true, true)]);

        // What is another's own, or another organisation's, is not there.
        let own = id_of(&world, &dee, "Failures").await;
        for (client, slug) in [(&world.owner, slug), (&world.member, slug), (&world.stranger, world.south.as_str())] {
            assert_eq!(delete(client, slug, &own).await, 404);
        }
        assert_eq!(delete(&world.stranger, &world.south, &shared).await, 404);
        let mine = [("id", own.as_str()), ("name", "Mine"), ("filter", "status=ok")];
        assert_eq!(save(&world, &world.owner, &mine).await.status, 404);

        // Whoever leaves takes their own along and leaves what is everybody's.
        let rows = async || world.house.snapshot().await.iter().filter(|row| row.starts_with("log_filters:")).count();
        assert_eq!(rows().await, 3);
        done(&world.member, "team/leave", &[("slug", slug)]).await;
        assert_eq!(rows().await, 2);
        assert_eq!(seen(&world, &world.owner).await, [named("Trouble", true, true)]);
        assert_eq!(delete(&world.admin, slug, &shared).await, 200);
        assert_eq!(delete(&dee, slug, &own).await, 200);
        assert_eq!(rows().await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_saved_is_a_filter_that_the_log_takes_and_bounded() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let before = world.house.snapshot().await;
        let long = "x".repeat(81);
        for (name, filter, fields) in [
            ("", "status=4xx", &["name"][..]),
            (long.as_str(), "status=4xx", &["name"]),
            ("a\u{7}b", "status=4xx", &["name"]),
            ("x", "", &["filter"]),
            ("x", "status=", &["filter"]),
            ("x", "status=9xx", &["status"]),
            ("x", "range=2y&key=none&min_cost=-1", &["range", "key", "min_cost"]),
            ("x", "status=4xx&group=key", &["group"]),
            ("", "status=4xx&after=x", &["name", "after"]),
        ] {
            let refused = save(&world, &world.member, &[("name", name), ("filter", filter)]).await;
            let error = refused.json();
            let named: Vec<_> = error["fields"].as_array().expect("fields").iter().map(|f| text(f, "field")).collect();
            assert_eq!((refused.status, refused.code().as_str(), &named[..]), (422, "invalid", &fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>()[..]), "{filter}: {}", refused.text);
        }
        assert_eq!(save(&world, &world.stranger, &[("name", "x"), ("filter", "status=4xx")]).await.status, 404);
        assert_eq!(world.house.snapshot().await, before, "bad input changes nothing");

        // It is stored in one form, and told of.
        let last = async || world.house.chain(world.house.organisation).await.1.expect("an event");
        let first = [("name", " Errors "), ("filter", "?status=4xx&model= gpt &range=7d&key=")];
        assert_eq!(save(&world, &world.member, &first).await.status, 200);
        let event = last().await;
        assert_eq!((&event["action"], &event["subject"]["name"]), (&json!("log.save_filter"), &json!("Errors")));
        assert!(event["changes"].to_string().contains("range=7d&model=gpt&status=4xx"), "{event}");
        // The same name again replaces it; by its id it gets another name, but not one that is there.
        assert_eq!(save(&world, &world.member, &[("name", "Errors"), ("filter", "status=5xx")]).await.status, 200);
        let (was, now) = (json!("range=7d&model=gpt&status=4xx"), json!("status=5xx"));
        assert_eq!(last().await["changes"][0], json!({ "field": "filter", "was": was, "now": now }));
        assert_eq!(save(&world, &world.member, &[("name", "Slow"), ("filter", "min_latency=2000")]).await.status, 200);
        let slow = id_of(&world, &world.member, "Slow").await;
        let renamed = async |name: &str| {
            save(&world, &world.member, &[("id", &slow), ("name", name), ("filter", "min_latency=3000")]).await
        };
        let clash = renamed("Errors").await;
        assert_eq!((clash.status, &clash.json()["fields"][0]["field"]), (409, &json!("name")), "{}", clash.text);
        assert_eq!(renamed("Very slow").await.status, 200);
        assert_eq!(seen(&world, &world.member).await, [named("Errors", false, true), named("Very slow", false, true)]);

        // So many and no more, of one's own and of everybody's.
        let uuid = if matches!(world.house.app.db, Db::Sqlite { .. }) { "randomblob(16)" } else { "gen_random_uuid()" };
        let fill = async |name: &str, most: u32| {
            let sql = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) INSERT INTO log_filters SELECT f.org_id, {uuid}, f.owner, 'n' || i, f.query, f.maker, 'A', 1 FROM n CROSS JOIN log_filters f WHERE f.name = '{name}'"
            );
            world.house.as_owner_composed(&sql).await.expect("filters");
        };
        fill("Errors", 98).await;
        let full = save(&world, &world.member, &[("name", "one more"), ("filter", "status=ok")]).await;
        assert_eq!((full.status, full.code().as_str()), (409, "conflict"), "{}", full.text);
        assert_eq!(save(&world, &world.member, &[("name", "n98"), ("filter", "status=ok")]).await.status, 200);
        let shared = |name: &'static str| [("name", name), ("filter", "status=ok"), ("shared", "true")];
        assert_eq!(save(&world, &world.member, &shared("Ours")).await.status, 200);
        fill("Ours", 199).await;
        assert_eq!(save(&world, &world.owner, &shared("one more")).await.code(), "conflict");
        assert_eq!(seen(&world, &world.member).await.len(), 300);
        let html = world.member.page(&format!("/o/{}/logs", world.house.slug)).await.text;
        let line = html.split("aria-label=\"Saved filters\"").nth(1).and_then(|rest| rest.split("</nav>").next());
        assert_eq!(line.expect("the line").matches("<a ").count(), 12 + 1, "twelve, and the way to all");

        let errors = id_of(&world, &world.member, "Errors").await;
        done(&world.member, "logs/delete_filter", &[("slug", &world.house.slug), ("id", &errors)]).await;
        let event = last().await;
        assert_eq!((&event["action"], &event["subject"]["name"]), (&json!("log.delete_filter"), &json!("Errors")));
        assert_eq!(event["changes"][0], json!({ "field": "filter", "was": "status=5xx", "now": null }));
    })
    .await;
}
