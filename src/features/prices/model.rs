//! What both sides know of prices.

use crate::kernel::{
    PriceId, Timestamp,
    money::{DOLLAR, decimal, parse_dollars},
    price::{self, Price},
    provider::Provider,
    text,
};
use serde::{Deserialize, Serialize};

/// Prices that one organisation can set.
pub const MOST: i64 = 500;
/// Longest name of a model, in characters.
const MODEL_LIMIT: usize = 200;
/// Longest amount, in characters: more than any that is taken.
const AMOUNT_LIMIT: usize = 20;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] =
    &[("model", MODEL_LIMIT), ("input", AMOUNT_LIMIT), ("cached_input", AMOUNT_LIMIT), ("output", AMOUNT_LIMIT)];
/// The highest price, in micro-cents per million tokens.
const HIGHEST: i64 = 100_000 * DOLLAR;
/// Models without a price that are named.
pub const SHOWN: usize = 20;
/// Days that are looked through for them.
pub const DAYS: i64 = 30;

/// What an address of the page may say: of which model the form is.
pub const ASKED: [&str; 2] = ["provider", "model"];

/// A price that is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: PriceId,
    pub provider: Provider,
    /// As it was written.
    pub model: String,
    pub price: Price,
    /// Who set it, as they were named then.
    pub changed_by: String,
    pub changed_at: Timestamp,
}

impl Listed {
    /// What events call it.
    pub fn name(&self) -> String {
        format!("{} {}", self.provider.name(), self.model)
    }
}

/// A model without a price, of which there were calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpriced {
    pub provider: Provider,
    pub model: String,
    /// Calls that used tokens at a price that is not known.
    pub calls: i64,
}

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub prices: Vec<Listed>,
    /// Those with the most calls first, at most [`SHOWN`].
    pub unpriced: Vec<Unpriced>,
    /// What the form begins with.
    pub draft: Draft,
    /// The form changes a price that is there.
    pub is_change: bool,
    pub now: Timestamp,
}

/// What is typed of a price. All as text, so that every mistake is told at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub provider: String,
    pub model: String,
    /// Dollars per million tokens, as the others are.
    pub input: String,
    /// Empty: as `input`.
    pub cached_input: String,
    pub output: String,
    /// The price as it stood when somebody began to change it; nothing: it is set whatever it was.
    pub was: Option<String>,
}

impl Draft {
    /// A price as it is stored.
    pub fn of(listed: &Listed) -> Self {
        let Price { input, cached_input, output } = listed.price;
        Self {
            provider: listed.provider.name().to_owned(),
            model: listed.model.clone(),
            input: decimal(input),
            cached_input: decimal(cached_input),
            output: decimal(output),
            was: Some(stands(listed.provider, &listed.model, Some(listed.price))),
        }
    }
}

/// A model and its price in one text, by which a form tells what it began with.
pub fn stands(provider: Provider, model: &str, price: Option<Price>) -> String {
    let price = price.map(|price| format!("{} {} {}", price.input, price.cached_input, price.output));
    format!("{} {} {}", provider.name(), price::spelling(model), price.unwrap_or_default())
}

pub fn parse_provider(text: &str) -> Result<Provider, String> {
    Provider::parse(text).ok_or_else(|| "Choose a provider from the list.".into())
}

/// The model as the provider, or the deployment, is called for it.
pub fn parse_model(text: &str) -> Result<String, String> {
    let model = text::line("The model", text, MODEL_LIMIT)?;
    if model.starts_with('@') {
        return Err("Write the model without a virtual key before it, such as gpt-4o.".into());
    }
    Ok(model)
}

/// Dollars per million tokens, in micro-cents.
pub fn parse_amount(text: &str) -> Result<i64, String> {
    let amount = parse_dollars(text.trim())
        .ok_or("Write dollars per million tokens, such as 2.50, with at most eight decimals.")?;
    if amount > HIGHEST {
        return Err("A price is at most 100,000 dollars per million tokens.".into());
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_bounded() {
        assert_eq!(parse_amount(" 0.075 "), Ok(7_500_000));
        assert_eq!(parse_amount("100000"), Ok(HIGHEST));
        for bad in ["", "-1", "100000.00000001", "0.000000001", "2,50", "two"] {
            assert!(parse_amount(bad).is_err(), "{bad}");
        }
        assert!(parse_model("@main/gpt-4o").is_err() && parse_model(" ").is_err());
        assert_eq!(parse_model(" My deployment "), Ok("My deployment".into()));
    }
}
