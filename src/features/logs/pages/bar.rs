//! What calls are filtered by: the fields of the log's bar, which the page of analytics has too.

use crate::{
    features::logs::{
        functions::LoadLogChoices,
        model::{CallOutcome, Choices, FILTERS, MOST_CHOICES, Named, WORDS},
    },
    kernel::{Asked, provider::Provider, text::capital},
    ui::{
        components::{Availability, Choice, Field, FieldKind, FilterSheet, SearchField, Select},
        listing::List,
    },
};
use leptos::prelude::*;

/// The filters that have a field here, beside those of the time.
const FIELDS: [&str; 13] = [
    "key",
    "virtual_key",
    "status",
    "provider",
    "prompt",
    "config",
    "model",
    "error",
    "rescued",
    "cache",
    "verdict",
    "search",
    "metadata",
];

/// What the bar offers, for [`load`](crate::ui::load).
pub fn choices(slug: String, asked: &Asked) -> LoadLogChoices {
    let [key, virtual_key] = ["key", "virtual_key"].map(|name| asked.get(name).to_owned());
    LoadLogChoices { slug, key, virtual_key }
}

/// The span of time: one of these, or two days.
pub fn range_fields(list: &List, ranges: &[(&str, &str)], selected: String) -> AnyView {
    let ranges =
        ranges.iter().chain(&[("custom", "From, to")]).map(|(value, label)| Choice::new(*value, *label)).collect();
    let [from, to] = ["from", "to"].map(|name| list.asked.get(name).to_owned());
    view! {
        <Select label="Time" name="range" choices=ranges selected compact=true hide_label=true />
        <div class="only-custom">
            <Field label="From" name="from" kind=FieldKind::Date value=from hide_label=true />
            <Field label="To" name="to" kind=FieldKind::Date value=to hide_label=true />
            <span class="muted">"Days in UTC"</span>
        </div>
    }
    .into_any()
}

/// All that narrows the calls beside the time. What has no field, and came with the address, is kept.
pub fn narrowing_fields(list: &List, choices: Choices) -> AnyView {
    let [prompt, config, model, error, search, metadata] =
        ["prompt", "config", "model", "error", "search", "metadata"].map(|name| list.asked.get(name).to_owned());
    let status = list.asked.get("status");
    // One status, or several, parted by commas.
    let is_other = status.contains(',') || status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
    let outcomes = std::iter::once(Choice::new("", "Any outcome"))
        .chain(CallOutcome::ALL.into_iter().map(|outcome| Choice::new(outcome.name(), capital(outcome.label()))))
        .chain(["2xx", "4xx", "5xx"].into_iter().map(|class| Choice::new(class, format!("Status {class}"))))
        .chain(is_other.then(|| Choice::new(status, format!("Status {status}"))))
        .collect();
    let providers = std::iter::once(Choice::new("", "Any provider"))
        .chain(Provider::ALL.into_iter().map(|provider| Choice::new(provider.name(), provider.label())))
        .collect();
    let words: Vec<_> = WORDS
        .into_iter()
        .map(|(label, name, any, words)| {
            let words = words.iter().map(|(word, label)| Choice::new(*word, *label));
            list.choice(label, name, std::iter::once(Choice::new("", any)).chain(words).collect())
        })
        .collect();
    let kept: Vec<_> = FILTERS[3..]
        .iter()
        .filter(|name| !FIELDS.contains(name) && !list.asked.get(name).is_empty())
        .map(|name| view! { <input type="hidden" name=*name value=list.asked.get(name).to_owned() /> }.into_any())
        .collect();
    let active = list.active(&FIELDS);
    let keys = list.choice("API key", "key", among("Any key", choices.keys, list.asked.get("key")));
    let virtual_keys = among("Any virtual key", choices.virtual_keys, list.asked.get("virtual_key"));
    let virtual_keys = list.choice("Virtual key", "virtual_key", virtual_keys);
    let outcomes = list.choice("Outcome", "status", outcomes);
    let providers = list.choice("Provider", "provider", providers);
    view! {
        {kept}
        <FilterSheet active>
            {keys}
            {virtual_keys}
            {outcomes}
            {providers}
            <SearchField label="Prompt" name="prompt" value=prompt />
            <SearchField label="Config" name="config" value=config />
            <SearchField label="Model" name="model" value=model />
            <SearchField label="Error code" name="error" value=error />
            {words}
            <SearchField label="Text in trace id or metadata" name="search" value=search />
            <SearchField label="Metadata, as name=value" name="metadata" value=metadata />
        </FilterSheet>
    }
    .into_any()
}

/// "Any", then each; and what is chosen although it is not there any more.
fn among(any: &str, named: Vec<Named>, chosen: &str) -> Vec<Choice> {
    let is_cut = named.len() >= MOST_CHOICES;
    let gone = !chosen.is_empty() && named.iter().all(|one| one.id != chosen);
    std::iter::once(Choice::new("", any))
        .chain(named.into_iter().map(|one| Choice::new(one.id, one.name)))
        .chain(gone.then(|| Choice::new(chosen, "A deleted one")))
        .chain(is_cut.then(|| {
            let elsewhere = Availability::Unavailable { reason: "its own page leads to its calls".into() };
            Choice::new("others", "Any other").availability(elsewhere)
        }))
        .collect()
}
