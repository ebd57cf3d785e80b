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

/// The way in of somebody who comes by no membership and no key.
#[must_use]
pub struct Outside<'a> {
    access: &'a Access,
    organisation: OrganisationId,
    way: Way,
}

impl Outside<'_> {
    /// Acts as [`Access::act`] does. Only for operations that are open to anyone or to any person.
    pub async fn act<T, F, Fut>(&self, operation: Operation, subject: Subject, act: F) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let Self { access, organisation, way } = *self;
        access.act_in(operation, (organisation, way), subject, access.check_outside(operation), act).await
    }
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
        let allowed = match organisation {
            Some(organisation) => self.check(operation, Target::In(organisation)),
            None => Err(decide(&self.principal, operation.spec().requires, Target::In(OrganisationId::INSTALLATION))
                .err()
                .map_or_else(Error::not_found, Error::from)),
        };
        let organisation = organisation.unwrap_or(OrganisationId::INSTALLATION);
        self.act_in(operation, (organisation, Way::Belongs), subject, allowed, act).await
    }

    /// The way to the person's own account, and to what is open to anyone. Events stand in the installation's chain.
    pub fn on_account(&self) -> Outside<'_> {
        self.by_proof(OrganisationId::INSTALLATION)
    }

    /// The way into an organisation that something other than a membership has proven: the token of an invitation.
    pub fn by_proof(&self, organisation: OrganisationId) -> Outside<'_> {
        Outside { access: self, organisation, way: Way::Proven }
    }

    /// The way into an organisation that is made by what is done in it. Its chain begins with that: a refusal or failure,
    /// after which there is no such organisation, stands in the installation's.
    pub fn founding(&self, organisation: OrganisationId) -> Outside<'_> {
        Outside { access: self, organisation, way: Way::Founds }
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

    /// What every act of somebody who asks comes to: what is allowed is attempted, a change is announced, and a refusal or
    /// failure is recorded.
    async fn act_in<T, F, Fut>(
        &self,
        operation: Operation,
        (organisation, way): (OrganisationId, Way),
        subject: Subject,
        allowed: Result<()>,
        act: F,
    ) -> Result<T>
    where
        F: FnOnce(Change) -> Fut,
        Fut: Future<Output = Result<Committed<T>>>,
    {
        let done = match allowed {
            Ok(()) => self.attempt(operation, organisation, way, act).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(Committed { value, changes }) => {
                if changes {
                    self.app.changes.announce(ChangeNews::Of(organisation));
                }
                Ok(value)
            }
            Err(error) => {
                let place = if way == Way::Founds { OrganisationId::INSTALLATION } else { organisation };
                self.record_refusal(operation, place, subject, &error).await;
                self.forget(place).await;
                Err(error)
            }
        }
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
}
