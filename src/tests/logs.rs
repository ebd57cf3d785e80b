//! The log of calls on both databases: filters, pages, totals, bars, and the wall around it.

use super::support::{Answer, Client, House, World, each_engine};
use crate::server::database::Db;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// A call to be put into the log.
#[derive(Clone)]
struct Row {
    id: u128,
    age: i64,
    key: Option<Uuid>,
    model: &'static str,
    outcome: &'static str,
    status: Option<i64>,
    latency: Option<i64>,
    cost: Option<i64>,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            id: 1,
            age: 1_000,
            key: None,
            model: "gpt-4o",
            outcome: "ok",
            status: Some(200),
            latency: Some(5_000),
            cost: Some(1_000_000),
        }
    }
}

async fn put(house: &House, now: i64, rows: &[Row]) {
    const SQL: &str = "INSERT INTO call_logs (org_id, id, started_at, finished_at, key_id, provider, model, endpoint, streamed, outcome, status, latency_us, input_tokens, output_tokens, cost, trace_id) VALUES ($1, $2, $3, CASE WHEN $6 <> 'started' THEN $3 END, $4, 'openai', $5, 'chat_completions', false, $6, $7, $8, 900, 304, $9, 'trace')";
    let query = |row: &Row| (Uuid::from_u128(row.id), now - row.age, row.clone());
    match (&house.app.db, house.owner_url()) {
        (Db::Sqlite { writer, .. }, _) => {
            let mut tx = writer.begin().await.expect("a transaction");
            for (id, at, row) in rows.iter().map(query) {
                let sql = sqlx::query(SQL).bind(house.organisation.0).bind(id).bind(at).bind(row.key).bind(row.model);
                let sql = sql.bind(row.outcome).bind(row.status).bind(row.latency).bind(row.cost);
                sql.execute(&mut *tx).await.expect("a call");
            }
            tx.commit().await.expect("committed");
        }
        (Db::Postgres(_), Some(url)) => {
            let mut owner = PgConnection::connect(&url).await.expect("the owner connects");
            for (id, at, row) in rows.iter().map(query) {
                let sql = sqlx::query(SQL).bind(house.organisation.0).bind(id).bind(at).bind(row.key).bind(row.model);
                let sql = sql.bind(row.outcome).bind(row.status).bind(row.latency).bind(row.cost);
                sql.execute(&mut owner).await.expect("a call");
            }
        }
        (Db::Postgres(_), None) => panic!("PostgreSQL without its owner's address"),
    }
}

async fn list(client: &Client, house: &House, query: &[(&str, &str)]) -> Answer {
    let named: Vec<(String, &str)> = query.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
    let mut fields = vec![("slug", house.slug.as_str())];
    fields.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    client.form("logs/list", &fields).await
}

async fn page(client: &Client, house: &House, query: &[(&str, &str)]) -> Value {
    let answer = list(client, house, query).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn ids(page: &Value) -> Vec<u128> {
    let calls = page["calls"].as_array().expect("calls");
    calls.iter().map(|call| call["id"].as_str().expect("an id").parse::<Uuid>().expect("a UUID").as_u128()).collect()
}

#[tokio::test]
async fn pages_cover_every_call_once_in_both_directions() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let now = house.app.clock.now().0;
        // Many in one millisecond: the id decides.
        let rows: Vec<Row> = (1..=120)
            .map(|id| Row { id, age: 10_000 + i64::try_from(id / 40).expect("small"), ..Row::default() })
            .collect();
        put(&house, now, &rows).await;
        let first = page(&owner, &house, &[]).await;
        assert_eq!((ids(&first).len(), first["previous"].is_null(), first["next"].is_null()), (50, true, false));
        let second = page(&owner, &house, &[("after", first["next"].as_str().expect("a cursor"))]).await;
        let third = page(&owner, &house, &[("after", second["next"].as_str().expect("a cursor"))]).await;
        assert_eq!((ids(&second).len(), ids(&third).len(), third["next"].is_null()), (50, 20, true));
        let all = [ids(&first), ids(&second), ids(&third)].concat();
        let mut expected: Vec<u128> = (1..=120).collect();
        expected.sort_by_key(|id| (id / 40, std::cmp::Reverse(*id)));
        assert_eq!(all, expected, "newest first, none twice");
        let back = page(&owner, &house, &[("before", third["previous"].as_str().expect("a cursor"))]).await;
        assert_eq!((&back["calls"], back["next"].is_null()), (&second["calls"], false));
        let back = page(&owner, &house, &[("before", back["previous"].as_str().expect("a cursor"))]).await;
        assert_eq!((&back["calls"], back["previous"].is_null()), (&first["calls"], true));
        // Programs read other parts of the same list, by number or behind a cursor.
        let program = house.program(&house.master_key);
        let part = async |query: &str| program.api("GET", &format!("/v1/logs?{query}"), Value::Null).await.json();
        let of = |part: &Value| ids(&json!({ "calls": part["data"] }));
        let most = part("page_size=100").await;
        assert_eq!((of(&most), &most["total"]), (expected[..100].to_vec(), &json!(120)));
        let rest = part(&format!("page_size=100&cursor={}", most["next"].as_str().expect("a cursor"))).await;
        assert_eq!((of(&rest), &rest["total"], &rest["next"]), (expected[100..].to_vec(), &json!(120), &Value::Null));
        let third = part("page_size=7&current_page=2").await;
        assert_eq!((of(&third), third["next"].is_string()), (expected[14..21].to_vec(), true));
        assert_eq!(of(&part("page_size=100&current_page=1").await), expected[100..]);
        assert!(of(&part("page_size=100&current_page=2").await).is_empty(), "behind the end there is nothing");
        for bad in ["x", "AAAA", "'; DROP TABLE call_logs; --"] {
            assert_eq!(list(&owner, &house, &[("after", bad)]).await.status, 400, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn filters_totals_and_bars_agree() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        let now = house.app.clock.now().0;
        let key = Uuid::from_u128(77);
        put(
            &house,
            now,
            &[
                Row { id: 1, age: 60_000, latency: Some(1_000), ..Row::default() },
                Row {
                    id: 2,
                    age: 120_000,
                    model: "claude-sonnet-4-5",
                    latency: Some(9_000),
                    key: Some(key),
                    ..Row::default()
                },
                Row {
                    id: 3,
                    age: 180_000,
                    outcome: "refused",
                    status: Some(403),
                    latency: Some(100),
                    cost: None,
                    ..Row::default()
                },
                Row {
                    id: 4,
                    age: 240_000,
                    outcome: "failed",
                    status: Some(502),
                    latency: Some(3_000),
                    cost: None,
                    key: Some(key),
                    ..Row::default()
                },
                Row {
                    id: 5,
                    age: 300_000,
                    outcome: "started",
                    status: None,
                    latency: None,
                    cost: None,
                    ..Row::default()
                },
                Row { id: 6, age: 2 * 3_600_000, model: "GPT-4O%", ..Row::default() },
                Row { id: 7, age: 3 * 86_400_000, ..Row::default() },
            ],
        )
        .await;
        let hour = page(&owner, &house, &[("range", "1h")]).await;
        assert_eq!(ids(&hour), [1, 2, 3, 4, 5]);
        let p50 = hour["totals"]["p50_us"].as_i64().expect("a length");
        assert!((990..=1_010).contains(&p50), "true within one in a hundred: {p50}");
        assert_eq!(
            hour["totals"],
            json!({ "entries": 5, "calls": 5, "failed": 2, "cost": 2_000_000, "p50_us": p50, "unpriced": 2 })
        );
        let started = page(&owner, &house, &[("range", "1h"), ("status", "started")]).await;
        assert_eq!(ids(&started), [5]);
        assert!(started["totals"]["cost"].is_null(), "a cost that is not known is not nothing");
        let bars = hour["bars"].as_array().expect("bars");
        let sum = |field: &str| bars.iter().map(|bar| bar[field].as_u64().expect("a number")).sum::<u64>();
        assert_eq!((bars.len(), sum("ok"), sum("failed")), (61, 3, 2));
        assert!(bars.windows(2).all(|pair| pair[0]["start"].as_i64() < pair[1]["start"].as_i64()));
        let key = key.to_string();
        for (query, expected) in [
            (vec![], vec![1_u128, 2, 3, 4, 5, 6]),
            (vec![("range", "7d")], vec![1, 2, 3, 4, 5, 6, 7]),
            (vec![("model", "SONNET")], vec![2]),
            (vec![("model", "4o%")], vec![6]),
            (vec![("model", "_")], vec![]),
            (vec![("status", "refused")], vec![3]),
            (vec![("status", "started")], vec![5]),
            (vec![("status", "5xx")], vec![4]),
            (vec![("key", &key)], vec![2, 4]),
            (vec![("key", &key), ("status", "ok"), ("range", "1h")], vec![2]),
            (vec![("virtual_key", &key)], vec![]),
        ] {
            let found = page(&owner, &house, &query).await;
            assert_eq!(ids(&found), expected, "{query:?}");
            assert_eq!(found["totals"]["calls"].as_u64(), Some(expected.len() as u64), "{query:?}");
            assert_eq!(found["first_call"], Value::Null);
        }
        for (name, bad) in [("range", "2y"), ("key", "x"), ("status", "9xx"), ("virtual_key", "1 OR 1=1")] {
            let refused = list(&owner, &house, &[(name, bad)]).await;
            assert_eq!((refused.status, refused.json()["fields"][0]["field"].as_str()), (422, Some(name)));
        }
        // The page itself, as a browser without JavaScript sees it.
        let seen = owner.page(&format!("/o/{}/logs?range=1h&status=refused", house.slug)).await;
        assert_eq!(seen.status, 200);
        assert!(seen.text.contains("403 refused") && !seen.text.contains("claude-sonnet"), "{}", seen.text);
        assert!(seen.text.contains("1 call"), "{}", seen.text);
        let call = owner.page(&format!("/o/{}/logs/{}", house.slug, Uuid::from_u128(2))).await;
        assert_eq!(call.status, 200);
        assert!(
            call.text.contains("claude-sonnet-4-5") && call.text.contains("9.0 ms") && call.text.contains("304"),
            "{}",
            call.text
        );
    })
    .await;
}

#[tokio::test]
async fn an_empty_log_shows_the_first_call_and_no_other_organisations() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, south) = (&world.house, world.south.as_str());
        // North has a call; South sees an empty log, and North's call is not there for it.
        assert_eq!(ids(&page(&world.member, house, &[]).await).len(), 1);
        let empty = world.stranger.form("logs/list", &[("slug", south)]).await.json();
        assert_eq!(
            (empty["totals"]["calls"].as_i64(), empty["first_call"]["public_url"].as_str()),
            (Some(0), Some("http://latchkey.test"))
        );
        let seen = world.stranger.page(&format!("/o/{south}/logs")).await;
        assert!(seen.text.contains("curl http://latchkey.test/v1/chat/completions"), "{}", seen.text);
        for id in [world.log.clone(), Uuid::now_v7().to_string(), "nonsense".into()] {
            let answer = world.stranger.form("logs/get", &[("slug", south), ("id", &id)]).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{id}");
        }
        assert_eq!(world.member.form("logs/get", &[("slug", &house.slug), ("id", &world.log)]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn names_of_keys_are_for_those_who_may_list_them_or_see_their_calls() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (busy, _) = world.key("busy", &[]).await;
        world.key("idle", &[]).await;
        let call = Row { key: Some(busy.parse().expect("an id")), ..Row::default() };
        put(house, house.app.clock.now().0, &[call]).await;
        for (client, expected) in [(&world.owner, vec!["Master key", "busy", "idle"]), (&world.member, vec!["busy"])] {
            let choices = client.form("logs/choices", &[("slug", &house.slug)]).await.json();
            let names: Vec<_> = choices["keys"].as_array().expect("keys").iter().map(|key| &key["name"]).collect();
            assert_eq!(names, expected);
        }
    })
    .await;
}

/// Browsers are slow with more: what Lighthouse warns of.
const MOST_ELEMENTS: usize = 1_500;

#[tokio::test]
async fn full_lists_are_light_however_many_keys_there_are() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let mut key = String::new();
        for number in 0..70 {
            (key, _) = world.key(&format!("key {number}"), &[]).await;
        }
        let key = Some(key.parse().expect("an id"));
        let calls: Vec<_> = (1..=60).map(|id| Row { id, key, ..Row::default() }).collect();
        put(house, house.app.clock.now().0, &calls).await;
        for (path, rows) in [("logs", 50), ("api-keys", 25)] {
            let page = world.owner.page(&format!("/o/{}/{path}", house.slug)).await;
            let elements = page.text.split('<').filter(|tag| tag.starts_with(|c: char| c.is_ascii_lowercase())).count();
            assert!(page.text.matches("<tr").count() > rows, "{path} is full");
            assert!(elements <= MOST_ELEMENTS, "{path}: {elements} elements");
        }
    })
    .await;
}

#[tokio::test]
async fn a_call_knows_which_are_beside_it() {
    each_engine(async |house| {
        let house = house.founded().await;
        let owner = house.person("ada@north.test").await;
        // Two in one millisecond: the id decides, as in the list.
        let rows = [(1, 3_000), (2, 2_000), (3, 2_000), (4, 1_000)].map(|(id, age)| Row { id, age, ..Row::default() });
        put(&house, house.app.clock.now().0, &rows).await;
        for (id, older, newer) in [(1, None, Some(2)), (2, Some(1), Some(3)), (3, Some(2), Some(4)), (4, Some(3), None)]
        {
            let text = Uuid::from_u128(id).to_string();
            let call = owner.form("logs/get", &[("slug", house.slug.as_str()), ("id", &text)]).await.json();
            let id_of = |n: Option<u128>| n.map_or(Value::Null, |n| json!(Uuid::from_u128(n).to_string()));
            assert_eq!((&call["older"], &call["newer"]), (&id_of(older), &id_of(newer)), "{id}: {call}");
        }
    })
    .await;
}
