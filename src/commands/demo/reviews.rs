//! The demonstration's access reviews: a finished one, by which an old key was disabled, and one under way.

use crate::{
    features::team::reviews::{
        model::Row,
        operations::{Typed, decide, get, start},
    },
    kernel::{AccessReviewId, Asked, Result, Window},
    server::access::Access,
};

/// The key that is revoked.
const OLD: &str = "old notebook";

/// Makes them, as whoever asks.
pub(super) async fn make(access: &Access) -> Result<()> {
    let finished = start(access).await?;
    // With its last row it is finished.
    for row in rows(access, finished).await? {
        let (decision, comment) = match row.name.as_str() {
            OLD => ("revoke", "The notebooks run elsewhere by now"),
            "metrics exporter" => ("confirm", "Feeds the dashboards of operations"),
            "Farid Nasser" => ("confirm", "Stays until the end of the pilot"),
            _ => ("confirm", ""),
        };
        decide_one(access, finished, &row, (decision, comment)).await?;
    }
    let running = start(access).await?;
    for row in rows(access, running).await?.iter().take(4) {
        decide_one(access, running, row, ("confirm", "")).await?;
    }
    Ok(())
}

async fn rows(access: &Access, review: AccessReviewId) -> Result<Vec<Row>> {
    let window = Window { offset: 0, limit: 100, or_last: false };
    Ok(get(access, review, &Asked::default(), window).await?.rows)
}

async fn decide_one(
    access: &Access,
    review: AccessReviewId,
    row: &Row,
    (decision, comment): (&str, &str),
) -> Result<()> {
    let typed =
        Typed { decision: decision.into(), comment: comment.into(), keys: String::new(), confirm: String::new() };
    decide(access, review, row.number, typed).await
}
