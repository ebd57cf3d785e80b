//! The guardrails' server functions.

use super::model::{AllCalls, GuardrailPage, Guardrails, NewGuardrail, Samples, Saved, Tried, Typed, Versions};
use crate::kernel::{Asked, Error, SampleId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{model::PAGE, operations},
    crate::{policy::Operation, site::routes, web},
};

#[server(prefix = "/fn", endpoint = "guardrails/list")]
pub async fn load_guardrails(slug: String, #[server(flatten)] asked: Asked) -> Result<Guardrails, Error> {
    operations::list(&web::member(&slug).await?, &asked, asked.window(PAGE)).await
}

/// One guardrail. Where a form comes back that was not saved, `typed` is JSON of its fields and `step` what its button
/// asked for.
#[server(prefix = "/fn", endpoint = "guardrails/get")]
pub async fn load_guardrail(
    slug: String,
    of: String,
    #[server(default)] typed: String,
    #[server(default)] step: String,
) -> Result<GuardrailPage, Error> {
    operations::page(&web::member(&slug).await?, &of, &read(&typed), &step).await
}

/// What a new guardrail begins with; the rest as above.
#[server(prefix = "/fn", endpoint = "guardrails/begin")]
pub async fn load_new_guardrail(
    slug: String,
    #[server(default)] from: String,
    #[server(default)] typed: String,
    #[server(default)] step: String,
) -> Result<NewGuardrail, Error> {
    operations::begin(&web::member(&slug).await?, &from, &read(&typed), &step).await
}

#[cfg(feature = "ssr")]
fn read(typed: &str) -> Typed {
    serde_json::from_str(typed).unwrap_or_default()
}

/// What the guardrail that is typed says of the text that stands beside it.
#[server(prefix = "/fn", endpoint = "guardrails/try")]
pub async fn try_guardrail(
    slug: String,
    #[server(default)] of: String,
    #[server(flatten)] typed: Typed,
) -> Result<Tried, Error> {
    operations::try_typed(&web::member(&slug).await?, &of, &typed).await
}

/// Makes a guardrail and goes to its page. With a step nothing is made.
#[server(prefix = "/fn", endpoint = "guardrails/create")]
pub async fn create_guardrail(
    slug: String,
    #[server(default)] step: String,
    #[server(flatten)] typed: Typed,
) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    if !step.is_empty() {
        return Err(access.only_stepped(Operation::GuardrailCreate));
    }
    let made = operations::create(&access, operations::draft_of(&typed, None)).await.map_err(operations::in_form)?;
    web::redirect(&routes::guardrail(&slug, &made.slug).with("done", "made"));
    Ok(())
}

/// Saves a guardrail: a new version, where its definition is another. With a step nothing is saved.
#[server(prefix = "/fn", endpoint = "guardrails/update")]
pub async fn update_guardrail(
    slug: String,
    of: String,
    version: i64,
    #[server(default)] step: String,
    #[server(flatten)] typed: Typed,
) -> Result<Saved, Error> {
    let access = web::member(&slug).await?;
    if !step.is_empty() {
        return Err(access.only_stepped(Operation::GuardrailUpdate));
    }
    let edit = |stored: &super::model::Detail| operations::draft_of(&typed, Some(stored));
    operations::update(&access, &of, Some(version), edit).await.map_err(operations::in_form)
}

#[server(prefix = "/fn", endpoint = "guardrails/versions")]
pub async fn load_versions(
    slug: String,
    of: String,
    #[server(default)] was: String,
    #[server(default)] now: String,
    #[server(flatten)] asked: Asked,
) -> Result<Versions, Error> {
    let (was, now) = (was.parse().ok(), now.parse().ok());
    operations::versions(&web::member(&slug).await?, &of, was, now, asked.window(PAGE)).await
}

/// Makes a new version with the definition of an old one, and goes to the list of versions.
#[server(prefix = "/fn", endpoint = "guardrails/restore")]
pub async fn restore_guardrail(slug: String, of: String, number: i64) -> Result<(), Error> {
    operations::restore(&web::member(&slug).await?, &of, number).await.map_err(operations::in_form)?;
    web::redirect(&routes::guardrail_versions(&slug, &of).with("done", "restored"));
    Ok(())
}

/// Says whether it judges every request and every answer: `yes` each, or nothing.
#[server(prefix = "/fn", endpoint = "guardrails/enforce")]
pub async fn enforce_guardrail(
    slug: String,
    of: String,
    #[server(default)] requests: String,
    #[server(default)] answers: String,
) -> Result<AllCalls, Error> {
    let (requests, answers) = (Some(requests == "yes"), Some(answers == "yes"));
    operations::enforce(&web::member(&slug).await?, &of, requests, answers).await
}

#[server(prefix = "/fn", endpoint = "guardrails/samples")]
pub async fn load_samples(slug: String, of: String) -> Result<Samples, Error> {
    operations::samples(&web::member(&slug).await?, &of).await
}

/// Keeps a text with the verdict that it should have: `passes` is `yes` or `no`, `side` is `request` or `answer`.
#[server(prefix = "/fn", endpoint = "guardrails/keep_sample")]
pub async fn keep_sample(
    slug: String,
    of: String,
    #[server(default)] side: String,
    #[server(default)] text: String,
    #[server(default)] passes: String,
) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    operations::keep_sample(&access, &of, side == "answer", &text, passes == "yes").await?;
    web::redirect(&routes::guardrail_samples(&slug, &of).with("done", "kept"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "guardrails/drop_sample")]
pub async fn drop_sample(slug: String, of: String, sample: SampleId) -> Result<(), Error> {
    operations::drop_sample(&web::member(&slug).await?, &of, sample).await?;
    web::redirect(&routes::guardrail_samples(&slug, &of).with("done", "dropped"));
    Ok(())
}

/// Deletes a guardrail that nothing uses, and goes to the list.
#[server(prefix = "/fn", endpoint = "guardrails/delete")]
pub async fn delete_guardrail(slug: String, of: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, &of).await?;
    web::redirect(&routes::guardrails(&slug).with("done", "deleted"));
    Ok(())
}
