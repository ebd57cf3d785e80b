//! The prompts' server functions. Those of partials do the same under names of their own.

use super::model::{
    Checked, Filled, Label, NewPrompt, PromptPage, Prompts, Ran, Saved, Typed, Versions,
    sets::{Compared, Sets, ValueSet},
};
use crate::kernel::{Asked, Error, ValuesId};
use leptos::{
    prelude::*,
    server_fn::codec::{StreamingText, TextStream},
};

#[cfg(feature = "ssr")]
use {
    super::{
        model::{Detail, Kind, LabelDraft, PAGE, Piece, sets::Side},
        operations::{self, collections, labels, labels::Expected, labels::To},
        paths,
    },
    crate::{policy::Operation, server::access::Access, site::routes, web},
    futures_util::{Stream, StreamExt},
};

#[server(prefix = "/fn", endpoint = "prompts/list")]
pub async fn load_prompts(slug: String, #[server(flatten)] asked: Asked) -> Result<Prompts, Error> {
    operations::list(&web::member(&slug).await?, Kind::Prompt, &asked, asked.window(PAGE)).await
}

#[server(prefix = "/fn", endpoint = "partials/list")]
pub async fn load_partials(slug: String, #[server(flatten)] asked: Asked) -> Result<Prompts, Error> {
    operations::list(&web::member(&slug).await?, Kind::Partial, &asked, asked.window(PAGE)).await
}

/// One prompt in its newest version, or in the one of this number.
#[server(prefix = "/fn", endpoint = "prompts/get")]
pub async fn load_prompt(slug: String, of: String, #[server(default)] number: String) -> Result<PromptPage, Error> {
    operations::page(&web::member(&slug).await?, Kind::Prompt, &of, number.parse().ok()).await
}

#[server(prefix = "/fn", endpoint = "partials/get")]
pub async fn load_partial(slug: String, of: String, #[server(default)] number: String) -> Result<PromptPage, Error> {
    operations::page(&web::member(&slug).await?, Kind::Partial, &of, number.parse().ok()).await
}

/// What a new prompt, or with `partial` a new partial, begins with: a copy of one that is there, if `from` names it.
#[server(prefix = "/fn", endpoint = "prompts/begin")]
pub async fn load_new_prompt(
    slug: String,
    #[server(default)] partial: String,
    #[server(default)] from: String,
) -> Result<NewPrompt, Error> {
    operations::begin(&web::member(&slug).await?, kind_of(&partial), &from).await
}

#[cfg(feature = "ssr")]
fn kind_of(partial: &str) -> Kind {
    if partial == "yes" { Kind::Partial } else { Kind::Prompt }
}

/// What is said of a text while it is typed.
#[server(prefix = "/fn", endpoint = "prompts/check")]
pub async fn check_prompt(
    slug: String,
    #[server(default)] partial: String,
    #[server(flatten)] typed: Typed,
) -> Result<Checked, Error> {
    let access = web::member(&slug).await?;
    operations::check(&access, kind_of(&partial), &operations::content_of(&typed)?).await
}

/// What the prompt that is typed comes to with the values beside it (`values`: a JSON object).
#[server(prefix = "/fn", endpoint = "prompts/fill")]
pub async fn fill_prompt(
    slug: String,
    #[server(default)] values: String,
    #[server(flatten)] typed: Typed,
) -> Result<Filled, Error> {
    let access = web::member(&slug).await?;
    let is_strict = typed.get("is_strict") == "yes";
    let values = values_of(&values, &typed);
    operations::fill(&access, &operations::content_of(&typed)?, &values, is_strict).await
}

/// The values of a run: those that are typed as JSON, and those that have a field of their own (`value.name`), which win.
#[cfg(feature = "ssr")]
fn values_of(values: &str, typed: &Typed) -> String {
    let told = if values.trim().is_empty() { "{}" } else { values };
    let Ok(serde_json::Value::Object(mut all)) = serde_json::from_str(told) else { return values.to_owned() };
    for (field, value) in &typed.0 {
        let Some(name) = field.strip_prefix("value.").filter(|_| !value.is_empty()) else { continue };
        // A name with dots is a value in a value.
        let mut place = &mut all;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), value.replace("\r\n", "\n").into());
                break;
            }
            let inner = place.entry(part).or_insert_with(|| serde_json::json!({}));
            let serde_json::Value::Object(inner) = inner else { break };
            place = inner;
        }
    }
    serde_json::Value::Object(all).to_string()
}

/// Runs the prompt that is typed with the values beside it: what comes of it, as lines of JSON ([`Piece`]).
#[server(prefix = "/fn", endpoint = "prompts/run", output = StreamingText)]
pub async fn run_prompt(
    slug: String,
    #[server(default)] values: String,
    #[server(flatten)] typed: Typed,
) -> Result<TextStream<Error>, Error> {
    let line = |piece: Piece| serde_json::to_string(&piece).map(|text| text + "\n").map_err(|_| Error::internal());
    Ok(TextStream::new(ran(&slug, &values, &typed).await?.map(line)))
}

/// The same, once it has come to its end.
#[server(prefix = "/fn", endpoint = "prompts/answer")]
pub async fn answer_prompt(
    slug: String,
    #[server(default)] values: String,
    #[server(flatten)] typed: Typed,
) -> Result<Ran, Error> {
    Ok(operations::run::whole(ran(&slug, &values, &typed).await?).await)
}

#[cfg(feature = "ssr")]
async fn ran(slug: &str, values: &str, typed: &Typed) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
    let access = web::member(slug).await?;
    let is_strict = typed.get("is_strict") == "yes";
    let (content, values) = (operations::content_of(typed)?, values_of(values, typed));
    operations::run::run(&access, web::models()?, &content, &values, is_strict).await
}

/// The values that a prompt is tried with: one's own and everybody's.
#[server(prefix = "/fn", endpoint = "prompts/values")]
pub async fn load_values(slug: String, of: String) -> Result<Sets, Error> {
    operations::sets::list(&web::member(&slug).await?, &of).await
}

/// Keeps the values that are typed, as [`fill_prompt`] takes them, under a name (`set_name`), for everybody if `set_shared` is
/// `yes`.
#[server(prefix = "/fn", endpoint = "prompts/keep_values")]
pub async fn keep_values(
    slug: String,
    of: String,
    #[server(default)] values: String,
    #[server(flatten)] typed: Typed,
) -> Result<Vec<ValueSet>, Error> {
    let (values, is_shared) = (values_of(&values, &typed), typed.get("set_shared") == "yes");
    let kept =
        operations::sets::keep(&web::member(&slug).await?, &of, typed.get("set_name"), &values, is_shared).await?;
    // The editor is not left by it: what is typed there is not saved.
    if typed.get("then") == "values" {
        web::redirect(&routes::prompt_values(&slug, &of).with("done", "kept"));
    }
    Ok(kept)
}

#[server(prefix = "/fn", endpoint = "prompts/drop_values")]
pub async fn drop_values(slug: String, of: String, values: ValuesId) -> Result<(), Error> {
    operations::sets::drop_values(&web::member(&slug).await?, &of, values).await?;
    web::redirect(&routes::prompt_values(&slug, &of).with("done", "dropped"));
    Ok(())
}

/// Runs two versions over all values that are kept: the numbers `was` and `now`, each with the model of its own or with that
/// which is named.
#[server(prefix = "/fn", endpoint = "prompts/compare")]
pub async fn compare_prompts(
    slug: String,
    of: String,
    was: i64,
    now: i64,
    #[server(default)] was_model: String,
    #[server(default)] now_model: String,
) -> Result<Compared, Error> {
    let sides = [Side { number: was, model: was_model }, Side { number: now, model: now_model }];
    operations::sets::compare(&web::member(&slug).await?, web::models()?, &of, sides).await
}

#[cfg(feature = "ssr")]
async fn create(access: &Access, kind: Kind, slug: &str, typed: &Typed) -> Result<(), Error> {
    if typed.is_step() {
        return Err(access.only_stepped(kind.acts().create));
    }
    let made =
        operations::create(access, kind, operations::draft_of(typed, None)).await.map_err(operations::in_form)?;
    web::redirect(&paths::item(kind, slug, &made.slug).with("done", "made"));
    Ok(())
}

/// Makes a prompt and goes to its page. With a step nothing is made.
#[server(prefix = "/fn", endpoint = "prompts/create")]
pub async fn create_prompt(slug: String, #[server(flatten)] typed: Typed) -> Result<(), Error> {
    create(&web::member(&slug).await?, Kind::Prompt, &slug, &typed).await
}

/// Makes the prompt or partial that a file holds, and goes to its page.
#[server(prefix = "/fn", endpoint = "prompts/import")]
pub async fn import_prompt(slug: String, #[server(default)] file: String) -> Result<(), Error> {
    let (kind, made) = operations::files::import(&web::member(&slug).await?, &file).await?;
    web::redirect(&paths::item(kind, &slug, &made.slug).with("done", "made"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "partials/create")]
pub async fn create_partial(slug: String, #[server(flatten)] typed: Typed) -> Result<(), Error> {
    create(&web::member(&slug).await?, Kind::Partial, &slug, &typed).await
}

#[cfg(feature = "ssr")]
async fn update(access: &Access, kind: Kind, of: &str, version: i64, typed: &Typed) -> Result<Saved, Error> {
    if typed.is_step() {
        return Err(access.only_stepped(kind.acts().update));
    }
    let edit = |stored: &Detail| operations::draft_of(typed, Some(&stored.content));
    operations::update(access, kind, of, Some(version), edit).await.map_err(operations::in_form)
}

/// Saves a prompt: a new version, where what it holds is another. With a step nothing is saved.
#[server(prefix = "/fn", endpoint = "prompts/update")]
pub async fn update_prompt(
    slug: String,
    of: String,
    version: i64,
    #[server(flatten)] typed: Typed,
) -> Result<Saved, Error> {
    update(&web::member(&slug).await?, Kind::Prompt, &of, version, &typed).await
}

#[server(prefix = "/fn", endpoint = "partials/update")]
pub async fn update_partial(
    slug: String,
    of: String,
    version: i64,
    #[server(flatten)] typed: Typed,
) -> Result<Saved, Error> {
    update(&web::member(&slug).await?, Kind::Partial, &of, version, &typed).await
}

#[server(prefix = "/fn", endpoint = "prompts/versions")]
pub async fn load_versions(
    slug: String,
    of: String,
    #[server(default)] was: String,
    #[server(default)] now: String,
    #[server(flatten)] asked: Asked,
) -> Result<Versions, Error> {
    let (was, now) = (was.parse().ok(), now.parse().ok());
    operations::versions(&web::member(&slug).await?, Kind::Prompt, &of, was, now, asked.window(PAGE)).await
}

#[server(prefix = "/fn", endpoint = "partials/versions")]
pub async fn load_partial_versions(
    slug: String,
    of: String,
    #[server(default)] was: String,
    #[server(default)] now: String,
    #[server(flatten)] asked: Asked,
) -> Result<Versions, Error> {
    let (was, now) = (was.parse().ok(), now.parse().ok());
    operations::versions(&web::member(&slug).await?, Kind::Partial, &of, was, now, asked.window(PAGE)).await
}

/// Goes back to the versions, and has them say what was done.
#[cfg(feature = "ssr")]
fn back(kind: Kind, slug: &str, of: &str, done: &str) {
    web::redirect(&paths::versions(kind, slug, of).with("done", done));
}

/// Makes a new version with the content of an old one.
#[server(prefix = "/fn", endpoint = "prompts/restore")]
pub async fn restore_prompt(slug: String, of: String, number: i64) -> Result<(), Error> {
    operations::restore(&web::member(&slug).await?, Kind::Prompt, &of, &number.to_string()).await?;
    back(Kind::Prompt, &slug, &of, "restored");
    Ok(())
}

#[server(prefix = "/fn", endpoint = "partials/restore")]
pub async fn restore_partial(slug: String, of: String, number: i64) -> Result<(), Error> {
    operations::restore(&web::member(&slug).await?, Kind::Partial, &of, &number.to_string()).await?;
    back(Kind::Partial, &slug, &of, "restored");
    Ok(())
}

/// Moves a label to a version; none takes it away. `was` is where the page showed it, 0 nowhere.
#[cfg(feature = "ssr")]
async fn put(
    access: &Access,
    operation: Operation,
    what: (Kind, &str),
    label: &str,
    to: To<'_>,
    was: i64,
) -> Result<(), Error> {
    let expected = Expected::At((was > 0).then_some(was));
    labels::move_label(access, operation, what, label, to, expected).await.map(|_| ())
}

/// Publishes a version.
#[server(prefix = "/fn", endpoint = "prompts/publish")]
pub async fn publish_prompt(slug: String, of: String, number: i64, was: i64) -> Result<(), Error> {
    let (access, number) = (web::member(&slug).await?, number.to_string());
    let what = (Kind::Prompt, of.as_str());
    put(&access, Operation::PromptPublish, what, super::model::PRODUCTION, To::Version(&number), was).await?;
    back(Kind::Prompt, &slug, &of, "published");
    Ok(())
}

#[server(prefix = "/fn", endpoint = "partials/publish")]
pub async fn publish_partial(slug: String, of: String, number: i64, was: i64) -> Result<(), Error> {
    let (access, number) = (web::member(&slug).await?, number.to_string());
    let what = (Kind::Partial, of.as_str());
    put(&access, Operation::PartialPublish, what, super::model::PRODUCTION, To::Version(&number), was).await?;
    back(Kind::Partial, &slug, &of, "published");
    Ok(())
}

/// Moves a label of a prompt; number 0 takes it away.
#[server(prefix = "/fn", endpoint = "prompts/label")]
pub async fn move_label(slug: String, of: String, label: String, number: i64, was: i64) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    let version = number.to_string();
    let to = if number > 0 { To::Version(&version) } else { To::Nowhere };
    put(&access, Operation::PromptLabel, (Kind::Prompt, &of), &label, to, was).await?;
    back(Kind::Prompt, &slug, &of, "moved");
    Ok(())
}

/// Proposes a version for a label.
#[server(prefix = "/fn", endpoint = "prompts/propose")]
pub async fn propose(
    slug: String,
    #[server(default)] partial: String,
    of: String,
    label: String,
    number: i64,
    #[server(default)] message: String,
) -> Result<(), Error> {
    let what = (kind_of(&partial), of.as_str());
    labels::propose(&web::member(&slug).await?, what, &label, &number.to_string(), &message).await?;
    back(what.0, &slug, &of, "proposed");
    Ok(())
}

/// Lets some of a label's calls run this version; 0 per cent ends that. `was` is where the page showed the label.
#[server(prefix = "/fn", endpoint = "prompts/roll_out")]
pub async fn roll_out(
    slug: String,
    of: String,
    label: String,
    #[server(default)] number: String,
    #[server(default)] percent: String,
    #[server(default)] sticky_by: String,
    was: i64,
) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    // What is no number is out of bounds.
    let percent = percent.trim().parse().unwrap_or(-1);
    labels::roll_out(&access, &of, &label, (&number, percent, &sticky_by), Expected::At(Some(was))).await?;
    back(Kind::Prompt, &slug, &of, "rolled");
    Ok(())
}

/// Agrees to a proposal of this version.
#[server(prefix = "/fn", endpoint = "prompts/agree")]
pub async fn agree(
    slug: String,
    #[server(default)] partial: String,
    of: String,
    label: String,
    number: i64,
) -> Result<(), Error> {
    let kind = kind_of(&partial);
    labels::agree(&web::member(&slug).await?, (kind, &of), &label, number).await?;
    back(kind, &slug, &of, "agreed");
    Ok(())
}

/// Takes a proposal back, or refuses it.
#[server(prefix = "/fn", endpoint = "prompts/withdraw")]
pub async fn withdraw(
    slug: String,
    #[server(default)] partial: String,
    of: String,
    label: String,
) -> Result<(), Error> {
    let kind = kind_of(&partial);
    labels::withdraw(&web::member(&slug).await?, (kind, &of), &label).await?;
    back(kind, &slug, &of, "withdrawn");
    Ok(())
}

#[server(prefix = "/fn", endpoint = "prompts/delete")]
pub async fn delete_prompt(slug: String, of: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, Kind::Prompt, &of).await?;
    web::redirect(&paths::list(Kind::Prompt, &slug).with("done", "deleted"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "partials/delete")]
pub async fn delete_partial(slug: String, of: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, Kind::Partial, &of).await?;
    web::redirect(&paths::list(Kind::Partial, &slug).with("done", "deleted"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "collections/create")]
pub async fn create_collection(slug: String, #[server(default)] name: String) -> Result<(), Error> {
    collections::create(&web::member(&slug).await?, &name).await?;
    web::redirect(&routes::prompt_folders(&slug).with("done", "made"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "collections/update")]
pub async fn rename_collection(slug: String, of: String, #[server(default)] name: String) -> Result<(), Error> {
    collections::update(&web::member(&slug).await?, &of, Some(&name)).await?;
    web::redirect(&routes::prompt_folders(&slug).with("done", "renamed"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "collections/delete")]
pub async fn delete_collection(slug: String, of: String) -> Result<(), Error> {
    collections::delete(&web::member(&slug).await?, &of).await?;
    web::redirect(&routes::prompt_folders(&slug).with("done", "deleted"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "labels/list")]
pub async fn load_labels(slug: String) -> Result<Vec<Label>, Error> {
    labels::list(&web::member(&slug).await?).await
}

/// What a form says of a label.
#[cfg(feature = "ssr")]
fn label_draft(typed: &Typed) -> LabelDraft {
    let field = |name: &str| typed.get(name).to_owned();
    LabelDraft {
        name: field("name"),
        description: field("description"),
        colour: field("color_code"),
        movers: field("movers"),
        needs_second: typed.get("needs_second") == "yes",
    }
}

#[server(prefix = "/fn", endpoint = "labels/create")]
pub async fn create_label(slug: String, #[server(flatten)] typed: Typed) -> Result<(), Error> {
    labels::create(&web::member(&slug).await?, label_draft(&typed)).await?;
    web::redirect(&routes::prompt_labels(&slug).with("done", "made"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "labels/update")]
pub async fn update_label(
    slug: String,
    of: String,
    version: i64,
    #[server(flatten)] typed: Typed,
) -> Result<(), Error> {
    labels::update(&web::member(&slug).await?, &of, Some(version), |_| label_draft(&typed)).await?;
    web::redirect(&routes::prompt_labels(&slug).with("done", "saved"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "labels/delete")]
pub async fn delete_label(slug: String, of: String) -> Result<(), Error> {
    labels::delete(&web::member(&slug).await?, &of).await?;
    web::redirect(&routes::prompt_labels(&slug).with("done", "deleted"));
    Ok(())
}
