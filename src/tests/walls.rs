//! The walls between organisations, as the database itself holds them.

use super::support::House;
use crate::server::database::Db;
use sqlx::{Connection, PgConnection, Row};

/// Tables that belong to the installation, not to an organisation. A new table is in neither list until somebody decides.
const INSTALLATION: [&str; 6] =
    ["_sqlx_migrations", "installation", "organisations", "password_resets", "sessions", "users"];
const ORGANISATION: [&str; 10] = [
    "api_key_secrets",
    "api_keys",
    "audit_events",
    "audit_heads",
    "call_logs",
    "invitations",
    "memberships",
    "retired_slugs",
    "submissions",
    "virtual_keys",
];

#[tokio::test]
async fn every_table_is_the_installations_or_an_organisations() {
    let house = House::on_sqlite().await;
    let Db::Sqlite { readers, .. } = &house.app.db else { panic!("SQLite") };
    let mut tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .fetch_all(readers)
            .await
            .expect("the tables");
    tables.sort();
    let mut expected: Vec<&str> = INSTALLATION.iter().chain(&ORGANISATION).copied().collect();
    expected.sort_unstable();
    assert_eq!(tables, expected);
    for table in ORGANISATION {
        let required: i64 = sqlx::query_scalar("SELECT \"notnull\" FROM pragma_table_info($1) WHERE name = 'org_id'")
            .bind(table)
            .fetch_one(readers)
            .await
            .expect("an organisation column");
        assert_eq!(required, 1, "{table}");
        let keys = sqlx::query(
            "SELECT \"table\", group_concat(\"from\") AS columns FROM pragma_foreign_key_list($1) GROUP BY id",
        )
        .bind(table)
        .fetch_all(readers)
        .await
        .expect("the foreign keys");
        for key in keys {
            let (target, columns): (String, String) = (key.get(0), key.get(1));
            if ORGANISATION.contains(&target.as_str()) {
                assert!(columns.split(',').any(|c| c == "org_id"), "{table} -> {target} must name the organisation");
            }
        }
    }
}

#[tokio::test]
async fn postgres_shows_rows_of_one_organisation_or_none() {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut connection = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    let serving: (bool, bool) =
        sqlx::query_as("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'latchkey_serving'")
            .fetch_one(&mut connection)
            .await
            .expect("the role");
    assert_eq!(serving, (false, false));
    sqlx::query("SET ROLE latchkey_serving").execute(&mut connection).await.expect("the role can be taken");
    let walled = [
        "api_key_secrets",
        "api_keys",
        "audit_events",
        "audit_heads",
        "call_logs",
        "invitations",
        "memberships",
        "submissions",
        "virtual_keys",
    ];
    for table in walled {
        let forced: (bool, bool, String) = sqlx::query_as(
            "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = $1 AND relkind = 'r'",
        )
        .bind(table)
        .fetch_one(&mut connection)
        .await
        .expect("the table");
        assert!(forced.0 && forced.1 && forced.2 != "latchkey_serving", "{table}");
        let count = |table| sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let seen: i64 = sqlx::query_scalar(count(table)).fetch_one(&mut connection).await.expect("counts");
        assert_eq!(seen, 0, "{table} without an organisation");
        // The organisation filter is left out on purpose: the wall alone holds.
        let mut tx = connection.begin().await.expect("begins");
        sqlx::query("SELECT set_config('latchkey.org', $1, true)")
            .bind(uuid::Uuid::from_u128(9).to_string())
            .execute(&mut *tx)
            .await
            .expect("sets");
        let elsewhere: i64 = sqlx::query_scalar(count(table)).fetch_one(&mut *tx).await.expect("counts");
        assert_eq!(elsewhere, 0, "{table} from another organisation");
        tx.rollback().await.expect("ends");
    }
    let mut tx = connection.begin().await.expect("begins");
    sqlx::query("SELECT set_config('latchkey.org', $1, true)")
        .bind(house.organisation.to_string())
        .execute(&mut *tx)
        .await
        .expect("sets");
    let own: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM api_keys").fetch_one(&mut *tx).await.expect("counts");
    assert_eq!(own, 1, "its own master key");
    let refused = sqlx::query("DELETE FROM audit_events").execute(&mut *tx).await;
    assert!(refused.is_err(), "the serving role cannot delete events");
}

#[tokio::test]
async fn events_cannot_be_changed_or_deleted() {
    let house = House::on_sqlite().await.founded().await;
    let Db::Sqlite { writer, .. } = &house.app.db else { panic!("SQLite") };
    for statement in ["UPDATE audit_events SET body = '{}'", "DELETE FROM audit_events"] {
        let refused = sqlx::query(statement).execute(writer).await;
        assert!(refused.is_err(), "{statement}");
    }
}
