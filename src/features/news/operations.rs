//! How news of a list is found: among what was done in the organisation since the list was read.

use super::model::{News, Watched};
use crate::{
    kernel::Result,
    policy::{Operation, Target},
    server::{access::Access, audit},
};

/// Events that one question looks through. Whoever asks again goes on behind them.
const LOOKED_AT: i64 = 200;

/// How often others have changed the list behind this place of the log, or of what it lists the one with this slug (`of`, if it
/// is not empty).
pub async fn news(access: &Access, list: Watched, of: &str, after: i64) -> Result<News> {
    let mut tx = access.read(Operation::ListNews).await?;
    access.check(list.shown_by(), Target::In(tx.organisation()))?;
    let own = access.user()?.to_string();
    let acts = audit::acts(&mut tx, after, LOOKED_AT).await?;
    let seen = acts.last().map_or(after, |act| act.seq);
    let by_others = acts.iter().filter(|act| act.outcome == "done" && act.actor_id != own);
    let by_others = by_others.filter(|act| of.is_empty() || act.target_id == of);
    let changes = by_others.filter(|act| list.changed_by().iter().any(|by| by.spec().id == act.action)).count();
    Ok(News { after, seen, changes: u32::try_from(changes).unwrap_or(u32::MAX) })
}
