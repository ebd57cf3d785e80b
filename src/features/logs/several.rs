//! Values of a filter of which several can be meant: a call must have one of them.

use super::{
    model::{CallOutcome, is_slug},
    query::{MODEL_LIMIT, ended},
};
use crate::kernel::{VirtualKeyId, provider::Provider, text};

/// The most values of a list.
pub const MOST_VALUES: usize = 30;
/// What stands between a provider and a model that are named together.
const ORG_MODEL: &str = "__";

/// Which virtual keys are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfVirtualKeys {
    Ids(Vec<VirtualKeyId>),
    /// Each that has, or had, one of these slugs.
    Slugs(Vec<String>),
}

/// How a call has ended, where more than one end is meant: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Never that it is under way.
    pub outcomes: Vec<CallOutcome>,
    pub statuses: Vec<i64>,
    /// Hundreds of statuses.
    pub classes: Vec<i64>,
}

/// Each of several values, parted by commas, once.
pub fn several<T: PartialEq>(
    text: &str,
    read: impl Fn(&str) -> std::result::Result<T, String>,
) -> std::result::Result<Vec<T>, String> {
    let mut values = vec![];
    for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let value = read(one)?;
        if !values.contains(&value) {
            values.push(value);
        }
        if values.len() > MOST_VALUES {
            return Err(format!("At most {MOST_VALUES} values can be meant at once."));
        }
    }
    if values.is_empty() { Err("Name one, or several, parted by commas.".into()) } else { Ok(values) }
}

/// The same of what callers name as they like: the whole can be such a name, with commas in it.
pub fn several_or_whole(
    text: &str,
    read: impl Fn(&str) -> std::result::Result<String, String>,
) -> std::result::Result<Vec<String>, String> {
    let mut values = several(text, &read)?;
    if let Ok(whole) = read(text)
        && !values.contains(&whole)
    {
        values.push(whole);
    }
    Ok(values)
}

pub fn of_virtual_keys(text: &str) -> std::result::Result<OfVirtualKeys, String> {
    if text.split(',').any(|one| one.trim().parse::<VirtualKeyId>().is_ok()) {
        let mixed = |_| "Name virtual keys by their ids or by their slugs, not by both.".to_owned();
        return several(text, |one| one.parse().map_err(mixed)).map(OfVirtualKeys::Ids);
    }
    let slug = |one: &str| {
        let slug = one.strip_prefix('@').unwrap_or(one);
        if is_slug(slug) { Ok(slug.to_owned()) } else { Err("This is no virtual key’s id or slug.".to_owned()) }
    };
    several(text, slug).map(OfVirtualKeys::Slugs)
}

/// A provider and a model as the contract joins them, with the provider's own name.
fn provider_model(text: &str) -> std::result::Result<String, String> {
    let (provider, model) = text.split_once(ORG_MODEL).ok_or("Write provider and model, such as openai__gpt-4o.")?;
    let provider = Provider::parse(provider).ok_or("This names no provider that Latchkey knows.")?;
    let model = text::line("The model", model, MODEL_LIMIT)?;
    Ok(format!("{}{ORG_MODEL}{model}", provider.name()))
}

/// Several of these, parted by commas. What stands between two commas and names no provider belongs to the model before it,
/// whose own name can have commas in it; the name in front of the comma is meant besides.
pub fn provider_models(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut names: Vec<String> = vec![];
    for part in text.split(',') {
        match names.last_mut().filter(|_| !part.contains(ORG_MODEL)) {
            Some(name) => name.extend([",", part]),
            None => names.push(part.to_owned()),
        }
    }
    let mut values = vec![];
    for name in &names {
        let name = name.trim_matches(|c: char| c == ',' || c.is_whitespace());
        if name.is_empty() {
            continue;
        }
        let first = name.split(',').next().unwrap_or(name);
        for value in [provider_model(first)?, provider_model(name)?] {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.len() > MOST_VALUES {
            return Err(format!("At most {MOST_VALUES} values can be meant at once."));
        }
    }
    if values.is_empty() { Err("Name one, or several, parted by commas.".into()) } else { Ok(values) }
}

/// Several of these, any of which is meant.
pub fn ends(text: &str) -> std::result::Result<Ends, String> {
    let mut ends = Ends::default();
    for one in several(text, ended)? {
        match one {
            (Some(CallOutcome::Started), _) => return Err("What is under way cannot be meant beside others.".into()),
            (Some(outcome), _) => ends.outcomes.push(outcome),
            (None, Some((from, below))) if below - from == 1 => ends.statuses.push(from),
            (None, Some((from, _))) => ends.classes.push(from / 100),
            (None, None) => {}
        }
    }
    Ok(ends)
}
