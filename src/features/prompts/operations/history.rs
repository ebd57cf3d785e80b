//! The versions that there were: listed, compared, read, and brought back.

use super::{NewFacts, compile::sound, known_names, labels, save, users};
use crate::{
    features::{
        prompts::{
            model::{Detail, Kind, Publish, Saved, Versions},
            store,
        },
        versions::{Compared, Whole},
    },
    kernel::{Error, PromptId, Result, Window},
    policy::Operation,
    prompts,
    server::{access::Access, audit::event::Subject, database::OrgTx},
};

/// One page of versions, the moves of labels, and what differs between two versions: where production stands and the newest,
/// unless others are named.
pub async fn versions(
    access: &Access,
    kind: Kind,
    of: &str,
    was: Option<i64>,
    now: Option<i64>,
    window: Window,
) -> Result<Versions> {
    let mut tx = access.read(kind.acts().versions).await?;
    let prompt = store::find(&mut tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let newest = now.unwrap_or(prompt.current);
    let was = was.or_else(|| prompt.published().filter(|published| *published < newest));
    let compared = Compared { current: prompt.current, was, now };
    let plain = |whole: Whole| plain(kind, whole);
    let history = store::VERSIONS.history(&mut tx, prompt.id, compared, window, access.now(), plain).await?;
    Ok(Versions {
        kind,
        proposals: labels::proposals(&mut tx, access, prompt.id).await?,
        labels: store::labels::all(&mut tx).await?,
        moves: store::labels::moves(&mut tx, prompt.id).await?,
        used_by: users(&mut tx, kind, &prompt.slug).await?,
        slug: prompt.slug,
        name: prompt.name,
        pointers: prompt.labels,
        history,
    })
}

/// A version as lines for people.
fn plain(kind: Kind, whole: Whole) -> Result<Whole> {
    let content = store::content(&whole.text)?;
    let mut text = match kind {
        Kind::Partial => content.string,
        Kind::Prompt => prompts::plain(&content.string),
    };
    for (name, value) in [("model", &content.model), ("virtual key", &content.virtual_key)] {
        if !value.is_empty() {
            text.push_str(&format!("\n{name}: {value}"));
        }
    }
    for (name, value) in content.parameters.as_object().into_iter().flatten() {
        text.push_str(&format!("\n{name}: {value}"));
    }
    for (name, value) in
        [("functions", &content.functions), ("tools", &content.tools), ("tool_choice", &content.tool_choice)]
    {
        if !value.is_null() {
            text.push_str(&format!("\n{name}: {}", serde_json::to_string_pretty(value).unwrap_or_default()));
        }
    }
    Ok(Whole { text, ..whole })
}

/// One page of versions with what they hold, for programs.
pub async fn whole_versions(access: &Access, kind: Kind, of: &str, window: Window) -> Result<(Detail, Vec<Whole>)> {
    let mut tx = access.read(kind.acts().versions).await?;
    let prompt = store::find(&mut tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let versions = store::VERSIONS.page(&mut tx, prompt.id, window).await?;
    Ok((prompt, versions))
}

/// One version with what it holds, by its number or id.
pub async fn version(access: &Access, of: &str, version: &str) -> Result<(Detail, Whole)> {
    let mut tx = access.read(Operation::PromptVersion).await?;
    version_of(&mut tx, access, Kind::Prompt, of, version).await
}

async fn version_of(tx: &mut OrgTx, access: &Access, kind: Kind, of: &str, version: &str) -> Result<(Detail, Whole)> {
    let prompt = store::find(tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let number = number_of(tx, prompt.id, version).await?.ok_or_else(Error::not_found)?;
    let whole = store::VERSIONS.one(tx, prompt.id, number).await?.ok_or_else(Error::not_found)?;
    Ok((prompt, whole))
}

/// The number that a caller means by a number or by the id of a version.
pub(super) async fn number_of(tx: &mut OrgTx, prompt: PromptId, version: &str) -> Result<Option<i64>> {
    match version.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => store::number_by_id(tx, prompt, version).await,
    }
}

/// Makes a new version with the content of an old one. It is not published.
pub async fn restore(access: &Access, kind: Kind, of: &str, version: &str) -> Result<Saved> {
    let acts = kind.acts();
    let read = async {
        let mut tx = access.read(acts.restore).await?;
        let (prompt, old) = version_of(&mut tx, access, kind, of, version).await?;
        drop(tx);
        let content = store::content(&old.text)?;
        let sound = sound(prompt.kind, &content);
        Ok((old.version.number, content, sound))
    };
    let read: Result<_> = read.await;
    access
        .act(acts.restore, Subject::unnamed(kind.name(), of), |mut change| async move {
            let (number, content, sound) = read?;
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            if content == was.content {
                let sentence = format!("Version {number} holds the same as the newest. There is nothing to restore.");
                return Err(Error::conflict(sentence));
            }
            known_names(change.tx(), &content).await?;
            let facts = NewFacts {
                name: was.name.clone(),
                message: format!("Restored from v{number}"),
                folder: was.collection.as_ref().map(|(id, _)| *id),
                is_strict: was.is_strict,
                publish: Publish::No,
                version: was.version,
            };
            save(change, was, facts, (content, sound?)).await
        })
        .await
}
