//! The SQL by which what programs that are gone have counted is put together.

use crate::{
    kernel::{LimitId, Result, Timestamp},
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

statements! {
    // Limits of which some program has counted something that is not put together, and was not heard of for a while.
    SPREAD: TenantSql = "SELECT limit_id FROM limit_usage WHERE org_id = $1 AND limit_id > $2 AND replica <> $3 AND seen_at < $4 GROUP BY limit_id ORDER BY limit_id LIMIT $5";
    ROWS: TenantSql = "SELECT period, replica, seen_at FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND replica <> $3 ORDER BY period LIMIT $4";
    // Only as it was seen: one that has been heard of meanwhile stays.
    TAKE: TenantSql = "DELETE FROM limit_usage WHERE org_id = $1 AND limit_id = $2 AND period = $3 AND replica = $4 AND seen_at = $5 RETURNING used";
}

row! {
    /// What one program counts in one period.
    #[derive(Clone, Copy, Debug)]
    pub struct Row {
        pub period: i64,
        pub replica: Uuid,
        /// When it last took a share. 0: never.
        pub seen_at: i64,
    }
}

/// Limits after this one of which something is not put together whose program was last heard of before a moment.
pub async fn spread(tx: &mut OrgTx, after: Uuid, heard: Timestamp, most: i64) -> Result<Vec<LimitId>> {
    let rows: Vec<(Uuid,)> = tx.all(SPREAD, values![after, Uuid::nil(), heard, most]).await?;
    Ok(rows.into_iter().map(|(id,)| LimitId(id)).collect())
}

/// What programs count of a limit, the earliest periods first.
pub async fn rows(tx: &mut OrgTx, id: LimitId, most: i64) -> Result<Vec<Row>> {
    tx.all(ROWS, values![id, Uuid::nil(), most]).await
}

/// Takes away what a program has counted in a period, and gives how much that was. None: it was heard of meanwhile.
pub async fn take(tx: &mut OrgTx, id: LimitId, row: &Row) -> Result<Option<i64>> {
    let taken: Vec<(i64,)> = tx.all(TAKE, values![id, row.period, row.replica, row.seen_at]).await?;
    Ok(taken.first().map(|(used,)| *used))
}
