//! The keys as lists and pages show them.

use super::{cut, fold};
use crate::{
    features::api_keys::model::{
        Filter, Key, OldSecret, PAGE, Responsible, SOON_DAYS, UNUSED_DAYS, Visible, reduce_search,
    },
    kernel::{KeyId, Result, Timestamp, UserId, text, time::DAY},
    policy::{KeyFeature, PermissionSet},
    server::database::{OrgTx, Value, containing, read_role, readable, statements, values},
};
use sqlx::types::Json;
use uuid::Uuid;

/// What is shown of keys `k`; `$now`, the present, is to be put in: a secret that was rotated away shows only while it
/// still works.
macro_rules! select {
    ($from:literal, $now:literal, $rest:literal) => {
        concat!(
            "SELECT k.id, k.kind, k.name, k.description, k.permissions, k.scopes, k.responsible, u.name AS person, m.role, u.disabled_at AS person_disabled_at, k.created_by, k.created_at, k.updated_at, k.version, k.expires_at, k.disabled_at, k.revoked_at, c.beginning, c.ending, c.used_at, o.beginning AS old_beginning, o.ending AS old_ending, o.used_at AS old_used_at, o.valid_until AS old_until, k.used_at AS last_used_at FROM ",
            $from,
            "api_keys k JOIN api_key_secrets c ON c.org_id = k.org_id AND c.key_id = k.id AND c.valid_until IS NULL LEFT JOIN api_key_secrets o ON o.org_id = k.org_id AND o.key_id = k.id AND o.valid_until > ",
            $now,
            " LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible LEFT JOIN users u ON u.id = k.responsible ",
            $rest
        )
    };
}

statements! {
    GET: TenantSql = select!("", "$2", "WHERE k.org_id = $1 AND k.id = $3");
    EXPIRING: TenantSql = select!("", "$2", "WHERE k.org_id = $1 AND k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.expires_at > $2 AND k.expires_at <= $3 ORDER BY k.expires_at, k.id LIMIT 20");
}

/// The keys of a page are found by an index alone; only their rows are then read. SQLite keeps the order of a CROSS JOIN.
const SELECT_PAGE: &str =
    select!("($found) AS page CROSS JOIN ", "$now", "WHERE k.org_id = $1 AND k.id = page.id ORDER BY $order");

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
    let rows: Vec<Row> = tx.list(EXPIRING, values![now, now.plus(SOON_DAYS * DAY)]).await?;
    Ok(readable(rows, Row::key))
}

/// One page of the keys that a filter lets through, and how many there are of them in all.
pub async fn page(tx: &mut OrgTx, filter: &Filter, now: Timestamp) -> Result<(Vec<Key>, i64)> {
    let asked = Asked::of(filter, now);
    let rows: Vec<Row> = tx.list_composed(asked.page, asked.page_values).await?;
    let (total,): (i64,) = tx.all_composed(asked.count, asked.count_values).await?.pop().unwrap_or_default();
    Ok((readable(rows, Row::key), total))
}

/// The statements of a page, each with its values.
struct Asked {
    page: String,
    page_values: Vec<Value>,
    count: String,
    count_values: Vec<Value>,
}

impl Asked {
    fn of(filter: &Filter, now: Timestamp) -> Self {
        let mut clause = Clause { text: "k.org_id = $1".to_owned(), values: vec![], now };
        clause.status(&filter.status);
        clause.search(&reduce_search(&filter.q));
        clause.permission(&filter.permission);
        clause.responsible(&filter.responsible);
        if filter.unused == "yes" {
            let since = clause.bind(now.plus(-UNUSED_DAYS * DAY));
            clause.and(&format!("k.created_at < {since} AND {LAST_USED} < {since}"));
        }
        let count = format!("SELECT COUNT(*) FROM api_keys k WHERE {}", clause.text);
        let count_values = clause.values.clone();
        let limit = clause.bind(PAGE);
        let offset = clause.bind((filter.page() - 1).saturating_mul(PAGE));
        let order = order(&filter.sort);
        let found =
            format!("SELECT k.id FROM api_keys k WHERE {} ORDER BY {order} LIMIT {limit} OFFSET {offset}", clause.text);
        let now = clause.bind(now);
        let page = SELECT_PAGE.replace("$found", &found).replace("$order", &order).replace("$now", &now);
        Self { page, page_values: clause.values, count, count_values }
    }
}

/// Nulls are replaced, since the engines disagree on where they stand.
const LAST_USED: &str = "COALESCE(k.used_at, 0)";

/// Each order follows an index, or is a short way from one.
fn order(sort: &str) -> String {
    let (by, direction) = match sort.strip_prefix('-') {
        Some(by) => (by, "DESC"),
        None => (sort, "ASC"),
    };
    match by {
        "name" => format!("k.name_folded {direction}, k.id {direction}"),
        "used" => format!("{LAST_USED} {direction}, k.id {direction}"),
        "expires" => format!("COALESCE(k.expires_at, {}) {direction}, k.id {direction}", i64::MAX),
        // The master key first (“master” stands before “standard”), then the newest.
        _ => "k.kind, k.created_at DESC, k.id DESC".to_owned(),
    }
}

/// The optional part of a WHERE, built of constant parts; what was typed is bound.
struct Clause {
    text: String,
    values: Vec<Value>,
    now: Timestamp,
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

    fn status(&mut self, status: &str) {
        if status == "deleted" {
            return self.and("k.revoked_at IS NOT NULL");
        }
        self.and("k.revoked_at IS NULL");
        match status {
            "active" => {
                let now = self.bind(self.now);
                self.and(&format!("k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > {now})"));
            }
            "rotating" => {
                let now = self.bind(self.now);
                self.and("k.disabled_at IS NULL");
                self.and(&format!(
                    "k.id IN (SELECT o.key_id FROM api_key_secrets o WHERE o.org_id = $1 AND o.valid_until > {now})"
                ));
            }
            "expiring" => {
                let (now, end) = (self.bind(self.now), self.bind(self.now.plus(SOON_DAYS * DAY)));
                self.and(&format!("k.disabled_at IS NULL AND k.expires_at > {now} AND k.expires_at <= {end}"));
            }
            "expired" => {
                let now = self.bind(self.now);
                self.and(&format!("k.disabled_at IS NULL AND k.expires_at <= {now}"));
            }
            "disabled" => self.and("k.disabled_at IS NOT NULL"),
            _ => {}
        }
    }

    fn search(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some((beginning, ending)) = text.split_once('…').or_else(|| text.split_once("...")) {
            let secret = self.secret(beginning, ending);
            return self.and(&secret);
        }
        if text.starts_with("lk_") {
            let secret = self.secret(text, "");
            return self.and(&secret);
        }
        let name = self.bind(containing(&fold(text)));
        let mut condition = format!("k.name_folded LIKE {name} ESCAPE '!'");
        if text.len() >= 4 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            let secret = self.secret("", &text[text.len() - 4..]);
            condition.push_str(&format!(" OR {secret}"));
        }
        self.and(&condition);
    }

    /// Keys with a secret of this beginning and ending, as far as lists show them; either may be empty. Case counts, so
    /// that a pasted key finds its own.
    fn secret(&mut self, beginning: &str, ending: &str) -> String {
        let now = self.bind(self.now);
        let mut text = format!(
            "k.id IN (SELECT s.key_id FROM api_key_secrets s WHERE s.org_id = $1 AND (s.valid_until IS NULL OR s.valid_until > {now})"
        );
        if !beginning.is_empty() {
            let part = text::cut(beginning, 7);
            // SUBSTR, since LIKE ignores case on one of the engines.
            let length = self.bind(i64::try_from(part.chars().count()).unwrap_or(7));
            let place = self.bind(part);
            text.push_str(&format!(" AND SUBSTR(s.beginning, 1, CAST({length} AS INTEGER)) = {place}"));
        }
        if !ending.is_empty() {
            let place = self.bind(ending);
            text.push_str(&format!(" AND s.ending = {place}"));
        }
        text.push(')');
        text
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
