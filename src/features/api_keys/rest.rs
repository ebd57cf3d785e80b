//! The keys' management calls.

mod answers;
mod bodies;
mod scopes;

use self::{
    answers::{ApiKey, ApiKeyPermissionUses, CreatedApiKey, RotatedApiKey, ShownUse, shown},
    bodies::{CreateApiKey, KeysQuery, RotateApiKey, UpdateApiKey},
    scopes::{as_given, chosen, distinct},
};
use super::{
    model::{Expiry, Key, Minted, UNUSED_DAYS},
    operations::{self, Edit, Narrow, New, Rotation},
};
use crate::{
    features::{
        limits::{
            contract::{self, Changed, Sent},
            model::Scope,
        },
        logs::texts::parse_choice,
    },
    kernel::{Code, Error, Fields, KeyId, Result, Timestamp, time::MINUTE},
    policy::{KeyFeature, Operation, Permission, PermissionSet},
    web::api::{Api, Call, Done, List, Nothing, asked, one_of, renamed, window},
};

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

async fn list(call: Call, query: KeysQuery) -> Result<List<ApiKey>> {
    let window = window(query.page_size, query.current_page)?;
    let asked = asked([
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
        let (config, config_override) =
            input.defaults.map_or((None, None), |of| (of.config_id, of.allow_config_override));
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
        let (config, config_override) =
            input.defaults.map_or((None, None), |of| (of.config_id, of.allow_config_override));
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

#[cfg(test)]
mod tests {
    use super::*;

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
