//! Feedback on calls: the contract's bodies, its bounds, who gives and sees it, when it goes, and its figures.

mod ages;
mod bodies;
mod figures;
mod who;

use super::support::{Answer, Client, House};
use crate::{
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record},
        record::Sink,
        storage::call_log,
    },
    kernel::{CallId, KeyId, OrganisationId, SecretId, Timestamp, provider::Provider},
    server::database::Db,
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use uuid::Uuid;

/// A call that has ended, of this trace and model.
fn call(organisation: OrganisationId, key: KeyId, trace: &str, model: &str, at: Timestamp) -> Record {
    let facts = CallFacts {
        id: CallId(Uuid::now_v7()),
        organisation,
        key,
        secret: SecretId::numbered(0),
        person: None,
        virtual_key: None,
        provider: Some(Provider::OpenAi),
        endpoint: Endpoint::ChatCompletions,
        model: model.into(),
        streamed: false,
        trace: trace.into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: None,
        prices: None,
        started_at: at,
    };
    let end = CallEnd {
        status: 200,
        upstream_status: Some(200),
        upstream_id: None,
        error: None,
        sent: true,
        ended_by: EndedBy::Answer,
        latency_us: 1_000,
        first_byte_us: Some(400),
        usage: None,
        cost: None,
        saved: None,
        count: 1,
        went: None,
        tried: vec![],
        spent: vec![],
    };
    Record { call: Arc::new(facts), outcome: Some(end), texts: None }
}

async fn log(house: &House, records: &[Record]) {
    assert!(call_log(&house.app).write(records).await.is_ok());
}

async fn give(program: &Client, body: Value) -> Answer {
    program.api("POST", "/v1/feedback", body).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    assert_eq!((answer.status, &body["status"]), (200, &json!("success")), "{}", answer.text);
    let ids = body["feedback_ids"].as_array().expect("ids");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

fn faults(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (422, Some("invalid")), "{}", answer.text);
    let body = answer.json();
    let fields = body["error"]["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["field"].as_str().expect("a name").to_owned()).collect()
}

/// How many entries there are.
async fn count(house: &House) -> i64 {
    const SQL: &str = "SELECT COUNT(*) FROM call_feedback";
    match &house.app.db {
        Db::Sqlite { readers, .. } => sqlx::query_scalar(SQL).fetch_one(readers).await.expect("a number"),
        Db::Postgres(_) => {
            let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
            sqlx::query_scalar(SQL).fetch_one(&mut owner).await.expect("a number")
        }
    }
}

/// The feedback on a call as its page reads it.
async fn on(who: &Client, house: &House, call: &str) -> Answer {
    who.form("feedback/list", &[("slug", &house.slug), ("id", call)]).await
}

fn values(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    body["given"].as_array().expect("entries").iter().map(|entry| entry["value"].as_i64().expect("a value")).collect()
}
