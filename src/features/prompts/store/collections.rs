//! The SQL of folders.

use crate::{
    features::prompts::model::{Collection, MOST_COLLECTIONS},
    kernel::{CollectionId, Result, Timestamp},
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

macro_rules! collection {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.slug, c.name, (SELECT COUNT(*) FROM prompts p WHERE p.org_id = c.org_id AND p.collection_id = c.id AND p.deleted_at IS NULL) AS prompts, c.created_at, c.updated_at FROM prompt_collections c WHERE c.org_id = $1",
            $which
        )
    };
}

statements! {
    ALL: TenantSql = collection!(" ORDER BY c.name, c.slug LIMIT $2");
    BY_SLUG: TenantSql = collection!(" AND c.slug = $2");
    BY_ID: TenantSql = collection!(" AND c.id = $2");
    INSERT: TenantSql = "INSERT INTO prompt_collections (org_id, id, slug, name, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $5, $6) ON CONFLICT (org_id, slug) DO NOTHING";
    RENAME: TenantSql = "UPDATE prompt_collections SET name = $3, updated_by = $4, updated_at = $5 WHERE org_id = $1 AND id = $2";
    DELETE: TenantSql = "DELETE FROM prompt_collections WHERE org_id = $1 AND id = $2";
}

row! {
    struct Row {
        id: Uuid,
        slug: String,
        name: String,
        prompts: i64,
        created_at: i64,
        updated_at: i64,
    }
}

fn read(row: Row) -> Collection {
    Collection {
        id: CollectionId(row.id),
        slug: row.slug,
        name: row.name,
        prompts: row.prompts,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
    }
}

/// All of them, by name.
pub async fn all(tx: &mut OrgTx) -> Result<Vec<Collection>> {
    let rows: Vec<Row> = tx.list(ALL, values![MOST_COLLECTIONS]).await?;
    Ok(rows.into_iter().map(read).collect())
}

/// The one with this slug or id.
pub async fn find(tx: &mut OrgTx, of: &str) -> Result<Option<Collection>> {
    let row: Option<Row> = match of.parse::<CollectionId>() {
        Ok(id) => tx.optional(BY_ID, values![id]).await?,
        Err(_) => tx.optional(BY_SLUG, values![of]).await?,
    };
    Ok(row.map(read))
}

/// Makes one. False: the slug is taken.
pub async fn insert(
    tx: &mut OrgTx,
    id: CollectionId,
    slug: &str,
    name: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool> {
    Ok(tx.execute(INSERT, values![id, slug, name, by, now]).await? == 1)
}

pub async fn rename(tx: &mut OrgTx, id: CollectionId, name: &str, by: &str, now: Timestamp) -> Result<()> {
    tx.execute(RENAME, values![id, name, by, now]).await.map(|_| ())
}

/// Deletes one in which nothing stands.
pub async fn delete(tx: &mut OrgTx, id: CollectionId) -> Result<()> {
    tx.execute(DELETE, values![id]).await.map(|_| ())
}
