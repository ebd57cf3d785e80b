//! Which way a request would take. Nobody is called, and nothing is counted.

use super::compile::{TEXT, checked};
use crate::{
    features::configs::{
        model::{self, Checked, TryForm},
        store,
    },
    kernel::{Error, Fields, Result, text},
    policy::Operation,
    routing::{self, Answer, Explanation, Supposed},
    server::access::Access,
};
use std::collections::BTreeMap;

/// Which way a request would take under a config as it is stored. Nobody is called, and nothing is counted.
pub async fn try_stored(access: &Access, slug: &str, supposed: &Supposed) -> Result<Explanation> {
    let mut tx = access.read(Operation::ConfigTry).await?;
    let stored = store::stored(&mut tx, slug).await?.ok_or_else(Error::not_found)?;
    let checked = checked(&mut tx, &stored.text).await?;
    explained(&stored.text, &checked, supposed)
}

/// The same under a text that is not saved.
pub async fn try_text(access: &Access, text: &str, dry_run: &TryForm) -> Result<Explanation> {
    let mut tx = access.read(Operation::ConfigTry).await?;
    let (text, supposed) = (model::parse_text(text), supposed(dry_run)?);
    let checked = checked(&mut tx, &text).await?;
    explained(&text, &checked, &supposed)
}

pub(super) fn explained(text: &str, checked: &Checked, supposed: &Supposed) -> Result<Explanation> {
    match routing::compile(text) {
        Ok(plan) if checked.faults.is_empty() => Ok(routing::explain(&plan, supposed)),
        _ => Err(Error::field(TEXT, "The config has faults. Correct them first.")),
    }
}

/// What a dry run supposes, of what was typed.
pub(super) fn supposed(typed: &TryForm) -> Result<Supposed> {
    let mut fields = Fields::default();
    let metadata = match typed.metadata.trim() {
        "" => Some(BTreeMap::new()),
        text if text.chars().count() > model::METADATA_LIMIT => {
            fields.refuse("metadata", format!("The metadata can have at most {} characters.", model::METADATA_LIMIT));
            None
        }
        text => fields.take("metadata", metadata(text)),
    };
    let model = fields.take("model", text::optional_line("The model", &typed.model, model::MODEL_LIMIT));
    let answers = fields.take("suppose", answers(&typed.suppose));
    fields.build(|| {
        Some(Supposed {
            model: model.filter(|model| !model.is_empty()),
            metadata: metadata?,
            path: text::cut(typed.path.trim(), 200).to_owned(),
            answers: answers?,
            ..Supposed::default()
        })
    })
}

/// Metadata as callers send it: an object of texts.
fn metadata(text: &str) -> std::result::Result<BTreeMap<String, String>, String> {
    serde_json::from_str(text).map_err(|_| r#"Metadata is an object of texts, such as {"plan": "paid"}."#.to_owned())
}

/// What targets answer: `config.targets[0]=429 config.targets[1]=200`.
fn answers(text: &str) -> std::result::Result<BTreeMap<String, Answer>, String> {
    let one = |part: &str| {
        let (path, status) = part.rsplit_once('=')?;
        Some((path.to_owned(), answer(status)?))
    };
    let parts: Option<BTreeMap<_, _>> = text.split_whitespace().map(one).collect();
    parts.ok_or_else(|| "This is a target and a status, such as config.targets[0]=429.".to_owned())
}

/// What a target answers, in a word.
pub fn answer(word: &str) -> Option<Answer> {
    match word {
        "" | "ok" => Some(Answer::Well),
        "timeout" => Some(Answer::TooLate),
        "unreachable" => Some(Answer::Unreachable),
        status => status.parse().ok().filter(|status| (100..=599).contains(status)).map(Answer::Status),
    }
}
