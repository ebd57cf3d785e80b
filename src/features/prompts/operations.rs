//! What can be done with prompts and partials. Moves of labels and folders have files of their own.

use super::{
    model::{
        self, Checked, Choices, Components, Content, Detail, Draft, Filled, Kind, MOST, NewPrompt, PRODUCTION, PromptPage, Prompts, Publish, Trial,
        Saved,
        UsedBy, Versions, Which,
    },
    store::{self, Facts, NewVersion},
};
use crate::{
    features::{
        versions::{
            self, Whole,
            model::{Difference, History, MOST as MOST_VERSIONS, parse_message},
        },
        virtual_keys,
    },
    kernel::{
        Asked, Code, CollectionId, Error, Fault, FieldError, Fields, PromptId, Result, Timestamp, Window, text,
    },
    policy::{Operation, Target},
    prompts::{self, Prompt, Source, Template},
    server::{
        access::{Access, Change, Committed},
        audit::{
            self,
            event::{Event, Subject},
        },
        database::{OrgTx, listing::Page},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use uuid::Uuid;

pub mod collections;
pub mod files;
pub mod labels;
pub mod run;
pub mod sets;
mod typed;

pub use typed::{content_of, draft_of};

/// The field that holds the text, in forms and in JSON.
const TEXT: &str = "string";

/// One page of the prompts, or of the partials, that fit.
pub async fn list(access: &Access, kind: Kind, asked: &Asked, window: Window) -> Result<Prompts> {
    let mut tx = access.read(kind.acts().list).await?;
    let seen = audit::seen(&mut tx).await?;
    let folder = match asked.get("folder") {
        "" => None,
        "none" => Some(None),
        // One that there is not holds nothing.
        of => Some(Some(store::collections::find(&mut tx, of).await?.map_or(CollectionId(Uuid::nil()), |found| found.id))),
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
        let whole = store::version(tx, detail.id, number).await?.ok_or_else(Error::not_found)?;
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
    Ok(PromptPage { prompt, export, checked, used_by, labels, choices: choices(&mut tx).await?, sets, seen, public_url })
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

/// What is said of a version that is not saved.
pub async fn check(access: &Access, kind: Kind, content: &Content) -> Result<Checked> {
    let mut tx = access.read(Operation::PromptCheck).await?;
    checked(&mut tx, content, kind).await
}

/// What a version that is not saved comes to with these values, a JSON object. Nobody is called.
pub async fn fill(access: &Access, content: &Content, values: &str, is_strict: bool) -> Result<Filled> {
    filled(access.read(Operation::PromptFill).await?, content, values, is_strict).await
}

async fn filled(mut tx: OrgTx, content: &Content, values: &str, is_strict: bool) -> Result<Filled> {
    let refused = |sentence: String| Filled { refusal: sentence, ..Filled::default() };
    let prompt = match Prompt::read(&source(content)) {
        Ok(prompt) => prompt,
        Err(faults) => return Ok(refused(refusal(Kind::Prompt, &faults).message)),
    };
    let known = reached(&mut tx, prompt.names()).await?;
    drop(tx);
    let find = |slug: &str, number: Option<u32>| known.get(&(slug.to_owned(), number)).cloned().flatten();
    let values = if values.trim().is_empty() { "{}" } else { values };
    let rendered = prompts::Variables::read(values).and_then(|values| prompt.render(&values, &find, is_strict));
    Ok(match rendered {
        Err(refusal) => refused(refusal.message()),
        Ok(rendered) => {
            let request = prompt.request(&rendered.output, &serde_json::Map::new());
            let request: serde_json::Value = serde_json::from_str(&request).map_err(|_| Error::internal())?;
            Filled {
                request: serde_json::to_string_pretty(&request).unwrap_or_default(),
                warnings: rendered.warnings.iter().map(prompts::Warning::sentence).collect(),
                refusal: String::new(),
            }
        }
    })
}

async fn checked(tx: &mut OrgTx, content: &Content, kind: Kind) -> Result<Checked> {
    let faults = compile(content, kind).err().unwrap_or_default();
    Ok(Checked { components: components(tx, content, kind).await?, faults })
}

/// A version that compiles.
enum Compiled {
    Prompt(Box<Prompt>),
    Partial(Template),
}

impl Compiled {
    fn names(&self) -> &prompts::Names {
        match self {
            Compiled::Prompt(prompt) => prompt.names(),
            Compiled::Partial(template) => template.names(),
        }
    }

    /// The slugs of the partials that it names, each once.
    fn partials(&self) -> Vec<String> {
        let slugs: BTreeSet<&str> = self.names().partials.iter().map(|written| prompts::partial_name(written).0).collect();
        slugs.into_iter().map(str::to_owned).collect()
    }
}

fn compile(content: &Content, kind: Kind) -> std::result::Result<Compiled, Vec<Fault>> {
    match kind {
        Kind::Prompt => Prompt::read(&source(content)).map(|prompt| Compiled::Prompt(Box::new(prompt))),
        Kind::Partial => Template::parse(&content.string).map(Compiled::Partial).map_err(|fault| vec![fault]),
    }
}

/// A version's content in the words of the templates.
pub fn source(content: &Content) -> Source<'_> {
    Source {
        string: &content.string,
        kind: match content.form.as_str() {
            "chat" => Some(prompts::Kind::Chat),
            "text" => Some(prompts::Kind::Text),
            _ => None,
        },
        is_raw: content.is_raw,
        model: Some(&content.model),
        parameters: Some(&content.parameters),
        functions: Some(&content.functions),
        tools: Some(&content.tools),
        tool_choice: Some(&content.tool_choice),
    }
}

/// The names in a version and in the partials within its reach; none where it does not compile.
async fn components(tx: &mut OrgTx, content: &Content, kind: Kind) -> Result<Components> {
    let Ok(compiled) = compile(content, kind) else { return Ok(Components::default()) };
    let known = reached(tx, compiled.names()).await?;
    let find = |slug: &str, number: Option<u32>| known.get(&(slug.to_owned(), number)).cloned().flatten();
    let names = match &compiled {
        Compiled::Prompt(prompt) => prompt.variables(&find),
        Compiled::Partial(template) => template.names().clone(),
    };
    Ok(Components { variables: names.variables, sections: names.sections, partials: names.partials })
}

/// Partials by what names them: a slug, and a number where one is named.
pub type Reached = BTreeMap<(String, Option<u32>), Option<Arc<Template>>>;

/// The partials within reach of these names, compiled; at most as many as the templates follow. Where a variable names one,
/// any that is published is within reach.
pub async fn reached(tx: &mut OrgTx, names: &prompts::Names) -> Result<Reached> {
    let mut known = Reached::new();
    let mut waiting: Vec<String> = names.partials.clone();
    let (mut is_any, mut has_all) = (false, names.by_variable);
    if has_all {
        waiting.extend(store::published_partials(tx).await?);
    }
    while let Some(written) = waiting.pop() {
        let (slug, number) = prompts::partial_name(&written);
        let key = (slug.to_owned(), number);
        if known.contains_key(&key) || known.len() >= prompts::MAX_PARTIALS {
            continue;
        }
        let text = store::partial(tx, slug, number.map(i64::from)).await?;
        let template = text.and_then(|(_, text)| Template::parse(&text).ok()).map(Arc::new);
        for names in template.iter().map(|template| template.names()) {
            waiting.extend(names.partials.clone());
            is_any |= names.by_variable;
        }
        if std::mem::take(&mut is_any) && !has_all {
            has_all = true;
            waiting.extend(store::published_partials(tx).await?);
        }
        known.insert(key, template);
    }
    Ok(known)
}

/// A refusal that names the place of every fault.
fn refusal(kind: Kind, faults: &[Fault]) -> Error {
    let place = |fault: &Fault| match fault.path.as_str() {
        "" => format!("In line {}, column {}: {}", fault.line, fault.column, fault.message),
        path => format!("{path}, line {}, column {}: {}", fault.line, fault.column, fault.message),
    };
    let field = |path: &str| if path.is_empty() || path.starts_with('[') { format!("{TEXT}{path}") } else { path.to_owned() };
    let fields = faults.iter().map(|fault| FieldError { field: field(&fault.path), message: place(fault) }).collect();
    let message = match faults {
        [] => format!("This cannot be read as {}.", kind.one()),
        [only] => place(only),
        many => format!("There are {} faults in it.", many.len()),
    };
    Error { fields, ..Error::new(Code::Invalid, message) }
}

/// The answer to a button of a form that saves nothing: the page comes back with what was typed.
pub fn only_stepped(access: &Access, operation: Operation) -> Error {
    match access.principal().organisation().map(|here| access.check(operation, Target::In(here))) {
        Some(Ok(())) => Error::new(Code::NotSaved, "Nothing is saved yet."),
        Some(Err(error)) => error,
        None => Error::not_found(),
    }
}

/// The same for a form, in which the whole text is one field.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        if field.field.strip_prefix(TEXT).is_some_and(|rest| rest.starts_with('[')) {
            TEXT.clone_into(&mut field.field);
        }
    }
    error
}

/// A version that may be stored.
struct Sound {
    body: String,
    partials: Vec<String>,
}

/// Compiles for whoever may act, and for nobody else: it may take a while, so the organisation's chain is not held meanwhile.
async fn compiled(access: &Access, operation: Operation, kind: Kind, content: &Content) -> Result<Result<Sound>> {
    drop(access.read(operation).await?);
    Ok(sound(kind, content))
}

fn sound(kind: Kind, content: &Content) -> Result<Sound> {
    let compiled = compile(content, kind).map_err(|faults| refusal(kind, &faults))?;
    let body = serde_json::to_string(content).map_err(|_| Error::internal())?;
    let settings = Content { string: String::new(), ..content.clone() };
    if serde_json::to_string(&settings).map_or(usize::MAX, |text| text.len()) > model::SETTINGS_LIMIT {
        let most = model::SETTINGS_LIMIT >> 10;
        return Err(Error::field("parameters", format!("Parameters, tools and notes have at most {most} KiB together.")));
    }
    if !content.metadata.is_null() && !content.metadata.is_object() {
        return Err(Error::field("template_metadata", "Notes are an object of JSON."));
    }
    if content.model.chars().count() > model::MODEL_LIMIT {
        return Err(Error::field("model", format!("A model has at most {} characters.", model::MODEL_LIMIT)));
    }
    Ok(Sound { body, partials: compiled.partials() })
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

/// Puts the refusals of several things that were read into one.
fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut error), Err(more)) if !error.fields.is_empty() && !more.fields.is_empty() => {
            error.fields.extend(more.fields);
            error.message = format!("{} fields need another look.", error.fields.len());
            Err(error)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
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
            let new = NewVersion { number: 1, id: version, body: &sound.body, message: &message, by: &by, partials: &sound.partials };
            store::insert_version(change.tx(), id, &new, now).await?;
            let event = Event::of(subject(kind, &slug, &name))
                .with("name", name.as_str())
                .with("version", 1)
                .with("text_sha256", versions::digest(&sound.body));
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
            let facts = NewFacts { name, message, folder, is_strict: draft.is_strict, publish: draft.publish, version: version.unwrap_or(read) };
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
async fn save(mut change: Change, was: Detail, facts: NewFacts, (content, sound): (Content, Sound)) -> Result<Committed<Saved>> {
    let (now, by, kind) = (change.now(), change.access().actor_name().to_owned(), was.kind);
    let is_new = content != was.content;
    let number = if is_new { was.current + 1 } else { was.current };
    if number > MOST_VERSIONS {
        let one = text::capital(kind.one());
        return Err(Error::conflict(format!("{one} can have at most {MOST_VERSIONS} versions. Make another from this one.")));
    }
    let row = Facts { name: &facts.name, collection: facts.folder, is_strict: facts.is_strict, current: number, by: &by };
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
        let new = NewVersion { number, id, body: &sound.body, message: &facts.message, by: &by, partials: &sound.partials };
        store::insert_version(change.tx(), was.id, &new, now).await?;
        let old = serde_json::to_string(&was.content).map_err(|_| Error::internal())?;
        event = event
            .change("text_sha256", versions::digest(&old), versions::digest(&sound.body))
            .with("message", facts.message.as_str());
    }
    if was.published() != Some(number) {
        let from = was.published();
        event = labels::published(&mut change, kind, was.id, (from, number), facts.publish, event).await?;
    }
    change.commit(event, Saved { id: was.id, slug: was.slug, number, version_id, is_new }).await
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
            let event = Event::of(subject(kind, &was.slug, &was.name))
                .change("slug", was.slug.as_str(), serde_json::Value::Null)
                .change("version", was.current, serde_json::Value::Null)
                .change("text_sha256", versions::digest(&body), serde_json::Value::Null);
            change.commit(event, ()).await
        })
        .await
}

/// One page of versions, the moves of labels, and what differs between two versions: where production stands and the newest,
/// unless others are named.
pub async fn versions(access: &Access, kind: Kind, of: &str, was: Option<i64>, now: Option<i64>, window: Window) -> Result<Versions> {
    let mut tx = access.read(kind.acts().versions).await?;
    let prompt = store::find(&mut tx, kind, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let window = window.within(prompt.current);
    let versions = store::version_heads(&mut tx, prompt.id, window).await?;
    let now = now.unwrap_or(prompt.current);
    let was = was.unwrap_or_else(|| prompt.published().filter(|published| *published < now).unwrap_or(now - 1));
    let difference = if was < 1 { None } else { Some(difference_of(&mut tx, kind, prompt.id, was, now).await?) };
    Ok(Versions {
        kind,
        proposals: labels::proposals(&mut tx, access, prompt.id).await?,
        labels: store::labels::all(&mut tx).await?,
        moves: store::labels::moves(&mut tx, prompt.id).await?,
        used_by: users(&mut tx, kind, &prompt.slug).await?,
        slug: prompt.slug,
        name: prompt.name,
        pointers: prompt.labels,
        history: History {
            current: prompt.current,
            versions,
            total: prompt.current,
            window,
            difference,
            now: access.now(),
        },
    })
}

async fn difference_of(tx: &mut OrgTx, kind: Kind, id: PromptId, was: i64, now: i64) -> Result<Difference> {
    let old = store::version(tx, id, was).await?.ok_or_else(Error::not_found)?;
    let new = store::version(tx, id, now).await?.ok_or_else(Error::not_found)?;
    Ok(versions::between(plain(kind, old)?, plain(kind, new)?))
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
    for (name, value) in [("functions", &content.functions), ("tools", &content.tools), ("tool_choice", &content.tool_choice)] {
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
    let versions = store::versions(&mut tx, prompt.id, window).await?;
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
    let whole = store::version(tx, prompt.id, number).await?.ok_or_else(Error::not_found)?;
    Ok((prompt, whole))
}

/// The number that a caller means by a number or by the id of a version.
async fn number_of(tx: &mut OrgTx, prompt: PromptId, version: &str) -> Result<Option<i64>> {
    match version.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => store::number_by_id(tx, prompt, version).await,
    }
}

/// What a call needs of a prompt.
pub struct Stored {
    pub id: PromptId,
    pub is_strict: bool,
    pub number: i64,
    pub content: Content,
    /// The label by which it was found.
    pub label: Option<String>,
    pub prompt: Prompt,
    /// The partials within its reach.
    pub partials: Reached,
    /// Another version, and which calls run it.
    pub trial: Option<(Trial, Box<Stored>)>,
}

/// The prompt that an address names, for a call: compiled, with the partials within its reach. `None`: there is none, or its
/// label stands nowhere.
pub async fn runnable(tx: &mut OrgTx, address: &str, now: Timestamp) -> Result<Option<Stored>> {
    let (of, which) = model::address(address);
    let Some(prompt) = store::find(tx, Kind::Prompt, of, now).await? else { return Ok(None) };
    let Some(number) = store::number_of(tx, &prompt, which).await? else { return Ok(None) };
    let label = match which {
        Which::Published => Some(PRODUCTION),
        Which::Label(label) if prompt.at(label).is_some() => Some(label),
        Which::Latest | Which::Number(_) | Which::Label(_) => None,
    };
    let Some(mut stored) = compiled_version(tx, &prompt, number, label).await? else { return Ok(None) };
    let pointer = prompt.labels.iter().find(|pointer| Some(pointer.label.as_str()) == label);
    if let Some(trial) = pointer.and_then(|pointer| pointer.trial.clone())
        && let Some(other) = compiled_version(tx, &prompt, trial.number, label).await?
    {
        stored.trial = Some((trial, Box::new(other)));
    }
    Ok(Some(stored))
}

async fn compiled_version(
    tx: &mut OrgTx,
    prompt: &Detail,
    number: i64,
    label: Option<&str>,
) -> Result<Option<Stored>> {
    let Some(whole) = store::version(tx, prompt.id, number).await? else { return Ok(None) };
    let content = store::content(&whole.text)?;
    let work = move || Prompt::read(&source(&content)).map(|compiled| (compiled, content));
    let compiled = tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal())?;
    let (compiled, content) = compiled.map_err(|_| {
        tracing::error!(slug = prompt.slug, number, "a stored version of a prompt does not compile");
        Error::internal()
    })?;
    let partials = reached(tx, compiled.names()).await?;
    Ok(Some(Stored {
        id: prompt.id,
        is_strict: prompt.is_strict,
        number,
        content,
        label: label.map(str::to_owned),
        prompt: compiled,
        partials,
        trial: None,
    }))
}
