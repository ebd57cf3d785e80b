//! Every statement of every store is one text that both engines take. How the engines carry them out is in [`super::plans`].

use super::support::{House, test_server};
use crate::{
    features,
    gateway::storage,
    server::{
        access::{erasure, installation, sessions},
        audit,
        database::{self, Db},
    },
};
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};
use std::path::Path;

/// The statements of every store.
pub fn registered() -> Vec<&'static str> {
    let below = [
        audit::STATEMENTS,
        audit::anchors::STATEMENTS,
        audit::checkpoints::STATEMENTS,
        audit::pending::STATEMENTS,
        audit::delivery::STATEMENTS,
        database::HEALTH_STATEMENTS,
        database::STATEMENTS,
        erasure::STATEMENTS,
        installation::STATEMENTS,
        sessions::STATEMENTS,
        storage::STATEMENTS,
    ];
    let rooms = features::ROOMS.iter().flat_map(|room| room.statements).copied();
    below.into_iter().chain(rooms).flatten().copied().collect()
}

/// The same, with the few that are of one engine alone.
pub fn registered_on(is_postgres: bool) -> Vec<&'static str> {
    registered().into_iter().chain(storage::statements_of(is_postgres)).collect()
}

#[tokio::test]
async fn every_statement_is_prepared_on_sqlite() {
    let house = House::on_sqlite().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    for text in registered_on(false) {
        let prepared = writer.prepare(text.into_sql_str()).await;
        if let Err(error) = prepared {
            panic!("{text}\n{error}");
        }
    }
}

#[tokio::test]
async fn every_statement_is_prepared_on_postgres() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await;
    let mut connection = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    for text in registered_on(true) {
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

/// Every file of the program, by its place below `src`.
pub fn sources() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![source.clone()], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let place = path.strip_prefix(&source).expect("a place").to_string_lossy().into_owned();
            files.push((place, std::fs::read_to_string(&path).expect("a text")));
        }
    }
    files
}

/// Where SQL stands, so that a store can be read as all that is asked of its tables. Tests are left out: they look at
/// what the program does from outside.
#[test]
fn statements_stand_in_stores() {
    let mut files = 0;
    for (place, text) in sources() {
        let makes = ["statements! {", "SystemSql::new(", "TenantSql::new(", "Listing::new("]
            .iter()
            .any(|maker| text.contains(maker));
        files += usize::from(makes);
        let is_store = place.split('/').any(|part| part == "store" || part == "store.rs");
        assert!(
            !makes || is_store || place.starts_with("server/database/") || place.starts_with("tests/"),
            "{place} holds SQL and is no store"
        );
    }
    assert!(files > 10, "the sources were found");
}

/// Who enters an organisation by something other than a membership or a verified key: each looks up by a secret, or by an
/// address that is proven, and enters what that led to. The ledger of limits counts for callers that the gateway has found
/// in this way. This list may only shrink.
const BY_PROOF: [&str; 4] = [
    "features/api_keys/operations.rs",
    "features/team/invitations/joining.rs",
    "gateway/storage/ledger.rs",
    "gateway/storage/source.rs",
];

#[test]
fn only_what_looks_up_a_secret_enters_an_organisation_by_proof() {
    let enters = |text: &str| {
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        [".read_proven(", ".by_proof("].iter().any(|way| program.contains(way))
    };
    // `Access` makes the way; tests look on.
    let is_asked = |place: &str| {
        let is_test = place.ends_with("tests.rs") || place.split('/').any(|part| part == "tests");
        !place.starts_with("server/access/") && !is_test
    };
    let sources = sources().into_iter().filter(|(place, text)| is_asked(place) && enters(text));
    let mut places: Vec<String> = sources.map(|(place, _)| place).collect();
    places.sort_unstable();
    assert_eq!(places, BY_PROOF);
}
