//! What a call cost by list price.
//!
//! Money is counted in **micro-cents**: one US cent is 1,000,000 of them, one dollar 100,000,000. A figure here is an
//! estimate for comparison and budgets, not an invoice; the table's head (`prices.csv`) says what it leaves out.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use crate::{
    dialect::usage::Usage,
    kernel::{money::DOLLAR, provider::Provider},
};

/// Tokens that a [`Price`] stands for.
const PER: i128 = 1_000_000;

/// Micro-cents per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub input: i64,
    pub cached_input: i64,
    pub output: i64,
}

type Prices = HashMap<Provider, HashMap<String, Price>>;

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
    let number = prices.values().map(HashMap::len).sum();
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

/// What a call cost, in micro-cents, rounded up, and [`MAX_COST`] at most. `None` when the model has no known list price.
pub fn cost(provider: Provider, model: &str, usage: Usage) -> Option<i64> {
    let price = price(provider, model)?;
    let fresh = usage.input_tokens.saturating_sub(usage.cached_input_tokens);
    let cached = usage.input_tokens.min(usage.cached_input_tokens);
    let sum: i128 = [(fresh, price.input), (cached, price.cached_input), (usage.output_tokens, price.output)]
        .into_iter()
        .map(|(tokens, price)| i128::from(tokens) * i128::from(price))
        .sum();
    Some(i64::try_from((sum + PER - 1) / PER).unwrap_or(MAX_COST).min(MAX_COST))
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
    let (prices, name) = (OWN.get().unwrap_or(&BUILT_IN).get(&provider)?, canonical(model));
    let mut name = name.as_str();
    loop {
        if let Some(price) = prices.get(name) {
            return Some(*price);
        }
        name = without_version(name)?;
    }
}

/// Makers and resellers disagree on dots and dashes in version numbers.
fn canonical(model: &str) -> String {
    model.replace(['.', '@'], "-")
}

/// The name without its last part, if that part only tells which edition of the model it is.
fn without_version(name: &str) -> Option<&str> {
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

fn parse(csv: &str) -> Result<Prices, String> {
    let mut prices = Prices::new();
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
        let money =
            |text: &str| micro_cents(text).ok_or_else(|| wrong("a price is dollars per million tokens, such as 2.50"));
        let price = Price { input: money(input)?, cached_input: money(cached_input)?, output: money(output)? };
        let model = canonical(&model.to_ascii_lowercase());
        if prices.entry(provider).or_default().insert(model, price).is_some() {
            return Err(wrong("this model stands there twice"));
        }
    }
    Ok(prices)
}

/// Reads dollars, exactly.
fn micro_cents(dollars: &str) -> Option<i64> {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, ""));
    if whole.is_empty() || part.len() > 8 || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: i64 = format!("{part:0<8}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(DOLLAR)?.checked_add(part)
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
        assert_eq!(table.values().map(HashMap::len).sum::<usize>(), lines);
        for price in table.values().flat_map(HashMap::values) {
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
        assert_eq!(table[&Provider::OpenAi]["gpt-4o"].output, 8 * DOLLAR);
        assert_eq!(table[&Provider::Ollama]["llama3-2"].input, 0, "what costs nothing is not unknown");
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
        let gpt = |usage| cost(Provider::OpenAi, "gpt-4o", usage);
        assert_eq!(gpt(usage(1_000_000, 0, 0)), Some(250_000_000));
        assert_eq!(gpt(usage(1_000_000, 1_000_000, 1_000_000)), Some(1_125_000_000));
        assert_eq!(gpt(usage(1, 0, 1)), Some(250 + 1000));
        assert_eq!(gpt(usage(0, 0, 0)), Some(0));
        assert_eq!(cost(Provider::Google, "gemini-1.5-flash-8b", usage(1, 0, 0)), Some(4));
        assert_eq!(gpt(usage(u64::MAX, 0, u64::MAX)), Some(MAX_COST));
    }

    proptest! {
        #[test]
        fn any_name_and_usage_is_answered(name in "\\PC{0,24}|[a-z0-9.-]{0,24}", a: u64, b: u64, c: u64) {
            let usage = Usage { input_tokens: a, cached_input_tokens: b, output_tokens: c, reasoning_tokens: c };
            for provider in Provider::ALL {
                prop_assert!(cost(provider, &name, usage).is_none_or(|cost| (0..=MAX_COST).contains(&cost)));
            }
            prop_assert!(cost(Provider::OpenAi, "gpt-5-pro", usage).is_none_or(|cost| cost >= 0));
        }
    }
}
