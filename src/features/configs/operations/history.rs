//! The versions that there were: listed, compared, read, and brought back.

use super::{NewFacts, compile::sound, save};
use crate::{
    features::{
        configs::{
            model::{Detail, Saved, Versions},
            store,
        },
        versions::{Compared, Whole},
    },
    kernel::{Error, Result, Window},
    policy::Operation,
    routing,
    server::{access::Access, audit::event::Subject},
};

/// One page of a config's versions, and what differs between two of them: the newest and the one before it, unless others
/// are named.
pub async fn versions(
    access: &Access,
    slug: &str,
    was: Option<i64>,
    now: Option<i64>,
    window: Window,
) -> Result<Versions> {
    let mut tx = access.read(Operation::ConfigVersions).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let compared = Compared { current: config.current, was, now };
    let history = store::VERSIONS.history(&mut tx, config.id, compared, window, access.now(), Ok).await?;
    Ok(Versions {
        slug: config.slug,
        name: config.name,
        is_default: config.is_default,
        used: config.key_count,
        history,
    })
}

/// One page of a config's versions with their texts, for programs; and how many there are.
pub async fn whole_versions(access: &Access, slug: &str, window: Window) -> Result<(Detail, Vec<Whole>)> {
    let mut tx = access.read(Operation::ConfigVersions).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let versions = store::VERSIONS.page(&mut tx, config.id, window).await?;
    Ok((config, versions))
}

/// One version with its text.
pub async fn version(access: &Access, slug: &str, number: i64) -> Result<(Detail, Whole)> {
    let mut tx = access.read(Operation::ConfigVersion).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let whole = store::VERSIONS.one(&mut tx, config.id, number).await?.ok_or_else(Error::not_found)?;
    Ok((config, whole))
}

/// Makes a new version with the text of an old one.
pub async fn restore(access: &Access, slug: &str, number: i64) -> Result<Saved> {
    let read = async {
        let mut tx = access.read(Operation::ConfigRestore).await?;
        let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
        let old = store::VERSIONS.one(&mut tx, config.id, number).await?.ok_or_else(Error::not_found)?;
        let plan = routing::compile(&old.text);
        Ok((old, plan))
    };
    let read: Result<_> = read.await;
    access
        .act(Operation::ConfigRestore, Subject::unnamed("config", slug), |mut change| async move {
            let (old, plan) = read?;
            let now = change.now();
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            if old.text == was.text {
                let sentence =
                    format!("Version {number} has the same text as the newest. There is nothing to restore.");
                return Err(Error::conflict(sentence));
            }
            let sound = sound(&mut change, old.text, plan).await?;
            let facts = NewFacts {
                name: was.name.clone(),
                message: format!("Restored from v{number}"),
                is_default: was.is_default,
                version: was.version,
            };
            save(change, was, facts, sound).await
        })
        .await
}
