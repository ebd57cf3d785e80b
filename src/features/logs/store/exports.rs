//! The SQL of exports: parts of the log with all that a file tells, and the exports that programs have saved.

use super::{Row, asked};
use crate::{
    features::logs::{
        exports::model::Field,
        model::{LoggedCall, Metadata},
        query::{Cursor, Filter, Span},
    },
    kernel::{Asked, Error, ExportId, KeyId, Result, Timestamp, VirtualKeyId, Window, provider::Provider},
    server::database::{
        self, OrgTx,
        listing::{self, Place},
        readable, row, statements, values,
    },
};
use serde_json::{Map, Value};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "e.id, e.description, e.filters, e.asked, e.skip, e.most, e.fields, e.status, e.from_at, e.to_at, e.created_by, e.created_at, e.updated_at"
    };
}

statements! {
    ONE: TenantSql = concat!("SELECT ", columns!(), " FROM log_exports e WHERE e.org_id = $1 AND e.id = $2 AND e.created_at >= $3");
    ALL: TenantSql = concat!("SELECT ", columns!(), " FROM log_exports e WHERE e.org_id = $1 AND e.created_at >= $2 ORDER BY e.created_at DESC, e.id DESC LIMIT 200");
    INSERT: TenantSql = "INSERT INTO log_exports (org_id, id, description, filters, asked, skip, most, fields, status, created_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
    UPDATE: TenantSql = "UPDATE log_exports SET description = $3, filters = $4, asked = $5, skip = $6, most = $7, fields = $8, status = $9, from_at = $10, to_at = $11, updated_at = $12 WHERE org_id = $1 AND id = $2";
    OLDEST_ENDED: TenantSql = "SELECT e.id FROM log_exports e WHERE e.org_id = $1 AND e.created_by = $2 AND e.status <> 'draft' ORDER BY e.created_at, e.id LIMIT 1";
    DELETE: TenantSql = "DELETE FROM log_exports WHERE org_id = $1 AND id = $2";
    DELETE_OLD: TenantSql = "DELETE FROM log_exports WHERE org_id = $1 AND created_at < $2";
    COUNT: TenantSql = "SELECT COUNT(*), COUNT(CASE WHEN e.created_by = $2 THEN 1 END) FROM log_exports e WHERE e.org_id = $1";
    EXISTS: TenantSql = "SELECT COUNT(*) FROM log_exports e WHERE e.org_id = $1 AND e.id = $2";
}

/// A call with all that a file can tell of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedCall {
    pub call: LoggedCall,
    pub finished_at: Option<Timestamp>,
    pub key_id: Option<KeyId>,
    pub virtual_key_id: Option<VirtualKeyId>,
    pub provider: Option<Provider>,
    pub endpoint: String,
    pub streamed: bool,
    /// Microseconds.
    pub first_byte_us: Option<i64>,
    pub input_tokens: Option<i64>,
    pub cached_input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    /// Micro-cents.
    pub saved: Option<i64>,
    pub metadata: Option<Metadata>,
    pub upstream_id: Option<String>,
    /// The slug of the config that led it; `inline` for one that came with the request.
    pub config: Option<String>,
    pub config_version: Option<i64>,
    /// The slug of the prompt that it ran.
    pub prompt: Option<String>,
    pub prompt_version: Option<i64>,
}

impl ExportedCall {
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            call: row.call()?,
            finished_at: row.finished_at.map(Timestamp),
            key_id: row.key_id.map(KeyId),
            virtual_key_id: row.virtual_key_id.map(VirtualKeyId),
            provider: row.provider.as_deref().and_then(Provider::parse),
            endpoint: row.endpoint.clone(),
            streamed: row.streamed,
            first_byte_us: row.first_byte_us,
            input_tokens: row.input_tokens,
            cached_input_tokens: row.cached_input_tokens,
            output_tokens: row.output_tokens,
            reasoning_tokens: row.reasoning_tokens,
            saved: row.saved,
            metadata: row.metadata.as_ref().map(|metadata| metadata.0.clone()),
            upstream_id: row.upstream_id.clone(),
            config: row.config_slug.clone().or_else(|| row.led.then(|| "inline".to_owned())),
            config_version: row.config_version,
            prompt: row.prompt_slug.clone(),
            prompt_version: row.prompt_version,
        })
    }
}

/// A part of the log from a place on, and where it goes on, if it does.
pub async fn calls(
    tx: &mut OrgTx,
    filter: &Filter,
    place: Place,
    window: Window,
) -> Result<(Vec<ExportedCall>, Option<Cursor>)> {
    let listing::Slice { rows, older, .. }: listing::Slice<Row> = asked(filter).from(place).slice(tx, window).await?;
    let next = rows.last().filter(|_| older).map(Row::cursor);
    Ok((readable(&rows, ExportedCall::of), next))
}

row! {
    struct SavedRow {
        id: Uuid,
        description: String,
        filters: String,
        asked: String,
        skip: i64,
        most: Option<i64>,
        fields: String,
        status: String,
        from_at: Option<i64>,
        to_at: Option<i64>,
        created_by: Uuid,
        created_at: i64,
        updated_at: i64,
    }
}

/// How far an export is. Nothing is copied by its start, so that none is ever in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Draft,
    /// Its span is fixed, and it can be fetched.
    Success,
    Stopped,
}

impl Status {
    /// The stored name, which is the contract's.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Success => "success",
            Status::Stopped => "stopped",
        }
    }

    fn parse(name: &str) -> Result<Self> {
        let known = [Status::Draft, Status::Success, Status::Stopped].into_iter().find(|status| status.name() == name);
        known.ok_or_else(|| {
            tracing::error!(name, "the stored status of an export is not known");
            Error::internal()
        })
    }
}

/// What an export shall hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub description: String,
    /// As they were sent, without blanks around them.
    pub filters: Map<String, Value>,
    /// The same in the log's own words.
    pub asked: Asked,
    /// Entries that are passed over, the newest.
    pub skip: i64,
    /// Entries at most; none: as many as an export may have.
    pub most: Option<i64>,
    pub fields: Vec<Field>,
}

/// An export that a program has saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    pub id: ExportId,
    pub definition: Definition,
    pub status: Status,
    /// What its start has fixed.
    pub span: Option<Span>,
    pub created_by: Uuid,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl SavedRow {
    fn saved(self) -> Result<Saved> {
        let unreadable = |error: serde_json::Error| {
            tracing::error!(%error, "a stored export cannot be read");
            Error::internal()
        };
        let names: Vec<String> = serde_json::from_str(&self.fields).map_err(unreadable)?;
        let definition = Definition {
            description: self.description,
            filters: serde_json::from_str(&self.filters).map_err(unreadable)?,
            asked: serde_json::from_str(&self.asked).map_err(unreadable)?,
            skip: self.skip,
            most: self.most,
            fields: names.iter().filter_map(|name| Field::parse(name)).collect(),
        };
        Ok(Saved {
            id: ExportId(self.id),
            definition,
            status: Status::parse(&self.status)?,
            span: self.from_at.zip(self.to_at).map(|(from, to)| Span { from: Timestamp(from), to: Timestamp(to) }),
            created_by: self.created_by,
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

/// An export that is not older than `since`.
pub async fn one(tx: &mut OrgTx, id: ExportId, since: Timestamp) -> Result<Option<Saved>> {
    let row: Option<SavedRow> = tx.optional(ONE, values![id, since]).await?;
    row.map(SavedRow::saved).transpose()
}

/// Those that are not older than `since`, the newest first.
pub async fn all(tx: &mut OrgTx, since: Timestamp) -> Result<Vec<Saved>> {
    let rows: Vec<SavedRow> = tx.list(ALL, values![since]).await?;
    Ok(readable(rows, SavedRow::saved))
}

impl Definition {
    /// Its columns, from the description to the fields.
    fn columns(&self) -> Vec<database::Value> {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name()).collect();
        let json = |value: Value| value.to_string();
        let (filters, asked) = (json(self.filters.clone().into()), json(serde_json::json!(self.asked)));
        values![&self.description, filters, asked, self.skip, self.most, json(serde_json::json!(names))]
    }
}

/// Deletes what is older than `since`.
pub async fn delete_old(tx: &mut OrgTx, since: Timestamp) -> Result<()> {
    tx.execute(DELETE_OLD, values![since]).await?;
    Ok(())
}

/// Deletes the oldest export that whoever has this id has made and that is no draft. Gives its id; none: there is none.
pub async fn delete_oldest_ended(tx: &mut OrgTx, maker: Uuid) -> Result<Option<ExportId>> {
    let Some((id,)): Option<(Uuid,)> = tx.optional(OLDEST_ENDED, values![maker]).await? else { return Ok(None) };
    tx.execute(DELETE, values![id]).await?;
    Ok(Some(ExportId(id)))
}

/// How many exports there are, and how many of them whoever has this id has made.
pub async fn count(tx: &mut OrgTx, maker: Uuid) -> Result<(i64, i64)> {
    tx.one(COUNT, values![maker]).await
}

/// Keeps a new export.
pub async fn insert(tx: &mut OrgTx, export: &Saved) -> Result<()> {
    let Saved { id, definition, status, created_by, created_at, .. } = export;
    let row = [values![*id], definition.columns(), values![status.name(), *created_by, *created_at]].concat();
    tx.execute(INSERT, row).await?;
    Ok(())
}

/// Stores what has changed of an export.
pub async fn update(tx: &mut OrgTx, export: &Saved) -> Result<()> {
    let Saved { id, definition, status, span, updated_at, .. } = export;
    let (from, to) = (span.map(|span| span.from), span.map(|span| span.to));
    let row = [values![*id], definition.columns(), values![status.name(), from, to, *updated_at]].concat();
    tx.execute(UPDATE, row).await?;
    Ok(())
}

/// Whether there is, or lately was, such an export.
pub async fn exists(tx: &mut OrgTx, id: ExportId) -> Result<bool> {
    let (count,): (i64,) = tx.one(EXISTS, values![id]).await?;
    Ok(count > 0)
}
