//! The ways in for what changes something. What an act changes and its event are committed together.

use super::{Access, App, Change, Committed, heads, proof::Hold};
use crate::{
    kernel::{Error, OrganisationId, Result},
    policy::{Operation, Requirement, Target, decide},
    server::{
        audit::{
            self,
            event::{SignedInBy, Subject},
        },
        watch::ChangeNews,
    },
};
use std::future::Future;

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

impl Access {
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
        app.changes.announce(ChangeNews::Of(organisation));
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
                    self.app.changes.announce(ChangeNews::Of(organisation));
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
}
