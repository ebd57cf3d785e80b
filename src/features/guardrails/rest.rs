//! The guardrails' management calls.

mod bodies;

use super::{
    model::{AllCalls, Detail, Listed, Sample, Saved},
    operations::{self, Draft},
};
use crate::{
    features::versions::{Whole, rest::VersionsQuery},
    guardrails::{Mark, Tried},
    kernel::{Error, Fields, Result},
    policy::Operation,
    web::api::{Api, Call, Done, Flag, List, Nothing, asked, one_of, window},
};
use bodies::{CreateGuardrail, EnforceGuardrail, GuardrailsQuery, KeepSample, TryGuardrail, UpdateGuardrail};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::GuardrailsList, "List guardrails", list)
        .serve(Operation::GuardrailWebhookKey, "Read the key by which signatures of webhooks are checked", webhook_key)
        .serve(Operation::GuardrailGet, "Read a guardrail in its newest version", get)
        .serve(Operation::GuardrailCreate, "Make a guardrail", create)
        .serve(Operation::GuardrailUpdate, "Change a guardrail; other checks or actions make a new version", update)
        .serve(Operation::GuardrailDelete, "Delete a guardrail that nothing uses", delete)
        .serve(Operation::GuardrailEnforce, "Say whether a guardrail judges every call of the organisation", enforce)
        .serve(Operation::GuardrailVersions, "List a guardrail's versions, the newest first", versions)
        .serve(Operation::GuardrailVersion, "Read one version of a guardrail", version)
        .serve(Operation::GuardrailRestore, "Make a new version with the checks and actions of an old one", restore)
        .serve(Operation::GuardrailTry, "Judge a text by a guardrail, or by checks that are not saved", judge)
        .serve(Operation::GuardrailSamples, "List the texts that a guardrail is tried with", samples)
        .serve(Operation::GuardrailKeepSample, "Keep a text with the verdict that it should have", keep_sample)
        .serve(Operation::GuardrailDropSample, "Remove such a text", drop_sample)
}

/// Which calls of the organisation a guardrail judges, whatever a config says.
#[derive(Serialize, ToSchema)]
pub struct Enforcement {
    /// Every request.
    requests: bool,
    /// Every answer.
    answers: bool,
}

impl From<AllCalls> for Enforcement {
    fn from(AllCalls { requests, answers }: AllCalls) -> Self {
        Self { requests, answers }
    }
}

/// By which the signatures of webhooks are checked.
#[derive(Serialize, ToSchema)]
pub struct WebhookKey {
    #[schema(example = "webhook-key")]
    object: &'static str,
    /// `whpk_` and an Ed25519 public key in base64, as Standard Webhooks writes it.
    public_key: String,
}

/// A guardrail in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedGuardrail {
    #[schema(example = "guardrail")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    description: String,
    organisation_id: String,
    workspace_id: String,
    #[schema(example = "active")]
    status: &'static str,
    /// Who made it, as they were named then.
    owner_id: String,
    /// Who changed it last, as they were named then.
    updated_by: String,
    created_at: String,
    last_updated_at: String,
    /// The number of its newest version.
    current_version: i64,
    enforcement: Enforcement,
    /// How many configs name it.
    configs: i64,
}

/// A guardrail in its newest version.
#[derive(Serialize, ToSchema)]
pub struct GuardrailBody {
    #[schema(example = "guardrail")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    description: String,
    organisation_id: String,
    workspace_id: String,
    #[schema(example = "active")]
    status: &'static str,
    owner_id: String,
    updated_by: String,
    created_at: String,
    last_updated_at: String,
    #[schema(value_type = Vec<Object>)]
    checks: Value,
    #[schema(value_type = Object)]
    actions: Value,
    version_id: String,
    /// The number of its newest version.
    current_version: i64,
    /// Counts the changes of the whole.
    version: i64,
    enforcement: Enforcement,
    /// Slugs of the configs that name it.
    configs: Vec<String>,
}

/// A version of a guardrail.
#[derive(Serialize, ToSchema)]
pub struct GuardrailVersion {
    #[schema(example = "guardrail-version")]
    object: &'static str,
    /// The guardrail's.
    id: String,
    slug: String,
    name: String,
    organisation_id: String,
    workspace_id: String,
    #[schema(value_type = Vec<Object>)]
    checks: Value,
    #[schema(value_type = Object)]
    actions: Value,
    version_id: String,
    /// Its number, from 1.
    guardrail_version: i64,
    /// It is the newest, which is in force.
    is_current: bool,
    message: String,
    created_by: String,
    created_at: String,
}

/// What became of a guardrail.
#[derive(Serialize, ToSchema)]
pub struct ChangedGuardrail {
    id: String,
    slug: String,
    version_id: String,
    /// The number of the newest version.
    current_version: i64,
    /// The beginnings of the samples that do not get the verdict that they should have.
    broken_samples: Vec<String>,
}

/// A text that a guardrail is tried with.
#[derive(Serialize, ToSchema)]
pub struct GuardrailSample {
    #[schema(example = "guardrail-sample")]
    object: &'static str,
    id: String,
    /// `request` or `answer`.
    side: &'static str,
    text: String,
    /// Whether it should pass.
    passes: bool,
    /// Whether it gets that verdict now; null where that is not known.
    holds: Option<bool>,
    created_by: String,
    created_at: String,
}

/// The id of what was made.
#[derive(Serialize, ToSchema)]
pub struct KeptSample {
    #[schema(example = "guardrail-sample")]
    object: &'static str,
    id: String,
}

/// What a guardrail says of a text.
#[derive(Serialize, ToSchema)]
pub struct Judgement {
    #[schema(example = "guardrail-try")]
    object: &'static str,
    /// As in the `hook_results` of an answer.
    #[schema(value_type = Object)]
    result: Value,
    /// What would go on to the provider or the caller, where it is another text.
    text_after: Option<String>,
    /// The places that were found.
    marks: Vec<FoundPlace>,
}

/// A place in the text that was tried.
#[derive(Serialize, ToSchema)]
pub struct FoundPlace {
    /// In bytes.
    start: usize,
    /// The first byte behind it.
    end: usize,
    category: String,
}

async fn webhook_key(call: Call, _: Nothing) -> Result<WebhookKey> {
    let public_key = operations::webhook_key(&call.access).await?;
    Ok(WebhookKey { object: "webhook-key", public_key })
}

async fn list(call: Call, query: GuardrailsQuery) -> Result<List<ListedGuardrail>> {
    let window = window(query.page_size, query.current_page)?;
    let asked = asked([("q", query.q), ("sort", query.sort)]);
    let mut fields = Fields::default();
    one_of(&mut fields, &asked, "sort", &["name", "changed", "used"]);
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.total, page.guardrails).map(|guardrail| listed(&call, guardrail)))
}

fn listed(call: &Call, guardrail: Listed) -> ListedGuardrail {
    ListedGuardrail {
        object: "guardrail",
        id: guardrail.id.to_string(),
        slug: guardrail.slug,
        name: guardrail.name,
        description: guardrail.description,
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        status: "active",
        owner_id: guardrail.created_by,
        updated_by: guardrail.updated_by,
        created_at: guardrail.created_at.rfc3339(),
        last_updated_at: guardrail.updated_at.rfc3339(),
        current_version: guardrail.current,
        enforcement: guardrail.all_calls.into(),
        configs: guardrail.configs,
    }
}

/// Checks and actions of a stored text.
fn parts(text: &str) -> (Value, Value) {
    let mut definition: Value = serde_json::from_str(text).unwrap_or_default();
    (definition["checks"].take(), definition["actions"].take())
}

async fn get(call: Call, _: Nothing) -> Result<GuardrailBody> {
    let guardrail = operations::get(&call.access, call.part("id")).await?;
    let (checks, actions) = parts(&guardrail.text);
    Ok(GuardrailBody {
        object: "guardrail",
        id: guardrail.id.to_string(),
        slug: guardrail.slug,
        name: guardrail.name,
        description: guardrail.description,
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        status: "active",
        owner_id: guardrail.created_by,
        updated_by: guardrail.updated_by,
        created_at: guardrail.created_at.rfc3339(),
        last_updated_at: guardrail.updated_at.rfc3339(),
        checks,
        actions,
        version_id: guardrail.version_id,
        current_version: guardrail.current,
        version: guardrail.version,
        enforcement: guardrail.all_calls.into(),
        configs: guardrail.configs.into_iter().map(|used| used.slug).collect(),
    })
}

fn definition(checks: Option<Value>, actions: Option<Value>) -> Value {
    json!({ "checks": checks.unwrap_or_else(|| json!([])), "actions": actions.unwrap_or_else(|| json!({})) })
}

async fn create(call: Call, new: CreateGuardrail) -> Result<ChangedGuardrail> {
    let draft = Draft {
        name: new.name,
        description: new.description.unwrap_or_default(),
        message: new.message.unwrap_or_default(),
        definition: definition(Some(new.checks), new.actions),
        refused: Fields::default(),
    };
    let made = operations::create(&call.access, draft).await?;
    Ok(ChangedGuardrail {
        id: made.id.to_string(),
        slug: made.slug,
        version_id: made.version_id,
        current_version: made.current,
        broken_samples: vec![],
    })
}

async fn update(call: Call, change: UpdateGuardrail) -> Result<ChangedGuardrail> {
    let (mut id, mut slug) = (String::new(), String::new());
    let edit = |stored: &Detail| {
        (id, slug) = (stored.id.to_string(), stored.slug.clone());
        let (checks, actions) = parts(&stored.text);
        Draft {
            name: change.name.unwrap_or_else(|| stored.name.clone()),
            description: change.description.unwrap_or_else(|| stored.description.clone()),
            message: change.message.unwrap_or_default(),
            definition: definition(change.checks.or(Some(checks)), change.actions.or(Some(actions))),
            refused: Fields::default(),
        }
    };
    let saved = operations::update(&call.access, call.part("id"), change.version, edit).await?;
    Ok(changed(id, slug, saved))
}

fn changed(id: String, slug: String, saved: Saved) -> ChangedGuardrail {
    let Saved { number, version_id, broken, .. } = saved;
    ChangedGuardrail { id, slug, version_id, current_version: number, broken_samples: broken }
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, call.part("id")).await.map(|()| Done {})
}

async fn enforce(call: Call, change: EnforceGuardrail) -> Result<Enforcement> {
    let flag = |flag: Option<Flag>| flag.map(|Flag(on)| on);
    let (requests, answers) = (flag(change.requests), flag(change.answers));
    operations::enforce(&call.access, call.part("id"), requests, answers).await.map(Enforcement::from)
}

async fn versions(call: Call, query: VersionsQuery) -> Result<List<GuardrailVersion>> {
    let window = window(query.page_size, query.current_page)?;
    let (guardrail, versions) = operations::whole_versions(&call.access, call.part("id"), window).await?;
    Ok(List::new(guardrail.current, versions).map(|whole| shown(&call, &guardrail, whole)))
}

async fn version(call: Call, _: Nothing) -> Result<GuardrailVersion> {
    let (guardrail, whole) = operations::version(&call.access, call.part("id"), call.id("number")?).await?;
    Ok(shown(&call, &guardrail, whole))
}

async fn restore(call: Call, _: Nothing) -> Result<ChangedGuardrail> {
    let of = call.part("id");
    let number = call.id("number").unwrap_or_default();
    let saved = operations::restore(&call.access, of, number).await?;
    let now = operations::get(&call.access, of).await?;
    Ok(changed(now.id.to_string(), now.slug, saved))
}

fn shown(call: &Call, guardrail: &Detail, whole: Whole) -> GuardrailVersion {
    let number = whole.version.number;
    let (checks, actions) = parts(&whole.text);
    GuardrailVersion {
        object: "guardrail-version",
        id: guardrail.id.to_string(),
        slug: guardrail.slug.clone(),
        name: guardrail.name.clone(),
        organisation_id: call.organisation_id(),
        workspace_id: call.organisation_id(),
        checks,
        actions,
        version_id: whole.id,
        guardrail_version: number,
        is_current: number == guardrail.current,
        message: whole.version.message,
        created_by: whole.version.created_by,
        created_at: whole.version.created_at.rfc3339(),
    }
}

/// Whether a side is that of answers.
fn is_answer(side: Option<&str>) -> Result<bool> {
    match side {
        None | Some("request") => Ok(false),
        Some("answer") => Ok(true),
        Some(_) => Err(Error::field("side", "This is `request` or `answer`.")),
    }
}

async fn judge(call: Call, asked: TryGuardrail) -> Result<Judgement> {
    let of = Some(call.part("id")).filter(|of| !of.is_empty());
    let side = is_answer(asked.side.as_deref())?;
    let Tried { result, after: text_after, marks } =
        operations::try_text(&call.access, of, (asked.checks, asked.actions), side, &asked.text).await?;
    let place = |mark: Mark| FoundPlace { start: mark.start, end: mark.end, category: mark.category };
    Ok(Judgement {
        object: "guardrail-try",
        result: serde_json::to_value(result).map_err(|_| Error::internal())?,
        text_after,
        marks: marks.into_iter().map(place).collect(),
    })
}

async fn samples(call: Call, _: Nothing) -> Result<List<GuardrailSample>> {
    let samples = operations::samples(&call.access, call.part("id")).await?.samples;
    let total = i64::try_from(samples.len()).unwrap_or_default();
    Ok(List::new(total, samples).map(|sample: Sample| GuardrailSample {
        object: "guardrail-sample",
        id: sample.id.to_string(),
        side: if sample.is_answer { "answer" } else { "request" },
        text: sample.text,
        passes: sample.passes,
        holds: sample.holds,
        created_by: sample.created_by,
        created_at: sample.created_at.rfc3339(),
    }))
}

async fn keep_sample(call: Call, new: KeepSample) -> Result<KeptSample> {
    let side = is_answer(new.side.as_deref())?;
    let id = operations::keep_sample(&call.access, call.part("id"), side, &new.text, new.passes.0).await?;
    Ok(KeptSample { object: "guardrail-sample", id: id.to_string() })
}

async fn drop_sample(call: Call, _: Nothing) -> Result<Done> {
    operations::drop_sample(&call.access, call.part("id"), call.id("sample")?).await.map(|()| Done {})
}
