//! The virtual keys' SQL.

use super::model::{Detail, Listed, NamedBy, QUERY_LIMIT, Settings};
use crate::{
    features::configs,
    kernel::{Asked, Error, Result, Timestamp, VirtualKeyId, Window, provider::Provider, text},
    server::{
        crypto::Sealed,
        database::{
            OrgTx,
            listing::{Listing, Order, Page, Parts, Sort},
            row, statements, values,
        },
    },
};
use sqlx::types::Json;
use uuid::Uuid;

macro_rules! columns {
    () => {
        "v.id, v.slug, v.name, v.description, v.provider, v.base_url, v.settings, v.credential_set_at, v.credential_set_by, v.created_by, v.created_at, v.updated_at, v.version, (SELECT MAX(c.started_at) FROM call_logs c WHERE c.org_id = v.org_id AND c.virtual_key_id = v.id) AS used_at"
    };
}

/// An organisation has [`MOST`](super::model::MOST) of them at most, and sorts them all.
pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "virtual_keys v",
    joined: "",
    id: "v.id",
    within: "v.org_id = $1 AND v.deleted_at IS NULL",
    searched: &["v.name", "v.slug"],
    filters: &[],
    order: Order::Named {
        usual: "v.name, v.slug",
        sorts: &[
            Sort { name: "name", by: &["v.name", "v.slug"], then: "" },
            Sort { name: "provider", by: &["v.provider"], then: "v.name, v.slug" },
            Sort {
                name: "used",
                by: &[
                    "COALESCE((SELECT MAX(c.started_at) FROM call_logs c WHERE c.org_id = v.org_id AND c.virtual_key_id = v.id), 0)",
                ],
                then: "v.name, v.slug",
            },
        ],
    },
    summaries: &[],
});

/// Virtual keys that one statement names.
const AT_ONCE: usize = 50;

statements! {
    BY_SLUG: TenantSql = concat!("SELECT ", columns!(), " FROM virtual_keys v WHERE v.org_id = $1 AND v.deleted_at IS NULL AND v.slug = $2");
    COUNT: TenantSql = "SELECT COUNT(*) FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL";
    SLUG_TAKEN: TenantSql = "SELECT COUNT(*) FROM virtual_keys WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
    INSERT: TenantSql = "INSERT INTO virtual_keys (org_id, id, slug, name, description, provider, base_url, settings, credential, credential_set_at, credential_set_by, created_by, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, 1) ON CONFLICT (org_id, slug) WHERE deleted_at IS NULL DO NOTHING";
    UPDATE: TenantSql = "UPDATE virtual_keys SET name = $3, description = $4, provider = $5, base_url = $6, settings = $7, updated_at = $8, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND version = $9";
    SET_CREDENTIAL: TenantSql = "UPDATE virtual_keys SET credential = $3, credential_set_at = $4, credential_set_by = $5 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    CREDENTIAL: TenantSql = "SELECT credential FROM virtual_keys WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    DELETE: TenantSql = "UPDATE virtual_keys SET deleted_at = $3, credential = NULL, credential_set_at = NULL, credential_set_by = NULL, updated_at = $3, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    TARGET: TenantSql = "SELECT id, slug, provider, base_url, settings, credential FROM virtual_keys WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
    ID_OF: TenantSql = "SELECT id FROM virtual_keys WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
    CHOICES: TenantSql = "SELECT id, slug, name FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL ORDER BY name, id LIMIT 500";
    CHOICES_OF: TenantSql = "SELECT id, slug, name FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51)";
    NAMES: TenantSql = "SELECT id, name FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 500";
    OLDEST: TenantSql = "SELECT slug, provider FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL ORDER BY created_at LIMIT 1";
    OF_ID: TenantSql = "SELECT slug, provider FROM virtual_keys WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    SLUGS: TenantSql = "SELECT slug FROM virtual_keys WHERE org_id = $1 AND deleted_at IS NULL ORDER BY slug LIMIT 1000";
}

row! {
    struct Row {
        id: Uuid,
        slug: String,
        name: String,
        description: String,
        provider: String,
        base_url: String,
        settings: Json<Settings>,
        credential_set_at: Option<i64>,
        credential_set_by: Option<String>,
        created_by: String,
        created_at: i64,
        updated_at: i64,
        version: i64,
        used_at: Option<i64>,
    }
}

impl Row {
    fn listed(self) -> Result<Listed> {
        Ok(Listed {
            id: VirtualKeyId(self.id),
            slug: self.slug,
            name: self.name,
            provider: parse_provider(&self.provider)?,
            base_url: self.base_url,
            credential_set_at: self.credential_set_at.map(Timestamp),
            used_at: self.used_at.map(Timestamp),
            used_up: false,
        })
    }

    fn detail(self, now: Timestamp) -> Result<Detail> {
        Ok(Detail {
            id: VirtualKeyId(self.id),
            slug: self.slug,
            name: self.name,
            description: self.description,
            provider: parse_provider(&self.provider)?,
            base_url: self.base_url,
            settings: self.settings.0,
            credential_set_at: self.credential_set_at.map(Timestamp),
            credential_set_by: self.credential_set_by,
            created_by: self.created_by,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
            version: self.version,
            used_at: self.used_at.map(Timestamp),
            configs: vec![],
            limits: vec![],
            now,
        })
    }
}

/// Reads a stored provider; one that is not known is a fault, never another provider.
fn parse_provider(stored: &str) -> Result<Provider> {
    Provider::parse(stored).ok_or_else(|| {
        tracing::error!(stored, "a stored provider is not known");
        Error::internal()
    })
}

/// One page of those that are asked for.
pub async fn page(tx: &mut OrgTx, asked: &Asked, window: Window) -> Result<Page<Listed>> {
    let question = LIST.ask().search(text::cut(asked.get("q"), QUERY_LIMIT)).sort(asked.get("sort"));
    let page: Page<Row> = question.page(tx, window).await?;
    Ok(page.read(Row::listed))
}

pub async fn by_slug(tx: &mut OrgTx, slug: &str, now: Timestamp) -> Result<Option<Detail>> {
    let row: Option<Row> = tx.optional(BY_SLUG, values![slug]).await?;
    let Some(mut detail) = row.map(|row| row.detail(now)).transpose()? else { return Ok(None) };
    let naming = configs::naming(tx, detail.id).await?;
    detail.configs = naming.into_iter().map(|(slug, name)| NamedBy { slug, name }).collect();
    Ok(Some(detail))
}

pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}

pub async fn slug_is_taken(tx: &mut OrgTx, slug: &str) -> Result<bool> {
    let (count,): (i64,) = tx.one(SLUG_TAKEN, values![slug]).await?;
    Ok(count > 0)
}

/// What a save writes.
pub struct Facts<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub provider: Provider,
    /// In its canonical form.
    pub base_url: &'a str,
    pub settings: &'a Settings,
}

impl Facts<'_> {
    fn settings(&self) -> serde_json::Value {
        serde_json::json!(self.settings)
    }
}

/// A sealed credential, and who sets it when.
pub struct SetCredential<'a> {
    pub sealed: Sealed,
    pub by: &'a str,
    pub at: Timestamp,
}

/// Makes a virtual key. False: the slug is taken.
pub async fn insert(
    tx: &mut OrgTx,
    id: VirtualKeyId,
    slug: &str,
    facts: &Facts<'_>,
    credential: Option<SetCredential<'_>>,
    by: &str,
    now: Timestamp,
) -> Result<bool> {
    let (set_at, set_by) = (credential.as_ref().map(|c| c.at), credential.as_ref().map(|c| c.by));
    let sealed = credential.as_ref().map(|c| c.sealed.clone());
    let row = values![
        id,
        slug,
        facts.name,
        facts.description,
        facts.provider.name(),
        facts.base_url,
        facts.settings(),
        sealed,
        set_at,
        set_by,
        by,
        now
    ];
    Ok(tx.execute(INSERT, row).await? == 1)
}

/// Saves, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, id: VirtualKeyId, version: i64, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let row = values![
        id,
        facts.name,
        facts.description,
        facts.provider.name(),
        facts.base_url,
        facts.settings(),
        now,
        version
    ];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

/// Sets or removes the credential.
pub async fn set_credential(tx: &mut OrgTx, id: VirtualKeyId, credential: Option<SetCredential<'_>>) -> Result<()> {
    let row = match credential {
        Some(c) => values![id, c.sealed, c.at, c.by],
        None => values![id, None::<Vec<u8>>, None::<i64>, None::<String>],
    };
    tx.execute(SET_CREDENTIAL, row).await?;
    Ok(())
}

/// The sealed credential, if there is one.
pub async fn credential(tx: &mut OrgTx, id: VirtualKeyId) -> Result<Option<Sealed>> {
    let row: Option<(Option<Vec<u8>>,)> = tx.optional(CREDENTIAL, values![id]).await?;
    Ok(row.and_then(|(sealed,)| sealed))
}

/// Marks it deleted and wipes its credential. False: it is gone already.
pub async fn delete(tx: &mut OrgTx, id: VirtualKeyId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(DELETE, values![id, now]).await? == 1)
}

/// What a call needs of a virtual key.
pub struct Destination {
    pub id: VirtualKeyId,
    pub slug: String,
    pub provider: Provider,
    pub base_url: String,
    pub settings: Settings,
    /// Opens at its own place alone, see [`super::operations::unseal`].
    pub credential: Option<Sealed>,
}

row! {
    struct DestinationRow {
        id: Uuid,
        slug: String,
        provider: String,
        base_url: String,
        settings: Json<Settings>,
        credential: Option<Vec<u8>>,
    }
}

/// The virtual key that calls name as `@slug`.
pub async fn target(tx: &mut OrgTx, slug: &str) -> Result<Option<Destination>> {
    let row: Option<DestinationRow> = tx.optional(TARGET, values![slug]).await?;
    row.map(|row| {
        Ok(Destination {
            id: VirtualKeyId(row.id),
            slug: row.slug,
            provider: parse_provider(&row.provider)?,
            base_url: row.base_url,
            settings: row.settings.0,
            credential: row.credential,
        })
    })
    .transpose()
}

/// The id behind a slug.
pub async fn id_of(tx: &mut OrgTx, slug: &str) -> Result<Option<VirtualKeyId>> {
    let row: Option<(Uuid,)> = tx.optional(ID_OF, values![slug]).await?;
    Ok(row.map(|(id,)| VirtualKeyId(id)))
}

/// Id, reference and name of each that is not deleted, by name.
pub async fn choices(tx: &mut OrgTx) -> Result<Vec<(VirtualKeyId, String, String)>> {
    let rows: Vec<(Uuid, String, String)> = tx.list(CHOICES, vec![]).await?;
    Ok(rows.into_iter().map(|(id, slug, name)| (VirtualKeyId(id), slug, name)).collect())
}

/// The same of those that are named, however many there are.
pub async fn choices_of(tx: &mut OrgTx, keys: &[Uuid]) -> Result<Vec<(VirtualKeyId, String, String)>> {
    let mut choices = vec![];
    for some in keys.chunks(AT_ONCE) {
        let padded = some.iter().chain(std::iter::repeat(&some[0])).take(AT_ONCE);
        let rows: Vec<(Uuid, String, String)> = tx.all(CHOICES_OF, padded.map(|id| (*id).into()).collect()).await?;
        choices.extend(rows.into_iter().map(|(id, slug, name)| (VirtualKeyId(id), slug, name)));
    }
    Ok(choices)
}

/// Those that are not deleted, the newest first; of more than 500 these.
pub async fn names(tx: &mut OrgTx) -> Result<Vec<(VirtualKeyId, String)>> {
    let rows: Vec<(Uuid, String)> = tx.list(NAMES, vec![]).await?;
    Ok(rows.into_iter().map(|(id, name)| (VirtualKeyId(id), name)).collect())
}

/// The slug and provider of the oldest that is there.
pub async fn oldest(tx: &mut OrgTx) -> Result<Option<(String, Provider)>> {
    let row: Option<(String, String)> = tx.optional(OLDEST, vec![]).await?;
    row.map(|(slug, provider)| Ok((slug, parse_provider(&provider)?))).transpose()
}

/// The same of one of them.
pub async fn of_id(tx: &mut OrgTx, id: VirtualKeyId) -> Result<Option<(String, Provider)>> {
    let row: Option<(String, String)> = tx.optional(OF_ID, values![id]).await?;
    row.map(|(slug, provider)| Ok((slug, parse_provider(&provider)?))).transpose()
}

/// The slugs of all that calls can name.
pub async fn slugs(tx: &mut OrgTx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.all(SLUGS, vec![]).await?;
    Ok(rows.into_iter().map(|(slug,)| slug).collect())
}
