//! The organisations' SQL.

use crate::{
    features::{api_keys::rules::KeyRules, logs::texts::Keeping},
    kernel::{Error, OrganisationId, Result, Timestamp},
    server::database::{OrgTx, Tx, row, statements, values},
};
use sqlx::types::Json;

statements! {
    INSERT: SystemSql = "INSERT INTO organisations (id, slug, name, created_at, updated_at, version, revision) VALUES ($1, $2, $3, $4, $4, 1, 1) ON CONFLICT (slug) DO NOTHING";
    SLUG_TAKEN: SystemSql = "SELECT COUNT(*) FROM (SELECT slug FROM organisations WHERE slug = $1 UNION ALL SELECT slug FROM retired_slugs WHERE slug = $1 AND until > $2) AS taken";
    SLUG_TAKEN_BY_OTHERS: SystemSql = "SELECT COUNT(*) FROM (SELECT slug FROM organisations WHERE slug = $1 AND id <> $3 UNION ALL SELECT slug FROM retired_slugs WHERE slug = $1 AND until > $2 AND org_id <> $3) AS taken";
    UPDATE: SystemSql = "UPDATE organisations SET slug = $3, name = $4, updated_at = $5, version = version + 1 WHERE id = $1 AND version = $2";
    RETIRE_SLUG: SystemSql = "INSERT INTO retired_slugs (slug, org_id, until) VALUES ($1, $2, $3) ON CONFLICT (slug) DO UPDATE SET org_id = excluded.org_id, until = excluded.until";
    RESUME_SLUG: SystemSql = "DELETE FROM retired_slugs WHERE slug = $1";
    RETIRED: TenantSql = "SELECT slug, until FROM retired_slugs WHERE org_id = $1 AND until > $2 ORDER BY until DESC LIMIT 5";
    RESTRICT: SystemSql = "UPDATE organisations SET saved_only = $2 WHERE id = $1";
    SET_KEY_RULES: SystemSql = "UPDATE organisations SET key_rules = $2 WHERE id = $1";
    KEEP_TEXTS: SystemSql = "UPDATE organisations SET keep_texts = $2, leave_images_out = $3, texts_days = $4, logs_days = $5, keep_texts_set_at = $6 WHERE id = $1";
    WITH_ALERTS_BY_WEBHOOK: SystemSql = "SELECT id FROM organisations WHERE alerts_by_webhook ORDER BY id";
    SET_ALERTS_BY_WEBHOOK: SystemSql = "UPDATE organisations SET alerts_by_webhook = $2 WHERE id = $1";
    IDS: SystemSql = "SELECT id FROM organisations ORDER BY id";
    BY_ID: SystemSql = "SELECT slug, name, version, saved_only, keep_texts, keep_texts_set_at, leave_images_out, texts_days, logs_days, key_rules FROM organisations WHERE id = $1";
}

row! {
    /// An organisation's own facts.
    #[derive(Clone, Debug)]
    pub struct Organisation {
        pub slug: String,
        pub name: String,
        pub version: i64,
        /// Calls may name saved configs and virtual keys, and bring nothing of their own.
        pub saved_only: bool,
        pub keep_texts: bool,
        /// Since when that is set so; none: since the organisation was made.
        pub keep_texts_set_at: Option<i64>,
        pub leave_images_out: bool,
        pub texts_days: i64,
        pub logs_days: Option<i64>,
        pub key_rules: Option<Json<KeyRules>>,
    }
}

impl Organisation {
    /// What is asked of all keys.
    pub fn rules(&self) -> KeyRules {
        self.key_rules.as_ref().map(|stored| stored.0.clone()).unwrap_or_default()
    }

    /// What is kept of calls, and for how long.
    pub fn keeping(&self) -> Keeping {
        let Self { keep_texts, leave_images_out, texts_days, logs_days, .. } = *self;
        Keeping { keep: keep_texts, leave_images_out, texts_days, logs_days }
    }
}

/// Makes an organisation. False: the slug is taken.
pub async fn insert(tx: &mut Tx, id: OrganisationId, slug: &str, name: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(INSERT, values![id, slug, name, now]).await? == 1)
}

/// Whether a slug names an organisation, or did a short while ago.
pub async fn slug_is_taken(tx: &mut Tx, slug: &str, now: Timestamp) -> Result<bool> {
    let (count,): (i64,) = tx.one(SLUG_TAKEN, values![slug, now]).await?;
    Ok(count > 0)
}

/// Whether another organisation has a slug, or had it a short while ago. One's own earlier slug can be taken back.
pub async fn slug_is_taken_by_others(tx: &mut Tx, slug: &str, id: OrganisationId, now: Timestamp) -> Result<bool> {
    let (count,): (i64,) = tx.one(SLUG_TAKEN_BY_OTHERS, values![slug, now, id]).await?;
    Ok(count > 0)
}

/// Changes name and slug. False: it is another version by now.
pub async fn update(
    tx: &mut Tx,
    id: OrganisationId,
    version: i64,
    slug: &str,
    name: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.execute(UPDATE, values![id, version, slug, name, now]).await? == 1)
}

/// Keeps a slug from others until then.
pub async fn retire_slug(tx: &mut Tx, slug: &str, id: OrganisationId, until: Timestamp) -> Result<()> {
    tx.execute(RETIRE_SLUG, values![slug, id, until]).await.map(|_| ())
}

/// A slug is in use (again).
pub async fn resume_slug(tx: &mut Tx, slug: &str) -> Result<()> {
    tx.execute(RESUME_SLUG, values![slug]).await.map(|_| ())
}

/// The slugs that the organisation gave up a short while ago, latest first.
pub async fn retired(tx: &mut OrgTx, now: Timestamp) -> Result<Vec<(String, Timestamp)>> {
    let rows: Vec<(String, i64)> = tx.list(RETIRED, values![now]).await?;
    Ok(rows.into_iter().map(|(slug, until)| (slug, Timestamp(until))).collect())
}

/// Sets whether calls may bring configs of their own.
pub async fn restrict(tx: &mut Tx, id: OrganisationId, saved_only: bool) -> Result<()> {
    tx.execute(RESTRICT, values![id, saved_only]).await.map(|_| ())
}

/// Sets what is asked of all keys.
pub async fn set_key_rules(tx: &mut Tx, id: OrganisationId, rules: &KeyRules) -> Result<()> {
    let stored = match rules.is_nothing() {
        true => None,
        false => Some(serde_json::to_value(rules).map_err(|_| Error::internal())?),
    };
    tx.execute(SET_KEY_RULES, values![id, stored]).await.map(|_| ())
}

/// Sets what is kept of calls; `set_at` is since when texts are kept, or not.
pub async fn keep_texts(tx: &mut Tx, id: OrganisationId, keeping: Keeping, set_at: Option<Timestamp>) -> Result<()> {
    let Keeping { keep, leave_images_out, texts_days, logs_days } = keeping;
    tx.execute(KEEP_TEXTS, values![id, keep, leave_images_out, texts_days, logs_days, set_at]).await.map(|_| ())
}

pub async fn by_id(tx: &mut Tx, id: OrganisationId) -> Result<Option<Organisation>> {
    tx.optional(BY_ID, values![id]).await
}

/// Every organisation.
/// Those that have a webhook for alerts of budgets.
pub async fn with_alerts_by_webhook(tx: &mut Tx) -> Result<Vec<OrganisationId>> {
    let rows: Vec<(uuid::Uuid,)> = tx.all(WITH_ALERTS_BY_WEBHOOK, vec![]).await?;
    Ok(rows.into_iter().map(|(id,)| OrganisationId(id)).collect())
}

/// Notes whether an organisation has one.
pub async fn set_alerts_by_webhook(tx: &mut Tx, id: OrganisationId, has: bool) -> Result<()> {
    tx.execute(SET_ALERTS_BY_WEBHOOK, values![id, has]).await.map(drop)
}

pub async fn ids(tx: &mut Tx) -> Result<Vec<OrganisationId>> {
    let rows: Vec<(uuid::Uuid,)> = tx.all(IDS, vec![]).await?;
    Ok(rows.into_iter().map(|(id,)| OrganisationId(id)).collect())
}
