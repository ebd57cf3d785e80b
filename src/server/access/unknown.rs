//! Acts whose effect lies outside the database, such as a call of a provider: they are noted before it, and whatever cuts them
//! off, so that no event tells what came of them, leaves an event that says so.

use super::{Access, App};
use crate::{
    kernel::{Error, OrganisationId, Result, Timestamp, UserId, time::{DAY, MINUTE}},
    policy::Operation,
    server::audit::{
        self, Circumstances,
        event::{Outcome, Subject},
        pending::{self, Named, Noted},
    },
};
use std::time::Duration;
use uuid::Uuid;

/// How often it is looked whether something was cut off.
pub const LOOK: Duration = Duration::from_secs(60);
/// Milliseconds after which an act of which nothing is told has been cut off: far longer than any may take.
const CUT_OFF: i64 = 10 * MINUTE;
/// Milliseconds for which a note is kept that cannot be read.
const UNREAD: i64 = DAY;

impl Access {
    /// Notes that an act is about to have its effect outside the database, in a transaction of its own. Whoever acts goes on
    /// with what this gives: the event that tells of the outcome forgets the note in its transaction.
    ///
    /// # Errors
    /// When it cannot be noted. The act must not go on then.
    pub async fn begin_outside(&self, operation: Operation, subject: &Subject) -> Result<Self> {
        let organisation = self.principal.organisation().ok_or_else(Error::not_found)?;
        let (id, origin) = (Uuid::now_v7(), &self.origin);
        let noted = Noted {
            action: operation.spec().id.to_owned(),
            actor: Named::from(&self.actor),
            subject: Named::from(subject),
            signed_in_by: self.signed_in_by(),
            credential_id: self.credential.id,
            credential: self.credential.name.clone(),
            request_id: origin.request_id.clone(),
            address: self.told_address(),
            user_agent: self.told_user_agent().to_owned(),
        };
        let mut tx = self.app.db.write_in(organisation).await?;
        pending::note(&mut tx, id, &noted, self.now()).await?;
        tx.commit().await?;
        Ok(Self { pending: Some(id), ..self.clone() })
    }

    /// Forgets the note of an act that was refused or has failed, if no event of its own has: of a flood it may be counted alone.
    pub(super) async fn forget(&self, organisation: OrganisationId) {
        let Some(id) = self.pending else { return };
        let forgotten = async {
            let mut tx = self.app.db.write_in(organisation).await?;
            if pending::settle(&mut tx, id).await? {
                tx.commit().await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "that an act is over could not be noted; the audit log will tell of it once more");
        }
    }
}

/// Tells of what was begun before this moment and has no event.
///
/// # Errors
/// When the database cannot be read or written; the next round makes up for it.
pub async fn tell(app: &App, before: Timestamp) -> Result<()> {
    tell_some(app, before, |_| true).await
}

/// Tells of what a person began, whenever that was.
///
/// # Errors
/// When the database cannot be read or written.
pub async fn tell_of(app: &App, person: UserId) -> Result<()> {
    let is_theirs = |noted: &Noted| noted.actor.kind == "person" && noted.actor.id == person.to_string();
    tell_some(app, app.clock.now(), is_theirs).await
}

async fn tell_some(app: &App, before: Timestamp, is_told: impl Fn(&Noted) -> bool) -> Result<()> {
    let left = pending::left(&mut app.db.read_every_chain().await?, before).await?;
    for (organisation, id, begun, noted) in left {
        if noted.as_ref().is_some_and(|noted| !is_told(noted)) {
            continue;
        }
        let spec = noted.as_ref().and_then(|noted| {
            Operation::ALL.iter().map(|operation| operation.spec()).find(|spec| spec.id == noted.action)
        });
        let told = noted.as_ref().and_then(|noted| noted.told(begun)).zip(spec);
        let (Some(((event, actor, credential), spec)), Some(noted)) = (told, &noted) else {
            tracing::error!(%organisation, %id, "what was cut off cannot be read, and the audit log does not tell of it");
            // A newer replica may still tell of it; one that does not is gone by then.
            if begun < app.clock.now().plus(-UNREAD) {
                let mut tx = app.db.write_in(organisation).await?;
                pending::settle(&mut tx, id).await?;
                tx.commit().await?;
            }
            continue;
        };
        let mut tx = app.db.write_in(organisation).await?;
        audit::lock(&mut tx).await?;
        // Another replica, or the act itself, may have told of it meanwhile.
        if !pending::settle(&mut tx, id).await? {
            continue;
        }
        let circumstances = Circumstances {
            action: spec.id,
            outcome: Outcome::Unknown,
            reason: Some(pending::REASON),
            count: 1,
            actor: &actor,
            credential: &credential,
            request_id: &noted.request_id,
            address: &noted.address,
            user_agent: &noted.user_agent,
            now: app.clock.now(),
        };
        audit::append(&mut tx, &event, &circumstances).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The moment before which nothing is under way any more. `started`: when this program did; on SQLite it is the only one.
pub fn over(app: &App, started: Option<Timestamp>) -> Timestamp {
    match started {
        Some(started) if !app.db.is_postgres() => started,
        _ => app.clock.now().plus(-CUT_OFF),
    }
}
