//! Exports of the log on both databases: they hold what the log shows, for whoever may see it, as long as they may.

mod ends;
mod programs;

use super::support::{Answer, Client, House, World, done, each_engine, text};
use crate::{
    features::{
        api_keys,
        logs::{self, exports::operations::within},
    },
    gateway::endpoints::TABLE,
    kernel::Asked,
    server::{
        access::{Access, Origin},
        database::Db,
    },
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A call to be put into the log.
#[derive(Clone)]
struct Row {
    id: u128,
    age: i64,
    key: Option<Uuid>,
    model: String,
    outcome: &'static str,
    status: Option<i64>,
    cost: Option<i64>,
    metadata: Option<Value>,
}

impl Row {
    fn new(id: u128, age: i64) -> Self {
        let (model, outcome, status) = ("gpt-4o".to_owned(), "ok", Some(200));
        Self { id, age, key: None, model, outcome, status, cost: Some(1_250_000), metadata: None }
    }
}

/// Gives the moment that the ages are counted from.
async fn put(house: &House, rows: &[Row]) -> i64 {
    const SQL: &str = "INSERT INTO call_logs (org_id, id, started_at, finished_at, key_id, provider, model, endpoint, streamed, outcome, status, latency_us, input_tokens, output_tokens, cost, trace_id, metadata) VALUES ($1, $2, $3, $3, $4, 'openai', $5, 'chat_completions', false, $6, $7, 5304, 900, 304, $8, 'trace', $9)";
    let now = house.app.clock.now().0;
    macro_rules! insert {
        ($row:expr, $metadata:expr, $to:expr) => {{
            let row = $row;
            let sql = sqlx::query(SQL).bind(house.organisation.0).bind(Uuid::from_u128(row.id)).bind(now - row.age);
            let sql = sql.bind(row.key).bind(row.model.clone()).bind(row.outcome).bind(row.status).bind(row.cost);
            sql.bind($metadata).execute($to).await.expect("a call");
        }};
    }
    match (&house.app.db, house.owner_url()) {
        (Db::Sqlite { writer, .. }, _) => {
            let mut tx = writer.begin().await.expect("a transaction");
            for row in rows {
                insert!(row, row.metadata.as_ref().map(Value::to_string), &mut *tx);
            }
            tx.commit().await.expect("committed");
        }
        (Db::Postgres(_), Some(url)) => {
            let mut owner = PgConnection::connect(&url).await.expect("the owner connects");
            let mut tx = owner.begin().await.expect("a transaction");
            for row in rows {
                insert!(row, row.metadata.clone().map(sqlx::types::Json), &mut *tx);
            }
            tx.commit().await.expect("committed");
        }
        (Db::Postgres(_), None) => panic!("PostgreSQL without its owner's address"),
    }
    logs::operations::count_earlier(&house.app).await.expect("they are counted");
    now
}

/// Asks for a file as the console's page does.
async fn export(client: &Client, house: &House, format: &str, fields: &[&str], filter: &[(&str, &str)]) -> Answer {
    let ticked: Vec<String> = fields.iter().map(|field| format!("field.{field}")).collect();
    let mut sent = vec![("slug", house.slug.as_str()), ("format", format)];
    sent.extend(ticked.iter().map(|name| (name.as_str(), "yes")));
    sent.extend_from_slice(filter);
    client.form("logs/export", &sent).await
}

/// The records of a text in the form of RFC 4180.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut all, mut record, mut cell, mut is_quoted) = (vec![], vec![], String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, is_quoted) {
            ('"', true) if rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => record.push(std::mem::take(&mut cell)),
            ('\r', false) => {
                assert_eq!(rest.next(), Some('\n'), "lines end as RFC 4180 says");
                record.push(std::mem::take(&mut cell));
                all.push(std::mem::take(&mut record));
            }
            (c, _) => cell.push(c),
        }
    }
    assert!(record.is_empty() && cell.is_empty() && !is_quoted, "the last line is whole");
    all
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("an object in each line")).collect()
}

/// Every call that the list shows under a filter, over all its pages, and the totals.
async fn shown(client: &Client, house: &House, filter: &[(&str, &str)]) -> (Vec<String>, Value) {
    let (mut ids, mut after) = (vec![], String::new());
    loop {
        let named: Vec<(String, &str)> =
            filter.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
        let mut fields = vec![("slug", house.slug.as_str()), ("query[after]", after.as_str())];
        fields.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
        let answer = client.form("logs/list", &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let page = answer.json();
        ids.extend(page["calls"].as_array().expect("calls").iter().map(|call| text(call, "id")));
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return (ids, page["totals"].clone()),
        }
    }
}

/// What a key's exports are made with.
async fn access(house: &House, secret: &str) -> Access {
    let key = api_keys::operations::verify(&house.app, secret, None, house.app.clock.now()).await.expect("a key");
    Access::key(house.app.clone(), Origin::new("test".into(), None, String::new()), &key)
}

#[tokio::test]
async fn an_export_holds_what_the_log_shows() {
    each_engine(async |house| {
        let (house, owner) = house.with_ada().await;
        let key = Uuid::from_u128(77);
        let rows: Vec<Row> = (1..=1_203_u128)
            .map(|id| {
                // Many in one millisecond: the id decides.
                let mut row = Row::new(id, 10_000 + i64::try_from(id / 7).expect("small"));
                if id % 3 == 0 {
                    (row.outcome, row.status, row.cost) = ("refused", Some(403), None);
                }
                if id % 5 == 0 {
                    (row.key, row.metadata) = (Some(key), Some(json!({ "team": "core, \"and\" more" })));
                }
                row
            })
            .collect();
        put(&house, &rows).await;
        let (key, nothing) = (key.to_string(), "nothing-of-the-kind");
        for filter in [
            vec![],
            vec![("range", "1h"), ("status", "refused")],
            vec![("key", key.as_str())],
            vec![("status", "2xx"), ("key", &key), ("model", "GPT")],
            vec![("model_is", nothing)],
        ] {
            let (ids, totals) = shown(&owner, &house, &filter).await;
            let told = ["id", "cost", "total_units", "response_time", "metadata", "created_at"];
            let csv = export(&owner, &house, "csv", &told, &filter).await;
            assert_eq!(csv.status, 200, "{}", csv.text);
            let mut all = records(&csv.text);
            // The file has an order of its own, whatever the form's.
            assert_eq!(all.remove(0), ["id", "created_at", "total_units", "cost", "response_time", "metadata"]);
            assert_eq!(all.iter().map(|record| record[0].clone()).collect::<Vec<_>>(), ids, "{filter:?}");
            let costs: f64 = all.iter().filter_map(|record| record[3].parse::<f64>().ok()).sum();
            let expected = totals["cost"].as_i64().unwrap_or(0) as f64 / 1_000_000.0;
            assert!((costs - expected).abs() < 1e-6, "{filter:?}: {costs} for {expected}");
            assert!(all.iter().all(|record| record[2] == "1204" && record[4] == "5.304"));
            assert!(all.iter().all(|record| record[1].ends_with('Z') && record[1].len() == 24));
            let jsonl = export(&owner, &house, "jsonl", &told, &filter).await;
            let objects = lines(&jsonl.text);
            assert_eq!(objects.iter().map(|object| text(object, "id")).collect::<Vec<_>>(), ids, "{filter:?}");
            for (object, record) in objects.iter().zip(&all) {
                assert_eq!(object["cost"].as_f64(), record[3].parse().ok());
                assert_eq!(object["metadata"], serde_json::from_str::<Value>(&record[5]).unwrap_or_default());
            }
            let mut sent: Vec<(String, &str)> = vec![("slug".into(), house.slug.as_str())];
            sent.extend(filter.iter().map(|(name, value)| (format!("query[{name}]"), *value)));
            let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let about = owner.form("logs/about_export", &sent).await.json();
            assert_eq!(about["entries"].as_u64(), Some(ids.len() as u64), "{filter:?}");
        }
        let whole = export(&owner, &house, "csv", &["id"], &[]).await;
        let said =
            |name: &str| whole.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert!(said("content-type").starts_with("text/csv; charset=utf-8"), "{}", said("content-type"));
        assert!(said("content-disposition").starts_with("attachment; filename=\"calls-20"));
        assert_eq!(said("cache-control"), "no-store");
        // Where a part ends makes no difference, and a file that is cut says so.
        let access = access(&house, &house.master_key).await;
        for most in [1, 499, 500, 501, 999, 1_000, 1_202, 1_203, 1_204] {
            let asked = Asked::default().with("field.id", "yes");
            let file = within(&access, &asked, "csv", most).await.expect("an export").download();
            let text: Vec<String> = file.pieces.try_collect().await.expect("whole");
            let mut all = records(&text.concat());
            let is_cut = most < 1_203;
            let last = if is_cut { all.pop().expect("a last line").concat() } else { String::new() };
            assert_eq!(is_cut, last.starts_with(&format!("Cut after {most} entries")), "{most}: {last}");
            assert_eq!(all.len() as i64 - 1, most.min(1_203), "{most}");
        }
    })
    .await;
}

#[tokio::test]
async fn cells_are_texts_and_the_event_tells_of_the_export() {
    each_engine(async |house| {
        let (house, owner) = house.with_ada().await;
        let cells = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\\u0009x"),
            ("a,b", "a,b"),
            ("say \"hi\"", "say \"hi\""),
            ("plain", "plain"),
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("x;=cmd|'/C calc'!A0", "x;'=cmd|'/C calc'!A0"),
            (" =1", "' =1"),
        ];
        let models = cells.map(|(model, _)| model);
        let rows: Vec<Row> = (1_u128..)
            .zip(models)
            .map(|(id, model)| Row {
                model: model.to_owned(),
                ..Row::new(id, i64::try_from(id).expect("small") * 1_000)
            })
            .collect();
        put(&house, &rows).await;
        let (before, _) = house.chain(house.organisation).await;
        let csv = export(&owner, &house, "csv", &["ai_model", "trace_id"], &[("range", "1h"), ("status", "ok")]).await;
        let told: Vec<String> = records(&csv.text).into_iter().skip(1).map(|record| record.join("|")).collect();
        assert_eq!(told, cells.map(|(_, cell)| format!("{cell}|trace")));
        assert!(csv.text.lines().skip(1).all(|line| line.starts_with('"') && line.ends_with(",\"trace\"")));
        let (after, event) = house.chain(house.organisation).await;
        let event = event.expect("an event");
        assert_eq!(after, before + 1);
        assert_eq!((&event["action"], &event["outcome"]), (&json!("log.export"), &json!("done")));
        assert_eq!(event["actor"]["name"], "Ada");
        let told: BTreeMap<String, Value> = event["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| (text(change, "field"), change["now"].clone()))
            .collect();
        assert_eq!(told["format"], "csv");
        assert_eq!(told["fields"], json!(["ai_model", "trace_id"]));
        assert_eq!(told["filter"], json!({ "range": "1h", "status": "ok" }));
        assert!(told["from"].is_string() && told["to"].is_string(), "{event}");
        // Blanks around a value are no part of it.
        let blank = " ".repeat(9_000);
        let padded = format!("{blank}ok{blank}");
        let filter = [("range", "1h"), ("status", padded.as_str()), ("trace_id", blank.as_str())];
        assert_eq!(export(&owner, &house, "csv", &["ai_model"], &filter).await.status, 200);
        let (_, event) = house.chain(house.organisation).await;
        let said = json!({ "range": "1h", "status": "ok" });
        let event = event.expect("an event");
        assert!(event["changes"].as_array().expect("changes").iter().any(|change| change["now"] == said), "{event}");
        // In JSON they are what they are.
        let jsonl = lines(&export(&owner, &house, "jsonl", &["ai_model"], &[]).await.text);
        assert_eq!(jsonl.iter().map(|line| text(line, "ai_model")).collect::<Vec<_>>(), models);
        // What cannot be meant changes nothing but that it is told of as failed.
        let long = "x".repeat(2_001);
        for (format, fields, filter, name) in [
            ("csv", &["id"][..], vec![("metadata", long.as_str()), ("trace_id", "trace")], "metadata"),
            ("xlsx", &["id"][..], vec![], "format"),
            ("csv", &[], vec![], "fields"),
            ("csv", &["request", "response"], vec![], "fields"),
            ("csv", &["id"], vec![("status", "9xx")], "status"),
        ] {
            let (before, _) = house.chain(house.organisation).await;
            let refused = export(&owner, &house, format, fields, &filter).await;
            assert_eq!(
                (refused.status, refused.json()["fields"][0]["field"].as_str()),
                (422, Some(name)),
                "{}",
                refused.text
            );
            let (after, event) = house.chain(house.organisation).await;
            assert_eq!((after - before, event.expect("an event")["outcome"].as_str()), (1, Some("failed")));
        }
        // The page that a browser without JavaScript sees.
        let page = format!("/o/{}/logs/export?range=1h&status=ok", house.slug);
        let seen = owner.page(&page).await;
        assert!(seen.status == 200 && seen.text.contains("11 entries"), "{}", seen.text);
        assert!(seen.text.contains("name=\"status\" value=\"ok\"") && seen.text.contains("name=\"field.ai_model\""));
        let fields = [("slug", house.slug.as_str()), ("format", "csv"), ("range", "1h")];
        let refused = owner.plain_form(&page, "logs/export", &fields).await;
        assert_eq!(refused.status, 422);
        assert!(refused.text.contains("Nothing was exported") && refused.text.contains("Choose at least one field."));
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_see_calls_gets_none() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (own, secret) = world.key("of the member", &[("metrics", "enabled")]).await;
        house
            .as_owner_composed("UPDATE api_keys SET responsible = (SELECT user_id FROM memberships WHERE role = 'member' AND org_id = api_keys.org_id LIMIT 1) WHERE name = 'of the member'")
            .await
            .expect("another person answers for it");
        let mine = Row { key: Some(own.parse().expect("an id")), ..Row::new(1, 1_000) };
        put(house, &[mine, Row { key: Some(Uuid::from_u128(77)), ..Row::new(2, 2_000) }]).await;
        let seen = async |who: &Client| {
            let answer = export(who, house, "csv", &["id"], &[]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            records(&answer.text).len() - 1
        };
        let program = house.program(&secret);
        let by_key = async || {
            let made = program.api("POST", "/v1/logs/exports", json!({ "requested_data": ["id"], "filters": {} })).await;
            assert_eq!(made.status, 200, "{}", made.text);
            let path = format!("/v1/logs/exports/{}", text(&made.json(), "id"));
            assert_eq!(program.api("POST", &format!("{path}/start"), Value::Null).await.status, 200);
            let file = program.api("GET", &format!("{path}/file"), Value::Null).await;
            assert_eq!(file.status, 200, "{}", file.text);
            (made.json()["total"].as_u64(), lines(&file.text).len())
        };
        assert_eq!((seen(&world.member).await, seen(&world.owner).await), (3, 3));
        assert_eq!(by_key().await, (Some(3), 3));
        let fields = [("slug", house.slug.as_str()), ("version", "0"), ("own_only", "true")];
        done(&world.owner, "logs/change_settings", &fields).await;
        assert_eq!((seen(&world.member).await, seen(&world.owner).await), (1, 3), "a Member has their own");
        assert_eq!(by_key().await, (Some(1), 1), "and so has their key");
        // To view is not to filter.
        let master = house.program(&house.master_key);
        let viewer = json!({ "name": "viewer", "scopes": ["logs.view"] });
        let viewer = master.api("POST", "/v1/api-keys", viewer).await.json();
        let viewer = house.program(&text(&viewer, "key"));
        let create = async |who: &Client, filters: Value| {
            who.api("POST", "/v1/logs/exports", json!({ "filters": filters, "requested_data": ["id"] })).await
        };
        assert_eq!(create(&viewer, json!({})).await.status, 200);
        let (before, _) = house.chain(house.organisation).await;
        let refused = create(&viewer, json!({ "status_code": "ok" })).await;
        assert_eq!((refused.status, refused.json()["error"]["permission"].as_str()), (403, Some("logs.filter")));
        let (after, event) = house.chain(house.organisation).await;
        let event = event.expect("an event");
        assert_eq!(after - before, 1);
        assert_eq!((&event["action"], &event["outcome"]), (&json!("log_export.create"), &json!("refused")));
        // What somebody else has saved with a filter is fetched with one's own rights.
        let saved = create(&master, json!({ "status_code": "ok" })).await.json();
        let path = format!("/v1/logs/exports/{}", text(&saved, "id"));
        assert_eq!(master.api("POST", &format!("{path}/start"), Value::Null).await.status, 200);
        let refused = viewer.api("GET", &format!("{path}/file"), Value::Null).await;
        assert_eq!((refused.status, refused.json()["error"]["permission"].as_str()), (403, Some("logs.filter")));
        let (_, none) = world.key("no metrics", &[]).await;
        let refused = house.program(&none).api("GET", &format!("{path}/file"), Value::Null).await;
        assert_eq!(refused.status, 403, "{}", refused.text);
    })
    .await;
}

#[tokio::test]
async fn the_list_learns_of_newer_calls() {
    each_engine(async |house| {
        let (house, owner) = house.with_ada().await;
        let newer = async |at: i64, id: &str, filter: &[(&str, &str)]| {
            let at = at.to_string();
            let mut fields = vec![("slug", house.slug.as_str()), ("at", at.as_str()), ("id", id)];
            fields.extend_from_slice(filter);
            let answer = owner.form("logs/newer", &fields).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let Value::Object(told) = answer.json() else { panic!("an object") };
            (told["count"].as_u64().expect("a count"), told["more"].as_bool().expect("yes or no"))
        };
        assert_eq!(newer(0, "", &[]).await, (0, false), "nothing is newer than nothing");
        let rows = [Row::new(1, 5_000), Row { model: "other".into(), ..Row::new(2, 4_000) }, Row::new(3, 4_000)];
        let at = put(&house, &rows).await - 5_000;
        assert_eq!(newer(0, "", &[]).await, (3, false));
        let first = Uuid::from_u128(1).to_string();
        assert_eq!(newer(at, &first, &[]).await, (2, false));
        assert_eq!(newer(at, &first, &[("query[model]", "OTHER")]).await, (1, false), "under the same filter");
        assert_eq!(newer(at + 1_000, &Uuid::from_u128(2).to_string(), &[]).await, (1, false), "the id decides");
        assert_eq!(newer(at + 1_000, &Uuid::from_u128(3).to_string(), &[]).await, (0, false));
        let many: Vec<Row> = (10..=110_u128).map(|id| Row::new(id, 1_000)).collect();
        put(&house, &many).await;
        assert_eq!(newer(at, &first, &[]).await, (100, true), "it is counted so far, and no further");
        // Every replica says the same: it asks the database.
        let another = house.another(|_| {}).await;
        let elsewhere = another.person("ada@north.test").await;
        let at = at.to_string();
        let fields = [("slug", house.slug.as_str()), ("at", at.as_str()), ("id", first.as_str())];
        assert_eq!(elsewhere.form("logs/newer", &fields).await.json()["count"], 100);
    })
    .await;
}

#[test]
fn paths_of_exports_are_those_of_the_gateway() {
    for row in TABLE.iter().filter(|row| row.endpoint.is_some()) {
        assert_eq!(logs::exports::path(row.name), Some(row.path), "{}", row.name);
    }
}
