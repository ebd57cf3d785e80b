//! The team's SQL.

use super::model::{Person, QUERY_LIMIT};
use crate::{
    kernel::{Asked, OrganisationId, Result, Timestamp, UserId, Window, text},
    policy::Role,
    server::database::{
        OrgTx, Tx,
        listing::{Filter, Listing, Order, Page, Parts, Sort},
        read_role, readable, row, statements, values,
    },
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "m.user_id, u.name, u.email, m.role, m.joined_at, m.active_at, u.disabled_at"
    };
}

const OF_ROLE: &str = "m.role = ?";
const OF_EMAIL: &str = "u.email_canonical = ?";
/// Owners first, then Admins.
const RANK: &str = "CASE m.role WHEN 'owner' THEN 1 WHEN 'admin' THEN 2 ELSE 3 END";
const BY_NAME: &str = "LOWER(u.name), m.user_id";
const BY_RANK: &str = "CASE m.role WHEN 'owner' THEN 1 WHEN 'admin' THEN 2 ELSE 3 END, LOWER(u.name), m.user_id";

pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "memberships m JOIN users u ON u.id = m.user_id",
    joined: "",
    id: "m.user_id",
    within: "m.org_id = $1",
    searched: &["u.name", "u.email_canonical"],
    filters: &[Filter::optional(&[OF_ROLE]), Filter::optional(&[OF_EMAIL])],
    order: Order::Named {
        usual: BY_RANK,
        sorts: &[
            Sort { name: "role", by: &[RANK], then: BY_NAME },
            Sort { name: "name", by: &["LOWER(u.name)"], then: BY_RANK },
            Sort { name: "active", by: &["COALESCE(m.active_at, 0)"], then: BY_RANK },
            Sort { name: "joined", by: &["m.joined_at"], then: BY_RANK },
        ],
    },
    summaries: &[],
});

statements! {
    MEMBERSHIP_BY_SLUG: SystemSql = "SELECT m.org_id, m.role FROM memberships m JOIN organisations o ON o.id = m.org_id JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND o.slug = $2 AND u.disabled_at IS NULL";
    ROLE_OF: TenantSql = "SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL";
    COUNTS: TenantSql = "SELECT COUNT(*), COUNT(CASE WHEN m.role = 'owner' AND u.disabled_at IS NULL THEN 1 END) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1";
    PERSON: TenantSql = concat!("SELECT ", columns!(), " FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2");
    IS_MEMBER: TenantSql = "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.email_canonical = $2";
    OTHER_OWNER: TenantSql = "SELECT m.user_id, u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id <> $2 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY m.joined_at, m.user_id LIMIT 1";
    SET_ROLE: TenantSql = "UPDATE memberships SET role = $3 WHERE org_id = $1 AND user_id = $2";
    REMOVE: TenantSql = "DELETE FROM memberships WHERE org_id = $1 AND user_id = $2";
    ACTIVE_AT: TenantSql = "SELECT active_at FROM memberships WHERE org_id = $1 AND user_id = $2";
    NOTE_ACTIVE: TenantSql = "UPDATE memberships SET active_at = $3 WHERE org_id = $1 AND user_id = $2 AND (active_at IS NULL OR active_at < $3)";
    MEMBERSHIPS: SystemSql = "SELECT o.slug, o.name, m.role FROM memberships m JOIN organisations o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY o.name, o.slug LIMIT 1000";
    LAST_USED: SystemSql = "SELECT o.slug, (SELECT COUNT(*) FROM memberships n WHERE n.user_id = $1) AS places FROM memberships m JOIN organisations o ON o.id = m.org_id WHERE m.user_id = $1 ORDER BY COALESCE(m.active_at, m.joined_at) DESC, o.name, o.slug LIMIT 1";
    JOIN: TenantSql = "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, user_id) DO NOTHING";
    OWNERS_EMAILS: TenantSql = "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY u.email LIMIT 50";
    OWNERS: TenantSql = "SELECT u.name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.role = 'owner' AND u.disabled_at IS NULL ORDER BY m.joined_at LIMIT 3";
    ACTIVE_PEOPLE: TenantSql = "SELECT u.id, u.name, m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND u.disabled_at IS NULL ORDER BY u.name, u.id LIMIT 1000";
    PLACES: SystemSql = "SELECT m.org_id, m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND u.disabled_at IS NULL";
}

row! {
    struct PersonRow {
        user_id: Uuid,
        name: String,
        email: String,
        role: String,
        joined_at: i64,
        active_at: Option<i64>,
        disabled_at: Option<i64>,
    }
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

/// One page of the members that are asked for.
pub async fn people(tx: &mut OrgTx, asked: &Asked, window: Window) -> Result<Page<Person>> {
    let mut question = LIST.ask().search(text::cut(asked.get("q").trim(), QUERY_LIMIT)).sort(asked.get("sort"));
    if let Some(role) = Role::parse(asked.get("role")) {
        question = question.only(OF_ROLE, values![role]);
    }
    if !asked.is_silent(&["email"]) {
        question = question.only(OF_EMAIL, values![asked.get("email")]);
    }
    let page: Page<PersonRow> = question.page(tx, window).await?;
    Ok(page.read(PersonRow::read))
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

/// The slug of the organisation that a person used last, and how many they belong to. None: they belong to none.
pub async fn last_used(tx: &mut Tx, user: UserId) -> Result<Option<(String, i64)>> {
    tx.optional(LAST_USED, values![user]).await
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

/// The addresses of active Owners; 50 at most.
pub async fn owners_emails(tx: &mut OrgTx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.all(OWNERS_EMAILS, vec![]).await?;
    Ok(rows.into_iter().map(|(email,)| email).collect())
}

/// The active members, by name; 1,000 at most.
pub async fn active_people(tx: &mut OrgTx) -> Result<Vec<(UserId, String, Role)>> {
    let rows: Vec<(Uuid, String, String)> = tx.list(ACTIVE_PEOPLE, vec![]).await?;
    Ok(readable(rows, |(id, name, role)| Ok((UserId(id), name, read_role(&role)?))))
}
