//! Where calls stand, and where they are looked for.

use super::{PARTED, in_part, month, number, owner_of, places};
use crate::{
    features::logs::operations::count_earlier,
    kernel::{Timestamp, time::DAY},
    tests::{
        statements::registered,
        support::{House, test_server},
    },
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

#[tokio::test]
async fn a_call_stands_in_its_month_or_is_kept_beside_them() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let program = house.program(&house.master_key);
    let (this, middle) = month(&mut owner, 0).await;
    let (last, end) = month(&mut owner, 3).await;
    let (_, beyond) = month(&mut owner, 4).await;
    for (at, part) in [
        (middle, this.as_str()),
        (end, &last),
        // A clock that is far ahead, or was never set.
        (beyond, "default"),
        (Timestamp(5), "default"),
    ] {
        let id = Uuid::now_v7();
        house.add_uncounted_call_at(id, at).await;
        assert_eq!(places(&mut owner, id).await, in_part(part), "{}", at.rfc3339());
        let told = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
        assert_eq!((told.status, &told.json()["id"]), (200, &json!(id.to_string())), "{}", told.text);
        let texts = program.api("GET", &format!("/v1/logs/{id}/texts"), Value::Null).await;
        assert_eq!(texts.status, 200, "{}", texts.text);
    }
    count_earlier(&house.app).await.expect("counted");
    assert_eq!(number(&mut owner, "SELECT COUNT(*) FROM call_logs WHERE kind_id IS NULL").await, 0, "each is counted");
}

/// Of a call only the months are asked in which it may have begun by its id; what is asked of it then, of one.
#[tokio::test]
async fn a_call_is_looked_for_in_its_month() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (this, middle) = month(&mut owner, 0).await;
    let id = Uuid::now_v7();
    let mut asked = 0;
    for text in registered() {
        let about = text.contains("c.id = $2 AND NOT (c.started_at < $3)");
        let of_one = [
            "c.id = $2 AND c.started_at = $3",
            "a.call_id = $2 AND a.started_at IN ($3, 0)",
            "t.call_id = $2 AND t.created_at = $3",
        ];
        if !about && !of_one.iter().any(|condition| text.contains(condition)) {
            continue;
        }
        asked += 1;
        let values = match about {
            true => format!("{}, {}", middle.plus(-2 * DAY).0, middle.plus(2 * DAY).0),
            false => middle.0.to_string(),
        };
        let steps = format!(
            "PREPARE it AS {text}; EXPLAIN (FORMAT TEXT) EXECUTE it('{}', '{id}', {values}); DEALLOCATE it",
            house.organisation
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(steps)).fetch_all(&mut owner).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let parts = plan.iter().filter(|step| {
            PARTED.iter().any(|table| step.contains(&format!(" on {table}"))) && !step.contains("Bitmap Index Scan")
        });
        let parts: Vec<&String> = parts.collect();
        let is_here = |step: &&&String| step.contains(&format!("_{this} "));
        // Attempts that do not say when their call began could stand beside the months.
        let elsewhere = parts.iter().filter(|step| !is_here(step) && !step.contains("call_attempts_default "));
        assert_eq!(elsewhere.count(), 0, "{text}\n{}", plan.join("\n"));
        assert_eq!(parts.iter().filter(is_here).count(), 1, "{text}\n{}", plan.join("\n"));
    }
    assert!(asked > 7, "statements about one call: {asked}");
}

/// On SQLite, attempts from before there were months do not say when their call began.
#[tokio::test]
async fn attempts_of_before_are_found() {
    let house = House::on_sqlite().await.founded().await;
    let id = Uuid::now_v7();
    house.add_uncounted_call(id).await;
    house.as_owner("UPDATE call_logs SET led = true").await.expect("a config led it");
    house.as_owner("UPDATE call_attempts SET started_at = 0").await.expect("as they were");
    let program = house.program(&house.master_key);
    let told = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
    assert_eq!(told.json()["attempts"].as_array().map(Vec::len), Some(1), "{}", told.text);
}
