//! The configs' SQL.

use super::model::{COUNTED_DAYS, Detail, Listed, MOST_USERS, NamesVirtualKey, QUERY_LIMIT, UsedByKey};
use crate::{
    features::versions::{Table, version_sql},
    kernel::{Asked, ConfigId, KeyId, Result, Timestamp, VirtualKeyId, Window, text, time::DAY},
    server::database::{
        OrgTx,
        listing::{Listing, Order, Page, Parts, Sort},
        row, statements, values,
    },
};
use uuid::Uuid;

macro_rules! keys {
    () => {
        "(SELECT COUNT(*) FROM api_keys k WHERE k.org_id = c.org_id AND k.config_id = c.id AND k.revoked_at IS NULL)"
    };
}

macro_rules! columns {
    () => {
        concat!(
            "c.id, c.slug, c.name, c.is_default, c.current, c.created_at, c.updated_at, c.updated_by, ",
            keys!(),
            " AS keys, (SELECT COUNT(*) FROM config_uses u WHERE u.org_id = c.org_id AND u.config_id = c.id) AS virtual_keys, ",
            // Of calls, more than `MOST_COUNTED` and one are not counted.
            "(SELECT COUNT(*) FROM (SELECT 1 AS one FROM call_logs l WHERE l.org_id = c.org_id AND l.config_id = c.id AND l.started_at >= span.since LIMIT 10001) AS taken) AS calls"
        )
    };
}

/// An organisation has [`MOST`](super::model::MOST) of them at most, and sorts them all.
pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "configs c",
    joined: " CROSS JOIN (SELECT CAST(? AS BIGINT) AS since) AS span",
    id: "c.id",
    within: "c.org_id = $1 AND c.deleted_at IS NULL",
    searched: &["c.name", "c.slug"],
    filters: &[],
    order: Order::Named {
        usual: "c.name, c.slug",
        sorts: &[
            Sort { name: "name", by: &["c.name", "c.slug"], then: "" },
            Sort { name: "changed", by: &["c.updated_at"], then: "c.name, c.slug" },
            Sort { name: "used", by: &[keys!()], then: "c.name, c.slug" },
        ],
    },
    summaries: &[],
});

statements! {
    BY_SLUG: TenantSql = concat!("SELECT c.id, c.slug, c.name, c.is_default, c.version, c.current, v.id AS version_id, v.body, c.created_by, c.created_at, c.updated_by, c.updated_at, ", keys!(), " AS key_count FROM configs c JOIN config_versions v ON v.org_id = c.org_id AND v.config_id = c.id AND v.number = c.current WHERE c.org_id = $1 AND c.slug = $2 AND c.deleted_at IS NULL");
    STORED: TenantSql = "SELECT c.id, c.slug, c.current, v.body FROM configs c JOIN config_versions v ON v.org_id = c.org_id AND v.config_id = c.id AND v.number = c.current WHERE c.org_id = $1 AND c.slug = $2 AND c.deleted_at IS NULL";
    ID_OF: TenantSql = "SELECT id FROM configs WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
    DEFAULT_ID: TenantSql = "SELECT id FROM configs WHERE org_id = $1 AND is_default AND deleted_at IS NULL";
    CHOICES: TenantSql = "SELECT id, slug, name FROM configs WHERE org_id = $1 AND deleted_at IS NULL ORDER BY name, slug LIMIT 500";
    COUNT: TenantSql = "SELECT COUNT(*) FROM configs WHERE org_id = $1 AND deleted_at IS NULL";
    INSERT: TenantSql = "INSERT INTO configs (org_id, id, slug, name, is_default, version, current, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, 1, 1, $6, $7, $6, $7) ON CONFLICT (org_id, slug) DO NOTHING";
    INSERT_VERSION: TenantSql = version_sql!(insert "config_versions" "config_id");
    UPDATE: TenantSql = "UPDATE configs SET name = $3, is_default = $4, current = $5, updated_by = $6, updated_at = $7, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND version = $8";
    DEFAULT: TenantSql = "SELECT slug FROM configs WHERE org_id = $1 AND is_default AND deleted_at IS NULL LIMIT 1";
    NO_DEFAULT: TenantSql = "UPDATE configs SET is_default = $2, version = version + 1 WHERE org_id = $1 AND is_default AND deleted_at IS NULL";
    DELETE: TenantSql = "UPDATE configs SET deleted_at = $3, is_default = $4, updated_at = $3, updated_by = $5, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    DELETE_VERSIONS: TenantSql = version_sql!(delete "config_versions" "config_id");
    DELETE_USES: TenantSql = "DELETE FROM config_uses WHERE org_id = $1 AND config_id = $2";
    INSERT_USE: TenantSql = "INSERT INTO config_uses (org_id, config_id, virtual_key_id) VALUES ($1, $2, $3) ON CONFLICT (org_id, config_id, virtual_key_id) DO NOTHING";
    KEYS_OF: TenantSql = "SELECT id, name FROM api_keys WHERE org_id = $1 AND config_id = $2 AND revoked_at IS NULL ORDER BY name, id LIMIT $3";
    VIRTUAL_KEYS_OF: TenantSql = "SELECT v.slug, v.name FROM config_uses u JOIN virtual_keys v ON v.org_id = u.org_id AND v.id = u.virtual_key_id WHERE u.org_id = $1 AND u.config_id = $2 ORDER BY v.name, v.slug LIMIT $3";
    NAMING: TenantSql = "SELECT c.slug, c.name FROM config_uses u JOIN configs c ON c.org_id = u.org_id AND c.id = u.config_id WHERE u.org_id = $1 AND u.virtual_key_id = $2 ORDER BY c.name, c.slug LIMIT $3";
    VERSION_PAGE: TenantSql = version_sql!(page "config_versions" "config_id");
    VERSION_HEADS: TenantSql = version_sql!(heads "config_versions" "config_id");
    VERSION: TenantSql = version_sql!(one "config_versions" "config_id");
}

pub static VERSIONS: Table = Table { insert: INSERT_VERSION, page: VERSION_PAGE, heads: VERSION_HEADS, one: VERSION };

row! {
    struct ListedRow {
        id: Uuid,
        slug: String,
        name: String,
        is_default: bool,
        current: i64,
        created_at: i64,
        updated_at: i64,
        updated_by: String,
        keys: i64,
        virtual_keys: i64,
        calls: i64,
    }
}

impl ListedRow {
    fn listed(self) -> Listed {
        Listed {
            id: ConfigId(self.id),
            slug: self.slug,
            name: self.name,
            is_default: self.is_default,
            current: self.current,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            updated_by: self.updated_by,
            keys: self.keys,
            virtual_keys: self.virtual_keys,
            calls: self.calls,
        }
    }
}

row! {
    struct DetailRow {
        id: Uuid,
        slug: String,
        name: String,
        is_default: bool,
        version: i64,
        current: i64,
        version_id: Uuid,
        body: String,
        created_by: String,
        created_at: i64,
        updated_by: String,
        updated_at: i64,
        key_count: i64,
    }
}

/// One page of those that are asked for.
pub async fn page(tx: &mut OrgTx, asked: &Asked, window: Window, now: Timestamp) -> Result<Page<Listed>> {
    let question = LIST.ask().search(text::cut(asked.get("q"), QUERY_LIMIT)).sort(asked.get("sort"));
    let question = question.showing(values![now.plus(-COUNTED_DAYS * DAY)]);
    let page: Page<ListedRow> = question.page(tx, window).await?;
    Ok(page.read(|row| Ok(row.listed())))
}

/// One config with its newest text and what it is used by.
pub async fn by_slug(tx: &mut OrgTx, slug: &str, now: Timestamp) -> Result<Option<Detail>> {
    let row: Option<DetailRow> = tx.optional(BY_SLUG, values![slug]).await?;
    let Some(row) = row else { return Ok(None) };
    let id = ConfigId(row.id);
    Ok(Some(Detail {
        id,
        slug: row.slug,
        name: row.name,
        is_default: row.is_default,
        version: row.version,
        current: row.current,
        version_id: row.version_id.to_string(),
        text: row.body,
        created_by: row.created_by,
        created_at: Timestamp(row.created_at),
        updated_by: row.updated_by,
        updated_at: Timestamp(row.updated_at),
        key_count: row.key_count,
        keys: keys_of(tx, id).await?,
        lists_keys: true,
        virtual_keys: virtual_keys_of(tx, id).await?,
        now,
    }))
}

async fn keys_of(tx: &mut OrgTx, id: ConfigId) -> Result<Vec<UsedByKey>> {
    let rows: Vec<(Uuid, String)> = tx.all(KEYS_OF, values![id, MOST_USERS]).await?;
    Ok(rows.into_iter().map(|(id, name)| UsedByKey { id: KeyId(id), name }).collect())
}

async fn virtual_keys_of(tx: &mut OrgTx, id: ConfigId) -> Result<Vec<NamesVirtualKey>> {
    let rows: Vec<(String, String)> = tx.all(VIRTUAL_KEYS_OF, values![id, MOST_USERS]).await?;
    Ok(rows.into_iter().map(|(slug, name)| NamesVirtualKey { slug, name }).collect())
}

/// The configs whose newest version names a virtual key: slug and name of each, by name; 200 at most.
pub async fn naming(tx: &mut OrgTx, virtual_key: VirtualKeyId) -> Result<Vec<(String, String)>> {
    tx.all(NAMING, values![virtual_key, MOST_USERS]).await
}

/// What a call needs of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: ConfigId,
    pub slug: String,
    /// The number of the version.
    pub number: i64,
    pub text: String,
}

type StoredRow = (Uuid, String, i64, String);

fn of_row((id, slug, number, text): StoredRow) -> Stored {
    Stored { id: ConfigId(id), slug, number, text }
}

/// The config that calls name by this, in its newest version.
pub async fn stored(tx: &mut OrgTx, slug: &str) -> Result<Option<Stored>> {
    let row: Option<StoredRow> = tx.optional(STORED, values![slug]).await?;
    Ok(row.map(of_row))
}

pub async fn id_of(tx: &mut OrgTx, slug: &str) -> Result<Option<ConfigId>> {
    let row: Option<(Uuid,)> = tx.optional(ID_OF, values![slug]).await?;
    Ok(row.map(|(id,)| ConfigId(id)))
}

/// The config that new API keys begin with.
pub async fn default_id(tx: &mut OrgTx) -> Result<Option<ConfigId>> {
    let row: Option<(Uuid,)> = tx.optional(DEFAULT_ID, vec![]).await?;
    Ok(row.map(|(id,)| ConfigId(id)))
}

/// All that can be chosen: id, slug and name of each, by name.
pub async fn choices(tx: &mut OrgTx) -> Result<Vec<(ConfigId, String, String)>> {
    let rows: Vec<(Uuid, String, String)> = tx.list(CHOICES, vec![]).await?;
    Ok(rows.into_iter().map(|(id, slug, name)| (ConfigId(id), slug, name)).collect())
}

pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}

/// Makes a config without its first version. False: the slug is taken.
pub async fn insert(
    tx: &mut OrgTx,
    id: ConfigId,
    (slug, name): (&str, &str),
    is_default: bool,
    by: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.execute(INSERT, values![id, slug, name, is_default, by, now]).await? == 1)
}

/// What a save makes of a config's row.
pub struct Facts<'a> {
    pub name: &'a str,
    pub is_default: bool,
    /// The number of its newest version.
    pub current: i64,
    pub by: &'a str,
}

/// Saves, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, id: ConfigId, version: i64, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let row = values![id, facts.name, facts.is_default, facts.current, facts.by, now, version];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

/// Takes the mark from whichever config new API keys began with.
pub async fn clear_default(tx: &mut OrgTx) -> Result<Option<String>> {
    let before: Option<(String,)> = tx.optional(DEFAULT, vec![]).await?;
    tx.execute(NO_DEFAULT, values![false]).await?;
    Ok(before.map(|(slug,)| slug))
}

/// Notes which virtual keys the newest version names.
pub async fn set_uses(tx: &mut OrgTx, config: ConfigId, virtual_keys: &[VirtualKeyId]) -> Result<()> {
    tx.execute(DELETE_USES, values![config]).await?;
    for virtual_key in virtual_keys {
        tx.execute(INSERT_USE, values![config, *virtual_key]).await?;
    }
    Ok(())
}

/// Deletes a config with its versions; its row stays for the log. False: it is gone already.
pub async fn delete(tx: &mut OrgTx, id: ConfigId, by: &str, now: Timestamp) -> Result<bool> {
    tx.execute(DELETE_USES, values![id]).await?;
    tx.execute(DELETE_VERSIONS, values![id]).await?;
    Ok(tx.execute(DELETE, values![id, now, false, by]).await? == 1)
}
