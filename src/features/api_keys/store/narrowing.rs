//! What keys are narrowed to, and the names of what is named there by its id.

use crate::{
    features::{
        api_keys::{
            model::{Key, narrowing::MOST},
            narrowing::Narrowing,
            rules::Judged,
        },
        organisations,
    },
    kernel::{Error, KeyId, Result, Timestamp, text},
    server::database::{OrgTx, TenantSql, Value, statements, values},
};
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The slugs of those of a table that are there, for up to [`MOST`] ids.
macro_rules! slugs {
    ($table:literal) => {
        concat!(
            "SELECT id, slug FROM ",
            $table,
            " WHERE org_id = $1 AND deleted_at IS NULL AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51)"
        )
    };
}

statements! {
    OF: TenantSql = "SELECT narrowing FROM api_keys WHERE org_id = $1 AND id = $2";
    SET: TenantSql = "UPDATE api_keys SET narrowing = $3 WHERE org_id = $1 AND id = $2";
    VIRTUAL_KEYS: TenantSql = slugs!("virtual_keys");
    CONFIGS: TenantSql = slugs!("configs");
    PROMPTS: TenantSql = slugs!("prompts");
}

/// What a key is narrowed to; nothing for one that does not exist.
pub async fn of(tx: &mut OrgTx, key: KeyId) -> Result<Narrowing> {
    let row: Option<(Option<Json<Narrowing>>,)> = tx.optional(OF, values![key]).await?;
    Ok(row.and_then(|(stored,)| stored).map(|stored| stored.0).unwrap_or_default())
}

/// Narrows a key. The caller's change counts as the version.
pub async fn set(tx: &mut OrgTx, key: KeyId, narrowing: &Narrowing) -> Result<()> {
    let stored = match narrowing.is_nothing() {
        true => None,
        false => Some(serde_json::to_value(narrowing).map_err(|_| Error::internal())?),
    };
    tx.execute(SET, values![key, stored]).await.map(|_| ())
}

/// Whether a key is narrowed in anything but when it begins.
pub async fn is_narrowed(tx: &mut OrgTx, key: KeyId) -> Result<bool> {
    let own = Narrowing { not_before: None, ..of(tx, key).await? };
    Ok(!own.is_nothing())
}

/// Names what keys are narrowed to by its slug, where there is still something with that id, and says all of it in words;
/// and says which of them break the organisation's rules.
pub async fn show(tx: &mut OrgTx, keys: &mut [Key]) -> Result<()> {
    type List = fn(&mut Key) -> &mut Vec<String>;
    let lists: [(TenantSql, List); 3] = [
        (VIRTUAL_KEYS, |key| &mut key.narrowed.virtual_keys),
        (CONFIGS, |key| &mut key.narrowed.configs),
        (PROMPTS, |key| &mut key.narrowed.prompts),
    ];
    for (slugs, list) in lists {
        let mut ids: Vec<String> = keys.iter_mut().flat_map(|key| list(key).clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let names = named(tx, slugs, &ids).await?;
        for id in keys.iter_mut().flat_map(list) {
            if let Some(slug) = names.get(id) {
                id.clone_from(slug);
            }
        }
    }
    for key in keys.iter_mut() {
        key.narrowed.words = words(key);
    }
    let id = tx.organisation();
    let rules = organisations::by_id(tx.system(), id).await?.ok_or_else(Error::not_found)?.rules();
    for key in keys {
        key.blocked = rules.broken_by(Judged {
            master: key.master,
            made_at: key.secret_made_at,
            end: key.expires_at,
            has_budget: key.has_budget,
        });
    }
    Ok(())
}

/// The slugs of ids, as far as there are any.
async fn named(tx: &mut OrgTx, slugs: TenantSql, ids: &[String]) -> Result<BTreeMap<String, String>> {
    let ids: Vec<Uuid> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let mut names = BTreeMap::new();
    for some in ids.chunks(MOST) {
        // Every place is filled, so that one statement does for any number.
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(MOST);
        let asked: Vec<Value> = padded.flat_map(|id| values![*id]).collect();
        let rows: Vec<(Uuid, String)> = tx.all(slugs, asked).await?;
        names.extend(rows.into_iter().map(|(id, slug)| (id.to_string(), slug)));
    }
    Ok(names)
}

/// What a key is narrowed to, in words.
fn words(key: &Key) -> String {
    let told = |list: &[String]| {
        let shown: Vec<_> = list.iter().take(SHOWN).map(|one| gone(one)).collect();
        match list.len().checked_sub(SHOWN) {
            None | Some(0) => shown.join(", "),
            Some(more) => format!("{} and {more} more", shown.join(", ")),
        }
    };
    let narrowed = &key.narrowed;
    let lists = [
        ("only models", &narrowed.models),
        ("only virtual keys", &narrowed.virtual_keys),
        ("only configs", &narrowed.configs),
        ("only prompts", &narrowed.prompts),
        ("only from", &narrowed.allowed_ips),
    ];
    let mut parts: Vec<String> = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(what, list)| format!("{what} {}", told(list)))
        .collect();
    parts.extend(narrowed.not_before.map(|from| format!("not before {}", Timestamp::date_time(from))));
    parts.join("; ")
}

/// Entries that are told of each list.
const SHOWN: usize = 5;

/// An entry as words tell it: an id stands for what is not there any more.
fn gone(entry: &str) -> &str {
    if entry.parse::<Uuid>().is_ok() { "one that was deleted" } else { text::cut(entry, 100) }
}
