//! The SQL of anchors.

use crate::{
    kernel::{Error, Timestamp},
    server::{
        audit::chain::Hash,
        database::{OrgTx, row, statements, values},
    },
};

statements! {
    GET: TenantSql = "SELECT seq, hash, at, removed FROM audit_anchors WHERE org_id = $1";
    BEGIN: TenantSql = "INSERT INTO audit_anchors (org_id, seq, hash, at, removed) VALUES ($1, $2, $3, $4, 0) ON CONFLICT (org_id) DO NOTHING";
    MOVE: TenantSql = "UPDATE audit_anchors SET seq = $2, hash = $3, at = $4 WHERE org_id = $1 AND seq = $5 AND removed = $5";
    // A trigger removes the events: the serving role of PostgreSQL has no right to.
    REMOVE: TenantSql = "UPDATE audit_anchors SET removed = $2 WHERE org_id = $1 AND removed = $3";
    // What is not set any more goes on with what is there, if it is set again.
    PASS_OVER: TenantSql = "UPDATE audit_deliveries SET seq = $2 WHERE org_id = $1 AND seq < $2";
}

row! {
    /// Up to where a chain's events were removed.
    #[derive(Clone, Debug)]
    pub struct Anchor {
        /// The number and hash of the last event that is removed or to be removed.
        pub seq: i64,
        pub hash: Vec<u8>,
        /// When that was decided.
        pub at: i64,
        /// The number of the last event that is gone.
        pub removed: i64,
    }
}

/// The chain's anchor; none, if nothing was removed of it.
///
/// # Errors
/// When the database cannot be read.
pub async fn get(tx: &mut OrgTx) -> Result<Option<Anchor>, Error> {
    tx.optional(GET, vec![]).await
}

/// The number of the last event that was removed for its age; 0, if none was.
///
/// # Errors
/// When the database cannot be read.
pub async fn removed(tx: &mut OrgTx) -> Result<i64, Error> {
    Ok(get(tx).await?.map_or(0, |anchor| anchor.removed))
}

/// Moves the anchor from this number to that event. False: it is elsewhere, or something before it is still to be removed.
///
/// # Errors
/// When the database refuses it: it names no checkpoint that is old enough.
pub async fn advance(tx: &mut OrgTx, from: i64, (seq, hash): (i64, &Hash), now: Timestamp) -> Result<bool, Error> {
    let moved = match from {
        // SQLite asks the trigger first, and only then whether there is one: what another has removed is not there for it any more.
        0 if get(tx).await?.is_some() => 0,
        0 => tx.execute(BEGIN, values![seq, *hash, now]).await?,
        _ => tx.execute(MOVE, values![seq, *hash, now, from]).await?,
    };
    Ok(moved == 1)
}

/// Removes the events behind `before` up to this number. False: another program has.
///
/// # Errors
/// When the database refuses it: the anchor does not reach as far.
pub async fn remove(tx: &mut OrgTx, before: i64, up_to: i64) -> Result<bool, Error> {
    let is_done = tx.execute(REMOVE, values![up_to, before]).await? == 1;
    if is_done {
        tx.execute(PASS_OVER, values![up_to]).await?;
    }
    Ok(is_done)
}
