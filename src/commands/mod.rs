//! The program's commands.

mod audit;
mod config;
mod demo;
mod serve;
mod setup;

#[cfg(test)]
pub(crate) use audit::{Against, erase_person, tell_deliveries, verify_database};
#[cfg(test)]
pub(crate) use demo::{PASSWORD as DEMONSTRATION_PASSWORD, events::write as write_events, fill as fill_demonstration};

use crate::features::identities::Rooms;
use crate::server::{
    access::{App, Parts, installation, refusals::Refusals, uses::Uses},
    clock::Clock,
    crypto::{Keyring, Passwords},
    database::{Address, Db, StartResult},
    limits::Limits,
    mail::Mail,
    metrics::{Deliveries, Requests},
    outgoing::{AllowList, Outgoing},
    settings::{DataSettings, ServeSettings},
    watch::Changes,
};
use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};
use std::{
    error::Error as _,
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Self-hosted access control for teams that use language models
#[derive(Parser)]
#[command(name = "latchkey", version, about)]
struct Program {
    /// File of settings, one `NAME=value` a line, with the names of the environment; that and flags go first
    #[arg(long, env = "LATCHKEY_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the console, the API and the gateway
    Serve(Box<ServeSettings>),
    /// Make the first Owner and organisation without a browser; prints one JSON object
    Setup(setup::SetupArguments),
    /// Fill a new installation with believable people, keys and calls, to look around
    Demo {
        #[command(flatten)]
        settings: DataSettings,
        /// So many calls, evenly over thirty days, in place of two days of them.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        calls: Option<u64>,
        /// So many events of the audit log besides, to measure with: they tell of things that are not there.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        events: Option<u64>,
    },
    /// Bring the database's schema up to date, and stop
    Migrate(DataSettings),
    /// Look after the audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

/// Reads the settings and runs the command that the arguments name. A failure is one line on standard error and exit code 1 (2: a broken audit chain).
pub fn main() -> ExitCode {
    // Whatever the program makes, the files that SQLite makes included, is for its user alone.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let command = match config::load() {
        Ok(file) => config::settled(Program::command(), &file, &|name| std::env::var_os(name)),
        Err(error) => return fail(&*error),
    };
    let matches = command.try_get_matches().and_then(|mut matches| Program::from_arg_matches_mut(&mut matches));
    let program = match matches {
        Ok(program) => program,
        Err(error) => return complain(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let result = runtime.block_on(async {
        match program.command {
            Command::Serve(settings) => serve::run(*settings).await,
            Command::Setup(arguments) => setup::run(arguments).await,
            Command::Demo { settings, calls, events } => demo::run(settings, calls, events).await,
            Command::Migrate(settings) => migrate(settings).await,
            Command::Audit(command) => audit::run(command).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result.unwrap_or_else(|error| fail(&*error))
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    let line = error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let _ = writeln!(std::io::stderr(), "latchkey: {line}");
    ExitCode::FAILURE
}

/// Says what is wrong with the arguments or the environment. A value is not repeated: it may be a secret in the wrong place.
fn complain(error: &clap::Error) -> ExitCode {
    if error.get(ContextKind::InvalidValue).is_none() {
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let setting = match error.get(ContextKind::InvalidArg) {
        // By the name that stands in a file or the environment too, if it has one.
        Some(ContextValue::String(flag)) => match config::name_of(flag) {
            Some(name) => format!("{name} ({flag})"),
            None => flag.clone(),
        },
        _ => "a setting".to_owned(),
    };
    let why = error.source().map(|why| format!(": {why}")).unwrap_or_default();
    let _ = writeln!(std::io::stderr(), "latchkey: the value of {setting} cannot be used{why}");
    ExitCode::from(2)
}

async fn migrate(settings: DataSettings) -> StartResult<ExitCode> {
    let (app, _lock) = open(&settings, Extras::default()).await?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What only the server needs.
#[derive(Default)]
struct Extras {
    public_url: String,
    trusted_proxies: Vec<ipnet::IpNet>,
    mail: Option<Mail>,
    allow_upstream: AllowList,
    audit_days: Option<i64>,
}

/// Opens data and key. The lock is held as long as the program runs: two on one SQLite file would not see each other's
/// changes.
async fn open(settings: &DataSettings, extras: Extras) -> StartResult<(App, Option<File>)> {
    let address = settings.database()?;
    settings.prepare()?;
    let lock = match &address {
        Address::Sqlite(path) => Some(lock(path)?),
        Address::Postgres(_) => None,
    };
    let key_file = settings.key_file();
    let made_key = settings.key.is_none() && !key_file.exists();
    let keyring = Keyring::open(settings.key.as_deref(), &key_file)?;
    let db = Db::open_at(address).await?;
    let app = App::new(Parts {
        db,
        clock: clock()?,
        keyring,
        passwords: Passwords::default(),
        mail: extras.mail.unwrap_or(Mail::none()),
        outgoing: Outgoing::new(extras.allow_upstream),
        public_url: extras.public_url,
        trusted_proxies: extras.trusted_proxies,
        changes: Changes::default(),
        refusals: Refusals::default(),
        limits: Limits::default(),
        uses: Uses::default(),
        usage: Default::default(),
        requests: Requests::default(),
        deliveries: Deliveries::default(),
        audit_days: extras.audit_days,
        identities: &Rooms,
    });
    if let Err(error) = installation::check_key(&app).await {
        // A key that was made only now is in the way of the right one.
        if made_key {
            let _ = std::fs::remove_file(&key_file);
        }
        return Err(error);
    }
    Ok((app, lock))
}

/// Names a file that says the time. It is no setting: only builds for tests take it.
const TEST_CLOCK: &str = "LATCHKEY_TEST_CLOCK_FILE";

fn clock() -> StartResult<Clock> {
    match std::env::var_os(TEST_CLOCK) {
        None => Ok(Clock::default()),
        Some(file) if cfg!(debug_assertions) => {
            tracing::warn!(file = %file.display(), "the time is what this file says");
            Ok(Clock::of_file(file.into()))
        }
        Some(_) => Err(format!("{TEST_CLOCK} is set, and only builds for tests go by it").into()),
    }
}

/// Opens what is there, for commands that only look: they make no database and no key.
async fn open_existing(settings: &DataSettings) -> StartResult<(App, Option<File>)> {
    if let Address::Sqlite(path) = settings.database()?
        && !path.exists()
    {
        return Err(format!("there is no database at {}", path.display()).into());
    }
    let key_file = settings.key_file();
    if settings.key.is_none() && !key_file.exists() {
        return Err(format!("there is no key file at {}, and LATCHKEY_KEY is not set", key_file.display()).into());
    }
    open(settings, Extras::default()).await
}

/// Locks a database. On Linux the lock is on the file itself, whatever names lead to it: SQLite's own locks there are of
/// another kind (fcntl) and do not meet it (flock). Where they would meet, the lock is on a file beside it.
///
/// The file must be kept until the database is closed: SQLite's locks end when any descriptor of its file is closed.
fn lock(database: &Path) -> StartResult<File> {
    let path = if cfg!(target_os = "linux") {
        database.to_owned()
    } else {
        database.canonicalize().unwrap_or_else(|_| database.to_owned()).with_extension("lock")
    };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| format!("{} cannot be opened for writing: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another latchkey uses the database {}; stop it first, or use PostgreSQL for several",
            database.display()
        )
        .into()),
        Err(TryLockError::Error(error)) => Err(format!("{} cannot be locked: {error}", path.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(start: &str) -> String {
        format!("{start:0<64}")
    }

    /// The line with which a start is refused.
    async fn refusal(settings: &DataSettings) -> String {
        match open(settings, Extras::default()).await {
            Ok(_) => panic!("it starts on {}", settings.data.display()),
            Err(error) => error.to_string(),
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn one_program_at_a_time_uses_a_sqlite_file() {
        let folder = tempfile::tempdir().unwrap();
        let settings = |data: &str, file: Option<&str>| DataSettings {
            data: folder.path().join(data),
            database_url: file.map(|file| format!("sqlite:{}", folder.path().join(file).display())),
            key: Some(key("a1")),
        };
        std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("elsewhere/keys.db"), folder.path().join("link.db")).unwrap();
        std::fs::write(folder.path().join("elsewhere/keys.db"), "").unwrap();
        std::fs::hard_link(folder.path().join("elsewhere/keys.db"), folder.path().join("hard.db")).unwrap();
        for (first, second) in [
            (settings("one", None), settings("one", None)),
            (settings("one", None), settings("two", Some("one/latchkey.db"))),
            (settings("one", Some("elsewhere/keys.db")), settings("two", Some("elsewhere/keys.db"))),
            (settings("one", Some("elsewhere/keys.db")), settings("two", Some("link.db"))),
            (settings("one", Some("elsewhere/keys.db")), settings("two", Some("hard.db"))),
        ] {
            let (app, lock) = open(&first, Extras::default()).await.unwrap();
            // Whatever lies beside the database may be tidied away.
            for beside in ["one/latchkey.lock", "elsewhere/keys.lock"] {
                let _ = std::fs::remove_file(folder.path().join(beside));
            }
            let refused = refusal(&second).await;
            assert!(refused.starts_with("another latchkey uses the database ") && !refused.contains('\n'), "{refused}");
            app.db.close().await;
            drop(lock);
            let (app, _lock) = open(&second, Extras::default()).await.expect("once the first has stopped");
            app.db.close().await;
        }
    }

    #[tokio::test]
    async fn another_key_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("latchkey.key");
        let mut settings = DataSettings { data: folder.path().to_owned(), database_url: None, key: None };
        let (app, lock) = open(&settings, Extras::default()).await.unwrap();
        app.db.close().await;
        drop(lock);
        let right = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, key("b2")).unwrap();
        let by_file = refusal(&settings).await;
        settings.key = Some(key("c3"));
        for refused in [by_file, refusal(&settings).await] {
            assert!(refused.starts_with("the installation's key is not the one "), "{refused}");
            assert!(!refused.contains('\n') && !refused.contains("b200") && !refused.contains("c300"), "{refused}");
        }
        settings.key = Some(right);
        assert!(open(&settings, Extras::default()).await.is_ok());
    }

    #[tokio::test]
    async fn what_only_looks_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let empty = DataSettings { data: folder.path().join("data"), database_url: None, key: None };
        let refusal = async || open_existing(&empty).await.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refusal().await.starts_with("there is no database at "));
        assert!(!empty.data.exists());
        let (app, lock) = open(&empty, Extras::default()).await.unwrap();
        app.db.close().await;
        drop(lock);
        assert!(open_existing(&empty).await.is_ok());
        std::fs::remove_file(empty.key_file()).unwrap();
        assert!(refusal().await.starts_with("there is no key file at "));
        // Nor does a start leave a new key where the right one is missing.
        assert!(open(&empty, Extras::default()).await.is_err());
        assert!(!empty.key_file().exists());
    }
}
