//! The prompts' management calls. Labels and folders have files of their own; filling and running a prompt is the gateway's.

mod bodies;
mod collections;
mod labels;
mod partials;

use super::{
    model::{Checked, Components, Content, Detail, Draft, Kind, Listed, Pointer, Publish, Saved},
    operations::{self, labels::Expected, labels::To},
    store,
};
use crate::{
    features::versions::{Whole, rest::VersionsQuery},
    kernel::{Error, Fields, Result},
    policy::Operation,
    web::api::{Api, Call, Done, Flag, List, Nothing, asked, one_of, window},
};
use bodies::{CreatePrompt, PromptsQuery, PublishVersion, UpdatePrompt};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    let api = api
        .serve(Operation::PromptsList, "List prompts", list)
        .serve(Operation::PromptGet, "Read a prompt in the version that the address names", get)
        .serve(Operation::PromptCreate, "Make a prompt; its first version is published where the key may do so", create)
        .serve(
            Operation::PromptUpdate,
            "Change a prompt; another content makes a version that is not published",
            update,
        )
        .serve(Operation::PromptDelete, "Delete a prompt with its versions", delete)
        .serve(Operation::PromptVersions, "List a prompt's versions, the newest first", versions)
        .serve(Operation::PromptVersion, "Read one version of a prompt", version)
        .serve(Operation::PromptRestore, "Make a new version with the content of an old one", restore)
        .serve(Operation::PromptPublish, "Publish a version: move the label production to it", publish);
    collections::register(labels::register(partials::register(api)))
}

/// What a model shall do with its tools.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ToolChoice {
    Word(String),
    Tool(serde_json::Map<String, Value>),
}

/// Where a label stands.
#[derive(Serialize, ToSchema)]
pub struct PromptLabelStand {
    label: String,
    version: i64,
    moved_by: String,
    moved_at: String,
    /// Another version that some of the calls run; `null`: none.
    roll_out: Option<RollOut>,
}

/// A version that some of a label's calls run.
#[derive(Serialize, ToSchema)]
pub struct RollOut {
    version: i64,
    /// How many calls in a hundred.
    percent: i64,
    /// The name of the metadata by whose value calls stay with one of the two versions.
    sticky_by: Option<String>,
}

/// A prompt or partial in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedPrompt {
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    collection_id: Option<String>,
    model: String,
    #[schema(example = "active")]
    status: &'static str,
    organisation_id: String,
    workspace_id: String,
    created_at: String,
    last_updated_at: String,
    updated_by: String,
    /// The number of its newest version.
    current_version: i64,
    /// The number of the published version.
    published_version: Option<i64>,
    /// The labels at it.
    labels: Vec<String>,
}

/// The names in a prompt and in the partials within its reach.
#[derive(Serialize, ToSchema)]
pub struct VariableComponents {
    variables: Vec<String>,
    sections: Vec<String>,
    partials: Vec<String>,
}

impl From<Components> for VariableComponents {
    fn from(told: Components) -> Self {
        Self { variables: told.variables, sections: told.sections, partials: told.partials }
    }
}

/// A prompt in one version.
#[derive(Serialize, ToSchema)]
pub struct PromptView {
    #[schema(example = "prompt")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    collection_id: Option<String>,
    organisation_id: String,
    workspace_id: String,
    string: String,
    #[schema(value_type = Object)]
    parameters: Value,
    virtual_key: String,
    model: String,
    functions: Value,
    tools: Value,
    tool_choice: Value,
    template_metadata: Value,
    is_raw_template: i64,
    strict: bool,
    /// The number of the version that is shown.
    prompt_version: i64,
    prompt_version_id: String,
    /// `active` where it is published, else `archived`.
    prompt_version_status: &'static str,
    prompt_version_description: String,
    /// A label that stands at it, if one does.
    prompt_version_label_id: Option<String>,
    /// Where every label stands.
    labels: Vec<PromptLabelStand>,
    variable_components: VariableComponents,
    /// The number of its newest version.
    current_version: i64,
    published_version: Option<i64>,
    /// Counts the changes of the whole.
    revision: i64,
    #[schema(example = "active")]
    status: &'static str,
    created_by: String,
    created_at: String,
    updated_by: String,
    last_updated_at: String,
}

/// A prompt or partial that was made or changed.
#[derive(Serialize, ToSchema)]
pub struct SavedPrompt {
    object: &'static str,
    id: String,
    slug: String,
    version_id: String,
    prompt_version_id: String,
    prompt_partial_version_id: String,
    /// The number of the newest version.
    current_version: i64,
}

/// A version of a prompt.
#[derive(Serialize, ToSchema)]
pub struct PromptVersionView {
    #[schema(example = "prompt")]
    object: &'static str,
    id: String,
    prompt_id: String,
    prompt_version: i64,
    prompt_description: String,
    /// What it holds.
    #[schema(value_type = Object)]
    prompt_template: Value,
    label_id: Option<String>,
    labels: Vec<String>,
    #[schema(example = "active")]
    status: &'static str,
    created_by: String,
    created_at: String,
}

pub(super) async fn page_of(call: &Call, kind: Kind, query: PromptsQuery) -> Result<List<ListedPrompt>> {
    let window = window(query.page_size, query.current_page)?;
    let asked =
        asked([("q", query.search), ("folder", query.collection_id), ("label", query.label), ("sort", query.sort)]);
    let mut fields = Fields::default();
    one_of(&mut fields, &asked, "sort", &["name", "changed"]);
    fields.finish()?;
    let page = operations::list(&call.access, kind, &asked, window).await?;
    Ok(List::new(page.total, page.prompts).map(|prompt| listed(call, kind, prompt)))
}

async fn list(call: Call, query: PromptsQuery) -> Result<List<ListedPrompt>> {
    page_of(&call, Kind::Prompt, query).await
}

fn listed(call: &Call, kind: Kind, prompt: Listed) -> ListedPrompt {
    ListedPrompt {
        object: kind.name(),
        id: prompt.id.to_string(),
        collection_id: prompt.collection.as_ref().map(|(id, _)| id.to_string()),
        status: "active",
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        created_at: prompt.created_at.rfc3339(),
        last_updated_at: prompt.updated_at.rfc3339(),
        current_version: prompt.current,
        published_version: prompt.published(),
        labels: prompt.labels.iter().map(|(label, _)| label.clone()).collect(),
        slug: prompt.slug,
        name: prompt.name,
        model: prompt.model,
        updated_by: prompt.updated_by,
    }
}

async fn get(call: Call, _: Nothing) -> Result<PromptView> {
    let (prompt, checked) = operations::get(&call.access, Kind::Prompt, call.part("slug")).await?;
    Ok(view(&call, prompt, checked))
}

fn stands(labels: &[Pointer]) -> Vec<PromptLabelStand> {
    let stand = |pointer: &Pointer| PromptLabelStand {
        label: pointer.label.clone(),
        version: pointer.number,
        moved_by: pointer.moved_by.clone(),
        moved_at: pointer.moved_at.rfc3339(),
        roll_out: pointer.trial.as_ref().map(|trial| RollOut {
            version: trial.number,
            percent: trial.percent,
            sticky_by: Some(trial.sticky_by.clone()).filter(|name| !name.is_empty()),
        }),
    };
    labels.iter().map(stand).collect()
}

fn at(labels: &[Pointer], number: i64) -> Vec<String> {
    labels.iter().filter(|pointer| pointer.number == number).map(|pointer| pointer.label.clone()).collect()
}

fn view(call: &Call, prompt: Detail, checked: Checked) -> PromptView {
    let published = prompt.published();
    let content = prompt.content;
    let empty_object = || Value::Object(serde_json::Map::new());
    PromptView {
        object: "prompt",
        id: prompt.id.to_string(),
        collection_id: prompt.collection.map(|(id, _)| id.to_string()),
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        string: content.string,
        parameters: if content.parameters.is_null() { empty_object() } else { content.parameters },
        virtual_key: content.virtual_key,
        model: content.model,
        functions: content.functions,
        tools: content.tools,
        tool_choice: content.tool_choice,
        template_metadata: content.metadata,
        is_raw_template: i64::from(content.is_raw),
        strict: prompt.is_strict,
        prompt_version: prompt.number,
        prompt_version_id: prompt.version_id,
        prompt_version_status: if published == Some(prompt.number) { "active" } else { "archived" },
        prompt_version_description: prompt.message,
        prompt_version_label_id: at(&prompt.labels, prompt.number).into_iter().next(),
        labels: stands(&prompt.labels),
        variable_components: checked.components.into(),
        current_version: prompt.current,
        published_version: published,
        revision: prompt.version,
        status: "active",
        created_by: prompt.created_by,
        created_at: prompt.created_at.rfc3339(),
        updated_by: prompt.updated_by,
        last_updated_at: prompt.updated_at.rfc3339(),
        slug: prompt.slug,
        name: prompt.name,
    }
}

fn is_set(flag: Option<Flag>) -> bool {
    flag.is_some_and(|flag| flag.0)
}

async fn create(call: Call, new: CreatePrompt) -> Result<SavedPrompt> {
    let content = Content {
        string: new.string,
        form: String::new(),
        is_raw: is_set(new.is_raw_template),
        model: new.model.unwrap_or_default(),
        virtual_key: key_name(new.virtual_key),
        parameters: new.parameters.unwrap_or_default(),
        functions: new.functions.unwrap_or_default(),
        tools: new.tools.unwrap_or_default(),
        tool_choice: new.tool_choice.unwrap_or_default(),
        metadata: new.template_metadata.unwrap_or_default(),
    };
    let draft = Draft {
        name: new.name,
        slug: new.slug.unwrap_or_default(),
        collection: new.collection_id.unwrap_or_default(),
        content,
        message: new.version_description.unwrap_or_default(),
        is_strict: is_set(new.strict),
        publish: wish(new.publish),
    };
    operations::create(&call.access, Kind::Prompt, Ok(draft))
        .await
        .map_err(as_sent)
        .map(|made| saved(Kind::Prompt, made))
}

/// A virtual key as it is stored, however a caller names it.
fn key_name(sent: Option<String>) -> String {
    let sent = sent.unwrap_or_default();
    sent.strip_prefix('@').map_or(sent.clone(), str::to_owned)
}

/// What is said of publishing where a version is made for the first time.
pub(super) fn wish(publish: Option<Flag>) -> Publish {
    match publish {
        None => Publish::IfAllowed,
        Some(Flag(true)) => Publish::Yes,
        Some(Flag(false)) => Publish::No,
    }
}

/// An operation's error with its fields under the names that they have in a body.
pub(super) fn as_sent(error: Error) -> Error {
    crate::web::api::renamed(error, &[("message", "version_description")])
}

pub(super) fn saved(kind: Kind, saved: Saved) -> SavedPrompt {
    SavedPrompt {
        object: kind.name(),
        id: saved.id.to_string(),
        slug: saved.slug,
        version_id: saved.version_id.clone(),
        prompt_version_id: saved.version_id.clone(),
        prompt_partial_version_id: saved.version_id,
        current_version: saved.number,
    }
}

async fn update(call: Call, change: UpdatePrompt) -> Result<SavedPrompt> {
    let revision = change.revision;
    let edit = |stored: &Detail| edited(stored, change);
    let made = operations::update(&call.access, Kind::Prompt, call.part("slug"), revision, edit).await;
    made.map_err(as_sent).map(|made| saved(Kind::Prompt, made))
}

/// A stored prompt with a change.
fn edited(stored: &Detail, change: UpdatePrompt) -> Result<Draft> {
    let names_some = change.string.is_some()
        || change.parameters.is_some()
        || change.virtual_key.is_some()
        || change.model.is_some()
        || change.functions.is_some()
        || change.tools.is_some()
        || change.tool_choice.is_some()
        || change.template_metadata.is_some()
        || change.is_raw_template.is_some();
    let keeps = !names_some || is_set(change.patch);
    if !keeps && change.string.is_none() {
        return Err(Error::field("string", "Name the text as well, or set `patch` to keep what is not named."));
    }
    let was = if keeps {
        stored.content.clone()
    } else {
        Content { form: stored.content.form.clone(), ..Content::default() }
    };
    let content = Content {
        string: change.string.unwrap_or(was.string),
        form: was.form,
        is_raw: change.is_raw_template.map_or(was.is_raw, |flag| flag.0),
        model: change.model.unwrap_or(was.model),
        virtual_key: change.virtual_key.map_or(was.virtual_key, |sent| key_name(Some(sent))),
        parameters: change.parameters.unwrap_or(was.parameters),
        functions: change.functions.unwrap_or(was.functions),
        tools: change.tools.unwrap_or(was.tools),
        tool_choice: change.tool_choice.unwrap_or(was.tool_choice),
        metadata: change.template_metadata.unwrap_or(was.metadata),
    };
    Ok(Draft {
        name: change.name.unwrap_or_else(|| stored.name.clone()),
        slug: String::new(),
        collection: change.collection_id.unwrap_or_else(|| folder_of(stored)),
        content,
        message: change.version_description.unwrap_or_default(),
        is_strict: change.strict.map_or(stored.is_strict, |flag| flag.0),
        publish: if is_set(change.publish) { Publish::Yes } else { Publish::No },
    })
}

/// The folder in which something stands, as a draft names it.
pub(super) fn folder_of(stored: &Detail) -> String {
    stored.collection.as_ref().map_or_else(String::new, |(id, _)| id.to_string())
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, Kind::Prompt, call.part("slug")).await.map(|()| Done {})
}

async fn versions(call: Call, query: VersionsQuery) -> Result<List<PromptVersionView>> {
    let window = window(query.page_size, query.current_page)?;
    let (prompt, versions) = operations::whole_versions(&call.access, Kind::Prompt, call.part("slug"), window).await?;
    let versions: Vec<_> = versions.into_iter().map(|whole| version_view(&prompt, whole)).collect::<Result<_>>()?;
    Ok(List::new(prompt.current, versions))
}

fn version_view(prompt: &Detail, whole: Whole) -> Result<PromptVersionView> {
    let content = store::content(&whole.text)?;
    let labels = at(&prompt.labels, whole.version.number);
    Ok(PromptVersionView {
        object: "prompt",
        id: whole.id,
        prompt_id: prompt.id.to_string(),
        prompt_version: whole.version.number,
        prompt_description: whole.version.message,
        prompt_template: serde_json::to_value(content).map_err(|_| Error::internal())?,
        label_id: labels.first().cloned(),
        status: if prompt.published() == Some(whole.version.number) { "active" } else { "archived" },
        labels,
        created_by: whole.version.created_by,
        created_at: whole.version.created_at.rfc3339(),
    })
}

async fn version(call: Call, _: Nothing) -> Result<PromptVersionView> {
    let (prompt, whole) = operations::version(&call.access, call.part("slug"), call.part("version")).await?;
    version_view(&prompt, whole)
}

async fn restore(call: Call, _: Nothing) -> Result<SavedPrompt> {
    let (of, version) = (call.part("slug"), call.part("version"));
    operations::restore(&call.access, Kind::Prompt, of, version).await.map(|made| saved(Kind::Prompt, made))
}

/// Where a caller believes that a label stands: 0 is nowhere.
pub(super) fn expected(version: Option<i64>) -> Result<Expected> {
    match version {
        None => Ok(Expected::Anywhere),
        Some(number @ 0..) => Ok(Expected::At((number > 0).then_some(number))),
        Some(_) => Err(Error::field("expected_version", "This is the number of a version, or 0 for nowhere.")),
    }
}

pub(super) async fn publish_as(call: &Call, kind: Kind, asked: PublishVersion) -> Result<Done> {
    let number = asked.version.to_string();
    let expected = expected(asked.expected_version)?;
    let what = (kind, call.part("slug"));
    let to = To::Version(&number);
    let operation = kind.acts().publish;
    operations::labels::move_label(&call.access, operation, what, super::model::PRODUCTION, to, expected).await?;
    Ok(Done {})
}

async fn publish(call: Call, asked: PublishVersion) -> Result<Done> {
    publish_as(&call, Kind::Prompt, asked).await
}
