//! The keys as lists and pages show them.

use super::{cut, fold, narrowing::show};
use crate::{
    features::{
        api_keys::{
            model::{
                self, Key, KeyConfig, NAME_LIMIT, OldSecret, Responsible, SOON_DAYS, UNUSED_DAYS, Visible,
                narrowing::Narrowed,
            },
            narrowing::Narrowing,
            rules::KeyRules,
        },
        organisations,
    },
    kernel::{Asked, Error, KeyId, Result, Timestamp, UserId, Window, text, time::DAY},
    policy::{KeyFeature, PermissionSet},
    server::database::{
        OrgTx, Value, containing,
        listing::{Filter, Listing, Order, Page, Parts, Question, Sort},
        read_role, readable, row, statements, values,
    },
};
use sqlx::types::Json;
use uuid::Uuid;

/// What is shown of keys `k`.
macro_rules! columns {
    () => {
        "k.id, k.kind, k.name, k.description, k.permissions, k.scopes, k.responsible, u.name AS person, m.role, u.disabled_at AS person_disabled_at, k.created_by, k.created_at, k.updated_at, k.version, k.expires_at, k.disabled_at, k.revoked_at, c.beginning, c.ending, c.used_at, o.beginning AS old_beginning, o.ending AS old_ending, o.used_at AS old_used_at, o.valid_until AS old_until, k.used_at AS last_used_at, f.slug AS config_slug, f.name AS config_name, k.config_override, k.keep_texts, k.narrowing, c.created_at AS secret_made_at, EXISTS (SELECT 1 FROM limits l WHERE l.org_id = k.org_id AND l.subject_id = k.id AND l.scope = 'api_key' AND l.kind = 'budget' AND l.action = 'block' AND l.deleted_at IS NULL) AS has_budget"
    };
}

/// What is shown besides the keys' own rows. A secret that was rotated away shows only while it still works.
macro_rules! joined {
    ($now:literal) => {
        concat!(
            " JOIN api_key_secrets c ON c.org_id = k.org_id AND c.key_id = k.id AND c.valid_until IS NULL LEFT JOIN api_key_secrets o ON o.org_id = k.org_id AND o.key_id = k.id AND o.valid_until > ",
            $now,
            " LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible LEFT JOIN users u ON u.id = k.responsible LEFT JOIN configs f ON f.org_id = k.org_id AND f.id = k.config_id"
        )
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM api_keys k", joined!("$2"), $rest)
    };
}

/// Keys `k` that work at `$2`, without the master key.
macro_rules! working {
    () => {
        "k.org_id = $1 AND k.kind = 'standard' AND k.revoked_at IS NULL AND k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)"
    };
}

/// Keys `k` without a budget of their own that refuses calls.
macro_rules! without_budget {
    () => {
        "NOT EXISTS (SELECT 1 FROM limits l WHERE l.org_id = $1 AND l.subject_id = k.id AND l.scope = 'api_key' AND l.kind = 'budget' AND l.action = 'block' AND l.deleted_at IS NULL)"
    };
}

statements! {
    GET: TenantSql = select!(" WHERE k.org_id = $1 AND k.id = $3");
    EXPIRING: TenantSql = select!(" WHERE k.org_id = $1 AND k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.expires_at > $2 AND k.expires_at <= $3 ORDER BY k.expires_at, k.id LIMIT 20");
    // Those of which the secret was made to work for longer than that, those without an end among them; and, of those that
    // were made before a moment, those without a budget of their own.
    BREAKING: TenantSql = concat!("SELECT COUNT(*) FROM api_keys k JOIN api_key_secrets c ON c.org_id = k.org_id AND c.key_id = k.id AND c.valid_until IS NULL WHERE ", working!(), " AND (COALESCE(k.expires_at, 9223372036854775807) - c.created_at > $3 OR (k.created_at < $4 AND ", without_budget!(), "))");
    WITHOUT_BUDGET: TenantSql = concat!("SELECT k.name FROM api_keys k WHERE ", working!(), " AND ", without_budget!(), " ORDER BY k.name_folded, k.id LIMIT 6");
}

/// The keys with a secret of which this is true, as far as lists show secrets.
macro_rules! by_secret {
    ($rest:literal) => {
        concat!(
            "k.id IN (SELECT s.key_id FROM api_key_secrets s WHERE s.org_id = $1 AND (s.valid_until IS NULL OR s.valid_until > ?)",
            $rest,
            ")"
        )
    };
}

const STANDING: &str = "k.revoked_at IS NULL";
const ACTIVE: &str = "k.revoked_at IS NULL AND k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?)";
const ROTATING: &str = "k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.id IN (SELECT o.key_id FROM api_key_secrets o WHERE o.org_id = $1 AND o.valid_until > ?)";
const ENDING: &str = "k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.expires_at > ? AND k.expires_at <= ?";
const EXPIRED: &str = "k.revoked_at IS NULL AND k.disabled_at IS NULL AND k.expires_at <= ?";
const DISABLED: &str = "k.revoked_at IS NULL AND k.disabled_at IS NOT NULL";
const DELETED: &str = "k.revoked_at IS NOT NULL";

const NAMED: &str = "k.name_folded LIKE ? ESCAPE '!'";
const NAMED_OR_ENDING: &str = concat!("k.name_folded LIKE ? ESCAPE '!' OR ", by_secret!(" AND s.ending = ?"));
// Case counts, so that a pasted key finds its own: SUBSTR, since LIKE ignores case on one of the engines.
const BEGINNING_IN: &str = by_secret!(" AND SUBSTR(s.beginning, 1, CAST(? AS INTEGER)) = ?");
const ENDING_IN: &str = by_secret!(" AND s.ending = ?");
const BOTH_IN: &str = by_secret!(" AND SUBSTR(s.beginning, 1, CAST(? AS INTEGER)) = ? AND s.ending = ?");

/// Keys that hold one of as many permissions as a feature has at most.
const HOLDING: &str = "CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!' OR CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!' OR CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!' OR CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!' OR CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!' OR CAST(k.permissions AS TEXT) LIKE ? ESCAPE '!'";
const MOST_HELD: usize = 6;

const OWNERS: &str = "k.responsible IS NULL";
const ANSWERS: &str = "k.responsible = ?";
const ANSWERS_NAMED: &str = "k.responsible IN (SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND (LOWER(u.name) LIKE ? ESCAPE '!' OR u.name LIKE ? ESCAPE '!'))";
/// Keys, without the master key, which is there for everything, of which some permission was not used, as
/// [`Rights::unused`] counts: there are more names in the set than permissions that were used or given since. Its values
/// are the beginning of the span, a day before that, and the beginning again.
///
/// [`Rights::unused`]: model::Rights::unused
const UNUSED_RIGHTS: &str = r#"k.kind = 'standard' AND COALESCE(k.counted_since, k.created_at) <= ? AND (LENGTH(CAST(k.permissions AS TEXT)) - LENGTH(REPLACE(CAST(k.permissions AS TEXT), '"', ''))) / 2 > (SELECT COUNT(*) FROM key_permission_uses r WHERE r.org_id = $1 AND r.key_id = k.id AND (r.used_day > ? OR r.given_at > ?) AND CAST(k.permissions AS TEXT) LIKE '%"' || r.permission || '"%')"#;
const UNUSED: &str = "k.created_at < ? AND COALESCE(k.used_at, 0) < ?";

/// Each order follows an index, or is a short way from one.
pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "api_keys k",
    joined: joined!("?"),
    id: "k.id",
    within: "k.org_id = $1",
    searched: &[],
    filters: &[
        Filter::one_of(&[STANDING, ACTIVE, ROTATING, ENDING, EXPIRED, DISABLED, DELETED]),
        Filter::optional(&[NAMED, NAMED_OR_ENDING, BEGINNING_IN, ENDING_IN, BOTH_IN]),
        Filter::optional(&[HOLDING]),
        Filter::optional(&[OWNERS, ANSWERS, ANSWERS_NAMED]),
        Filter::optional(&[UNUSED]),
        Filter::optional(&[UNUSED_RIGHTS]),
    ],
    order: Order::Named {
        // The master key first (“master” stands before “standard”), then the newest.
        usual: "k.kind, k.created_at DESC, k.id DESC",
        sorts: &[
            Sort { name: "name", by: &["k.name_folded", "k.id"], then: "" },
            Sort { name: "used", by: &["COALESCE(k.used_at, 0)", "k.id"], then: "" },
            Sort { name: "expires", by: &["COALESCE(k.expires_at, 9223372036854775807)", "k.id"], then: "" },
        ],
    },
    summaries: &[],
});

row! {
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
        config_slug: Option<String>,
        config_name: Option<String>,
        config_override: bool,
        keep_texts: Option<bool>,
        narrowing: Option<Json<Narrowing>>,
        secret_made_at: i64,
        has_budget: bool,
    }
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
            config: self.config_slug.zip(self.config_name).map(|(slug, name)| KeyConfig { slug, name }),
            config_override: self.config_override,
            keep_texts: self.keep_texts,
            narrowed: self.narrowing.map(|stored| narrowed(stored.0)).unwrap_or_default(),
            blocked: None,
            used_up: false,
            has_budget: self.has_budget,
            secret_made_at: Timestamp(self.secret_made_at),
        })
    }
}

/// One key, deleted ones included.
pub async fn get(tx: &mut OrgTx, id: KeyId, now: Timestamp) -> Result<Option<Key>> {
    let row: Option<Row> = tx.optional(GET, values![now, id]).await?;
    let Some(row) = row else { return Ok(None) };
    let mut key = [row.key()?];
    show(tx, &mut key).await?;
    Ok(Some(key).map(|[key]| key))
}

/// As it is stored: what is named there stands by its id, until [`show`] names it.
fn narrowed(stored: Narrowing) -> Narrowed {
    let words = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect::<Vec<_>>();
    Narrowed {
        models: stored.models.into_iter().map(String::from).collect(),
        virtual_keys: words(&stored.virtual_keys.iter().map(|id| id.0).collect::<Vec<_>>()),
        configs: words(&stored.configs.iter().map(|id| id.0).collect::<Vec<_>>()),
        prompts: words(&stored.prompts.iter().map(|id| id.0).collect::<Vec<_>>()),
        allowed_ips: stored.allowed_ips.into_iter().map(String::from).collect(),
        not_before: stored.not_before,
        words: String::new(),
    }
}

/// The keys whose end is near, the nearest first; 20 at most.
pub async fn expiring(tx: &mut OrgTx, now: Timestamp) -> Result<Vec<Key>> {
    let rows: Vec<Row> = tx.list(EXPIRING, values![now, now.plus(SOON_DAYS * DAY)]).await?;
    let mut keys = readable(rows, Row::key);
    show(tx, &mut keys).await?;
    Ok(keys)
}

/// How many keys that work now would be blocked by these rules.
pub async fn breaking(tx: &mut OrgTx, rules: &KeyRules, now: Timestamp) -> Result<i64> {
    // No end is as far away as can be said.
    let longest = match (rules.longest_days, rules.must_expire) {
        (Some(days), _) => days.saturating_mul(DAY),
        (None, true) => i64::MAX / 2,
        (None, false) => i64::MAX,
    };
    let made_before = if rules.must_have_budget { i64::MAX } else { i64::MIN };
    if longest == i64::MAX && !rules.must_have_budget {
        return Ok(0);
    }
    let (count,): (i64,) = tx.one(BREAKING, values![now, longest, made_before]).await?;
    Ok(count)
}

/// Keys that are named where they lack a budget: of those that are read all but the last, which says that there are more.
const NAMED_AT_MOST: usize = 5;

/// The names of keys that would work, and are blocked since the organisation's rules demand a budget and they have none; of
/// many the first, in one text.
pub async fn without_budget(tx: &mut OrgTx, now: Timestamp) -> Result<String> {
    let id = tx.organisation();
    let rules = organisations::by_id(tx.system(), id).await?.ok_or_else(Error::not_found)?.rules();
    if !rules.must_have_budget {
        return Ok(String::new());
    }
    let rows: Vec<(String,)> = tx.list(WITHOUT_BUDGET, values![now]).await?;
    let more = if rows.len() > NAMED_AT_MOST { " and others" } else { "" };
    let names: Vec<_> = rows.into_iter().take(NAMED_AT_MOST).map(|(name,)| name).collect();
    Ok(format!("{}{more}", names.join(", ")))
}

/// The keys that work at this moment, at most so many, and whether those are all.
pub async fn live(tx: &mut OrgTx, most: usize, now: Timestamp) -> Result<(Vec<Key>, bool)> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let asked = Asked::default().with("status", "active");
    let Page { rows, total, .. } = page(tx, &asked, Window { offset: 0, limit, or_last: false }, now).await?;
    Ok((rows, total <= limit))
}

/// One page of the keys that are asked for.
pub async fn page(tx: &mut OrgTx, asked: &Asked, window: Window, now: Timestamp) -> Result<Page<Key>> {
    let mut question = of_status(LIST.ask(), asked.get("status"), now).showing(values![now]).sort(asked.get("sort"));
    if let Some((condition, values)) = by_search(text::cut(asked.get("q").trim(), NAME_LIMIT), now) {
        question = question.only(condition, values);
    }
    if let Some(feature) = KeyFeature::ALL.into_iter().find(|feature| feature.name() == asked.get("permission")) {
        let names = feature.all().names().into_iter().map(|name| Value::from(containing(&format!("\"{name}\""))));
        let names: Vec<_> = names.collect();
        question = question.only(HOLDING, names.iter().cycle().take(MOST_HELD).cloned().collect());
    }
    question = match asked.get("responsible") {
        "" => question,
        who if who.eq_ignore_ascii_case(model::OWNERS) => question.only(OWNERS, vec![]),
        who => match who.parse::<UserId>() {
            Ok(user) => question.only(ANSWERS, values![user]),
            Err(_) => {
                let name = text::cut(who.trim(), NAME_LIMIT);
                question.only(ANSWERS_NAMED, values![containing(&name.to_lowercase()), containing(name)])
            }
        },
    };
    if asked.get("unused") == "yes" {
        let since = now.plus(-UNUSED_DAYS * DAY);
        question = question.only(UNUSED, values![since, since]);
    }
    if asked.get("rights") == "unused" {
        question = with_unused_rights(question, now);
    }
    let page: Page<Row> = question.page(tx, window).await?;
    let mut page = page.read(Row::key);
    show(tx, &mut page.rows).await?;
    Ok(page)
}

/// How many keys that work have permissions that they have not used for [`UNUSED_DAYS`].
pub async fn with_unused(tx: &mut OrgTx, now: Timestamp) -> Result<i64> {
    with_unused_rights(of_status(LIST.ask(), "active", now), now).total(tx).await
}

fn with_unused_rights(question: Question, now: Timestamp) -> Question {
    let start = now.plus(-UNUSED_DAYS * DAY);
    question.only(UNUSED_RIGHTS, values![start, start.plus(-DAY), start])
}

fn of_status(question: Question, status: &str, now: Timestamp) -> Question {
    match status {
        "active" => question.only(ACTIVE, values![now]),
        "rotating" => question.only(ROTATING, values![now]),
        "expiring" => question.only(ENDING, values![now, now.plus(SOON_DAYS * DAY)]),
        "expired" => question.only(EXPIRED, values![now]),
        "disabled" => question.only(DISABLED, vec![]),
        "deleted" => question.only(DELETED, vec![]),
        _ => question.only(STANDING, vec![]),
    }
}

/// The condition that a text searches by: part of a name, or the visible parts of a secret.
fn by_search(text: &str, now: Timestamp) -> Option<(&'static str, Vec<Value>)> {
    let parts = text.split_once('…').or_else(|| text.split_once("..."));
    if let Some((beginning, ending)) = parts.or_else(|| text.starts_with("lk_").then_some((text, ""))) {
        let beginning = text::cut(beginning, 7);
        let length = i64::try_from(beginning.chars().count()).unwrap_or(7);
        return match (beginning, ending) {
            ("", "") => None,
            ("", ending) => Some((ENDING_IN, values![now, ending])),
            (beginning, "") => Some((BEGINNING_IN, values![now, length, beginning])),
            (beginning, ending) => Some((BOTH_IN, values![now, length, beginning, ending])),
        };
    }
    let name = containing(&fold(text));
    match text.len().checked_sub(4) {
        _ if text.is_empty() => None,
        Some(at) if text.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Some((NAMED_OR_ENDING, values![name, now, &text[at..]]))
        }
        _ => Some((NAMED, values![name])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_feature_has_more_permissions_than_are_looked_for() {
        let most = KeyFeature::ALL.into_iter().map(|feature| feature.all().names().len()).max();
        assert_eq!(most, Some(MOST_HELD));
    }
}
