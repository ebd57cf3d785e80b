//! The SQL of billing.

use super::{
    amount::Currency,
    currencies::digits,
    model::{LISTED, Listed, Settings},
    month::Month,
    statement::{Markup, Seats, Statement},
};
use crate::{
    kernel::{Error, Result, Timestamp},
    server::database::{OrgTx, row, statements, values},
};
use sqlx::types::Json;
use std::collections::BTreeMap;

statements! {
    SETTINGS: TenantSql = "SELECT s.contact_name, s.contact_email, s.currency, s.rate, s.markups, s.version FROM billing_settings s WHERE s.org_id = $1";
    MAKE_SETTINGS: TenantSql = "INSERT INTO billing_settings (org_id, contact_name, contact_email, currency, rate, markups, version) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id) DO NOTHING";
    SET_SETTINGS: TenantSql = "UPDATE billing_settings SET contact_name = $2, contact_email = $3, currency = $4, rate = $5, markups = $6, version = $7 WHERE org_id = $1 AND version = $8";
    LIST: TenantSql = "SELECT s.month, s.number, s.total, s.currency, s.rate, s.made_at FROM billing_statements s WHERE s.org_id = $1 ORDER BY s.month DESC LIMIT $2";
    BY_MONTH: TenantSql = "SELECT s.body FROM billing_statements s WHERE s.org_id = $1 AND s.month = $2";
    SINCE: TenantSql = "SELECT s.body FROM billing_statements s WHERE s.org_id = $1 AND s.month >= $2 ORDER BY s.month";
    INSERT: TenantSql = "INSERT INTO billing_statements (org_id, month, number, total, currency, rate, body, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    ROLES: TenantSql = "SELECT m.role, COUNT(*) FROM memberships m WHERE m.org_id = $1 GROUP BY m.role";
    INVITATIONS: TenantSql = "SELECT COUNT(*) FROM invitations i WHERE i.org_id = $1 AND i.accepted_at IS NULL AND i.declined_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2";
    API_KEYS: TenantSql = "SELECT COUNT(*) FROM api_keys k WHERE k.org_id = $1 AND k.revoked_at IS NULL AND k.disabled_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)";
    VIRTUAL_KEYS: TenantSql = "SELECT COUNT(*) FROM virtual_keys v WHERE v.org_id = $1 AND v.deleted_at IS NULL";
}

row! {
    struct SettingsRow {
        contact_name: String,
        contact_email: String,
        currency: String,
        rate: i64,
        markups: Json<BTreeMap<String, i64>>,
        version: i64,
    }
}

row! {
    struct ListedRow {
        month: i64,
        number: i64,
        total: i64,
        currency: String,
        rate: i64,
        made_at: i64,
    }
}

impl ListedRow {
    fn listed(self) -> Listed {
        let Self { month, number, total, currency, rate, made_at } = self;
        let (month, made_at) = (Month::of(Timestamp(month)), Timestamp(made_at));
        Listed { month, number, total, currency: of(currency, rate), made_at }
    }
}

fn of(code: String, rate: i64) -> Currency {
    Currency { digits: digits(&code), code, rate }
}

pub async fn settings(tx: &mut OrgTx) -> Result<Settings> {
    let row: Option<SettingsRow> = tx.optional(SETTINGS, vec![]).await?;
    Ok(row.map_or_else(Settings::default, |row| {
        let SettingsRow { contact_name, contact_email, currency, rate, markups, version } = row;
        let markups = markups.0.into_iter().map(|(provider, percent)| Markup { provider, percent }).collect();
        let currency = of(currency, rate);
        Settings { contact_name, contact_email, currency, markups, version }
    }))
}

/// Sets them; their version is the next one. False: somebody else did so first.
pub async fn set(tx: &mut OrgTx, settings: &Settings, was: i64) -> Result<bool> {
    let Settings { contact_name, contact_email, currency, markups, version } = settings;
    let markups: BTreeMap<&str, i64> =
        markups.iter().map(|markup| (markup.provider.as_str(), markup.percent)).collect();
    let mut row =
        values![contact_name, contact_email, &currency.code, currency.rate, serde_json::json!(markups), *version];
    let changed = match was {
        0 => tx.execute(MAKE_SETTINGS, row).await?,
        was => {
            row.extend(values![was]);
            tx.execute(SET_SETTINGS, row).await?
        }
    };
    Ok(changed > 0)
}

/// The newest first.
pub async fn list(tx: &mut OrgTx) -> Result<Vec<Listed>> {
    let most = i64::try_from(LISTED).unwrap_or(i64::MAX);
    let rows: Vec<ListedRow> = tx.list(LIST, values![most]).await?;
    Ok(rows.into_iter().map(ListedRow::listed).collect())
}

/// The newest.
pub async fn last(tx: &mut OrgTx) -> Result<Option<Listed>> {
    let row: Option<ListedRow> = tx.optional(LIST, values![1_i64]).await?;
    Ok(row.map(ListedRow::listed))
}

pub async fn by_month(tx: &mut OrgTx, month: Month) -> Result<Option<Statement>> {
    let row: Option<(String,)> = tx.optional(BY_MONTH, values![month.start()]).await?;
    row.map(|(body,)| read(&body)).transpose()
}

/// The statements of a month and of those behind it, oldest first. One that cannot be read is a fault: what it has billed would
/// be billed again.
pub async fn since(tx: &mut OrgTx, month: Month) -> Result<Vec<Statement>> {
    let rows: Vec<(String,)> = tx.all(SINCE, values![month.start()]).await?;
    rows.iter().map(|(body,)| read(body)).collect()
}

fn read(body: &str) -> Result<Statement> {
    serde_json::from_str(body).map_err(|error| {
        tracing::error!(%error, "a stored statement cannot be read");
        Error::internal()
    })
}

pub async fn insert(tx: &mut OrgTx, statement: &Statement) -> Result<()> {
    let Currency { code, rate, .. } = statement.currency.clone();
    let body = serde_json::to_string(statement).map_err(|_| Error::internal())?;
    let row =
        values![statement.month.start(), statement.number, statement.total(), code, rate, body, statement.made_at];
    tx.execute(INSERT, row).await.map(drop)
}

pub async fn seats(tx: &mut OrgTx, now: Timestamp) -> Result<Seats> {
    let roles: Vec<(String, i64)> = tx.all(ROLES, vec![]).await?;
    let of = |role: &str| roles.iter().find(|(known, _)| known == role).map_or(0, |(_, count)| *count);
    let (owners, admins, members) = (of("owner"), of("admin"), of("member"));
    let (invitations,): (i64,) = tx.one(INVITATIONS, values![now]).await?;
    let (api_keys,): (i64,) = tx.one(API_KEYS, values![now]).await?;
    let (virtual_keys,): (i64,) = tx.one(VIRTUAL_KEYS, vec![]).await?;
    Ok(Seats { owners, admins, members, invitations, api_keys, virtual_keys })
}
