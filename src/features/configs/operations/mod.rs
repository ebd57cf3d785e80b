//! What can be done with configs: they are listed, read, made, changed and deleted here. What a text compiles to, dry runs, and
//! the versions that there were stand in files of their own.

use super::{
    model::{self, ConfigPage, Configs, Detail, Draft, MOST, NewConfig, Saved, Start, TryForm},
    store::{self, Facts},
};
use crate::{
    features::{
        guardrails,
        versions::{self, NewVersion, model::parse_message},
        virtual_keys,
    },
    kernel::{Asked, ConfigId, Error, Fields, Result, Window, both},
    policy::{Operation, Target},
    routing::{self, Fault, Plan},
    server::{
        access::{Access, Change, Committed},
        audit::{
            self,
            event::{Event, Subject},
        },
        database::{OrgTx, listing::Page},
    },
};
use compile::{Sound, Uses, checked, compiled, sound};
use uuid::Uuid;

mod compile;
mod dry_run;
mod history;

pub use compile::{check, in_form};
pub use dry_run::{answer, try_stored, try_text};
pub use history::{restore, version, versions, whole_versions};

/// One page of the configs that fit.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<Configs> {
    let mut tx = access.read(Operation::ConfigsList).await?;
    let seen = audit::seen(&mut tx).await?;
    let Page { rows: configs, total, window } = store::page(&mut tx, asked, window, access.now()).await?;
    Ok(Configs { seen, configs, total, window, now: access.now() })
}

/// One config with the text of its newest version.
pub async fn get(access: &Access, slug: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::ConfigGet).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    Ok(seen_by(access, &tx, config))
}

/// Whoever may not list API keys learns of none from a config that they use.
fn seen_by(access: &Access, tx: &OrgTx, config: Detail) -> Detail {
    let lists_keys = access.check(Operation::ApiKeysList, Target::In(tx.organisation())).is_ok();
    Detail { keys: if lists_keys { config.keys } else { vec![] }, lists_keys, ..config }
}

/// One config as its page shows it: what is said of `draft`, or of what is stored where it is empty, and a dry run of that
/// if one is asked for.
pub async fn page(access: &Access, slug: &str, draft: &str, typed: &TryForm) -> Result<ConfigPage> {
    let mut tx = access.read(Operation::ConfigGet).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let config = seen_by(access, &tx, config);
    let text = if draft.is_empty() { config.text.clone() } else { model::parse_text(draft) };
    let checked = checked(&mut tx, &text).await?;
    let (mut tried, mut not_tried) = (None, None);
    if typed.dry == "yes" {
        match dry_run::supposed(typed).and_then(|supposed| dry_run::explained(&text, &checked, &supposed)) {
            Ok(found) => tried = Some(found),
            Err(error) => not_tried = Some(error.message),
        }
    }
    Ok(ConfigPage { config, checked, tried, not_tried })
}

/// What a new config begins with.
pub async fn begin(access: &Access, start: &str, from: &str, draft: &str) -> Result<NewConfig> {
    let mut tx = access.read(Operation::ConfigDraft).await?;
    let source = match from {
        "" => None,
        from => Some(store::by_slug(&mut tx, from, access.now()).await?.ok_or_else(Error::not_found)?),
    };
    let (copy_of, stored) = match source {
        Some(config) => (Some(config.name), config.text),
        None => (None, Start::named(start).text(&virtual_keys::slugs(&mut tx).await?)),
    };
    let shown = if draft.is_empty() { stored.clone() } else { model::parse_text(draft) };
    let checked = checked(&mut tx, &shown).await?;
    Ok(NewConfig { text: stored, copy_of, checked })
}

fn subject(config: &Detail) -> Subject {
    Subject::new("config", &config.slug, &config.name)
}

/// Makes a config and its first version. Its slug is made of the name and never changes.
pub async fn create(access: &Access, draft: Draft) -> Result<Detail> {
    let text = model::parse_text(&draft.config);
    let plan = compiled(access, Operation::ConfigCreate, &text).await;
    access
        .act(Operation::ConfigCreate, Subject::unnamed("config", ""), |mut change| async move {
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let message = fields.take("message", parse_message(&draft.message));
            let sound = sound(&mut change, text, plan?).await;
            let ((name, message), sound) = both(fields.build(|| Some((name?, message?))), sound)?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            if store::count(change.tx()).await? >= MOST {
                return Err(Error::conflict(format!("An organisation can have at most {MOST} configs.")));
            }
            let is_default = draft.is_default == "yes";
            let default_before = if is_default { store::clear_default(change.tx()).await? } else { None };
            let (id, slug) = (ConfigId::new(), versions::new_slug("pc", &name, "config"));
            if !store::insert(change.tx(), id, (&slug, &name), is_default, &by, now).await? {
                return Err(Error::unavailable());
            }
            let new = NewVersion { number: 1, id: Uuid::now_v7(), text: &sound.text, message: &message, by: &by };
            store::VERSIONS.insert(change.tx(), id, &new, now).await?;
            note_uses(&mut change, id, &sound.uses).await?;
            let made = store::by_slug(change.tx(), &slug, now).await?.ok_or_else(Error::internal)?;
            let event = versions::events::made(subject(&made), &name, &sound.text).change("default", false, is_default);
            let event = match default_before {
                Some(slug) => event.with("default_before", slug),
                None => event,
            };
            change.commit(event, made).await
        })
        .await
}

/// Changes a config to what `edit` makes of the stored one. Another text makes a new version. `version` is the one that
/// was read (none: whatever is there); another one by now is refused.
pub async fn update(
    access: &Access,
    slug: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Detail) -> Draft,
) -> Result<Saved> {
    let edited = edited(access, slug, edit).await;
    access
        .act(Operation::ConfigUpdate, Subject::unnamed("config", slug), |mut change| async move {
            let (read, draft, text, plan) = edited?;
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let message = fields.take("message", parse_message(&draft.message));
            let now = change.now();
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            let sound = match plan {
                Some(plan) => sound(&mut change, text, plan).await,
                None => Ok(Sound { text: was.text.clone(), uses: Uses::default() }),
            };
            let ((name, message), sound) = both(fields.build(|| Some((name?, message?))), sound)?;
            let is_default = match draft.is_default.as_str() {
                "yes" => true,
                "no" => false,
                _ => was.is_default,
            };
            let facts = NewFacts { name, message, is_default, version: version.unwrap_or(read) };
            save(change, was, facts, sound).await
        })
        .await
}

/// The version that was read, the config as it shall become, its text, and what that compiles to where it is another.
async fn edited(
    access: &Access,
    slug: &str,
    edit: impl FnOnce(&Detail) -> Draft,
) -> Result<(i64, Draft, String, Option<std::result::Result<Plan, Vec<Fault>>>)> {
    let mut tx = access.read(Operation::ConfigUpdate).await?;
    let stored = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    drop(tx);
    let draft = edit(&stored);
    let text = model::parse_text(&draft.config);
    let plan = (text != stored.text).then(|| routing::compile(&text));
    Ok((stored.version, draft, text, plan))
}

/// Notes what the newest version names.
async fn note_uses(change: &mut Change, config: ConfigId, uses: &Uses) -> Result<()> {
    store::set_uses(change.tx(), config, &uses.virtual_keys).await?;
    guardrails::set_uses(change.tx(), config, &uses.guardrails).await
}

struct NewFacts {
    name: String,
    message: String,
    is_default: bool,
    /// The version of the row that the change is of.
    version: i64,
}

/// Stores what a config becomes, with a new version where the text is another.
async fn save(mut change: Change, was: Detail, facts: NewFacts, sound: Sound) -> Result<Committed<Saved>> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let NewFacts { name, message, is_default, version } = facts;
    let is_new = sound.text != was.text;
    let number = versions::next("A config", was.current, is_new)?;
    let default_before = if is_default && !was.is_default { store::clear_default(change.tx()).await? } else { None };
    let row = Facts { name: &name, is_default, current: number, by: &by };
    if !store::update(change.tx(), was.id, version, &row, now).await? {
        return Err(Error::stale());
    }
    let mut event = Event::of(subject(&was))
        .change("name", was.name.as_str(), name.as_str())
        .change("default", was.is_default, is_default)
        .change("version", was.current, number);
    if let Some(slug) = default_before {
        event = event.with("default_before", slug);
    }
    let mut version_id = was.version_id;
    if is_new {
        let id = Uuid::now_v7();
        version_id = id.to_string();
        let new = NewVersion { number, id, text: &sound.text, message: &message, by: &by };
        store::VERSIONS.insert(change.tx(), was.id, &new, now).await?;
        note_uses(&mut change, was.id, &sound.uses).await?;
        event = versions::events::followed(event, &was.text, &new);
    }
    change.commit(event, Saved { number, version_id, is_new }).await
}

/// Deletes a config with its versions. One that API keys have as theirs, or that new keys begin with, is kept.
pub async fn delete(access: &Access, slug: &str) -> Result<()> {
    access
        .act(Operation::ConfigDelete, Subject::unnamed("config", slug), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::by_slug(change.tx(), slug, now).await?.ok_or_else(Error::not_found)?;
            if let Some(sentence) = kept(&was) {
                return Err(Error::conflict(sentence));
            }
            guardrails::set_uses(change.tx(), was.id, &[]).await?;
            if !store::delete(change.tx(), was.id, &by, now).await? {
                return Err(Error::not_found());
            }
            let event = versions::events::deleted(subject(&was), &was.slug, was.current, &was.text);
            change.commit(event, ()).await
        })
        .await
}

/// Why a config cannot be deleted, if it cannot.
fn kept(config: &Detail) -> Option<String> {
    if config.key_count > 0 {
        let names = versions::names(config.keys.iter().map(|key| key.name.as_str()).collect());
        return Some(format!("It is the config of API keys: {names}. Give them another first."));
    }
    config
        .is_default
        .then(|| "It is the default for new API keys. Make another config the default first, or none.".to_owned())
}
