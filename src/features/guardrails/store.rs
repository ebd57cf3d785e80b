//! The guardrails' SQL.

use super::model::{AllCalls, Detail, Listed, MOST_USERS, QUERY_LIMIT, Sample, UsedBy};
use crate::{
    features::versions::{Table, version_sql},
    kernel::{Asked, ConfigId, GuardrailId, Result, SampleId, Timestamp, Window, text},
    server::database::{
        OrgTx,
        listing::{Listing, Order, Page, Parts, Sort},
        row, statements, values,
    },
};
use uuid::Uuid;

macro_rules! configs {
    () => {
        "(SELECT COUNT(*) FROM config_guardrails u WHERE u.org_id = g.org_id AND u.guardrail_id = g.id)"
    };
}

/// An organisation has [`MOST`](super::model::MOST) of them at most, and sorts them all.
pub static LIST: Listing = Listing::new(Parts {
    columns: concat!(
        "g.id, g.slug, g.name, g.description, g.for_requests, g.for_answers, g.current, g.created_by, g.created_at, ",
        "g.updated_by, g.updated_at, ",
        configs!(),
        " AS configs"
    ),
    from: "guardrails g",
    joined: "",
    id: "g.id",
    within: "g.org_id = $1 AND g.deleted_at IS NULL",
    searched: &["g.name", "g.slug", "g.description"],
    filters: &[],
    order: Order::Named {
        usual: "g.name, g.slug",
        sorts: &[
            Sort { name: "name", by: &["g.name", "g.slug"], then: "" },
            Sort { name: "changed", by: &["g.updated_at"], then: "g.name, g.slug" },
            Sort { name: "used", by: &[configs!()], then: "g.name, g.slug" },
        ],
    },
    summaries: &[],
});

macro_rules! detail {
    ($which:literal) => {
        concat!(
            "SELECT g.id, g.slug, g.name, g.description, g.for_requests, g.for_answers, g.version, g.current, v.id AS version_id, v.body, g.created_by, g.created_at, g.updated_by, g.updated_at, (SELECT COUNT(*) FROM guardrail_samples s WHERE s.org_id = g.org_id AND s.guardrail_id = g.id) AS samples FROM guardrails g JOIN guardrail_versions v ON v.org_id = g.org_id AND v.guardrail_id = g.id AND v.number = g.current WHERE g.org_id = $1 AND ",
            $which,
            " AND g.deleted_at IS NULL"
        )
    };
}

statements! {
    BY_SLUG: TenantSql = detail!("g.slug = $2");
    BY_ID: TenantSql = detail!("g.id = $2");
    STORED: TenantSql = "SELECT g.id, g.slug, g.name, g.current, v.body FROM guardrails g JOIN guardrail_versions v ON v.org_id = g.org_id AND v.guardrail_id = g.id AND v.number = g.current WHERE g.org_id = $1 AND g.slug = $2 AND g.deleted_at IS NULL";
    OF_ALL_CALLS: TenantSql = "SELECT g.id, g.slug, g.name, g.current, v.body, g.for_requests, g.for_answers FROM guardrails g JOIN guardrail_versions v ON v.org_id = g.org_id AND v.guardrail_id = g.id AND v.number = g.current WHERE g.org_id = $1 AND (g.for_requests OR g.for_answers) AND g.deleted_at IS NULL ORDER BY g.created_at, g.id LIMIT 100";
    ID_OF: TenantSql = "SELECT id FROM guardrails WHERE org_id = $1 AND slug = $2 AND deleted_at IS NULL";
    COUNT: TenantSql = "SELECT COUNT(*) FROM guardrails WHERE org_id = $1 AND deleted_at IS NULL";
    INSERT: TenantSql = "INSERT INTO guardrails (org_id, id, slug, name, description, for_requests, for_answers, version, current, created_by, created_at, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6, 1, 1, $7, $8, $7, $8) ON CONFLICT (org_id, slug) DO NOTHING";
    INSERT_VERSION: TenantSql = version_sql!(insert "guardrail_versions" "guardrail_id");
    UPDATE: TenantSql = "UPDATE guardrails SET name = $3, description = $4, for_requests = $5, for_answers = $6, current = $7, updated_by = $8, updated_at = $9, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND version = $10";
    DELETE: TenantSql = "UPDATE guardrails SET deleted_at = $3, updated_at = $3, updated_by = $4, version = version + 1 WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL";
    DELETE_VERSIONS: TenantSql = version_sql!(delete "guardrail_versions" "guardrail_id");
    DELETE_SAMPLES: TenantSql = "DELETE FROM guardrail_samples WHERE org_id = $1 AND guardrail_id = $2";
    CONFIGS_OF: TenantSql = "SELECT c.slug, c.name, u.on_requests, u.on_answers FROM config_guardrails u JOIN configs c ON c.org_id = u.org_id AND c.id = u.config_id WHERE u.org_id = $1 AND u.guardrail_id = $2 ORDER BY c.name, c.slug LIMIT $3";
    DELETE_USES: TenantSql = "DELETE FROM config_guardrails WHERE org_id = $1 AND config_id = $2";
    INSERT_USE: TenantSql = "INSERT INTO config_guardrails (org_id, config_id, guardrail_id, on_requests, on_answers) VALUES ($1, $2, $3, $4, $5)";
    VERSION_PAGE: TenantSql = version_sql!(page "guardrail_versions" "guardrail_id");
    VERSION_HEADS: TenantSql = version_sql!(heads "guardrail_versions" "guardrail_id");
    VERSION: TenantSql = version_sql!(one "guardrail_versions" "guardrail_id");
    SAMPLES: TenantSql = "SELECT id, side, text, passes, created_by, created_at FROM guardrail_samples WHERE org_id = $1 AND guardrail_id = $2 ORDER BY created_at, id LIMIT 100";
    INSERT_SAMPLE: TenantSql = "INSERT INTO guardrail_samples (org_id, guardrail_id, id, side, text, passes, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    DELETE_SAMPLE: TenantSql = "DELETE FROM guardrail_samples WHERE org_id = $1 AND guardrail_id = $2 AND id = $3";
}

pub static VERSIONS: Table = Table { insert: INSERT_VERSION, page: VERSION_PAGE, heads: VERSION_HEADS, one: VERSION };

row! {
    struct ListedRow {
        id: Uuid,
        slug: String,
        name: String,
        description: String,
        for_requests: bool,
        for_answers: bool,
        current: i64,
        created_by: String,
        created_at: i64,
        updated_by: String,
        updated_at: i64,
        configs: i64,
    }
}

row! {
    struct DetailRow {
        id: Uuid,
        slug: String,
        name: String,
        description: String,
        for_requests: bool,
        for_answers: bool,
        version: i64,
        current: i64,
        version_id: Uuid,
        body: String,
        created_by: String,
        created_at: i64,
        updated_by: String,
        updated_at: i64,
        samples: i64,
    }
}

row! {
    struct SampleRow {
        id: Uuid,
        side: String,
        text: String,
        passes: bool,
        created_by: String,
        created_at: i64,
    }
}

impl SampleRow {
    fn sample(self) -> Sample {
        Sample {
            id: SampleId(self.id),
            is_answer: self.side == "answer",
            text: self.text,
            passes: self.passes,
            created_by: self.created_by,
            created_at: Timestamp(self.created_at),
            holds: None,
        }
    }
}

/// One page of those that are asked for.
pub async fn page(tx: &mut OrgTx, asked: &Asked, window: Window) -> Result<Page<Listed>> {
    let question = LIST.ask().search(text::cut(asked.get("q"), QUERY_LIMIT)).sort(asked.get("sort"));
    let page: Page<ListedRow> = question.page(tx, window).await?;
    Ok(page.read(|row| {
        Ok(Listed {
            id: GuardrailId(row.id),
            slug: row.slug,
            name: row.name,
            description: row.description,
            all_calls: AllCalls { requests: row.for_requests, answers: row.for_answers },
            current: row.current,
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
            updated_by: row.updated_by,
            updated_at: Timestamp(row.updated_at),
            configs: row.configs,
        })
    }))
}

/// One guardrail, by its slug or its id, with its newest text and what it is used by.
pub async fn find(tx: &mut OrgTx, of: &str, now: Timestamp) -> Result<Option<Detail>> {
    let row: Option<DetailRow> = match Uuid::parse_str(of) {
        Ok(id) => tx.optional(BY_ID, values![GuardrailId(id)]).await?,
        Err(_) => tx.optional(BY_SLUG, values![of]).await?,
    };
    let Some(row) = row else { return Ok(None) };
    let id = GuardrailId(row.id);
    Ok(Some(Detail {
        id,
        slug: row.slug,
        name: row.name,
        description: row.description,
        all_calls: AllCalls { requests: row.for_requests, answers: row.for_answers },
        version: row.version,
        current: row.current,
        version_id: row.version_id.to_string(),
        text: row.body,
        created_by: row.created_by,
        created_at: Timestamp(row.created_at),
        updated_by: row.updated_by,
        updated_at: Timestamp(row.updated_at),
        configs: configs_of(tx, id).await?,
        lists_configs: true,
        samples: row.samples,
        now,
    }))
}

async fn configs_of(tx: &mut OrgTx, id: GuardrailId) -> Result<Vec<UsedBy>> {
    let rows: Vec<(String, String, bool, bool)> = tx.all(CONFIGS_OF, values![id, MOST_USERS]).await?;
    let used = |(slug, name, on_requests, on_answers)| UsedBy { slug, name, on_requests, on_answers };
    Ok(rows.into_iter().map(used).collect())
}

/// What a call needs of a guardrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: GuardrailId,
    pub slug: String,
    pub name: String,
    /// The number of the version.
    pub number: i64,
    /// The JSON text of its checks and actions.
    pub text: String,
}

/// The guardrail that a config names by this, in its newest version.
pub async fn stored(tx: &mut OrgTx, slug: &str) -> Result<Option<Stored>> {
    let row: Option<(Uuid, String, String, i64, String)> = tx.optional(STORED, values![slug]).await?;
    Ok(row.map(|(id, slug, name, number, text)| Stored { id: GuardrailId(id), slug, name, number, text }))
}

/// The guardrails that judge every call of the organisation, in the order in which they were made.
pub async fn of_all_calls(tx: &mut OrgTx) -> Result<Vec<(Stored, AllCalls)>> {
    let rows: Vec<(Uuid, String, String, i64, String, bool, bool)> = tx.all(OF_ALL_CALLS, vec![]).await?;
    let read = |(id, slug, name, number, text, requests, answers)| {
        (Stored { id: GuardrailId(id), slug, name, number, text }, AllCalls { requests, answers })
    };
    Ok(rows.into_iter().map(read).collect())
}

pub async fn id_of(tx: &mut OrgTx, slug: &str) -> Result<Option<GuardrailId>> {
    let row: Option<(Uuid,)> = tx.optional(ID_OF, values![slug]).await?;
    Ok(row.map(|(id,)| GuardrailId(id)))
}

pub async fn count(tx: &mut OrgTx) -> Result<i64> {
    let (count,): (i64,) = tx.one(COUNT, vec![]).await?;
    Ok(count)
}

/// What a save makes of a guardrail's row.
pub struct Facts<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub all_calls: AllCalls,
    /// The number of its newest version.
    pub current: i64,
    pub by: &'a str,
}

/// Makes a guardrail without its first version; it is for no calls by itself. False: the slug is taken.
pub async fn insert(tx: &mut OrgTx, id: GuardrailId, slug: &str, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(INSERT, values![id, slug, facts.name, facts.description, false, facts.by, now]).await? == 1)
}

/// Saves, if nobody else has since `version`. False: somebody has.
pub async fn update(tx: &mut OrgTx, id: GuardrailId, version: i64, facts: &Facts<'_>, now: Timestamp) -> Result<bool> {
    let Facts { name, description, all_calls: AllCalls { requests, answers }, current, by } = *facts;
    let row = values![id, name, description, requests, answers, current, by, now, version];
    Ok(tx.execute(UPDATE, row).await? == 1)
}

/// Deletes a guardrail with its versions and samples; its row stays for the log. False: it is gone already.
pub async fn delete(tx: &mut OrgTx, id: GuardrailId, by: &str, now: Timestamp) -> Result<bool> {
    tx.execute(DELETE_SAMPLES, values![id]).await?;
    tx.execute(DELETE_VERSIONS, values![id]).await?;
    Ok(tx.execute(DELETE, values![id, now, by]).await? == 1)
}

/// A guardrail that the newest version of a config names, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub guardrail: GuardrailId,
    pub on_requests: bool,
    pub on_answers: bool,
}

/// Notes which guardrails the newest version of a config names.
pub async fn set_uses(tx: &mut OrgTx, config: ConfigId, uses: &[Use]) -> Result<()> {
    tx.execute(DELETE_USES, values![config]).await?;
    for named in uses {
        tx.execute(INSERT_USE, values![config, named.guardrail, named.on_requests, named.on_answers]).await?;
    }
    Ok(())
}

/// The samples, in the order in which they were kept.
pub async fn samples(tx: &mut OrgTx, id: GuardrailId) -> Result<Vec<Sample>> {
    let rows: Vec<SampleRow> = tx.list(SAMPLES, values![id]).await?;
    Ok(rows.into_iter().map(SampleRow::sample).collect())
}

pub async fn insert_sample(tx: &mut OrgTx, of: GuardrailId, sample: &Sample) -> Result<()> {
    let side = if sample.is_answer { "answer" } else { "request" };
    let row = values![
        of,
        sample.id,
        side,
        sample.text.as_str(),
        sample.passes,
        sample.created_by.as_str(),
        sample.created_at
    ];
    tx.execute(INSERT_SAMPLE, row).await.map(|_| ())
}

pub async fn delete_sample(tx: &mut OrgTx, of: GuardrailId, id: SampleId) -> Result<bool> {
    Ok(tx.execute(DELETE_SAMPLE, values![of, id]).await? == 1)
}
