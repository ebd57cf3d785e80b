//! What those who are invited can do. A link is looked at as often as one likes; only an answer uses it up.

use super::{
    model::{Invitation, Shown, State},
    operations::PURPOSE,
    store::{self, By, Own, Stored},
};
use crate::{
    features::{
        accounts::{self, email::Email, model::NAME_LIMIT},
        api_keys,
        organisations::{self, model::Waiting},
        team,
    },
    kernel::{Code, Error, Fields, InvitationId, OrganisationId, Result, Secret, UserId, text},
    policy::{Operation, Permission, Principal, Requirement, Target, decide},
    server::{
        access::{Access, Change},
        audit::event::{Event, SignedInBy, Subject},
        crypto::check_new_password,
        limits::address_subject,
    },
};
use zeroize::Zeroizing;

/// How an invitation is named by whoever answers it.
#[derive(Clone, Debug)]
pub enum Which {
    /// By the secret of its link: whoever has it.
    Token(Secret),
    /// By its id: the signed-in person whose address it is for, and has been proven to be.
    Mine(InvitationId),
}

/// Invitations that wait for the signed-in person; none to an address that is not proven to be theirs.
pub async fn mine(access: &Access) -> Result<Vec<Waiting>> {
    let mut tx = access.read_account(Operation::InvitationsMine).await?;
    let own = store::address_of(&mut tx, access.user()?).await?.ok_or_else(Error::sign_in_needed)?;
    drop(tx);
    let Some(canonical) = own.proven() else { return Ok(vec![]) };
    let mut tx = access.app().db.read_by_email(canonical).await?;
    let rows = store::waiting(&mut tx, canonical, access.now()).await?;
    Ok(rows.into_iter().map(|(id, organisation, role, inviter)| Waiting { id, organisation, role, inviter }).collect())
}

/// What an invitation's page shows. Somebody who is signed in as another learns that it is not for them, and where to.
pub async fn view(access: &Access, which: &Which) -> Result<Shown> {
    let mut tx = access.read_account(Operation::InvitationView).await?;
    let own = match access.user() {
        Ok(user) => store::address_of(&mut tx, user).await?,
        Err(_) => None,
    };
    drop(tx);
    let (place, id) = find(access, which, own.as_ref()).await?;
    let now = access.now();
    let mut tx = access.app().read_proven(place).await?;
    let stored = store::get(&mut tx, id, now).await?.ok_or_else(unknown)?;
    let organisation = organisations::by_id(tx.system(), place).await?.ok_or_else(unknown)?.name;
    let Stored { invitation: Invitation { id, email, role, inviter, expires_at, state, .. }, canonical, .. } = stored;
    Ok(match own {
        Some(own) if own.email_canonical != canonical => {
            Shown::ForSomeoneElse { organisation, signed_in_as: own.email }
        }
        _ if state != State::Pending => Shown::Over { organisation, inviter, state },
        own => Shown::Open { id, organisation, inviter, role, email, expires_at, now, signed_in: own.is_some() },
    })
}

/// Joins the organisation as the invitation says. Gives its slug.
pub async fn accept(access: &Access, which: &Which) -> Result<String> {
    answer(access, Operation::InvitationAccept, which, async |change: &mut Change, stored: &Stored, user: UserId| {
        check_inviter(change, stored).await?;
        use_up(change, stored).await?;
        join(change, stored, user).await
    })
    .await
}

/// Says no, once and for all.
pub async fn decline(access: &Access, which: &Which) -> Result<()> {
    answer(access, Operation::InvitationDecline, which, async |change: &mut Change, stored: &Stored, _| {
        let now = change.now();
        if !store::decline(change.tx(), stored.invitation.id, now).await? {
            return Err(spent(stored.invitation.state));
        }
        Ok((event(stored).change("state", State::Pending.label(), State::Declined.label()), ()))
    })
    .await
}

/// Answers an invitation as the signed-in person, in one transaction of its organisation.
async fn answer<T>(
    access: &Access,
    operation: Operation,
    which: &Which,
    act: impl AsyncFnOnce(&mut Change, &Stored, UserId) -> Result<(Event, T)>,
) -> Result<T> {
    let subject = Subject::unnamed("invitation", "");
    let found = async {
        let mut tx = access.read_account(operation).await?;
        let user = access.user()?;
        let own = store::address_of(&mut tx, user).await?.ok_or_else(Error::sign_in_needed)?;
        drop(tx);
        let (place, id) = find(access, which, Some(&own)).await?;
        Ok((user, own.email_canonical, place, id))
    };
    let (user, address, place, id) = match found.await {
        Ok(found) => found,
        Err(error) => {
            access.record_refusal(operation, OrganisationId::INSTALLATION, subject, &error).await;
            return Err(error);
        }
    };
    access
        .by_proof(place)
        .act(operation, Subject::unnamed("invitation", id), |mut change| async move {
            let stored = again(&mut change, which, id).await?;
            if stored.canonical != address {
                let message = "This invitation is for somebody else. Sign in as that person.";
                return Err(Error::new(Code::PermissionDenied, message));
            }
            let (event, value) = act(&mut change, &stored, user).await?;
            change.commit(event, value).await
        })
        .await
}

/// What somebody types who has no account yet.
pub struct NewPerson {
    pub name: String,
    pub password: Secret,
}

/// Makes an account for the address of the invitation, and joins. Gives the organisation's slug and the value of the new
/// person's session cookie.
pub async fn join_new(access: &Access, token: &Secret, new: NewPerson) -> Result<(String, Option<Secret>)> {
    let which = Which::Token(token.clone());
    let (place, id) = match find(access, &which, None).await {
        Ok(found) => found,
        Err(error) => {
            let subject = Subject::unnamed("invitation", "");
            access.record_refusal(Operation::InvitationJoin, OrganisationId::INSTALLATION, subject, &error).await;
            return Err(error);
        }
    };
    let (email, organisation) = {
        let mut tx = access.app().read_proven(place).await?;
        let stored = store::get(&mut tx, id, access.now()).await?.ok_or_else(unknown)?;
        if stored.invitation.state != State::Pending {
            let error = spent(stored.invitation.state);
            drop(tx);
            access.record_refusal(Operation::InvitationJoin, place, Subject::unnamed("invitation", id), &error).await;
            return Err(error);
        }
        let organisation = organisations::by_id(tx.system(), place).await?.ok_or_else(unknown)?;
        (Email::parse(&stored.invitation.email).map_err(|_| not_accepted())?, organisation.name)
    };
    let mut fields = Fields::default();
    let name = fields.take("name", text::line("Your name", &new.name, NAME_LIMIT));
    fields.take("password", check_new_password(new.password.expose(), &[email.local(), &new.name, &organisation]));
    let name = fields.build(|| name)?;
    let subject = Subject::new("invitation", id, &email.shown);
    let hashed = async {
        let (app, from) = (access.app(), access.origin().address);
        let taken = app.limits.take_link(&id.to_string(), from, access.now())?;
        Ok((taken, app.passwords.hash(from, Zeroizing::new(new.password.expose().to_owned())).await?))
    };
    let (taken, hash) = match hashed.await {
        Ok(hashed) => hashed,
        Err(error) => {
            access.record_refusal(Operation::InvitationJoin, place, subject, &error).await;
            return Err(error);
        }
    };
    let joined = access
        .by_proof(place)
        .act(Operation::InvitationJoin, subject, |mut change| async move {
            let stored = again(&mut change, &which, id).await?;
            check_inviter(&mut change, &stored).await?;
            use_up(&mut change, &stored).await?;
            let (user, now) = (UserId::new(), change.now());
            if !accounts::insert(change.tx().system(), user, &email, &name, &hash, now).await? {
                return Err(Error::conflict("This address has an account already. Sign in to accept the invitation."));
            }
            change.act_as(user, &name, SignedInBy::Invitation);
            accounts::note_network(&mut change, user).await?;
            let (event, slug) = join(&mut change, &stored, user).await?;
            let session = change.begin_session(user).await?;
            change.commit(event.with("account", "made"), (slug, session)).await
        })
        .await?;
    taken.give_back();
    Ok(joined)
}

/// Where the invitation stands. Guesses of tokens are counted by address.
async fn find(access: &Access, which: &Which, own: Option<&Own>) -> Result<(OrganisationId, InvitationId)> {
    let app = access.app();
    match which {
        Which::Token(token) => {
            let address = address_subject(access.origin().address);
            app.limits.links.check(&address, access.now())?;
            let digest = app.keyring.digest(PURPOSE, token.expose().trim());
            let mut tx = app.db.read_by_digest(&digest).await?;
            let found = store::find(&mut tx, &digest).await?;
            if found.is_none() {
                app.limits.links.count(&address, access.now());
            }
            found.ok_or_else(unknown)
        }
        Which::Mine(id) => {
            let canonical = own.ok_or_else(Error::sign_in_needed)?.proven().ok_or_else(unknown)?;
            let mut tx = app.db.read_by_email(canonical).await?;
            store::find_for(&mut tx, canonical, *id).await?.ok_or_else(unknown)
        }
    }
}

/// The invitation as it is inside the transaction: a link that was replaced meanwhile opens nothing.
async fn again(change: &mut Change, which: &Which, id: InvitationId) -> Result<Stored> {
    let now = change.now();
    let stored = match which {
        Which::Token(token) => {
            let digest = change.access().app().keyring.digest(PURPOSE, token.expose().trim());
            store::by_digest(change.tx(), &digest, now).await?
        }
        Which::Mine(id) => store::get(change.tx(), *id, now).await?,
    };
    stored.filter(|stored| stored.invitation.id == id).ok_or_else(unknown)
}

/// Whoever invited must still be allowed to give this role.
async fn check_inviter(change: &mut Change, stored: &Stored) -> Result<()> {
    let (organisation, now) = (change.organisation(), change.now());
    let principal = match stored.by {
        Some(By::Person(user)) => {
            team::role_of(change.tx(), user).await?.map(|role| Principal::Member { user, organisation, role })
        }
        Some(By::Key(key)) => match api_keys::effective(change.tx(), key, now).await {
            Ok(permissions) => Some(Principal::ApiKey { key, organisation, permissions }),
            Err(error) if error.code.status() == 401 => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    let rank = Target::Rank { organisation, now: None, next: Some(stored.invitation.role) };
    let allowed = principal.is_some_and(|p| decide(&p, Requirement::Holds(Permission::TeamInvite), rank).is_ok());
    if allowed {
        return Ok(());
    }
    let inviter = &stored.invitation.inviter;
    Err(Error::new(Code::LinkSpent, format!("{inviter} may no longer invite people here. Ask for a new invitation.")))
}

/// Uses the invitation up: the write checks that it is good at this very moment.
async fn use_up(change: &mut Change, stored: &Stored) -> Result<()> {
    let now = change.now();
    if store::accept(change.tx(), stored.invitation.id, now).await? {
        Ok(())
    } else {
        Err(spent(stored.invitation.state))
    }
}

/// Makes the person a member. Somebody who is one keeps their role, and the invitation stays as it was.
async fn join(change: &mut Change, stored: &Stored, user: UserId) -> Result<(Event, String)> {
    let (place, now, role) = (change.organisation(), change.now(), stored.invitation.role);
    let organisation = organisations::by_id(change.tx().system(), place).await?.ok_or_else(Error::not_found)?;
    if !team::join(change.tx(), user, role, now).await? {
        return Err(Error::conflict(format!("You belong to {} already.", organisation.name)));
    }
    let event = event(stored).with("member", user.to_string()).with("role", role.name());
    // Answered by id the address is proven already: only the link's own use proves anything here.
    let is_own_mailbox = Email::is_of(&stored.invitation.email, &stored.canonical);
    let proves = stored.mailed && is_own_mailbox && accounts::prove_address(change.tx().system(), user, now).await?;
    Ok((if proves { event.with("address", "proven") } else { event }, organisation.slug))
}

fn event(stored: &Stored) -> Event {
    Event::of(Subject::new("invitation", stored.invitation.id, &stored.invitation.email))
}

/// One answer for a token that never was, was replaced, or is for another address.
fn unknown() -> Error {
    Error::new(
        Code::NotFound,
        "This invitation does not exist, or a newer one took its place. Look for a later mail, or ask for a new link.",
    )
}

/// The invitation was made when its address could be read as another one's.
fn not_accepted() -> Error {
    Error::new(
        Code::LinkSpent,
        "This invitation's address is not accepted any more. Ask for a new one to another address.",
    )
}

/// Why an invitation cannot be answered any more.
fn spent(state: State) -> Error {
    match state {
        State::Accepted => Error::new(Code::AlreadyDone, "This invitation was accepted already."),
        State::Declined => Error::new(Code::LinkSpent, "This invitation was declined. Ask for a new one."),
        State::Revoked => Error::new(Code::LinkSpent, "This invitation was revoked. Ask for a new one."),
        State::Expired | State::Pending => {
            Error::new(Code::LinkSpent, "This invitation has expired. Ask for a new one.")
        }
    }
}
