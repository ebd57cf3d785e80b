//! A fresh installation.

use super::{Client, Mailbox, snapshot, test_server};
use crate::{
    features::accounts::operations::{NewInstallation, set_up},
    features::logs::{NewSide, NewTexts, write_texts},
    features::{
        billing::{self, month::Month},
        identities::Rooms,
        logs,
    },
    gateway::{call::Gateway, storage},
    http,
    kernel::{CallId, OrganisationId, Secret, Timestamp, time::DAY},
    server::access::installation,
    server::{
        access::{Access, App, Parts, refusals::Refusals, uses::Uses},
        audit,
        clock::Clock,
        crypto::{Keyring, Passwords},
        database::Db,
        limits::Limits,
        mail::Mail,
        metrics::{Deliveries, Requests},
        outgoing::{AllowList, Outgoing},
        watch::Changes,
    },
};
use axum::Router;
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgPoolOptions};
use std::future::Future;
use tempfile::TempDir;
use uuid::Uuid;

/// The password of everybody in tests.
pub const PASSWORD: &str = "a long test password";

/// A running installation on a database of its own.
pub struct House {
    pub app: App,
    pub router: Router,
    pub gateway: Gateway,
    /// The first organisation's slug, once there is one.
    pub slug: String,
    /// Its id.
    pub organisation: OrganisationId,
    /// Its master key's secret.
    pub master_key: String,
    /// Holds key file and database as long as the house stands.
    folder: TempDir,
    postgres: Option<(String, String)>,
    /// One connection of whoever owns the tables, on PostgreSQL: made when it is first asked for, and kept.
    owner: Option<PgPool>,
}

/// What an event says, with the personal values in their places; as it is hashed where it cannot be read.
pub fn told(event: &audit::Stored) -> Value {
    let text = event.read().map_or_else(|| event.body.clone(), |written| written.text());
    serde_json::from_str(&text).expect("JSON")
}

/// Runs the test on each engine; see [`test_server`].
pub async fn each_engine<F: Future<Output = ()>>(test: impl Fn(House) -> F) {
    test(House::on_sqlite().await).await;
    if let Some(url) = test_server() {
        test(House::on_postgres(&url).await).await;
    }
}

/// The same, for installations that send mail.
pub async fn each_engine_with_mail<F: Future<Output = ()>>(test: impl Fn(House, Mailbox) -> F) {
    let mailbox = Mailbox::open().await;
    test(House::new_on_sqlite(mailbox.mail()).await, mailbox).await;
    if let Some(url) = test_server() {
        let mailbox = Mailbox::open().await;
        test(House::new_on_postgres(&url, mailbox.mail()).await, mailbox).await;
    }
}

impl House {
    /// An empty installation on SQLite.
    pub async fn on_sqlite() -> Self {
        Self::new_on_sqlite(Mail::none()).await
    }

    async fn new_on_sqlite(mail: Mail) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = folder.path().join("latchkey.db").display().to_string();
        let db = Db::open(&url).await.expect("the database opens");
        Self::open(db, folder, None, mail).await
    }

    /// An empty installation on a new database of this PostgreSQL server.
    pub async fn on_postgres(server: &str) -> Self {
        Self::new_on_postgres(server, Mail::none()).await
    }

    async fn new_on_postgres(server: &str, mail: Mail) -> Self {
        let (name, url) = Self::empty_database(server).await;
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&url).await.expect("the database opens");
        Self::open(db, folder, Some((server.to_owned(), name)), mail).await
    }

    /// A new database of this PostgreSQL server: its name and address.
    pub async fn empty_database(server: &str) -> (String, String) {
        let name = format!("lk_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(server).await.expect("the test server answers");
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("a database can be made");
        admin.close().await.expect("the connection closes");
        let url = address(server, &name);
        (name, url)
    }

    /// An installation on a database of this name that is already open.
    pub async fn on_database(db: Db, server: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::open(db, folder, Some((server.to_owned(), name.to_owned())), Mail::none()).await
    }

    async fn open(db: Db, folder: TempDir, postgres: Option<(String, String)>, mail: Mail) -> Self {
        let keyring = Keyring::open(None, &folder.path().join("latchkey.key")).expect("a key");
        let parts = Parts {
            db,
            clock: Clock::default(),
            keyring,
            passwords: Passwords::default(),
            mail,
            outgoing: Outgoing::new(AllowList::parse("127.0.0.1").expect("a list")),
            public_url: "http://latchkey.test".into(),
            trusted_proxies: vec![],
            changes: Changes::default(),
            refusals: Refusals::default(),
            limits: Limits::default(),
            uses: Uses::default(),
            usage: Default::default(),
            requests: Requests::default(),
            deliveries: Deliveries::default(),
            audit_days: None,
            identities: &Rooms,
        };
        Self::start(parts, folder, postgres).await
    }

    async fn start(parts: Parts, folder: TempDir, postgres: Option<(String, String)>) -> Self {
        let app = App::new(parts);
        installation::check_key(&app).await.expect("the key fits");
        let gateway = storage::start(&app, &folder.path().join("calls")).expect("a journal");
        let router = http::router(&app, gateway.clone());
        let owner = postgres.as_ref().map(|(server, name)| {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy(&address(server, name));
            pool.expect("an address")
        });
        Self {
            app,
            router,
            gateway,
            slug: String::new(),
            organisation: OrganisationId::INSTALLATION,
            master_key: String::new(),
            folder,
            postgres,
            owner,
        }
    }

    /// One more program on the same data and with the same clock, as a replica is; `adapt` changes its settings.
    pub async fn another(&self, adapt: impl FnOnce(&mut Parts)) -> Self {
        let db = match self.owner_url() {
            Some(url) => Db::open(&url).await.expect("the database opens"),
            None => self.app.db.clone(),
        };
        let mut parts = Parts {
            db,
            clock: self.app.clock.clone(),
            keyring: self.app.keyring.clone(),
            passwords: self.app.passwords.clone(),
            mail: self.app.mail.clone(),
            outgoing: self.app.outgoing.clone(),
            public_url: self.app.public_url.clone(),
            trusted_proxies: vec![],
            changes: Changes::default(),
            refusals: Refusals::default(),
            limits: Limits::default(),
            uses: Uses::default(),
            usage: Default::default(),
            requests: Requests::default(),
            deliveries: Deliveries::default(),
            audit_days: self.app.audit_days,
            identities: &Rooms,
        };
        adapt(&mut parts);
        let another = Self::start(parts, tempfile::tempdir().expect("a folder"), self.postgres.clone()).await;
        let (slug, organisation, master_key) = (self.slug.clone(), self.organisation, self.master_key.clone());
        Self { slug, organisation, master_key, ..another }
    }

    /// With its first Owner, `ada@north.test`, and organisation North.
    pub async fn founded(mut self) -> Self {
        let new = NewInstallation {
            email: "ada@north.test".into(),
            name: "Ada".into(),
            organisation: "North".into(),
            password: Secret::new(PASSWORD),
        };
        let made = set_up(&Access::system(self.app.clone()), None, new).await.expect("set up");
        self.slug = made.founded.slug;
        self.organisation = made.organisation;
        self.master_key = made.founded.master_key.expose().to_owned();
        self
    }

    /// The same, with Ada signed in.
    pub async fn with_ada(self) -> (Self, Client) {
        let house = self.founded().await;
        let ada = house.person("ada@north.test").await;
        (house, ada)
    }

    /// Nobody: no cookie, no key.
    pub fn nobody(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// A person who signs in with [`PASSWORD`].
    pub async fn person(&self, email: &str) -> Client {
        let mut client = self.nobody();
        let answer = client.form("account/sign_in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 200, "{email} signs in: {}", answer.text);
        client.keep_cookie(&answer);
        client
    }

    /// A program with this API key.
    pub fn program(&self, key: &str) -> Client {
        self.nobody().with_key(key)
    }

    /// Every row of every table but the audit log, as sorted lines: equal before and after means that nothing changed.
    pub async fn snapshot(&self) -> Vec<String> {
        snapshot::take(&self.app.db, self.owner.as_ref()).await
    }

    /// How many events the chain of an organisation has, and its last one.
    pub async fn chain(&self, organisation: OrganisationId) -> (i64, Option<Value>) {
        let mut tx = self.app.read_proven(organisation).await.expect("reads");
        let Some(head) = audit::head(&mut tx).await.expect("a head") else { return (0, None) };
        let last = audit::page(&mut tx, head.seq - 1, 1).await.expect("a page");
        (head.seq, last.first().map(told))
    }

    /// Puts a finished call into the first organisation's log, with what was said in it.
    pub async fn add_call(&self, id: Uuid) {
        self.add_uncounted_call(id).await;
        logs::operations::count_earlier(&self.app).await.expect("it is counted");
    }

    /// Sees to it that a month has a statement, by a call that is older than any open month. Gives the month.
    pub async fn closed_month(&self) -> String {
        const OPEN_AT_MOST: i64 = 70 * DAY;
        self.add_uncounted_call_at(Uuid::now_v7(), self.app.clock.now().plus(-OPEN_AT_MOST)).await;
        logs::operations::count_earlier(&self.app).await.expect("it is counted");
        billing::close::due(&self.app, self.organisation).await.expect("its statement is made");
        Month::last_closed(self.app.clock.now()).to_string()
    }

    /// The same, as an earlier version of the program left it: in no roll-up.
    pub async fn add_uncounted_call(&self, id: Uuid) {
        self.add_uncounted_call_at(id, self.app.clock.now()).await;
    }

    /// The same of a call that came then.
    pub async fn add_uncounted_call_at(&self, id: Uuid, at: Timestamp) {
        const ATTEMPT: &str = "INSERT INTO call_attempts (org_id, call_id, number, path, model, status, sent, began_us, took_us, next, started_at) VALUES ($1, $2, 1, 'config', 'gpt-test', 200, true, 10, 20, 'answered', $3)";
        const SQL: &str = "INSERT INTO call_logs (org_id, id, started_at, finished_at, endpoint, streamed, outcome, status, trace_id, model) VALUES ($1, $2, $3, $3, 'chat_completions', false, 'ok', 200, 'trace', 'gpt-test')";
        let now = at.0;
        match (&self.app.db, self.owner.as_ref()) {
            (Db::Sqlite { writer, .. }, _) => {
                sqlx::query(SQL).bind(self.organisation.0).bind(id).bind(now).execute(writer).await.expect("a call");
                sqlx::query(ATTEMPT)
                    .bind(self.organisation.0)
                    .bind(id)
                    .bind(now)
                    .execute(writer)
                    .await
                    .expect("an attempt");
            }
            (Db::Postgres(_), Some(owner)) => {
                sqlx::query(SQL).bind(self.organisation.0).bind(id).bind(now).execute(owner).await.expect("a call");
                sqlx::query(ATTEMPT)
                    .bind(self.organisation.0)
                    .bind(id)
                    .bind(now)
                    .execute(owner)
                    .await
                    .expect("an attempt");
            }
            (Db::Postgres(_), None) => panic!("PostgreSQL without its owner"),
        }
        let said = Some(NewSide { text: r#"{"prompt":"Hello"}"#, size: 18, is_cut: false });
        let texts = NewTexts { call: CallId(id), request: said, answer: None, left_out: 0, dropped: false, at };
        let mut note = self.app.note_in(self.organisation).await.expect("begins");
        write_texts(note.tx(), &self.app.keyring, &texts).await.expect("texts");
        note.commit().await.expect("committed");
    }

    /// Runs a statement as whoever owns the tables.
    pub async fn as_owner(&self, sql: &'static str) -> sqlx::Result<()> {
        self.as_owner_composed(sql).await
    }

    /// The same, for a text that a test puts together.
    pub async fn as_owner_composed(&self, sql: &str) -> sqlx::Result<()> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match (&self.app.db, self.owner.as_ref()) {
            (Db::Sqlite { writer, .. }, _) => sqlx::raw_sql(sql).execute(writer).await.map(|_| ()),
            (Db::Postgres(_), Some(owner)) => sqlx::raw_sql(sql).execute(owner).await.map(|_| ()),
            (Db::Postgres(_), None) => panic!("PostgreSQL without its owner"),
        }
    }

    /// Where the journals of its calls lie.
    pub fn calls(&self) -> std::path::PathBuf {
        self.folder.path().join("calls")
    }

    /// The address of this database for its owner, on PostgreSQL.
    pub fn owner_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|(server, name)| address(server, name))
    }
}

/// The address of a database of this server.
fn address(server: &str, name: &str) -> String {
    let mut url = url::Url::parse(server).expect("an address");
    url.set_path(name);
    url.into()
}
