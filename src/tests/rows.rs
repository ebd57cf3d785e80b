//! Rows as no version of the program should have written them, on both databases: they take no list down with them.

use super::support::{Calls, House, World, done, each_engine, text};
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn absurd_numbers_are_shown_and_added_up() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let ids: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            house.add_uncounted_call(*id).await;
        }
        for extreme in ["9223372036854775807", "36800000000000000", "-9223372036854775808"] {
            let sql = "UPDATE call_logs SET cost = N, input_tokens = N, cached_input_tokens = N, output_tokens = N, latency_us = N, first_byte_us = N, status = N, finished_at = N";
            house.as_owner_composed(&sql.replace('N', extreme)).await.expect("changed");
            calls_are_listed(&house, 3, 3).await;
            for page in ["logs", &format!("logs/{}", ids[0]), "logs?range=30d&status=ok"] {
                let page = ada.page(&format!("/o/{}/{page}", house.slug)).await;
                assert_eq!(page.status, 200, "{extreme}: {}", page.text);
            }
            let detail = house.program(&house.master_key).api("GET", &format!("/v1/logs/{}", ids[1]), Value::Null).await;
            assert_eq!(detail.status, 200, "{extreme}: {}", detail.text);
        }
        let totals = ada.form("logs/list", &[("slug", &house.slug)]).await.json()["totals"].clone();
        assert_eq!(totals["cost"], json!(i64::MIN), "a sum stops at the end of the numbers: {totals}");

        // A word that is not known is no other word: that call is left out, and those beside it are there.
        house
            .as_owner("UPDATE call_logs SET outcome = 'unheard of' WHERE id = (SELECT id FROM call_logs ORDER BY id LIMIT 1)")
            .await
            .expect("spoilt");
        calls_are_listed(&house, 3, 2).await;
    })
    .await;
}

/// How many calls the lists count, and how many they show.
async fn calls_are_listed(house: &House, total: i64, shown: usize) {
    let program = house.program(&house.master_key);
    for asked in ["", "?range=1h", "?range=30d", "?status=ok", "?model=gpt"] {
        let list = program.api("GET", &format!("/v1/logs{asked}"), Value::Null).await;
        assert_eq!(list.status, 200, "{asked}: {}", list.text);
        let list = list.json();
        if asked != "?status=ok" {
            assert_eq!(list["total"], json!(total), "{asked}: {list}");
        }
        assert_eq!(list["data"].as_array().map(Vec::len), Some(shown), "{asked}: {list}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_left_out() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, ("slug", world.house.slug.as_str()));
        let (id, _) = world.key("spoilt", &[]).await;
        world.key("sound", &[]).await;
        for name in ["spoilt", "sound"] {
            let fields = [
                slug,
                ("name", name),
                ("key_slug", name),
                ("provider", "openai"),
                ("base_url", "http://127.0.0.1:8080/v1"),
                ("credential", "sk-test"),
            ];
            let made = world.owner.form("virtual_keys/create", &fields).await;
            assert_eq!(made.status, 200, "{}", made.text);
        }
        house
            .as_owner(r#"UPDATE api_keys SET permissions = '["nothing.known"]' WHERE name = 'spoilt'"#)
            .await
            .expect("spoilt");
        house.as_owner("UPDATE virtual_keys SET provider = 'nobody' WHERE name = 'spoilt'").await.expect("spoilt");
        let names = |list: &Value, of: &str| {
            let names = list[of].as_array().expect("a list").iter().map(|item| text(item, "name"));
            names.collect::<Vec<_>>()
        };
        let keys = world.owner.form("api_keys/list", &[slug]).await;
        assert_eq!(keys.status, 200, "{}", keys.text);
        assert_eq!(names(&keys.json(), "keys"), ["Master key", "sound"]);
        let program = house.program(&house.master_key);
        for (path, expected) in [("/v1/api-keys", vec!["Master key", "sound"]), ("/v1/virtual-keys", vec!["sound"])] {
            let list = program.api("GET", path, Value::Null).await;
            assert_eq!(list.status, 200, "{path}: {}", list.text);
            assert_eq!(names(&list.json(), "data"), expected, "{path}");
        }
        for page in ["api-keys", "virtual-keys", "team", "logs"] {
            let answer = world.owner.page(&format!("/o/{}/{page}", house.slug)).await;
            assert_eq!(answer.status, 200, "{page}: {}", answer.text);
        }
        // The key itself is a fault, and no lesser key.
        let spoilt = program.api("GET", &format!("/v1/api-keys/{id}"), Value::Null).await;
        assert_eq!(spoilt.status, 500, "{}", spoilt.text);
    })
    .await;
}

#[tokio::test]
async fn a_guardrail_that_cannot_be_read_lets_nothing_through() {
    each_engine(async |house| spoilt_guardrail(World::new(house).await).await).await;
}

async fn spoilt_guardrail(world: World) {
    let calls = Calls::new().await;
    calls.virtual_key(&world, "main", "openai").await;
    let guardrail = world.guardrail("Strict", "please").await;
    let fields = [("slug", world.house.slug.as_str()), ("of", guardrail.as_str()), ("requests", "yes")];
    done(&world.owner, "guardrails/enforce", &fields).await;
    let ask = async |house: &House| {
        let message = json!({ "role": "user", "content": "Answer, please." });
        let body = json!({ "model": "@main/gpt-4o", "messages": [message] });
        house.program(&house.master_key).api("POST", "/v1/chat/completions", body).await
    };
    assert_eq!(ask(&world.house).await.status, 200);
    world.house.as_owner("UPDATE guardrail_versions SET body = '{'").await.expect("spoilt");
    let anew = ask(&world.house.another(|_| {}).await).await;
    assert!(anew.status >= 500, "{}: {}", anew.status, anew.text);
}
