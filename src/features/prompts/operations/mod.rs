//! What can be done with prompts and partials: they are listed, read, made, changed and deleted here. What a version compiles
//! to, the versions that there were, and what a call needs of a prompt stand in files of their own, as do moves of labels,
//! folders, files, and values to try a prompt with.

use super::{
    model::{
        self, Checked, Choices, Content, Detail, Draft, Kind, MOST, NewPrompt, PromptPage, Prompts, Publish, Saved,
        UsedBy, Which,
    },
    store::{self, Facts},
};
use crate::{
    features::{
        versions::{self, NewVersion, model::parse_message},
        virtual_keys,
    },
    kernel::{Asked, Code, CollectionId, Error, Fields, PromptId, Result, Window, both, text},
    policy::Operation,
    server::{
        access::{Access, Change, Committed},
        audit::{
            self,
            event::{Event, Subject},
        },
        database::{OrgTx, listing::Page},
    },
};
use compile::{Sound, checked, compiled, components, sound};
use uuid::Uuid;

mod called;
pub mod collections;
mod compile;
pub mod files;
mod history;
pub mod labels;
pub mod run;
pub mod sets;
mod typed;

pub use called::{Stored, runnable};
pub use compile::{Reached, check, fill, in_form, reached, source};
pub use history::{restore, version, versions, whole_versions};
pub use typed::{content_of, draft_of};

/// One page of the prompts, or of the partials, that fit.
pub async fn list(access: &Access, kind: Kind, asked: &Asked, window: Window) -> Result<Prompts> {
    let mut tx = access.read(kind.acts().list).await?;
    let seen = audit::seen(&mut tx).await?;
    let folder = match asked.get("folder") {
        "" => None,
        "none" => Some(None),
        // One that there is not holds nothing.
        of => {
            Some(Some(store::collections::find(&mut tx, of).await?.map_or(CollectionId(Uuid::nil()), |found| found.id)))
        }
    };
    let Page { rows: prompts, total, window } = store::page(&mut tx, kind, asked, folder, window).await?;
    Ok(Prompts {
        seen,
        prompts,
        total,
        window,
        collections: store::folders(&mut tx).await?,
        labels: store::labels::all(&mut tx).await?.into_iter().map(|label| label.name).collect(),
        public_url: access.app().public_url.clone(),
        now: access.now(),
    })
}

/// One prompt or partial in the version that the address names: of a prompt the published one, unless it names another. Where
/// nothing is published yet, an address without a version shows the newest.
pub async fn get(access: &Access, kind: Kind, address: &str) -> Result<(Detail, Checked)> {
    let mut tx = access.read(kind.acts().get).await?;
    let detail = found(&mut tx, access, kind, address).await?;
    let components = components(&mut tx, &detail.content, kind).await?;
    Ok((detail, Checked { components, faults: vec![] }))
}

/// What an address names.
async fn found(tx: &mut OrgTx, access: &Access, kind: Kind, address: &str) -> Result<Detail> {
    let (of, which) = model::address(address);
    let mut detail = store::find(tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let number = match (store::number_of(tx, &detail, which).await?, which) {
        (None, Which::Published) if address == of => detail.current,
        (number, _) => number.ok_or_else(Error::not_found)?,
    };
    if number != detail.number {
        let whole = store::VERSIONS.one(tx, detail.id, number).await?.ok_or_else(Error::not_found)?;
        (detail.number, detail.version_id, detail.message) = (number, whole.id, whole.version.message);
        detail.content = store::content(&whole.text)?;
    }
    detail.proposals = labels::proposals(tx, access, detail.id).await?;
    Ok(detail)
}

/// One prompt or partial as its page shows it: in its newest version, unless another is asked for.
pub async fn page(access: &Access, kind: Kind, of: &str, number: Option<i64>) -> Result<PromptPage> {
    let user = access.user()?;
    let mut tx = access.read(kind.acts().get).await?;
    let seen = audit::seen(&mut tx).await?;
    let address = number.map_or_else(|| format!("{of}@latest"), |number| format!("{of}@{number}"));
    let prompt = found(&mut tx, access, kind, &address).await?;
    let checked = checked(&mut tx, &prompt.content, kind).await?;
    let used_by = users(&mut tx, kind, &prompt.slug).await?;
    let labels = store::labels::all(&mut tx).await?;
    let sets = store::sets::of(&mut tx, prompt.id, user).await?;
    let public_url = access.app().public_url.clone();
    let export = files::export(&prompt);
    Ok(PromptPage {
        prompt,
        export,
        checked,
        used_by,
        labels,
        choices: choices(&mut tx).await?,
        sets,
        seen,
        public_url,
    })
}

/// What a new prompt or partial begins with: a copy of `from`, if that is not empty.
pub async fn begin(access: &Access, kind: Kind, from: &str) -> Result<NewPrompt> {
    let mut tx = access.read(Operation::PromptDraft).await?;
    let (copy_of, content) = match from {
        "" => (None, Content::default()),
        from => {
            let source = found(&mut tx, access, kind, from).await?;
            (Some(source.name), source.content)
        }
    };
    Ok(NewPrompt { copy_of, content, choices: choices(&mut tx).await? })
}

async fn choices(tx: &mut OrgTx) -> Result<Choices> {
    Ok(Choices {
        collections: store::folders(tx).await?,
        virtual_keys: virtual_keys::slugs(tx).await?,
        partials: store::published_partials(tx).await?,
    })
}

async fn users(tx: &mut OrgTx, kind: Kind, slug: &str) -> Result<Vec<UsedBy>> {
    match kind {
        Kind::Prompt => Ok(vec![]),
        // Who is narrowed to some prompts learns of no other.
        Kind::Partial if !tx.only_prompts().is_empty() => Ok(vec![]),
        Kind::Partial => store::used_by(tx, slug).await,
    }
}

/// Refuses what a version names and there is not. Partials may come later.
async fn known_names(tx: &mut OrgTx, content: &Content) -> Result<()> {
    let slug = content.virtual_key.as_str();
    if !slug.is_empty() && virtual_keys::id_of(tx, slug).await?.is_none() {
        return Err(Error::field("virtual_key", "There is no virtual key of this name."));
    }
    Ok(())
}

/// The slug of a virtual key that a draft names; empty where there is none of this name.
async fn drafted_virtual_key(access: &Access, operation: Operation, slug: &str) -> Result<String> {
    let mut tx = access.read(operation).await?;
    let is_there = virtual_keys::id_of(&mut tx, slug).await?.is_some();
    Ok(if is_there { slug.to_owned() } else { String::new() })
}

/// The folder that is named; none where nothing is.
async fn folder(tx: &mut OrgTx, of: &str) -> Result<Option<CollectionId>> {
    if of.is_empty() {
        return Ok(None);
    }
    let found = store::collections::find(tx, of).await?;
    found.map(|found| Some(found.id)).ok_or_else(|| Error::field("collection_id", "There is no folder of this name."))
}

fn subject(kind: Kind, slug: &str, name: &str) -> Subject {
    Subject::new(kind.name(), slug, name)
}

/// Makes a prompt or partial and its first version. Its slug never changes.
///
/// # Errors
/// That of `draft`, which is recorded as a failed act, and every fault of what it holds.
pub async fn create(access: &Access, kind: Kind, draft: Result<Draft>) -> Result<Saved> {
    let acts = kind.acts();
    let compiled = match &draft {
        Ok(draft) => compiled(access, acts.create, kind, &draft.content).await,
        Err(error) => Err(error.clone()),
    };
    access
        .act(acts.create, Subject::unnamed(kind.name(), ""), |mut change| async move {
            let draft = draft?;
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let message = fields.take("message", parse_message(&draft.message));
            let chosen = draft.slug.trim();
            let slug = match (chosen, kind) {
                ("", Kind::Prompt) => Some(versions::new_slug("pp", draft.name.trim(), "prompt")),
                ("", Kind::Partial) => Some(versions::new_slug("partial", draft.name.trim(), "text")),
                (chosen, _) => fields.take("slug", model::parse_slug(chosen)),
            };
            let known = known_names(change.tx(), &draft.content).await;
            let folder = both(known, folder(change.tx(), &draft.collection).await);
            let (values, (sound, ((), folder))) =
                both(fields.build(|| Some((name?, message?, slug?))), both(compiled?, folder))?;
            let (name, message, slug) = values;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            // It could do nothing with what it makes, and would learn which slugs are taken.
            if kind == Kind::Prompt && !change.tx().only_prompts().is_empty() {
                return Err(store::not_allowed(&slug));
            }
            if store::count(change.tx(), kind).await? >= MOST {
                return Err(Error::conflict(format!("An organisation can have at most {MOST} {}.", kind.plural())));
            }
            let id = PromptId::new();
            let facts = Facts { name: &name, collection: folder, is_strict: draft.is_strict, current: 1, by: &by };
            if !store::insert(change.tx(), kind, id, &slug, &facts, now).await? {
                return Err(Error { code: Code::Conflict, ..Error::field("slug", "This slug is taken.") });
            }
            let version = Uuid::now_v7();
            let new = NewVersion { number: 1, id: version, text: &sound.body, message: &message, by: &by };
            store::insert_version(change.tx(), id, &new, &sound.partials, now).await?;
            let event = versions::events::made(subject(kind, &slug, &name), &name, &sound.body);
            let event = labels::published(&mut change, kind, id, (None, 1), draft.publish, event).await?;
            let saved = Saved { id, slug, number: 1, version_id: version.to_string(), is_new: true };
            change.commit(event, saved).await
        })
        .await
}

/// Changes a prompt or partial to what `edit` makes of the stored one. Another content makes a new version, which is published
/// only where that is asked for. `version` is the one that was read (none: whatever is there); another one by now is refused.
pub async fn update(
    access: &Access,
    kind: Kind,
    of: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Detail) -> Result<Draft>,
) -> Result<Saved> {
    let acts = kind.acts();
    let read = async {
        let mut tx = access.read(acts.update).await?;
        let stored = store::find(&mut tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
        drop(tx);
        let draft = edit(&stored)?;
        let sound = sound(kind, &draft.content);
        Ok((stored.version, draft, sound))
    };
    let read: Result<_> = read.await;
    access
        .act(acts.update, Subject::unnamed(kind.name(), of), |mut change| async move {
            let (read, draft, sound) = read?;
            let now = change.now();
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let message = fields.take("message", parse_message(&draft.message));
            let known = match draft.content.virtual_key == was.content.virtual_key {
                // What is stored may name one that is gone by now; that is no fault of this change.
                true => Ok(()),
                false => known_names(change.tx(), &draft.content).await,
            };
            let folder = both(known, folder(change.tx(), &draft.collection).await);
            let (values, (sound, ((), folder))) = both(fields.build(|| Some((name?, message?))), both(sound, folder))?;
            let (name, message) = values;
            let facts = NewFacts {
                name,
                message,
                folder,
                is_strict: draft.is_strict,
                publish: draft.publish,
                version: version.unwrap_or(read),
            };
            save(change, was, facts, (draft.content, sound)).await
        })
        .await
}

struct NewFacts {
    name: String,
    message: String,
    folder: Option<CollectionId>,
    is_strict: bool,
    publish: Publish,
    /// The version of the row that the change is of.
    version: i64,
}

/// Stores what a prompt becomes, with a new version where its content is another.
async fn save(
    mut change: Change,
    was: Detail,
    facts: NewFacts,
    (content, sound): (Content, Sound),
) -> Result<Committed<Saved>> {
    let (now, by, kind) = (change.now(), change.access().actor_name().to_owned(), was.kind);
    let is_new = content != was.content;
    let number = versions::next(&text::capital(kind.one()), was.current, is_new)?;
    let row =
        Facts { name: &facts.name, collection: facts.folder, is_strict: facts.is_strict, current: number, by: &by };
    if !store::update(change.tx(), was.id, facts.version, &row, now).await? {
        return Err(Error::stale());
    }
    let folder_name = |folder: Option<CollectionId>| folder.map_or(serde_json::Value::Null, |id| id.to_string().into());
    let mut event = Event::of(subject(kind, &was.slug, &was.name))
        .change("name", was.name.as_str(), facts.name.as_str())
        .change("collection", folder_name(was.collection.as_ref().map(|(id, _)| *id)), folder_name(facts.folder))
        .change("strict", was.is_strict, facts.is_strict)
        .change("version", was.current, number);
    let mut version_id = was.version_id.clone();
    if is_new {
        let id = Uuid::now_v7();
        version_id = id.to_string();
        let new = NewVersion { number, id, text: &sound.body, message: &facts.message, by: &by };
        store::insert_version(change.tx(), was.id, &new, &sound.partials, now).await?;
        let old = serde_json::to_string(&was.content).map_err(|_| Error::internal())?;
        event = versions::events::followed(event, &old, &new);
    }
    if was.published() != Some(number) {
        let from = was.published();
        event = labels::published(&mut change, kind, was.id, (from, number), facts.publish, event).await?;
    }
    change.commit(event, Saved { id: was.id, slug: was.slug, number, version_id, is_new }).await
}

/// Deletes a prompt with its versions, or a partial that no prompt names.
pub async fn delete(access: &Access, kind: Kind, of: &str) -> Result<()> {
    access
        .act(kind.acts().delete, Subject::unnamed(kind.name(), of), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), kind, of, now).await?.ok_or_else(Error::not_found)?;
            let users = users(change.tx(), kind, &was.slug).await?;
            if !users.is_empty() {
                let names = versions::names(users.iter().map(|user| user.name.as_str()).collect());
                return Err(Error::conflict(format!("It stands in: {names}. Take it out of them first.")));
            }
            if !store::delete(change.tx(), was.id, &by, now).await? {
                return Err(Error::not_found());
            }
            let body = serde_json::to_string(&was.content).map_err(|_| Error::internal())?;
            let subject = subject(kind, &was.slug, &was.name);
            change.commit(versions::events::deleted(subject, &was.slug, was.current, &body), ()).await
        })
        .await
}
