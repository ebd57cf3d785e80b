//! A change in progress: what an operation does between the decision and the commit.

use super::{Access, heads, sessions};
use crate::{
    kernel::{Code, Error, KeyId, OrganisationId, Result, Secret, SessionId, Timestamp, UserId},
    policy::{Operation, Principal, Target},
    server::{
        audit::event::{Actor, Event, Outcome, SignedInBy},
        database::{OrgTx, made_by_submission, note_made, note_submission, revise},
    },
};
use uuid::Uuid;

/// A change in progress: the transaction, and who makes it. Dropping it changes nothing.
pub struct Change {
    pub(super) tx: OrgTx,
    pub(super) access: Access,
    pub(super) operation: Operation,
    /// The organisation is being made.
    pub(super) founds: bool,
    /// What the form called itself that asks.
    pub(super) submission: Option<Uuid>,
    /// The session that was begun.
    pub(super) begun: Option<SessionId>,
}

/// Proof that a change and its event were committed.
pub struct Committed<T> {
    pub(super) value: T,
    /// Whether anything is different now, so that whoever remembers how it was has to forget.
    pub(super) changes: bool,
}

impl<T> Committed<T> {
    /// The same with another value.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Committed<U> {
        Committed { value: with(self.value), changes: self.changes }
    }
}

impl Change {
    pub fn now(&self) -> Timestamp {
        self.access.now()
    }

    /// Who asks, read anew inside this transaction.
    pub fn principal(&self) -> &Principal {
        &self.access.principal
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    pub fn tx(&mut self) -> &mut OrgTx {
        &mut self.tx
    }

    pub fn organisation(&self) -> OrganisationId {
        self.tx.organisation()
    }

    /// Decides on the thing itself: ranks and ceilings, and whether a person must prove their password first.
    pub fn check(&self, target: Target) -> Result<()> {
        self.access.check(self.operation, target)?;
        self.proven_for(target)
    }

    /// A person must have proven their password a short while ago, for what gives or takes the highest rights.
    pub fn proven_for(&self, target: Target) -> Result<()> {
        if self.access.needs_proof(self.operation, target) {
            let message = "This gives or takes power over the whole organisation. Confirm your password first.";
            return Err(Error::new(Code::PasswordNeeded, message));
        }
        Ok(())
    }

    /// Begins a session for a person who has just proven who they are: with the change, or not at all. Whatever session
    /// the browser came with is dead. Gives the cookie's value; none to the program's own commands, which have no browser.
    pub async fn begin_session(&mut self, user: UserId) -> Result<Option<Secret>> {
        let Self { access, tx, begun, .. } = self;
        if access.is_command() {
            return Ok(None);
        }
        let tx = tx.system();
        if let Some(session) = access.session {
            sessions::replace(tx, session).await?;
        }
        let by = access.credential.signed_in_by;
        let (token, session) = sessions::begin(tx, &access.app, user, by, &access.origin).await?;
        *begun = Some(session);
        Ok(Some(token))
    }

    /// Notes that this form was sent. The second time it is refused, with the id of what the first one made: a double press
    /// has one effect, and whoever lost the answer can ask again.
    pub async fn once(&mut self, submission: Option<Uuid>) -> Result<()> {
        let Some(id) = submission else { return Ok(()) };
        let now = self.now();
        if note_submission(&mut self.tx, id, now).await? {
            self.submission = submission;
            return Ok(());
        }
        let made = made_by_submission(&mut self.tx, id).await?;
        let error = Error::new(Code::AlreadyDone, "This was already done. Reload the page to see it.");
        Err(Error { made: made.map(String::into_boxed_str), ..error })
    }

    /// Says that from here on somebody acts who was not known before: an account that was only now made or proven, by this.
    pub fn act_as(&mut self, user: UserId, name: &str, by: SignedInBy) {
        self.access.actor = Actor { kind: "person", id: user.to_string(), name: name.to_owned() };
        self.access.principal = Principal::Person { user };
        if !self.access.is_command() {
            self.access.credential.signed_in_by = Some(by);
        }
    }

    /// Says that whoever asks has just proven their password once more.
    pub fn act_confirmed(&mut self) {
        self.access.credential.signed_in_by = Some(SignedInBy::PasswordAgain);
        self.access.confirmed_at = Some(self.now());
    }

    /// Writes one more event, for an act that is several: all of them or none.
    pub async fn record(&mut self, event: &Event) -> Result<()> {
        self.access.append(&mut self.tx, self.operation, event, Outcome::Done, None, 1).await
    }

    /// Turns to another operation within this act: what is checked and recorded from here on is that one's, until the act
    /// turns back. Gives the operation before. All that is done is done, or nothing.
    pub fn turn_to(&mut self, operation: Operation) -> Result<Operation> {
        self.access.check(operation, Target::In(self.tx.organisation()))?;
        Ok(std::mem::replace(&mut self.operation, operation))
    }

    /// Commits the change with its event: both or neither.
    pub async fn commit<T>(mut self, event: Event, value: T) -> Result<Committed<T>> {
        // By its id it is told what was done in the session that begins here.
        let event = match self.begun {
            Some(session) => event.with("session", session.to_string()),
            None => event,
        };
        self.record(&event).await?;
        if let Some(submission) = self.submission {
            note_made(&mut self.tx, submission, &event.subject.id).await?;
        }
        self.finish(value).await
    }

    /// Commits the event of a reading: nothing is different after it, so that nobody has to forget anything.
    pub async fn commit_reading<T>(mut self, event: &Event, value: T) -> Result<Committed<T>> {
        self.record(event).await?;
        self.tx.commit().await?;
        Ok(Committed { value, changes: false })
    }

    /// Commits a change whose events are already recorded.
    pub async fn finish<T>(mut self, value: T) -> Result<Committed<T>> {
        let organisation = self.tx.organisation();
        if organisation != OrganisationId::INSTALLATION {
            revise(self.tx.system(), organisation).await?;
            self.tx.system().notify(organisation).await?;
        }
        let now = self.now();
        let tx = match self.founds {
            true => heads::record_founding(self.tx, &self.access.origin.request_id, now).await?,
            false => self.tx,
        };
        tx.commit().await?;
        Ok(Committed { value, changes: true })
    }

    /// The key that asks, if a key does.
    pub fn own_key(&self) -> Option<KeyId> {
        match self.access.principal {
            Principal::ApiKey { key, .. } => Some(key),
            Principal::Nobody | Principal::Person { .. } | Principal::Member { .. } => None,
        }
    }
}
