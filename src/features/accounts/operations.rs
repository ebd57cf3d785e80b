//! What can be done with accounts.

mod own;
mod reset;

pub use own::{change_password, choose_theme, confirm_password, end_other_sessions, end_session, profile, rename};
pub use reset::{ask_reset, may_reset, reset_password, reset_token, view_reset};

use super::{
    email::Email,
    model::{Founded, Front, NAME_LIMIT},
    networks, store,
};
use crate::{
    features::organisations::{self, operations::found},
    kernel::{Code, Error, Fields, OrganisationId, Result, Secret, UserId, text},
    policy::Operation,
    server::{
        access::{Access, installation, sessions},
        audit::event::{Event, SignedInBy, Subject},
        crypto::{Passwords, check_new_password},
        limits::address_subject,
    },
};
use std::future::Future;
use zeroize::Zeroizing;

/// Runs what an operation does before its transaction. A refusal there leaves its event, like one inside.
async fn before<T>(
    access: &Access,
    operation: Operation,
    subject: &Subject,
    step: impl Future<Output = Result<T>>,
) -> Result<T> {
    match step.await {
        Ok(value) => Ok(value),
        Err(error) => {
            access.record_refusal(operation, OrganisationId::INSTALLATION, subject.clone(), &error).await;
            Err(error)
        }
    }
}

/// A password as it is checked: exactly as received, up to a length that no stored one has.
fn presented(password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(text::cut(password.expose(), 1_000).to_owned())
}

/// What the signed-out pages need to know.
pub async fn front(access: &Access) -> Result<Front> {
    let app = access.app();
    // Proven anew, as every page does: whoever is led on from here is not led back.
    let is_signed_in = access.user().is_ok() && access.read_account(Operation::AccountView).await.is_ok();
    let mut tx = app.db.read().await?;
    Ok(Front { is_set_up: installation::is_set_up(&mut tx).await?, is_signed_in, has_mail: app.mail.is_configured() })
}

/// What the first Owner types.
pub struct NewInstallation {
    pub email: String,
    pub name: String,
    pub organisation: String,
    pub password: Secret,
}

/// What a set-up has made.
pub struct SetUp {
    pub founded: Founded,
    pub user: UserId,
    pub organisation: OrganisationId,
    /// The value of the first Owner's session cookie; none for the program's own command.
    pub session: Option<Secret>,
}

/// Makes the first Owner and organisation, for whoever has the setup secret (none: the program's own command).
pub async fn set_up(access: &Access, secret: Option<&Secret>, new: NewInstallation) -> Result<SetUp> {
    let app = access.app();
    let organisation = OrganisationId::new();
    let address = address_subject(access.origin().address);
    app.limits.links.check(&address, access.now())?;
    let mut fields = Fields::default();
    let email = fields.take("email", Email::parse(&new.email));
    let name = fields.take("name", text::line("Your name", &new.name, NAME_LIMIT));
    let title = fields.take("organisation", organisations::model::parse_name(&new.organisation));
    if secret.is_some_and(|secret| secret.expose().trim().is_empty()) {
        // Nothing was tried: all that is missing is told at once.
        fields.refuse("secret", "Type the setup secret.");
        if new.password.expose().is_empty() {
            fields.refuse("password", "Choose a password.");
        }
        fields.finish()?;
        return Err(Error::internal());
    }
    if let Some(secret) = secret {
        let mut tx = app.db.read().await?;
        let fits = installation::check_setup_secret(app, &mut tx, secret.expose().trim()).await?;
        drop(tx);
        if !fits {
            app.limits.links.count(&address, access.now());
            let error =
                Error::field("secret", "This is not the setup secret that the server printed at its last start.");
            access
                .record_refusal(
                    Operation::Setup,
                    OrganisationId::INSTALLATION,
                    Subject::unnamed("installation", ""),
                    &error,
                )
                .await;
            return Err(error);
        }
    }
    let local = email.as_ref().map(|e| e.local().to_owned()).unwrap_or_default();
    fields.take("password", check_new_password(new.password.expose(), &[&local, &new.organisation]));
    let (email, name, title) = fields.build(|| Some((email?, name?, title?)))?;
    let from = access.origin().address;
    let taken = secret.map(|_| app.limits.take_link("setup", from, access.now())).transpose()?;
    let hash = app.passwords.hash(from, Zeroizing::new(new.password.expose().to_owned())).await?;
    let subject = Subject::new("installation", "", &title);
    let made = access
        .founding(organisation)
        .act(Operation::Setup, subject.clone(), |mut change| async move {
            let user = UserId::new();
            let now = change.now();
            let system = change.tx().system();
            installation::finish_setup(system, now).await?;
            // The setup secret proves who runs the machine, not who reads the mail of the address that they typed: like any
            // other it is proven by a mailed link later on. What the Owner may do does not depend on it.
            if !store::insert(system, user, &email, &name, &hash, now).await? {
                return Err(Error::conflict("There is an account already."));
            }
            change.act_as(user, &name, SignedInBy::Setup);
            networks::note(&mut change, user).await?;
            let slug = organisations::operations::free_slug(change.tx().system(), &title, now).await?;
            let (key, master_key) = found(&mut change, user, &title, &slug).await?;
            let event = Event::of(subject)
                .with("owner", email.shown.clone())
                .with("organisation", title.clone())
                .with("master_key", key.to_string());
            let session = change.begin_session(user).await?;
            let founded = Founded { slug, organisation: title, master_key };
            change.commit(event, SetUp { founded, user, organisation, session }).await
        })
        .await?;
    if let Some(taken) = taken {
        taken.give_back();
    }
    Ok(made)
}

/// Signs in, and gives the value of the session's cookie. Says the same for a wrong password and an unknown address, in the
/// same time.
pub async fn sign_in(access: &Access, email: &str, password: &Secret) -> Result<Option<Secret>> {
    let app = access.app();
    let now = access.now();
    let from = access.origin().address;
    let canonical = Email::parse(email).map(|e| e.canonical).unwrap_or_default();
    let subject = Subject::new("account", "", canonical.as_str());
    let refuse = async |error: Error| {
        access.record_refusal(Operation::SignIn, OrganisationId::INSTALLATION, subject.clone(), &error).await;
        Err(error)
    };
    let taken = match app.limits.take_try(&canonical, from, now, networks::is_known(access, &canonical)).await {
        Ok(taken) => taken,
        Err(error) => return refuse(error).await,
    };
    let account = {
        let mut tx = app.db.read().await?;
        store::by_email(&mut tx, &canonical).await?
    };
    let usable = account.filter(|account| account.disabled_at.is_none());
    let stored = usable.as_ref().map(|account| account.password_hash.clone());
    let plain = presented(password);
    let fits = match app.passwords.verify(from, plain.clone(), stored).await {
        Ok(fits) => fits,
        Err(error) => {
            taken.give_back();
            return refuse(error).await;
        }
    };
    let wrong = || Error::new(Code::WrongCredentials, "The e-mail or the password is not right.");
    let Some(account) = usable.filter(|_| fits) else {
        return refuse(wrong()).await;
    };
    taken.give_back();
    // If there is no place for it now, the next sign-in renews it.
    let is_outdated = Passwords::is_outdated(&account.password_hash);
    let renewed = if is_outdated { app.passwords.hash(from, plain).await.ok() } else { None };
    let subject = Subject::new("account", account.id, &account.email);
    access
        .on_account()
        .act(Operation::SignIn, subject.clone(), |mut change| async move {
            let user = UserId(account.id);
            if !store::has_password(change.tx().system(), user, &account.password_hash).await? {
                return Err(wrong());
            }
            change.act_as(user, &account.name, SignedInBy::Password);
            // Here, where the password is known to be the present one: a change of it ends every session that there is.
            let session = change.begin_session(user).await?;
            networks::note(&mut change, user).await?;
            if let Some(hash) = renewed {
                store::replace_password(change.tx().system(), user, &account.password_hash, &hash).await?;
            }
            change.commit(Event::of(subject), session).await
        })
        .await
}

/// Ends the session that asks.
pub async fn sign_out(access: &Access) -> Result<()> {
    let user = access.user()?;
    let session = access.session().ok_or_else(Error::sign_in_needed)?;
    let subject = Subject::new("account", user, access.actor_name());
    access
        .on_account()
        .act(Operation::SignOut, subject.clone(), |mut change| async move {
            sessions::end(change.tx().system(), user, session).await?;
            change.commit(Event::of(subject), ()).await
        })
        .await
}
