//! What the keys' calls answer.

use super::scopes::as_given;
use crate::{
    features::{
        api_keys::model::{Key, Status, level_value},
        limits::contract::{LimitWarning, ShownBudget, ShownBudgets, ShownRate},
        logs::texts::choice_name,
    },
    kernel::{Secret, Timestamp},
    policy::KeyFeature,
    web::api::Call,
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    #[schema(example = "api-key")]
    pub(super) object: &'static str,
    pub(super) id: String,
    /// The visible parts of the secret.
    #[schema(example = "lk_p7Xa…Tn2e")]
    pub(super) key: String,
    pub(super) name: String,
    pub(super) description: String,
    #[serde(rename = "type")]
    #[schema(example = "organisation-service")]
    pub(super) kind: &'static str,
    /// Made with the organisation.
    pub(super) master: bool,
    pub(super) organisation_id: String,
    /// `active`, `exhausted` (a budget of its own is used up), `expired`, `blocked` by a rule of the organisation, `disabled` or
    /// `deleted`.
    pub(super) status: &'static str,
    /// Which rule it breaks, and what can be done; null: none.
    pub(super) blocked_because: Option<String>,
    /// Names of the permissions that it holds, as they were given where they were given by name.
    pub(super) scopes: Vec<String>,
    /// Those that work now: cut by what the person it answers for may do.
    pub(super) effective_scopes: Vec<&'static str>,
    /// The level of each feature, or `custom` where none expresses what it holds.
    pub(super) permissions: BTreeMap<&'static str, &'static str>,
    /// Its config, and whether a call may name another.
    pub(super) defaults: ShownDefaults,
    /// 1: a call may name another config.
    pub(super) allow_config_override: i64,
    /// Whether the texts of its calls are kept: `inherit` (as the organisation does), `yes` or `no`.
    #[schema(example = "inherit")]
    pub(super) keep_texts: &'static str,
    /// The models that it may call; empty: any.
    pub(super) models: Vec<String>,
    /// Slugs of the virtual keys that it may use; the id of one that was deleted. Empty: any.
    pub(super) virtual_keys: Vec<String>,
    /// The configs that it may name, as above.
    pub(super) configs: Vec<String>,
    /// The prompts that it may run and read, as above.
    pub(super) prompts: Vec<String>,
    /// The ranges of addresses from which it works; empty: anywhere.
    pub(super) allowed_ips: Vec<String>,
    /// From when on it works; null: since it was made.
    pub(super) not_before: Option<String>,
    /// The id of the person it answers for; null: the Owners.
    pub(super) responsible_id: Option<String>,
    pub(super) created_by: String,
    pub(super) created_at: String,
    pub(super) last_updated_at: String,
    pub(super) expires_at: Option<String>,
    pub(super) last_used_at: Option<String>,
    /// The end of the old secret, while that still works.
    pub(super) key_transition_expires_at: Option<String>,
    /// Where one key is read: its limits, and what was used of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_limits: Option<Vec<ShownRate>>,
    /// Its budget, a list where there are several, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShownBudget>)]
    pub(super) usage_limits: Option<Option<ShownBudgets>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alert_emails: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_reset_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_usage_reset_at: Option<String>,
    pub(super) version: i64,
}

/// Which of its permissions a key has used.
#[derive(Serialize, ToSchema)]
pub struct ApiKeyPermissionUses {
    #[schema(example = "api-key-permission-uses")]
    pub(super) object: &'static str,
    /// The key's id.
    pub(super) id: String,
    /// Since when uses are counted. A use is told of within a minute.
    pub(super) counted_since: String,
    /// The permissions that it holds.
    pub(super) permissions: Vec<ShownUse>,
    /// Those that were neither used nor given for 90 days; null: uses are counted for less long, so that it is not known.
    pub(super) unused_scopes: Option<Vec<&'static str>>,
}

/// The use of one permission.
#[derive(Serialize, ToSchema)]
pub struct ShownUse {
    #[schema(example = "models.call")]
    pub(super) permission: &'static str,
    /// The last day on which it was used, in UTC; null: no use was counted.
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) last_used_on: Option<String>,
    /// When it was given to the key, if that was after the key was made.
    pub(super) given_at: Option<String>,
}

/// What holds for calls that do not say otherwise.
#[derive(Serialize, ToSchema)]
pub struct ShownDefaults {
    /// The slug of its config; null: none.
    pub(super) config_id: Option<String>,
    pub(super) allow_config_override: bool,
}

/// A key that was just made, with its secret.
#[derive(Serialize, ToSchema)]
pub struct CreatedApiKey {
    #[schema(example = "api-key")]
    pub(super) object: &'static str,
    pub(super) id: String,
    /// The secret, this once; null in the answer to a request that has the `Idempotency-Key` of one that made the key.
    #[schema(value_type = Option<String>)]
    pub(super) key: Option<Secret>,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: Option<String>,
    /// What is odd about its limits. Left out where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) warnings: Option<Vec<LimitWarning>>,
}

/// A key's new secret.
#[derive(Serialize, ToSchema)]
pub struct RotatedApiKey {
    #[schema(example = "api-key")]
    pub(super) object: &'static str,
    pub(super) id: String,
    /// The new secret, this once.
    #[schema(value_type = String)]
    pub(super) key: Secret,
    /// When the old secret ends; null: it has ended.
    pub(super) key_transition_expires_at: Option<String>,
}

/// A key as it is told, without its limits.
pub(super) fn shown(call: &Call, key: Key, now: Timestamp) -> ApiKey {
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
