//! What a call cost: by the price that its organisation has set for the model, or else by list price.
//!
//! Money is counted in **micro-cents**: one US cent is 1,000,000 of them, one dollar 100,000,000. A figure here is an
//! estimate for comparison and budgets, not an invoice; the table's head (`prices.csv`) says what it leaves out.

use std::sync::{LazyLock, OnceLock};

use crate::{
    dialect::usage::Usage,
    kernel::{
        money::{DOLLAR, parse_dollars},
        price::{Price, Prices},
        provider::Provider,
    },
};

/// Tokens that a [`Price`] stands for.
const PER: i128 = 1_000_000;

static BUILT_IN: LazyLock<Prices> = LazyLock::new(|| parse(include_str!("prices.csv")).unwrap_or_default());
/// The operator's own table, if there is one.
static OWN: OnceLock<Prices> = OnceLock::new();

/// Takes this table in place of the built-in one, from now on until the program ends; of several the first. Gives the
/// number of its prices. It has the form of `prices.csv`.
///
/// # Errors
/// The number of the first line that is no price, and what is wrong with it; then nothing is replaced.
pub fn replace(csv: &str) -> Result<usize, String> {
    let prices = parse(csv)?;
    let number = prices.len();
    if number == 0 {
        return Err("it has no price".into());
    }
    let _ = OWN.set(prices);
    Ok(number)
}

/// Whether the prices are the operator's own.
pub fn is_own() -> bool {
    OWN.get().is_some()
}

/// The most that one call is taken to have cost, in micro-cents: more than any can. So the sum of ten million calls fits
/// where it is stored.
pub const MAX_COST: i64 = 10_000 * DOLLAR;

/// What a call cost, in micro-cents, rounded up, and [`MAX_COST`] at most. `None` when no price of the model is known. `own`
/// are the prices of the call's organisation, which come first: under the provider as it is and the model's full name, so
/// that deployments and models on one's own machines can have one.
pub fn cost(own: Option<&Prices>, provider: Provider, model: &str, usage: Usage) -> Option<i64> {
    let price = own.and_then(|own| own.find(provider, model)).or_else(|| price(provider, model))?;
    Some(cost_at(price, usage))
}

/// The same at this price.
pub fn cost_at(price: Price, usage: Usage) -> i64 {
    let fresh = usage.input_tokens.saturating_sub(usage.cached_input_tokens);
    let cached = usage.input_tokens.min(usage.cached_input_tokens);
    let sum: i128 = [(fresh, price.input), (cached, price.cached_input), (usage.output_tokens, price.output)]
        .into_iter()
        .map(|(tokens, price)| i128::from(tokens) * i128::from(price))
        .sum();
    i64::try_from((sum + PER - 1) / PER).unwrap_or(MAX_COST).min(MAX_COST)
}

/// The list price of a model, under any of its usual names: with a date or `latest` behind it, with `models/` or (on
/// OpenRouter) the maker before it. Azure's deployments are priced if they are named like OpenAI's models. Models on
/// one's own machines have no list price.
pub fn price(provider: Provider, model: &str) -> Option<Price> {
    let model = model.trim().to_ascii_lowercase();
    let model = model.strip_prefix("models/").unwrap_or(&model);
    let (provider, model) = match provider {
        Provider::OpenRouter => {
            if model.ends_with(":free") {
                return Some(Price { input: 0, cached_input: 0, output: 0 });
            }
            let (maker, model) = model.split_once('/')?;
            let maker = match maker {
                "mistralai" => Provider::Mistral,
                "openai" => Provider::OpenAi,
                "anthropic" => Provider::Anthropic,
                "google" => Provider::Google,
                _ => return None,
            };
            (maker, model)
        }
        Provider::AzureOpenAi => (Provider::OpenAi, model),
        other => (other, model),
    };
    OWN.get().unwrap_or(&BUILT_IN).find(provider, model)
}

fn parse(csv: &str) -> Result<Prices, String> {
    let mut prices = Prices::default();
    let lines = csv.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.starts_with('#') && !line.is_empty());
    for (line, number) in lines {
        let wrong = |what: &str| format!("line {number}: {what}");
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [provider, model, input, cached_input, output] = fields.as_slice() else {
            return Err(wrong("a price is provider,model,input,cached_input,output"));
        };
        let provider = Provider::parse(provider).ok_or_else(|| wrong("the provider is not known"))?;
        if model.is_empty() {
            return Err(wrong("the model has no name"));
        }
        let money = |text: &str| {
            parse_dollars(text).ok_or_else(|| wrong("a price is dollars per million tokens, such as 2.50"))
        };
        let price = Price { input: money(input)?, cached_input: money(cached_input)?, output: money(output)? };
        if prices.insert(provider, model, price).is_some() {
            return Err(wrong("this model stands there twice"));
        }
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_no_model_stands_there_twice() {
        let lines =
            include_str!("prices.csv").lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert!(lines > 60);
        let table = parse(include_str!("prices.csv")).expect("the table is sound");
        assert_eq!(table.len(), lines);
        for price in table.values() {
            assert!(price.cached_input <= price.input && price.input > 0 && price.output >= 0, "{price:?}");
        }
    }

    #[test]
    fn names_are_found_in_their_usual_spellings() {
        for (provider, name, same) in [
            (Provider::OpenAi, "gpt-4o-2024-08-06", "gpt-4o"),
            (Provider::OpenAi, "GPT-4o-mini-2024-07-18", "gpt-4o-mini"),
            (Provider::OpenAi, "gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
            (Provider::OpenAi, "gpt-5-chat-latest", "gpt-5-chat"),
            (Provider::Anthropic, "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            (Provider::Anthropic, "claude-3-5-haiku-latest", "claude-3-5-haiku"),
            (Provider::Google, "models/gemini-2.5-flash", "gemini-2.5-flash"),
            (Provider::Google, "gemini-2.0-flash-001", "gemini-2.0-flash"),
            (Provider::Google, "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
            (Provider::Google, "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
            (Provider::Google, "gemini-3-pro-preview", "gemini-3-pro"),
            (Provider::Mistral, "mistral-small-2506", "mistral-small"),
        ] {
            let price = price(provider, name);
            assert!(price.is_some(), "{name}");
            assert_eq!(price, super::price(provider, same), "{name}");
        }
        let sonnet = price(Provider::Anthropic, "claude-3-5-sonnet");
        assert_eq!(price(Provider::OpenRouter, "anthropic/claude-3.5-sonnet"), sonnet);
        assert_eq!(price(Provider::AzureOpenAi, "gpt-4o"), price(Provider::OpenAi, "gpt-4o"));
        assert_ne!(price(Provider::OpenAi, "gpt-4o-2024-05-13"), price(Provider::OpenAi, "gpt-4o"));
        assert_eq!(price(Provider::OpenRouter, "x/y:free").map(|price| price.input), Some(0));
    }

    #[test]
    fn what_is_not_known_has_no_price() {
        for (provider, name) in [
            (Provider::OpenAi, "gpt-4o-audio-preview"),
            (Provider::OpenAi, "gpt-99"),
            (Provider::OpenAi, ""),
            (Provider::OpenAi, "claude-sonnet-4-5"),
            (Provider::Ollama, "llama3.2"),
            (Provider::OpenAiCompatible, "gpt-4o"),
            (Provider::OpenRouter, "gpt-4o"),
            (Provider::AzureOpenAi, "my-deployment"),
        ] {
            assert_eq!(price(provider, name), None, "{name}");
        }
    }

    #[test]
    fn a_table_of_ones_own_is_read_strictly() {
        let table = parse("# ours\n\nopenai, GPT-4o , 2, 1, 8\nollama,llama3.2,0,0,0\n").expect("a table");
        let price = |provider, model| table.find(provider, model).expect("a price");
        assert_eq!(price(Provider::OpenAi, "gpt-4o").output, 8 * DOLLAR);
        assert_eq!(price(Provider::Ollama, "llama3.2").input, 0, "what costs nothing is not unknown");
        for (bad, line) in [
            ("openai,gpt-4o,2,1", "line 1: a price is"),
            ("\nnobody,gpt-4o,2,1,8", "line 2: the provider"),
            ("openai,,2,1,8", "line 1: the model"),
            ("openai,gpt-4o,2,1,-8", "line 1: a price is dollars"),
            ("openai,gpt-4o,2,1,8\nopenai,gpt-4o,2,1,8", "line 2: this model"),
        ] {
            let refused = parse(bad).expect_err(bad);
            assert!(refused.starts_with(line), "{bad}: {refused}");
        }
    }

    #[test]
    fn sums() {
        let usage = |input_tokens, cached_input_tokens, output_tokens| Usage {
            input_tokens,
            cached_input_tokens,
            output_tokens,
            reasoning_tokens: 0,
        };
        let gpt = |usage| cost(None, Provider::OpenAi, "gpt-4o", usage);
        assert_eq!(gpt(usage(1_000_000, 0, 0)), Some(250_000_000));
        assert_eq!(gpt(usage(1_000_000, 1_000_000, 1_000_000)), Some(1_125_000_000));
        assert_eq!(gpt(usage(1, 0, 1)), Some(250 + 1000));
        assert_eq!(gpt(usage(0, 0, 0)), Some(0));
        assert_eq!(cost(None, Provider::Google, "gemini-1.5-flash-8b", usage(1, 0, 0)), Some(4));
        assert_eq!(gpt(usage(u64::MAX, 0, u64::MAX)), Some(MAX_COST));
    }

    #[test]
    fn an_organisations_own_price_comes_first() {
        let usage =
            Usage { input_tokens: 1_000_000, cached_input_tokens: 400_000, output_tokens: 10, reasoning_tokens: 0 };
        let mut own = Prices::default();
        own.insert(Provider::OpenAi, "gpt-4o", Price { input: DOLLAR, cached_input: DOLLAR / 2, output: 0 });
        own.insert(Provider::Ollama, "llama3.2", Price { input: 0, cached_input: 0, output: 1 });
        own.insert(Provider::OpenRouter, "x/y:free", Price { input: 5, cached_input: 5, output: 5 });
        let cost = |provider, model| cost(Some(&own), provider, model, usage);
        assert_eq!(cost(Provider::OpenAi, "gpt-4o-2024-08-06"), Some(DOLLAR * 6 / 10 + DOLLAR * 2 / 10));
        assert_eq!(cost(Provider::Ollama, "LLAMA3.2"), Some(1), "what is less than a micro-cent is one");
        assert_eq!(cost(Provider::OpenRouter, "x/y:free"), Some(6));
        // What has no price of the organisation's own has its list price, and what has neither none.
        assert_eq!(cost(Provider::AzureOpenAi, "gpt-4o"), super::cost(None, Provider::AzureOpenAi, "gpt-4o", usage));
        assert_eq!(cost(Provider::OpenAiCompatible, "gpt-4o"), None);
    }

    proptest! {
        #[test]
        fn any_name_and_usage_is_answered(name in "\\PC{0,24}|[a-z0-9.-]{0,24}", a: u64, b: u64, c: u64) {
            let usage = Usage { input_tokens: a, cached_input_tokens: b, output_tokens: c, reasoning_tokens: c };
            for provider in Provider::ALL {
                prop_assert!(cost(None, provider, &name, usage).is_none_or(|cost| (0..=MAX_COST).contains(&cost)));
            }
            prop_assert!(cost(None, Provider::OpenAi, "gpt-5-pro", usage).is_none_or(|cost| cost >= 0));
        }
    }
}
