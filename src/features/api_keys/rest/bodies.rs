//! What the keys' calls take.

use crate::{
    features::limits::contract::{BudgetBody, RateBody, Told},
    web::api::{FieldType, Flag, Origin, input, names},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

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
        ..page
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
    pub(super) config_id: Option<Option<String>>,
    /// Whether a call may name another config than that; usually it may.
    #[serde(default)]
    pub(super) allow_config_override: Option<bool>,
    /// Not supported: null, or empty.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
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
