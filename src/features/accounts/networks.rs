//! The networks that a person has signed in from. A try of their password from one of them goes on when strangers have used
//! up the account's allowance of failed ones.

use super::store;
use crate::{
    kernel::{Result, UserId, time::DAY},
    server::{
        access::{Access, App, Change},
        crypto::Digest,
        networks::Networks,
    },
};
use std::net::IpAddr;

/// How long a network stays known that is not used.
const LIFE: i64 = 90 * DAY;

/// Notes that the person has just proven who they are, in the transaction of that proof.
pub async fn note(change: &mut Change, user: UserId) -> Result<()> {
    let now = change.now();
    let Some(network) = digest(change.access().app(), change.access().origin().address) else { return Ok(()) };
    let tx = change.tx().system();
    store::note_network(tx, user, &network, now).await?;
    store::forget_networks(tx, user, now.plus(-LIFE)).await
}

/// Whether the person of this address, if there is one, is known to use the network that asks.
pub async fn is_known(access: &Access, canonical: &str) -> Result<bool> {
    let app = access.app();
    let Some(network) = digest(app, access.origin().address) else { return Ok(false) };
    let mut tx = app.db.read().await?;
    store::is_known_network(&mut tx, canonical, &network, access.now().plus(-LIFE)).await
}

/// The network as it is stored. What is around an address counts: a connection often gets another one within it.
fn digest(app: &App, address: Option<IpAddr>) -> Option<Digest> {
    Some(app.keyring.digest("network", &Networks::of(address).around?))
}
