//! Facts of the installation: that its key fits its data, and the one-time secret of its first Owner.

mod store;

use crate::{
    kernel::{Code, Error, Result, Timestamp},
    server::{
        access::App,
        crypto::link_token,
        database::{StartResult, Tx, hex},
    },
};
use store::Installation;
pub use store::{STATEMENTS, heads_recorded_at, note_heads_recorded};
use zeroize::Zeroizing;

/// Refuses a key that is not the one this data was made with.
pub async fn check_key(app: &App) -> StartResult<()> {
    let mut tx = app.db.write().await?;
    store::make(&mut tx, app.keyring.check(), app.clock.now()).await?;
    let row = store::get(&mut tx).await?;
    tx.commit().await?;
    if app.keyring.is_checked_by(&row.key_check) {
        Ok(())
    } else {
        Err("the installation's key is not the one that this database was made with; put the right key file back, or set LATCHKEY_KEY".into())
    }
}

/// Whether the first Owner exists.
pub async fn is_set_up(tx: &mut Tx) -> Result<bool> {
    Ok(store::get(tx).await?.set_up_at.is_some())
}

/// The one-time secret for the first-run page; none once the installation is set up. Every replica and every start gives
/// the same, since none may make worthless what another has just printed: it is derived from the installation's key and a
/// random seed that is stored once.
pub async fn setup_secret(app: &App) -> Result<Option<Zeroizing<String>>> {
    let seed = link_token()?;
    let mut tx = app.db.write().await?;
    store::seed(&mut tx, seed.as_bytes()).await?;
    let row = store::get(&mut tx).await?;
    tx.commit().await?;
    Ok(derived(app, &row))
}

/// 160 bits in hexadecimal.
fn derived(app: &App, row: &Installation) -> Option<Zeroizing<String>> {
    let seed = row.setup_seed.as_ref().filter(|_| row.set_up_at.is_none())?;
    Some(Zeroizing::new(hex(&app.keyring.digest("setup secret", &hex(seed))[..20])))
}

/// Whether this is the setup secret. Once set up the page does not exist any more.
pub async fn check_setup_secret(app: &App, tx: &mut Tx, secret: &str) -> Result<bool> {
    let row = store::get(tx).await?;
    if row.set_up_at.is_some() {
        return Err(Error::not_found());
    }
    Ok(derived(app, &row)
        .is_some_and(|right| subtle::ConstantTimeEq::ct_eq(right.as_bytes(), secret.as_bytes()).into()))
}

/// Marks the installation as set up, in the transaction that makes its first Owner. Of two at once, one is refused.
pub async fn finish_setup(tx: &mut Tx, now: Timestamp) -> Result<()> {
    match store::finish(tx, now).await? {
        true => Ok(()),
        false => Err(Error::new(Code::Conflict, "This installation is set up already.")),
    }
}
