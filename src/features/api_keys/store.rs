//! The keys' SQL: verification and changes. Lists are in [`list`], the uses of permissions in [`rights`].

pub mod holder;
pub mod list;
pub mod narrowing;
pub mod rights;

use super::{
    narrowing::{KeyBounds, Narrowing},
    rules::{Judged, KeyRules},
};
use crate::server::access::VerifiedKey;
use crate::{
    kernel::{Code, ConfigId, Error, KeyId, OrganisationId, Result, Timestamp, UserId, time::MINUTE},
    policy::{AnswersFor, PermissionSet, Standing},
    server::{
        crypto::{ApiKeySecret, Digest, KeyKind},
        database::{OrgTx, Tx, read_role, row, statements, values},
    },
};
use sqlx::types::Json;
use std::net::IpAddr;
use uuid::Uuid;

/// Keys that one statement names.
const AT_ONCE: usize = 50;

statements! {
    INSERT_KEY: TenantSql = "INSERT INTO api_keys (org_id, id, kind, name, description, permissions, responsible, created_by, created_at, updated_at, version, expires_at, name_folded, scopes, config_id, config_override, keep_texts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 1, $10, $11, $12, $13, $14, $15)";
    INSERT_SECRET: TenantSql = "INSERT INTO api_key_secrets (org_id, id, key_id, digest, beginning, ending, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FIND_SECRET: SystemSql = "SELECT org_id, key_id, id FROM api_key_secrets WHERE digest = $1";
    VERIFY: TenantSql = "SELECT k.id, k.name, k.permissions, k.expires_at, k.disabled_at, k.revoked_at, s.id AS secret_id, s.valid_until, k.responsible, m.role, u.disabled_at AS person_disabled_at, k.config_id, c.slug AS config_slug, k.config_override, k.keep_texts, k.kind, k.narrowing, s.created_at AS secret_made_at, o.key_rules, o.keep_texts AS org_keep_texts, o.leave_images_out, o.saved_only, EXISTS (SELECT 1 FROM guardrails g WHERE g.org_id = $1 AND (g.for_requests OR g.for_answers) AND g.deleted_at IS NULL) AS guarded, EXISTS (SELECT 1 FROM model_prices p WHERE p.org_id = $1) AS priced, EXISTS (SELECT 1 FROM limits l WHERE l.org_id = $1 AND l.subject_id = k.id AND l.scope = 'api_key' AND l.kind = 'budget' AND l.action = 'block' AND l.deleted_at IS NULL) AS has_budget FROM api_key_secrets s JOIN api_keys k ON k.org_id = s.org_id AND k.id = s.key_id LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible LEFT JOIN users u ON u.id = m.user_id LEFT JOIN configs c ON c.org_id = k.org_id AND c.id = k.config_id AND c.deleted_at IS NULL JOIN organisations o ON o.id = k.org_id WHERE s.org_id = $1 AND s.digest = $2";
    UPDATE: TenantSql = "UPDATE api_keys SET name = $3, description = $4, permissions = $5, expires_at = $6, responsible = $7, updated_at = $8, name_folded = $9, scopes = $10, config_id = $12, config_override = $13, keep_texts = $14, version = version + 1 WHERE org_id = $1 AND id = $2 AND version = $11";
    SET_EXPIRY: TenantSql = "UPDATE api_keys SET expires_at = $3 WHERE org_id = $1 AND id = $2";
    DISABLE: TenantSql = "UPDATE api_keys SET disabled_at = $3, updated_at = $4, version = version + 1 WHERE org_id = $1 AND id = $2";
    DELETE: TenantSql = "UPDATE api_keys SET revoked_at = $3, updated_at = $3, version = version + 1 WHERE org_id = $1 AND id = $2";
    // A secret that still works as the old one keeps its end; the current one gets its own.
    RETIRE_SECRET: TenantSql = "UPDATE api_key_secrets SET valid_until = $3 WHERE org_id = $1 AND key_id = $2 AND valid_until IS NULL";
    END_OVERLAP: TenantSql = "UPDATE api_key_secrets SET valid_until = $3 WHERE org_id = $1 AND key_id = $2 AND valid_until > $3";
    BUMP: TenantSql = "UPDATE api_keys SET updated_at = $3, version = version + 1 WHERE org_id = $1 AND id = $2";
    HELD_BY: TenantSql = "SELECT id, name FROM api_keys WHERE org_id = $1 AND responsible = $2 AND revoked_at IS NULL ORDER BY created_at, id";
    COUNT_OF: TenantSql = "SELECT COUNT(*) FROM api_keys WHERE org_id = $1 AND responsible = $2 AND revoked_at IS NULL";
    HAND_OVER: TenantSql = "UPDATE api_keys SET responsible = $3, updated_at = $4, version = version + 1 WHERE org_id = $1 AND responsible = $2";
    REVOKE_OF: TenantSql = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3), responsible = NULL, updated_at = $3, version = version + 1 WHERE org_id = $1 AND responsible = $2";
    SETS_OF: TenantSql = "SELECT id, permissions FROM api_keys WHERE org_id = $1 AND responsible = $2 AND revoked_at IS NULL";
    SET_PERMISSIONS: TenantSql = "UPDATE api_keys SET permissions = $3, updated_at = $4, version = version + 1 WHERE org_id = $1 AND id = $2";
    TOUCH: TenantSql = "UPDATE api_key_secrets SET used_at = $4 WHERE org_id = $1 AND key_id = $2 AND id = $3 AND (used_at IS NULL OR used_at <= $5)";
    TOUCH_KEY: TenantSql = "UPDATE api_keys SET used_at = $3 WHERE org_id = $1 AND id = $2 AND (used_at IS NULL OR used_at < $3)";
    LIVE_NAMES: TenantSql = "SELECT id, name FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL ORDER BY name, id LIMIT 1000";
    LIVE_NAMES_OF: TenantSql = "SELECT id, name FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51)";
    CALLERS: TenantSql = "SELECT id, COALESCE(responsible, id) AS person, CAST(permissions AS TEXT) LIKE '%\"models.call\"%' AS calls, (disabled_at IS NOT NULL OR COALESCE(expires_at, 9223372036854775807) <= $52) AS is_over FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51)";
    NAMES: TenantSql = "SELECT id, name FROM api_keys WHERE org_id = $1 ORDER BY COALESCE(used_at, created_at) DESC, id DESC LIMIT 500";
    // The newest that still works and is not the master key.
    NEWEST: TenantSql = "SELECT name FROM api_keys WHERE org_id = $1 AND kind = 'standard' AND revoked_at IS NULL AND disabled_at IS NULL AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC LIMIT 1";
    RESPONSIBLE_OF: TenantSql = "SELECT responsible FROM api_keys WHERE org_id = $1 AND id = $2";
    NAME_OF: TenantSql = "SELECT name FROM api_keys WHERE org_id = $1 AND id = $2";
    END_OF: TenantSql = "SELECT expires_at FROM api_keys WHERE org_id = $1 AND id = $2";
    AUTHORITY: TenantSql = "SELECT k.permissions, k.kind, k.narrowing, k.expires_at, k.disabled_at, k.revoked_at, k.responsible, m.role, u.disabled_at AS person_disabled_at FROM api_keys k LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible LEFT JOIN users u ON u.id = m.user_id WHERE k.org_id = $1 AND k.id = $2";
}

/// A key to be stored.
pub struct NewKey<'a> {
    pub id: KeyId,
    pub kind: KeyKind,
    pub name: &'a str,
    pub description: &'a str,
    pub permissions: PermissionSet,
    /// The names under which a program gave them; none: it gave no names.
    pub scopes: &'a [String],
    /// None: the Owners.
    pub responsible: Option<UserId>,
    pub created_by: &'a str,
    pub expires_at: Option<Timestamp>,
    pub config: Option<ConfigId>,
    pub config_override: bool,
    /// Whether its calls' texts are kept; none: as the organisation does.
    pub keep_texts: Option<bool>,
}

/// How names are searched and sorted. The engines disagree on the lower case of letters beyond ASCII.
fn fold(text: &str) -> String {
    text.to_lowercase()
}

pub async fn insert(tx: &mut OrgTx, key: &NewKey<'_>, now: Timestamp) -> Result<()> {
    let kind = match key.kind {
        KeyKind::Master => "master",
        KeyKind::Standard => "standard",
    };
    let permissions = serde_json::to_value(key.permissions).map_err(|_| Error::internal())?;
    let row = values![
        key.id,
        kind,
        key.name,
        key.description,
        permissions,
        key.responsible,
        key.created_by,
        now,
        key.expires_at,
        fold(key.name),
        stored_names(key.scopes),
        key.config,
        key.config_override,
        key.keep_texts,
    ];
    tx.execute(INSERT_KEY, row).await.map(|_| ())
}

/// Stores the digest of a key's new secret, and what lists may show of it.
pub async fn insert_secret(
    tx: &mut OrgTx,
    key: KeyId,
    secret: &ApiKeySecret,
    digest: &Digest,
    now: Timestamp,
) -> Result<()> {
    let row = values![Uuid::now_v7(), key, *digest, secret.beginning(), secret.ending(), now];
    tx.execute(INSERT_SECRET, row).await.map(|_| ())
}

row! {
    struct VerifyRow {
        id: Uuid,
        name: String,
        permissions: Json<PermissionSet>,
        expires_at: Option<i64>,
        disabled_at: Option<i64>,
        revoked_at: Option<i64>,
        secret_id: Uuid,
        valid_until: Option<i64>,
        responsible: Option<Uuid>,
        role: Option<String>,
        person_disabled_at: Option<i64>,
        config_id: Option<Uuid>,
        config_slug: Option<String>,
        config_override: bool,
        saved_only: bool,
        guarded: bool,
        priced: bool,
        keep_texts: Option<bool>,
        org_keep_texts: bool,
        leave_images_out: bool,
        kind: String,
        narrowing: Option<Json<Narrowing>>,
        secret_made_at: i64,
        key_rules: Option<Json<KeyRules>>,
        has_budget: bool,
    }
}

/// What a key may do by itself: the master key what it alone does as well, unless it is narrowed.
fn own(permissions: PermissionSet, kind: &str, narrowing: Option<&Json<Narrowing>>) -> PermissionSet {
    match kind == "master" && narrowing.is_none_or(|stored| stored.0.reaches_all()) {
        true => permissions.of_master(),
        false => permissions,
    }
}

impl VerifyRow {
    /// What the key may do now.
    fn effective(&self) -> Result<PermissionSet> {
        let own = own(self.permissions.0, &self.kind, self.narrowing.as_ref());
        cut(own, self.responsible, self.role.as_deref(), self.person_disabled_at.is_some())
    }

    /// What bounds the key beside its permissions. An old secret ends when it was said to.
    fn bounds(&mut self) -> KeyBounds {
        let own = self.narrowing.take().map(|stored| stored.0).unwrap_or_default();
        let rules = self.key_rules.take().map(|stored| stored.0).unwrap_or_default();
        let ends = [self.expires_at, self.valid_until].into_iter().flatten();
        let judged = Judged {
            master: self.kind == "master",
            made_at: Timestamp(self.secret_made_at),
            end: ends.min().map(Timestamp),
            has_budget: self.has_budget,
        };
        KeyBounds::of(own, rules, judged)
    }
}

row! {
    struct AuthorityRow {
        permissions: Json<PermissionSet>,
        kind: String,
        narrowing: Option<Json<Narrowing>>,
        expires_at: Option<i64>,
        disabled_at: Option<i64>,
        revoked_at: Option<i64>,
        responsible: Option<Uuid>,
        role: Option<String>,
        person_disabled_at: Option<i64>,
    }
}

/// What a key's stored fields become.
pub struct Fields<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub permissions: PermissionSet,
    pub scopes: &'a [String],
    pub expires_at: Option<Timestamp>,
    pub responsible: Option<UserId>,
    pub config: Option<ConfigId>,
    pub config_override: bool,
    pub keep_texts: Option<bool>,
}

/// Names as they are stored.
fn stored_names(scopes: &[String]) -> Option<serde_json::Value> {
    (!scopes.is_empty()).then(|| serde_json::Value::from(scopes))
}

/// Saves, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, key: KeyId, version: i64, fields: &Fields<'_>, now: Timestamp) -> Result<bool> {
    let permissions = serde_json::to_value(fields.permissions).map_err(|_| Error::internal())?;
    let row = values![
        key,
        fields.name,
        fields.description,
        permissions,
        fields.expires_at,
        fields.responsible,
        now,
        fold(fields.name),
        stored_names(fields.scopes),
        version,
        fields.config,
        fields.config_override,
        fields.keep_texts
    ];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

/// Gives a key another end. The caller's change counts as the version.
pub async fn set_expiry(tx: &mut OrgTx, key: KeyId, expires_at: Option<Timestamp>) -> Result<()> {
    tx.execute(SET_EXPIRY, values![key, expires_at]).await.map(|_| ())
}

/// Disables a key at a moment, or enables it again (none).
pub async fn set_disabled(tx: &mut OrgTx, key: KeyId, disabled_at: Option<Timestamp>, now: Timestamp) -> Result<()> {
    tx.execute(DISABLE, values![key, disabled_at, now]).await.map(|_| ())
}

/// Ends a key for good. Its row and its secrets' digests stay, so that the answer to them is "deleted".
pub async fn delete(tx: &mut OrgTx, key: KeyId, now: Timestamp) -> Result<()> {
    tx.execute(DELETE, values![key, now]).await.map(|_| ())
}

/// Lets the current secret live until a moment, so that another can take its place.
pub async fn retire_secret(tx: &mut OrgTx, key: KeyId, until: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(RETIRE_SECRET, values![key, until]).await?;
    tx.execute(BUMP, values![key, now]).await.map(|_| ())
}

/// Ends the old secret now.
pub async fn end_overlap(tx: &mut OrgTx, key: KeyId, now: Timestamp) -> Result<()> {
    tx.execute(END_OVERLAP, values![key, now]).await?;
    tx.execute(BUMP, values![key, now]).await.map(|_| ())
}

/// The keys that answer for a person and are not deleted, oldest first.
pub async fn held_by(tx: &mut OrgTx, user: UserId) -> Result<Vec<(KeyId, String)>> {
    let rows: Vec<(Uuid, String)> = tx.all(HELD_BY, values![user]).await?;
    Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
}

/// How many keys answer for a person and are not deleted.
pub async fn count_of(tx: &mut OrgTx, user: UserId) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT_OF, values![user]).await?;
    Ok(count)
}

/// Lets all keys of one person, the deleted ones too, answer for another (none: the Owners).
pub async fn hand_over(tx: &mut OrgTx, from: UserId, to: Option<UserId>, now: Timestamp) -> Result<()> {
    tx.execute(HAND_OVER, values![from, to, now]).await.map(|_| ())
}

/// Deletes all keys of a person. They answer for nobody from here on, so that the person can go.
pub async fn revoke_of(tx: &mut OrgTx, user: UserId, now: Timestamp) -> Result<()> {
    tx.execute(REVOKE_OF, values![user, now]).await.map(|_| ())
}

/// The sets of a person's keys that are not deleted.
pub async fn sets_of(tx: &mut OrgTx, user: UserId) -> Result<Vec<(KeyId, PermissionSet)>> {
    let rows: Vec<(Uuid, Json<PermissionSet>)> = tx.all(SETS_OF, values![user]).await?;
    Ok(rows.into_iter().map(|(id, Json(set))| (KeyId(id), set)).collect())
}

pub async fn set_permissions(tx: &mut OrgTx, key: KeyId, set: PermissionSet, now: Timestamp) -> Result<()> {
    let set = serde_json::to_value(set).map_err(|_| Error::internal())?;
    tx.execute(SET_PERMISSIONS, values![key, set, now]).await.map(|_| ())
}

/// Notes when secrets were last used. A note less than a minute after the one before changes nothing.
pub async fn touch_used(tx: &mut OrgTx, uses: &[(KeyId, Uuid, Timestamp)]) -> Result<()> {
    for (key, secret, at) in uses {
        if tx.execute(TOUCH, values![*key, *secret, *at, at.plus(-MINUTE)]).await? > 0 {
            tx.execute(TOUCH_KEY, values![*key, *at]).await?;
        }
    }
    Ok(())
}

/// The keys of the organisation, the deleted ones too, those first that were used last; of more than 500 these.
pub async fn names(tx: &mut OrgTx) -> Result<Vec<(KeyId, String)>> {
    let rows: Vec<(Uuid, String)> = tx.list(NAMES, vec![]).await?;
    Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
}

/// The keys of the organisation that are not deleted, by name; of more than 1,000 the first.
pub async fn live_names(tx: &mut OrgTx) -> Result<Vec<(KeyId, String)>> {
    let rows: Vec<(Uuid, String)> = tx.list(LIVE_NAMES, vec![]).await?;
    Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
}

/// The same of those that are named, however many there are.
pub async fn live_names_of(tx: &mut OrgTx, keys: &[Uuid]) -> Result<Vec<(KeyId, String)>> {
    let mut names = vec![];
    for some in keys.chunks(AT_ONCE) {
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(AT_ONCE);
        let rows: Vec<(Uuid, String)> = tx.all(LIVE_NAMES_OF, padded.map(|id| (*id).into()).collect()).await?;
        names.extend(rows.into_iter().map(|(id, name)| (KeyId(id), name)));
    }
    Ok(names)
}

/// A key as one that makes calls.
pub struct Caller {
    pub id: KeyId,
    /// Whom its calls count for; none: the Owners.
    pub person: Option<UserId>,
    /// It holds the permission to call models.
    pub calls: bool,
    /// It was disabled, or is past its end.
    pub is_over: bool,
}

/// Those of some keys that are not deleted, as they make calls at a moment.
pub async fn callers(tx: &mut OrgTx, keys: &[Uuid], now: Timestamp) -> Result<Vec<Caller>> {
    let mut callers = vec![];
    for some in keys.chunks(AT_ONCE) {
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(AT_ONCE);
        let values = padded.map(|id| (*id).into()).chain([now.into()]).collect();
        let rows: Vec<(Uuid, Uuid, bool, bool)> = tx.all(CALLERS, values).await?;
        callers.extend(rows.into_iter().map(|(id, person, calls, is_over)| Caller {
            id: KeyId(id),
            person: (person != id).then_some(UserId(person)),
            calls,
            is_over,
        }));
    }
    Ok(callers)
}

/// The name of the newest API key that works, beside the master key.
pub async fn newest_name(tx: &mut OrgTx, now: Timestamp) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.optional(NEWEST, values![now]).await?;
    Ok(row.map(|(name,)| name))
}

/// Whom a key answers for. None: it does not exist; `Some(None)`: the Owners.
pub async fn responsible_of(tx: &mut OrgTx, key: KeyId) -> Result<Option<Option<UserId>>> {
    let row: Option<(Option<Uuid>,)> = tx.optional(RESPONSIBLE_OF, values![key]).await?;
    Ok(row.map(|(user,)| user.map(UserId)))
}

/// When a key ends. None: it does not end, or does not exist.
pub async fn end_of(tx: &mut OrgTx, key: KeyId) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = tx.optional(END_OF, values![key]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp))
}

/// What the key may do now: its own set cut by the present role of whom it answers for (none: the Owners).
fn cut(
    own: PermissionSet,
    responsible: Option<Uuid>,
    role: Option<&str>,
    person_disabled: bool,
) -> Result<PermissionSet> {
    let answers_for = match (responsible, role) {
        (None, _) => AnswersFor::Owners,
        (Some(_), Some(role)) if !person_disabled => AnswersFor::Person(Some(read_role(role)?)),
        (Some(_), _) => AnswersFor::Person(None),
    };
    Ok(own.intersection(answers_for.permissions()))
}

/// Why a known key does not open anything at `now`.
fn refuse(revoked_at: Option<i64>, disabled_at: Option<i64>, expires_at: Option<i64>, now: Timestamp) -> Result<()> {
    match Standing::of_key(revoked_at.is_some(), disabled_at.is_some(), expires_at.map(Timestamp), now) {
        // What else bounds a key is judged where more is known of it.
        Standing::Active | Standing::Early | Standing::Blocked => Ok(()),
        Standing::Revoked => Err(Error::new(Code::ApiKeyRevoked, "This key was deleted.")),
        Standing::Disabled => Err(Error::new(Code::ApiKeyDisabled, "This key is disabled.")),
        Standing::Expired => Err(Error::new(Code::ApiKeyExpired, "This key has expired.")),
    }
}

/// The error for a missing, malformed or unknown key: one and the same.
pub fn invalid_key() -> Error {
    Error::new(Code::InvalidApiKey, "The API key is missing or not valid.")
}

/// The organisation in which a secret's digest stands.
pub async fn find_secret(tx: &mut Tx, digest: &[u8]) -> Result<Option<OrganisationId>> {
    Ok(owner_of_secret(tx, digest).await?.map(|(organisation, ..)| organisation))
}

/// The organisation and the key of a secret's digest, and the secret's id, whether it still opens anything or not.
pub async fn owner_of_secret(tx: &mut Tx, digest: &[u8]) -> Result<Option<(OrganisationId, KeyId, Uuid)>> {
    let row: Option<(Uuid, Uuid, Uuid)> = tx.optional(FIND_SECRET, values![digest]).await?;
    Ok(row.map(|(organisation, key, secret)| (OrganisationId(organisation), KeyId(key), secret)))
}

/// A key's name, deleted ones included. None: there is no such key.
pub async fn name_of(tx: &mut OrgTx, key: KeyId) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.optional(NAME_OF, values![key]).await?;
    Ok(row.map(|(name,)| name))
}

/// Whether there is such a key, deleted ones included.
pub async fn exists(tx: &mut OrgTx, key: KeyId) -> Result<bool> {
    Ok(name_of(tx, key).await?.is_some())
}

/// Looks a secret up by its whole digest, and says what it opens for whoever comes from this address, or why it does not.
pub async fn verify(tx: &mut OrgTx, digest: &Digest, from: Option<IpAddr>, now: Timestamp) -> Result<VerifiedKey> {
    let mut row: VerifyRow = tx.optional(VERIFY, values![*digest]).await?.ok_or_else(invalid_key)?;
    refuse(row.revoked_at, row.disabled_at, row.expires_at, now)?;
    if row.valid_until.is_some_and(|until| until <= now.0) {
        return Err(Error::new(
            Code::ApiKeyRevoked,
            "This secret was replaced when the key was rotated. Use the new one.",
        ));
    }
    let effective = row.effective()?;
    let bounds = row.bounds();
    bounds.check(from, now)?;
    tx.narrow_prompts(bounds.own.prompts);
    Ok(VerifiedKey {
        organisation: tx.organisation(),
        key: KeyId(row.id),
        secret: row.secret_id,
        digest: *digest,
        name: row.name,
        effective,
    })
}

/// What a key may do now, read inside a change.
pub async fn effective(tx: &mut OrgTx, key: KeyId, now: Timestamp) -> Result<PermissionSet> {
    let row: AuthorityRow = tx.optional(AUTHORITY, values![key]).await?.ok_or_else(invalid_key)?;
    refuse(row.revoked_at, row.disabled_at, row.expires_at, now)?;
    let own = own(row.permissions.0, &row.kind, row.narrowing.as_ref());
    cut(own, row.responsible, row.role.as_deref(), row.person_disabled_at.is_some())
}
