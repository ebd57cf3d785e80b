//! What the database does when it cannot do what it is asked for.

use crate::{
    kernel::{Code, OrganisationId},
    server::{
        access::installation,
        database::{Db, OrgTx, TenantSql},
    },
    tests::support::{Client, House, PASSWORD, each_engine, test_server},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use uuid::Uuid;

async fn create(program: &Client) -> u16 {
    program.api("POST", "/v1/api-keys", json!({ "name": "ci" })).await.status
}

async fn ready(house: &House) -> u16 {
    house.nobody().page("/readyz").await.status
}

/// The connection that met the full disk is in an unknown state. It is not used again.
#[tokio::test]
async fn a_failed_write_spoils_no_later_one_on_sqlite() {
    let house = House::on_sqlite().await.founded().await;
    let program = house.program(&house.master_key);
    for _ in 0..3 {
        // No file is larger than it is, for this connection alone.
        house.as_owner("PRAGMA max_page_count = 1").await.expect("a bound");
        let statuses = async || {
            for _ in 0..200 {
                match create(&program).await {
                    200 => {}
                    status => return status,
                }
            }
            200
        };
        assert_eq!(statuses().await, 503, "the disk is full");
        assert_eq!(create(&program).await, 200, "another connection takes its place");
        assert_eq!(ready(&house).await, 200);
    }
}

/// A full disk shows when a transaction is committed.
#[tokio::test]
async fn a_failed_commit_is_told_and_survived_on_postgres() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let program = house.program(&house.master_key);
    const FILL: &str = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file'; END $$;
        CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON api_keys DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk();
        CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON audit_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk();
        CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON sessions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk();";
    const EMPTY: &str = "DROP TRIGGER full_disk ON api_keys; DROP TRIGGER full_disk ON audit_events; DROP TRIGGER full_disk ON sessions; DROP FUNCTION full_disk;";
    for _ in 0..2 {
        house.as_owner(FILL).await.expect("a full disk");
        let sign_in = [("email", "ada@north.test"), ("password", PASSWORD)];
        for _ in 0..20 {
            assert_eq!(create(&program).await, 503);
            assert_eq!(house.nobody().form("account/sign_in", &sign_in).await.status, 503);
        }
        assert_eq!(ready(&house).await, 503);
        assert_eq!(program.api("GET", "/v1/api-keys", Value::Null).await.status, 200);
        house.as_owner(EMPTY).await.expect("room again");
        // Twice as long as it is believed that nothing can be written: only time ends that.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(ready(&house).await, 200);
        assert_eq!(create(&program).await, 200);
    }
}

/// Statistics of a nearly empty database, as earlier versions left them.
#[tokio::test]
async fn no_statistics_mislead_the_planner() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("latchkey.db").display().to_string();
    for _ in 0..2 {
        let db = Db::open(&file).await.expect("opens");
        let Db::Sqlite { writer, .. } = &db else { panic!("SQLite") };
        let stats: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'")
            .fetch_all(writer)
            .await
            .expect("the schema");
        assert!(stats.is_empty(), "{stats:?}");
        sqlx::query("ANALYZE").execute(writer).await.expect("statistics");
        db.close().await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_told_in_a_sentence() {
    each_engine(async |house| {
        house
            .as_owner("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) SELECT 999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1")
            .await
            .expect("a later schema");
        let address = match (&house.app.db, house.owner_url()) {
            (_, Some(url)) => url,
            (Db::Sqlite { writer, .. }, None) => {
                let file = "SELECT file FROM pragma_database_list WHERE name = 'main'";
                sqlx::query_scalar(file).fetch_one(writer).await.expect("a file")
            }
            (Db::Postgres(_), None) => panic!("PostgreSQL without its owner's address"),
        };
        let refused = Db::open(&address).await.expect_err("it is too new").to_string();
        assert!(refused.contains("its schema (999) is newer than this program knows"), "{refused}");
        assert!(!refused.contains('\n') && !refused.contains("://"), "{refused}");
    })
    .await;
}

/// Replicas that start on an empty database at once: one makes the schema, and what each prints is good.
#[tokio::test]
async fn replicas_started_at_once_print_one_secret() {
    let Some(server) = test_server() else { return };
    for _ in 0..3 {
        let (name, url) = House::empty_database(&server).await;
        let opened = futures_util::future::join_all((0..4).map(|_| Db::open(&url))).await;
        let dbs: Vec<Db> = opened.into_iter().map(|db| db.expect("each replica starts")).collect();
        let first = House::on_database(dbs[0].clone(), &server, &name).await;
        let mut houses = vec![];
        for db in &dbs[1..] {
            houses.push(first.another(|parts| parts.db = db.clone()).await);
        }
        houses.push(first);
        let secrets =
            futures_util::future::join_all(houses.iter().map(|house| installation::setup_secret(&house.app))).await;
        let secrets: Vec<String> =
            secrets.into_iter().map(|secret| secret.expect("asks").expect("nobody is there yet").to_string()).collect();
        assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.len() == 40), "{secrets:?}");
        for house in &houses {
            let mut tx = house.app.db.read().await.expect("reads");
            assert!(installation::check_setup_secret(&house.app, &mut tx, &secrets[0]).await.expect("is asked"));
            assert!(!installation::check_setup_secret(&house.app, &mut tx, &"0".repeat(40)).await.expect("is asked"));
        }
    }
}

/// Counts for minutes.
async fn endless(mut tx: OrgTx) -> Result<Vec<(i64,)>, crate::kernel::Error> {
    const SQL: TenantSql = TenantSql::new(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT (SELECT COUNT(*) FROM call_logs c WHERE c.org_id = $1) + COUNT(*) FROM n",
    );
    tx.all(SQL, vec![]).await
}

async fn short(db: &Db, organisation: OrganisationId) -> Result<(), crate::kernel::Error> {
    const SQL: TenantSql = TenantSql::new("SELECT COUNT(*) FROM call_logs c WHERE c.org_id = $1");
    let mut tx = db.browse_in(organisation).await?;
    tx.one::<(i64,)>(SQL, vec![]).await.map(drop)
}

/// Readers of one organisation that never end: others are not kept waiting, and verification not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_readers_are_bounded_in_number_and_time() {
    const KEYS: TenantSql = TenantSql::new("SELECT COUNT(*) FROM api_keys k WHERE k.org_id = $1");
    each_engine(async |house| {
        let db = &house.app.db;
        let (north, south) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        let begun = Instant::now();
        let readers: Vec<_> = (0..16)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move { endless(db.browse_in(north).await?).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        while begun.elapsed() < Duration::from_secs(3) {
            let asked = Instant::now();
            short(db, south).await.expect("another organisation's readers go on");
            let mut tx = db.read_in(north).await.expect("verification goes on");
            tx.one::<(i64,)>(KEYS, vec![]).await.expect("and reads");
            assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for reader in readers {
            let error = reader.await.expect("no panic").expect_err("it has no end");
            assert_eq!((error.code, error.code.status(), error.retry_after), (Code::Busy, 503, Some(2)));
        }
        assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
        short(db, north).await.expect("all is as before");
    })
    .await;
}

/// Whoever leaves takes no place any longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_dropped_stops() {
    each_engine(async |house| {
        let (db, north) = (&house.app.db, house.organisation);
        for _ in 0..4 {
            let readers = (0..16).map(|_| async {
                let reader = async { endless(db.browse_in(north).await?).await };
                timeout(Duration::from_millis(300), reader).await.expect_err("it has no end");
            });
            futures_util::future::join_all(readers).await;
        }
        let begun = Instant::now();
        futures_util::future::join_all((0..16).map(|_| short(db, north))).await.into_iter().for_each(|done| {
            done.expect("there is room at once");
        });
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        if let Some(url) = house.owner_url() {
            let mut owner = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.expect("connects");
            const RUNNING: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'WITH RECURSIVE%'";
            while sqlx::query_scalar::<_, i64>(RUNNING).fetch_one(&mut owner).await.expect("a count") > 0 {
                assert!(begun.elapsed() < Duration::from_secs(3), "something runs on");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    })
    .await;
}
