//! What every request shares.

use super::{
    clock::Clock,
    crypto::{Keyring, Passwords},
    database::{Db, OrgTx, StartResult},
    mail::Mail,
    refusals::Refusals,
    watch::Changes,
};
use crate::kernel::{Error, OrganisationId};
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
    pub outgoing: super::outgoing::Outgoing,
    /// The address under which people reach Latchkey, without a trailing slash. All links begin with it.
    pub public_url: String,
    /// Proxies whose forwarded addresses are believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Tells what caches to forget.
    pub changes: Changes,
    pub refusals: Refusals,
    pub limits: super::limits::Limits,
    pub uses: super::uses::Uses,
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

    /// Notices a key that does not belong to this database, before anything is read with it.
    pub async fn check_key(&self) -> StartResult<()> {
        super::installation::check_key(self).await
    }
}
