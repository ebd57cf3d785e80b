//! What can be asked of analytics.

use super::model::Page;
use crate::{
    kernel::{Asked, Error, Result},
    policy::Operation,
    server::access::Access,
};

/// All that the page shows.
pub async fn view(access: &Access, _asked: &Asked) -> Result<Page> {
    let _tx = access.read(Operation::AnalyticsView).await?;
    Err(Error::internal())
}
