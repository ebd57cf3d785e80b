//! The SQL of versions. Each room keeps its versions in a table of its own, and these tables are alike.

use super::{VersionRow, Whole, model::Version};
use crate::{
    kernel::{Id, Result, Timestamp, Window},
    server::database::{OrgTx, TenantSql, values},
};
use uuid::Uuid;

/// The text of a statement on a table of versions, of which a column names the thing that they are of.
macro_rules! version_sql {
    (insert $table:literal $of:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (org_id, ",
            $of,
            ", number, id, body, message, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        )
    };
    (delete $table:literal $of:literal) => {
        concat!("DELETE FROM ", $table, " WHERE org_id = $1 AND ", $of, " = $2")
    };
    (page $table:literal $of:literal) => {
        concat!(
            "SELECT number, id, body, message, created_by, created_at FROM ",
            $table,
            " WHERE org_id = $1 AND ",
            $of,
            " = $2 ORDER BY number DESC LIMIT $3 OFFSET $4"
        )
    };
    (heads $table:literal $of:literal) => {
        concat!(
            "SELECT number, id, '' AS body, message, created_by, created_at FROM ",
            $table,
            " WHERE org_id = $1 AND ",
            $of,
            " = $2 ORDER BY number DESC LIMIT $3 OFFSET $4"
        )
    };
    (one $table:literal $of:literal) => {
        concat!(
            "SELECT number, id, body, message, created_by, created_at FROM ",
            $table,
            " WHERE org_id = $1 AND ",
            $of,
            " = $2 AND number = $3"
        )
    };
}
pub(crate) use version_sql;

/// A room's table of versions, by the statements on it: each made with [`version_sql!`] in the room's own store.
pub struct Table {
    pub insert: TenantSql,
    pub page: TenantSql,
    pub heads: TenantSql,
    pub one: TenantSql,
}

/// A version to be stored.
pub struct NewVersion<'a> {
    pub number: i64,
    pub id: Uuid,
    pub text: &'a str,
    /// What it is about; may be empty.
    pub message: &'a str,
    /// The name of who makes it.
    pub by: &'a str,
}

impl Table {
    /// Stores a version of the thing with this id.
    pub async fn insert(&self, tx: &mut OrgTx, of: impl Id, new: &NewVersion<'_>, now: Timestamp) -> Result<()> {
        let row = values![of, new.number, new.id, new.text, new.message, new.by, now];
        tx.execute(self.insert, row).await.map(|_| ())
    }

    /// Versions, the newest first.
    pub async fn page(&self, tx: &mut OrgTx, of: impl Id, window: Window) -> Result<Vec<Whole>> {
        let rows: Vec<VersionRow> = tx.list(self.page, values![of, window.limit, window.offset]).await?;
        Ok(rows.into_iter().map(Whole::from).collect())
    }

    /// The same without their texts.
    pub async fn heads(&self, tx: &mut OrgTx, of: impl Id, window: Window) -> Result<Vec<Version>> {
        let rows: Vec<VersionRow> = tx.list(self.heads, values![of, window.limit, window.offset]).await?;
        Ok(rows.into_iter().map(|row| Whole::from(row).version).collect())
    }

    /// The version of this number.
    pub async fn one(&self, tx: &mut OrgTx, of: impl Id, number: i64) -> Result<Option<Whole>> {
        let row: Option<VersionRow> = tx.optional(self.one, values![of, number]).await?;
        Ok(row.map(Whole::from))
    }
}
