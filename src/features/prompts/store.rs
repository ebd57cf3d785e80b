//! The prompts' SQL: prompts, partials and their versions. Labels and folders have stores of their own.

use super::model::{Collection, Content, Detail, Kind, Listed, MOST_USERS, PRODUCTION, QUERY_LIMIT, UsedBy, Which};
use crate::{
    features::versions::{NewVersion, Table, version_sql},
    kernel::{Asked, Code, CollectionId, Error, PromptId, Result, Timestamp, Window, text},
    server::database::{
        OrgTx,
        listing::{Filter, Listing, Order, Page, Parts, Sort},
        row, statements, values,
    },
};
use uuid::Uuid;

pub mod collections;
pub mod labels;
pub mod sets;

const OF_KIND: &str = "p.kind = ?";
const IN_COLLECTION: &str = "p.collection_id = ?";
const IN_NONE: &str = "p.collection_id IS NULL";
const LABELLED: &str =
    "EXISTS (SELECT 1 FROM prompt_pointers l WHERE l.org_id = p.org_id AND l.prompt_id = p.id AND l.label = ?)";

/// Those that there are for a caller who is narrowed to some, of which there are at most as many as here are places.
const AMONG: &str = "p.id IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const MOST_AMONG: usize = 50;

/// An organisation has [`MOST`](super::model::MOST) of a kind at most, and sorts them all.
pub static LIST: Listing = Listing::new(Parts {
    columns: "p.id, p.slug, p.name, p.collection_id, c.name AS collection_name, p.current, p.created_at, p.updated_at, p.updated_by, v.body",
    from: "prompts p JOIN prompt_versions v ON v.org_id = p.org_id AND v.prompt_id = p.id AND v.number = p.current",
    joined: " LEFT JOIN prompt_collections c ON c.org_id = p.org_id AND c.id = p.collection_id",
    id: "p.id",
    within: "p.org_id = $1 AND p.deleted_at IS NULL",
    searched: &["p.name", "p.slug", "v.body"],
    filters: &[
        Filter::one_of(&[OF_KIND]),
        Filter::optional(&[IN_COLLECTION, IN_NONE]),
        Filter::optional(&[LABELLED]),
        Filter::optional(&[AMONG]),
    ],
    order: Order::Named {
        usual: "p.name, p.slug",
        sorts: &[
            Sort { name: "name", by: &["p.name", "p.slug"], then: "" },
            Sort { name: "changed", by: &["p.updated_at"], then: "p.name, p.slug" },
        ],
    },
    summaries: &[],
});

macro_rules! detail {
    ($which:literal) => {
        concat!(
            "SELECT p.id, p.slug, p.name, p.collection_id, c.name AS collection_name, p.is_strict, p.version, p.current, p.created_by, p.created_at, p.updated_by, p.updated_at FROM prompts p LEFT JOIN prompt_collections c ON c.org_id = p.org_id AND c.id = p.collection_id WHERE p.org_id = $1 AND p.kind = $2 AND p.deleted_at IS NULL AND ",
            $which
        )
    };
}

statements! {
    BY_SLUG: TenantSql = detail!("p.slug = $3");
    BY_ID: TenantSql = detail!("p.id = $3");
    ID_OF: TenantSql = "SELECT id FROM prompts WHERE org_id = $1 AND kind = $2 AND slug = $3 AND deleted_at IS NULL";
    COUNT: TenantSql = "SELECT COUNT(*) FROM prompts WHERE org_id = $1 AND kind = $2 AND deleted_at IS NULL";
    INSERT: TenantSql = "INSERT INTO prompts (org_id, id, kind, slug, name, collection_id, is_strict, version, current, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, $8, $9, $8, $9) ON CONFLICT (org_id, kind, slug) WHERE deleted_at IS NULL DO NOTHING";
    INSERT_VERSION: TenantSql = version_sql!(insert "prompt_versions" "prompt_id");
    INSERT_USE: TenantSql = "INSERT INTO prompt_uses (org_id, prompt_id, number, partial) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, prompt_id, number, partial) DO NOTHING";
    UPDATE: TenantSql = "UPDATE prompts SET name = $3, collection_id = $4, is_strict = $5, current = $6, updated_by = $7, updated_at = $8, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND version = $9";
    TOUCH: TenantSql = "UPDATE prompts SET version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    DELETE: TenantSql = "UPDATE prompts SET deleted_at = $3, updated_at = $3, updated_by = $4, collection_id = NULL, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    DELETE_VERSIONS: TenantSql = version_sql!(delete "prompt_versions" "prompt_id");
    DELETE_USES: TenantSql = "DELETE FROM prompt_uses WHERE org_id = $1 AND prompt_id = $2";
    VERSION_PAGE: TenantSql = version_sql!(page "prompt_versions" "prompt_id");
    VERSION_HEADS: TenantSql = version_sql!(heads "prompt_versions" "prompt_id");
    VERSION: TenantSql = version_sql!(one "prompt_versions" "prompt_id");
    NUMBER_OF: TenantSql = "SELECT number FROM prompt_versions WHERE org_id = $1 AND prompt_id = $2 AND id = $3";
    // A prompt names a partial where its newest version does, or one at which a label stands.
    USED_BY: TenantSql = "SELECT p.kind, p.slug, p.name, CAST(MAX(CASE WHEN l.label IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS live FROM prompt_uses u JOIN prompts p ON p.org_id = u.org_id AND p.id = u.prompt_id LEFT JOIN prompt_pointers l ON l.org_id = u.org_id AND l.prompt_id = u.prompt_id AND l.number = u.number WHERE u.org_id = $1 AND u.partial = $2 AND p.deleted_at IS NULL AND (u.number = p.current OR l.label IS NOT NULL) GROUP BY p.kind, p.slug, p.name ORDER BY p.kind DESC, p.name, p.slug LIMIT $3";
    PARTIALS: TenantSql = "SELECT p.slug FROM prompts p JOIN prompt_pointers l ON l.org_id = p.org_id AND l.prompt_id = p.id AND l.label = 'production' WHERE p.org_id = $1 AND p.kind = 'partial' AND p.deleted_at IS NULL ORDER BY p.slug LIMIT 1000";
    PARTIAL: TenantSql = "SELECT v.number, v.body FROM prompts p JOIN prompt_versions v ON v.org_id = p.org_id AND v.prompt_id = p.id LEFT JOIN prompt_pointers l ON l.org_id = p.org_id AND l.prompt_id = p.id AND l.label = 'production' WHERE p.org_id = $1 AND p.kind = 'partial' AND p.slug = $2 AND p.deleted_at IS NULL AND v.number = COALESCE($3, l.number)";
}

pub static VERSIONS: Table = Table { insert: INSERT_VERSION, page: VERSION_PAGE, heads: VERSION_HEADS, one: VERSION };

row! {
    struct ListedRow {
        id: Uuid,
        slug: String,
        name: String,
        collection_id: Option<Uuid>,
        collection_name: Option<String>,
        current: i64,
        created_at: i64,
        updated_at: i64,
        updated_by: String,
        body: String,
    }
}

row! {
    struct DetailRow {
        id: Uuid,
        slug: String,
        name: String,
        collection_id: Option<Uuid>,
        collection_name: Option<String>,
        is_strict: bool,
        version: i64,
        current: i64,
        created_by: String,
        created_at: i64,
        updated_by: String,
        updated_at: i64,
    }
}

/// What a stored version holds.
pub fn content(body: &str) -> Result<Content> {
    serde_json::from_str(body).map_err(|error| {
        tracing::error!(%error, "a stored version of a prompt cannot be read");
        Error::internal()
    })
}

/// One page of those of a kind that are asked for, without their labels.
pub async fn page(
    tx: &mut OrgTx,
    kind: Kind,
    asked: &Asked,
    folder: Option<Option<CollectionId>>,
    window: Window,
) -> Result<Page<Listed>> {
    let mut question = LIST.ask().only(OF_KIND, values![kind.name()]);
    question = match folder {
        None => question,
        Some(None) => question.only(IN_NONE, values![]),
        Some(Some(id)) => question.only(IN_COLLECTION, values![id]),
    };
    let label = text::cut(asked.get("label"), QUERY_LIMIT);
    if !label.is_empty() {
        question = question.only(LABELLED, values![label]);
    }
    let only = tx.only_prompts();
    if let (Kind::Prompt, [first, ..]) = (kind, only) {
        let padded = only.iter().chain(std::iter::repeat(first)).take(MOST_AMONG);
        question = question.only(AMONG, padded.flat_map(|id| values![*id]).collect());
    }
    let question = question.search(text::cut(asked.get("q"), QUERY_LIMIT)).sort(asked.get("sort"));
    let page: Page<ListedRow> = question.page(tx, window).await?;
    let mut page = page.read(listed);
    let ids: Vec<PromptId> = page.rows.iter().map(|row| row.id).collect();
    let mut pointers = labels::of_page(tx, &ids).await?;
    let mut proposed = labels::proposed_of_page(tx, &ids).await?;
    for row in &mut page.rows {
        row.labels = pointers.remove(&row.id).unwrap_or_default();
        row.proposed = proposed.remove(&row.id).and_then(|all| all.into_iter().next());
    }
    Ok(page)
}

fn listed(row: ListedRow) -> Result<Listed> {
    Ok(Listed {
        id: PromptId(row.id),
        slug: row.slug,
        name: row.name,
        collection: row.collection_id.map(CollectionId).zip(row.collection_name),
        current: row.current,
        labels: vec![],
        proposed: None,
        model: content(&row.body)?.model,
        created_at: Timestamp(row.created_at),
        updated_at: Timestamp(row.updated_at),
        updated_by: row.updated_by,
    })
}

/// One prompt or partial, by its slug or id, with its newest version.
pub async fn find(tx: &mut OrgTx, kind: Kind, of: &str, now: Timestamp) -> Result<Option<Detail>> {
    let mut row: Option<DetailRow> = tx.optional(BY_SLUG, values![kind.name(), of]).await?;
    if let (None, Ok(id)) = (&row, of.parse::<PromptId>()) {
        row = tx.optional(BY_ID, values![kind.name(), id]).await?;
    }
    // Who is narrowed to some prompts is told the same of all others, whether there are any or not.
    let only = tx.only_prompts();
    if kind == Kind::Prompt && !only.is_empty() && !row.as_ref().is_some_and(|row| only.contains(&PromptId(row.id))) {
        return Err(not_allowed(of));
    }
    let Some(row) = row else { return Ok(None) };
    let id = PromptId(row.id);
    let newest = VERSIONS.one(tx, id, row.current).await?.ok_or_else(Error::internal)?;
    Ok(Some(Detail {
        kind,
        id,
        slug: row.slug,
        name: row.name,
        collection: row.collection_id.map(CollectionId).zip(row.collection_name),
        is_strict: row.is_strict,
        version: row.version,
        current: row.current,
        number: newest.version.number,
        version_id: newest.id,
        message: newest.version.message,
        content: content(&newest.text)?,
        labels: labels::of(tx, id).await?,
        proposals: vec![],
        created_by: row.created_by,
        created_at: Timestamp(row.created_at),
        updated_by: row.updated_by,
        updated_at: Timestamp(row.updated_at),
        now,
    }))
}

/// That a caller is narrowed to other prompts.
pub fn not_allowed(named: &str) -> Error {
    let message = format!("This API key may not use the prompt {}: it is narrowed to others.", text::cut(named, 60));
    Error::new(Code::PromptNotAllowed, message)
}

/// The number of the version that is meant. A label that stands nowhere means none, never another version.
pub async fn number_of(tx: &mut OrgTx, prompt: &Detail, which: Which<'_>) -> Result<Option<i64>> {
    let number = match which {
        Which::Latest => Some(prompt.current),
        Which::Published => prompt.at(PRODUCTION),
        Which::Label(label) => match prompt.at(label) {
            Some(number) => Some(number),
            None => number_by_id(tx, prompt.id, label).await?,
        },
        Which::Number(number) => Some(number),
    };
    Ok(number)
}

/// The number of the version with this id.
pub async fn number_by_id(tx: &mut OrgTx, prompt: PromptId, id: &str) -> Result<Option<i64>> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    let row: Option<(i64,)> = tx.optional(NUMBER_OF, values![prompt, id]).await?;
    Ok(row.map(|(number,)| number))
}

pub async fn id_of(tx: &mut OrgTx, kind: Kind, slug: &str) -> Result<Option<PromptId>> {
    let row: Option<(Uuid,)> = tx.optional(ID_OF, values![kind.name(), slug]).await?;
    Ok(row.map(|(id,)| PromptId(id)))
}

pub async fn count(tx: &mut OrgTx, kind: Kind) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, values![kind.name()]).await?;
    Ok(count)
}

/// What a save makes of a prompt's row.
pub struct Facts<'a> {
    pub name: &'a str,
    pub collection: Option<CollectionId>,
    pub is_strict: bool,
    /// The number of its newest version.
    pub current: i64,
    pub by: &'a str,
}

/// Makes a prompt without its first version. False: the slug is taken.
pub async fn insert(
    tx: &mut OrgTx,
    kind: Kind,
    id: PromptId,
    slug: &str,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<bool> {
    let row = values![id, kind.name(), slug, facts.name, facts.collection, facts.is_strict, facts.by, now];
    Ok(tx.execute(INSERT, row).await? == 1)
}

/// Stores a version, with the slugs of the partials that it names.
pub async fn insert_version(
    tx: &mut OrgTx,
    prompt: PromptId,
    new: &NewVersion<'_>,
    partials: &[String],
    now: Timestamp,
) -> Result<()> {
    VERSIONS.insert(tx, prompt, new, now).await?;
    for partial in partials {
        tx.execute(INSERT_USE, values![prompt, new.number, partial]).await?;
    }
    Ok(())
}

/// Saves, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, id: PromptId, version: i64, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let row = values![id, facts.name, facts.collection, facts.is_strict, facts.current, facts.by, now, version];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

/// Counts a change that is in none of its own columns, such as a move of a label.
pub async fn touch(tx: &mut OrgTx, id: PromptId) -> Result<()> {
    tx.execute(TOUCH, values![id]).await.map(|_| ())
}

/// Deletes a prompt with its versions and labels; its row stays for the log. False: it is gone already.
pub async fn delete(tx: &mut OrgTx, id: PromptId, by: &str, now: Timestamp) -> Result<bool> {
    labels::forget(tx, id).await?;
    sets::forget(tx, id).await?;
    tx.execute(DELETE_USES, values![id]).await?;
    tx.execute(DELETE_VERSIONS, values![id]).await?;
    Ok(tx.execute(DELETE, values![id, now, by]).await? == 1)
}

row! {
    struct UsedByRow {
        kind: String,
        slug: String,
        name: String,
        live: i64,
    }
}

/// What names a partial in its newest version or in one at which a label stands: prompts first, by name; 200 at most.
pub async fn used_by(tx: &mut OrgTx, partial: &str) -> Result<Vec<UsedBy>> {
    let rows: Vec<UsedByRow> = tx.all(USED_BY, values![partial, MOST_USERS]).await?;
    let kind = |name: &str| if name == Kind::Partial.name() { Kind::Partial } else { Kind::Prompt };
    Ok(rows
        .into_iter()
        .map(|row| UsedBy { kind: kind(&row.kind), slug: row.slug, name: row.name, is_live: row.live == 1 })
        .collect())
}

/// The slugs of published partials, by name.
pub async fn published_partials(tx: &mut OrgTx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.all(PARTIALS, vec![]).await?;
    Ok(rows.into_iter().map(|(slug,)| slug).collect())
}

/// The number and text of a partial's version: of the published one, unless a number is given.
pub async fn partial(tx: &mut OrgTx, slug: &str, number: Option<i64>) -> Result<Option<(i64, String)>> {
    let row: Option<(i64, String)> = tx.optional(PARTIAL, values![slug, number]).await?;
    row.map(|(number, body)| Ok((number, content(&body)?.string))).transpose()
}

/// Every folder, by name.
pub async fn folders(tx: &mut OrgTx) -> Result<Vec<Collection>> {
    collections::all(tx).await
}
