//! What can be done with configs.

use super::{
    model::{
        self, Checked, ConfigPage, Configs, Detail, Draft, MOST, NewConfig, Saved, Start, TryForm,
        Versions,
    },
    store::{self, Facts},
};
use crate::guardrails::Side;
use crate::{
    features::{
        guardrails,
        versions::{self, Compared, NewVersion, Whole, model::{MOST as MOST_VERSIONS, parse_message}},
        virtual_keys,
    },
    kernel::{Asked, Code, ConfigId, Error, FieldError, Fields, GuardrailId, Result, VirtualKeyId, Window, both, text},
    policy::{Operation, Target},
    routing::{self, Answer, Explanation, Fault, Plan, Reference, Supposed},
    server::{
        access::{Access, Change},
        audit::{
            self,
            event::{Event, Subject},
        },
        database::{OrgTx, listing::Page},
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The field that holds a config's text, in forms and in JSON.
const TEXT: &str = "config";

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
pub async fn page(access: &Access, slug: &str, draft: &str, dry_run: &TryForm) -> Result<ConfigPage> {
    let mut tx = access.read(Operation::ConfigGet).await?;
    let config = store::by_slug(&mut tx, slug, access.now()).await?.ok_or_else(Error::not_found)?;
    let config = seen_by(access, &tx, config);
    let text = if draft.is_empty() { config.text.clone() } else { model::parse_text(draft) };
    let checked = checked(&mut tx, &text).await?;
    let (mut tried, mut not_tried) = (None, None);
    if dry_run.dry == "yes" {
        match supposed(dry_run).and_then(|supposed| explained(&text, &checked, &supposed)) {
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

/// What is said of a text that is not saved.
pub async fn check(access: &Access, text: &str) -> Result<Checked> {
    let mut tx = access.read(Operation::ConfigCheck).await?;
    checked(&mut tx, &model::parse_text(text)).await
}

/// Which way a request would take under a config as it is stored. Nobody is called, and nothing is counted.
pub async fn try_stored(access: &Access, slug: &str, supposed: &Supposed) -> Result<Explanation> {
    let mut tx = access.read(Operation::ConfigTry).await?;
    let stored = store::stored(&mut tx, slug).await?.ok_or_else(Error::not_found)?;
    let checked = checked(&mut tx, &stored.text).await?;
    explained(&stored.text, &checked, supposed)
}

/// The same under a text that is not saved.
pub async fn try_text(access: &Access, text: &str, dry_run: &TryForm) -> Result<Explanation> {
    let mut tx = access.read(Operation::ConfigTry).await?;
    let (text, supposed) = (model::parse_text(text), supposed(dry_run)?);
    let checked = checked(&mut tx, &text).await?;
    explained(&text, &checked, &supposed)
}

fn explained(text: &str, checked: &Checked, supposed: &Supposed) -> Result<Explanation> {
    match routing::compile(text) {
        Ok(plan) if checked.faults.is_empty() => Ok(routing::explain(&plan, supposed)),
        _ => Err(Error::field(TEXT, "The config has faults. Correct them first.")),
    }
}

/// What a dry run supposes, of what was typed.
fn supposed(typed: &TryForm) -> Result<Supposed> {
    let mut fields = Fields::default();
    let metadata = match typed.metadata.trim() {
        "" => Some(BTreeMap::new()),
        text if text.chars().count() > model::METADATA_LIMIT => {
            fields.refuse("metadata", format!("The metadata can have at most {} characters.", model::METADATA_LIMIT));
            None
        }
        text => fields.take("metadata", metadata(text)),
    };
    let model = fields.take("model", text::optional_line("The model", &typed.model, model::MODEL_LIMIT));
    let answers = fields.take("suppose", answers(&typed.suppose));
    fields.build(|| {
        Some(Supposed {
            model: model.filter(|model| !model.is_empty()),
            metadata: metadata?,
            path: text::cut(typed.path.trim(), 200).to_owned(),
            answers: answers?,
            ..Supposed::default()
        })
    })
}

/// Metadata as callers send it: an object of texts.
fn metadata(text: &str) -> std::result::Result<BTreeMap<String, String>, String> {
    serde_json::from_str(text)
        .map_err(|_| r#"Metadata is an object of texts, such as {"plan": "paid"}."#.to_owned())
}

/// What targets answer: `config.targets[0]=429 config.targets[1]=200`.
fn answers(text: &str) -> std::result::Result<BTreeMap<String, Answer>, String> {
    let one = |part: &str| {
        let (path, status) = part.rsplit_once('=')?;
        Some((path.to_owned(), answer(status)?))
    };
    let parts: Option<BTreeMap<_, _>> = text.split_whitespace().map(one).collect();
    parts.ok_or_else(|| "This is a target and a status, such as config.targets[0]=429.".to_owned())
}

/// What a target answers, in a word.
pub fn answer(word: &str) -> Option<Answer> {
    match word {
        "" | "ok" => Some(Answer::Well),
        "timeout" => Some(Answer::TooLate),
        "unreachable" => Some(Answer::Unreachable),
        status => status.parse().ok().filter(|status| (100..=599).contains(status)).map(Answer::Status),
    }
}

/// What there is to say of a text, the names in it included.
async fn checked(tx: &mut OrgTx, text: &str) -> Result<Checked> {
    let (outline, mut faults) = routing::look(text);
    if let Ok(plan) = routing::compile(text) {
        faults.extend(uses(tx, &plan).await?.1);
    }
    Ok(Checked { outline, faults })
}

/// What a plan names.
#[derive(Default)]
struct Uses {
    virtual_keys: Vec<VirtualKeyId>,
    guardrails: Vec<guardrails::Use>,
}

/// What a plan names, and a fault for each name that there is not, or that may not stand there.
async fn uses(tx: &mut OrgTx, plan: &Plan) -> Result<(Uses, Vec<Fault>)> {
    let references = plan.references();
    let (mut known, mut faults): (BTreeMap<&str, Option<VirtualKeyId>>, _) = (BTreeMap::new(), vec![]);
    for reference in &references.virtual_keys {
        let id = match known.get(reference.slug.as_str()) {
            Some(id) => *id,
            None => {
                let id = virtual_keys::id_of(tx, &reference.slug).await?;
                known.insert(&reference.slug, id);
                id
            }
        };
        if id.is_none() {
            faults.push(reference.unknown_virtual_key());
        }
    }
    let mut virtual_keys: Vec<_> = known.into_values().flatten().collect();
    virtual_keys.sort_unstable();
    let guardrails = guardrails_of(tx, &references.guardrails, &mut faults).await?;
    Ok((Uses { virtual_keys, guardrails }, faults))
}

/// The guardrails of these names, and where each is named.
async fn guardrails_of(
    tx: &mut OrgTx,
    references: &[(Side, Reference)],
    faults: &mut Vec<Fault>,
) -> Result<Vec<guardrails::Use>> {
    let mut known: BTreeMap<&str, Option<guardrails::Named>> = BTreeMap::new();
    let mut uses: BTreeMap<GuardrailId, guardrails::Use> = BTreeMap::new();
    for (side, reference) in references {
        let slug = reference.slug.as_str();
        if !known.contains_key(slug) {
            known.insert(slug, guardrails::named(tx, slug).await?);
        }
        let Some(Some(named)) = known.get(slug) else {
            faults.push(reference.unknown_guardrail());
            continue;
        };
        let on_answers = *side == Side::Answer;
        if let (true, Some(check)) = (on_answers, &named.only_requests) {
            faults.push(reference.only_requests(check));
        }
        let none = guardrails::Use { guardrail: named.id, on_requests: false, on_answers: false };
        let noted = uses.entry(named.id).or_insert(none);
        if on_answers { noted.on_answers = true } else { noted.on_requests = true }
    }
    Ok(uses.into_values().collect())
}

/// A refusal that names the place of every fault.
fn refusal(faults: &[Fault]) -> Error {
    let place = |fault: &Fault| format!("Line {}, column {}: {}", fault.line, fault.column, fault.message);
    let field = |path: &str| match path {
        "" => TEXT.to_owned(),
        path => format!("{TEXT}.{path}"),
    };
    let fields: Vec<_> =
        faults.iter().map(|fault| FieldError { field: field(&fault.path), message: place(fault) }).collect();
    let message = match faults {
        [] => "The config cannot be read.".to_owned(),
        [only] => place(only),
        many => format!("The config has {} faults.", many.len()),
    };
    Error { fields, ..Error::new(Code::Invalid, message) }
}

/// The same for a form, in which the whole text is one field.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        if field.field.strip_prefix(TEXT).is_some_and(|rest| rest.starts_with('.')) {
            TEXT.clone_into(&mut field.field);
        }
    }
    error
}

/// A text that compiles, with what it names.
struct Sound {
    text: String,
    uses: Uses,
}

/// Reads a text that shall be saved. The names in it are looked up in the change, so that none goes meanwhile.
async fn sound(change: &mut Change, text: String, plan: std::result::Result<Plan, Vec<Fault>>) -> Result<Sound> {
    let plan = plan.map_err(|faults| refusal(&faults))?;
    let (uses, faults) = uses(change.tx(), &plan).await?;
    if !faults.is_empty() {
        return Err(refusal(&faults));
    }
    // What is stored must be read again.
    let laid_out = versions::laid_out(&text);
    Ok(Sound { text: if laid_out.len() > routing::MAX_TEXT { text } else { laid_out }, uses })
}

/// Compiles for whoever may act, and for nobody else.
async fn compiled(
    access: &Access,
    operation: Operation,
    text: &str,
) -> Result<std::result::Result<Plan, Vec<Fault>>> {
    drop(access.read(operation).await?);
    Ok(routing::compile(text))
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
            let event = Event::of(subject(&made))
                .with("name", name.as_str())
                .with("version", 1)
                .with("text_sha256", versions::digest(&sound.text))
                .change("default", false, is_default);
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
async fn save(
    mut change: Change,
    was: Detail,
    facts: NewFacts,
    sound: Sound,
) -> Result<crate::server::access::Committed<Saved>> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let NewFacts { name, message, is_default, version } = facts;
    let is_new = sound.text != was.text;
    let number = if is_new { was.current + 1 } else { was.current };
    if number > MOST_VERSIONS {
        let sentence = format!("A config can have at most {MOST_VERSIONS} versions. Make another from this one.");
        return Err(Error::conflict(sentence));
    }
    let default_before =
        if is_default && !was.is_default { store::clear_default(change.tx()).await? } else { None };
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
        event = event.change("text_sha256", versions::digest(&was.text), versions::digest(&sound.text)).with("message", message.as_str());
    }
    change.commit(event, Saved { number, version_id, is_new }).await
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
                let sentence = format!("Version {number} has the same text as the newest. There is nothing to restore.");
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
            let event = Event::of(subject(&was))
                .change("slug", was.slug.as_str(), serde_json::Value::Null)
                .change("version", was.current, serde_json::Value::Null)
                .change("text_sha256", versions::digest(&was.text), serde_json::Value::Null);
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
    config.is_default.then(|| "It is the default for new API keys. Make another config the default first, or none.".to_owned())
}

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
