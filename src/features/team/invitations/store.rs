//! The invitations' SQL.

use super::model::{Invitation, State};
use crate::{
    features::accounts::email::Email,
    kernel::{Asked, InvitationId, KeyId, OrganisationId, Result, Timestamp, UserId, Window},
    policy::Role,
    server::{
        crypto::Digest,
        database::{
            OrgTx, Tx,
            listing::{Filter, Listing, Order, Page, Parts},
            read_role, readable, row, statements, values,
        },
    },
};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "i.id, i.email, i.email_canonical, i.role, i.mailed, i.invited_by, i.invited_by_name, i.invited_by_key, i.created_at, i.sent_at, i.expires_at, i.accepted_at, i.declined_at, i.revoked_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM invitations i WHERE i.org_id = $1 AND ", $rest)
    };
}

const OPEN: &str = "i.accepted_at IS NULL AND i.declined_at IS NULL AND i.revoked_at IS NULL";
const PENDING: &str = "i.accepted_at IS NULL AND i.declined_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > ?";
const EXPIRED: &str = "i.accepted_at IS NULL AND i.declined_at IS NULL AND i.revoked_at IS NULL AND i.expires_at <= ?";
const ACCEPTED: &str = "i.accepted_at IS NOT NULL";
const REVOKED: &str = "i.accepted_at IS NULL AND i.revoked_at IS NOT NULL";
const DECLINED: &str = "i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.declined_at IS NOT NULL";
const OF_ROLE: &str = "i.role = ?";
const OF_EMAIL: &str = "i.email_canonical = ?";

/// The latest first.
pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "invitations i",
    joined: "",
    id: "i.id",
    within: "i.org_id = $1",
    searched: &[],
    filters: &[
        Filter::one_of(&[OPEN, PENDING, EXPIRED, ACCEPTED, REVOKED, DECLINED]),
        Filter::optional(&[OF_ROLE]),
        Filter::optional(&[OF_EMAIL]),
    ],
    order: Order::Named { usual: "i.sent_at DESC, i.id", sorts: &[] },
    summaries: &[],
});

statements! {
    INSERT: TenantSql = "INSERT INTO invitations (org_id, id, email, email_canonical, role, digest, mailed, invited_by, invited_by_name, invited_by_key, created_at, sent_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8, $9, $10, $10, $11)";
    COUNT: TenantSql = "SELECT COUNT(*) FROM invitations WHERE org_id = $1 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL";
    GET: TenantSql = select!("id = $2");
    BY_DIGEST: TenantSql = select!("digest = $2");
    OPEN_FOR: TenantSql = select!("email_canonical = $2 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL");
    LAST_REVOKED: TenantSql = "SELECT MAX(sent_at) FROM invitations WHERE org_id = $1 AND email_canonical = $2 AND revoked_at IS NOT NULL";
    RENEW: TenantSql = "UPDATE invitations SET digest = $3, mailed = FALSE, invited_by = $4, invited_by_name = $5, invited_by_key = $6, sent_at = $7, expires_at = $8 WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL";
    // The link may have been replaced while the mail was on its way.
    NOTE_MAILED: TenantSql = "UPDATE invitations SET mailed = TRUE WHERE org_id = $1 AND id = $2 AND digest = $3";
    REVOKE: TenantSql = "UPDATE invitations SET revoked_at = $3 WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL";
    // The write itself checks what makes an invitation good, so that of two answers one wins.
    ACCEPT: TenantSql = "UPDATE invitations SET accepted_at = $3 WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expires_at > $3";
    DECLINE: TenantSql = "UPDATE invitations SET declined_at = $3 WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL AND expires_at > $3";
    FIND: SystemSql = "SELECT org_id, id FROM invitations WHERE digest = $1";
    FIND_FOR: SystemSql = "SELECT org_id, id FROM invitations WHERE email_canonical = $1 AND id = $2";
    WAITING: SystemSql = "SELECT i.id, o.name, i.role, i.invited_by_name FROM invitations i JOIN organisations o ON o.id = i.org_id WHERE i.email_canonical = $1 AND i.accepted_at IS NULL AND i.declined_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2 ORDER BY i.sent_at DESC LIMIT 20";
    ADDRESS: SystemSql = "SELECT email, email_canonical, address_proven_at FROM users WHERE id = $1 AND disabled_at IS NULL";
}

/// Who invites, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inviter {
    pub by: By,
    pub name: String,
}

/// A person or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Person(UserId),
    Key(KeyId),
}

impl Inviter {
    fn columns(&self) -> (Uuid, bool) {
        match self.by {
            By::Person(id) => (id.0, false),
            By::Key(id) => (id.0, true),
        }
    }
}

/// An invitation, and what only the rules need to know of it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub invitation: Invitation,
    pub canonical: String,
    /// Its present link was mailed, and shown to nobody.
    pub mailed: bool,
    /// None: it is not known any more.
    pub by: Option<By>,
}

row! {
    /// A person's address.
    #[derive(Clone, Debug)]
    pub struct Own {
        pub email: String,
        pub email_canonical: String,
        address_proven_at: Option<i64>,
    }
}

impl Own {
    /// The canonical address of somebody who is known to read its mail. Whoever hands links over by hand could have made
    /// the account themselves: what is sent to such an address is for its mailbox, and not for the account.
    pub fn proven(&self) -> Option<&str> {
        let is_proven = self.address_proven_at.is_some() && Email::is_of(&self.email, &self.email_canonical);
        is_proven.then_some(self.email_canonical.as_str())
    }
}

row! {
    struct Row {
        id: Uuid,
        email: String,
        email_canonical: String,
        role: String,
        mailed: bool,
        invited_by: Option<Uuid>,
        invited_by_name: String,
        invited_by_key: bool,
        created_at: i64,
        sent_at: i64,
        expires_at: i64,
        accepted_at: Option<i64>,
        declined_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

impl Row {
    fn read(self, now: Timestamp) -> Result<Stored> {
        let state = if self.accepted_at.is_some() {
            State::Accepted
        } else if self.revoked_at.is_some() {
            State::Revoked
        } else if self.declined_at.is_some() {
            State::Declined
        } else if self.expires_at <= now.0 {
            State::Expired
        } else {
            State::Pending
        };
        let by =
            self.invited_by.map(|id| if self.invited_by_key { By::Key(KeyId(id)) } else { By::Person(UserId(id)) });
        let invitation = Invitation {
            id: InvitationId(self.id),
            email: self.email,
            role: read_role(&self.role)?,
            inviter: self.invited_by_name,
            created_at: Timestamp(self.created_at),
            sent_at: Timestamp(self.sent_at),
            expires_at: Timestamp(self.expires_at),
            state,
        };
        Ok(Stored { invitation, canonical: self.email_canonical, mailed: self.mailed, by })
    }
}

/// An invitation to be stored.
pub struct New<'a> {
    pub id: InvitationId,
    pub email: &'a str,
    pub canonical: &'a str,
    pub role: Role,
    pub digest: &'a Digest,
    pub inviter: &'a Inviter,
    pub expires_at: Timestamp,
}

pub async fn insert(tx: &mut OrgTx, new: &New<'_>, now: Timestamp) -> Result<()> {
    let (by, by_key) = new.inviter.columns();
    let row = values![
        new.id,
        new.email,
        new.canonical,
        new.role,
        *new.digest,
        by,
        &new.inviter.name,
        by_key,
        now,
        new.expires_at
    ];
    tx.execute(INSERT, row).await.map(|_| ())
}

/// How many are open, expired ones included.
pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}

/// One page of those that are asked for.
pub async fn page(tx: &mut OrgTx, asked: &Asked, window: Window, now: Timestamp) -> Result<Page<Invitation>> {
    let mut question = match State::parse(asked.get("status")) {
        None => LIST.ask().only(OPEN, vec![]),
        Some(State::Pending) => LIST.ask().only(PENDING, values![now]),
        Some(State::Expired) => LIST.ask().only(EXPIRED, values![now]),
        Some(State::Accepted) => LIST.ask().only(ACCEPTED, vec![]),
        Some(State::Revoked) => LIST.ask().only(REVOKED, vec![]),
        Some(State::Declined) => LIST.ask().only(DECLINED, vec![]),
    };
    if let Some(role) = Role::parse(asked.get("role")) {
        question = question.only(OF_ROLE, values![role]);
    }
    if !asked.is_silent(&["email"]) {
        question = question.only(OF_EMAIL, values![asked.get("email")]);
    }
    let page: Page<Row> = question.page(tx, window).await?;
    Ok(page.read(|row| row.read(now).map(|stored| stored.invitation)))
}

pub async fn get(tx: &mut OrgTx, id: InvitationId, now: Timestamp) -> Result<Option<Stored>> {
    let row: Option<Row> = tx.optional(GET, values![id]).await?;
    row.map(|row| row.read(now)).transpose()
}

pub async fn exists(tx: &mut OrgTx, id: InvitationId) -> Result<bool> {
    let row: Option<Row> = tx.optional(GET, values![id]).await?;
    Ok(row.is_some())
}

pub async fn by_digest(tx: &mut OrgTx, digest: &Digest, now: Timestamp) -> Result<Option<Stored>> {
    let row: Option<Row> = tx.optional(BY_DIGEST, values![*digest]).await?;
    row.map(|row| row.read(now)).transpose()
}

/// The open invitation of an address; there is one at most.
pub async fn open_for(tx: &mut OrgTx, canonical: &str, now: Timestamp) -> Result<Option<Stored>> {
    let row: Option<Row> = tx.optional(OPEN_FOR, values![canonical]).await?;
    row.map(|row| row.read(now)).transpose()
}

/// When the newest link of a revoked invitation to this address was made.
pub async fn last_revoked(tx: &mut OrgTx, canonical: &str) -> Result<Option<Timestamp>> {
    let (at,): (Option<i64>,) = tx.one(LAST_REVOKED, values![canonical]).await?;
    Ok(at.map(Timestamp))
}

/// Gives an open invitation a new secret and a new term. False: it is not open any more.
pub async fn renew(
    tx: &mut OrgTx,
    id: InvitationId,
    digest: &Digest,
    inviter: &Inviter,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool> {
    let (by, by_key) = inviter.columns();
    Ok(tx.execute(RENEW, values![id, *digest, by, &inviter.name, by_key, now, expires_at]).await? == 1)
}

/// Notes that the link with this digest was mailed and will be shown to nobody.
pub async fn note_mailed(tx: &mut OrgTx, id: InvitationId, digest: &Digest) -> Result<()> {
    tx.execute(NOTE_MAILED, values![id, *digest]).await.map(|_| ())
}

/// False: it is not open any more.
pub async fn revoke(tx: &mut OrgTx, id: InvitationId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(REVOKE, values![id, now]).await? == 1)
}

/// Uses the invitation up. False: it is not good at this moment, or was used by another.
pub async fn accept(tx: &mut OrgTx, id: InvitationId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(ACCEPT, values![id, now]).await? == 1)
}

pub async fn decline(tx: &mut OrgTx, id: InvitationId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(DECLINE, values![id, now]).await? == 1)
}

/// Where the invitation with this secret stands.
pub async fn find(tx: &mut Tx, digest: &Digest) -> Result<Option<(OrganisationId, InvitationId)>> {
    let row: Option<(Uuid, Uuid)> = tx.optional(FIND, values![*digest]).await?;
    Ok(row.map(|(organisation, id)| (OrganisationId(organisation), InvitationId(id))))
}

/// Where this invitation stands, if it is for this address.
pub async fn find_for(
    tx: &mut Tx,
    canonical: &str,
    id: InvitationId,
) -> Result<Option<(OrganisationId, InvitationId)>> {
    let row: Option<(Uuid, Uuid)> = tx.optional(FIND_FOR, values![canonical, id]).await?;
    Ok(row.map(|(organisation, id)| (OrganisationId(organisation), InvitationId(id))))
}

/// Invitations that an address can answer now: id, organisation, role, inviter.
pub async fn waiting(
    tx: &mut Tx,
    canonical: &str,
    now: Timestamp,
) -> Result<Vec<(InvitationId, String, Role, String)>> {
    let rows: Vec<(Uuid, String, String, String)> = tx.list(WAITING, values![canonical, now]).await?;
    Ok(readable(rows, |(id, organisation, role, inviter)| {
        Ok((InvitationId(id), organisation, read_role(&role)?, inviter))
    }))
}

/// The address of an active person.
pub async fn address_of(tx: &mut Tx, user: UserId) -> Result<Option<Own>> {
    tx.optional(ADDRESS, values![user]).await
}
