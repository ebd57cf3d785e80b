//! A new secret for an old key.

use super::{
    change::{lost, minted, moment, with_example, within_own_life},
    changeable,
    narrow::{ALL, obeys},
    new_secret, subject,
};
use crate::{
    features::{
        api_keys::{
            model::{Expiry, Key, LONGEST_OVERLAP, Minted},
            rules::Judged,
            store,
        },
        limits,
    },
    kernel::{Error, KeyId, Result},
    policy::{Operation, Target},
    server::{
        access::Access,
        audit::event::{Event, Subject},
        crypto::KeyKind,
    },
};
use uuid::Uuid;

/// How a key is rotated.
#[derive(Default)]
pub struct Rotation {
    /// Milliseconds for which the old secret lives on. None: it was not said in words that are known.
    pub overlap: Option<i64>,
    /// The key's end: a rotation is a good moment to set another.
    pub expiry: Option<Expiry>,
    pub submission: Option<Uuid>,
}

/// Gives a key a new secret, this once; the old one lives on for the overlap. At most two live at a time. How it is rotated
/// is read once the caller is known to be allowed.
pub async fn rotate(access: &Access, id: KeyId, rotation: impl FnOnce() -> Result<Rotation>) -> Result<Minted> {
    access
        .act(Operation::ApiKeyRotate, Subject::unnamed("api_key", id), |mut change| async move {
            let now = change.now();
            let rotation = rotation()?;
            let overlap = match rotation.overlap {
                Some(overlap) if (0..=LONGEST_OVERLAP).contains(&overlap) => overlap,
                Some(_) => return Err(Error::field("overlap", "The old secret can live on for 7 days at most.")),
                None => return Err(Error::field("overlap", "Choose how long the old secret shall live on.")),
            };
            let (key, _) = changeable(&mut change, id, |key| Ok(key.permissions)).await?;
            // Whoever learns the new secret may use what that key may.
            limits::free_to_act(&mut change).await?;
            change
                .once(rotation.submission)
                .await
                .map_err(|error| lost(error, "The key was rotated", "Reload this page and rotate the key again."))?;
            if let Some(old) = &key.old {
                return Err(Error::conflict(format!(
                    "The old secret still works until {}. End it first: a key has two secrets at most.",
                    old.until.date_time()
                )));
            }
            let expiry = rotation.expiry.unwrap_or(Expiry::Keep);
            let expires_at = expiry.end(key.expires_at, now).map_err(|sentence| Error::field("expiry", sentence))?;
            if expires_at.is_some_and(|end| end <= now) {
                return Err(Error::field("expiry", "This key has expired. Give it a later end."));
            }
            // The new secret is known to whoever asks.
            within_own_life(&mut change, expires_at).await?;
            let judged = Judged { master: key.master, made_at: now, end: expires_at, has_budget: key.has_budget };
            obeys(&mut change, judged, ALL, None).await?;
            if expires_at != key.expires_at {
                // Another end is an edit, and asks for the right to edit.
                let organisation = change.organisation();
                let (held, itself) = (key.permissions, change.own_key() == Some(id));
                let target = Target::Key { organisation, now: held, next: held, itself };
                change.access().check(Operation::ApiKeyUpdate, target)?;
                store::set_expiry(change.tx(), id, expires_at).await?;
            }
            let until = now.plus(overlap);
            store::retire_secret(change.tx(), id, until, now).await?;
            let kind = if key.master { KeyKind::Master } else { KeyKind::Standard };
            let secret = new_secret(&mut change, id, kind).await?;
            let event = Event::of(subject(&key))
                .change("secret", key.secret.text(), "changed")
                .with("old_secret_until", until.rfc3339())
                .change("expires_at", moment(key.expires_at), moment(expires_at));
            let old_until = (until > now).then_some(until);
            let Key { name, permissions, .. } = key;
            let minted = minted(change.access(), id, name, secret, permissions, expires_at, old_until);
            let narrowing = store::narrowing::of(change.tx(), id).await?;
            let minted = with_example(&mut change, &narrowing, minted).await?;
            change.commit(event, minted).await
        })
        .await
}

/// Ends the old secret of a key now.
pub async fn end_overlap(access: &Access, id: KeyId) -> Result<()> {
    access
        .act(Operation::ApiKeyEndOverlap, Subject::unnamed("api_key", id), |mut change| async move {
            let now = change.now();
            let (key, _) = changeable(&mut change, id, |key| Ok(key.permissions)).await?;
            let Some(old) = &key.old else { return Err(Error::conflict("No old secret of this key works any more.")) };
            store::end_overlap(change.tx(), id, now).await?;
            let event = Event::of(subject(&key)).change("old_secret_until", old.until.rfc3339(), now.rfc3339());
            change.commit(event, ()).await
        })
        .await
}
