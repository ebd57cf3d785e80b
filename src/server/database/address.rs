//! Where the database is, read strictly. What is refused is told by name and never repeated: it may hold a password.

use super::StartResult;
use sqlx::postgres::PgConnectOptions;
use std::{path::PathBuf, str::FromStr};

/// Parameters that a PostgreSQL address may have. The driver would take no notice of others and print them.
const PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

/// A database's address.
#[derive(Clone)]
pub enum Address {
    /// A file, made if it is missing.
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    /// Reads `postgres://…`, `sqlite:PATH` or a path. Blanks around it do not count, nor does the case of the scheme.
    ///
    /// # Errors
    /// A sentence that says what is wrong without repeating it.
    pub fn parse(text: &str) -> StartResult<Self> {
        let text = text.trim();
        let Some((scheme, rest)) = scheme(text) else {
            // What has a user before it was meant to be a server's.
            let is_path = !text.contains("://") && !text.contains('@');
            return if is_path { file(text) } else { Err(refused("its beginning is not known")) };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => server(rest),
            "sqlite" => file(rest.strip_prefix("//").unwrap_or(rest)),
            // Only what stands before “://” is sure to be a scheme, and not the beginning of something secret.
            _ if rest.starts_with("//") => Err(refused(&format!("“{scheme}://” is not known"))),
            _ => Err(refused("its beginning is not known")),
        }
    }
}

/// The scheme and what comes after its colon. A single letter is a drive.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then_some((scheme, rest))
}

fn file(path: &str) -> StartResult<Address> {
    match path {
        "" => Err(refused("it is empty")),
        ":memory:" => Err(refused("a database in memory would be lost at the end")),
        path if path.contains('?') => Err(refused("the path of a file takes no parameters")),
        path => Ok(Address::Sqlite(path.into())),
    }
}

fn server(rest: &str) -> StartResult<Address> {
    let text = format!("postgres:{rest}");
    let url = url::Url::parse(&text).map_err(|error| refused(&error.to_string()))?;
    if !rest.starts_with("//")
        || url.host_str().is_none_or(str::is_empty) && !url.query_pairs().any(|(k, _)| k == "host")
    {
        return Err(refused("it names no host"));
    }
    if url.fragment().is_some() {
        return Err(refused("there is a “#” in it; write %23 in a password"));
    }
    let known = |name: &str| PARAMETERS.contains(&name) || name == "options" || name.starts_with("options[");
    if !url.query_pairs().all(|(name, _)| known(&name)) {
        return Err(refused("it has a parameter that is not known"));
    }
    let options = PgConnectOptions::from_str(&text).map_err(|_| refused("one of its parameters is not valid"))?;
    Ok(Address::Postgres(Box::new(options)))
}

fn refused(why: &str) -> Box<dyn std::error::Error + Send + Sync> {
    format!(
        "DATABASE_URL cannot be used: {why}. Write postgres://user:password@host/database, or the path of a SQLite file"
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_engines_are_read() {
        let path = |text: &str| match Address::parse(text) {
            Ok(Address::Sqlite(path)) => path.display().to_string(),
            _ => panic!("{text} is a file"),
        };
        assert_eq!(path("./data/latchkey.db"), "./data/latchkey.db");
        assert_eq!(path(" sqlite:keys.db\n"), "keys.db");
        assert_eq!(path("SQLite:///var/lib/keys.db"), "/var/lib/keys.db");
        assert_eq!(path("C:\\keys.db"), "C:\\keys.db");
        assert_eq!(path("sqlite:/srv/a@b/keys.db"), "/srv/a@b/keys.db");
        for text in [
            "postgres://u:p@host/db",
            " Postgres://u:p@host:5433/db?sslmode=require",
            "POSTGRESQL://host/db",
            "postgres:///db?host=/run/postgresql",
        ] {
            assert!(matches!(Address::parse(text), Ok(Address::Postgres(_))), "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for (text, why) in [
            ("postgresql+asyncpg://user:SECRET@host/db", "“postgresql+asyncpg://” is not known"),
            ("mysql://user:SECRET@host/db", "“mysql://” is not known"),
            ("jdbc:postgresql://host/db?user=u&password=SECRET", "its beginning is not known"),
            ("user:SECRET@host/db", "its beginning is not known"),
            ("SECRET@host/db", "its beginning is not known"),
            ("postgres:user:SECRET@host/db", "it names no host"),
            ("postgres://user:SECRET@host:port/db", "invalid port number"),
            ("postgres://user:SECRET@host/db?pasword=SECRET", "a parameter that is not known"),
            ("postgres://user:SECRET@host/db?sslmode=SECRET", "one of its parameters is not valid"),
            ("postgres://user:a#SECRET@host/db", "invalid port number"),
            ("sqlite:keys.db?key=SECRET", "takes no parameters"),
            ("sqlite::memory:", "would be lost"),
            ("  ", "it is empty"),
        ] {
            let Err(error) = Address::parse(text) else { panic!("{text} is refused") };
            let error = error.to_string();
            assert!(error.starts_with("DATABASE_URL cannot be used: ") && error.contains(why), "{text}: {error}");
            assert!(!error.contains("SECRET") && !error.contains('\n'), "{text}: {error}");
        }
    }
}
