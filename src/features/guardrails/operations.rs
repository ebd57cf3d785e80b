//! What can be done with guardrails.

use super::{
    bench::{self, Sampled},
    form,
    model::{
        self, Actions, AllCalls, Detail, Editing, GuardrailPage, Guardrails, LARGEST, MOST, MOST_OF_ALL_CALLS,
        MOST_SAMPLES, NewGuardrail, Sample, Samples, Saved, TEXT_LIMIT, Tried, Typed, Versions,
    },
    store::{self, Facts, NewVersion},
};
use crate::{
    features::versions::{
        self, Whole,
        model::{History, MOST as MOST_VERSIONS, parse_message},
    },
    guardrails::{self, Guardrail, catalogue},
    kernel::{Asked, Code, Error, Fields, GuardrailId, Result, SampleId, Window, text},
    policy::{Operation, Target},
    server::{
        access::{Access, Change, Committed},
        audit::{
            self,
            event::{Event, Subject},
        },
        crypto::WebhookSigner,
        database::{OrgTx, listing::Page},
        outgoing::BaseUrl,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What shall become of a guardrail.
pub struct Draft {
    pub name: String,
    pub description: String,
    /// What the version is about; may be empty.
    pub message: String,
    /// `{checks, actions}`.
    pub definition: Value,
    /// What is wrong with the fields that the definition was read of.
    pub refused: Fields,
}

/// One page of the guardrails that fit.
pub async fn list(access: &Access, asked: &Asked, window: Window) -> Result<Guardrails> {
    let mut tx = access.read(Operation::GuardrailsList).await?;
    let seen = audit::seen(&mut tx).await?;
    let Page { rows: guardrails, total, window } = store::page(&mut tx, asked, window).await?;
    Ok(Guardrails { seen, guardrails, total, window, webhook_key: public_key(access, &tx), now: access.now() })
}

/// The key by which those who are called by webhooks know that this organisation calls.
pub async fn webhook_key(access: &Access) -> Result<String> {
    let tx = access.read(Operation::GuardrailWebhookKey).await?;
    Ok(public_key(access, &tx))
}

fn public_key(access: &Access, tx: &OrgTx) -> String {
    WebhookSigner::new(&access.app().keyring, tx.organisation()).public_key()
}

/// One guardrail with the text of its newest version.
pub async fn get(access: &Access, of: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::GuardrailGet).await?;
    found(access, &mut tx, of).await
}

/// Whoever may not list configs learns of none from a guardrail that they name.
async fn found(access: &Access, tx: &mut OrgTx, of: &str) -> Result<Detail> {
    let guardrail = store::find(tx, of, access.now()).await?.ok_or_else(Error::not_found)?;
    let lists_configs = access.check(Operation::ConfigsList, Target::In(tx.organisation())).is_ok();
    let configs = if lists_configs { guardrail.configs } else { vec![] };
    Ok(Detail { configs, lists_configs, ..guardrail })
}

/// One guardrail as its page shows it: with what is stored, or, where a form comes back, with what was typed after the step
/// that its button asked for.
pub async fn page(access: &Access, of: &str, typed: &Typed, step: &str) -> Result<GuardrailPage> {
    let mut tx = access.read(Operation::GuardrailGet).await?;
    let guardrail = found(access, &mut tx, of).await?;
    drop(tx);
    let stored = definition(&guardrail.text);
    let editing = editing(access, typed, step, &stored).await;
    Ok(GuardrailPage { guardrail, editing })
}

/// What a new guardrail begins with: nothing, or another one.
pub async fn begin(access: &Access, from: &str, typed: &Typed, step: &str) -> Result<NewGuardrail> {
    let mut tx = access.read(Operation::GuardrailDraft).await?;
    let source = match from {
        "" => None,
        from => Some(store::find(&mut tx, from, access.now()).await?.ok_or_else(Error::not_found)?),
    };
    drop(tx);
    let usual = json!({ "checks": [], "actions": { "deny": true } });
    let stored = source.as_ref().map_or(usual, |source| definition(&source.text));
    let editing = editing(access, typed, step, &stored).await;
    let name = source.as_ref().map(|source| format!("{} copy", text::cut(&source.name, 95))).unwrap_or_default();
    let description = source.as_ref().map(|source| source.description.clone()).unwrap_or_default();
    Ok(NewGuardrail { name, description, copy_of: source.map(|source| source.name), editing })
}

async fn editing(access: &Access, typed: &Typed, step: &str, stored: &Value) -> Editing {
    if typed.0.is_empty() {
        return Editing { blocks: form::blocks_of(stored), actions: form::actions_of(stored), tried: None };
    }
    let blocks = form::blocks_typed(typed, step);
    let tried = match step {
        "try" => Some(tried(access, typed, stored).await),
        _ => None,
    };
    Editing { blocks, actions: form::actions_typed(typed), tried }
}

/// A stored text, read. It was checked when it was saved.
fn definition(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The draft that a form is read to. What it has no field for stays as in `stored`.
pub fn draft_of(typed: &Typed, stored: Option<&Detail>) -> Draft {
    let stored = stored.map_or(Value::Null, |stored| definition(&stored.text));
    let mut refused = Fields::default();
    let blocks = form::blocks_typed(typed, "");
    let definition = form::definition_of(&blocks, &form::actions_typed(typed), &stored, &mut refused);
    let field = |name: &str| typed.get(name).to_owned();
    Draft {
        name: field("name"),
        description: field("description"),
        message: field("message"),
        definition,
        refused,
    }
}

/// The answer to a button of a form that saves nothing: the page comes back with what was typed.
pub fn only_stepped(access: &Access, operation: Operation) -> Error {
    match access.principal().organisation().map(|here| access.check(operation, Target::In(here))) {
        Some(Ok(())) => Error::new(Code::NotSaved, "Nothing is saved yet."),
        Some(Err(error)) => error,
        None => Error::not_found(),
    }
}

/// The same for the fields of a form.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        field.field = form::form_name(&field.field);
    }
    error
}

/// A definition that compiles.
struct Sound {
    text: String,
    guardrail: Guardrail,
    /// The first check that says nothing about answers: its number and what it is called.
    only_requests: Option<(usize, String)>,
}

/// Reads a definition that shall be saved. It names every fault by its field.
fn sound(access: &Access, definition: &Value) -> Result<Sound> {
    let allowed = access.app().outgoing.allowed();
    let may_call = |address: &str| {
        // A query is no matter of where it leads.
        let bare = address.split(['?', '#']).next().unwrap_or_default();
        BaseUrl::parse(bare, allowed).map(drop).map_err(|error| error.to_string())
    };
    let guardrail = Guardrail::compile(definition, &may_call).map_err(|faults| refusal(&faults))?;
    // The checks first, as people write them.
    let text = format!(r#"{{"checks":{},"actions":{}}}"#, definition["checks"], definition["actions"]);
    let text = versions::laid_out(&text);
    if text.len() > LARGEST {
        return Err(Error::field("checks", format!("A guardrail has at most {} KiB.", LARGEST >> 10)));
    }
    let only_requests = guardrail.only_requests().map(|(at, id)| (at, label(id)));
    Ok(Sound { text, guardrail, only_requests })
}

/// What a check is called.
fn label(id: &str) -> String {
    catalogue::find(id).map_or_else(|| id.to_owned(), |known| known.label.to_owned())
}

fn refusal(faults: &[guardrails::Fault]) -> Error {
    let mut fields = Fields::default();
    for fault in faults.iter().take(100) {
        fields.refuse(if fault.field.is_empty() { "checks" } else { &fault.field }, fault.message.clone());
    }
    fields.finish().err().unwrap_or_else(Error::internal)
}

/// What compiles for whoever may act, and for nobody else.
async fn compiled(access: &Access, operation: Operation, definition: &Value) -> Result<Result<Sound>> {
    drop(access.read(operation).await?);
    Ok(sound(access, definition))
}

/// The values of the other fields and the definition, or one error that tells of all that is wrong, once for each field:
/// what could not be read is not called missing besides.
fn all<A>(fields: Fields, refused: Fields, sound: Result<Sound>, make: impl FnOnce() -> Option<A>) -> Result<(A, Sound)> {
    let told = [fields.finish().err(), refused.finish().err(), sound.as_ref().err().cloned()];
    let mut wrong = Fields::default();
    let mut named = BTreeSet::new();
    for error in told.into_iter().flatten() {
        if error.fields.is_empty() {
            return Err(error);
        }
        for fault in error.fields {
            if named.insert(fault.field.clone()) {
                wrong.refuse(&fault.field, fault.message);
            }
        }
    }
    wrong.finish()?;
    Ok((make().ok_or_else(Error::internal)?, sound?))
}

fn subject(guardrail: &Detail) -> Subject {
    Subject::new("guardrail", &guardrail.slug, &guardrail.name)
}

/// Makes a guardrail and its first version. Its slug is made of the name and never changes. It judges nothing until a
/// config names it, or it is set for every call.
pub async fn create(access: &Access, draft: Draft) -> Result<Detail> {
    let sound = compiled(access, Operation::GuardrailCreate, &draft.definition).await;
    access
        .act(Operation::GuardrailCreate, Subject::unnamed("guardrail", ""), |mut change| async move {
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let description = fields.take("description", model::parse_description(&draft.description));
            let message = fields.take("message", parse_message(&draft.message));
            let values = || Some((name?, description?, message?));
            let ((name, description, message), sound) = all(fields, draft.refused, sound?, values)?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            if store::count(change.tx()).await? >= MOST {
                return Err(Error::conflict(format!("An organisation can have at most {MOST} guardrails.")));
            }
            let (id, slug) = (GuardrailId::new(), versions::new_slug("gr", &name, "check"));
            let all_calls = AllCalls::default();
            let facts = Facts { name: &name, description: &description, all_calls, current: 1, by: &by };
            if !store::insert(change.tx(), id, &slug, &facts, now).await? {
                return Err(Error::unavailable());
            }
            let new = NewVersion { number: 1, id: Uuid::now_v7(), text: &sound.text, message: &message, by: &by };
            store::insert_version(change.tx(), id, &new, now).await?;
            let made = store::find(change.tx(), &slug, now).await?.ok_or_else(Error::internal)?;
            let event = Event::of(subject(&made))
                .with("name", name.as_str())
                .with("version", 1)
                .with("text_sha256", versions::digest(&sound.text));
            change.commit(event, made).await
        })
        .await
}

/// Changes a guardrail to what `edit` makes of the stored one. Another definition makes a new version. `version` is the one
/// that was read (none: whatever is there); another one by now is refused.
pub async fn update(
    access: &Access,
    of: &str,
    version: Option<i64>,
    edit: impl FnOnce(&Detail) -> Draft,
) -> Result<Saved> {
    let read = async {
        let mut tx = access.read(Operation::GuardrailUpdate).await?;
        let stored = store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?;
        let samples = store::samples(&mut tx, stored.id).await?;
        drop(tx);
        let draft = edit(&stored);
        let sound = sound(access, &draft.definition);
        let sampled = sampled(access, &sound, &samples).await;
        Ok((stored.version, draft, sound, sampled))
    };
    let read: Result<_> = read.await;
    access
        .act(Operation::GuardrailUpdate, Subject::unnamed("guardrail", of), |mut change| async move {
            let (read, draft, sound, sampled) = read?;
            let mut fields = Fields::default();
            let name = fields.take("name", model::parse_name(&draft.name));
            let description = fields.take("description", model::parse_description(&draft.description));
            let message = fields.take("message", parse_message(&draft.message));
            let now = change.now();
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            may_change(&change, &was)?;
            let values = || Some((name?, description?, message?));
            let ((name, description, message), sound) = all(fields, draft.refused, sound, values)?;
            let facts = NewFacts { name, description, message, version: version.unwrap_or(read) };
            save(change, was, facts, sound, sampled).await
        })
        .await
}

/// The verdicts of the samples; nothing where there is no guardrail to ask.
async fn sampled(access: &Access, sound: &Result<Sound>, samples: &[Sample]) -> Sampled {
    match sound {
        Ok(sound) => bench::run(access, &sound.guardrail, samples).await,
        Err(_) => Sampled::default(),
    }
}

/// One that judges every call of the organisation is changed by those alone who may set that.
fn may_change(change: &Change, guardrail: &Detail) -> Result<()> {
    let Some(words) = guardrail.all_calls.words() else { return Ok(()) };
    let here = Target::In(change.organisation());
    change.access().check(Operation::GuardrailEnforce, here).map_err(|error| {
        let sentence = format!("This guardrail judges {words} of the organisation. Only Owners, Admins and keys that may delete guardrails change it.");
        Error { message: sentence, ..error }
    })
}

struct NewFacts {
    name: String,
    description: String,
    message: String,
    /// The version of the row that the change is of.
    version: i64,
}

/// Stores what a guardrail becomes, with a new version where the definition is another.
async fn save(
    mut change: Change,
    was: Detail,
    facts: NewFacts,
    sound: Sound,
    sampled: Sampled,
) -> Result<Committed<Saved>> {
    let (now, by) = (change.now(), change.access().actor_name().to_owned());
    let NewFacts { name, description, message, version } = facts;
    // As it is compared: the order of what is stored is the program's own.
    let is_new = sound.text != was.text;
    let number = if is_new { was.current + 1 } else { was.current };
    if number > MOST_VERSIONS {
        let sentence = format!("A guardrail can have at most {MOST_VERSIONS} versions. Make another from this one.");
        return Err(Error::conflict(sentence));
    }
    if let Some((at, check)) = &sound.only_requests
        && let Some(sentence) = judges_answers(&was, check)
    {
        return Err(Error::field(format!("checks[{at}].id"), sentence));
    }
    let all_calls = was.all_calls;
    let row = Facts { name: &name, description: &description, all_calls, current: number, by: &by };
    if !store::update(change.tx(), was.id, version, &row, now).await? {
        return Err(Error::stale());
    }
    let mut event = Event::of(subject(&was))
        .change("name", was.name.as_str(), name.as_str())
        .change("description", was.description.as_str(), description.as_str())
        .change("version", was.current, number);
    let mut version_id = was.version_id;
    if is_new {
        let id = Uuid::now_v7();
        version_id = id.to_string();
        let new = NewVersion { number, id, text: &sound.text, message: &message, by: &by };
        store::insert_version(change.tx(), was.id, &new, now).await?;
        event = event
            .change("text_sha256", versions::digest(&was.text), versions::digest(&sound.text))
            .with("message", message.as_str());
    }
    change.commit(event, Saved { number, version_id, is_new, broken: sampled.broken }).await
}

/// Why a guardrail may hold no check that says nothing about answers, if it may not.
fn judges_answers(guardrail: &Detail, check: &str) -> Option<String> {
    let begun = format!("“{check}” only knows requests, and this guardrail judges answers");
    if guardrail.all_calls.answers {
        return Some(format!("{begun}: every one of the organisation. Take it from there first, or put the check into another guardrail."));
    }
    let configs: Vec<_> =
        guardrail.configs.iter().filter(|used| used.on_answers).map(|used| used.name.as_str()).collect();
    if configs.is_empty() {
        return None;
    }
    Some(format!("{begun} in configs: {}. Put the check into another guardrail.", versions::names(configs)))
}

/// Makes a new version with the definition of an old one.
pub async fn restore(access: &Access, of: &str, number: i64) -> Result<Saved> {
    let read = async {
        let mut tx = access.read(Operation::GuardrailRestore).await?;
        let stored = store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?;
        let old = store::version(&mut tx, stored.id, number).await?.ok_or_else(Error::not_found)?;
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

/// Says whether a guardrail judges every request and every answer of the organisation. What is not said stays.
pub async fn enforce(access: &Access, of: &str, requests: Option<bool>, answers: Option<bool>) -> Result<AllCalls> {
    access
        .act(Operation::GuardrailEnforce, Subject::unnamed("guardrail", of), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            let old = was.all_calls;
            let all_calls =
                AllCalls { requests: requests.unwrap_or(old.requests), answers: answers.unwrap_or(old.answers) };
            let only_requests = only_requests(&definition(&was.text));
            if let (true, false, Some(check)) = (all_calls.answers, old.answers, only_requests) {
                let sentence = format!("“{check}” only knows requests. A guardrail for answers has no such check.");
                return Err(Error::field("answers", sentence));
            }
            if all_calls.any() && !old.any() {
                let there = store::of_all_calls(change.tx()).await?.len();
                if i64::try_from(there).is_ok_and(|there| there >= MOST_OF_ALL_CALLS) {
                    let sentence = format!("At most {MOST_OF_ALL_CALLS} guardrails judge every call.");
                    return Err(Error::conflict(sentence));
                }
            }
            let Detail { name, description, current, .. } = &was;
            let row = Facts { name, description, all_calls, current: *current, by: &by };
            if !store::update(change.tx(), was.id, was.version, &row, now).await? {
                return Err(Error::stale());
            }
            let event = Event::of(subject(&was))
                .change("requests", old.requests, all_calls.requests)
                .change("answers", old.answers, all_calls.answers);
            change.commit(event, all_calls).await
        })
        .await
}

/// Deletes a guardrail with its versions and samples. One that configs name, or that judges every call, is kept.
pub async fn delete(access: &Access, of: &str) -> Result<()> {
    access
        .act(Operation::GuardrailDelete, Subject::unnamed("guardrail", of), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            if !was.configs.is_empty() {
                let lists = change.access().check(Operation::ConfigsList, Target::In(change.organisation())).is_ok();
                let names = was.configs.iter().map(|used| used.name.as_str()).collect();
                let which = if lists { versions::names(names) } else { format!("{} of them", was.configs.len()) };
                return Err(Error::conflict(format!("Configs name it: {which}. Take it out of them first.")));
            }
            if let Some(words) = was.all_calls.words() {
                return Err(Error::conflict(format!("It judges {words} of the organisation. Switch that off first.")));
            }
            if !store::delete(change.tx(), was.id, &by, now).await? {
                return Err(Error::not_found());
            }
            let event = Event::of(subject(&was))
                .change("slug", was.slug.as_str(), Value::Null)
                .change("version", was.current, Value::Null)
                .change("text_sha256", versions::digest(&was.text), Value::Null);
            change.commit(event, ()).await
        })
        .await
}

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
    let window = window.within(guardrail.current);
    let versions = store::version_heads(&mut tx, guardrail.id, window).await?;
    let now = now.unwrap_or(guardrail.current);
    let was = was.unwrap_or(now - 1);
    let difference = if was < 1 {
        None
    } else {
        let old = store::version(&mut tx, guardrail.id, was).await?.ok_or_else(Error::not_found)?;
        let new = store::version(&mut tx, guardrail.id, now).await?.ok_or_else(Error::not_found)?;
        Some(versions::between(old, new))
    };
    let history = History {
        current: guardrail.current,
        versions,
        total: guardrail.current,
        window,
        difference,
        now: access.now(),
    };
    Ok(Versions { guardrail, history })
}

/// One page of a guardrail's versions with their texts, for programs.
pub async fn whole_versions(access: &Access, of: &str, window: Window) -> Result<(Detail, Vec<Whole>)> {
    let mut tx = access.read(Operation::GuardrailVersions).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let versions = store::versions(&mut tx, guardrail.id, window).await?;
    Ok((guardrail, versions))
}

/// One version with its text.
pub async fn version(access: &Access, of: &str, number: i64) -> Result<(Detail, Whole)> {
    let mut tx = access.read(Operation::GuardrailVersion).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let whole = store::version(&mut tx, guardrail.id, number).await?.ok_or_else(Error::not_found)?;
    Ok((guardrail, whole))
}

/// The samples, each with whether it gets the verdict now that it should have.
pub async fn samples(access: &Access, of: &str) -> Result<Samples> {
    let mut tx = access.read(Operation::GuardrailSamples).await?;
    let guardrail = found(access, &mut tx, of).await?;
    let mut samples = store::samples(&mut tx, guardrail.id).await?;
    drop(tx);
    if let Ok(sound) = sound(access, &definition(&guardrail.text)) {
        let sampled = bench::run(access, &sound.guardrail, &samples).await;
        for (sample, holds) in samples.iter_mut().zip(sampled.holds) {
            sample.holds = holds;
        }
    }
    Ok(Samples { guardrail, samples })
}

/// Keeps a text with the verdict that it should have.
pub async fn keep_sample(access: &Access, of: &str, is_answer: bool, text: &str, passes: bool) -> Result<SampleId> {
    access
        .act(Operation::GuardrailKeepSample, Subject::unnamed("guardrail", of), |mut change| async move {
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            let text = parse_text(text).map_err(|sentence| Error::field("text", sentence))?;
            if text.is_empty() {
                return Err(Error::field("text", "Enter the text of the sample."));
            }
            if was.samples >= MOST_SAMPLES {
                return Err(Error::conflict(format!("A guardrail can have at most {MOST_SAMPLES} samples.")));
            }
            let id = SampleId::new();
            let sample = Sample { id, is_answer, text, passes, created_by: by, created_at: now, holds: None };
            store::insert_sample(change.tx(), was.id, &sample).await?;
            let event = Event::of(subject(&was))
                .with("sample", id.to_string())
                .with("side", if is_answer { "answer" } else { "request" })
                .with("passes", passes);
            change.commit(event, id).await
        })
        .await
}

/// Removes a sample.
pub async fn drop_sample(access: &Access, of: &str, sample: SampleId) -> Result<()> {
    access
        .act(Operation::GuardrailDropSample, Subject::unnamed("guardrail", of), |mut change| async move {
            let now = change.now();
            let was = store::find(change.tx(), of, now).await?.ok_or_else(Error::not_found)?;
            if !store::delete_sample(change.tx(), was.id, sample).await? {
                return Err(Error::not_found());
            }
            let event = Event::of(subject(&was)).with("sample", sample.to_string());
            change.commit(event, ()).await
        })
        .await
}

/// Lines as files have them; browsers post a line break as two characters.
fn parse_text(text: &str) -> std::result::Result<String, String> {
    let text = text.replace("\r\n", "\n");
    match text.chars().count() {
        long if long > TEXT_LIMIT => Err(format!("A text has at most {} characters.", text::grouped(TEXT_LIMIT as i64))),
        _ => Ok(text),
    }
}

/// What the guardrail that a form holds says of the text that stands beside it. Nothing is stored.
pub async fn try_typed(access: &Access, of: &str, typed: &Typed) -> Result<Tried> {
    let mut tx = access.read(Operation::GuardrailTry).await?;
    let stored = match of {
        "" => Value::Null,
        of => definition(&store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?.text),
    };
    drop(tx);
    Ok(tried(access, typed, &stored).await)
}

async fn tried(access: &Access, typed: &Typed, stored: &Value) -> Tried {
    let mut refused = Fields::default();
    let (blocks, actions): (_, Actions) = (form::blocks_typed(typed, ""), form::actions_typed(typed));
    let definition = form::definition_of(&blocks, &actions, stored, &mut refused);
    let sound = sound(access, &definition);
    let text = parse_text(typed.get("text"));
    let told = [refused.finish().err(), sound.as_ref().err().cloned()].into_iter().flatten();
    let mut faults: Vec<String> =
        told.flat_map(|error| error.fields).map(|field| format!("{}: {}", place(&field.field), field.message)).collect();
    faults.extend(text.as_ref().err().cloned());
    match (sound, text) {
        (Ok(sound), Ok(text)) if faults.is_empty() => {
            let is_answer = typed.get("side") == "answer";
            let judged = bench::judge(access, &sound.guardrail, ("", None), is_answer, &text).await;
            bench::told(judged, &definition, &text)
        }
        _ => Tried { faults, ..Tried::default() },
    }
}

/// Where a fault is, for people: `Check 1`.
fn place(field: &str) -> String {
    let number = field.strip_prefix("checks[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    number.map_or_else(|| "The guardrail".to_owned(), |number| format!("Check {}", number + 1))
}

/// What is judged for a program: a guardrail that is stored, with the checks and actions that are given in place of its own.
pub async fn try_text(
    access: &Access,
    of: Option<&str>,
    (checks, actions): (Option<Value>, Option<Value>),
    is_answer: bool,
    text: &str,
) -> Result<guardrails::Tried> {
    let mut tx = access.read(Operation::GuardrailTry).await?;
    let stored = match of {
        Some(of) => Some(store::find(&mut tx, of, access.now()).await?.ok_or_else(Error::not_found)?),
        None => None,
    };
    drop(tx);
    let about = stored.as_ref().map_or(("", None), |stored| (stored.slug.as_str(), Some(stored.current)));
    let own = stored.as_ref().map_or(Value::Null, |stored| definition(&stored.text));
    let checks = checks.unwrap_or_else(|| own["checks"].clone());
    let actions = actions.unwrap_or_else(|| own["actions"].clone());
    let sound = sound(access, &json!({ "checks": checks, "actions": actions }))?;
    let text = parse_text(text).map_err(|sentence| Error::field("text", sentence))?;
    Ok(bench::judge(access, &sound.guardrail, about, is_answer, &text).await)
}

/// What a config needs to know of a guardrail that it names.
pub struct Named {
    pub id: GuardrailId,
    /// What the first check is called that says nothing about answers.
    pub only_requests: Option<String>,
}

/// The guardrail of this name.
pub async fn named(tx: &mut OrgTx, slug: &str) -> Result<Option<Named>> {
    let Some(stored) = store::stored(tx, slug).await? else { return Ok(None) };
    Ok(Some(Named { id: stored.id, only_requests: only_requests(&definition(&stored.text)) }))
}

/// What the first check of a stored definition is called that says nothing about answers. Nothing is compiled for that:
/// it is asked where the organisation's chain is held.
fn only_requests(definition: &Value) -> Option<String> {
    let mut enabled = definition["checks"].as_array()?.iter().filter(|check| check["is_enabled"] != json!(false));
    let only = |check: &Value| catalogue::find(check["id"].as_str()?).filter(|known| known.only_requests);
    enabled.find_map(only).map(|known| known.label.to_owned())
}
