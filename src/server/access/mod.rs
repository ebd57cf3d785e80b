//! The one way in: who asks, in which organisation, with what permissions, and the transaction in which an operation acts.
//!
//! An operation's first line is [`Access::read`] or [`Access::act`]: they decide, and hand out the transaction only then.
//! A request's credential is found before its body has come, and its caller may take their time with that. So every
//! transaction that is opened here proves the credential anew, and with it what it allows now ([`Access::reread`]): no
//! operation can forget it.
//!
//! Here is who asks. How their credential is proven anew stands in `proof`; what they read in `reading`, what they change in
//! `acting`, and what is left of a refusal in `refused`.

mod acting;
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
mod proof;
mod reading;
pub mod refusals;
mod refused;
pub mod retention;
pub mod sessions;
pub mod unknown;
pub mod uses;

pub use acting::Outside;
pub use app::{App, Note, Parts};
pub use change::{Change, Committed};
pub use identities::{Identities, VerifiedKey};
pub use lengthy::Lengthy;

use super::{crypto::Digest, database::OrgTx};
use crate::{
    kernel::{Code, Error, KeyId, OrganisationId, Result, SessionId, Timestamp, UserId, text},
    policy::{Operation, Principal, Target, decide},
    server::audit::{
        self, Circumstances,
        event::{Actor, Credential, Event, Outcome, SignedInBy},
    },
};
use proof::Hold;
use serde::{Deserialize, Serialize};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
};
use uuid::Uuid;

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

    /// Whether it is the program itself that asks, not a browser or program from outside.
    fn is_command(&self) -> bool {
        self.credential.name == COMMAND
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
