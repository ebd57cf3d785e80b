//! Addresses of this page and of the log, with the same filters.

use crate::{
    features::{
        analytics::model::{ASKED, ASKS},
        logs::{
            figures::Dimension,
            model::{CallOutcome, FILTERS},
        },
    },
    kernel::Asked,
    site::routes::{self, Path},
};

/// The span that is meant where none is asked for.
pub const USUAL: &str = "7d";

/// What the page asks the server for: the span is always said.
pub fn meant(asked: Asked) -> Asked {
    if asked.get("range").is_empty() { asked.with("range", USUAL) } else { asked }
}

fn with_each(path: Path, asked: &Asked, names: impl IntoIterator<Item = &'static str>) -> Path {
    names.into_iter().fold(path, |path, name| path.with(name, asked.get(name)))
}

/// This page, asked for this.
pub fn here(slug: &str, asked: &Asked) -> Path {
    with_each(routes::analytics(slug), asked, ASKED)
}

/// This page without what narrows the calls: the span, and what they are grouped by.
pub fn whole(slug: &str, asked: &Asked) -> Path {
    with_each(routes::analytics(slug), asked, FILTERS.into_iter().take(3).chain(ASKS))
}

/// The log of the same calls, of which some more is asked.
pub fn log(slug: &str, asked: &Asked, more: &[(&'static str, &str)]) -> Path {
    let asked = more.iter().fold(meant(asked.clone()), |asked, (name, value)| asked.with(name, *value));
    let others = more.iter().map(|(name, _)| *name).filter(|name| !FILTERS.contains(name));
    with_each(routes::logs(slug), &asked, FILTERS.into_iter().chain(others))
}

/// The log of one group's calls.
pub fn log_of(slug: &str, asked: &Asked, dimension: &Dimension, value: &str) -> Path {
    match dimension {
        Dimension::Metadata(_) => log(slug, asked, &[("metadata", &both(asked.get("metadata"), value))]),
        // "status" may name an outcome, which then stands beside the status of the group.
        Dimension::Status if CallOutcome::parse(asked.get("status")).is_some() => {
            log(slug, asked, &[("outcome", asked.get("status")), ("status", value)])
        }
        // Beside a status, an outcome has a filter of its own.
        Dimension::Outcome if asked.get("status").is_empty() || CallOutcome::parse(asked.get("status")).is_some() => {
            log(slug, asked, &[("status", value)])
        }
        fixed => log(slug, asked, &[(fixed.filter(), value)]),
    }
}

/// What is asked of metadata, and one `name=value` more: an object, of which a call must have every part.
fn both(asked: &str, more: &str) -> String {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=')?;
        let quoted = |text: &str| format!("\"{}\"", text.trim().replace('\\', "\\\\").replace('"', "\\\""));
        Some(format!("{}:{}", quoted(name), quoted(value)))
    };
    let first = match asked.trim() {
        "" => None,
        object if object.starts_with('{') => {
            object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::to_owned)
        }
        one => pair(one),
    };
    match (first.filter(|first| !first.trim().is_empty()), pair(more)) {
        (Some(first), Some(more)) => format!("{{{first},{more}}}"),
        _ => more.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        Asked::default().with("status", "4xx").with("group", "key").with("share", "model")
    }

    #[test]
    fn the_log_shows_the_same_calls() {
        assert_eq!(log("north", &asked(), &[]).as_str(), "/o/north/logs?range=7d&status=4xx");
        let path = log_of("north", &asked().with("range", "30d"), &Dimension::Key, "k");
        assert_eq!(path.as_str(), "/o/north/logs?range=30d&key=k&status=4xx");
        let outcome = log_of("north", &asked(), &Dimension::Outcome, "refused");
        assert_eq!(outcome.as_str(), "/o/north/logs?range=7d&status=4xx&outcome=refused");
        let status = log_of("north", &asked().with("status", "failed"), &Dimension::Status, "502");
        assert_eq!(status.as_str(), "/o/north/logs?range=7d&status=502&outcome=failed");
        assert!(log_of("north", &asked(), &Dimension::Model, "gpt-4").as_str().contains("model_is=gpt-4"));
    }

    #[test]
    fn this_page_keeps_what_it_is_grouped_by() {
        assert_eq!(whole("north", &asked()).as_str(), "/o/north/analytics?group=key&share=model");
        assert_eq!(here("north", &asked()).as_str(), "/o/north/analytics?status=4xx&group=key&share=model");
    }

    #[test]
    fn metadata_is_asked_for_beside_metadata() {
        assert_eq!(both("", "team=core"), "team=core");
        assert_eq!(both("env=prod", "team=core"), r#"{"env":"prod","team":"core"}"#);
        assert_eq!(both(r#"{"env":"prod"}"#, "team=a\"b"), r#"{"env":"prod","team":"a\"b"}"#);
        assert_eq!(both("{}", "team=core"), "team=core");
    }
}
