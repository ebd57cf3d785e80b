//! The access reviews' SQL. Finished ones never change: a trigger holds that, too.

use super::model::{Decided, Decision, Facts, Finished, Review, Row};
use crate::{
    kernel::{AccessReviewId, Asked, Error, Result, Timestamp, Window},
    server::database::{
        OrgTx,
        listing::{Filter, Listing, Order, Page, Parts},
        row, statements, values,
    },
};
use sqlx::types::Json;
use uuid::Uuid;

macro_rules! review_columns {
    () => {
        "r.id, r.started_by, r.started_at, r.people_count, r.key_count, r.finished_by, r.finished_at, r.reason, (SELECT COUNT(*) FROM access_review_rows x WHERE x.org_id = $1 AND x.review_id = r.id AND x.decision = 'confirmed') AS confirmed, (SELECT COUNT(*) FROM access_review_rows x WHERE x.org_id = $1 AND x.review_id = r.id AND x.decision = 'revoked') AS revoked"
    };
}

macro_rules! row_columns {
    () => {
        "r.number, r.subject_id, r.name, r.facts, r.decision, r.comment, r.decided_by, r.decided_at"
    };
}

statements! {
    OPEN: TenantSql = "SELECT id FROM access_reviews WHERE org_id = $1 AND finished_at IS NULL";
    GET: TenantSql = concat!("SELECT ", review_columns!(), " FROM access_reviews r WHERE r.org_id = $1 AND r.id = $2");
    INSERT: TenantSql = "INSERT INTO access_reviews (org_id, id, started_by, started_at, people_count, key_count, reason) VALUES ($1, $2, $3, $4, $5, $6, '')";
    INSERT_ROW: TenantSql = "INSERT INTO access_review_rows (org_id, id, review_id, number, kind, subject_id, name, facts, comment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '')";
    ROW: TenantSql = concat!("SELECT ", row_columns!(), " FROM access_review_rows r WHERE r.org_id = $1 AND r.review_id = $2 AND r.number = $3");
    ALL_ROWS: TenantSql = concat!("SELECT ", row_columns!(), " FROM access_review_rows r WHERE r.org_id = $1 AND r.review_id = $2 ORDER BY r.number");
    // What was revoked stays revoked.
    DECIDE: TenantSql = "UPDATE access_review_rows SET decision = $4, comment = $5, decided_by = $6, decided_at = $7 WHERE org_id = $1 AND review_id = $2 AND number = $3 AND (decision IS NULL OR decision <> 'revoked')";
    FINISH: TenantSql = "UPDATE access_reviews SET finished_by = $3, finished_at = $4, reason = $5 WHERE org_id = $1 AND id = $2 AND finished_at IS NULL";
}

pub static LIST: Listing = Listing::new(Parts {
    columns: review_columns!(),
    from: "access_reviews r",
    joined: "",
    id: "r.id",
    within: "r.org_id = $1",
    searched: &[],
    filters: &[],
    order: Order::Named { usual: "r.started_at DESC, r.id DESC", sorts: &[] },
    summaries: &[],
});

const OF_REVIEW: &str = "r.review_id = ?";
const OF_KIND: &str = "r.kind = ?";
const UNDECIDED: &str = "r.decision IS NULL";
const DECIDED: &str = "r.decision = ?";

pub static ROWS: Listing = Listing::new(Parts {
    columns: row_columns!(),
    from: "access_review_rows r",
    joined: "",
    id: "r.id",
    within: "r.org_id = $1",
    searched: &[],
    filters: &[Filter::one_of(&[OF_REVIEW]), Filter::optional(&[OF_KIND]), Filter::optional(&[UNDECIDED, DECIDED])],
    order: Order::Named { usual: "r.number", sorts: &[] },
    summaries: &[],
});

row! {
    struct ReviewRow {
        id: Uuid,
        started_by: String,
        started_at: i64,
        people_count: i64,
        key_count: i64,
        finished_by: Option<String>,
        finished_at: Option<i64>,
        reason: String,
        confirmed: i64,
        revoked: i64,
    }
}

impl ReviewRow {
    fn read(self) -> Review {
        let Self { finished_by, finished_at, reason, .. } = self;
        Review {
            id: AccessReviewId(self.id),
            started_by: self.started_by,
            started_at: Timestamp(self.started_at),
            people: self.people_count,
            keys: self.key_count,
            confirmed: self.confirmed,
            revoked: self.revoked,
            finished: finished_at.map(|at| Finished { by: finished_by.unwrap_or_default(), at: Timestamp(at), reason }),
        }
    }
}

row! {
    struct RowRow {
        number: i64,
        subject_id: Uuid,
        name: String,
        facts: Json<Facts>,
        decision: Option<String>,
        comment: String,
        decided_by: Option<String>,
        decided_at: Option<i64>,
    }
}

impl RowRow {
    fn read(self) -> Result<Row> {
        let decided = match self.decision {
            None => None,
            Some(stored) => Some(Decided {
                decision: Decision::parse(&stored).ok_or_else(|| {
                    tracing::error!(stored, "a stored decision is not known");
                    Error::internal()
                })?,
                comment: self.comment,
                by: self.decided_by.unwrap_or_default(),
                at: Timestamp(self.decided_at.unwrap_or_default()),
            }),
        };
        Ok(Row {
            number: self.number,
            subject: self.subject_id.to_string(),
            name: self.name,
            facts: self.facts.0,
            decided,
        })
    }
}

/// A row to be stored.
pub struct NewRow {
    pub subject: Uuid,
    pub name: String,
    pub facts: Facts,
}

/// The review that is open.
pub async fn open(tx: &mut OrgTx) -> Result<Option<AccessReviewId>> {
    let row: Option<(Uuid,)> = tx.optional(OPEN, vec![]).await?;
    Ok(row.map(|(id,)| AccessReviewId(id)))
}

pub async fn exists(tx: &mut OrgTx, id: AccessReviewId) -> Result<bool> {
    Ok(get(tx, id).await?.is_some())
}

pub async fn get(tx: &mut OrgTx, id: AccessReviewId) -> Result<Option<Review>> {
    let row: Option<ReviewRow> = tx.optional(GET, values![id]).await?;
    Ok(row.map(ReviewRow::read))
}

/// One page of the reviews, the newest first.
pub async fn page(tx: &mut OrgTx, window: Window) -> Result<Page<Review>> {
    let page: Page<ReviewRow> = LIST.ask().page(tx, window).await?;
    Ok(page.read(|row| Ok(row.read())))
}

/// One page of the rows that fit.
pub async fn rows(tx: &mut OrgTx, id: AccessReviewId, asked: &Asked, window: Window) -> Result<Page<Row>> {
    let mut question = ROWS.ask().only(OF_REVIEW, values![id]);
    if let kind @ ("person" | "api_key") = asked.get("kind") {
        question = question.only(OF_KIND, values![kind]);
    }
    question = match asked.get("decision") {
        "open" => question.only(UNDECIDED, vec![]),
        name => match Decision::parse(name) {
            Some(decision) => question.only(DECIDED, values![decision.name()]),
            None => question,
        },
    };
    let page: Page<RowRow> = question.page(tx, window).await?;
    Ok(page.read(RowRow::read))
}

pub async fn row(tx: &mut OrgTx, id: AccessReviewId, number: i64) -> Result<Option<Row>> {
    let row: Option<RowRow> = tx.optional(ROW, values![id, number]).await?;
    row.map(RowRow::read).transpose()
}

/// Every row, in order.
pub async fn all_rows(tx: &mut OrgTx, id: AccessReviewId) -> Result<Vec<Row>> {
    let rows: Vec<RowRow> = tx.all(ALL_ROWS, values![id]).await?;
    rows.into_iter().map(RowRow::read).collect()
}

/// Stores a review with its rows: people first, then keys.
pub async fn insert(
    tx: &mut OrgTx,
    id: AccessReviewId,
    (by, now): (&str, Timestamp),
    people: Vec<NewRow>,
    keys: Vec<NewRow>,
) -> Result<()> {
    let count = |rows: &[NewRow]| i64::try_from(rows.len()).unwrap_or(i64::MAX);
    tx.execute(INSERT, values![id, by, now, count(&people), count(&keys)]).await?;
    for (number, row) in (1_i64..).zip(people.into_iter().chain(keys)) {
        let facts = serde_json::to_value(&row.facts).map_err(|_| Error::internal())?;
        let (kind, NewRow { subject, name, .. }) = (row.facts.kind(), row);
        tx.execute(INSERT_ROW, values![Uuid::now_v7(), id, number, kind, subject, name, facts]).await?;
    }
    Ok(())
}

/// Notes how a row was decided. False: it was revoked before.
pub async fn decide(tx: &mut OrgTx, id: AccessReviewId, number: i64, decided: &Decided) -> Result<bool> {
    let Decided { decision, comment, by, at } = decided;
    let row = values![id, number, decision.name(), comment, by, *at];
    Ok(tx.execute(DECIDE, row).await? == 1)
}

/// Finishes a review. False: it was finished before.
pub async fn finish(tx: &mut OrgTx, id: AccessReviewId, finished: &Finished) -> Result<bool> {
    Ok(tx.execute(FINISH, values![id, finished.by.as_str(), finished.at, finished.reason.as_str()]).await? == 1)
}
