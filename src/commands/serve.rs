//! `latchkey serve`.

use super::{Extras, open};
use crate::{
    features::{ROOMS, api_keys::operations::write_uses},
    gateway::{prices, storage, telemetry},
    http,
    server::{
        access::{checkpoints::Checkpoints, deliveries::Deliveries, installation, jobs},
        database::StartResult,
        mail::Mail,
        settings::{MetricsListen, ServeSettings},
    },
    web::Security,
};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, sync::Mutex};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How long the start waits for calls to be written that a crash has left.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long running requests may take to finish once the program is asked to stop.
const GRACE: Duration = Duration::from_secs(20);
/// How long the log of calls may take to be written after that.
const DRAIN: Duration = Duration::from_secs(5);
/// How long spans of calls may take to be sent after that.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// How long jobs may take to end and the audit log to be finished after that.
const FINISH: Duration = Duration::from_secs(2);
/// How long the database may take to be closed at last.
const CLOSE: Duration = Duration::from_secs(2);

pub(super) async fn run(settings: ServeSettings) -> StartResult<ExitCode> {
    start_log(settings.log_json);
    let public_url = settings.public_url()?;
    let mail = settings
        .smtp_url
        .as_deref()
        .filter(|url| !url.trim().is_empty())
        .map(|url| Mail::smtp(url, &settings.mail_from))
        .transpose()?;
    if let Some(file) = settings.prices.as_deref().filter(|file| !file.as_os_str().is_empty()) {
        let failed = |why: String| format!("the prices in {} (LATCHKEY_PRICES) cannot be read: {why}", file.display());
        let table = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let number = prices::replace(&table).map_err(failed)?;
        tracing::info!(number, "prices are those of the operator's table");
    }
    let extras = Extras {
        public_url: public_url.clone(),
        trusted_proxies: settings.trusted_proxies(),
        mail,
        allow_upstream: settings.allow_upstream().into(),
        audit_days: settings.audit.days.map(|days| days.0),
    };
    let collector = settings.collector()?;
    let (app, _lock) = open(&settings.data, extras).await?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("{} cannot be listened on: {error}", settings.listen))?;
    let metrics = match settings.metrics_listen {
        Some(MetricsListen(address)) => Some(
            TcpListener::bind(address)
                .await
                .map_err(|error| format!("{address} (LATCHKEY_METRICS_LISTEN) cannot be listened on: {error}"))?,
        ),
        None => None,
    };
    let gateway = storage::start(&app, &settings.data.data.join("calls"))
        .map_err(|error| format!("the journal of calls cannot be kept in the data folder: {error}"))?;
    let checkpoints = Checkpoints::new(settings.audit_checkpoints());
    checkpoints.check()?;
    let checkpoints = Arc::new(Mutex::new(checkpoints));
    let deliveries = Arc::new(Deliveries::of(&settings.audit, &public_url)?);
    if let Some(collector) = collector {
        telemetry::export(&gateway, collector);
    }
    let stop = CancellationToken::new();
    let rooms = ROOMS.iter().flat_map(|room| room.jobs).copied();
    let jobs = jobs::start(&app, rooms, &checkpoints, &deliveries, stop.clone());
    let mut out = std::io::stdout();
    if let Some(secret) = installation::setup_secret(&app).await? {
        let _ = writeln!(
            out,
            "\n  Nobody has an account yet. Open {public_url}/setup and use this one-time setup secret:\n\n      {}\n",
            secret.as_str()
        );
    }
    let _ = writeln!(out, "Latchkey serves {public_url} (listening on {})", listener.local_addr()?);
    if let Some(listener) = metrics {
        let _ = writeln!(out, "Metrics are at http://{}/metrics", listener.local_addr()?);
        let (app, recorder, started) = (app.clone(), gateway.recorder.clone(), app.clock.now());
        // To the end of the program, so that its last moments can be seen.
        tokio::spawn(http::serve_metrics(listener, move || telemetry::page(&app, &recorder, started)));
    }
    if let Some(missing) = settings.missing() {
        let _ = writeln!(out, "\n  {missing}\n");
    }
    let _ = out.flush();
    tokio::spawn(asked_to_stop(stop.clone()));
    let recorder = gateway.recorder.clone();
    // Limits count what is written.
    if !recorder.recovered(RECOVERY).await {
        tracing::warn!("what the last end of the program had left is not in the log yet");
    }
    let router = http::router(&app, gateway.clone());
    tokio::select! {
        () = http::serve(listener, router, gateway, Security::of(&public_url), settings.trusted_proxies(), stop.clone()) => {}
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!("some requests did not finish in time");
        }
    }
    if !recorder.drain(DRAIN).await {
        tracing::warn!("some calls are not in the log yet; the next start puts them there");
    }
    recorder.telemetry().finish(LAST_SPANS).await;
    // A database that does not answer any more keeps nothing from ending.
    let finished = async {
        let _ = jobs.await;
        if let Err(error) = write_uses(&app).await {
            tracing::warn!(%error, "the last uses of API keys' permissions could not be written");
        }
        jobs::finish(&app, &checkpoints, &deliveries).await;
    };
    if tokio::time::timeout(FINISH, finished).await.is_err() {
        tracing::warn!("not all of the audit log could be written");
    }
    let _ = tokio::time::timeout(CLOSE, app.db.close()).await;
    Ok(ExitCode::SUCCESS)
}

/// Ends on SIGINT or SIGTERM, and tells everybody.
async fn asked_to_stop(stop: CancellationToken) {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            },
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
    stop.cancel();
}

fn start_log(json: bool) {
    let wanted = std::env::var("LATCHKEY_LOG").ok().filter(|text| !text.trim().is_empty());
    let filter = wanted
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new("info,sqlx=warn,hyper=warn,rustls=warn"));
    // A log that cannot be written, as with a full disk, is no reason to fail. Left on, it is told of by `eprintln!`, which
    // then panics for the same reason.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .log_internal_errors(false);
    // A second start in one process keeps the first log.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}
