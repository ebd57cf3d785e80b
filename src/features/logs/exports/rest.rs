//! The contract's calls for exports: they are saved, started, and fetched by a signed address.

use super::{
    model::{Field, MOST},
    saved::{self, Changes, Definition, Saved},
};
use crate::{
    features::logs::query::{IN_THE_CONTRACT, WRITTEN_LIMIT, canonical},
    kernel::{Error, Fields, Result, text},
    policy::Operation,
    web::{
        api::{Api, Call, List, Nothing, asked, input, renamed},
        files::Download,
    },
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Characters of a description.
const DESCRIPTION_LIMIT: usize = 200;
/// Entries of a page, where pages are asked for.
const LARGEST_PAGE: i64 = 50_000;
/// Fields of the contract that no export has: texts of calls are read one by one, each with an event of its own, and the mode
/// is not kept.
const DENIED: [&str; 3] = ["request", "response", "mode"];
/// The contract's own fields, which are there if none is chosen.
const USUAL: [Field; 17] = [
    Field::Id,
    Field::Trace,
    Field::CreatedAt,
    Field::IsSuccess,
    Field::Provider,
    Field::Model,
    Field::Read,
    Field::Written,
    Field::Tokens,
    Field::Url,
    Field::Cost,
    Field::Currency,
    Field::Latency,
    Field::Status,
    Field::Config,
    Field::Prompt,
    Field::Metadata,
];

pub fn register(api: Api) -> Api {
    api.serve(Operation::LogExportsList, "List exports of the log, newest first", list)
        .serve(Operation::LogExportFields, "List what exports can hold, and what no export holds", fields)
        .serve(Operation::LogExportGet, "Read an export", get)
        .serve(Operation::LogExportCreate, "Save what an export shall hold", create)
        .serve(Operation::LogExportUpdate, "Change what an export shall hold: it has to be started anew", update)
        .serve(Operation::LogExportStart, "Fix the span of an export, so that it can be fetched", start)
        .serve(Operation::LogExportCancel, "Stop an export: it cannot be fetched any more", cancel)
        .serve(Operation::LogExportLink, "Get an address at which an export can be fetched for ten minutes", download)
        .serve_file(
            Operation::LogsExport,
            "Fetch an export, as JSON Lines; the audit log tells of it. The signed address needs no key",
            "application/x-ndjson",
            file,
        )
}

input! {
    /// Which calls an export holds.
    ExportFilters {
        /// `1h`, `24h` (also if nothing is said), `7d`, `30d` before its start; without a beginning and an end.
        range: Option<String>,
        /// A date or a moment (RFC 3339).
        time_of_generation_min: Option<String>,
        /// A date (its end) or a moment.
        time_of_generation_max: Option<String>,
        /// Tokens read and written, together.
        total_units_min: Option<i64>,
        total_units_max: Option<i64>,
        /// Cents.
        cost_min: Option<f64>,
        cost_max: Option<f64>,
        /// Tokens that were read.
        prompt_token_min: Option<i64>,
        prompt_token_max: Option<i64>,
        /// Tokens that were written.
        completion_token_min: Option<i64>,
        completion_token_max: Option<i64>,
        /// A model's whole name. It may be several, parted by commas: any of them. So may the other names and ids.
        ai_model: Option<String>,
        /// A provider and a model: `openai__gpt-4o`.
        ai_org_model: Option<String>,
        /// One provider's name.
        provider: Option<String>,
        /// A status, a class of statuses such as `4xx`, or an outcome.
        status_code: Option<String>,
        /// What callers said of a call: names with their values, or `name=value`.
        #[schema(value_type = Option<Object>)]
        metadata: Option<Value>,
        /// An API key's id.
        api_key_ids: Option<String>,
        /// A virtual key's id or slug.
        virtual_keys: Option<String>,
        /// A whole trace id.
        trace_id: Option<String>,
        /// A config's slug.
        configs: Option<String>,
        /// A prompt's slug.
        prompt_slug: Option<String>,
        /// Entries at most, 1 to 50000. Without it there are as many as an export can have.
        page_size: Option<i64>,
        /// Pages that are passed over.
        current_page: Option<i64>,
    }
    unsupported: ["weighted_feedback_min", "weighted_feedback_max"]
}

input! {
    /// What an export shall hold.
    LogExportCreate {
        /// Without any: the calls of the last 24 hours before its start.
        #[schema(value_type = Option<ExportFilters>, inline)]
        filters: Option<BTreeMap<String, Value>>,
        /// Names of fields; without any: all of the contract's that exports have. What no export holds is left out.
        requested_data | "requestedData": Option<Vec<String>>,
        #[schema(max_length = 200)]
        description: Option<String>,
    }
}

input! {
    /// What changes of an export. What is left out stays.
    LogExportUpdate {
        #[schema(value_type = Option<ExportFilters>, inline)]
        filters: Option<BTreeMap<String, Value>>,
        requested_data | "requestedData": Option<Vec<String>>,
        #[schema(max_length = 200)]
        description: Option<String>,
    }
}

input! {
    /// How a file is fetched.
    LogExportFile {
        /// What the signed address carries in place of an API key.
        signed: Option<String>,
    }
}

/// An export of the log.
#[derive(Serialize, ToSchema)]
pub struct LogExport {
    #[schema(example = "export")]
    object: &'static str,
    id: String,
    organisation_id: String,
    workspace_id: String,
    /// As they were sent.
    #[schema(value_type = Object)]
    filters: Map<String, Value>,
    requested_data: Vec<&'static str>,
    /// `draft`, `success` once it is started, or `stopped`.
    status: &'static str,
    description: String,
    created_at: String,
    last_updated_at: String,
    /// The API key that made it.
    created_by: String,
}

/// An export that was saved.
#[derive(Serialize, ToSchema)]
pub struct LogExportSaved {
    #[schema(example = "export")]
    object: &'static str,
    id: String,
    /// How many entries it would have now.
    total: i64,
}

/// What became of an export.
#[derive(Serialize, ToSchema)]
pub struct LogExportTask {
    #[schema(example = "export")]
    object: &'static str,
    message: &'static str,
}

/// Where an export can be fetched.
#[derive(Serialize, ToSchema)]
pub struct LogExportLink {
    signed_url: String,
}

/// What exports can hold.
#[derive(Serialize, ToSchema)]
pub struct LogExportFields {
    #[schema(example = "field-restrictions")]
    object: &'static str,
    /// Fields that no export holds, whoever asks.
    denied_fields: Vec<&'static str>,
    allowed_fields: Vec<&'static str>,
}

async fn list(call: Call, _: Nothing) -> Result<List<LogExport>> {
    let all = saved::list(&call.access).await?;
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    Ok(List::new(total, all.into_iter().map(|export| item(&call, export)).collect()))
}

async fn fields(call: Call, _: Nothing) -> Result<LogExportFields> {
    drop(call.access.read(Operation::LogExportFields).await?);
    Ok(LogExportFields {
        object: "field-restrictions",
        denied_fields: DENIED.to_vec(),
        allowed_fields: Field::ALL.iter().map(|field| field.name()).collect(),
    })
}

async fn get(call: Call, _: Nothing) -> Result<LogExport> {
    let export = saved::get(&call.access, call.part("id")).await?;
    Ok(item(&call, export))
}

async fn create(call: Call, sent: LogExportCreate) -> Result<LogExportSaved> {
    let LogExportCreate { filters, requested_data, description } = sent;
    let definition = filtered(&call, Operation::LogExportCreate, filters.unwrap_or_default()).await?;
    let fields = requested(requested_data.unwrap_or_default())?;
    let description = described(&description.unwrap_or_default())?;
    let made = saved::create(&call.access, Definition { fields, description, ..definition }).await;
    let (id, total) = made.map_err(|error| renamed(error, &IN_THE_CONTRACT))?;
    Ok(LogExportSaved { object: "export", id: id.to_string(), total })
}

async fn update(call: Call, sent: LogExportUpdate) -> Result<LogExportSaved> {
    let LogExportUpdate { filters, requested_data, description } = sent;
    let changes = Changes {
        filters: match filters {
            Some(filters) => Some(filtered(&call, Operation::LogExportUpdate, filters).await?),
            None => None,
        },
        fields: requested_data.map(requested).transpose()?,
        description: description.as_deref().map(described).transpose()?,
    };
    let saved = saved::update(&call.access, call.part("id"), changes).await;
    let (id, total) = saved.map_err(|error| renamed(error, &IN_THE_CONTRACT))?;
    Ok(LogExportSaved { object: "export", id: id.to_string(), total })
}

async fn start(call: Call, _: Nothing) -> Result<LogExportTask> {
    saved::start(&call.access, call.part("id")).await?;
    Ok(LogExportTask { object: "export", message: "The export can be fetched." })
}

async fn cancel(call: Call, _: Nothing) -> Result<LogExportTask> {
    saved::cancel(&call.access, call.part("id")).await?;
    Ok(LogExportTask { object: "export", message: "The export is stopped." })
}

async fn download(call: Call, _: Nothing) -> Result<LogExportLink> {
    Ok(LogExportLink { signed_url: saved::link(&call.access, call.part("id")).await? })
}

/// What is signed has been looked at before: it says who asks.
async fn file(call: Call, _: LogExportFile) -> Result<Download> {
    Ok(saved::file(&call.access, call.part("id")).await?.download())
}

fn item(call: &Call, export: Saved) -> LogExport {
    let Saved { id, definition, status, created_by, created_at, updated_at, .. } = export;
    let organisation_id = call.organisation_id();
    LogExport {
        object: "export",
        id: id.to_string(),
        workspace_id: organisation_id.clone(),
        organisation_id,
        filters: definition.filters,
        requested_data: definition.fields.iter().map(|field| field.name()).collect(),
        status: status.name(),
        description: definition.description,
        created_at: created_at.rfc3339(),
        last_updated_at: updated_at.rfc3339(),
        created_by: created_by.to_string(),
    }
}

fn described(text: &str) -> Result<String> {
    text::optional_line("The description", text, DESCRIPTION_LIMIT)
        .map_err(|message| Error::field("description", message))
}

/// The fields of these names that exports have.
fn requested(names: Vec<String>) -> Result<Vec<Field>> {
    if names.is_empty() {
        return Ok(USUAL.to_vec());
    }
    let refused = |message: String| Err(Error::field("requested_data", message));
    let strange = names.iter().find(|name| Field::parse(name).is_none() && !DENIED.contains(&name.as_str()));
    if let Some(name) = strange {
        return refused(format!("There is no field `{}` of a call.", text::cut(name, 100)));
    }
    let fields: Vec<Field> =
        Field::ALL.iter().copied().filter(|field| names.iter().any(|name| name == field.name())).collect();
    if fields.is_empty() { refused("No export holds any of these fields.".into()) } else { Ok(fields) }
}

/// What filters say, in the contract's words and in the log's own; without description and fields.
async fn filtered(call: &Call, operation: Operation, sent: BTreeMap<String, Value>) -> Result<Definition> {
    let written = |value| match value {
        Value::String(text) => Value::String(text.trim().to_owned()),
        value => value,
    };
    let sent: Map<String, Value> =
        sent.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, written(value))).collect();
    let read: ExportFilters = call.inner(operation, sent.clone()).await?;
    let mut fields = Fields::default();
    let custom = read.time_of_generation_min.is_some() || read.time_of_generation_max.is_some();
    if custom && read.range.is_some() {
        fields.refuse("range", "Send range, or a beginning and an end, not both.");
    }
    let metadata = match read.metadata {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(Value::Object(pairs)) => Some(Value::Object(pairs).to_string()),
        Some(_) => {
            fields.refuse("metadata", "This is an object, or name=value.");
            None
        }
    };
    let page = read.current_page.unwrap_or(0);
    if read.page_size.is_some_and(|size| !(1..=LARGEST_PAGE).contains(&size)) {
        fields.refuse("page_size", format!("A page has 1 to {LARGEST_PAGE} entries."));
    }
    let skip = page.saturating_mul(read.page_size.unwrap_or(LARGEST_PAGE));
    if !(0..=MOST).contains(&skip) {
        fields.refuse("current_page", format!("Pages are numbered from 0, and reach {MOST} entries."));
    }
    // A page that is numbered has an end.
    let most = read.page_size.or_else(|| read.current_page.map(|_| LARGEST_PAGE));
    let number = |number: Option<i64>| number.map(|number| number.to_string());
    // The log reads dollars.
    let dollars = |cents: Option<f64>| cents.map(|cents| (cents / 100.0).to_string());
    let asked = asked([
        ("range", if custom { Some("custom".to_owned()) } else { read.range.filter(|range| range != "custom") }),
        ("from", read.time_of_generation_min),
        ("to", read.time_of_generation_max),
        ("key", read.api_key_ids),
        ("virtual_key", read.virtual_keys),
        ("config", read.configs),
        ("prompt", read.prompt_slug),
        ("model_is", read.ai_model),
        ("provider_model", read.ai_org_model),
        ("provider", read.provider),
        ("status", read.status_code),
        ("trace_id", read.trace_id),
        ("metadata", metadata),
        ("min_cost", dollars(read.cost_min)),
        ("max_cost", dollars(read.cost_max)),
        ("min_tokens", number(read.total_units_min)),
        ("max_tokens", number(read.total_units_max)),
        ("min_input_tokens", number(read.prompt_token_min)),
        ("max_input_tokens", number(read.prompt_token_max)),
        ("min_output_tokens", number(read.completion_token_min)),
        ("max_output_tokens", number(read.completion_token_max)),
    ]);
    fields.finish()?;
    let asked = canonical(&asked).map_err(|error| renamed(error, &IN_THE_CONTRACT))?;
    if Value::Object(sent.clone()).to_string().chars().count() > WRITTEN_LIMIT {
        let message = format!("Written as JSON, filters can have at most {WRITTEN_LIMIT} characters.");
        return Err(Error::field("filters", message));
    }
    Ok(Definition { description: String::new(), filters: sent, asked, skip, most, fields: vec![] })
}
