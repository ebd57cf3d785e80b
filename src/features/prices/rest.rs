//! The prices' management calls. No key can hold the permission to change what belongs to the organisation, so that prices
//! are set in the console alone.

use super::{model, operations};
use crate::{
    kernel::{Result, money::decimal},
    policy::Operation,
    web::api::{Api, Call, List, Nothing},
};
use serde::Serialize;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::PricesList, "List the prices that the organisation has set", list)
        .serve(Operation::PriceGet, "Read a price that the organisation has set", get)
}

/// What the organisation pays for a model. It holds before the list price.
#[derive(Serialize, ToSchema)]
pub struct ModelPrice {
    #[schema(example = "price")]
    object: &'static str,
    id: String,
    provider: &'static str,
    /// As the provider, or the deployment, is called for it. Editions of it with a date have the same price.
    model: String,
    /// Dollars per million tokens that are read, as an exact decimal.
    #[schema(example = "2.50")]
    input: String,
    /// Of those among them that came from the provider's cache.
    #[schema(example = "1.25")]
    cached_input: String,
    /// Of those that are written.
    #[schema(example = "10.00")]
    output: String,
    #[schema(example = "USD")]
    currency: &'static str,
    organisation_id: String,
    /// Who set it, as they were named then.
    changed_by: String,
    last_updated_at: String,
}

async fn list(call: Call, _: Nothing) -> Result<List<ModelPrice>> {
    let prices = operations::list(&call.access).await?;
    let total = i64::try_from(prices.len()).unwrap_or(i64::MAX);
    let organisation = call.organisation_id();
    Ok(List::new(total, prices).map(|listed| price(listed, organisation.clone())))
}

async fn get(call: Call, _: Nothing) -> Result<ModelPrice> {
    Ok(price(operations::get(&call.access, call.part("id")).await?, call.organisation_id()))
}

fn price(listed: model::Listed, organisation_id: String) -> ModelPrice {
    ModelPrice {
        object: "price",
        id: listed.id.to_string(),
        provider: listed.provider.name(),
        model: listed.model,
        input: decimal(listed.price.input),
        cached_input: decimal(listed.price.cached_input),
        output: decimal(listed.price.output),
        currency: "USD",
        organisation_id,
        changed_by: listed.changed_by,
        last_updated_at: listed.changed_at.rfc3339(),
    }
}
