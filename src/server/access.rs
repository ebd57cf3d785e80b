//! The one way in: who asks, in which organisation, with what permissions, and the transaction in which an operation acts.
//!
//! An operation's first line is [`Access::read`] or [`Access::act`]: they decide, and hand out the transaction only then.

use super::{
    app::App,
    crypto::Digest,
    database::{OrgTx, Tx, made_by_submission, note_made, note_submission, revise},
    heads, known,
    limits::address_subject,
    refusals::{Caller, Place, Refusal, Told},
};
use crate::{
    features::{
        api_keys,
        audit::{
            self, Circumstances,
            event::{Actor, Event, Outcome, Subject},
        },
        team,
    },
    kernel::{Code, Error, InvitationId, KeyId, OrganisationId, Result, Timestamp, UserId, text, time::MINUTE},
    policy::{Operation, Principal, Requirement, Target, decide},
};
use std::{
    future::Future,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use uuid::Uuid;

/// How long a proof of the password holds, in milliseconds.
const PROOF_HOLDS: i64 = 15 * MINUTE;

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: String,
    pub address: Option<IpAddr>,
    pub user_agent: String,
    /// Where the requests came from that an event tells of together, if it is one network.
    network: String,
    /// Whether this request has left its audit event.
    noted: Arc<AtomicBool>,
}

impl Origin {
    pub fn new(request_id: String, address: Option<IpAddr>, user_agent: String) -> Self {
        Self { request_id, address, user_agent, network: String::new(), noted: Arc::default() }
    }
}

/// Who asks, proven by a credential. Has no public field; built only here.
#[derive(Clone)]
pub struct Access {
    app: App,
    principal: Principal,
    actor: Actor,
    credential: String,
    origin: Origin,
    /// When the person last proved their password, for acts that ask for it again.
    confirmed_at: Option<Timestamp>,
}

/// What a signed-in session says of its person.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub user: UserId,
    pub name: String,
    pub session: String,
    pub confirmed_at: Timestamp,
}

impl Access {
    /// A request without a credential, or with one that is not valid.
    pub fn nobody(app: App, origin: Origin) -> Self {
        let actor = Actor { kind: "nobody", id: String::new(), name: String::new() };
        Self { app, principal: Principal::Nobody, actor, credential: String::new(), origin, confirmed_at: None }
    }

    /// The program itself: `latchkey setup`, jobs.
    pub fn system(app: App) -> Self {
        let actor = Actor { kind: "system", id: String::new(), name: "latchkey".into() };
        let origin = Origin::new(Uuid::now_v7().to_string(), None, String::new());
        Self { app, principal: Principal::Nobody, actor, credential: "command".into(), origin, confirmed_at: None }
    }

    /// A person who is signed in, outside of any organisation.
    pub fn person(app: App, origin: Origin, who: SignedIn) -> Self {
        let actor = Actor { kind: "person", id: who.user.to_string(), name: who.name };
        Self {
            app,
            principal: Principal::Person { user: who.user },
            actor,
            credential: format!("session {}", who.session),
            origin,
            confirmed_at: Some(who.confirmed_at),
        }
    }

    /// The same person inside an organisation that they belong to. An organisation that does not exist and one that they
    /// do not belong to are the same: not found.
    pub async fn enter(self, slug: &str) -> Result<Self> {
        let user = self.principal.user().ok_or_else(Error::sign_in_needed)?;
        let mut tx = self.app.db.read_as(user).await?;
        let (organisation, role) = team::membership_by_slug(&mut tx, user, slug).await?.ok_or_else(Error::not_found)?;
        Ok(Self { principal: Principal::Member { user, organisation, role }, ..self })
    }

    /// An API key, by its verified identity.
    pub fn key(app: App, origin: Origin, key: &api_keys::Verified) -> Self {
        let actor = Actor { kind: "api_key", id: key.key.to_string(), name: key.name.clone() };
        Self {
            app,
            principal: Principal::ApiKey { key: key.key, organisation: key.organisation, permissions: key.effective },
            actor,
            credential: format!("key {}", key.key),
            origin,
            confirmed_at: None,
        }
    }

    /// A request with the secret of a key that does not work any more: what it asks for is refused in that key's name.
    pub fn dead_key(app: App, origin: Origin, key: KeyId, name: String) -> Self {
        let actor = Actor { kind: "api_key", id: key.to_string(), name };
        let credential = format!("key {key}");
        Self { app, principal: Principal::Nobody, actor, credential, origin, confirmed_at: None }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn actor_name(&self) -> &str {
        &self.actor.name
    }

    /// The session or key that was used, as events name it.
    pub fn credential(&self) -> &str {
        &self.credential
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Whether a person asks who has not proven their password a short while ago. Keys have none to prove.
    pub fn needs_proof(&self) -> bool {
        let person = matches!(self.principal, Principal::Member { .. });
        person && self.confirmed_at.is_none_or(|at| at.plus(PROOF_HOLDS) < self.now())
    }

    /// The signed-in person.
    pub fn user(&self) -> Result<UserId> {
        self.principal.user().ok_or_else(Error::sign_in_needed)
    }

    /// Decides on something that is already read.
    pub fn check(&self, operation: Operation, target: Target) -> Result<()> {
        decide(&self.principal, operation.spec().requires, target).map_err(Error::from)
    }

    /// Asks for an operation that reads inside the organisation, and gives its transaction.
    pub async fn read(&self, operation: Operation) -> Result<OrgTx> {
        let Some(organisation) = self.principal.organisation() else {
            self.check(operation, Target::In(OrganisationId::INSTALLATION))?;
            return Err(Error::not_found());
        };
        self.check(operation, Target::In(organisation))?;
        self.app.db.read_in(organisation).await
    }

    /// Asks for an operation that reads the person's own account.
    pub async fn read_account(&self, operation: Operation) -> Result<Tx> {
        self.check(operation, Target::Account)?;
        match self.principal.user() {
            Some(user) => self.app.db.read_as(user).await,
            None => self.app.db.read().await,
        }
    }

    /// Notes that the member is here, at most once a minute; `seen` is when that was last noted. Nothing depends on it,
    /// so nothing fails with it.
    pub async fn note_active(&self, seen: Option<Timestamp>) {
        let (Principal::Member { user, organisation, .. }, now) = (self.principal, self.now()) else { return };
        if seen.is_some_and(|seen| seen.plus(MINUTE) > now) {
            return;
        }
        let noted = async {
            let mut tx = self.app.db.write_in(organisation).await?;
            team::note_active(&mut tx, user, now).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "it could not be noted that a member is here");
        }
    }

    /// Notes that an invitation's link was mailed and will be shown to nobody. Until then, and if it fails, the link proves
    /// no address.
    pub async fn note_mailed(&self, id: InvitationId, digest: &Digest) {
        let Some(organisation) = self.principal.organisation() else { return };
        let noted = async {
            let mut tx = self.app.db.write_in(organisation).await?;
            team::invitations::note_mailed(&mut tx, id, digest).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "it could not be noted that an invitation was mailed");
        }
    }

    /// Acts inside the organisation: decides, opens a transaction that holds the organisation's chain, reads anew who asks
    /// (they may have been demoted a moment ago), and runs `act`. What it changes and its event are committed together. A
    /// refusal or failure changes nothing and leaves an event of its own.
    pub async fn act<T, F, Fut>(&self, operation: Operation, subject: Subject, act: F) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let organisation = self.principal.organisation();
        let result = match organisation {
            Some(organisation) => match self.check(operation, Target::In(organisation)) {
                Ok(()) => self.attempt(operation, organisation, true, act).await,
                Err(error) => Err(error),
            },
            None => Err(decide(&self.principal, operation.spec().requires, Target::In(OrganisationId::INSTALLATION))
                .err()
                .map_or_else(Error::not_found, Error::from)),
        };
        self.settle(operation, organisation.unwrap_or(OrganisationId::INSTALLATION), subject, result).await
    }

    /// Acts on the person's own account, or on what is open to anyone. The event stands in the installation's chain.
    pub async fn act_on_account<T, F, Fut>(&self, operation: Operation, subject: Subject, act: F) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        self.act_with_proof(operation, OrganisationId::INSTALLATION, subject, act).await
    }

    /// Makes an organisation and acts in it. Its chain begins with it: a refusal or failure, after which there is no such
    /// organisation, stands in the installation's.
    pub async fn act_founding<T, F, Fut>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let result = self.attempt_outside(operation, organisation, true, act).await;
        let place = if result.is_ok() { organisation } else { OrganisationId::INSTALLATION };
        self.settle(operation, place, subject, result).await
    }

    /// Acts in an organisation that something other than a membership has proven: the token of an invitation. Only for
    /// operations that are open to anyone or to any person.
    pub async fn act_with_proof<T, F, Fut>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let result = self.attempt_outside(operation, organisation, false, act).await;
        self.settle(operation, organisation, subject, result).await
    }

    async fn attempt_outside<T, F, Fut>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        founds: bool,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        match operation.spec().requires {
            Requirement::Anyone | Requirement::Person => match self.check(operation, Target::Account) {
                Ok(()) if founds => {
                    let tx = heads::begin_founding(&self.app.db, organisation).await?;
                    self.attempt_in(tx, operation, false, true, act).await
                }
                Ok(()) => self.attempt(operation, organisation, false, act).await,
                Err(error) => Err(error),
            },
            Requirement::Membership | Requirement::Holds(_) => {
                tracing::error!(
                    operation = operation.spec().id,
                    "an operation inside an organisation was asked for outside"
                );
                Err(Error::internal())
            }
        }
    }

    async fn attempt<T, F, Fut>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        anew: bool,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let tx = self.app.db.write_in(organisation).await?;
        self.attempt_in(tx, operation, anew, false, act).await
    }

    async fn attempt_in<T, F, Fut>(
        &self,
        mut tx: OrgTx,
        operation: Operation,
        anew: bool,
        founds: bool,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let organisation = tx.organisation();
        audit::lock(&mut tx).await?;
        let mut access = self.clone();
        if anew {
            access.principal = reread(&mut tx, self.principal, self.now()).await?;
            access.check(operation, Target::In(organisation))?;
        }
        act(Change { tx, access, operation, founds, submission: None }).await.map(|committed| committed.0)
    }

    async fn settle<T>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        result: Result<T>,
    ) -> Result<T> {
        match result {
            Ok(value) => {
                self.app.changes.announce(super::watch::Change::Of(organisation));
                Ok(value)
            }
            Err(error) => {
                self.record_refusal(operation, organisation, subject, &error).await;
                Err(error)
            }
        }
    }

    /// Leaves the event of a refused or failed act. Floods are grouped, see [`super::refusals`].
    pub async fn record_refusal(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        error: &Error,
    ) {
        if !operation.spec().audited {
            return;
        }
        self.origin.noted.store(true, Ordering::Relaxed);
        let outcome = match error.code.status() {
            401 | 403 | 404 => Outcome::Refused,
            _ => Outcome::Failed,
        };
        let (place, now) = ((organisation, operation), self.now());
        let network = self.origin.address.map(|address| address_subject(Some(address))).unwrap_or_default();
        let caller = Caller { actor: self.actor.clone(), network };
        let refusal = Refusal { caller, subject, outcome, reason: error.code.as_str() };
        if self.app.refusals.admit(place, &refusal.caller, now) {
            self.write_refusal(place, refusal, &[], 1).await;
            return;
        }
        let known = known::is_known(&self.app, organisation, &refusal.subject).await;
        if self.app.refusals.count(place, refusal.clone(), known, now) {
            // How long the answer takes must not tell whether there is such a subject.
            let access = self.clone();
            tokio::spawn(async move { access.write_refusal(place, refusal, &[], 1).await });
        }
    }

    /// Leaves the events of refusals that were only counted, once their minute is over.
    pub async fn record_ended_floods(app: &App) {
        Self::tell(app, app.refusals.take_ended(app.clock.now())).await;
    }

    /// The same, of this minute as well: the program stops.
    pub async fn record_floods(app: &App) {
        Self::tell(app, app.refusals.take_all()).await;
    }

    async fn tell(app: &App, told: Vec<Told>) {
        for Told { place, refusal, such_as, count } in told {
            let Caller { actor, network } = refusal.caller.clone();
            let mut access = Self { actor, credential: String::new(), ..Self::system(app.clone()) };
            access.origin.network = network;
            access.write_refusal(place, refusal, &such_as, count).await;
        }
    }

    async fn write_refusal(&self, place: Place, refusal: Refusal, such_as: &[String], count: u64) {
        let (organisation, operation) = place;
        let Refusal { subject, outcome, reason, .. } = refusal;
        let event = match such_as {
            [] => Event::of(subject),
            such_as => Event::of(subject).with("such_as", such_as),
        };
        let written = async {
            let mut tx = self.app.db.write_in(organisation).await?;
            self.append(&mut tx, operation, &event, outcome, Some(reason), count).await?;
            tx.commit().await
        };
        if let Err(fault) = written.await {
            tracing::error!(%fault, operation = operation.spec().id, "a refusal could not be recorded");
        }
    }

    /// Leaves the event of a request that failed before its operation was reached: no credential, no such organisation,
    /// a body that cannot be read. Does nothing if the operation has left one.
    pub async fn leave_trace(&self, operation: Operation, error: &Error) {
        if !self.origin.noted.load(Ordering::Relaxed) {
            let organisation = self.principal.organisation().unwrap_or(OrganisationId::INSTALLATION);
            self.record_refusal(operation, organisation, Subject::unnamed("request", ""), error).await;
        }
    }

    async fn append(
        &self,
        tx: &mut OrgTx,
        operation: Operation,
        event: &Event,
        outcome: Outcome,
        reason: Option<&str>,
        count: u64,
    ) -> Result<()> {
        let origin = &self.origin;
        let address = origin.address.map_or_else(|| origin.network.clone(), |address| address.to_string());
        let circumstances = Circumstances {
            action: operation.spec().id,
            outcome,
            reason,
            count,
            actor: &self.actor,
            credential: &self.credential,
            request_id: &self.origin.request_id,
            address: &address,
            user_agent: text::cut(&self.origin.user_agent, 200),
            now: self.now(),
        };
        audit::append(tx, event, &circumstances).await
    }
}

/// Who asks, as the database knows them at this moment.
async fn reread(tx: &mut OrgTx, principal: Principal, now: Timestamp) -> Result<Principal> {
    match principal {
        Principal::Nobody | Principal::Person { .. } => Ok(principal),
        Principal::Member { user, organisation, .. } => {
            let role = team::role_of(tx, user).await?.ok_or_else(Error::not_found)?;
            Ok(Principal::Member { user, organisation, role })
        }
        Principal::ApiKey { key, organisation, .. } => {
            let permissions = api_keys::effective(tx, key, now).await?;
            Ok(Principal::ApiKey { key, organisation, permissions })
        }
    }
}

/// A change in progress: the transaction, and who makes it. Dropping it changes nothing.
pub struct Change {
    tx: OrgTx,
    access: Access,
    operation: Operation,
    /// The organisation is being made.
    founds: bool,
    /// What the form called itself that asks.
    submission: Option<Uuid>,
}

/// Proof that a change and its event were committed.
pub struct Committed<T>(T);

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

    /// Decides on the thing itself: ranks and ceilings.
    pub fn check(&self, target: Target) -> Result<()> {
        self.access.check(self.operation, target)
    }

    /// A person must have proven their password a short while ago, for what gives power over the whole organisation.
    pub fn proven(&self) -> Result<()> {
        if self.access.needs_proof() {
            let message = "This gives power over the whole organisation. Confirm your password first.";
            return Err(Error::new(Code::PasswordNeeded, message));
        }
        Ok(())
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

    /// Says that from here on somebody acts who was not known before: an account that was only now made or proven.
    pub fn act_as(&mut self, user: UserId, name: &str) {
        self.access.actor = Actor { kind: "person", id: user.to_string(), name: name.to_owned() };
        self.access.principal = Principal::Person { user };
    }

    /// Writes one more event, for an act that is several: all of them or none.
    pub async fn record(&mut self, event: &Event) -> Result<()> {
        self.access.append(&mut self.tx, self.operation, event, Outcome::Done, None, 1).await
    }

    /// Commits the change with its event: both or neither.
    pub async fn commit<T>(mut self, event: Event, value: T) -> Result<Committed<T>> {
        self.record(&event).await?;
        if let Some(submission) = self.submission {
            note_made(&mut self.tx, submission, &event.subject.id).await?;
        }
        self.finish(value).await
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
        Ok(Committed(value))
    }

    /// The key that asks, if a key does.
    pub fn own_key(&self) -> Option<KeyId> {
        match self.access.principal {
            Principal::ApiKey { key, .. } => Some(key),
            Principal::Nobody | Principal::Person { .. } | Principal::Member { .. } => None,
        }
    }
}
