//! A credential proven anew, in the transaction in which it is used.

use super::{Access, sessions};
use crate::{
    kernel::{Error, Result, time::MINUTE},
    policy::{Operation, Principal, Target, asks_for_proof},
    server::{
        audit::event::SignedInBy,
        database::{OrgTx, Tx},
    },
};

/// How long a proof of the password holds, in milliseconds.
const PROOF_HOLDS: i64 = 15 * MINUTE;

/// Whether a proven session is kept from ending before the transaction does.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    No,
    UntilCommit,
}

impl Access {
    /// Proves a person's session anew, in the transaction in which it is used. Nobody has nothing to prove; what a key
    /// presents is proven with what it opens, by [`Self::reread`].
    pub(super) async fn prove(&self, tx: &mut Tx, hold: Hold) -> Result<()> {
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
    pub(super) async fn reread(&self, tx: &mut OrgTx, hold: Hold) -> Result<Principal> {
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

    /// Whether a person asks for what gives or takes the highest rights, and has not proven their password a short while
    /// ago. Keys have none to prove.
    pub fn needs_proof(&self, operation: Operation, target: Target) -> bool {
        asks_for_proof(operation, target)
            && matches!(self.principal, Principal::Member { .. })
            && !self.has_just_confirmed()
    }

    /// How whoever asks has proven who they are. A password that was asked for again counts as that for as long as it is
    /// believed, and then as the session's.
    pub(super) fn signed_in_by(&self) -> Option<SignedInBy> {
        match self.credential.signed_in_by {
            Some(SignedInBy::PasswordAgain) if !self.has_just_confirmed() => Some(SignedInBy::Password),
            by => by,
        }
    }

    fn has_just_confirmed(&self) -> bool {
        self.confirmed_at.is_some_and(|at| at.plus(PROOF_HOLDS) >= self.now())
    }
}
