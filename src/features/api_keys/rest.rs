//! The keys' management calls.

use super::{
    model::{Expiry, Key, KeyForm, Minted, Status, UNUSED_DAYS, level_value},
    operations::{self, Edit, Narrow, New, Rotation},
};
use crate::{
    features::{
        limits::{
            contract::{self, BudgetBody, Changed, RateBody, Sent, ShownBudget, ShownBudgets, ShownRate, Told, Warning},
            model::Scope,
        },
        logs::texts::{choice_name, parse_choice},
    },
    kernel::{Code, Error, Fields, KeyId, Result, Secret, Timestamp, time::MINUTE},
    policy::{KeyFeature, Operation, Permission, PermissionSet},
    web::api::{Api, Call, Done, FieldType, Flag, List, Nothing, Origin, asked, input, names, one_of, renamed, window},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// How long the old secret works on where a rotation does not say.
const USUAL_TRANSITION: i64 = 30 * MINUTE;
/// What the operations call their fields, and what they are called here.
const NAMES: [(&str, &str); 8] = [
    ("expiry", "expires_at"),
    ("overlap", "key_transition_period_ms"),
    ("config", "defaults.config_id"),
    ("only_models", "models"),
    ("only_virtual_keys", "virtual_keys"),
    ("only_configs", "configs"),
    ("only_prompts", "prompts"),
    ("only_ips", "allowed_ips"),
];

/// Names of existing clients that mean exactly one permission here. Those that are spelt as ours need no row.
const SCOPES: [(&str, Permission); 36] = {
    use Permission as P;
    [
        ("completions.write", P::ModelsCall),
        ("logs.list", P::LogsView),
        ("logs.read", P::LogsView),
        ("analytics.view", P::LogsGroup),
        ("prompts.read", P::PromptsView),
        ("prompts.render", P::PromptsView),
        ("configs.read", P::ConfigsView),
        ("guardrails.read", P::GuardrailsView),
        ("virtual_keys.read", P::VirtualKeysList),
        ("providers.list", P::VirtualKeysList),
        ("providers.read", P::VirtualKeysList),
        ("providers.create", P::VirtualKeysCreate),
        ("providers.update", P::VirtualKeysUpdate),
        ("providers.delete", P::VirtualKeysDelete),
        ("organisation_users.list", P::TeamView),
        ("organisation_users.read", P::TeamView),
        ("organisation_users.create", P::TeamInvite),
        ("organisation_users.update", P::TeamAssignRoles),
        ("organisation_users.delete", P::TeamRemove),
        ("workspace_users.list", P::TeamView),
        ("workspace_users.read", P::TeamView),
        ("workspace_users.create", P::TeamInvite),
        ("workspace_users.update", P::TeamAssignRoles),
        ("workspace_users.delete", P::TeamRemove),
        ("organisation_service_api_keys.list", P::ApiKeysList),
        ("organisation_service_api_keys.read", P::ApiKeysList),
        ("organisation_service_api_keys.create", P::ApiKeysCreate),
        ("organisation_service_api_keys.update", P::ApiKeysUpdate),
        ("organisation_service_api_keys.rotate", P::ApiKeysRotate),
        ("organisation_service_api_keys.delete", P::ApiKeysDelete),
        ("workspace_service_api_keys.list", P::ApiKeysList),
        ("workspace_service_api_keys.read", P::ApiKeysList),
        ("workspace_service_api_keys.create", P::ApiKeysCreate),
        ("workspace_service_api_keys.update", P::ApiKeysUpdate),
        ("workspace_service_api_keys.rotate", P::ApiKeysRotate),
        ("workspace_service_api_keys.delete", P::ApiKeysDelete),
    ]
};

pub fn register(api: Api) -> Api {
    api.serve(Operation::ApiKeysList, "List API keys", list)
        .serve(Operation::ApiKeyGet, "Read an API key, without its secret", get)
        .serve(
            Operation::ApiKeyPermissionUses,
            "Read which of its permissions an API key has used, and which it has not",
            permission_uses,
        )
        .serve(Operation::ApiKeyCreate, "Make an API key; the answer alone holds its secret", create)
        .serve(Operation::ApiKeyUpdate, "Change an API key; what is left out stays", update)
        .serve(Operation::ApiKeyRotate, "Give an API key a new secret; the old one works on for a while", rotate)
        .serve(Operation::ApiKeyEndOverlap, "End the old secret of a rotated API key now", end_overlap)
        .serve(Operation::ApiKeyDisable, "Disable an API key", disable)
        .serve(Operation::ApiKeyEnable, "Let a disabled API key work again", enable)
        .serve(Operation::ApiKeyDelete, "Delete an API key", delete)
}

input! {
    /// Which keys are listed.
    KeysQuery {
        /// Part of a name, or the visible parts of a secret.
        q | "search": Option<String>,
        /// `active`, `rotating`, `expiring`, `expired`, `disabled` or `deleted`; else all that are not deleted.
        #[schema(value_type = Option<StatusName>, inline)]
        status: Option<String>,
        /// The name of a feature of which the keys hold something.
        #[schema(value_type = Option<FeatureName>, inline)]
        permission: Option<String>,
        /// `unused`: some of what they hold was neither used nor given for 90 days; without the master key.
        #[schema(pattern = "^unused$")]
        rights: Option<String>,
        /// `name`, `used` or `expires`, with `-` before it for the other way round; else the newest first.
        #[schema(pattern = "^-?(name|used|expires)$")]
        sort: Option<String>,
        #[schema(minimum = 1, maximum = 100)]
        page_size | "pageSize": Option<i64>,
        #[schema(minimum = 0, maximum = 1000000)]
        current_page | "currentPage": Option<i64>,
    }
}

input! {
    /// A key to be made. `scopes` or `permissions` say what it may do; with neither it may call models and read prompts.
    CreateApiKey {
        #[schema(min_length = 1, max_length = 100)]
        name: String,
        #[schema(max_length = 500)]
        description: Option<String>,
        /// Names of permissions.
        #[schema(max_items = 1000)]
        scopes: Option<Vec<String>>,
        /// A level for each feature; one that is not named has its default.
        #[schema(value_type = Option<Levels>, inline)]
        permissions: Option<BTreeMap<String, String>>,
        /// RFC 3339; left out or null: it does not expire. A key that expires makes none that expires later.
        #[schema(format = DateTime)]
        expires_at: Option<String>,
        /// Its config, and whether a call may name another.
        #[schema(value_type = Option<KeyDefaults>, inline)]
        defaults: Option<KeyDefaults>,
        /// Whether the texts of its calls are kept: `inherit` (as the organisation does; also where nothing is said), `yes` or `no`.
        #[schema(pattern = "^(inherit|yes|no)$")]
        keep_texts: Option<String>,
        /// At most so many requests or tokens in a second, minute, hour, day or week. Null, or an empty list: none.
        #[schema(value_type = Option<Vec<RateBody>>, inline)]
        rate_limits: Option<Option<Told>>,
        /// A budget of US dollars, tokens or requests; a list of several. Null: none.
        #[schema(value_type = Option<BudgetBody>, inline)]
        usage_limits: Option<Option<Told>>,
        /// Who is told of budgets; where nobody is named, the Owners are.
        #[schema(max_items = 10)]
        alert_emails: Option<Option<Vec<String>>>,
        /// The models that it may call, by the names that providers know, with `*` for any characters; left out, null or empty: any.
        #[schema(max_items = 50, example = json!(["gpt-4o*"]))]
        models: Option<Vec<String>>,
        /// Slugs of the virtual keys that it may use; left out, null or empty: any. A key that is narrowed makes only keys that
        /// are narrowed as far.
        #[schema(max_items = 50)]
        virtual_keys: Option<Vec<String>>,
        /// Slugs of the configs that it may name, its own among them; its calls then bring none of their own. Left out, null or
        /// empty: any.
        #[schema(max_items = 50)]
        configs: Option<Vec<String>>,
        /// Slugs of the prompts that it may run and read; left out, null or empty: any.
        #[schema(max_items = 50)]
        prompts: Option<Vec<String>>,
        /// Ranges of addresses from which it works, such as `10.0.0.0/8`, or addresses; left out, null or empty: anywhere.
        #[schema(max_items = 50)]
        allowed_ips: Option<Vec<String>>,
        /// The moment from which it works, RFC 3339, or a day from its beginning in UTC; left out or null: at once.
        #[schema(max_length = 40)]
        not_before: Option<String>,
    }
    unsupported: ["user_id", "rotation_policy"]
}

input! {
    /// What shall be different.
    UpdateApiKey {
        #[schema(min_length = 1, max_length = 100)]
        name: Option<String>,
        /// Null clears it.
        #[schema(max_length = 500)]
        description: Option<Option<String>>,
        /// Names of permissions: all that it shall hold.
        #[schema(max_items = 1000)]
        scopes: Option<Vec<String>>,
        /// Levels of features; one that is not named stays.
        #[schema(value_type = Option<Levels>, inline)]
        permissions: Option<BTreeMap<String, String>>,
        /// RFC 3339; null: it does not expire. A key that expires gives no other a later end.
        #[schema(format = DateTime)]
        expires_at: Option<Option<String>>,
        /// Its config, and whether a call may name another; what is left out stays.
        #[schema(value_type = Option<KeyDefaults>, inline)]
        defaults: Option<KeyDefaults>,
        /// Whether the texts of its calls are kept: `inherit` (as the organisation does), `yes` or `no`.
        #[schema(pattern = "^(inherit|yes|no)$")]
        keep_texts: Option<String>,
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
        /// The models that it may call, by the names that providers know, with `*` for any characters; null or empty: any.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        models: Option<Option<Vec<String>>>,
        /// Slugs of the virtual keys that it may use; null or empty: any. A key that is narrowed changes only keys that are
        /// narrowed as far.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        virtual_keys: Option<Option<Vec<String>>>,
        /// Slugs of the configs that it may name, its own among them; null or empty: any.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        configs: Option<Option<Vec<String>>>,
        /// Slugs of the prompts that it may run and read; null or empty: any.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        prompts: Option<Option<Vec<String>>>,
        /// Ranges of addresses from which it works; null or empty: anywhere.
        #[schema(value_type = Option<Vec<String>>, max_items = 50)]
        allowed_ips: Option<Option<Vec<String>>>,
        /// The moment from which it works, RFC 3339, or a day from its beginning in UTC; null: at once.
        #[schema(value_type = Option<String>, max_length = 40)]
        not_before: Option<Option<String>>,
        /// The version that was read; the change is refused if there is a newer one.
        #[schema(minimum = 1)]
        version: Option<i64>,
    }
    unsupported: ["rotation_policy"]
}

input! {
    /// How a key is rotated. A key that expires rotates none that expires later.
    RotateApiKey {
        /// Milliseconds for which the old secret works on, up to 7 days; 30 minutes where nothing is said.
        #[schema(minimum = 0, maximum = 604800000)]
        key_transition_period_ms: Option<i64>,
        /// Another end of the key, RFC 3339; left out: it stays.
        #[schema(format = DateTime)]
        expires_at: Option<String>,
    }
}

names! {
    /// What a list of keys is filtered by.
    StatusName { Active, Rotating, Expiring, Expired, Disabled, Deleted }
}

names! {
    FeatureName { Metrics, Completions, Prompts, Configs, Guardrails, VirtualKeys, Users, ApiKeys }
}

names! {
    Switch { Disabled, Enabled }
}

names! {
    Level { Disabled, Read, Write, Delete }
}

/// What holds for calls that do not say otherwise.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDefaults {
    /// The slug of a config; null: none. Left out of a new key: the one that new keys begin with.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>)]
    config_id: Option<Option<String>>,
    /// Whether a call may name another config than that; usually it may.
    #[serde(default)]
    allow_config_override: Option<bool>,
    /// Not supported: null, or empty.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<BTreeMap<String, String>>,
}

/// Null is told apart from nothing at all.
fn some<'de, D: Deserializer<'de>>(field: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(field).map(Some)
}

impl FieldType for KeyDefaults {
    fn read(mut value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        if let Some(flag) = value.get_mut("allow_config_override")
            && let Some(number @ (0 | 1)) = flag.as_i64()
        {
            *flag = Value::Bool(number == 1);
        }
        // To the reader an empty list is as good as an empty object.
        if !value.is_object() {
            return Err("must be an object");
        }
        let read: Self = serde_json::from_value(value).map_err(|_| "has `config_id` and `allow_config_override`")?;
        match read.metadata.as_ref().is_none_or(BTreeMap::is_empty) {
            true => Ok(read),
            false => Err("has no `metadata` here. Leave it out, or send null"),
        }
    }
}

/// A level for each feature.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what the document tells; the levels are read by their names")]
struct Levels {
    #[schema(inline)]
    metrics: Option<Switch>,
    #[schema(inline)]
    completions: Option<Switch>,
    #[schema(inline)]
    prompts: Option<Level>,
    #[schema(inline)]
    configs: Option<Level>,
    #[schema(inline)]
    guardrails: Option<Level>,
    #[schema(inline)]
    virtual_keys: Option<Level>,
    #[schema(inline)]
    users: Option<Level>,
    #[schema(inline)]
    api_keys: Option<Level>,
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    #[schema(example = "api-key")]
    object: &'static str,
    id: String,
    /// The visible parts of the secret.
    #[schema(example = "lk_p7Xa…Tn2e")]
    key: String,
    name: String,
    description: String,
    #[serde(rename = "type")]
    #[schema(example = "organisation-service")]
    kind: &'static str,
    /// Made with the organisation.
    master: bool,
    organisation_id: String,
    /// `active`, `exhausted` (a budget of its own is used up), `expired`, `blocked` by a rule of the organisation, `disabled` or
    /// `deleted`.
    status: &'static str,
    /// Which rule it breaks, and what can be done; null: none.
    blocked_because: Option<String>,
    /// Names of the permissions that it holds, as they were given where they were given by name.
    scopes: Vec<String>,
    /// Those that work now: cut by what the person it answers for may do.
    effective_scopes: Vec<&'static str>,
    /// The level of each feature, or `custom` where none expresses what it holds.
    permissions: BTreeMap<&'static str, &'static str>,
    /// Its config, and whether a call may name another.
    defaults: ShownDefaults,
    /// 1: a call may name another config.
    allow_config_override: i64,
    /// Whether the texts of its calls are kept: `inherit` (as the organisation does), `yes` or `no`.
    #[schema(example = "inherit")]
    keep_texts: &'static str,
    /// The models that it may call; empty: any.
    models: Vec<String>,
    /// Slugs of the virtual keys that it may use; the id of one that was deleted. Empty: any.
    virtual_keys: Vec<String>,
    /// The configs that it may name, as above.
    configs: Vec<String>,
    /// The prompts that it may run and read, as above.
    prompts: Vec<String>,
    /// The ranges of addresses from which it works; empty: anywhere.
    allowed_ips: Vec<String>,
    /// From when on it works; null: since it was made.
    not_before: Option<String>,
    /// The id of the person it answers for; null: the Owners.
    responsible_id: Option<String>,
    created_by: String,
    created_at: String,
    last_updated_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    /// The end of the old secret, while that still works.
    key_transition_expires_at: Option<String>,
    /// Where one key is read: its limits, and what was used of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limits: Option<Vec<ShownRate>>,
    /// Its budget, a list where there are several, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShownBudget>)]
    usage_limits: Option<Option<ShownBudgets>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_emails: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reset_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_usage_reset_at: Option<String>,
    version: i64,
}

/// Which of its permissions a key has used.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyPermissionUses {
    #[schema(example = "api-key-permission-uses")]
    object: &'static str,
    /// The key's id.
    id: String,
    /// Since when uses are counted. A use is told of within a minute.
    counted_since: String,
    /// The permissions that it holds.
    permissions: Vec<ShownUse>,
    /// Those that were neither used nor given for 90 days; null: uses are counted for less long, so that it is not known.
    unused_scopes: Option<Vec<&'static str>>,
}

/// The use of one permission.
#[derive(Serialize, ToSchema)]
pub struct ShownUse {
    #[schema(example = "models.call")]
    permission: &'static str,
    /// The last day on which it was used, in UTC; null: no use was counted.
    #[schema(value_type = Option<String>, format = Date)]
    last_used_on: Option<String>,
    /// When it was given to the key, if that was after the key was made.
    given_at: Option<String>,
}

/// What holds for calls that do not say otherwise.
#[derive(Serialize, ToSchema)]
pub struct ShownDefaults {
    /// The slug of its config; null: none.
    config_id: Option<String>,
    allow_config_override: bool,
}

/// A key that was just made, with its secret.
#[derive(Serialize, ToSchema)]
pub struct CreatedApiKey {
    #[schema(example = "api-key")]
    object: &'static str,
    id: String,
    /// The secret, this once; null in the answer to a request that has the `Idempotency-Key` of one that made the key.
    #[schema(value_type = Option<String>)]
    key: Option<Secret>,
    name: String,
    scopes: Vec<String>,
    expires_at: Option<String>,
    /// What is odd about its limits. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<Warning>>,
}

/// A key's new secret.
#[derive(Serialize, ToSchema)]
pub struct RotatedApiKey {
    #[schema(example = "api-key")]
    object: &'static str,
    id: String,
    /// The new secret, this once.
    #[schema(value_type = String)]
    key: Secret,
    /// When the old secret ends; null: it has ended.
    key_transition_expires_at: Option<String>,
}

async fn list(call: Call, query: KeysQuery) -> Result<List<ApiKey>> {
    let window = window(query.page_size, query.current_page)?;
    let asked =
        asked([
            ("q", query.q),
            ("status", query.status),
            ("permission", query.permission),
            ("rights", query.rights),
            ("sort", query.sort),
        ]);
    let mut fields = Fields::default();
    one_of(&mut fields, &asked, "status", &["active", "rotating", "expiring", "expired", "disabled", "deleted"]);
    one_of(&mut fields, &asked, "permission", &KeyFeature::ALL.map(KeyFeature::name));
    one_of(&mut fields, &asked, "rights", &["unused"]);
    one_of(&mut fields, &asked, "sort", &["name", "used", "expires"]);
    fields.finish()?;
    let page = operations::list(&call.access, &asked, window).await?;
    Ok(List::new(page.total, page.keys).map(|key| shown(&call, key, page.now)))
}

async fn get(call: Call, _: Nothing) -> Result<ApiKey> {
    let page = operations::get(&call.access, call.id("id")?).await?;
    let own: Vec<_> = page.limits.into_iter().filter(|one| one.limit.on.scope == Scope::ApiKey).collect();
    let limits = contract::shown(&own);
    let key = shown(&call, page.key, page.now);
    Ok(ApiKey {
        rate_limits: Some(limits.rates),
        usage_limits: Some(limits.budgets),
        alert_emails: Some(limits.emails),
        last_reset_at: limits.last_reset_at,
        next_usage_reset_at: limits.next_reset_at,
        ..key
    })
}

async fn permission_uses(call: Call, _: Nothing) -> Result<ApiKeyPermissionUses> {
    let (key, rights, now) = operations::permission_uses(&call.access, call.id("id")?).await?;
    let shown = |permission: Permission| ShownUse {
        permission: permission.name(),
        last_used_on: rights.used_day(permission).map(Timestamp::iso_date),
        given_at: rights.given_at(permission).map(Timestamp::rfc3339),
    };
    Ok(ApiKeyPermissionUses {
        object: "api-key-permission-uses",
        id: key.id.to_string(),
        counted_since: rights.since.rfc3339(),
        permissions: key.permissions.iter().map(shown).collect(),
        unused_scopes: rights.unused(key.permissions, UNUSED_DAYS, now).map(PermissionSet::names),
    })
}

async fn create(call: Call, input: CreateApiKey) -> Result<CreatedApiKey> {
    check_kind(call.part("type"), call.part("sub_type"))?;
    let sent = sent(input.scopes.as_ref());
    let (submission, asked) = (call.submission()?, input.name.clone());
    let scopes = distinct(input.scopes.as_deref().unwrap_or_default());
    let given = scopes.clone();
    let new = || {
        let mut fields = Fields::default();
        let permissions = fields.take("permissions", chosen(input.scopes, input.permissions, None));
        let expiry = fields.take("expires_at", end(input.expires_at));
        let (permissions, expiry) = fields.build(|| Some((permissions?, expiry?)))?;
        let description = input.description.unwrap_or_default();
        let (config, config_override) = input.defaults.map_or((None, None), |of| (of.config_id, of.allow_config_override));
        let config_override = config_override.unwrap_or(true);
        let keep_texts = choice(input.keep_texts)?.flatten();
        let (rates, budgets, emails) = (input.rate_limits, input.usage_limits, input.alert_emails);
        let limits = Sent { rates, budgets, emails, reset: None }.edit()?;
        let narrow = Narrow {
            models: input.models,
            virtual_keys: input.virtual_keys,
            configs: input.configs,
            prompts: input.prompts,
            allowed_ips: input.allowed_ips,
            not_before: input.not_before,
        };
        Ok(New {
            name: input.name,
            description,
            permissions,
            scopes,
            expiry,
            config,
            config_override,
            keep_texts,
            limits,
            narrow,
            submission,
        })
    };
    let created = |id: KeyId, key, name, (permissions, given): (PermissionSet, &[String]), end: Option<Timestamp>| {
        CreatedApiKey {
            object: "api-key",
            id: id.to_string(),
            key,
            name,
            scopes: as_given(permissions, given),
            expires_at: end.map(Timestamp::rfc3339),
            warnings: None,
        }
    };
    match operations::create(&call.access, new).await {
        Ok(Minted { id, name, secret, permissions, expires_at, doubts, .. }) => {
            let made = created(id, Some(secret), name, (permissions, &given), expires_at);
            Ok(CreatedApiKey { warnings: contract::warnings(doubts), ..made })
        }
        Err(Error { code: Code::AlreadyDone, made: Some(id), .. }) => {
            let id = id.parse().map_err(|_| Error::internal())?;
            let key = operations::made_before(&call.access, id).await?;
            if key.name != asked.trim() {
                return Err(Error::conflict("This Idempotency-Key was sent before, with another key's name."));
            }
            Ok(created(id, None, key.name, (key.permissions, &key.scopes), key.expires_at))
        }
        Err(error) => Err(named(error, sent)),
    }
}

async fn update(call: Call, input: UpdateApiKey) -> Result<Changed> {
    let sent = sent(input.scopes.as_ref());
    let scopes = input.scopes.as_deref().map(distinct);
    let limits = Sent {
        rates: input.rate_limits,
        budgets: input.usage_limits,
        emails: input.alert_emails,
        reset: input.reset_usage.map(|flag| flag.0),
    };
    let edit = |key: &Key| {
        let mut fields = Fields::default();
        let permissions = fields.take("permissions", chosen(input.scopes, input.permissions, Some(key.permissions)));
        let expiry = fields.take("expires_at", input.expires_at.map(end).transpose());
        fields.finish()?;
        let (config, config_override) = input.defaults.map_or((None, None), |of| (of.config_id, of.allow_config_override));
        let narrow = Narrow {
            models: input.models.map(Option::unwrap_or_default),
            virtual_keys: input.virtual_keys.map(Option::unwrap_or_default),
            configs: input.configs.map(Option::unwrap_or_default),
            prompts: input.prompts.map(Option::unwrap_or_default),
            allowed_ips: input.allowed_ips.map(Option::unwrap_or_default),
            not_before: input.not_before.map(Option::unwrap_or_default),
        };
        Ok(Edit {
            narrow,
            name: input.name,
            description: input.description.map(Option::unwrap_or_default),
            permissions: permissions.flatten(),
            scopes,
            expiry: expiry.flatten(),
            config,
            config_override,
            keep_texts: choice(input.keep_texts)?,
            limits: limits.edit()?,
            responsible: None,
            version: input.version,
        })
    };
    let doubts = operations::update(&call.access, call.id("id")?, edit).await.map_err(|error| named(error, sent))?;
    Ok(Changed::with(doubts))
}

/// Whether texts are kept, by its name.
fn choice(name: Option<String>) -> Result<Option<Option<bool>>> {
    let Some(name) = name else { return Ok(None) };
    let found = parse_choice(&name);
    found.map(Some).ok_or_else(|| Error::field("keep_texts", "`keep_texts` is one of inherit, yes, no."))
}

async fn rotate(call: Call, input: RotateApiKey) -> Result<RotatedApiKey> {
    let overlap = Some(input.key_transition_period_ms.unwrap_or(USUAL_TRANSITION));
    let rotation = || {
        let expiry = input.expires_at.map(|text| end(Some(text))).transpose();
        let expiry = expiry.map_err(|sentence| Error::field("expires_at", sentence))?;
        Ok(Rotation { overlap, expiry, ..Rotation::default() })
    };
    let minted = operations::rotate(&call.access, call.id("id")?, rotation).await;
    let minted = minted.map_err(|error| renamed(error, &NAMES))?;
    let until = minted.old_until.map(Timestamp::rfc3339);
    Ok(RotatedApiKey {
        object: "api-key",
        id: minted.id.to_string(),
        key: minted.secret,
        key_transition_expires_at: until,
    })
}

async fn end_overlap(call: Call, _: Nothing) -> Result<Done> {
    operations::end_overlap(&call.access, call.id("id")?).await.map(|()| Done {})
}

async fn disable(call: Call, _: Nothing) -> Result<Done> {
    operations::disable(&call.access, call.id("id")?, None).await.map(|()| Done {})
}

async fn enable(call: Call, _: Nothing) -> Result<Done> {
    operations::enable(&call.access, call.id("id")?).await.map(|()| Done {})
}

async fn delete(call: Call, _: Nothing) -> Result<Done> {
    operations::delete(&call.access, call.id::<KeyId>("id")?, None).await.map(|()| Done {})
}

/// The field in which a body says what a key may do.
fn sent(scopes: Option<&Vec<String>>) -> &'static str {
    if scopes.is_some() { "scopes" } else { "permissions" }
}

fn named(error: Error, sent: &'static str) -> Error {
    renamed(renamed(error, &NAMES), &[("permissions", sent)])
}

/// Only keys of the organisation are made, for no user of their own. Other kinds of existing clients are no addresses.
fn check_kind(kind: &str, sub_kind: &str) -> Result<()> {
    match (kind, sub_kind) {
        ("", "") | ("organisation" | "organization" | "workspace", "service") => Ok(()),
        _ => {
            Err(Error::new(Code::Malformed, "Keys are made at /api-keys/organisation/service, or at /api-keys alone."))
        }
    }
}

/// The end of a key that was asked for.
fn end(text: Option<String>) -> std::result::Result<Expiry, String> {
    match text {
        None => Ok(Expiry::Never),
        Some(text) => Timestamp::parse(&text)
            .map(Expiry::At)
            .ok_or_else(|| "This must be a moment such as 2027-02-21T14:05:00Z.".into()),
    }
}

/// The permissions that were asked for, by name or by levels on top of a stored set; none: nothing was said.
fn chosen(
    scopes: Option<Vec<String>>,
    levels: Option<BTreeMap<String, String>>,
    stored: Option<PermissionSet>,
) -> std::result::Result<Option<PermissionSet>, String> {
    match (scopes, levels) {
        (Some(_), Some(_)) => Err("Send scopes or permissions, not both.".into()),
        (Some(names), None) => names.iter().map(|name| scope(name)).collect::<std::result::Result<_, _>>().map(Some),
        (None, Some(levels)) => of_levels(levels, stored).map(Some),
        (None, None) => Ok(None),
    }
}

fn scope(name: &str) -> std::result::Result<Permission, String> {
    let alias = || SCOPES.iter().find(|(alias, _)| *alias == name).map(|(_, permission)| *permission);
    Permission::parse(name)
        .or_else(alias)
        .ok_or_else(|| format!("There is no permission named “{}”.", crate::kernel::text::cut(name, 100)))
}

/// Each name once, in the order in which they came.
fn distinct(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).cloned().collect()
}

/// The names of what a set holds: those that were given for it, else ours.
fn as_given(permissions: PermissionSet, given: &[String]) -> Vec<String> {
    let named = |permission: Permission| {
        let names: Vec<_> = given.iter().filter(|name| scope(name) == Ok(permission)).cloned().collect();
        if names.is_empty() { vec![permission.name().to_owned()] } else { names }
    };
    permissions.iter().flat_map(named).collect()
}

fn of_levels(
    levels: BTreeMap<String, String>,
    stored: Option<PermissionSet>,
) -> std::result::Result<PermissionSet, String> {
    let mut form = KeyForm::default();
    for (name, level) in levels {
        let feature = KeyFeature::ALL.into_iter().find(|feature| feature.name() == name);
        let unknown = || format!("There is no feature named “{}”.", crate::kernel::text::cut(&name, 100));
        form.levels.insert(feature.ok_or_else(unknown)?, level);
    }
    form.permissions(stored).map_err(|(_, sentence)| sentence)
}

fn shown(call: &Call, key: Key, now: Timestamp) -> ApiKey {
    let status = match key.status(now) {
        Status::Active | Status::Rotating(_) | Status::Expiring(_) if key.used_up => "exhausted",
        Status::Active | Status::Rotating(_) | Status::Expiring(_) => "active",
        Status::Expired => "expired",
        Status::Blocked => "blocked",
        Status::Disabled => "disabled",
        Status::Deleted => "deleted",
    };
    ApiKey {
        object: "api-key",
        id: key.id.to_string(),
        key: key.secret.text(),
        kind: "organisation-service",
        master: key.master,
        organisation_id: call.organisation_id(),
        status,
        scopes: as_given(key.permissions, &key.scopes),
        effective_scopes: key.effective.names(),
        permissions: KeyFeature::ALL
            .into_iter()
            .map(|feature| (feature.name(), level_value(feature, key.permissions)))
            .collect(),
        allow_config_override: i64::from(key.config_override),
        keep_texts: choice_name(key.keep_texts),
        models: key.narrowed.models,
        virtual_keys: key.narrowed.virtual_keys,
        configs: key.narrowed.configs,
        prompts: key.narrowed.prompts,
        allowed_ips: key.narrowed.allowed_ips,
        not_before: key.narrowed.not_before.map(Timestamp::rfc3339),
        blocked_because: key.blocked,
        defaults: ShownDefaults {
            config_id: key.config.map(|config| config.slug),
            allow_config_override: key.config_override,
        },
        responsible_id: key.responsible.map(|person| person.id.to_string()),
        created_by: key.created_by,
        created_at: key.created_at.rfc3339(),
        last_updated_at: key.updated_at.rfc3339(),
        expires_at: key.expires_at.map(Timestamp::rfc3339),
        last_used_at: key.used_at.map(Timestamp::rfc3339),
        key_transition_expires_at: key.old.filter(|old| old.until > now).map(|old| old.until.rfc3339()),
        rate_limits: None,
        usage_limits: None,
        alert_emails: None,
        last_reset_at: None,
        next_usage_reset_at: None,
        version: key.version,
        name: key.name,
        description: key.description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_of_existing_clients_mean_one_permission_and_unknown_ones_are_named() {
        let names = |names: &[&str]| chosen(Some(names.iter().map(|n| (*n).to_owned()).collect()), None, None);
        let two: PermissionSet = [Permission::ModelsCall, Permission::PromptsView].into_iter().collect();
        assert_eq!(names(&["completions.write", "prompts.render", "models.call"]), Ok(Some(two)));
        assert_eq!(names(&[]), Ok(Some(PermissionSet::EMPTY)));
        assert!(names(&["completions.write", "audit_logs.list"]).unwrap_err().contains("audit_logs.list"));
        assert!(SCOPES.iter().all(|(alias, _)| Permission::parse(alias).is_none()), "an alias hides a permission");
        assert!(SCOPES.iter().all(|(_, permission)| PermissionSet::every_key_permission().contains(*permission)));
    }

    #[test]
    fn levels_stand_on_what_is_stored() {
        let levels = |pairs: &[(&str, &str)], stored| {
            let map = pairs.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned())).collect();
            chosen(None, Some(map), stored)
        };
        let made = levels(&[("metrics", "enabled")], None).ok().flatten().expect("a set");
        assert!(made.contains(Permission::LogsView) && made.contains(Permission::ModelsCall));
        let changed = levels(&[("completions", "disabled")], Some(made)).ok().flatten().expect("a set");
        assert!(changed.contains(Permission::LogsView) && !changed.contains(Permission::ModelsCall));
        assert!(levels(&[("billing", "write")], None).is_err());
        assert!(levels(&[("metrics", "write")], None).is_err());
    }

    #[test]
    fn keys_are_made_at_the_addresses_of_service_keys() {
        for (kind, sub_kind) in [("", ""), ("organisation", "service"), ("workspace", "service")] {
            assert!(check_kind(kind, sub_kind).is_ok());
        }
        for (kind, sub_kind) in [("workspace", "user"), ("organisation", "NOT_GIVEN"), ("team", "service")] {
            assert_eq!(check_kind(kind, sub_kind).err().map(|error| error.code.status()), Some(400));
        }
    }
}
