//! What a group of calls is called, and how the log is filtered to it.

use super::{
    figures::Dimension,
    model::{CallOutcome, word_of},
    store::cells::GroupOf,
};
use crate::kernel::{provider::Provider, text};

/// The value of the dimension's filter that leaves this group (none where no filter does), and its words for people.
pub fn words(by: &Dimension, (id, label): &GroupOf) -> (Option<String>, String) {
    let id = id.map(|id| id.to_string());
    let named = |gone: &str, none: &str| match (&id, label) {
        (Some(id), Some(name)) => (Some(id.clone()), name.clone()),
        (Some(id), None) => (Some(id.clone()), gone.to_owned()),
        (None, _) => (None, none.to_owned()),
    };
    let said = |none: &str| match label.as_deref().filter(|word| !word.is_empty()) {
        Some(word) => (Some(word.to_owned()), word.to_owned()),
        None => (None, none.to_owned()),
    };
    let put = |(value, word): (Option<String>, String), label: &dyn Fn(&str) -> Option<String>| {
        let label = value.as_deref().and_then(label).unwrap_or(word);
        (value, label)
    };
    match by {
        Dimension::Key => named("A deleted key", "No API key"),
        Dimension::Person => named("Somebody who left", "By API keys"),
        Dimension::VirtualKey => match (&id, label) {
            (Some(id), Some(slug)) => (Some(id.clone()), format!("@{slug}")),
            _ => named("A deleted virtual key", "No virtual key"),
        },
        Dimension::Config => match (&id, label) {
            (Some(_), Some(slug)) => (Some(slug.clone()), slug.clone()),
            _ => (None, "No saved config".into()),
        },
        Dimension::Prompt => match (&id, label) {
            (Some(_), Some(slug)) => (Some(slug.clone()), slug.clone()),
            _ => (None, "No prompt".into()),
        },
        Dimension::Provider => {
            put(said("No provider"), &|word| Provider::parse(word).map(|provider| provider.label().to_owned()))
        }
        Dimension::Model => said("No model"),
        Dimension::Endpoint => put(said("Unknown"), &|word| Some(text::capital(&word.replace('_', " ")))),
        Dimension::Outcome => {
            put(said("Unknown"), &|word| CallOutcome::parse(word).map(|outcome| text::capital(outcome.label())))
        }
        Dimension::Status => said("No status"),
        Dimension::Error => said("No error"),
        Dimension::Cache | Dimension::Rescued | Dimension::Verdict => {
            put(said("Unknown"), &|word| word_of(by.filter(), word).map(str::to_owned))
        }
        Dimension::Metadata(name) => match label {
            Some(value) => (Some(format!("{name}={value}")), value.clone()),
            None => (None, "Not said".into()),
        },
    }
}
