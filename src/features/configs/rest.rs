//! The configs' management calls.

use super::{
    model::{Detail, Draft, Listed, Saved},
    operations,
};
use crate::{
    features::versions::{Whole, rest::VersionsQuery},
    kernel::{Error, Fields, Result, text},
    policy::Operation,
    routing::{Explanation, Supposed},
    web::api::{Api, Call, Done, Flag, List, Nothing, ObjectText, asked, input, one_of, window},
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Longest model and path of a dry run, in characters.
const LONGEST_PART: usize = 200;
/// Longest body of a dry run, in bytes.
const LARGEST_BODY: usize = 64 << 10;

pub fn register(api: Api) -> Api {
    api.serve(Operation::ConfigsList, "List configs", list)
        .serve(Operation::ConfigGet, "Read a config in its newest version", get)
        .serve(Operation::ConfigCreate, "Make a config", create)
        .serve(Operation::ConfigUpdate, "Change a config; another text makes a new version", update)
        .serve(Operation::ConfigDelete, "Delete a config that nothing uses", delete)
        .serve(Operation::ConfigVersions, "List a config's versions, the newest first", versions)
        .serve(Operation::ConfigVersion, "Read one version of a config", version)
        .serve(Operation::ConfigRestore, "Make a new version with the text of an old one", restore)
        .serve(Operation::ConfigTry, "Say which way a request would take; nobody is called", dry_run)
}

input! {
    /// Which configs are listed.
    ConfigsQuery {
        /// Part of a name or slug.
        q | "search": Option<String>,
        /// `name`, `changed` or `used`, with `-` before it for the other way round; else by name.
        #[schema(pattern = "^-?(name|changed|used)$")]
        sort: Option<String>,
        ..page
    }
}

input! {
    /// A config to be made.
    CreateConfig {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// The config itself, or its JSON as a text.
        #[schema(value_type = Object)]
        config: ObjectText,
        /// 1: new API keys begin with it.
        #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
        is_default | "isDefault": Option<Flag>,
        /// What the version is about.
        #[schema(max_length = 200)]
        message: Option<String>,
    }
}

input! {
    /// What shall be different.
    UpdateConfig {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        /// The config itself, or its JSON as a text. Another text makes a new version.
        #[schema(value_type = Option<Object>)]
        config: Option<ObjectText>,
        /// 1: new API keys begin with it.
        #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
        is_default | "isDefault": Option<Flag>,
        /// What the version is about.
        #[schema(max_length = 200)]
        message: Option<String>,
        /// `active`, which every config is.
        #[schema(pattern = "^active$")]
        status: Option<String>,
        /// The version of the whole that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        version: Option<i64>,
    }
}

input! {
    /// A request that is supposed, and what targets are supposed to answer.
    DryRun {
        /// The model that is asked for.
        #[schema(max_length = 200)]
        model: Option<String>,
        /// The whole body of the request, where conditions look at more than its model.
        #[schema(value_type = Option<Object>)]
        body: Option<ObjectText>,
        /// What the caller says of the request, as in `x-portkey-metadata`.
        metadata: Option<BTreeMap<String, String>>,
        /// The path that is called; left out: `/v1/chat/completions`.
        #[schema(max_length = 200)]
        path: Option<String>,
        /// A status, `timeout` or `unreachable` for a target, by its path (`config.targets[1]`) or its virtual key; those
        /// not named answer well.
        answers: Option<BTreeMap<String, String>>,
    }
}

/// A config in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedConfig {
    #[schema(example = "config")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    organisation_id: String,
    workspace_id: String,
    /// 1: new API keys begin with it.
    is_default: i64,
    #[schema(example = "active")]
    status: &'static str,
    /// Who changed it last, as they were named then.
    updated_by: String,
    created_at: String,
    last_updated_at: String,
    /// The number of its newest version.
    current_version: i64,
    /// How many API keys have it as their config.
    api_keys: i64,
    /// How many virtual keys it names.
    virtual_keys: i64,
    /// How many calls it has led in the last 7 days; 10,001: more than 10,000.
    calls_7d: i64,
}

/// A config in its newest version.
#[derive(Serialize, ToSchema)]
pub struct Config {
    #[schema(example = "config")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    organisation_id: String,
    workspace_id: String,
    is_default: i64,
    #[schema(example = "active")]
    status: &'static str,
    /// Who made it, as they were named then.
    owner_id: String,
    updated_by: String,
    created_at: String,
    last_updated_at: String,
    /// The JSON of the config, as it was saved.
    config: String,
    #[schema(example = "json")]
    format: &'static str,
    #[serde(rename = "type")]
    #[schema(example = "ORG_CONFIG")]
    kind: &'static str,
    version_id: String,
    /// The number of its newest version.
    current_version: i64,
    /// Counts the changes of the whole.
    version: i64,
    /// Names of the API keys that have it as their config.
    api_keys: Vec<String>,
    /// Slugs of the virtual keys that it names.
    virtual_keys: Vec<String>,
}

/// A version of a config.
#[derive(Serialize, ToSchema)]
pub struct ConfigVersion {
    #[schema(example = "config-version")]
    object: &'static str,
    /// The config's.
    id: String,
    slug: String,
    name: String,
    organisation_id: String,
    workspace_id: String,
    /// The JSON of the config, as it was saved.
    config: String,
    #[schema(example = "json")]
    format: &'static str,
    version_id: String,
    /// Its number, from 1.
    config_version: i64,
    /// It is the newest, which calls obey.
    is_current: bool,
    message: String,
    created_by: String,
    created_at: String,
}

/// A config that was just made, in both forms that clients read.
#[derive(Serialize, ToSchema)]
pub struct CreatedConfig {
    #[schema(example = "config")]
    object: &'static str,
    success: bool,
    id: String,
    slug: String,
    version_id: String,
    data: CreatedConfigData,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedConfigData {
    id: String,
    slug: String,
    version_id: String,
}

/// What became of a change, in both forms that clients read.
#[derive(Serialize, ToSchema)]
pub struct ChangedConfig {
    success: bool,
    version_id: String,
    /// The number of the newest version.
    current_version: i64,
    data: ChangedConfigData,
}

#[derive(Serialize, ToSchema)]
pub struct ChangedConfigData {
    version_id: String,
}

/// Which way a request would take.
#[derive(Serialize, ToSchema)]
pub struct DryRunResult {
    #[schema(example = "config-dry-run")]
    object: &'static str,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    explanation: Explanation,
}

async fn list(call: Call, query: ConfigsQuery) -> Result<List<ListedConfig>> {
    let window = window(query.page_size, query.current_page)?;
    let asked = asked([("q", query.q), ("sort", query.sort)]);
    let mut fields = Fields::default();
    one_of(&mut fields, &asked, "sort", &["name", "changed", "used"]);
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.total, page.configs).map(|config| listed(&call, config)))
}

fn listed(call: &Call, config: Listed) -> ListedConfig {
    ListedConfig {
        object: "config",
        id: config.id.to_string(),
        slug: config.slug,
        name: config.name,
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        is_default: i64::from(config.is_default),
        status: "active",
        updated_by: config.updated_by,
        created_at: config.created_at.rfc3339(),
        last_updated_at: config.updated_at.rfc3339(),
        current_version: config.current,
        api_keys: config.keys,
        virtual_keys: config.virtual_keys,
        calls_7d: config.calls,
    }
}

async fn get(call: Call, _: Nothing) -> Result<Config> {
    let config = operations::get(&call.access, call.part("slug")).await?;
    Ok(Config {
        object: "config",
        id: config.id.to_string(),
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        is_default: i64::from(config.is_default),
        status: "active",
        owner_id: config.created_by,
        updated_by: config.updated_by,
        created_at: config.created_at.rfc3339(),
        last_updated_at: config.updated_at.rfc3339(),
        config: config.text,
        format: "json",
        kind: "ORG_CONFIG",
        version_id: config.version_id,
        current_version: config.current,
        version: config.version,
        api_keys: config.keys.into_iter().map(|key| key.name).collect(),
        virtual_keys: config.virtual_keys.into_iter().map(|key| key.slug).collect(),
        slug: config.slug,
        name: config.name,
    })
}

async fn create(call: Call, new: CreateConfig) -> Result<CreatedConfig> {
    let draft = Draft {
        name: new.name,
        config: new.config.0,
        message: new.message.unwrap_or_default(),
        is_default: word(new.is_default),
    };
    let made = operations::create(&call.access, draft).await?;
    let (id, slug, version_id) = (made.id.to_string(), made.slug, made.version_id);
    let data = CreatedConfigData { id: id.clone(), slug: slug.clone(), version_id: version_id.clone() };
    Ok(CreatedConfig { object: "config", success: true, id, slug, version_id, data })
}

async fn update(call: Call, change: UpdateConfig) -> Result<ChangedConfig> {
    if change.status.is_some_and(|status| status != "active") {
        return Err(Error::field("status", "A config is active as long as it is there. Delete it to end it."));
    }
    let edit = |stored: &Detail| Draft {
        name: change.name.unwrap_or_else(|| stored.name.clone()),
        config: change.config.map_or_else(|| stored.text.clone(), |config| config.0),
        message: change.message.unwrap_or_default(),
        is_default: word(change.is_default),
    };
    operations::update(&call.access, call.part("slug"), change.version, edit).await.map(changed)
}

fn word(flag: Option<Flag>) -> String {
    match flag {
        None => "",
        Some(Flag(true)) => "yes",
        Some(Flag(false)) => "no",
    }
    .to_owned()
}

fn changed(saved: Saved) -> ChangedConfig {
    let data = ChangedConfigData { version_id: saved.version_id.clone() };
    ChangedConfig { success: true, version_id: saved.version_id, current_version: saved.number, data }
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, call.part("slug")).await.map(|()| Done {})
}

async fn versions(call: Call, query: VersionsQuery) -> Result<List<ConfigVersion>> {
    let window = window(query.page_size, query.current_page)?;
    let (config, versions) = operations::whole_versions(&call.access, call.part("slug"), window).await?;
    Ok(List::new(config.current, versions).map(|whole| shown(&call, &config, whole)))
}

async fn version(call: Call, _: Nothing) -> Result<ConfigVersion> {
    let (config, whole) = operations::version(&call.access, call.part("slug"), number(&call)?).await?;
    Ok(shown(&call, &config, whole))
}

async fn restore(call: Call, _: Nothing) -> Result<ChangedConfig> {
    operations::restore(&call.access, call.part("slug"), number(&call).unwrap_or_default()).await.map(changed)
}

/// The version in the path. A text that is no number is that of none.
fn number(call: &Call) -> Result<i64> {
    call.id("number")
}

fn shown(call: &Call, config: &Detail, whole: Whole) -> ConfigVersion {
    let number = whole.version.number;
    ConfigVersion {
        object: "config-version",
        id: config.id.to_string(),
        slug: config.slug.clone(),
        name: config.name.clone(),
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        config: whole.text,
        format: "json",
        version_id: whole.id,
        config_version: number,
        is_current: number == config.current,
        message: whole.version.message,
        created_by: whole.version.created_by,
        created_at: whole.version.created_at.rfc3339(),
    }
}

async fn dry_run(call: Call, asked: DryRun) -> Result<DryRunResult> {
    let mut fields = Fields::default();
    let body = fields.take("body", body(asked.body));
    for (name, sent) in [("model", &asked.model), ("path", &asked.path)] {
        if sent.as_ref().is_some_and(|sent| sent.chars().count() > LONGEST_PART) {
            fields.refuse(name, format!("This has at most {LONGEST_PART} characters."));
        }
    }
    let mut answers = BTreeMap::new();
    for (target, word) in asked.answers.unwrap_or_default() {
        match operations::answer(&word) {
            Some(answer) => drop(answers.insert(target, answer)),
            None => {
                let sentence = "This is a status from 100 to 599, `timeout` or `unreachable`.";
                fields.refuse(&format!("answers.{}", text::cut(&target, 100)), sentence);
            }
        }
    }
    let body = fields.build(|| body)?;
    let supposed = Supposed {
        model: asked.model,
        body,
        metadata: asked.metadata.unwrap_or_default(),
        path: asked.path.unwrap_or_default(),
        answers,
        ..Supposed::default()
    };
    let explanation = operations::try_stored(&call.access, call.part("slug"), &supposed).await?;
    Ok(DryRunResult { object: "config-dry-run", explanation })
}

/// The body of the request that is supposed, where one is.
fn body(sent: Option<ObjectText>) -> std::result::Result<Option<String>, String> {
    let Some(ObjectText(text)) = sent else { return Ok(None) };
    if text.len() > LARGEST_BODY {
        return Err(format!("A body of a dry run has at most {LARGEST_BODY} bytes."));
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_)) => Ok(Some(text)),
        _ => Err("The body is a JSON object.".into()),
    }
}
