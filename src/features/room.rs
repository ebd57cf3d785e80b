//! What a room brings to the program.

use crate::{
    kernel::Result,
    server::{
        access::jobs::Job,
        database::{OrgTx, listing::Listing},
    },
    web::api::Api,
};
use std::pin::Pin;

/// Whether there is something of this id in the transaction's organisation.
pub type LookUp = for<'a> fn(&'a mut OrgTx, &'a str) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// What a room brings to the program, beside its pages and server functions.
#[derive(Clone, Copy)]
pub struct Room {
    /// The texts of its stores' statements.
    pub statements: &'static [&'static [&'static str]],
    /// Its lists, of which statements are put together.
    pub lists: &'static [&'static Listing],
    /// Registers its calls for programs.
    pub calls: fn(Api) -> Api,
    /// The kinds of things that its events are about, each with its look-up: a flood of refusals names what there is.
    pub subjects: &'static [(&'static str, LookUp)],
    /// What it does without being asked.
    pub jobs: &'static [Job],
}

/// For a room without calls for programs.
pub const NO_CALLS: fn(Api) -> Api = |api| api;
