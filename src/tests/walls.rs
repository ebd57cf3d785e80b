//! The walls between organisations, as the database itself holds them.

use super::support::{Calls, House, World, done, each_engine, test_server};
use crate::{
    features::{
        api_keys::operations::write_uses,
        limits::{self, Use, model::Limit},
    },
    kernel::{OrganisationId, UserId, time::DAY},
    policy::{Operation, PermissionSet},
    server::{
        access::{checkpoints::Checkpoints, retention},
        audit,
        database::Db,
    },
};
use sqlx::{Connection, Executor, PgConnection, Row};
use uuid::Uuid;

/// Tables that belong to the installation, not to an organisation. A new table is in neither list until somebody decides.
const INSTALLATION: [&str; 8] = [
    "_sqlx_migrations",
    "audit_keys",
    "installation",
    "known_networks",
    "organisations",
    "password_resets",
    "sessions",
    "users",
];
const ORGANISATION: [&str; 51] = [
    "access_review_rows",
    "access_reviews",
    "api_key_secrets",
    "api_keys",
    "audit_anchors",
    "audit_checkpoints",
    "audit_deliveries",
    "audit_events",
    "audit_heads",
    "audit_pending",
    "audit_personal",
    "audit_webhooks",
    "billing_settings",
    "billing_statements",
    "call_attempts",
    "call_feedback",
    "call_kinds",
    "call_logs",
    "call_rollups",
    "call_sketches",
    "call_texts",
    "config_guardrails",
    "config_uses",
    "config_versions",
    "configs",
    "guardrail_samples",
    "guardrail_versions",
    "guardrails",
    "invitations",
    "key_permission_uses",
    "limit_alerts",
    "limit_corrections",
    "limit_usage",
    "limit_webhooks",
    "limits",
    "log_exports",
    "log_filters",
    "log_settings",
    "memberships",
    "model_prices",
    "prompt_collections",
    "prompt_labels",
    "prompt_moves",
    "prompt_pointers",
    "prompt_proposals",
    "prompt_uses",
    "prompt_values",
    "prompt_versions",
    "prompts",
    "submissions",
    "virtual_keys",
];
/// A slug that was given up is kept from all other organisations, so each must be able to ask for those of others: the one
/// table of organisations that has no wall. It tells no more than what an address that leads nowhere tells.
const SHARED: [&str; 1] = ["retired_slugs"];

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
    let mut expected: Vec<&str> = INSTALLATION.iter().chain(&ORGANISATION).chain(&SHARED).copied().collect();
    expected.sort_unstable();
    assert_eq!(tables, expected);
    for table in ORGANISATION.iter().chain(&SHARED) {
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

/// Fills every table of an organisation: does all that an Owner may do in one.
async fn filled(house: House) -> World {
    let world = World::new(house).await;
    let calls = Calls::new().await;
    for operation in Operation::ALL {
        let spec = operation.spec();
        for path in spec.server_fn.iter().filter(|_| spec.requires.permissions().next().is_some()) {
            let ready = calls.ready(&world, *operation).await;
            done(&world.owner, path, &ready.fields(&world.house.slug)).await;
        }
    }
    let (key, _) = world.key("counted", &[]).await;
    let key = key.parse().expect("an id");
    world.house.app.uses.count(
        world.house.organisation,
        key,
        PermissionSet::key_default(),
        world.house.app.clock.now(),
    );
    write_uses(&world.house.app).await.expect("written");
    // Among all that an Owner may do is the deleting of all texts.
    world.house.add_call(Uuid::now_v7()).await;
    spend(&world).await;
    // And the deleting of the delivery, and of the webhook for alerts.
    calls.ready(&world, Operation::LimitWebhookDelete).await;
    let ready = calls.ready(&world, Operation::AuditDeliveryPause).await;
    done(&world.owner, "audit/pause_delivery", &ready.fields(&world.house.slug)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut checkpoints = Checkpoints::new(folder.path().join("checkpoints.jsonl"));
    checkpoints.round(&world.house.app, true).await.expect("checkpoints");
    // As a crash leaves it.
    let cut_off =
        format!("INSERT INTO audit_pending VALUES ('{}', gen_random_uuid(), 0, '{{}}')", world.house.organisation);
    world.house.as_owner_composed(&cut_off).await.expect("a note");
    let chains = [world.house.organisation, OrganisationId::INSTALLATION];
    super::audit_room::expect_schema(&world.house, &chains).await;
    // Long after that what is in the audit log has the age to be removed, once it is delivered.
    world.house.as_owner("UPDATE audit_deliveries SET seq = 1000000").await.expect("delivered");
    world.house.app.clock.advance(91 * DAY);
    let later = world.house.another(|parts| parts.audit_days = Some(90)).await;
    retention::round(&later.app, &[]).await.expect("removed");
    // And what was personal went with it.
    let program = world.house.program(&world.house.master_key).at("192.0.2.9");
    let made = program.api("POST", "/v1/api-keys", serde_json::json!({ "name": "afterwards" })).await;
    assert_eq!(made.status, 200, "{}", made.text);
    super::audit_room::expect_schema(&world.house, &chains).await;
    world
}

/// Uses all of a budget, so that people are to be told of it.
async fn spend(world: &World) {
    let fields = [
        ("slug", world.house.slug.as_str()),
        ("on", &format!("organisation:{}", world.house.organisation)),
        ("kind", "budget"),
        ("measure", "requests"),
        ("amount", "1"),
        ("action", "warn"),
    ];
    done(&world.owner, "limits/set", &fields).await;
    let mut note = world.house.app.note_in(world.house.organisation).await.expect("writes");
    let limits = limits::of_person(note.tx(), UserId(Uuid::nil())).await.expect("limits");
    let now = world.house.app.clock.now();
    let used =
        |limit: &Limit| Use { limit: limit.id, period: limit.period(now).start, amount: 1, replica: Uuid::nil() };
    limits::count(note.tx(), &limits.iter().map(used).collect::<Vec<_>>(), now).await.expect("counts");
    note.commit().await.expect("is written");
}

#[tokio::test]
async fn postgres_shows_rows_of_one_organisation_or_none() {
    let Some(server) = test_server() else { return };
    let world = filled(House::on_postgres(&server).await).await;
    let mut connection = PgConnection::connect(&world.house.owner_url().expect("an address")).await.expect("connects");
    let serving: (bool, bool) =
        sqlx::query_as("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'latchkey_serving'")
            .fetch_one(&mut connection)
            .await
            .expect("the role");
    assert_eq!(serving, (false, false));
    sqlx::query("SET ROLE latchkey_serving").execute(&mut connection).await.expect("the role can be taken");
    for table in ORGANISATION {
        let forced: (bool, bool, String) = sqlx::query_as(
            "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = $1 AND relkind IN ('r', 'p')",
        )
        .bind(table)
        .fetch_one(&mut connection)
        .await
        .expect("the table");
        assert!(forced.0 && forced.1 && forced.2 != "latchkey_serving", "{table}");
        // The organisation filter is left out on purpose: the wall alone holds. The connection is one and the same, as in
        // a pool.
        let own = seen(&mut connection, table, Some(world.house.organisation.0)).await;
        assert!(own.0 > 0, "{table} holds nothing of North: the rest would be true by accident");
        assert_eq!(own.1, 1, "{table} from North");
        for context in [None, Some(Uuid::from_u128(9))] {
            assert_eq!(seen(&mut connection, table, context).await, (0, 0), "{table} from {context:?}");
        }
    }
    let mut tx = connection.begin().await.expect("begins");
    take_context(&mut tx, world.house.organisation.0).await;
    for statement in [
        "UPDATE audit_events SET body = '{}'",
        "DELETE FROM audit_events",
        "DELETE FROM audit_anchors",
        "UPDATE audit_personal SET value = '\"Eve\"'",
        "DELETE FROM audit_personal",
        "TRUNCATE audit_personal",
        "UPDATE audit_checkpoints SET body = '{}'",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_keys SET body = '{}'",
        "DELETE FROM audit_keys",
        "UPDATE billing_statements SET body = '{}'",
        "DELETE FROM billing_statements",
        "UPDATE limit_corrections SET reason = NULL",
        "DELETE FROM limit_corrections",
    ] {
        let mut attempt = tx.begin().await.expect("begins");
        let refused = attempt.execute(statement).await.expect_err("the serving role may not").to_string();
        assert!(refused.contains("permission denied"), "{statement}: {refused}");
    }
}

/// No table of organisations' rows can be forgotten: whatever has an `org_id` stands behind the wall.
#[tokio::test]
async fn every_table_of_organisations_stands_behind_the_wall() {
    let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") else { return };
    let house = House::on_postgres(&server).await;
    let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    // One more, made as a migration makes it.
    owner
        .execute("CREATE TABLE made_here (org_id UUID NOT NULL); SELECT latchkey_wall('made_here');")
        .await
        .expect("made");
    let tables: Vec<(String, bool, bool, bool)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity,
            EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_organisation' AND p.polcmd = '*'
                AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL),
            has_table_privilege('latchkey_serving', c.oid, 'SELECT') AND has_table_privilege('latchkey_serving', c.oid, 'INSERT')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname",
    )
    .fetch_all(&mut owner)
    .await
    .expect("tables");
    assert!(tables.iter().any(|(name, ..)| name == "made_here"));
    for (name, forced, policy, granted) in tables.iter().filter(|(name, ..)| !SHARED.contains(&name.as_str())) {
        assert!(*forced && *policy && *granted, "{name}: call latchkey_wall('{name}') in its migration");
        assert!(name == "made_here" || ORGANISATION.contains(&name.as_str()), "{name} is not in the list of this test");
    }
}

/// What a table is parted into is reached through the table alone, behind its wall: of a part nobody but the owner may do
/// anything, and row-level security shows none of it.
#[tokio::test]
async fn parts_of_tables_are_reached_through_these_alone() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    house.add_call(Uuid::now_v7()).await;
    let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
    let parts: Vec<(String, String, bool, bool, bool)> = sqlx::query_as(
        "SELECT c.relname::text, p.relname::text, c.relrowsecurity AND p.relrowsecurity AND p.relforcerowsecurity,
            EXISTS (SELECT FROM pg_policy q WHERE q.polrelid = c.oid),
            EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)
         FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
         WHERE c.relkind IN ('r', 'p', 'f') ORDER BY c.relname",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the parts");
    for table in ["call_attempts", "call_logs", "call_texts"] {
        assert!(
            parts.iter().filter(|(_, of, ..)| of == table).count() >= 5,
            "{table}: four months and the rest: {parts:?}"
        );
    }
    owner.execute("SET ROLE latchkey_serving").await.expect("the role can be taken");
    for (part, table, secured, policy, granted) in &parts {
        assert!(ORGANISATION.contains(&table.as_str()), "{part} is a part of {table}");
        assert!(*secured && !*policy && !*granted, "{part}");
        let mut tx = owner.begin().await.expect("begins");
        take_context(&mut tx, house.organisation.0).await;
        let statements = [
            format!("SELECT * FROM {part}"),
            format!("INSERT INTO {part} SELECT * FROM {table}"),
            format!("UPDATE {part} SET org_id = org_id"),
            format!("DELETE FROM {part}"),
            format!("TRUNCATE {part}"),
        ];
        for statement in statements {
            let mut attempt = tx.begin().await.expect("begins");
            let refused =
                attempt.execute(sqlx::AssertSqlSafe(statement.clone())).await.expect_err("it may not").to_string();
            assert!(refused.contains("permission denied"), "{statement}: {refused}");
        }
    }
    for table in ["call_attempts", "call_logs", "call_texts"] {
        assert_eq!(seen(&mut owner, table, Some(house.organisation.0)).await, (1, 1), "{table}");
    }
}

async fn take_context(connection: &mut PgConnection, organisation: Uuid) {
    sqlx::query("SELECT set_config('latchkey.org', $1, true)")
        .bind(organisation.to_string())
        .execute(connection)
        .await
        .expect("sets");
}

/// How many rows of a table a transaction sees in this context, and of how many organisations they are.
async fn seen(connection: &mut PgConnection, table: &str, context: Option<Uuid>) -> (i64, i64) {
    let mut tx = connection.begin().await.expect("begins");
    if let Some(organisation) = context {
        take_context(&mut tx, organisation).await;
    }
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*), COUNT(DISTINCT org_id) FROM {table}"));
    let seen = sqlx::query_as(sql).fetch_one(&mut *tx).await.expect("counts");
    tx.rollback().await.expect("ends");
    seen
}

#[tokio::test]
async fn events_cannot_be_changed_or_deleted() {
    each_engine(async |house| {
        let house = house.founded().await;
        let mut statements = vec!["UPDATE audit_events SET body = '{}'", "DELETE FROM audit_events"];
        if house.app.db.is_postgres() {
            statements.push("TRUNCATE audit_events");
        }
        for statement in statements {
            let refused = house.as_owner(statement).await.expect_err("the trigger refuses").to_string();
            assert!(refused.contains("audit events cannot be"), "{statement}: {refused}");
        }
        // What stands beside them is erased one by one, and never changed.
        let mut statements = vec!["UPDATE audit_personal SET value = value", "UPDATE audit_personal SET person = NULL"];
        if house.app.db.is_postgres() {
            statements.push("TRUNCATE audit_personal");
        }
        for statement in statements {
            let refused = house.as_owner(statement).await.expect_err("the trigger refuses").to_string();
            assert!(refused.contains("audit personal values cannot be changed"), "{statement}: {refused}");
        }
        let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
        assert!(!audit::page(&mut tx, 0, 10).await.expect("a page").is_empty(), "there are events to keep");
    })
    .await;
}

/// As the README says: whoever administers the server makes the role beforehand, and the program's user needs no right
/// to make roles or to give them.
#[tokio::test]
async fn an_administrator_may_make_the_serving_role() {
    let Some(server) = test_server() else { return };
    // Another database of this server has made the role.
    let house = House::on_postgres(&server).await;
    let mut admin = PgConnection::connect(&server).await.expect("connects");
    let name = format!("lk_user_{}", Uuid::new_v4().simple());
    let run = async |admin: &mut PgConnection, sql: String| {
        admin.execute(sqlx::AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    run(&mut admin, format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' NOSUPERUSER NOCREATEROLE NOCREATEDB")).await;
    run(&mut admin, format!("CREATE DATABASE {name} OWNER {name}")).await;
    let mut url = url::Url::parse(&server).expect("an address");
    url.set_path(&name);
    url.set_username(&name).expect("a user");
    url.set_password(Some(&name)).expect("a password");
    let refused = Db::open(url.as_str()).await.expect_err("it cannot take the role").to_string();
    assert!(refused.contains("latchkey_serving"), "{refused}");
    run(&mut admin, format!("GRANT latchkey_serving TO {name}")).await;
    let db = Db::open(url.as_str()).await.expect("it can take the role");
    assert!(db.is_ready().await);
    db.close().await;
    run(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    run(&mut admin, format!("DROP ROLE {name}")).await;
    drop(house);
}
