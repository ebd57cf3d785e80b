//! Backup and restore as `docs/backup.md` tells it: a copy made while the program works opens elsewhere with the key, and
//! not without it.

use super::{Result, calls::provider, house::House, postgres::test_server};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

const KEY: &str = "latchkey.key";
const DATABASE: &str = "latchkey.db";
/// Tables with row-level security, as `docs/backup.md` counts them.
const WALLED: &str = "SELECT count(*) FILTER (WHERE relrowsecurity), count(*) FILTER (WHERE relforcerowsecurity) FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition";

#[test]
fn a_copy_of_sqlite_opens_with_the_key_alone() -> Result<()> {
    let house = House::open(provider()?)?;
    make_key(&house, "before the backup")?;
    let kept = TempDir::new()?;
    let copy = kept.path().join("backup.db");
    // While the program runs and has just written.
    vacuum_into(&house.folder().join(DATABASE), &copy)?;
    make_key(&house, "after the backup")?;

    let restored = TempDir::new()?;
    fs::copy(&copy, restored.path().join(DATABASE))?;
    fs::copy(house.folder().join(KEY), restored.path().join(KEY))?;
    // As after the loss of the machine.
    let key = house.key.clone();
    drop(house);
    let mut house = House::on(restored, &[], &key)?;
    expect_restored(&mut house)?;

    // The data without the key, and with that of another installation.
    let without = TempDir::new()?;
    fs::copy(&copy, without.path().join(DATABASE))?;
    expect_refused(without.path(), &[])?;
    assert!(!without.path().join(KEY).exists(), "no other key is made for it");
    fs::write(without.path().join(KEY), "00".repeat(32))?;
    restrict(&without.path().join(KEY))?;
    expect_refused(without.path(), &[])
}

#[test]
fn a_dump_of_postgresql_opens_with_the_key_alone() -> Result<()> {
    let Some(server) = test_server() else { return Ok(()) };
    let name = |what: &str| format!("backup_{what}_{}", std::process::id());
    let (first, second, login) = (name("first"), name("second"), name("login"));
    let psql = |database: &str, sql: &str| {
        said(tool("psql", &["-v", "ON_ERROR_STOP=1", "-XAtqc", sql, &at(&server, database, None)])?)
    };
    // The role that serves may be there from another test, or be made by two at once.
    let _ = psql("postgres", "CREATE ROLE latchkey_serving NOLOGIN NOSUPERUSER NOBYPASSRLS");
    psql("postgres", &format!("CREATE ROLE {login} LOGIN PASSWORD '{login}' NOSUPERUSER NOCREATEROLE NOBYPASSRLS"))?;
    psql("postgres", &format!("GRANT latchkey_serving TO {login}"))?;
    for database in [&first, &second] {
        psql("postgres", &format!("CREATE DATABASE {database} OWNER {login}"))?;
    }
    let kept = TempDir::new()?;
    let dump = kept.path().join("backup.dump").display().to_string();

    let url = at(&server, &first, Some(&login));
    let house = House::open_in(TempDir::new()?, provider()?, &[("DATABASE_URL", &url)])?;
    make_key(&house, "before the backup")?;
    let by_login = tool("pg_dump", &["-Fc", "-f", &dump, &url])?;
    let sentence = String::from_utf8_lossy(&by_login.stderr).into_owned();
    assert!(!by_login.status.success() && sentence.contains("row-level security"), "{sentence}");
    said(tool("pg_dump", &["-Fc", "-f", &dump, &at(&server, &first, None)])?)?;
    make_key(&house, "after the backup")?;

    let url = at(&server, &second, Some(&login));
    said(tool("pg_restore", &["--no-owner", "--exit-on-error", "-d", &url, &dump])?)?;
    let walled = psql(&second, WALLED)?;
    let (enabled, forced) = walled.trim().split_once('|').ok_or("two numbers")?;
    assert!(enabled == forced && enabled == psql(&first, WALLED)?.split('|').next().unwrap_or_default(), "{walled}");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/backup.md"))?;
    assert!(page.contains(&format!("both numbers must be {enabled}:")), "docs/backup.md says another number: {walled}");

    let restored = TempDir::new()?;
    fs::copy(house.folder().join(KEY), restored.path().join(KEY))?;
    let key = house.key.clone();
    drop(house);
    let mut house = House::on(restored, &[("DATABASE_URL", &url)], &key)?;
    expect_restored(&mut house)?;
    let without = TempDir::new()?;
    expect_refused(without.path(), &[("DATABASE_URL", &url)])?;

    drop(house);
    for database in [&first, &second] {
        psql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"))?;
    }
    psql("postgres", &format!("DROP ROLE {login}"))?;
    Ok(())
}

/// What was there at the backup is there again and works, the stored credential too; and what came later is not.
fn expect_restored(house: &mut House) -> Result<()> {
    let (status, keys) = house.api("GET", "/v1/api-keys", "")?;
    assert_eq!(status, 200, "{keys}");
    assert!(keys.contains("before the backup") && !keys.contains("after the backup"), "{keys}");
    let call = r#"{"model":"@bench/gpt-4o","messages":[{"role":"user","content":"Hello"}]}"#;
    let (status, answer) = house.api("POST", "/v1/chat/completions", call)?;
    assert_eq!(status, 200, "{answer}");
    make_key(house, "after the restore")?;
    house.stop()?;
    house.verify_audit()
}

/// The program does not start on this, and says why.
fn expect_refused(folder: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let ended = Command::new(super::house::program())
        .arg("serve")
        .env("LATCHKEY_DATA", folder)
        .env("LATCHKEY_LISTEN", "127.0.0.1:0")
        .envs(settings.iter().copied())
        .output()?;
    let sentence = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(1) && sentence.contains("key"), "{:?} {sentence}", ended.status);
    Ok(())
}

fn make_key(house: &House, name: &str) -> Result<()> {
    let (status, body) = house.api("POST", "/v1/api-keys", &format!(r#"{{"name":"{name}"}}"#))?;
    if status == 200 { Ok(()) } else { Err(format!("{status} {body}").into()) }
}

#[cfg(unix)]
fn restrict(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o600))?)
}

/// What `sqlite3 … "VACUUM INTO …"` does.
#[expect(clippy::disallowed_methods, reason = "a test looks at the database from outside")]
fn vacuum_into(database: &Path, copy: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection = sqlx::ConnectOptions::connect(&options).await?;
        sqlx::query("VACUUM INTO $1").bind(copy.display().to_string()).execute(&mut connection).await?;
        Ok(())
    })
}

/// The address of another database on a server, for its administrator or for a role whose password is its name.
fn at(server: &str, database: &str, login: Option<&str>) -> String {
    let mut url = url::Url::parse(server).expect("the server's address is a URL");
    url.set_path(database);
    if let Some(login) = login {
        url.set_username(login).expect("a URL with a host");
        url.set_password(Some(login)).expect("a URL with a host");
    }
    url.into()
}

/// One of PostgreSQL's programs, which Debian keeps beside the server's.
fn tool(name: &str, arguments: &[&str]) -> Result<Output> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    let program = newest.unwrap_or_else(|| PathBuf::from(name));
    Command::new(&program)
        .args(arguments.iter().map(OsStr::new))
        .output()
        .map_err(|error| format!("{}: {error}", program.display()).into())
}

/// What it printed, if it ended well.
fn said(done: Output) -> Result<String> {
    if done.status.success() {
        Ok(String::from_utf8(done.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned().into())
    }
}
