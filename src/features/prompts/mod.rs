//! Prompts and the partials in them: texts that programs run by name, kept as versions that never change, of which labels say
//! which is run.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
mod paths;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use super::Room;
#[cfg(feature = "ssr")]
use crate::{
    kernel::{PromptId, Result},
    server::database::OrgTx,
};
#[cfg(feature = "ssr")]
use model::Kind;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[
        store::STATEMENTS,
        store::labels::STATEMENTS,
        store::sets::STATEMENTS,
        store::collections::STATEMENTS,
    ],
    lists: &[&store::LIST],
    calls: rest::register,
    subjects: &[
        ("prompt", |tx, slug| Box::pin(async move { Ok(store::id_of(tx, Kind::Prompt, slug).await?.is_some()) })),
        ("partial", |tx, slug| Box::pin(async move { Ok(store::id_of(tx, Kind::Partial, slug).await?.is_some()) })),
        ("label", |tx, name| Box::pin(async move { Ok(store::labels::find(tx, name).await?.is_some()) })),
        ("collection", |tx, slug| Box::pin(async move { Ok(store::collections::find(tx, slug).await?.is_some()) })),
    ],
    jobs: &[],
};

/// The id of the prompt with this slug, for other rooms inside their own transactions.
#[cfg(feature = "ssr")]
pub async fn id_of(tx: &mut OrgTx, slug: &str) -> Result<Option<PromptId>> {
    store::id_of(tx, Kind::Prompt, slug).await
}
