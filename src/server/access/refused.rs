//! What is left of a refused or failed request: an event, or a line in the program's log.

use super::{
    Access, App,
    refusals::{Caller, Place, Refusal, Told},
};
use crate::{
    kernel::{Code, Error, OrganisationId},
    policy::Operation,
    server::{
        audit::event::{Credential, Event, Outcome, Subject},
        limits::address_subject,
    },
};
use std::sync::atomic::Ordering;

impl Access {
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
        let refusal = Refusal { caller: self.caller(), subject, outcome, reason: error.code.as_str() };
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
    pub(super) fn tell_denial(&self, operation: Operation, organisation: OrganisationId, error: &Error) {
        if operation.spec().audited || error.code != Code::PermissionDenied {
            return;
        }
        if self.origin.told.swap(true, Ordering::Relaxed)
            || !self.app.refusals.admit((organisation, operation), &self.caller(), self.now())
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

    /// By whom refusals are told apart.
    fn caller(&self) -> Caller {
        let network = self.origin.address.map(|address| address_subject(Some(address))).unwrap_or_default();
        Caller { actor: self.actor.clone(), network }
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

    /// Whether there is what a refusal was about: in a flood, whoever is really meant is named before what was made up. A
    /// look-up that fails finds nothing; its cause is in the log.
    async fn is_known(&self, organisation: OrganisationId, subject: &Subject) -> bool {
        let looked_up = async {
            let mut tx = self.app.db.read_in(organisation).await?;
            self.app.identities.is_known(&mut tx, subject).await
        };
        looked_up.await.unwrap_or_default()
    }
}
