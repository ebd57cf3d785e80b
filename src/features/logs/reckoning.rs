//! How the cost of a call was calculated: its tokens by kind, each at a price. The log keeps what came of that, and not the
//! prices: they are those of today, and where they come to something else by now, that is said.

use crate::kernel::provider::Provider;
use serde::{Deserialize, Serialize};

/// Tokens by the kinds that have a price each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Read, and not from the provider's cache.
    pub fresh: i64,
    /// Read from the provider's cache.
    pub cached: i64,
    pub written: i64,
}

impl Used {
    /// What the provider has counted; none if it has not.
    pub fn of(input: Option<i64>, cached: Option<i64>, output: Option<i64>) -> Option<Self> {
        if input.is_none() && output.is_none() {
            return None;
        }
        let input = input.unwrap_or(0).max(0);
        let cached = cached.unwrap_or(0).clamp(0, input);
        Some(Self { fresh: input - cached, cached, written: output.unwrap_or(0).max(0) })
    }
}

/// Micro-cents per million tokens of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    pub fresh: i64,
    pub cached: i64,
    pub written: i64,
}

/// Whose price it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table {
    /// The organisation's own.
    Organisation,
    /// Of the operator's file.
    Installation,
    BuiltIn,
}

impl Table {
    /// Its name by REST.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Organisation => "organisation",
            Table::Installation => "own",
            Table::BuiltIn => "built_in",
        }
    }

    /// Its name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Table::Organisation => "your organisation’s price",
            Table::Installation => "this installation’s price file",
            Table::BuiltIn => "the built-in list of prices",
        }
    }
}

/// What one attempt cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoned {
    /// The attempt's number from 1; none where tokens are known of the call alone.
    pub attempt: Option<i64>,
    pub provider: Option<Provider>,
    pub model: String,
    pub used: Used,
    /// Today's, and whose; none: the model has no known price.
    pub prices: Option<(Prices, Table)>,
    /// What it comes to at today's prices, in micro-cents, rounded up.
    pub amount: Option<i64>,
    /// What it came to then, where that is kept.
    pub then: Option<i64>,
}

impl Reckoned {
    /// Each kind of tokens with its number, its price and what that comes to, rounded to a micro-cent.
    pub fn kinds(&self) -> [(&'static str, i64, Option<i64>, Option<i64>); 3] {
        let Used { fresh, cached, written } = self.used;
        let kind = |name, tokens: i64, price: Option<i64>| {
            let amount = price.map(|price| (i128::from(tokens) * i128::from(price) + 500_000) / 1_000_000);
            (name, tokens, price, amount.map(|amount| i64::try_from(amount).unwrap_or(i64::MAX)))
        };
        [
            kind("Read", fresh, self.prices.map(|(prices, _)| prices.fresh)),
            kind("Read from the cache", cached, self.prices.map(|(prices, _)| prices.cached)),
            kind("Written", written, self.prices.map(|(prices, _)| prices.written)),
        ]
    }

    /// Whether the prices have changed since.
    pub fn has_changed(&self) -> bool {
        self.then.is_some_and(|then| self.amount != Some(then))
    }
}

/// How the cost of a call was calculated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoning {
    /// Every attempt of which tokens are known, in order.
    pub parts: Vec<Reckoned>,
}

#[cfg(feature = "ssr")]
mod reckon {
    use super::{Prices, Reckoned, Reckoning, Table, Used};
    use crate::{
        dialect::{prices, usage::Usage},
        features::logs::model::Detail,
        kernel::{price, provider::Provider},
    };

    /// Reckons at today's prices; `own` are the organisation's.
    pub fn reckon(detail: &Detail, own: &price::Prices) -> Reckoning {
        let part = |attempt, provider, model: &str, used, then| part(own, (attempt, provider, model), used, then);
        let mut parts: Vec<Reckoned> = (1..)
            .zip(&detail.attempts)
            .filter_map(|(number, attempt)| {
                let used = attempt.used?;
                Some(part(Some(number), attempt.provider, &attempt.model, used, attempt.cost))
            })
            .collect();
        let all = Used::of(detail.input_tokens, detail.cached_input_tokens, detail.output_tokens);
        // A call without a config has one attempt, and earlier versions kept the sum alone.
        if let Some(used) = all.filter(|_| parts.is_empty()) {
            let model = detail.call.model.as_deref().unwrap_or_default();
            parts.push(part(None, detail.provider, model, used, detail.call.cost));
        }
        Reckoning { parts }
    }

    fn part(
        own: &price::Prices,
        (attempt, provider, model): (Option<i64>, Option<Provider>, &str),
        used: Used,
        then: Option<i64>,
    ) -> Reckoned {
        let count = |tokens: i64| u64::try_from(tokens).unwrap_or(0);
        let usage = Usage {
            input_tokens: count(used.fresh.saturating_add(used.cached)),
            cached_input_tokens: count(used.cached),
            output_tokens: count(used.written),
            ..Usage::default()
        };
        let listed = if prices::is_own() { Table::Installation } else { Table::BuiltIn };
        let price = provider.and_then(|provider| {
            let own = own.find(provider, model).map(|price| (price, Table::Organisation));
            own.or_else(|| prices::price(provider, model).map(|price| (price, listed)))
        });
        let told =
            |price: price::Price| Prices { fresh: price.input, cached: price.cached_input, written: price.output };
        Reckoned {
            attempt,
            provider,
            model: model.to_owned(),
            used,
            prices: price.map(|(price, table)| (told(price), table)),
            amount: price.map(|(price, _)| prices::cost_at(price, usage)),
            then,
        }
    }
}

#[cfg(feature = "ssr")]
pub use reckon::reckon;

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;
    use crate::{
        features::logs::{model::CallOutcome, pages::tests::detail},
        kernel::{money::DOLLAR, price},
    };

    #[test]
    fn tokens_from_the_cache_are_among_those_read() {
        assert_eq!(Used::of(Some(10), Some(4), Some(3)), Some(Used { fresh: 6, cached: 4, written: 3 }));
        assert_eq!(Used::of(Some(1), Some(4), None), Some(Used { fresh: 0, cached: 1, written: 0 }));
        assert_eq!(Used::of(None, Some(4), None), None);
    }

    #[test]
    fn what_is_told_adds_up_to_the_cost() {
        let mut call = detail(CallOutcome::Ok, None);
        let mut own = price::Prices::default();
        call.provider = Some(Provider::OpenAi);
        call.call.model = Some("gpt-4o".into());
        (call.input_tokens, call.cached_input_tokens, call.output_tokens) =
            (Some(1_000_000), Some(400_000), Some(100_000));
        call.call.cost = reckon(&call, &own).parts[0].amount;
        let told = reckon(&call, &own);
        let part = &told.parts[0];
        assert_eq!(
            part.kinds().iter().map(|(.., amount)| amount.expect("priced")).sum::<i64>(),
            call.call.cost.expect("priced")
        );
        assert_eq!((part.kinds()[0].1, part.kinds()[0].2), (600_000, Some(250 * DOLLAR / 100)));
        assert!(!part.has_changed() && part.attempt.is_none());
        call.call.cost = Some(1);
        assert!(reckon(&call, &own).parts[0].has_changed());
        // What has no price is said, and costs no zero.
        call.call.model = Some("gpt-99".into());
        call.call.cost = None;
        let part = &reckon(&call, &own).parts[0];
        assert_eq!((part.prices, part.amount, part.has_changed()), (None, None, false));
        own.insert(Provider::OpenAi, "GPT-99", price::Price { input: DOLLAR, cached_input: 0, output: 0 });
        let part = &reckon(&call, &own).parts[0];
        assert_eq!(part.prices.map(|(_, table)| table), Some(Table::Organisation));
        assert_eq!(part.amount, Some(60 * DOLLAR / 100));
        call.input_tokens = None;
        call.output_tokens = None;
        assert!(reckon(&call, &own).parts.is_empty());
    }
}
