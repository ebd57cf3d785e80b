//! The management call of saved filters. A key has none of its own, and sees those that everybody does.

use super::saved;
use crate::{
    kernel::Result,
    policy::Operation,
    web::api::{Api, Call, List, Nothing},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::LogFilters, "List the filters of the log that everybody in the organisation sees", list)
}

/// A filter of the log that everybody in the organisation sees.
#[derive(Serialize, ToSchema)]
pub struct SavedLogFilter {
    #[schema(example = "log-filter")]
    object: &'static str,
    id: String,
    name: String,
    /// As it stands in the address of the console's log and of its analytics.
    #[schema(example = "range=7d&status=failed")]
    query: String,
    /// The same, part by part, in the words of that address.
    filter: BTreeMap<&'static str, String>,
    organisation_id: String,
    /// Who changed it last, as they were named then.
    changed_by: String,
    last_updated_at: String,
}

async fn list(call: Call, _: Nothing) -> Result<List<SavedLogFilter>> {
    let filters = saved::shared(&call.access).await?;
    let (total, organisation) = (i64::try_from(filters.len()).unwrap_or(i64::MAX), call.organisation_id());
    Ok(List::new(total, filters).map(|stored| SavedLogFilter {
        object: "log-filter",
        id: stored.id.to_string(),
        filter: saved::parts(&stored.query),
        name: stored.name,
        query: stored.query,
        organisation_id: organisation.clone(),
        changed_by: stored.changed_by,
        last_updated_at: stored.changed_at.rfc3339(),
    }))
}
