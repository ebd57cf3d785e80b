//! The versions of one thing for a person: a page of them, and what differs between two.

use super::{Whole, between, model::History, store::Table};
use crate::{
    kernel::{Error, Id, Result, Timestamp, Window},
    server::database::OrgTx,
};

/// Which two versions are held against each other, by their numbers.
pub struct Compared {
    /// The number of the newest.
    pub current: i64,
    /// None: the one before `now`.
    pub was: Option<i64>,
    /// None: the newest.
    pub now: Option<i64>,
}

impl Table {
    /// One page of versions, and what differs between two of them. `plain` makes of a version what people read.
    ///
    /// # Errors
    /// That one of the two is not there.
    pub async fn history(
        &self,
        tx: &mut OrgTx,
        of: impl Id,
        Compared { current, was, now }: Compared,
        window: Window,
        at: Timestamp,
        plain: impl Fn(Whole) -> Result<Whole>,
    ) -> Result<History> {
        let window = window.within(current);
        let versions = self.heads(tx, of, window).await?;
        let now = now.unwrap_or(current);
        let was = was.unwrap_or(now - 1);
        let difference = if was < 1 {
            None
        } else {
            let old = self.one(tx, of, was).await?.ok_or_else(Error::not_found)?;
            let new = self.one(tx, of, now).await?.ok_or_else(Error::not_found)?;
            Some(between(plain(old)?, plain(new)?))
        };
        Ok(History { current, versions, total: current, window, difference, now: at })
    }
}
