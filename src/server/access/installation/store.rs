//! The installation's SQL: its one row.

use crate::{
    kernel::{Result, Timestamp},
    server::{
        crypto::Digest,
        database::{Tx, row, statements, values},
    },
};

statements! {
    GET: SystemSql = "SELECT key_check, setup_digest AS setup_seed, set_up_at FROM installation WHERE id = 1";
    MAKE: SystemSql = "INSERT INTO installation (id, created_at, key_check) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
    // The first of several replicas gives the seed; the others find it.
    SEED: SystemSql = "UPDATE installation SET setup_digest = $1 WHERE id = 1 AND set_up_at IS NULL AND setup_digest IS NULL";
    HEADS_RECORDED: SystemSql = "SELECT heads_recorded_at FROM installation WHERE id = 1";
    NOTE_HEADS_RECORDED: SystemSql = "UPDATE installation SET heads_recorded_at = $1 WHERE id = 1 AND heads_recorded_at IS NULL";
    // The condition is checked by the write itself: of two set-ups at once one finds nothing to do.
    FINISH: SystemSql = "UPDATE installation SET set_up_at = $1, setup_digest = NULL WHERE id = 1 AND set_up_at IS NULL";
}

row! {
    pub(super) struct Installation {
        pub key_check: Vec<u8>,
        /// What the one-time secret is derived from, together with the installation's key. (The column is named after the
        /// digest of a secret that it held at first, which is as good a seed.)
        pub setup_seed: Option<Vec<u8>>,
        pub set_up_at: Option<i64>,
    }
}

pub(super) async fn get(tx: &mut Tx) -> Result<Installation> {
    tx.one(GET, vec![]).await
}

/// Makes the row at the first start; later ones change nothing.
pub(super) async fn make(tx: &mut Tx, key_check: Digest, now: Timestamp) -> Result<()> {
    tx.execute(MAKE, values![now, key_check]).await.map(|_| ())
}

/// Stores a seed for the one-time secret, unless there is one or the installation is set up.
pub(super) async fn seed(tx: &mut Tx, seed: &[u8]) -> Result<()> {
    tx.execute(SEED, values![seed]).await.map(|_| ())
}

/// Marks the installation as set up. False: it is already.
pub(super) async fn finish(tx: &mut Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(FINISH, values![now]).await? == 1)
}

/// When ends of chains began to be recorded.
pub async fn heads_recorded_at(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = tx.optional(HEADS_RECORDED, vec![]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp))
}

/// Notes that they are recorded from now on.
pub async fn note_heads_recorded(tx: &mut Tx, now: Timestamp) -> Result<()> {
    tx.execute(NOTE_HEADS_RECORDED, values![now]).await.map(|_| ())
}
