//! What can be done with guardrails: they are listed, read, made, changed, set for every call and deleted here. What is read
//! of a definition, the versions that there were, samples, and trials of a text stand in files of their own.

use super::{
    bench::{self, Sampled},
    form,
    model::{
        self, AllCalls, Detail, Editing, GuardrailPage, Guardrails, MOST, MOST_OF_ALL_CALLS, NewGuardrail, Sample,
        Saved, Typed,
    },
    store::{self, Facts},
};
use crate::{
    features::versions::{self, NewVersion, model::parse_message},
    kernel::{Asked, Error, Fields, GuardrailId, Result, Window, text},
    policy::{Operation, Target},
    server::{
        access::{Access, Change, Committed},
        audit::{
            self,
            event::{Event, Subject},
        },
        crypto::WebhookSigner,
        database::{OrgTx, listing::Page},
    },
};
use definition::{Sound, compiled, definition, only_requests, sound};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

mod definition;
mod history;
mod samples;
mod trying;

pub use definition::{Named, in_form, named};
pub use history::{restore, version, versions, whole_versions};
pub use samples::{drop_sample, keep_sample, samples};
pub use trying::{try_text, try_typed};

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
        "try" => Some(trying::tried(access, typed, stored).await),
        _ => None,
    };
    Editing { blocks, actions: form::actions_typed(typed), tried }
}

/// The draft that a form is read to. What it has no field for stays as in `stored`.
pub fn draft_of(typed: &Typed, stored: Option<&Detail>) -> Draft {
    let stored = stored.map_or(Value::Null, |stored| definition(&stored.text));
    let mut refused = Fields::default();
    let blocks = form::blocks_typed(typed, "");
    let definition = form::definition_of(&blocks, &form::actions_typed(typed), &stored, &mut refused);
    let field = |name: &str| typed.get(name).to_owned();
    Draft { name: field("name"), description: field("description"), message: field("message"), definition, refused }
}

/// The values of the other fields and the definition, or one error that tells of all that is wrong, once for each field:
/// what could not be read is not called missing besides.
fn all<A>(
    fields: Fields,
    refused: Fields,
    sound: Result<Sound>,
    make: impl FnOnce() -> Option<A>,
) -> Result<(A, Sound)> {
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
            store::VERSIONS.insert(change.tx(), id, &new, now).await?;
            let made = store::find(change.tx(), &slug, now).await?.ok_or_else(Error::internal)?;
            change.commit(versions::events::made(subject(&made), &name, &sound.text), made).await
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
    let number = versions::next("A guardrail", was.current, is_new)?;
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
        store::VERSIONS.insert(change.tx(), was.id, &new, now).await?;
        event = versions::events::followed(event, &was.text, &new);
    }
    change.commit(event, Saved { number, version_id, is_new, broken: sampled.broken }).await
}

/// Why a guardrail may hold no check that says nothing about answers, if it may not.
fn judges_answers(guardrail: &Detail, check: &str) -> Option<String> {
    let begun = format!("“{check}” only knows requests, and this guardrail judges answers");
    if guardrail.all_calls.answers {
        return Some(format!(
            "{begun}: every one of the organisation. Take it from there first, or put the check into another guardrail."
        ));
    }
    let configs: Vec<_> =
        guardrail.configs.iter().filter(|used| used.on_answers).map(|used| used.name.as_str()).collect();
    if configs.is_empty() {
        return None;
    }
    Some(format!("{begun} in configs: {}. Put the check into another guardrail.", versions::names(configs)))
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
            let event = Event::of(subject(&was)).change("requests", old.requests, all_calls.requests).change(
                "answers",
                old.answers,
                all_calls.answers,
            );
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
            change.commit(versions::events::deleted(subject(&was), &was.slug, was.current, &was.text), ()).await
        })
        .await
}
