//! How long pages take over a month of calls, on SQLite and, where `LATCHKEY_TEST_POSTGRES` names a server, on PostgreSQL:
//! whole pages as a browser without scripts gets them, and REST. `./dev bench month 10000000`.

use super::{House, Result};
use sqlx::{Connection, Executor, PgConnection};
use std::{
    io::Write,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const ROUNDS: usize = 11;
/// Who looks, in the demonstration.
const EMAIL: &str = "ada@northwind.test";
const PASSWORD: &str = "open sesame, a demonstration";
pub const SLUG: &str = "northwind-research";
pub const PLACE: &str = "/o/northwind-research";

/// Measures over so many calls.
pub fn run(calls: &str) -> Result<()> {
    let number: u64 = calls.parse().map_err(|_| "how many calls? such as 10000000")?;
    each_engine("latchkey_month", |engine, settings| on(number, engine, settings))
}

/// Measures on each engine that there is: with its name, and the settings that lead to its database.
pub fn each_engine(database: &str, on: impl Fn(&str, &[(&str, &str)]) -> Result<()>) -> Result<()> {
    on("SQLite", &[])?;
    if let Ok(server) = std::env::var("LATCHKEY_TEST_POSTGRES") {
        let own = own_database(&server, database)?;
        on("PostgreSQL", &[("DATABASE_URL", &own)])?;
    }
    Ok(())
}

/// A new database on the server.
#[expect(clippy::disallowed_methods, reason = "a benchmark makes its database itself")]
fn own_database(server: &str, name: &str) -> Result<String> {
    let mut own = url::Url::parse(server)?;
    own.set_path(name);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut connection = PgConnection::connect(server).await?;
        for statement in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
            connection.execute(sqlx::AssertSqlSafe(statement)).await?;
        }
        Ok::<_, sqlx::Error>(())
    })?;
    Ok(own.into())
}

/// Signs in, and gives the session's cookie.
pub fn enter(house: &House) -> Result<String> {
    let (_, head, _) = house.form("account/sign_in", None, &[("email", EMAIL), ("password", PASSWORD)])?;
    let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    Ok(set.ok_or("no session")?.to_owned())
}

/// Measures a page, and says how long it took.
pub fn tell(out: &mut impl Write, house: &House, cookie: &str, what: &str, path: &str) -> Result<()> {
    let (first, median, most) = measure(house, cookie, path)?;
    writeln!(out, "  {what:<34} first {first:>8.1} ms, median {median:>8.1} ms, most {most:>8.1} ms")?;
    Ok(out.flush()?)
}

fn on(calls: u64, engine: &str, settings: &[(&str, &str)]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let begun = Instant::now();
    let house = House::demonstrated(TempDir::new()?, settings, &["--calls", &calls.to_string()])?;
    let filled = begun.elapsed().as_secs_f64();
    writeln!(out, "{engine}: {calls} calls made in {filled:.0} s, {:.0} a second", calls as f64 / filled)?;
    let cookie = enter(&house)?;
    let deep = far_back(&house, &cookie)?;
    let month = "range=30d";
    for (what, path) in [
        ("log, first page, a day", format!("{PLACE}/logs")),
        ("log, first page, a month", format!("{PLACE}/logs?{month}")),
        ("log, page 1,000, a month", format!("{PLACE}/logs?{month}&after={deep}")),
        ("log, failed ones of a month", format!("{PLACE}/logs?{month}&status=failed")),
        ("analytics, a day", format!("{PLACE}/analytics?range=24h")),
        ("analytics, a week", format!("{PLACE}/analytics")),
        ("analytics, a month", format!("{PLACE}/analytics?{month}")),
        ("analytics, a month by key", format!("{PLACE}/analytics?{month}&group=key&share=prompt")),
        ("analytics, one model in a month", format!("{PLACE}/analytics?{month}&model_is=gpt-4.1")),
    ] {
        tell(&mut out, &house, &cookie, what, &path)?;
    }
    Ok(())
}

/// The cursor of the page that is a thousand pages from the first.
fn far_back(house: &House, cookie: &str) -> Result<String> {
    let mut cursor = String::new();
    for _ in 0..999 {
        let fields = [("slug", SLUG), ("query[range]", "1h"), ("query[after]", cursor.as_str())];
        let (status, _, body) = house.form("logs/list", Some(cookie), &fields)?;
        let page: serde_json::Value = serde_json::from_str(&body)?;
        match page["next"].as_str() {
            Some(next) if status == 200 => cursor = next.to_owned(),
            _ => break,
        }
    }
    Ok(cursor)
}

/// Milliseconds: the first time, the median of those after it, and the most.
fn measure(house: &House, cookie: &str, path: &str) -> Result<(f64, f64, f64)> {
    let mut took = vec![];
    for _ in 0..=ROUNDS {
        let begun = Instant::now();
        let (status, _, body) = house.page(path, cookie)?;
        took.push(begun.elapsed());
        if status != 200 || !body.contains("</html>") {
            return Err(format!("{path}: {status}").into());
        }
    }
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let first = millis(took.remove(0));
    took.sort_unstable();
    Ok((first, millis(took[ROUNDS / 2]), millis(took[ROUNDS - 1])))
}
