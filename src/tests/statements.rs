//! Every statement of every store is one text that both engines take.

use super::support::House;
use crate::server::database::{Db, registered};
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};
use std::path::Path;

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

/// Where SQL stands, so that a store can be read as all that is asked of its tables. Tests are left out: they look at
/// what the program does from outside.
#[test]
fn statements_stand_in_stores() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![source.clone()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let place = path.strip_prefix(&source).expect("a place").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let makes =
                ["statements! {", "SystemSql::new(", "TenantSql::new("].iter().any(|maker| text.contains(maker));
            files += usize::from(makes);
            let is_store = place.split('/').any(|part| part == "store" || part == "store.rs");
            assert!(
                !makes || is_store || place.starts_with("server/database/") || place.starts_with("tests/"),
                "{place} holds SQL and is no store"
            );
        }
    }
    assert!(files > 10, "the sources were found");
}
