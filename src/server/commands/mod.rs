//! The program's commands.

mod audit;
mod config;
mod demo;
mod serve;
mod setup;

use super::{
    app::{App, Parts},
    clock::Clock,
    crypto::{Keyring, Passwords},
    database::{Db, StartResult},
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
    path::PathBuf,
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
    let lock = match settings.database_url {
        Some(_) => None,
        None => Some(lock(settings)?),
    };
    let keyring = Keyring::open(settings.key.as_deref(), &settings.data.join("latchkey.key"))?;
    let db = Db::open(&settings.database()).await?;
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

fn lock(settings: &DataSettings) -> StartResult<File> {
    let path = settings.data.join("latchkey.lock");
    let file = File::create(&path).map_err(|error| format!("{} cannot be made: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another latchkey uses the data in {}; stop it first, or use PostgreSQL for several",
            settings.data.display()
        )
        .into()),
        Err(TryLockError::Error(error)) => Err(format!("{} cannot be locked: {error}", path.display()).into()),
    }
}
