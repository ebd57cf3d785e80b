//! The keys as lists and pages show them.

use super::cut;
use crate::{
    features::api_keys::model::{
        Filter, Key, OldSecret, PAGE, Responsible, SOON_DAYS, UNUSED_DAYS, Visible, reduce_search,
    },
    kernel::{KeyId, Result, Timestamp, UserId, text, time::DAY},
    policy::{KeyFeature, PermissionSet},
    server::database::{OrgTx, Value, containing, read_role, statements, values},
};
use sqlx::types::Json;
use uuid::Uuid;

/// `$2` is the present: a secret that was rotated away shows only while it still works.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, k.kind, k.name, k.description, k.permissions, k.scopes, k.responsible, u.name AS person, m.role, u.disabled_at AS person_disabled_at, k.created_by, k.created_at, k.updated_at, k.version, k.expires_at, k.disabled_at, k.revoked_at, c.beginning, c.ending, c.used_at, o.beginning AS old_beginning, o.ending AS old_ending, o.used_at AS old_used_at, o.valid_until AS old_until, ",
            "(SELECT MAX(s.used_at) FROM api_key_secrets s WHERE s.org_id = k.org_id AND s.key_id = k.id) AS last_used_at ",
            "FROM api_keys k JOIN api_key_secrets c ON c.org_id = k.org_id AND c.key_id = k.id AND c.valid_until IS NULL LEFT JOIN api_key_secrets o ON o.org_id = k.org_id AND o.key_id = k.id AND o.valid_until > $2 LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible LEFT JOIN users u ON u.id = k.responsible ",
            $rest
        )
    };
}

statements! {
    GET: TenantSql = select!("WHERE k.org_id = $1 AND k.id = $3");
    EXPIRING: TenantSql = select!("WHERE k.org_id = $1 AND k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.expires_at > $2 AND k.expires_at <= $3 ORDER BY k.expires_at, k.id LIMIT 20");
}

const SELECT: &str = select!("WHERE k.org_id = $1");
const COUNT: &str = "SELECT COUNT(*) FROM api_keys k JOIN api_key_secrets c ON c.org_id = k.org_id AND c.key_id = k.id AND c.valid_until IS NULL LEFT JOIN api_key_secrets o ON o.org_id = k.org_id AND o.key_id = k.id AND o.valid_until > $2 WHERE k.org_id = $1";
const LAST_USED: &str = "(SELECT MAX(s.used_at) FROM api_key_secrets s WHERE s.org_id = k.org_id AND s.key_id = k.id)";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    name: String,
    description: String,
    permissions: Json<PermissionSet>,
    scopes: Option<Json<Vec<String>>>,
    responsible: Option<Uuid>,
    person: Option<String>,
    role: Option<String>,
    person_disabled_at: Option<i64>,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
    expires_at: Option<i64>,
    disabled_at: Option<i64>,
    revoked_at: Option<i64>,
    beginning: String,
    ending: String,
    used_at: Option<i64>,
    old_beginning: Option<String>,
    old_ending: Option<String>,
    old_used_at: Option<i64>,
    old_until: Option<i64>,
    last_used_at: Option<i64>,
}

impl Row {
    fn key(self) -> Result<Key> {
        let disabled = self.person_disabled_at.is_some();
        let effective = cut(self.permissions.0, self.responsible, self.role.as_deref(), disabled)?;
        let role = self.role.filter(|_| !disabled).map(|role| read_role(&role)).transpose()?;
        let old = match (self.old_beginning, self.old_ending, self.old_until) {
            (Some(beginning), Some(ending), Some(until)) => Some(OldSecret {
                visible: Visible { beginning, ending, used_at: self.old_used_at.map(Timestamp) },
                until: Timestamp(until),
            }),
            _ => None,
        };
        Ok(Key {
            id: KeyId(self.id),
            master: self.kind == "master",
            name: self.name,
            description: self.description,
            permissions: self.permissions.0,
            scopes: self.scopes.map(|scopes| scopes.0).unwrap_or_default(),
            effective,
            responsible: self.responsible.map(|id| Responsible {
                id: UserId(id),
                name: self.person.unwrap_or_default(),
                role,
            }),
            created_by: self.created_by,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            version: self.version,
            expires_at: self.expires_at.map(Timestamp),
            disabled_at: self.disabled_at.map(Timestamp),
            deleted_at: self.revoked_at.map(Timestamp),
            secret: Visible { beginning: self.beginning, ending: self.ending, used_at: self.used_at.map(Timestamp) },
            old,
            used_at: self.last_used_at.map(Timestamp),
        })
    }
}

/// One key, deleted ones included.
pub async fn get(tx: &mut OrgTx, id: KeyId, now: Timestamp) -> Result<Option<Key>> {
    let row: Option<Row> = tx.optional(GET, values![now, id]).await?;
    row.map(Row::key).transpose()
}

/// The keys whose end is near, the nearest first; 20 at most.
pub async fn expiring(tx: &mut OrgTx, now: Timestamp) -> Result<Vec<Key>> {
    let rows: Vec<Row> = tx.all(EXPIRING, values![now, now.plus(SOON_DAYS * DAY)]).await?;
    rows.into_iter().map(Row::key).collect()
}

/// One page of the keys that a filter lets through, and how many there are of them in all.
pub async fn page(tx: &mut OrgTx, filter: &Filter, now: Timestamp) -> Result<(Vec<Key>, i64)> {
    let mut clause = Clause { text: String::new(), values: values![now] };
    clause.status(&filter.status, now);
    clause.search(&reduce_search(&filter.q));
    clause.permission(&filter.permission);
    clause.responsible(&filter.responsible);
    if filter.unused == "yes" {
        let since = clause.bind(now.plus(-UNUSED_DAYS * DAY));
        clause.and(&format!("k.created_at < {since} AND COALESCE({LAST_USED}, 0) < {since}"));
    }
    let (total,): (i64,) =
        tx.all_composed(format!("{COUNT}{}", clause.text), clause.values.clone()).await?.pop().unwrap_or_default();
    let limit = clause.bind(PAGE);
    let offset = clause.bind((filter.page() - 1).saturating_mul(PAGE));
    let sql = format!("{SELECT}{} ORDER BY {} LIMIT {limit} OFFSET {offset}", clause.text, order(&filter.sort));
    let rows: Vec<Row> = tx.all_composed(sql, clause.values).await?;
    Ok((rows.into_iter().map(Row::key).collect::<Result<_>>()?, total))
}

/// Nulls are replaced, since the engines disagree on where they stand.
fn order(sort: &str) -> String {
    let (by, direction) = match sort.strip_prefix('-') {
        Some(by) => (by, "DESC"),
        None => (sort, "ASC"),
    };
    match by {
        "name" => format!("LOWER(k.name) {direction}, k.id"),
        "used" => format!("COALESCE({LAST_USED}, 0) {direction}, k.id"),
        "expires" => format!("COALESCE(k.expires_at, {}) {direction}, k.id", i64::MAX),
        // The master key first, then the newest.
        _ => "CASE k.kind WHEN 'master' THEN 0 ELSE 1 END, k.created_at DESC, k.id DESC".to_owned(),
    }
}

/// The optional part of a WHERE, built of constant parts; what was typed is bound.
struct Clause {
    text: String,
    values: Vec<Value>,
}

impl Clause {
    /// Binds a value and gives its place: the organisation is `$1`.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len() + 1)
    }

    fn and(&mut self, condition: &str) {
        self.text.push_str(" AND (");
        self.text.push_str(condition);
        self.text.push(')');
    }

    fn status(&mut self, status: &str, now: Timestamp) {
        if status == "deleted" {
            return self.and("k.revoked_at IS NOT NULL");
        }
        self.and("k.revoked_at IS NULL");
        match status {
            "active" => self.and("k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)"),
            "rotating" => self.and("k.disabled_at IS NULL AND o.id IS NOT NULL"),
            "expiring" => {
                let end = self.bind(now.plus(SOON_DAYS * DAY));
                self.and(&format!("k.disabled_at IS NULL AND k.expires_at > $2 AND k.expires_at <= {end}"));
            }
            "expired" => self.and("k.disabled_at IS NULL AND k.expires_at <= $2"),
            "disabled" => self.and("k.disabled_at IS NOT NULL"),
            _ => {}
        }
    }

    fn search(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some((beginning, ending)) = text.split_once('…').or_else(|| text.split_once("...")) {
            if !beginning.is_empty() {
                self.secret_part("beginning", beginning);
            }
            if !ending.is_empty() {
                self.secret_part("ending", ending);
            }
            return;
        }
        if text.starts_with("lk_") {
            return self.secret_part("beginning", text);
        }
        let lower = self.bind(containing(&text.to_lowercase()));
        let plain = self.bind(containing(text));
        let mut condition = format!("LOWER(k.name) LIKE {lower} ESCAPE '!' OR k.name LIKE {plain} ESCAPE '!'");
        if text.len() >= 4 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let ending = self.bind(&text[text.len() - 4..]);
            condition.push_str(&format!(" OR c.ending = {ending} OR o.ending = {ending}"));
        }
        self.and(&condition);
    }

    /// Compares what lists show of the key's secrets. Case counts, so that a pasted key finds its own.
    fn secret_part(&mut self, column: &'static str, part: &str) {
        let part = text::cut(part, 7);
        let place = self.bind(part);
        // SUBSTR, since LIKE ignores case on one of the engines.
        let length = self.bind(i64::try_from(part.chars().count()).unwrap_or(7));
        let length = format!("CAST({length} AS INTEGER)");
        self.and(&format!("SUBSTR(c.{column}, 1, {length}) = {place} OR SUBSTR(o.{column}, 1, {length}) = {place}"));
    }

    fn permission(&mut self, feature: &str) {
        let Some(feature) = KeyFeature::ALL.into_iter().find(|f| f.name() == feature) else { return };
        let names = feature.all().names();
        let conditions: Vec<_> = names
            .iter()
            .map(|name| {
                let place = self.bind(containing(&format!("\"{name}\"")));
                format!("CAST(k.permissions AS TEXT) LIKE {place} ESCAPE '!'")
            })
            .collect();
        self.and(&conditions.join(" OR "));
    }

    fn responsible(&mut self, who: &str) {
        if who == "owners" {
            self.and("k.responsible IS NULL");
        } else if let Ok(user) = who.parse::<UserId>() {
            let place = self.bind(user);
            self.and(&format!("k.responsible = {place}"));
        }
    }
}
