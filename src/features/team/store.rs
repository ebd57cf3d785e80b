//! The team's SQL.

use super::model::{Filter, PAGE, Person};
use crate::{
    kernel::{OrganisationId, Result, Timestamp, UserId},
    policy::Role,
    server::database::{OrgTx, Tx, containing, read_role, readable, statements, values},
};
use uuid::Uuid;

statements! {
    MEMBERSHIP_BY_SLUG: SystemSql = "SELECT m.org_id, m.role FROM memberships m JOIN organisations o ON o.id = m.org_id JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND o.slug = $2 AND u.disabled_at IS NULL";
    ROLE_OF: TenantSql = "SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL";
    // $2: a role, or empty; $3: a pattern in lower case, or empty; $4: the same as typed, for letters that SQLite cannot
    // lower; $5: a whole address, or empty; $6: the order.
    PEOPLE: TenantSql = "SELECT m.user_id, u.name, u.email, m.role, m.joined_at, m.active_at, u.disabled_at FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND ($2 = '' OR m.role = $2) AND ($3 = '' OR LOWER(u.name) LIKE $3 ESCAPE '!' OR u.name LIKE $4 ESCAPE '!' OR u.email_canonical LIKE $3 ESCAPE '!') AND ($5 = '' OR u.email_canonical = $5) ORDER BY CASE $6 WHEN 'joined' THEN m.joined_at WHEN '-joined' THEN -m.joined_at WHEN 'active' THEN COALESCE(m.active_at, 0) WHEN '-active' THEN -COALESCE(m.active_at, 0) ELSE 0 END, CASE WHEN $6 = 'name' THEN LOWER(u.name) END, CASE WHEN $6 = '-name' THEN LOWER(u.name) END DESC, CASE WHEN $6 = '-role' THEN 0 WHEN m.role = 'owner' THEN 1 WHEN m.role = 'admin' THEN 2 ELSE 3 END, CASE WHEN m.role = 'owner' THEN 3 WHEN m.role = 'admin' THEN 2 ELSE 1 END, LOWER(u.name), m.user_id LIMIT $7 OFFSET $8";
    PEOPLE_FOUND: TenantSql = "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND ($2 = '' OR m.role = $2) AND ($3 = '' OR LOWER(u.name) LIKE $3 ESCAPE '!' OR u.name LIKE $4 ESCAPE '!' OR u.email_canonical LIKE $3 ESCAPE '!') AND ($5 = '' OR u.email_canonical = $5)";
    COUNTS: TenantSql = "SELECT COUNT(*), COUNT(CASE WHEN m.role = 'owner' AND u.disabled_at IS NULL THEN 1 END) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1";
    PERSON: TenantSql = "SELECT m.user_id, u.name, u.email, m.role, m.joined_at, m.active_at, u.disabled_at FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2";
    IS_MEMBER: TenantSql = "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email_canonical = $2";
    OTHER_OWNER: TenantSql = "SELECT m.user_id, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id <> $2 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY m.joined_at, m.user_id LIMIT 1";
    SET_ROLE: TenantSql = "UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2";
    REMOVE: TenantSql = "DELETE FROM memberships WHERE org_id = $1 AND user_id = $2";
    ACTIVE_AT: TenantSql = "SELECT active_at FROM memberships WHERE org_id = $1 AND user_id = $2";
    NOTE_ACTIVE: TenantSql = "UPDATE memberships SET active_at = $3 WHERE org_id = $1 AND user_id = $2 AND (active_at IS NULL OR active_at < $3)";
    MEMBERSHIPS: SystemSql = "SELECT o.slug, o.name, m.role FROM memberships m JOIN organisations o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY o.name, o.slug LIMIT 1000";
    JOIN: TenantSql = "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, user_id) DO NOTHING";
    OWNERS: TenantSql = "SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY m.joined_at LIMIT 3";
    ACTIVE_PEOPLE: TenantSql = "SELECT u.id, u.name, m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.disabled_at IS NULL ORDER BY u.name, u.id LIMIT 1000";
    PLACES: SystemSql = "SELECT m.org_id, m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND u.disabled_at IS NULL";
}

#[derive(sqlx::FromRow)]
struct PersonRow {
    user_id: Uuid,
    name: String,
    email: String,
    role: String,
    joined_at: i64,
    active_at: Option<i64>,
    disabled_at: Option<i64>,
}

impl PersonRow {
    fn read(self) -> Result<Person> {
        Ok(Person {
            id: UserId(self.user_id),
            name: self.name,
            email: self.email,
            role: read_role(&self.role)?,
            joined_at: Timestamp(self.joined_at),
            active_at: self.active_at.map(Timestamp),
            disabled: self.disabled_at.is_some(),
        })
    }
}

/// Where the person belongs under this slug, and as what.
pub async fn membership_by_slug(tx: &mut Tx, user: UserId, slug: &str) -> Result<Option<(OrganisationId, Role)>> {
    let row: Option<(Uuid, String)> = tx.optional(MEMBERSHIP_BY_SLUG, values![user, slug]).await?;
    row.map(|(id, role)| Ok((OrganisationId(id), read_role(&role)?))).transpose()
}

/// The role of an active person here.
pub async fn role_of(tx: &mut OrgTx, user: UserId) -> Result<Option<Role>> {
    let row: Option<(String,)> = tx.optional(ROLE_OF, values![user]).await?;
    row.map(|(role,)| read_role(&role)).transpose()
}

/// A page of the members that a filter lets through, and how many there are of them over all pages.
pub async fn people(tx: &mut OrgTx, filter: &Filter) -> Result<(Vec<Person>, i64)> {
    let role = filter.role.map(Role::name).unwrap_or_default();
    // Empty finds everybody.
    let pattern = |text: &str| if text.is_empty() { String::new() } else { containing(text) };
    let (lower, typed) = (pattern(&filter.q.to_lowercase()), pattern(&filter.q));
    let (found,): (i64,) = tx.one(PEOPLE_FOUND, values![role, &lower, &typed, &filter.email]).await?;
    let skipped = i64::from(filter.page.max(1) - 1) * i64::from(PAGE);
    let order = filter.sort.text();
    let row = values![role, lower, typed, &filter.email, order, i64::from(PAGE), skipped];
    let rows: Vec<PersonRow> = tx.list(PEOPLE, row).await?;
    Ok((readable(rows, PersonRow::read), found))
}

/// How many members there are, and how many of them are active Owners.
pub async fn counts(tx: &mut OrgTx) -> Result<(i64, i64)> {
    tx.one(COUNTS, vec![]).await
}

pub async fn person(tx: &mut OrgTx, id: UserId) -> Result<Option<Person>> {
    let row: Option<PersonRow> = tx.optional(PERSON, values![id]).await?;
    row.map(PersonRow::read).transpose()
}

/// Whether somebody with this address is a member, disabled or not.
pub async fn is_member(tx: &mut OrgTx, canonical: &str) -> Result<bool> {
    let (count,): (i64,) = tx.one(IS_MEMBER, values![canonical]).await?;
    Ok(count > 0)
}

/// The active Owner who has been here longest, apart from `than`.
pub async fn owner_other_than(tx: &mut OrgTx, than: UserId) -> Result<Option<(UserId, String)>> {
    let row: Option<(Uuid, String)> = tx.optional(OTHER_OWNER, values![than]).await?;
    Ok(row.map(|(id, name)| (UserId(id), name)))
}

pub async fn set_role(tx: &mut OrgTx, id: UserId, role: Role) -> Result<()> {
    tx.execute(SET_ROLE, values![id, role]).await.map(|_| ())
}

pub async fn remove(tx: &mut OrgTx, id: UserId) -> Result<()> {
    tx.execute(REMOVE, values![id]).await.map(|_| ())
}

/// When the person last opened a page here.
pub async fn active_at(tx: &mut OrgTx, id: UserId) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = tx.optional(ACTIVE_AT, values![id]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp))
}

pub async fn note_active(tx: &mut OrgTx, id: UserId, now: Timestamp) -> Result<()> {
    tx.execute(NOTE_ACTIVE, values![id, now]).await.map(|_| ())
}

/// Every organisation that an active person belongs to, with their role there.
pub async fn places(tx: &mut Tx, id: UserId) -> Result<Vec<(OrganisationId, Role)>> {
    tx.see_memberships_of(id).await?;
    let rows: Vec<(Uuid, String)> = tx.all(PLACES, values![id]).await?;
    rows.into_iter().map(|(organisation, role)| Ok((OrganisationId(organisation), read_role(&role)?))).collect()
}

/// The organisations that a person belongs to, by name: slug, name, their role.
pub async fn memberships(tx: &mut Tx, user: UserId) -> Result<Vec<(String, String, Role)>> {
    let rows: Vec<(String, String, String)> = tx.list(MEMBERSHIPS, values![user]).await?;
    Ok(readable(rows, |(slug, name, role)| Ok((slug, name, read_role(&role)?))))
}

/// Makes a person a member. False: they are one already.
pub async fn join(tx: &mut OrgTx, user: UserId, role: Role, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(JOIN, values![user, role, now]).await? == 1)
}

/// Up to three active Owners by name, longest first.
pub async fn owners(tx: &mut OrgTx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.all(OWNERS, vec![]).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// The active members, by name; 1,000 at most.
pub async fn active_people(tx: &mut OrgTx) -> Result<Vec<(UserId, String, Role)>> {
    let rows: Vec<(Uuid, String, String)> = tx.list(ACTIVE_PEOPLE, vec![]).await?;
    Ok(readable(rows, |(id, name, role)| Ok((UserId(id), name, read_role(&role)?))))
}
