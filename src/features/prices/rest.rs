//! The prices' management calls: those of our own, and the one of existing clients, which speaks of cents per token.

use super::{model, operations};
use crate::{
    kernel::{Error, Result, money::decimal},
    policy::Operation,
    web::api::{Api, Call, Done, FieldType, List, Nothing, Origin, input},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub fn register(api: Api) -> Api {
    api.serve(Operation::PricesList, "List the prices that the organisation has set", list)
        .serve(Operation::PriceGet, "Read a price that the organisation has set", get)
        .serve(Operation::PriceFind, "Read the price that calls of a model have now", find)
        .serve(Operation::PricePut, "Set the price of a model; it holds for calls that begin from now on", put)
}

input! {
    /// A price in US cents per token, as existing clients tell it.
    PutPrice {
        /// `USD`; nothing else is known.
        #[schema(pattern = "^USD$")]
        currency: Option<String>,
        #[schema(value_type = TokenPrices, inline)]
        pay_as_you_go: TokenPrices,
    }
}

/// Prices in US cents per token.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenPrices {
    request_token: TokenPrice,
    response_token: TokenPrice,
    /// Of input that came from the provider's cache; left out: as other input.
    #[serde(default)]
    cache_read_input_token: Option<TokenPrice>,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenPrice {
    /// US cents per token.
    #[schema(minimum = 0, example = 0.00025)]
    price: f64,
}

/// The price of a model.
#[derive(Serialize, ToSchema)]
pub struct PriceOfModel {
    #[schema(example = "USD")]
    currency: &'static str,
    pay_as_you_go: TokenPrices,
}

impl FieldType for TokenPrices {
    fn read(value: Value, _: Origin) -> std::result::Result<Self, &'static str> {
        serde_json::from_value(value)
            .map_err(|_| "has `request_token`, `response_token` and `cache_read_input_token`, each with a `price`")
    }
}

/// Micro-cents per million tokens in a cent per token.
const PER_CENT: f64 = 1e12;

/// Dollars per million tokens, as the form takes them.
fn dollars(cents: TokenPrice, field: &str) -> Result<String> {
    let amount = (cents.price * PER_CENT).round();
    if !(0.0..1e18).contains(&amount) {
        return Err(Error::field(field, "A price is a number of cents per token from 0 on."));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was just bounded")]
    Ok(decimal(amount as i64))
}

#[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 of the smallest part that is told")]
fn cents(amount: i64) -> TokenPrice {
    TokenPrice { price: amount as f64 / PER_CENT }
}

async fn find(call: Call, _: Nothing) -> Result<PriceOfModel> {
    let price = operations::find(&call.access, call.part("provider"), call.part("model")).await?;
    Ok(PriceOfModel {
        currency: "USD",
        pay_as_you_go: TokenPrices {
            request_token: cents(price.input),
            response_token: cents(price.output),
            cache_read_input_token: Some(cents(price.cached_input)),
        },
    })
}

async fn put(call: Call, input: PutPrice) -> Result<Done> {
    let (provider, name) = (call.part("provider").to_owned(), call.part("model").to_owned());
    let draft = || {
        if input.currency.as_deref().is_some_and(|currency| currency != "USD") {
            return Err(Error::field("currency", "Prices are in USD."));
        }
        let TokenPrices { request_token, response_token, cache_read_input_token } = input.pay_as_you_go;
        let field = |name: &str| format!("pay_as_you_go.{name}.price");
        let cached = cache_read_input_token.map(|price| dollars(price, &field("cache_read_input_token")));
        Ok(model::Draft {
            provider,
            model: name,
            input: dollars(request_token, &field("request_token"))?,
            cached_input: cached.transpose()?.unwrap_or_default(),
            output: dollars(response_token, &field("response_token"))?,
            was: None,
        })
    };
    operations::put(&call.access, draft).await.map(|_| Done {})
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
