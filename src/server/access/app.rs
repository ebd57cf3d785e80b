//! What every request shares.

use super::{Identities, SignedInMember, refusals::Refusals, sessions};
use crate::{
    kernel::{Error, OrganisationId},
    policy::Role,
    server::{
        clock::Clock,
        crypto::{Keyring, Passwords},
        database::{Db, OrgTx, Tx},
        mail::Mail,
        watch::Changes,
    },
};
use std::sync::Arc;

/// The running program's parts. Cloning shares them.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// See [`App`].
pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub keyring: Keyring,
    pub passwords: Passwords,
    pub mail: Mail,
    /// The one way out to providers, with the operator's address ranges.
    pub outgoing: crate::server::outgoing::Outgoing,
    /// The address under which people reach Latchkey, without a trailing slash. All links begin with it.
    pub public_url: String,
    /// Proxies whose forwarded addresses are believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Tells what caches to forget.
    pub changes: Changes,
    pub refusals: Refusals,
    pub limits: crate::server::limits::Limits,
    pub uses: super::uses::Uses,
    /// What this process knows of the use of limits.
    pub usage: crate::server::usage::Usage,
    /// Counts what the console and programs ask.
    pub requests: crate::server::metrics::Requests,
    /// Counts the audit events that are delivered.
    pub deliveries: crate::server::metrics::Deliveries,
    /// Days that events of the audit log are kept. None: for ever.
    pub audit_days: Option<i64>,
    /// Who people and keys are.
    pub identities: &'static dyn Identities,
}

/// A writing transaction in an organisation for what is no administrative act and leaves no event: when somebody was last
/// here, when a secret was last used, the log of calls.
pub struct Note(pub(super) OrgTx);

impl Note {
    pub fn tx(&mut self) -> &mut OrgTx {
        &mut self.0
    }

    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A reading transaction in an organisation that the digest of a presented secret has proven.
    pub async fn read_proven(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.db.read_in(organisation).await
    }

    /// A reading transaction in a person's organisation with their role there at this moment. None: their session has
    /// ended, or they do not belong to it any more.
    pub async fn read_as_member(&self, member: SignedInMember) -> Result<Option<(OrgTx, Role)>, Error> {
        let SignedInMember { organisation, user, session } = member;
        let mut tx = self.db.read_in(organisation).await?;
        if !sessions::stands(tx.system(), session, user, self.clock.now()).await? {
            return Ok(None);
        }
        let role = self.identities.role(&mut tx, user).await?;
        Ok(role.map(|role| (tx, role)))
    }

    /// A reading transaction in any organisation for whoever runs Latchkey, who may read every audit log: for the
    /// program's own commands. All of it is of one moment, whatever is written or removed while it is read.
    pub async fn read_as_operator(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.db.read_moment_in(organisation).await
    }

    /// The same over all organisations at once.
    pub async fn read_every_chain(&self) -> Result<Tx, Error> {
        self.db.read_every_chain().await
    }

    /// Begins a [`Note`].
    pub async fn note_in(&self, organisation: OrganisationId) -> Result<Note, Error> {
        Ok(Note(self.db.write_in(organisation).await?))
    }
}
