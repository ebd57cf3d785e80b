//! A single call by its id. When it began is found first: on PostgreSQL that is the month in which it stands, so that whatever
//! else is asked of it looks into no other.

use super::own_only;
use crate::{
    features::logs::query::Cursor,
    kernel::{CallId, Result, Timestamp, UserId, time::DAY},
    policy::Principal,
    server::database::{OrgTx, statements, values},
};
use uuid::Uuid;

statements! {
    // With NOT, since SQLite would go by it in place of the id.
    BEGAN_ABOUT: TenantSql = "SELECT c.started_at FROM call_logs c WHERE c.org_id = $1 AND c.id = $2 AND NOT (c.started_at < $3) AND NOT (c.started_at >= $4)";
    BEGAN: TenantSql = "SELECT c.started_at FROM call_logs c WHERE c.org_id = $1 AND c.id = $2";
    IS_OWN: TenantSql = "SELECT COUNT(*) FROM call_logs c WHERE c.org_id = $1 AND c.id = $2 AND c.started_at = $4 AND (c.user_id = $3 OR c.key_id IN (SELECT o.id FROM api_keys o WHERE o.org_id = $1 AND o.responsible = $3))";
    TRACE_OF: TenantSql = "SELECT c.trace_id FROM call_logs c WHERE c.org_id = $1 AND c.id = $2 AND c.started_at = $3";
}

/// How far a call's beginning may be from the moment that its id tells, for it to be found without a look at every month.
const MARGIN: i64 = 2 * DAY;

/// The moments between which a call most likely began: both are noted at once, by clocks that may differ. None: its id tells
/// no moment.
fn about(id: Uuid) -> Option<(Timestamp, Timestamp)> {
    if id.get_version_num() != 7 {
        return None;
    }
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let at = i64::try_from(seconds).ok()?.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))?;
    Some((Timestamp(at.checked_sub(MARGIN)?), Timestamp(at.checked_add(MARGIN)?)))
}

/// The call of this id, as a place in the log. None: there is no such call.
pub async fn find(tx: &mut OrgTx, id: CallId) -> Result<Option<Cursor>> {
    let mut began: Option<(i64,)> = None;
    if let Some((from, to)) = about(id.0) {
        began = tx.optional(BEGAN_ABOUT, values![id, from, to]).await?;
    }
    // Calls of the demonstration, and those of a clock that was wrong, began at another time than they were given their ids.
    if began.is_none() {
        began = tx.optional(BEGAN, values![id]).await?;
    }
    Ok(began.map(|(at,)| Cursor { started_at: Timestamp(at), id }))
}

/// Whether a call is one of a key that the person answers for, or their own.
pub async fn is_own(tx: &mut OrgTx, call: Cursor, person: UserId) -> Result<bool> {
    let (count,): (i64,) = tx.one(IS_OWN, values![call.id, person, call.started_at]).await?;
    Ok(count > 0)
}

/// The trace of a call that whoever asks may see; none: there is no such call for them.
pub async fn trace_of(tx: &mut OrgTx, principal: &Principal, id: CallId) -> Result<Option<String>> {
    let Some(call) = find(tx, id).await? else { return Ok(None) };
    if let Some(person) = own_only(tx, principal).await?
        && !is_own(tx, call, person).await?
    {
        return Ok(None);
    }
    let row: Option<(String,)> = tx.optional(TRACE_OF, values![call.id, call.started_at]).await?;
    Ok(row.map(|(trace,)| trace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_about_when_a_call_began() {
        let id = |text: &str| Uuid::parse_str(text).expect("an id");
        // The example of RFC 9562: 22 February 2022, 19:22:22 UTC.
        let at = 1_645_557_742_000;
        assert_eq!(
            about(id("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")),
            Some((Timestamp(at - MARGIN), Timestamp(at + MARGIN)))
        );
        for other in ["919108f7-52d1-4320-9bac-f847db4148a8", "c232ab00-9414-11ec-b3c8-9f6bdeced846"] {
            assert_eq!(about(id(other)), None, "{other}");
        }
        assert_eq!(about(Uuid::nil()), None);
        assert!(about(id("ffffffff-ffff-7fff-bfff-ffffffffffff")).is_some());
    }
}
