//! What a call needs of a prompt.

use super::compile::{Reached, reached, source};
use crate::{
    features::prompts::{
        model::{self, Content, Detail, Kind, PRODUCTION, Trial, Which},
        store,
    },
    kernel::{Error, PromptId, Result, Timestamp},
    prompts::Prompt,
    server::database::OrgTx,
};

/// What a call needs of a prompt.
pub struct Stored {
    pub id: PromptId,
    pub is_strict: bool,
    pub number: i64,
    pub content: Content,
    /// The label by which it was found.
    pub label: Option<String>,
    pub prompt: Prompt,
    /// The partials within its reach.
    pub partials: Reached,
    /// Another version, and which calls run it.
    pub trial: Option<(Trial, Box<Stored>)>,
}

/// The prompt that an address names, for a call: compiled, with the partials within its reach. `None`: there is none, or its
/// label stands nowhere.
pub async fn runnable(tx: &mut OrgTx, address: &str, now: Timestamp) -> Result<Option<Stored>> {
    let (of, which) = model::address(address);
    let Some(prompt) = store::find(tx, Kind::Prompt, of, now).await? else { return Ok(None) };
    let Some(number) = store::number_of(tx, &prompt, which).await? else { return Ok(None) };
    let label = match which {
        Which::Published => Some(PRODUCTION),
        Which::Label(label) if prompt.at(label).is_some() => Some(label),
        Which::Latest | Which::Number(_) | Which::Label(_) => None,
    };
    let Some(mut stored) = compiled_version(tx, &prompt, number, label).await? else { return Ok(None) };
    let pointer = prompt.labels.iter().find(|pointer| Some(pointer.label.as_str()) == label);
    if let Some(trial) = pointer.and_then(|pointer| pointer.trial.clone())
        && let Some(other) = compiled_version(tx, &prompt, trial.number, label).await?
    {
        stored.trial = Some((trial, Box::new(other)));
    }
    Ok(Some(stored))
}

async fn compiled_version(tx: &mut OrgTx, prompt: &Detail, number: i64, label: Option<&str>) -> Result<Option<Stored>> {
    let Some(whole) = store::VERSIONS.one(tx, prompt.id, number).await? else { return Ok(None) };
    let content = store::content(&whole.text)?;
    let work = move || Prompt::read(&source(&content)).map(|compiled| (compiled, content));
    let compiled = tokio::task::spawn_blocking(work).await.map_err(|_| Error::internal())?;
    let (compiled, content) = compiled.map_err(|_| {
        tracing::error!(slug = prompt.slug, number, "a stored version of a prompt does not compile");
        Error::internal()
    })?;
    let partials = reached(tx, compiled.names()).await?;
    Ok(Some(Stored {
        id: prompt.id,
        is_strict: prompt.is_strict,
        number,
        content,
        label: label.map(str::to_owned),
        prompt: compiled,
        partials,
        trial: None,
    }))
}
