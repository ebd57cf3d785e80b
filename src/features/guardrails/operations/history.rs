//! The versions that there were: listed, compared, read, and brought back.

use super::{
    NewFacts,
    definition::{definition, sound},
    found, may_change, sampled, save,
};
use crate::{
    features::{
        guardrails::{
            model::{Detail, Saved, Versions},
            store,
        },
        versions::{Compared, Whole},
    },
    kernel::{Error, Result, Window},
    policy::Operation,
    server::{access::Access, audit::event::Subject},
};

/// One page of a guardrail's versions, and what differs between two of them: the newest and the one before it, unless
/// others are named.
pub async fn versions(
    access: &Access,
    of: &str,
    was: Option<i64>,
    now: Option<i64>,
    window: Window,
) -> Result<Versions> {
    let mut tx = access.read(Operation::GuardrailVersions).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let compared = Compared { current: guardrail.current, was, now };
    let history = store::VERSIONS.history(&mut tx, guardrail.id, compared, window, access.now(), Ok).await?;
    Ok(Versions { guardrail, history })
}

/// One page of a guardrail's versions with their texts, for programs.
pub async fn whole_versions(access: &Access, of: &str, window: Window) -> Result<(Detail, Vec<Whole>)> {
    let mut tx = access.read(Operation::GuardrailVersions).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let versions = store::VERSIONS.page(&mut tx, guardrail.id, window).await?;
    Ok((guardrail, versions))
}

/// One version with its text.
pub async fn version(access: &Access, of: &str, number: i64) -> Result<(Detail, Whole)> {
    let mut tx = access.read(Operation::GuardrailVersion).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let whole = store::VERSIONS.one(&mut tx, guardrail.id, number).await?.ok_or_else(Error::not_found)?;
    Ok((guardrail, whole))
}

/// Makes a new version with the definition of an old one.
pub async fn restore(access: &Access, of: &str, number: i64) -> Result<Saved> {
    let read = async {
        let mut tx = access.read(Operation::GuardrailRestore).await?;
        let stored = store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?;
        let old = store::VERSIONS.one(&mut tx, stored.id, number).await?.ok_or_else(Error::not_found)?;
        let samples = store::samples(&mut tx, stored.id).await?;
        drop(tx);
        let sound = sound(access, &definition(&old.text));
        let sampled = sampled(access, &sound, &samples).await;
        Ok((sound, sampled))
    };
    let read: Result<_> = read.await;
    access
        .act(Operation::GuardrailRestore, Subject::unnamed("guardrail", of), |mut change| async move {
            let (sound, sampled) = read?;
            let now = change.now();
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            may_change(&change, &was)?;
            let sound = sound?;
            if sound.text == was.text {
                let sentence = format!("Version {number} is the same as the newest. There is nothing to restore.");
                return Err(Error::conflict(sentence));
            }
            let facts = NewFacts {
                name: was.name.clone(),
                description: was.description.clone(),
                message: format!("Restored from v{number}"),
                version: was.version,
            };
            save(change, was, facts, sound, sampled).await
        })
        .await
}
