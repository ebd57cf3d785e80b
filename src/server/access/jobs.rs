//! What happens without being asked: sweeping what is over, and hearing of changes made elsewhere.

use super::{checkpoints::Checkpoints, deliveries::Deliveries, heads::Recorder, retention, sessions, unknown};
use crate::{
    kernel::{OrganisationId, Result, Timestamp},
    server::{
        access::{Access, App},
        database::Db,
        watch::ChangeNews,
    },
};
use sqlx::postgres::PgListener;
use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often the organisations' revisions are compared, in case the database's news is cut off.
const COMPARE: Duration = Duration::from_millis(500);

/// How often the ends of the organisations' chains are recorded.
const RECORD: Duration = Duration::from_secs(600);

/// How often it is looked whether a checkpoint is due.
const LOOK: Duration = Duration::from_secs(30);

/// One round of a job.
pub type Round = for<'a> fn(&'a App) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// What is done now and then.
#[derive(Clone, Copy)]
pub struct Job {
    /// The time between two rounds.
    pub every: Duration,
    /// What the log says when a round fails.
    pub failed: &'static str,
    /// One round.
    pub round: Round,
}

const JOBS: [Job; 2] = [
    Job {
        every: Duration::from_secs(600),
        failed: "sessions that are over could not be removed",
        round: |app| Box::pin(async move { sessions::sweep(app).await.map(drop) }),
    },
    Job {
        every: Duration::from_secs(30),
        failed: "floods of refusals that have ended could not be told of",
        round: |app| {
            Box::pin(async move {
                Access::record_ended_floods(app).await;
                Ok(())
            })
        },
    },
];

/// Starts the jobs, those of the rooms too; they end when `stop` is cancelled.
pub fn start(
    app: &App,
    rooms: impl IntoIterator<Item = Job>,
    checkpoints: &Arc<Mutex<Checkpoints>>,
    deliveries: &Arc<Deliveries>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let (app, checkpoints, deliveries) = (app.clone(), checkpoints.clone(), deliveries.clone());
    let jobs: Vec<Job> = JOBS.into_iter().chain(rooms).collect();
    // Nothing is served yet: what was begun before this was begun by a program that has ended.
    let started = app.clock.now();
    tokio::spawn(async move {
        let rounds = futures_util::future::join_all(jobs.iter().map(|job| repeat(&app, *job)));
        let work = async {
            let (delivered, vouched) = (deliveries.run(&app), vouch(&app, &checkpoints));
            let expired = expire(&app, deliveries.destinations());
            let told = tell_of_unknown(&app, started);
            tokio::join!(rounds, record(&app), vouched, delivered, expired, told, listen(&app), compare(&app));
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    })
}

async fn repeat(app: &App, job: Job) {
    loop {
        if let Err(error) = (job.round)(app).await {
            tracing::warn!(%error, "{}", job.failed);
        }
        tokio::time::sleep(job.every).await;
    }
}

/// Records the ends of the organisations' chains; what it has recorded it keeps in mind from round to round.
async fn record(app: &App) {
    let mut recorder = Recorder::default();
    loop {
        if let Err(error) = recorder.round(app, false).await {
            tracing::warn!(%error, "the ends of the audit log's chains could not be recorded");
        }
        tokio::time::sleep(RECORD).await;
    }
}

/// Makes checkpoints of the audit log's chains.
async fn vouch(app: &App, checkpoints: &Mutex<Checkpoints>) {
    loop {
        note(checkpoints.lock().await.round(app, false).await);
        tokio::time::sleep(LOOK).await;
    }
}

/// Tells of acts that were cut off, so that no event tells what came of them.
async fn tell_of_unknown(app: &App, started: Timestamp) {
    let mut started = Some(started);
    loop {
        match unknown::tell(app, unknown::over(app, started)).await {
            Ok(()) => started = None,
            Err(error) => tracing::warn!(%error, "acts that were cut off could not be told of"),
        }
        tokio::time::sleep(unknown::LOOK).await;
    }
}

/// Removes from the audit log what has the age for it.
async fn expire(app: &App, destinations: Vec<&'static str>) {
    loop {
        if let Err(error) = retention::round(app, &destinations).await {
            tracing::warn!(%error, "old events of the audit log could not be removed");
        }
        tokio::time::sleep(retention::LOOK).await;
    }
}

fn note(done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the audit log's checkpoints could not be made or written");
    }
}

/// What is left to be written when the program stops, and the jobs have ended.
pub async fn finish(app: &App, checkpoints: &Mutex<Checkpoints>, deliveries: &Deliveries) {
    deliveries.release(app).await;
    Access::record_floods(app).await;
    if let Err(error) = Recorder::default().round(app, true).await {
        tracing::warn!(%error, "the ends of the audit log's chains could not be recorded");
    }
    note(checkpoints.lock().await.round(app, true).await);
}

/// Hears what other replicas changed, as PostgreSQL tells it.
pub(crate) async fn listen(app: &App) {
    let Db::Postgres(pool) = &app.db else { return };
    loop {
        let heard = async {
            let mut listener = PgListener::connect_with(pool).await?;
            listener.listen("latchkey_changes").await?;
            // What happened while nobody listened is not known.
            app.changes.announce(ChangeNews::Unknown);
            loop {
                let notification = listener.recv().await?;
                let change =
                    notification.payload().parse::<OrganisationId>().map_or(ChangeNews::Unknown, ChangeNews::Of);
                app.changes.announce(change);
            }
        };
        let ended: std::result::Result<std::convert::Infallible, sqlx::Error> = heard.await;
        let Err(error) = ended;
        tracing::warn!(%error, "news of changes is cut off; revisions are compared meanwhile");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Compares revisions, so that a change is noticed within a second even when news of it is not heard.
pub(crate) async fn compare(app: &App) {
    if !app.db.is_postgres() {
        return;
    }
    let mut known: HashMap<Uuid, i64> = HashMap::new();
    loop {
        // A failure is told in the log. Whoever caches believes no answer beyond its own bound, which is there for this.
        for (organisation, revision) in crate::server::database::revisions(&app.db).await.unwrap_or_default() {
            if known.insert(organisation, revision).is_some_and(|before| before != revision) {
                app.changes.announce(ChangeNews::Of(OrganisationId(organisation)));
            }
        }
        tokio::time::sleep(COMPARE).await;
    }
}
