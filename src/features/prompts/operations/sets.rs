//! Values that a prompt is tried with, kept under a name, and two of its versions beside each other over all of them.

use super::{compile::components, run, store, subject};
use crate::{
    features::prompts::model::{
        Content, Detail, Filled, Kind, MODEL_LIMIT, Ran,
        sets::{
            Compared, ComparedRow, Heading, MOST_COMPARED, MOST_SETS, SET_NAME_LIMIT, SHOWN, Sets, Side, VALUES_LIMIT,
            ValueSet,
        },
    },
    kernel::{Error, Fields, Result, UserId, ValuesId, text},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
        database::OrgTx,
    },
    web::models::ModelCalls,
};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::sync::Arc;

/// Calls of one comparison that are under way at the same time.
const AT_ONCE: usize = 4;

async fn prompt(tx: &mut OrgTx, access: &Access, of: &str) -> Result<Detail> {
    store::find(tx, Kind::Prompt, of, access.now()).await?.ok_or_else(Error::not_found)
}

/// The values of a prompt that its reader sees.
pub async fn list(access: &Access, of: &str) -> Result<Sets> {
    let user = access.user()?;
    let mut tx = access.read(Operation::PromptValues).await?;
    let prompt = prompt(&mut tx, access, of).await?;
    let sets = store::sets::of(&mut tx, prompt.id, user).await?;
    let variables = components(&mut tx, &prompt.content, Kind::Prompt).await?.variables;
    let labels = prompt.labels.iter().map(|pointer| (pointer.label.clone(), pointer.number)).collect();
    Ok(Sets {
        sets,
        variables,
        model: prompt.content.model,
        prompt: Heading { slug: prompt.slug, name: prompt.name, current: prompt.current, labels },
        now: access.now(),
    })
}

/// Keeps values (`values`: a JSON object) under a name, for their keeper alone or for everybody. Those of the same name give
/// place. Gives all that the keeper sees now.
pub async fn keep(access: &Access, of: &str, name: &str, values: &str, is_shared: bool) -> Result<Vec<ValueSet>> {
    access
        .act(Operation::PromptKeepValues, Subject::unnamed(Kind::Prompt.name(), of), |mut change| async move {
            let user = change.access().user()?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::find(change.tx(), Kind::Prompt, of, now).await?.ok_or_else(Error::not_found)?;
            let mut fields = Fields::default();
            let name = fields.take("set_name", text::line("The name", name, SET_NAME_LIMIT));
            let values = fields.take("values", object(values));
            let (name, values) = fields.build(|| Some((name?, values?)))?;
            let all = store::sets::of(change.tx(), was.id, user).await?;
            let same: Vec<_> = all.iter().filter(|set| set.is_shared == is_shared).collect();
            let is_replaced = same.iter().any(|set| set.name == name);
            let whose = if is_shared { "Everybody together keeps" } else { "You keep" };
            if same.len() >= MOST_SETS && !is_replaced {
                return Err(Error::conflict(format!("{whose} at most {MOST_SETS} sets of values for a prompt.")));
            }
            let others: usize = same.iter().filter(|set| set.name != name).map(|set| set.values.len()).sum();
            if others + values.len() > VALUES_LIMIT {
                let most = VALUES_LIMIT >> 10;
                return Err(Error::conflict(format!("{whose} at most {most} KiB of values for a prompt.")));
            }
            let (id, created_by) = (ValuesId::new(), by);
            let set = ValueSet { id, name, values, is_shared, created_by, created_at: now };
            store::sets::keep(change.tx(), was.id, user, &set).await?;
            let all = store::sets::of(change.tx(), was.id, user).await?;
            let event = Event::of(subject(Kind::Prompt, &was.slug, &was.name))
                .with("values", set.name.as_str())
                .with("shared", is_shared)
                .with("replaced", is_replaced);
            change.commit(event, all).await
        })
        .await
}

/// A JSON object, without the spaces between its parts.
fn object(text: &str) -> std::result::Result<String, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let most = VALUES_LIMIT >> 10;
    if text.len() > VALUES_LIMIT {
        return Err(format!("Values have at most {most} KiB."));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(values)) if values.is_empty() => Err("There are no values to keep.".to_owned()),
        Ok(value @ Value::Object(_)) => Ok(value.to_string()),
        Ok(_) => Err("Values must be a JSON object.".to_owned()),
        Err(error) => Err(format!("This is not valid JSON: line {}, column {}.", error.line(), error.column())),
    }
}

/// Removes one's own values, or everybody's.
pub async fn drop_values(access: &Access, of: &str, id: ValuesId) -> Result<()> {
    access
        .act(Operation::PromptDropValues, Subject::unnamed(Kind::Prompt.name(), of), |mut change| async move {
            let user = change.access().user()?;
            let now = change.now();
            let was = store::find(change.tx(), Kind::Prompt, of, now).await?.ok_or_else(Error::not_found)?;
            let set = store::sets::find(change.tx(), was.id, id, user).await?.ok_or_else(Error::not_found)?;
            store::sets::drop_one(change.tx(), was.id, id).await?;
            let event = Event::of(subject(Kind::Prompt, &was.slug, &was.name))
                .change("values", set.name.as_str(), Value::Null)
                .with("shared", set.is_shared);
            change.commit(event, ()).await
        })
        .await
}

/// Forgets what a person who goes has kept for themselves.
pub async fn forget_of(tx: &mut OrgTx, user: UserId) -> Result<()> {
    store::sets::forget_of(tx, user).await
}

/// Runs two versions over the sets of values that the caller sees, as [`run::run`] does: `AT_ONCE` calls at a time. A call that
/// fails is told in its place.
pub async fn compare(access: &Access, models: Arc<dyn ModelCalls>, of: &str, sides: [Side; 2]) -> Result<Compared> {
    for (side, field) in sides.iter().zip(["was_model", "now_model"]) {
        if side.model.chars().count() > MODEL_LIMIT {
            return Err(Error::field(field, format!("A model has at most {MODEL_LIMIT} characters.")));
        }
    }
    let user = access.user()?;
    let mut tx = access.read(Operation::PromptTry).await?;
    let prompt = prompt(&mut tx, access, of).await?;
    let mut sets = store::sets::of(&mut tx, prompt.id, user).await?;
    sets.truncate(MOST_COMPARED);
    if sets.is_empty() {
        return Err(Error::conflict("There are no values to run them with. Keep a set first."));
    }
    let (mut contents, mut told) = (vec![], vec![]);
    for (side, field) in sides.into_iter().zip(["was", "now"]) {
        let whole = store::VERSIONS.one(&mut tx, prompt.id, side.number).await?;
        let whole = whole.ok_or_else(|| Error::field(field, "There is no such version."))?;
        let mut content: Content = store::content(&whole.text)?;
        if !side.model.trim().is_empty() {
            side.model.trim().clone_into(&mut content.model);
        }
        told.push(format!("v{}, {}", side.number, if content.model.is_empty() { "no model" } else { &content.model }));
        contents.push(content);
    }
    drop(tx);
    let is_strict = prompt.is_strict;
    let mut calls = vec![];
    for set in &sets {
        for content in &contents {
            let (content, values, models) = (content.clone(), set.values.clone(), models.clone());
            calls.push(async move {
                match run::run(access, models, &content, &values, is_strict).await {
                    Ok(pieces) => shown(run::whole(pieces).await),
                    Err(error) => {
                        Ran { filled: Filled { refusal: error.message, ..Filled::default() }, ..Ran::default() }
                    }
                }
            });
        }
    }
    let runs: Vec<Ran> = stream::iter(calls).buffered(AT_ONCE).collect().await;
    let mut runs = runs.into_iter();
    let mut rows = vec![];
    for set in sets {
        if let (Some(left), Some(right)) = (runs.next(), runs.next()) {
            rows.push(ComparedRow { set: set.name, left, right });
        }
    }
    let [left, right] = [0, 1].map(|at| told.get(at).cloned().unwrap_or_default());
    Ok(Compared { sides: [left, right], rows })
}

/// What a comparison shows of a run.
fn shown(mut ran: Ran) -> Ran {
    ran.filled.request.clear();
    if ran.text.chars().count() > SHOWN {
        ran.text = format!("{}…", text::cut(&ran.text, SHOWN));
    }
    ran
}
