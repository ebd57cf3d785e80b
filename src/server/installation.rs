//! Facts of the installation: that its key fits its data, and the one-time secret of its first Owner.

use super::{
    app::App,
    crypto::link_token,
    database::{StartResult, Tx, statements, values},
};
use crate::kernel::{Code, Error, Result};
use zeroize::Zeroizing;

statements! {
    GET: SystemSql = "SELECT key_check, setup_digest, set_up_at FROM installation WHERE id = 1";
    MAKE: SystemSql = "INSERT INTO installation (id, created_at, key_check) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
    NEW_SECRET: SystemSql = "UPDATE installation SET setup_digest = $1 WHERE id = 1 AND set_up_at IS NULL";
    // The condition is checked by the write itself: of two set-ups at once one finds nothing to do.
    FINISH: SystemSql = "UPDATE installation SET set_up_at = $1, setup_digest = NULL WHERE id = 1 AND set_up_at IS NULL";
}

#[derive(sqlx::FromRow)]
struct Row {
    key_check: Vec<u8>,
    setup_digest: Option<Vec<u8>>,
    set_up_at: Option<i64>,
}

async fn get(tx: &mut Tx) -> Result<Row> {
    tx.one(GET, vec![]).await
}

/// Refuses a key that is not the one this data was made with.
pub async fn check_key(app: &App) -> StartResult<()> {
    let mut tx = app.db.write().await?;
    tx.execute(MAKE, values![app.clock.now(), app.keyring.check()]).await?;
    let row = get(&mut tx).await?;
    tx.commit().await?;
    if app.keyring.is_checked_by(&row.key_check) {
        Ok(())
    } else {
        Err("the installation's key is not the one that this database was made with; put the right key file back, or set LATCHKEY_KEY".into())
    }
}

/// Whether the first Owner exists.
pub async fn is_set_up(tx: &mut Tx) -> Result<bool> {
    Ok(get(tx).await?.set_up_at.is_some())
}

/// A fresh one-time secret for the first-run page; none once the installation is set up. Earlier ones die.
pub async fn new_setup_secret(app: &App) -> Result<Option<Zeroizing<String>>> {
    let secret = link_token()?;
    let mut tx = app.db.write().await?;
    let changed = tx.execute(NEW_SECRET, values![app.keyring.digest("setup", &secret)]).await?;
    tx.commit().await?;
    Ok((changed == 1).then_some(secret))
}

/// Whether this is the setup secret. Once set up the page does not exist any more.
pub async fn check_setup_secret(app: &App, tx: &mut Tx, secret: &str) -> Result<bool> {
    let row = get(tx).await?;
    if row.set_up_at.is_some() {
        return Err(Error::not_found());
    }
    let digest = app.keyring.digest("setup", secret);
    Ok(row
        .setup_digest
        .is_some_and(|stored| subtle::ConstantTimeEq::ct_eq(stored.as_slice(), digest.as_slice()).into()))
}

/// Marks the installation as set up, in the transaction that makes its first Owner. Of two at once, one is refused.
pub async fn finish_setup(tx: &mut Tx, now: crate::kernel::Timestamp) -> Result<()> {
    match tx.execute(FINISH, values![now]).await? {
        1 => Ok(()),
        _ => Err(Error::new(Code::Conflict, "This installation is set up already.")),
    }
}
