//! What can be done with a team.

mod many;

pub use many::{change_role_many, picked, remove_many};

use super::{
    invitations,
    model::{Changed, Keys, Leaving, People, Person, Profile, ResetLink, cuts_keys},
    store,
};
use crate::{
    features::{
        accounts::{self, Maker},
        api_keys, logs, prompts,
    },
    kernel::{Asked, Code, Error, Result, Secret, Timestamp, UserId, Window, time::MINUTE},
    policy::{Operation, Principal, Role, Target},
    server::{
        access::{Access, Change},
        audit::{
            self,
            event::{Event, Subject},
        },
        database::{OrgTx, listing::Page},
    },
    site::routes,
};

/// A page of the team.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<People> {
    let mut tx = access.read(Operation::TeamList).await?;
    let seen = audit::seen(&mut tx).await?;
    let Page { rows: people, total: found, window } = store::people(&mut tx, asked, window).await?;
    let (total, owners) = store::counts(&mut tx).await?;
    let invitations = invitations::count(&mut tx).await?;
    let has_mail = access.app().mail.is_configured();
    Ok(People { seen, people, found, total, owners, invitations, window, has_mail, now: access.now() })
}

/// One member.
pub async fn get(access: &Access, id: UserId) -> Result<Profile> {
    let mut tx = access.read(Operation::TeamGet).await?;
    profile(access, &mut tx, id).await?.ok_or_else(Error::not_found)
}

/// One member, if there is one of this id.
async fn profile(access: &Access, tx: &mut OrgTx, id: UserId) -> Result<Option<Profile>> {
    let Some(person) = store::person(tx, id).await? else { return Ok(None) };
    let keys = api_keys::operations::count_of(tx, id).await?;
    let key_names = match access.check(Operation::ApiKeysList, Target::In(tx.organisation())) {
        Ok(()) => api_keys::operations::held_by(tx, id).await?.into_iter().map(|(_, name)| name).collect(),
        Err(_) => vec![],
    };
    let only_owner = person.role == Role::Owner && store::owner_other_than(tx, id).await?.is_none();
    let (has_mail, now) = (access.app().mail.is_configured(), access.now());
    Ok(Some(Profile { person, keys, key_names, only_owner, has_mail, now }))
}

/// Whether a change of role is one that a person is asked about first: it makes an Owner, lowers their own role, takes from
/// somebody's keys what they do, or wants the password, for which a row of a list has no room. Says no where the change
/// would be refused anyway.
pub async fn asks_first(access: &Access, id: UserId, next: Role) -> bool {
    let Ok(tx) = access.read(Operation::TeamChangeRole).await else { return false };
    let organisation = tx.organisation();
    drop(tx);
    let Ok(profile) = get(access, id).await else { return false };
    let (was, own) = (profile.person.role, access.user().is_ok_and(|user| user == id));
    let loses_keys = next < was && cuts_keys(next) && profile.keys > 0;
    let rank = Target::Rank { organisation, now: Some(was), next: Some(next) };
    let wants_proof = access.needs_proof(Operation::TeamChangeRole, rank);
    was != next && (next == Role::Owner || (own && next < was) || loses_keys || wants_proof)
}

/// Gives a member another role. `keys` says what becomes of their keys if the new role may do less than keys can.
pub async fn change_role(access: &Access, id: UserId, next: Role, keys: Keys) -> Result<Changed> {
    access
        .act(Operation::TeamChangeRole, Subject::unnamed("member", id), |mut change| async move {
            let person = store::person(change.tx(), id).await?.ok_or_else(Error::not_found)?;
            let was = person.role;
            change.check(Target::Rank { organisation: change.organisation(), now: Some(was), next: Some(next) })?;
            api_keys::operations::free_to_invite(&mut change).await?;
            let mut event = Event::of(named(&person)).change("role", was.name(), next.name());
            if was == Role::Owner && next != Role::Owner {
                keep_an_owner(&mut change, id).await?;
            }
            if next < was && cuts_keys(next) {
                event = settle_keys(&mut change, &person, keys, event).await?;
            }
            store::set_role(change.tx(), id, next).await?;
            change.commit(event, Changed { id, name: person.name, was, now: next }).await
        })
        .await
}

/// Takes a member out of the organisation.
pub async fn remove(access: &Access, id: UserId, keys: Keys) -> Result<Person> {
    access
        .act(Operation::TeamRemove, Subject::unnamed("member", id), |mut change| async move {
            let (event, person) = remove_within(&mut change, id, keys).await?;
            change.commit(event, person).await
        })
        .await
}

/// The same as a part of an act; gives its event.
pub async fn remove_within(change: &mut Change, id: UserId, keys: Keys) -> Result<(Event, Person)> {
    let person = store::person(change.tx(), id).await?.ok_or_else(Error::not_found)?;
    change.check(Target::Rank { organisation: change.organisation(), now: Some(person.role), next: None })?;
    if change.principal().user() == Some(id) {
        return Err(Error::conflict("Nobody removes themselves. Leave the organisation instead."));
    }
    let event = go(change, &person, keys).await?;
    Ok((event, person))
}

/// What leaving would mean to whoever asks.
pub async fn view_leave(access: &Access) -> Result<Leaving> {
    let mut tx = access.read(Operation::TeamLeaveView).await?;
    let user = access.user()?;
    let role = store::role_of(&mut tx, user).await?.ok_or_else(Error::not_found)?;
    let heir = store::owner_other_than(&mut tx, user).await?;
    let keys = api_keys::operations::count_of(&mut tx, user).await?;
    Ok(Leaving { keys, only_owner: role == Role::Owner && heir.is_none(), heir: heir.map(|(_, name)| name) })
}

/// Leaves the organisation. The leaver's keys go to an Owner.
pub async fn leave(access: &Access) -> Result<()> {
    let user = access.user()?;
    access
        .act(Operation::TeamLeave, Subject::new("member", user, access.actor_name()), |mut change| async move {
            let person = store::person(change.tx(), user).await?.ok_or_else(Error::not_found)?;
            change.check(Target::Rank { organisation: change.organisation(), now: Some(person.role), next: None })?;
            let event = go(&mut change, &person, Keys::TakeOver).await?;
            change.commit(event, ()).await
        })
        .await
}

/// Ends a membership: the last Owner stays, and no key is left answering for somebody who is gone.
async fn go(change: &mut Change, person: &Person, keys: Keys) -> Result<Event> {
    if person.role == Role::Owner {
        keep_an_owner(change, person.id).await?;
    }
    let event = Event::of(named(person)).change("role", person.role.name(), serde_json::Value::Null);
    let event = settle_keys(change, person, keys, event).await?;
    prompts::operations::sets::forget_of(change.tx(), person.id).await?;
    logs::saved::forget_of(change.tx(), person.id).await?;
    store::remove(change.tx(), person.id).await?;
    Ok(event)
}

/// Refuses if nobody else is an active Owner. The transaction holds the organisation, so nobody else goes meanwhile.
async fn keep_an_owner(change: &mut Change, than: UserId) -> Result<()> {
    match store::owner_other_than(change.tx(), than).await? {
        Some(_) => Ok(()),
        None => Err(Error::new(Code::LastOwner, "The only Owner. Make someone else an Owner first.")),
    }
}

/// Carries out what was decided about a person's keys. What they could not do any more, because the person could not,
/// they cannot do for whoever takes them over either: going is no way to win back what a demotion took.
async fn settle_keys(change: &mut Change, person: &Person, keys: Keys, event: Event) -> Result<Event> {
    let (mut narrowed, mut taker) = (vec![], None);
    let (settled, fate) = match keys {
        Keys::Revoke => (api_keys::operations::revoke_of(change, person.id).await?, "revoked".to_owned()),
        Keys::TakeOver => {
            narrowed = api_keys::operations::narrow(change, person.id, person.role.permissions()).await?;
            let heir = heir(change, person.id).await?;
            taker = heir.as_ref().map(|(id, _)| *id);
            let keys = api_keys::operations::hand_over(change, person.id, taker).await?;
            (keys, format!("taken over by {}", heir.map_or_else(|| "the Owners".to_owned(), |(_, name)| name)))
        }
    };
    if settled.is_empty() {
        return Ok(event);
    }
    let keys: Vec<String> = settled.into_iter().map(|(id, name)| format!("{name} ({id})")).collect();
    let event = event.with_name("keys", fate, taker).with("keys_settled", keys);
    if narrowed.is_empty() {
        return Ok(event);
    }
    let narrowed: Vec<String> =
        narrowed.into_iter().map(|(id, lost)| format!("{id} lost {}", lost.names().join(", "))).collect();
    Ok(event.with("keys_narrowed", narrowed))
}

/// Who takes keys over: the person who decides; an Owner, if that is a key, or the person who goes.
async fn heir(change: &mut Change, from: UserId) -> Result<Option<(UserId, String)>> {
    match *change.principal() {
        Principal::Member { user, .. } if user != from => Ok(Some((user, change.access().actor_name().to_owned()))),
        Principal::Member { .. } | Principal::Person { .. } | Principal::ApiKey { .. } | Principal::Nobody => {
            store::owner_other_than(change.tx(), from).await
        }
    }
}

/// Makes a link by which a member sets a new password, for installations that cannot mail one. It opens the whole
/// account, so whoever makes it must be an Owner wherever that person belongs, now and when it is used.
pub async fn make_reset_link(access: &Access, id: UserId) -> Result<ResetLink> {
    let app = access.app();
    access
        .act(Operation::TeamResetLink, Subject::unnamed("member", id), |mut change| async move {
            let person = store::person(change.tx(), id).await?.ok_or_else(Error::not_found)?;
            change.check(Target::Rank {
                organisation: change.organisation(),
                now: Some(person.role),
                next: Some(person.role),
            })?;
            let maker = change.principal().user().ok_or_else(Error::sign_in_needed)?;
            if app.mail.is_configured() {
                return Err(Error::conflict(
                    "This installation sends mail. They can ask for a link on the sign-in page.",
                ));
            }
            if maker == id {
                return Err(Error::conflict("Change your own password on your account page."));
            }
            if person.disabled {
                return Err(Error::conflict("This account is disabled."));
            }
            let maker = Maker { person: maker, organisation: change.organisation() };
            if !accounts::operations::may_reset(change.tx().system(), maker, id).await? {
                return Err(Error::new(
                    Code::PermissionDenied,
                    "A password link opens the whole account. Only somebody who is an Owner of every organisation that \
                     this person belongs to can make one.",
                ));
            }
            let token = accounts::operations::reset_token(&mut change, id, Some(maker)).await?;
            let link = Secret::new(format!("{}{}", app.public_url, routes::reset(&token)));
            let event = Event::of(named(&person)).with("reset_link", "made");
            change.commit(event, ResetLink { name: person.name, link }).await
        })
        .await
}

fn named(person: &Person) -> Subject {
    Subject::new("member", person.id, format!("{} <{}>", person.name, person.email))
}

/// Notes that the member is here, at most once a minute; `seen` is when that was last noted. Nothing depends on it, so
/// nothing fails with it.
pub async fn note_active(access: &Access, seen: Option<Timestamp>, is_last: bool) {
    let (Principal::Member { user, organisation, .. }, now) = (*access.principal(), access.now()) else { return };
    if is_last && seen.is_some_and(|seen| seen.plus(MINUTE) > now) {
        return;
    }
    let noted: Result<()> = async {
        let mut note = access.app().note_in(organisation).await?;
        store::note_active(note.tx(), user, now).await?;
        note.commit().await
    }
    .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "it could not be noted that a member is here");
    }
}
