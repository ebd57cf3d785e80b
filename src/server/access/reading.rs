//! The ways in for what reads, and for what writes without being an administrative act.

use super::{Access, Note, proof::Hold};
use crate::{
    kernel::{Error, OrganisationId, Result},
    policy::{Operation, Target, decide},
    server::{
        audit,
        database::{OrgTx, Tx},
    },
};

impl Access {
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
}
