//! Prices of models, and the names under which a model's price is looked for.

use super::provider::Provider;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Micro-cents per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: i64,
    /// Of input that came from the provider's cache.
    pub cached_input: i64,
    pub output: i64,
}

/// Prices by provider and model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(HashMap<Provider, HashMap<String, Price>>);

impl Prices {
    /// Sets the price of a model. Gives the one that it had.
    pub fn insert(&mut self, provider: Provider, model: &str, price: Price) -> Option<Price> {
        self.0.entry(provider).or_default().insert(spelling(model), price)
    }

    /// The price of a model, under its name or else without what only tells which edition of it this is: a date, `latest`.
    pub fn find(&self, provider: Provider, model: &str) -> Option<Price> {
        let (prices, name) = (self.0.get(&provider)?, spelling(model));
        let mut name = name.as_str();
        loop {
            if let Some(price) = prices.get(name) {
                return Some(*price);
            }
            name = without_edition(name)?;
        }
    }

    pub fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every price, in no order.
    pub fn values(&self) -> impl Iterator<Item = &Price> {
        self.0.values().flat_map(HashMap::values)
    }
}

/// How a model's name is written where its price is looked for: in lower case, without `models/` before it. Makers and
/// resellers disagree on dots and dashes in version numbers, so that these are one.
pub fn spelling(model: &str) -> String {
    let model = model.trim().to_lowercase();
    model.strip_prefix("models/").unwrap_or(&model).replace(['.', '@'], "-")
}

/// The name without its last part, if that part only tells which edition of the model it is.
fn without_edition(name: &str) -> Option<&str> {
    let (before, last) = name.rsplit_once('-')?;
    let digits = last.bytes().all(|byte| byte.is_ascii_digit());
    if digits && last.len() == 2 {
        // 2024-08-06, or Gemini's preview-09-2025 and -05-20.
        let (earlier, month) = before.rsplit_once('-')?;
        let two = month.len() == 2 && month.bytes().all(|byte| byte.is_ascii_digit());
        let year = earlier.rsplit_once('-').filter(|(_, year)| year.len() == 4 && year.starts_with("20"));
        return two.then_some(year.map_or(earlier, |(name, _)| name));
    }
    if digits && last.len() == 4 && last.starts_with("20") {
        let month = before.rsplit_once('-').filter(|(_, month)| month.len() == 2 && month.parse::<u8>().is_ok());
        return Some(month.map_or(before, |(name, _)| name));
    }
    let edition = matches!(last, "latest" | "preview" | "exp" | "beta") || digits && matches!(last.len(), 3 | 4 | 8);
    edition.then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_found_in_every_usual_spelling_and_no_other() {
        let price = Price { input: 3, cached_input: 2, output: 1 };
        let mut prices = Prices::default();
        assert_eq!(prices.insert(Provider::AzureOpenAi, " My.Deployment ", price), None);
        assert_eq!(prices.insert(Provider::OpenRouter, "meta-llama/llama-3.3-70b", price), None);
        assert_eq!((prices.len(), prices.is_empty()), (2, false));
        for name in [
            "my-deployment",
            "MY.DEPLOYMENT",
            "models/my.deployment",
            "my-deployment-2026-01-31",
            "my-deployment-latest",
        ] {
            assert_eq!(prices.find(Provider::AzureOpenAi, name), Some(price), "{name}");
        }
        assert_eq!(prices.find(Provider::OpenRouter, "Meta-Llama/Llama-3.3-70B"), Some(price));
        for (provider, name) in [
            (Provider::OpenAi, "my-deployment"),
            (Provider::AzureOpenAi, "my-deployment-mini"),
            (Provider::AzureOpenAi, "my"),
            (Provider::AzureOpenAi, ""),
            (Provider::OpenRouter, "llama-3.3-70b"),
        ] {
            assert_eq!(prices.find(provider, name), None, "{name}");
        }
        let dearer = Price { input: 9, ..price };
        assert_eq!(prices.insert(Provider::AzureOpenAi, "my-deployment", dearer), Some(price), "it is one model");
        // An edition may have a price of its own.
        prices.insert(Provider::AzureOpenAi, "my-deployment-2026-01-31", price);
        assert_eq!(prices.find(Provider::AzureOpenAi, "my-deployment-2026-01-31"), Some(price));
        assert_eq!(prices.find(Provider::AzureOpenAi, "my-deployment-2026-02-01"), Some(dearer));
    }
}
