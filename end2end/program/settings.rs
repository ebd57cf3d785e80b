//! Settings that cannot be used are refused by name, and never repeated.

use super::{Result, house::program};
use std::{fs, process::Command};

const SECRET: &str = "hunter2hunter2";

/// What a start says that is refused, by this environment and these arguments.
fn refusal(environment: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let done = Command::new(program())
        .args(arguments)
        .env("LATCHKEY_DATA", folder.path().join("data"))
        .env("LATCHKEY_LISTEN", "127.0.0.1:0")
        .envs(environment.iter().copied())
        .output()?;
    let said = String::from_utf8(done.stdout)? + &String::from_utf8(done.stderr)?;
    assert!(matches!(done.status.code(), Some(1 | 2)), "{environment:?} {arguments:?}: {said}");
    let is_key = environment.iter().any(|(name, _)| *name == "LATCHKEY_KEY");
    assert!(is_key || !folder.path().join("data/latchkey.db").exists(), "a database was made: {said}");
    Ok(said)
}

#[test]
fn what_is_refused_is_named_and_not_repeated() -> Result<()> {
    let with = |text: &str| text.replace("SECRET", SECRET);
    for (name, value) in [
        ("DATABASE_URL", "postgresql+asyncpg://user:SECRET@host/db"),
        ("DATABASE_URL", "jdbc:postgresql://user:SECRET@host/db"),
        ("DATABASE_URL", "mysql://user:SECRET@host/db"),
        ("DATABASE_URL", "user:SECRET@host/db"),
        ("DATABASE_URL", "postgres://user:SECRET@host:port/db"),
        ("DATABASE_URL", "postgres://user:SECRET@127.0.0.1:9/db?passwort=SECRET"),
        ("LATCHKEY_PUBLIC_URL", "https://user:SECRET@keys.example.org"),
        ("LATCHKEY_SMTP_URL", "https://user:SECRET@mail.example.org"),
        ("LATCHKEY_SMTP_URL", "user:SECRET@mail.example.org"),
        ("LATCHKEY_LISTEN", "SECRET"),
        ("LATCHKEY_LOG_JSON", "SECRET"),
        ("LATCHKEY_ALLOW_UPSTREAM", "SECRET"),
        ("LATCHKEY_TRUSTED_PROXIES", "SECRET"),
        ("LATCHKEY_METRICS_LISTEN", "SECRET"),
        ("LATCHKEY_OTLP_ENDPOINT", "http://user:SECRET@127.0.0.1:4318"),
        ("LATCHKEY_OTLP_ENDPOINT", "http://127.0.0.1:4318?key=SECRET"),
        ("LATCHKEY_OTLP_HEADERS", "SECRET"),
        ("LATCHKEY_OTLP_HEADERS", "authorization=SECRET%0A"),
        // Headers for nobody.
        ("LATCHKEY_OTLP_HEADERS", "authorization=SECRET"),
    ] {
        let value = with(value);
        let flag = format!("--{}={value}", name.trim_start_matches("LATCHKEY_").to_lowercase().replace('_', "-"));
        for said in [refusal(&[(name, &value)], &["serve"])?, refusal(&[], &["serve", &flag])?] {
            assert!(!said.contains(SECRET), "{name} is repeated: {said}");
            let names = [name.to_owned(), flag.split('=').next().unwrap_or_default().to_owned()];
            assert!(names.iter().any(|name| said.contains(name)), "{name} is not named: {said}");
        }
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("latchkey.env");
        fs::write(&file, format!("{name}=\"{value}\"\n{name} {value}\n"))?;
        let said = refusal(&[("LATCHKEY_CONFIG", &file.display().to_string())], &["serve"])?;
        assert!(!said.contains(SECRET), "{name} is repeated: {said}");
    }
    let key = format!("{SECRET:x<64}");
    let said = refusal(&[("LATCHKEY_KEY", &key)], &["serve"])?;
    assert!(!said.contains(SECRET) && said.contains("key"), "{said}");
    // A server that cannot be reached is told without its password.
    let url = with("Postgres://user:SECRET@127.0.0.1:9/db");
    let said = refusal(&[("DATABASE_URL", &url)], &["migrate"])?;
    assert!(said.starts_with("latchkey: the PostgreSQL database: ") && said.lines().count() == 1, "{said}");
    assert!(!said.contains(SECRET), "{said}");
    Ok(())
}

#[test]
fn prices_that_cannot_be_read_stop_the_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("prices.csv");
    let path = file.display().to_string();
    let said = refusal(&[("LATCHKEY_PRICES", &path)], &["serve"])?;
    assert!(said.contains("LATCHKEY_PRICES") && said.lines().count() == 1, "{said}");
    fs::write(&file, "# ours\nopenai,gpt-4o,2.50,1.25,ten\n")?;
    let said = refusal(&[], &["serve", "--prices", &path])?;
    assert!(said.contains("line 2") && said.lines().count() == 1, "{said}");
    Ok(())
}
