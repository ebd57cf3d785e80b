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
        let organisation = self.place_of(operation)?;
        let mut tx = self.app.db.browse_in(organisation).await?;
        self.decide_anew(operation, &mut tx, Hold::No).await?;
        Ok(tx)
    }

    /// Asks for an operation that writes inside the organisation what is no administrative act, and gives its transaction.
    /// Decides as [`Self::read`] does, and as [`Self::act`] waits for whoever else writes there: what is counted before
    /// something is written stays as it is until then, and rights are those after the wait.
    pub async fn note(&self, operation: Operation) -> Result<Note> {
        let organisation = self.place_of(operation)?;
        let mut tx = self.app.db.write_in(organisation).await?;
        audit::lock(&mut tx).await?;
        self.decide_anew(operation, &mut tx, Hold::UntilCommit).await?;
        Ok(Note(tx))
    }

    /// The organisation in which an operation is asked for, if it is allowed there as far as is known before its transaction.
    fn place_of(&self, operation: Operation) -> Result<OrganisationId> {
        let Some(organisation) = self.principal.organisation() else {
            self.check(operation, Target::In(OrganisationId::INSTALLATION))?;
            return Err(Error::not_found());
        };
        let allowed = self.check(operation, Target::In(organisation));
        allowed.inspect_err(|error| self.tell_denial(operation, organisation, error))?;
        Ok(organisation)
    }

    /// Decides in the transaction itself, by what whoever asks may do now.
    async fn decide_anew(&self, operation: Operation, tx: &mut OrgTx, hold: Hold) -> Result<()> {
        let (now, organisation) = (self.reread(tx, hold).await?, tx.organisation());
        let allowed = decide(&now, operation.spec().requires, Target::In(organisation)).map_err(Error::from);
        allowed.inspect_err(|error| self.tell_denial(operation, organisation, error))
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
