//! The virtual keys' management calls.

use super::{
    model::{Detail, Draft, Finding},
    operations,
};
use crate::{
    features::limits::contract::{
        self, BudgetBody, Changed, LimitWarning, RateBody, Sent, ShownBudget, ShownBudgets, ShownRate, Told,
    },
    kernel::{Error, Fields, Result, Secret, Timestamp, provider::Provider},
    policy::Operation,
    web::api::{Api, Call, Done, Flag, List, Nothing, asked, input, one_of, renamed, window},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the operations call their fields, and what they are called here.
const NAMES: [(&str, &str); 3] = [("key_slug", "slug"), ("description", "note"), ("credential", "key")];

pub fn register(api: Api) -> Api {
    api.serve(Operation::VirtualKeysList, "List virtual keys", list)
        .serve(Operation::VirtualKeyGet, "Read a virtual key, without its credential", get)
        .serve(Operation::VirtualKeyCreate, "Make a virtual key", create)
        .serve(Operation::VirtualKeyUpdate, "Change a virtual key; what is left out stays", update)
        .serve(Operation::VirtualKeyDuplicate, "Copy a virtual key, its credential too, which nobody sees", duplicate)
        .serve(Operation::VirtualKeyDelete, "Delete a virtual key and wipe its credential", delete)
        .serve(Operation::VirtualKeyTest, "Try the provider with the stored credential", test)
}

input! {
    /// Which virtual keys are listed.
    VirtualKeysQuery {
        /// Part of a name or slug.
        q | "search": Option<String>,
        /// `name`, `provider` or `used`, with `-` before it for the other way round; else by name.
        #[schema(pattern = "^-?(name|provider|used)$")]
        sort: Option<String>,
        ..page
    }
}

input! {
    /// A virtual key to be made.
    CreateVirtualKey {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        #[schema(value_type = ProviderName, inline)]
        provider: String,
        /// The provider's credential. It is sealed and never read back.
        #[schema(value_type = Option<String>, max_length = 4096)]
        key: Option<Secret>,
        #[schema(max_length = 500)]
        note: Option<String>,
        /// What calls name it by, as `@slug`; left out: made of the name.
        #[schema(max_length = 41, pattern = "^(@?[a-z0-9]+(-[a-z0-9]+)*)?$")]
        slug: Option<String>,
        /// Left out: the provider's own.
        #[schema(format = "uri")]
        base_url: Option<String>,
        /// Azure's.
        #[schema(max_length = 40, pattern = "^[A-Za-z0-9.-]*$")]
        api_version | "apiVersion": Option<String>,
        /// At most so many requests or tokens in a second, minute, hour, day or week. Null, or an empty list: none.
        #[schema(value_type = Option<Vec<RateBody>>, inline)]
        rate_limits: Option<Option<Told>>,
        /// A budget of US dollars, tokens or requests; a list of several. Null: none.
        #[schema(value_type = Option<BudgetBody>, inline)]
        usage_limits: Option<Option<Told>>,
        /// Who is told of budgets; where nobody is named, the Owners are.
        #[schema(max_items = 10)]
        alert_emails: Option<Option<Vec<String>>>,
    }
    unsupported: ["resourceName", "deploymentName", "deploymentConfig", "expires_at", "secret_mappings"]
}

input! {
    /// What shall be different. A new provider or base URL needs the credential again.
    UpdateVirtualKey {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        #[schema(value_type = Option<ProviderName>, inline)]
        provider: Option<String>,
        /// A new credential. It is sealed and never read back.
        #[schema(value_type = Option<String>, max_length = 4096)]
        key: Option<Secret>,
        /// Null clears it.
        #[schema(max_length = 500)]
        note: Option<Option<String>>,
        #[schema(format = "uri")]
        base_url: Option<String>,
        /// Azure's; null: the gateway's own choice.
        #[schema(max_length = 40, pattern = "^[A-Za-z0-9.-]*$")]
        api_version | "apiVersion": Option<Option<String>>,
        /// At most so many requests or tokens in a second, minute, hour, day or week. Null, or an empty list: none.
        #[schema(value_type = Option<Vec<RateBody>>, inline)]
        rate_limits: Option<Option<Told>>,
        /// A budget of US dollars, tokens or requests; a list of several. Null: none.
        #[schema(value_type = Option<BudgetBody>, inline)]
        usage_limits: Option<Option<Told>>,
        /// Who is told of budgets; where nobody is named, the Owners are.
        #[schema(max_items = 10)]
        alert_emails: Option<Option<Vec<String>>>,
        /// True: sets what was used of its budgets to nothing.
        #[schema(value_type = Option<bool>)]
        reset_usage: Option<Flag>,
        /// The version that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        version: Option<i64>,
    }
    unsupported: ["resourceName", "deploymentName", "deploymentConfig", "expires_at", "secret_mappings"]
}

input! {
    /// The copy's own name and reference.
    DuplicateVirtualKey {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        /// Left out: made of the name.
        #[schema(max_length = 41, pattern = "^(@?[a-z0-9]+(-[a-z0-9]+)*)?$")]
        new_slug: Option<String>,
    }
}

/// A provider. Some usual spellings of each are taken as well.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ProviderName {
    #[serde(rename = "openai")]
    OpenAi,
    Anthropic,
    Google,
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    MistralAi,
    Groq,
    #[serde(rename = "openrouter")]
    OpenRouter,
    Ollama,
    #[serde(rename = "openai-compatible")]
    OpenAiCompatible,
}

/// A virtual key in a list.
#[derive(Serialize, ToSchema)]
pub struct ListedVirtualKey {
    #[schema(example = "virtual-key")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    provider: &'static str,
    ai_provider_name: &'static str,
    base_url: String,
    organisation_id: String,
    /// Always empty: a credential is never read back.
    key: &'static str,
    /// When its credential was set; null: it has none.
    credential_set_at: Option<String>,
    last_used_at: Option<String>,
    /// `active`; `exhausted`: its budget is used up.
    status: &'static str,
}

/// A virtual key, without its credential.
#[derive(Serialize, ToSchema)]
pub struct VirtualKey {
    #[schema(example = "virtual-key")]
    object: &'static str,
    id: String,
    slug: String,
    name: String,
    note: String,
    provider: &'static str,
    ai_provider_name: &'static str,
    base_url: String,
    api_version: Option<String>,
    organisation_id: String,
    /// Always empty: a credential is never read back.
    key: &'static str,
    credential_set_at: Option<String>,
    credential_set_by: Option<String>,
    created_by: String,
    created_at: String,
    last_updated_at: String,
    last_used_at: Option<String>,
    /// `active`; `exhausted`: its budget is used up.
    status: &'static str,
    /// Its limits, and what was used of them.
    rate_limits: Vec<ShownRate>,
    /// Its budget, a list where there are several, or null.
    #[schema(value_type = Option<ShownBudget>)]
    usage_limits: Option<ShownBudgets>,
    alert_emails: Vec<String>,
    last_reset_at: Option<String>,
    next_usage_reset_at: Option<String>,
    version: i64,
}

/// A virtual key that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedVirtualKey {
    #[schema(example = "virtual-key")]
    object: &'static str,
    success: bool,
    id: String,
    slug: String,
    data: CreatedVirtualKeyData,
    /// What is odd about its limits. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<LimitWarning>>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedVirtualKeyData {
    slug: String,
}

/// What became of a test.
#[derive(Serialize, ToSchema)]
pub struct VirtualKeyTested {
    /// The provider answered, and took the credential if it checks that before a call.
    success: bool,
    /// A stable name of what was found.
    #[schema(example = "works")]
    result: &'static str,
    /// A sentence for people.
    message: String,
}

async fn list(call: Call, query: VirtualKeysQuery) -> Result<List<ListedVirtualKey>> {
    let window = window(query.page_size, query.current_page)?;
    let asked = asked([("q", query.q), ("sort", query.sort)]);
    let mut fields = Fields::default();
    one_of(&mut fields, &asked, "sort", &["name", "provider", "used"]);
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.total, page.keys).map(|key| ListedVirtualKey {
        object: "virtual-key",
        id: key.id.to_string(),
        slug: key.slug,
        name: key.name,
        provider: key.provider.name(),
        ai_provider_name: key.provider.name(),
        base_url: key.base_url,
        organisation_id: call.organisation_id(),
        key: "",
        credential_set_at: key.credential_set_at.map(Timestamp::rfc3339),
        last_used_at: key.used_at.map(Timestamp::rfc3339),
        status: if key.used_up { "exhausted" } else { "active" },
    }))
}

async fn get(call: Call, _: Nothing) -> Result<VirtualKey> {
    let key = operations::get(&call.access, call.part("slug")).await?;
    let limits = contract::shown(&key.limits);
    Ok(VirtualKey {
        status: if limits.is_exhausted { "exhausted" } else { "active" },
        rate_limits: limits.rates,
        usage_limits: limits.budgets,
        alert_emails: limits.emails,
        last_reset_at: limits.last_reset_at,
        next_usage_reset_at: limits.next_reset_at,
        object: "virtual-key",
        id: key.id.to_string(),
        slug: key.slug,
        name: key.name,
        note: key.description,
        provider: key.provider.name(),
        ai_provider_name: key.provider.name(),
        base_url: key.base_url,
        api_version: Some(key.settings.api_version).filter(|version| !version.is_empty()),
        organisation_id: call.organisation_id(),
        key: "",
        credential_set_at: key.credential_set_at.map(Timestamp::rfc3339),
        credential_set_by: key.credential_set_by,
        created_by: key.created_by,
        created_at: key.created_at.rfc3339(),
        last_updated_at: key.updated_at.rfc3339(),
        last_used_at: key.used_at.map(Timestamp::rfc3339),
        version: key.version,
    })
}

async fn create(call: Call, new: CreateVirtualKey) -> Result<CreatedVirtualKey> {
    let draft = Draft {
        name: new.name,
        description: new.note.unwrap_or_default(),
        provider: new.provider,
        base_url: new.base_url.unwrap_or_default(),
        api_version: new.api_version.unwrap_or_default(),
        credential: new.key.unwrap_or_default(),
    };
    let limits = Sent { rates: new.rate_limits, budgets: new.usage_limits, emails: new.alert_emails, reset: None };
    operations::create(&call.access, &new.slug.unwrap_or_default(), draft, limits)
        .await
        .map(|(key, doubts)| CreatedVirtualKey { warnings: contract::warnings(doubts), ..made(key) })
        .map_err(named)
}

async fn update(call: Call, change: UpdateVirtualKey) -> Result<Changed> {
    let limits = Sent {
        rates: change.rate_limits,
        budgets: change.usage_limits,
        emails: change.alert_emails,
        reset: change.reset_usage.map(|flag| flag.0),
    };
    let edit = |stored: &Detail| {
        let draft = Draft::of(stored);
        Draft {
            name: change.name.unwrap_or(draft.name),
            description: change.note.map_or(draft.description, Option::unwrap_or_default),
            base_url: match (&change.provider, change.base_url) {
                (_, Some(typed)) => typed,
                // Another provider, and no other name of the same, is at another address.
                (Some(provider), None) if Provider::parse(provider) != Some(stored.provider) => String::new(),
                _ => draft.base_url,
            },
            provider: change.provider.unwrap_or(draft.provider),
            api_version: change.api_version.map_or(draft.api_version, Option::unwrap_or_default),
            credential: change.key.unwrap_or_default(),
        }
    };
    let saved =
        operations::update(&call.access, call.part("slug"), change.version, edit, limits).await.map_err(named)?;
    Ok(Changed::with(saved.doubts))
}

async fn duplicate(call: Call, copy: DuplicateVirtualKey) -> Result<CreatedVirtualKey> {
    let slug = copy.new_slug.unwrap_or_default();
    let made_of = operations::duplicate(&call.access, call.part("slug"), &copy.name, &slug).await;
    made_of.map(made).map_err(|error| renamed(error, &[("key_slug", "new_slug")]))
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, call.part("slug"), None).await.map(|()| Done {})
}

async fn test(call: Call, _: Nothing) -> Result<VirtualKeyTested> {
    let found: Finding = operations::test(&call.access, call.part("slug")).await?;
    Ok(VirtualKeyTested { success: found.works(), result: found.name(), message: found.sentence() })
}

fn made(key: Detail) -> CreatedVirtualKey {
    let data = CreatedVirtualKeyData { slug: key.slug.clone() };
    CreatedVirtualKey {
        object: "virtual-key",
        success: true,
        id: key.id.to_string(),
        slug: key.slug,
        data,
        warnings: None,
    }
}

fn named(error: Error) -> Error {
    renamed(error, &NAMES)
}
