//! The one way in: who asks, in which organisation, with what permissions, and the transaction in which an operation acts.
//!
//! An operation's first line is [`Access::read`] or [`Access::act`]: they decide, and hand out the transaction only then.
//! A request's credential is found before its body has come, and its caller may take their time with that. So every
//! transaction that is opened here proves the credential anew, and with it what it allows now ([`Access::reread`]): no
//! operation can forget it.

use super::{
    crypto::Digest,
    database::{OrgTx, Tx},
    limits::address_subject,
};
mod app;
mod change;
pub mod checkpoints;
pub mod deliveries;
pub mod erasure;
pub mod heads;
mod identities;
pub mod installation;
pub mod jobs;
mod lengthy;
pub mod links;
pub mod refusals;
pub mod retention;
pub mod sessions;
pub mod unknown;
pub mod uses;

pub use app::{App, Note, Parts};
pub use change::{Change, Committed};
pub use identities::{Identities, VerifiedKey};
pub use lengthy::Lengthy;

use refusals::{Caller, Place, Refusal, Told};

use crate::{
    kernel::{Code, Error, KeyId, OrganisationId, Result, SessionId, Timestamp, UserId, text, time::MINUTE},
    policy::{Operation, Principal, Requirement, Target, asks_for_proof, decide},
    server::audit::{
        self, Circumstances,
        event::{Actor, Credential, Event, Outcome, SignedInBy, Subject},
    },
};
use serde::{Deserialize, Serialize};
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

/// How events name the program's own commands and jobs.
const COMMAND: &str = "command";

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
    /// Whether the program's log tells of its denial.
    told: Arc<AtomicBool>,
}

impl Origin {
    pub fn new(request_id: String, address: Option<IpAddr>, user_agent: String) -> Self {
        Self { request_id, address, user_agent, network: String::new(), noted: Arc::default(), told: Arc::default() }
    }
}

/// Who asks, proven by a credential. Has no public field; built only here.
#[derive(Clone)]
pub struct Access {
    app: App,
    principal: Principal,
    actor: Actor,
    /// The credential, as events name it.
    credential: Credential,
    /// The session of the browser that asks, if it came with one. It is a person's credential; to nobody it is what the
    /// session that they begin takes the place of.
    session: Option<SessionId>,
    /// The digest of an API key's presented secret.
    secret: Option<Digest>,
    origin: Origin,
    /// When the person last proved their password, for acts that ask for it again.
    confirmed_at: Option<Timestamp>,
    /// The note of what it is doing outside the database, which the event that tells of it forgets.
    pending: Option<Uuid>,
}

/// What a signed-in session says of its person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    pub user: UserId,
    pub name: String,
    /// The session's public id.
    pub session: SessionId,
    /// How they proved who they are; none if the session began before this was kept.
    pub by: Option<SignedInBy>,
    /// When the session's person last proved their password.
    pub confirmed_at: Timestamp,
}

/// A person in an organisation of theirs, by the session that proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignedInMember {
    pub organisation: OrganisationId,
    pub user: UserId,
    pub session: SessionId,
}

impl Access {
    /// A request without a credential, or with one that is not valid.
    pub fn nobody(app: App, origin: Origin) -> Self {
        let actor = Actor { kind: "nobody", id: String::new(), name: String::new() };
        Self::of(app, Principal::Nobody, actor, Credential::default(), origin)
    }

    /// The same, in a browser that came with this session.
    pub fn in_place_of(self, session: Option<SessionId>) -> Self {
        Self { session, ..self }
    }

    /// The program's own commands, such as `latchkey setup`.
    pub fn system(app: App) -> Self {
        let actor = Actor { kind: "system", id: String::new(), name: "latchkey".into() };
        let origin = Origin::new(Uuid::now_v7().to_string(), None, String::new());
        Self::of(app, Principal::Nobody, actor, by_command(), origin)
    }

    /// A person who is signed in, outside of any organisation.
    pub fn person(app: App, origin: Origin, who: SignedIn) -> Self {
        let actor = Actor { kind: "person", id: who.user.to_string(), name: who.name };
        let credential =
            Credential { name: format!("session {}", who.session), id: Some(who.session.0), signed_in_by: who.by };
        Self {
            session: Some(who.session),
            confirmed_at: Some(who.confirmed_at),
            ..Self::of(app, Principal::Person { user: who.user }, actor, credential, origin)
        }
    }

    fn of(app: App, principal: Principal, actor: Actor, credential: Credential, origin: Origin) -> Self {
        let (session, secret, confirmed_at, pending) = (None, None, None, None);
        Self { app, principal, actor, credential, session, secret, origin, confirmed_at, pending }
    }

    /// The same person inside an organisation that they belong to. An organisation that does not exist and one that they
    /// do not belong to are the same: not found.
    pub async fn enter(self, slug: &str) -> Result<Self> {
        let user = self.principal.user().ok_or_else(Error::sign_in_needed)?;
        let mut tx = self.app.db.read_as(user).await?;
        self.prove(&mut tx, Hold::No).await?;
        let (organisation, role) =
            self.app.identities.membership(&mut tx, user, slug).await?.ok_or_else(Error::not_found)?;
        Ok(Self { principal: Principal::Member { user, organisation, role }, ..self })
    }

    /// An API key, by its verified identity.
    pub fn key(app: App, origin: Origin, key: &VerifiedKey) -> Self {
        let actor = Actor { kind: "api_key", id: key.key.to_string(), name: key.name.clone() };
        let principal = Principal::ApiKey { key: key.key, organisation: key.organisation, permissions: key.effective };
        let credential = of_key(key.key, key.secret);
        Self { secret: Some(key.digest), ..Self::of(app, principal, actor, credential, origin) }
    }

    /// A request with the secret of a key that does not work any more: what it asks for is refused in that key's name.
    /// `secret`: the id of that secret.
    pub fn dead_key(app: App, origin: Origin, key: KeyId, secret: Uuid, name: String) -> Self {
        let actor = Actor { kind: "api_key", id: key.to_string(), name };
        Self::of(app, Principal::Nobody, actor, of_key(key, secret), origin)
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
        &self.credential.name
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Whether a person asks for what gives or takes the highest rights, and has not proven their password a short while
    /// ago. Keys have none to prove.
    pub fn needs_proof(&self, operation: Operation, target: Target) -> bool {
        asks_for_proof(operation, target)
            && matches!(self.principal, Principal::Member { .. })
            && !self.has_just_confirmed()
    }

    /// How whoever asks has proven who they are. A password that was asked for again counts as that for as long as it is
    /// believed, and then as the session's.
    fn signed_in_by(&self) -> Option<SignedInBy> {
        match self.credential.signed_in_by {
            Some(SignedInBy::PasswordAgain) if !self.has_just_confirmed() => Some(SignedInBy::Password),
            by => by,
        }
    }

    /// Whether it is the program itself that asks, not a browser or program from outside.
    fn is_command(&self) -> bool {
        self.credential.name == COMMAND
    }

    fn has_just_confirmed(&self) -> bool {
        self.confirmed_at.is_some_and(|at| at.plus(PROOF_HOLDS) >= self.now())
    }

    /// The session of the browser that asks, by its public id.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The signed-in person.
    pub fn user(&self) -> Result<UserId> {
        self.principal.user().ok_or_else(Error::sign_in_needed)
    }

    /// The signed-in person inside the organisation; none for keys, and outside.
    pub fn member(&self) -> Option<SignedInMember> {
        match (self.principal, self.session) {
            (Principal::Member { user, organisation, .. }, Some(session)) => {
                Some(SignedInMember { organisation, user, session })
            }
            _ => None,
        }
    }

    /// Decides on something that is already read.
    pub fn check(&self, operation: Operation, target: Target) -> Result<()> {
        let requires = operation.spec().requires;
        decide(&self.principal, requires, target).map_err(Error::from)?;
        if let Principal::ApiKey { key, organisation, .. } = self.principal {
            self.app.uses.count(organisation, key, requires.permissions().collect(), self.now());
        }
        Ok(())
    }

    /// The answer to a button of a form that saves nothing: the page comes back with what was typed.
    pub fn only_stepped(&self, operation: Operation) -> Error {
        match self.principal.organisation().map(|here| self.check(operation, Target::In(here))) {
            Some(Ok(())) => Error::new(Code::NotSaved, "Nothing is saved yet."),
            Some(Err(error)) => error,
            None => Error::not_found(),
        }
    }

    /// Asks for an operation that reads inside the organisation, and gives its transaction.
    pub async fn read(&self, operation: Operation) -> Result<OrgTx> {
        let Some(organisation) = self.principal.organisation() else {
            self.check(operation, Target::In(OrganisationId::INSTALLATION))?;
            return Err(Error::not_found());
        };
        let told = |error: Error| {
            self.tell_denial(operation, organisation, &error);
            error
        };
        self.check(operation, Target::In(organisation)).map_err(told)?;
        let mut tx = self.app.db.browse_in(organisation).await?;
        let now = self.reread(&mut tx, Hold::No).await?;
        decide(&now, operation.spec().requires, Target::In(organisation)).map_err(|denial| told(denial.into()))?;
        Ok(tx)
    }

    /// Asks for an operation that writes inside the organisation what is no administrative act, and gives its transaction.
    /// Decides as [`Self::read`] does, and as [`Self::act`] waits for whoever else writes there: what is counted before
    /// something is written stays as it is until then, and rights are those after the wait.
    pub async fn note(&self, operation: Operation) -> Result<Note> {
        let Some(organisation) = self.principal.organisation() else {
            self.check(operation, Target::In(OrganisationId::INSTALLATION))?;
            return Err(Error::not_found());
        };
        let told = |error: Error| {
            self.tell_denial(operation, organisation, &error);
            error
        };
        self.check(operation, Target::In(organisation)).map_err(told)?;
        let mut tx = self.app.db.write_in(organisation).await?;
        audit::lock(&mut tx).await?;
        let now = self.reread(&mut tx, Hold::UntilCommit).await?;
        decide(&now, operation.spec().requires, Target::In(organisation)).map_err(|denial| told(denial.into()))?;
        Ok(Note(tx))
    }

    /// The slug of the organisation in which this operation reads.
    pub async fn organisation_slug(&self, operation: Operation) -> Result<Option<String>> {
        let mut tx = self.read(operation).await?;
        self.app.identities.slug(&mut tx).await
    }

    /// Asks for an operation that reads the person's own account.
    pub async fn read_account(&self, operation: Operation) -> Result<Tx> {
        self.check(operation, Target::Account)?;
        match self.principal.user() {
            Some(user) => {
                let mut tx = self.app.db.read_as(user).await?;
                self.prove(&mut tx, Hold::No).await?;
                Ok(tx)
            }
            None => self.app.db.read().await,
        }
    }

    /// Proves a person's session anew, in the transaction in which it is used. Nobody has nothing to prove; what a key
    /// presents is proven with what it opens, by [`Self::reread`].
    async fn prove(&self, tx: &mut Tx, hold: Hold) -> Result<()> {
        let Some(user) = self.principal.user() else { return Ok(()) };
        let session = self.session.ok_or_else(Error::sign_in_needed)?;
        let stands = match hold {
            Hold::No => sessions::stands(tx, session, user, self.now()).await?,
            Hold::UntilCommit => sessions::hold(tx, session, user, self.now()).await?,
        };
        if stands { Ok(()) } else { Err(Error::sign_in_needed()) }
    }

    /// Who asks, as the database knows them at this moment: their session has not ended, their secret was not rotated away,
    /// their key not deleted or disabled, their role not changed.
    async fn reread(&self, tx: &mut OrgTx, hold: Hold) -> Result<Principal> {
        self.prove(tx.system(), hold).await?;
        match self.principal {
            Principal::Nobody | Principal::Person { .. } => Ok(self.principal),
            Principal::Member { user, organisation, .. } => {
                let role = self.app.identities.role(tx, user).await?.ok_or_else(Error::not_found)?;
                Ok(Principal::Member { user, organisation, role })
            }
            Principal::ApiKey { key, organisation, .. } => {
                let digest = self.secret.ok_or_else(Error::internal)?;
                let permissions = self.app.identities.permissions(tx, &digest, self.origin.address, self.now()).await?;
                Ok(Principal::ApiKey { key, organisation, permissions })
            }
        }
    }

    /// Whether there is what a refusal was about: in a flood, whoever is really meant is named before what was made up. A
    /// look-up that fails finds nothing; its cause is in the log.
    async fn is_known(&self, organisation: OrganisationId, subject: &Subject) -> bool {
        let looked_up = async {
            let mut tx = self.app.db.read_in(organisation).await?;
            self.app.identities.is_known(&mut tx, subject).await
        };
        looked_up.await.unwrap_or_default()
    }

    /// Acts inside the organisation: decides, opens a transaction that holds the organisation's chain, reads anew who asks
    /// (they may have been demoted or signed out a moment ago), and runs `act`. What it changes and its event are committed together. A
    /// refusal or failure changes nothing and leaves an event of its own.
    pub async fn act<T, F, Fut>(&self, operation: Operation, subject: Subject, act: F) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let organisation = self.principal.organisation();
        let result = match organisation {
            Some(organisation) => match self.check(operation, Target::In(organisation)) {
                Ok(()) => self.attempt(operation, organisation, Way::Belongs, act).await,
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
        self.act_outside(operation, organisation, Way::Founds, subject, act).await
    }

    /// Acts inside an organisation as the program itself, for what its jobs do there. Nobody has asked, so that there is
    /// nobody to refuse: what fails is left to the next round.
    pub async fn act_by_itself<T, F, Fut>(
        app: &App,
        operation: Operation,
        organisation: OrganisationId,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let mut access = Self::system(app.clone());
        access.credential.signed_in_by = Some(SignedInBy::System);
        let done = access.attempt(operation, organisation, Way::Proven, act).await?;
        app.changes.announce(super::watch::ChangeNews::Of(organisation));
        Ok(done.value)
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
        self.act_outside(operation, organisation, Way::Proven, subject, act).await
    }

    async fn act_outside<T, F, Fut>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        way: Way,
        subject: Subject,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let result = match self.check_outside(operation) {
            Ok(()) => self.attempt(operation, organisation, way, act).await,
            Err(error) => Err(error),
        };
        let is_there = result.is_ok() || way == Way::Proven;
        let place = if is_there { organisation } else { OrganisationId::INSTALLATION };
        self.settle(operation, place, subject, result).await
    }

    /// Whether it is open to anyone, or to this person. What asks for a membership cannot be asked for without one.
    fn check_outside(&self, operation: Operation) -> Result<()> {
        match operation.spec().requires {
            Requirement::Anyone | Requirement::Person => self.check(operation, Target::Account),
            Requirement::Membership | Requirement::Belonging | Requirement::Holds(_) | Requirement::Both(..) => {
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
        way: Way,
        act: F,
    ) -> Result<Committed<T>>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let founds = way == Way::Founds;
        let mut tx = match founds {
            true => heads::begin_founding(&self.app.db, organisation).await?,
            false => self.app.db.write_in(organisation).await?,
        };
        audit::lock(&mut tx).await?;
        let mut access = self.clone();
        // Whoever acts outside is no member yet: there is no role to read anew.
        if way == Way::Belongs {
            access.principal = self.reread(&mut tx, Hold::UntilCommit).await?;
            access.check(operation, Target::In(organisation))?;
        } else {
            self.prove(tx.system(), Hold::UntilCommit).await?;
        }
        act(Change { tx, access, operation, founds, submission: None, begun: None }).await
    }

    async fn settle<T>(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        result: Result<Committed<T>>,
    ) -> Result<T> {
        match result {
            Ok(Committed { value, changes }) => {
                if changes {
                    self.app.changes.announce(super::watch::ChangeNews::Of(organisation));
                }
                Ok(value)
            }
            Err(error) => {
                self.record_refusal(operation, organisation, subject, &error).await;
                self.forget(organisation).await;
                Err(error)
            }
        }
    }

    /// Leaves the event of a refused or failed act. Floods are grouped, see [`crate::server::access::refusals`].
    pub async fn record_refusal(
        &self,
        operation: Operation,
        organisation: OrganisationId,
        subject: Subject,
        error: &Error,
    ) {
        if !operation.spec().audited {
            self.tell_denial(operation, organisation, error);
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
        let known = self.is_known(organisation, &refusal.subject).await;
        if self.app.refusals.count(place, refusal.clone(), known, now) {
            // How long the answer takes must not tell whether there is such a subject.
            let access = self.clone();
            tokio::spawn(async move { access.write_refusal(place, refusal, &[], 1).await });
        }
    }

    /// Tells the program's log of a denied reading, which leaves no event, so that its id can be looked up there. Of a flood
    /// the log has the beginning.
    fn tell_denial(&self, operation: Operation, organisation: OrganisationId, error: &Error) {
        if operation.spec().audited || error.code != Code::PermissionDenied {
            return;
        }
        let network = self.origin.address.map(|address| address_subject(Some(address))).unwrap_or_default();
        let caller = Caller { actor: self.actor.clone(), network };
        if self.origin.told.swap(true, Ordering::Relaxed)
            || !self.app.refusals.admit((organisation, operation), &caller, self.now())
        {
            return;
        }
        tracing::info!(
            request_id = self.origin.request_id,
            operation = operation.spec().id,
            permission = error.missing.as_ref().map(|missing| &*missing.permission),
            %organisation,
            actor = self.actor.kind,
            id = self.actor.id,
            "a reading was denied"
        );
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
            let mut access = Self { actor, credential: Credential::default(), ..Self::system(app.clone()) };
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
        let address = self.told_address();
        if let Some(pending) = self.pending {
            audit::pending::settle(tx, pending).await?;
        }
        let circumstances = Circumstances {
            action: operation.spec().id,
            outcome,
            reason,
            count,
            actor: &self.actor,
            credential: &Credential { signed_in_by: self.signed_in_by(), ..self.credential.clone() },
            request_id: &self.origin.request_id,
            address: &address,
            user_agent: self.told_user_agent(),
            now: self.now(),
        };
        audit::append(tx, event, &circumstances).await
    }

    /// Where the request came from, as events say it.
    fn told_address(&self) -> String {
        let origin = &self.origin;
        origin.address.map_or_else(|| origin.network.clone(), |address| address.to_string())
    }

    /// What the caller's program called itself, as events say it.
    fn told_user_agent(&self) -> &str {
        text::cut(&self.origin.user_agent, 200)
    }
}

/// What the program's own commands come with.
fn by_command() -> Credential {
    Credential { name: COMMAND.into(), id: None, signed_in_by: Some(SignedInBy::Command) }
}

/// What a request with a secret of an API key comes with.
fn of_key(key: KeyId, secret: Uuid) -> Credential {
    Credential { name: format!("key {key}"), id: Some(secret), signed_in_by: Some(SignedInBy::ApiKey) }
}

/// How whoever acts comes into the organisation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By a membership or a key.
    Belongs,
    /// By something else that was proven.
    Proven,
    /// By making it.
    Founds,
}

/// Whether a proven session is kept from ending before the transaction does.
#[derive(Clone, Copy)]
enum Hold {
    No,
    UntilCommit,
}
