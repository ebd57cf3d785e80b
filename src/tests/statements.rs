//! Every statement of every store is one text that both engines take.

use super::support::House;
use crate::server::database::{Db, registered};
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};

#[tokio::test]
async fn every_statement_is_prepared_on_sqlite() {
    let house = House::on_sqlite().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    for text in registered() {
        let prepared = writer.prepare(text.into_sql_str()).await;
        if let Err(error) = prepared {
            panic!("{text}\n{error}");
        }
    }
}

#[tokio::test]
async fn every_statement_is_prepared_on_postgres() {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else { return };
    let house = House::on_postgres(&server).await;
    let mut connection = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    for text in registered() {
        let prepared = connection.prepare(text.into_sql_str()).await;
        if let Err(error) = prepared {
            panic!("{text}\n{error}");
        }
    }
}

#[test]
fn statements_are_registered_once() {
    let mut texts = registered();
    assert!(texts.len() > 30);
    let all = texts.len();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), all, "a statement stands in two stores");
}
