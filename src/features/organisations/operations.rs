//! What can be done with organisations.

mod change;
mod keys;

pub use change::{check_slug, check_slug_change, create, get, keep_texts, restrict, settings, update};
pub use keys::{KeyPolicyEdit, set_key_policy};

use super::{
    model::{Belonging, Membership, View},
    store,
};
use crate::{
    features::{accounts, api_keys, team},
    kernel::{Error, KeyId, Result, Secret, Timestamp, UserId, listing::without_secret, text},
    policy::{Operation, Principal, Role},
    server::{
        access::{Access, App, Change},
        database::Tx,
    },
    site::Place,
};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Makes the organisation of a change, with its Owner and its master key. Gives the key's id, and its secret this once.
pub async fn found(change: &mut Change, owner: UserId, name: &str, slug: &str) -> Result<(KeyId, Secret)> {
    let (now, id) = (change.now(), change.organisation());
    if !store::insert(change.tx().system(), id, slug, name, now).await? {
        return Err(Error::field("new_slug", "Another organisation has this short name."));
    }
    team::join(change.tx(), owner, Role::Owner, now).await?;
    api_keys::operations::make_master(change).await
}

/// A slug made from a name that nobody has.
pub async fn free_slug(tx: &mut Tx, name: &str, now: Timestamp) -> Result<String> {
    let base = match text::slug(name) {
        slug if slug.len() < 2 => String::from("organisation"),
        slug => slug,
    };
    for slug in text::numbered_slugs(&base) {
        if !store::slug_is_taken(tx, &slug, now).await? {
            return Ok(slug);
        }
    }
    Err(Error::conflict("No short name is free for this organisation's name."))
}

/// Everything that the frame shows to somebody who has opened a page of the organisation.
pub async fn view(access: &Access) -> Result<View> {
    frame(access, true).await
}

/// Everything that the frame shows. `is_here`: it is one of the organisation's own pages.
async fn frame(access: &Access, is_here: bool) -> Result<View> {
    let Principal::Member { user, organisation, role } = *access.principal() else {
        return Err(Error::sign_in_needed());
    };
    let mut tx = access.read(Operation::OrganisationView).await?;
    let owners = team::owners(&mut tx).await?;
    let own = store::by_id(tx.system(), organisation).await?.ok_or_else(Error::not_found)?;
    let account = accounts::by_id(tx.system(), user).await?.ok_or_else(Error::sign_in_needed)?;
    let seen = team::active_at(&mut tx, user).await?;
    drop(tx);
    let mut tx = access.read_account(Operation::OrganisationLast).await?;
    let (last, places) = team::last_used(&mut tx, user).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    if is_here {
        team::operations::note_active(access, seen, last == own.slug).await;
    }
    let invitations = team::invitations::joining::mine(access).await?;
    let place = Place { organisation, slug: own.slug, name: own.name, user, role, owners };
    Ok(View { place, person: account.name, email: account.email, places, invitations })
}

/// The frame around pages that belong to no organisation: that of the organisation `near`, if the person belongs there,
/// else of the one that they used last. None: they belong to none.
pub async fn last(access: Access, near: &str) -> Result<Option<View>> {
    let mut tx = access.read_account(Operation::OrganisationLast).await?;
    let last = team::last_used(&mut tx, access.user()?).await?;
    drop(tx);
    let Some((slug, _)) = last else { return Ok(None) };
    if !near.is_empty()
        && let Ok(inside) = access.clone().enter(near).await
    {
        return frame(&inside, false).await.map(Some);
    }
    frame(&access.enter(&slug).await?, false).await.map(Some)
}

/// Where the signed-in person belongs.
pub async fn list(access: &Access) -> Result<Vec<Membership>> {
    let mut tx = access.read_account(Operation::OrganisationsList).await?;
    let memberships = team::memberships(&mut tx, access.user()?).await?;
    Ok(memberships.into_iter().map(|(slug, name, role)| Membership { slug, name, role }).collect())
}

/// Where the signed-in person belongs and whose name or slug has `wanted` in it, whatever the case and accents.
pub async fn search(access: &Access, wanted: &str) -> Result<Belonging> {
    let mut memberships = list(access).await?;
    let total = memberships.len();
    let wanted = fold(text::cut(without_secret("q", wanted).trim(), 100));
    memberships.retain(|m| fold(&m.name).contains(&wanted) || m.slug.contains(&wanted));
    Ok(Belonging { memberships, total, submission: uuid::Uuid::new_v4() })
}

/// The names of the organisations that a person belongs to, for what must not equal one of them.
pub async fn names_of(app: &App, user: UserId) -> Result<Vec<String>> {
    let mut tx = app.db.read_as(user).await?;
    Ok(team::memberships(&mut tx, user).await?.into_iter().map(|(_, name, _)| name).collect())
}

/// A text without case and accents, for searching.
fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_do_not_matter() {
        assert_eq!(fold("Caf\u{e9} \u{c5}ngstr\u{f6}m"), fold("CAFE\u{301} angstrom"));
        assert!(fold("Z\u{fc}rich Re").contains(&fold("zurich")));
        assert_ne!(fold("a"), fold("b"));
    }
}
