//! The program's commands.

mod audit;
mod config;
mod demo;
mod serve;
mod setup;

#[cfg(test)]
pub(crate) use audit::verify_database;

use super::{
    app::{App, Parts},
    clock::Clock,
    crypto::{Keyring, Passwords},
    database::{Db, StartResult, sqlite_file},
    limits::Limits,
    mail::Mail,
    outgoing::{AllowList, Outgoing},
    refusals::Refusals,
    settings::{DataSettings, ServeSettings},
    uses::Uses,
    watch::Changes,
};
use clap::{Parser, Subcommand};
use std::{
    fs::{File, TryLockError},
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
    Demo(DataSettings),
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
    if let Err(error) = config::load() {
        return fail(&*error);
    }
    let program = Program::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let result = runtime.block_on(async {
        match program.command {
            Command::Serve(settings) => serve::run(*settings).await,
            Command::Setup(arguments) => setup::run(arguments).await,
            Command::Demo(settings) => demo::run(settings).await,
            Command::Migrate(settings) => migrate(settings).await,
            Command::Audit(command) => audit::run(command).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result.unwrap_or_else(|error| fail(&*error))
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "latchkey: {error}");
    ExitCode::FAILURE
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
}

/// Opens data and key. The lock is held as long as the program runs: two on one SQLite file would not see each other's
/// changes.
async fn open(settings: &DataSettings, extras: Extras) -> StartResult<(App, Option<File>)> {
    settings.prepare()?;
    let database = settings.database();
    let lock = sqlite_file(&database).map(lock).transpose()?;
    let keyring = Keyring::open(settings.key.as_deref(), &settings.data.join("latchkey.key"))?;
    let db = Db::open(&database).await?;
    let app = App::new(Parts {
        db,
        clock: Clock::default(),
        keyring,
        passwords: Passwords::new().map_err(|error| error.message)?,
        mail: extras.mail.unwrap_or(Mail::none()),
        outgoing: Outgoing::new(extras.allow_upstream),
        public_url: extras.public_url,
        trusted_proxies: extras.trusted_proxies,
        changes: Changes::default(),
        refusals: Refusals::default(),
        limits: Limits::default(),
        uses: Uses::default(),
    });
    app.check_key().await?;
    Ok((app, lock))
}

/// Locks a database by a file beside it.
fn lock(database: &Path) -> StartResult<File> {
    // However it is named: a link to it is the same database.
    let path = database.canonicalize().unwrap_or_else(|_| database.to_owned()).with_extension("lock");
    let file = File::create(&path).map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
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
            Ok(_) => panic!("it starts on {}", settings.database()),
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
        for (first, second) in [
            (settings("one", None), settings("one", None)),
            (settings("one", None), settings("two", Some("one/latchkey.db"))),
            (settings("one", Some("elsewhere/keys.db")), settings("two", Some("elsewhere/keys.db"))),
            (settings("one", Some("elsewhere/keys.db")), settings("two", Some("link.db"))),
        ] {
            let (app, lock) = open(&first, Extras::default()).await.unwrap();
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
}
