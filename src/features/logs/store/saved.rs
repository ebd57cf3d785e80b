//! The SQL of filters that are saved.

use crate::{
    features::logs::{filters::Saved, saved::told},
    kernel::{FilterId, Result, Timestamp, UserId},
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "SELECT f.id, f.owner, f.name, f.query, f.maker, f.changed_by, f.changed_at FROM log_filters f WHERE f.org_id = $1"
    };
}

statements! {
    // One's own and everybody's: no more than there can be.
    SEEN: TenantSql = concat!(columns!(), " AND f.owner IN ($2, $3) ORDER BY f.name, f.id LIMIT 300");
    BY_ID: TenantSql = concat!(columns!(), " AND f.id = $2 AND f.owner IN ($3, $4)");
    BY_NAME: TenantSql = concat!(columns!(), " AND f.owner = $2 AND f.name = $3");
    EXISTS: TenantSql = "SELECT COUNT(*) FROM log_filters WHERE org_id = $1 AND id = $2";
    COUNT: TenantSql = "SELECT COUNT(*) FROM log_filters WHERE org_id = $1 AND owner = $2";
    INSERT: TenantSql = "INSERT INTO log_filters (org_id, id, owner, name, query, maker, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    UPDATE: TenantSql = "UPDATE log_filters SET name = $3, query = $4, changed_by = $5, changed_at = $6 WHERE org_id = $1 AND id = $2";
    DELETE: TenantSql = "DELETE FROM log_filters WHERE org_id = $1 AND id = $2";
    FORGET_OF: TenantSql = "DELETE FROM log_filters WHERE org_id = $1 AND owner = $2";
}

/// Whose filters are that are everybody's.
const EVERYBODY: UserId = UserId(Uuid::nil());

row! {
    struct FilterRow {
        id: Uuid,
        owner: Uuid,
        name: String,
        query: String,
        maker: Uuid,
        changed_by: String,
        changed_at: i64,
    }
}

/// A filter as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: FilterId,
    pub is_shared: bool,
    pub name: String,
    /// As it stands in an address.
    pub query: String,
    pub maker: UserId,
    pub changed_by: String,
    pub changed_at: Timestamp,
}

impl Stored {
    pub fn saved(&self) -> Saved {
        Saved { id: self.id, name: self.name.clone(), is_shared: self.is_shared, asked: told(&self.query) }
    }
}

impl From<FilterRow> for Stored {
    fn from(row: FilterRow) -> Self {
        Self {
            id: FilterId(row.id),
            is_shared: row.owner == EVERYBODY.0,
            name: row.name,
            query: row.query,
            maker: UserId(row.maker),
            changed_by: row.changed_by,
            changed_at: Timestamp(row.changed_at),
        }
    }
}

const fn owner(person: UserId, is_shared: bool) -> UserId {
    if is_shared { EVERYBODY } else { person }
}

/// What a person sees (none: what everybody does), by name.
pub async fn seen(tx: &mut OrgTx, person: Option<UserId>) -> Result<Vec<Stored>> {
    let rows: Vec<FilterRow> = tx.list(SEEN, values![person.unwrap_or(EVERYBODY), EVERYBODY]).await?;
    Ok(rows.into_iter().map(Stored::from).collect())
}

/// One that this person sees.
pub async fn find(tx: &mut OrgTx, id: FilterId, person: UserId) -> Result<Option<Stored>> {
    let row: Option<FilterRow> = tx.optional(BY_ID, values![id, person, EVERYBODY]).await?;
    Ok(row.map(Stored::from))
}

/// Whether there is one of this id, whosever it is.
pub async fn exists(tx: &mut OrgTx, id: FilterId) -> Result<bool> {
    let (count,): (i64,) = tx.one(EXISTS, values![id]).await?;
    Ok(count > 0)
}

/// The one of this name among this person's own, or among everybody's.
pub async fn named(tx: &mut OrgTx, person: UserId, is_shared: bool, name: &str) -> Result<Option<Stored>> {
    let row: Option<FilterRow> = tx.optional(BY_NAME, values![owner(person, is_shared), name]).await?;
    Ok(row.map(Stored::from))
}

/// How many this person has, or everybody together.
pub async fn count(tx: &mut OrgTx, person: UserId, is_shared: bool) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, values![owner(person, is_shared)]).await?;
    Ok(count)
}

pub async fn insert(tx: &mut OrgTx, new: &Stored) -> Result<()> {
    let owner = owner(new.maker, new.is_shared);
    let (name, query, by) = (new.name.as_str(), new.query.as_str(), new.changed_by.as_str());
    tx.execute(INSERT, values![new.id, owner, name, query, new.maker, by, new.changed_at]).await.map(|_| ())
}

pub async fn update(tx: &mut OrgTx, now: &Stored) -> Result<()> {
    let (name, query, by) = (now.name.as_str(), now.query.as_str(), now.changed_by.as_str());
    tx.execute(UPDATE, values![now.id, name, query, by, now.changed_at]).await.map(|_| ())
}

pub async fn delete(tx: &mut OrgTx, id: FilterId) -> Result<()> {
    tx.execute(DELETE, values![id]).await.map(|_| ())
}

/// Deletes what a person who goes has saved for themselves.
pub async fn forget_of(tx: &mut OrgTx, person: UserId) -> Result<()> {
    tx.execute(FORGET_OF, values![person]).await.map(|_| ())
}
