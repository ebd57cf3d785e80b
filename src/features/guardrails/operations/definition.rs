//! What is read of a definition, `{checks, actions}`: what it compiles to, what is wrong with it, and what it is that configs
//! name.

use crate::{
    features::{
        guardrails::{form, model::LARGEST, store},
        versions,
    },
    guardrails::{self, Guardrail, catalogue},
    kernel::{Error, Fields, GuardrailId, Result},
    policy::Operation,
    server::{access::Access, database::OrgTx, outgoing::BaseUrl},
};
use serde_json::{Value, json};

/// A stored text, read. It was checked when it was saved.
pub(super) fn definition(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// A definition that compiles.
pub(super) struct Sound {
    pub(super) text: String,
    pub(super) guardrail: Guardrail,
    /// The first check that says nothing about answers: its number and what it is called.
    pub(super) only_requests: Option<(usize, String)>,
}

/// Reads a definition that shall be saved. It names every fault by its field.
pub(super) fn sound(access: &Access, definition: &Value) -> Result<Sound> {
    let allowed = access.app().outgoing.allowed();
    let may_call = |address: &str| {
        // A query is no matter of where it leads.
        let bare = address.split(['?', '#']).next().unwrap_or_default();
        BaseUrl::parse(bare, allowed).map(drop).map_err(|error| error.to_string())
    };
    let guardrail = Guardrail::compile(definition, &may_call).map_err(|faults| refusal(&faults))?;
    // The checks first, as people write them.
    let text = format!(r#"{{"checks":{},"actions":{}}}"#, definition["checks"], definition["actions"]);
    let text = versions::laid_out(&text);
    if text.len() > LARGEST {
        return Err(Error::field("checks", format!("A guardrail has at most {} KiB.", LARGEST >> 10)));
    }
    let only_requests = guardrail.only_requests().map(|(at, id)| (at, label(id)));
    Ok(Sound { text, guardrail, only_requests })
}

/// What a check is called.
fn label(id: &str) -> String {
    catalogue::find(id).map_or_else(|| id.to_owned(), |known| known.label.to_owned())
}

fn refusal(faults: &[guardrails::Fault]) -> Error {
    let mut fields = Fields::default();
    for fault in faults.iter().take(100) {
        fields.refuse(if fault.field.is_empty() { "checks" } else { &fault.field }, fault.message.clone());
    }
    fields.finish().err().unwrap_or_else(Error::internal)
}

/// The same for the fields of a form.
pub fn in_form(mut error: Error) -> Error {
    for field in &mut error.fields {
        field.field = form::form_name(&field.field);
    }
    error
}

/// What compiles for whoever may act, and for nobody else.
pub(super) async fn compiled(access: &Access, operation: Operation, definition: &Value) -> Result<Result<Sound>> {
    drop(access.read(operation).await?);
    Ok(sound(access, definition))
}

/// What a config needs to know of a guardrail that it names.
pub struct Named {
    pub id: GuardrailId,
    /// What the first check is called that says nothing about answers.
    pub only_requests: Option<String>,
}

/// The guardrail of this name.
pub async fn named(tx: &mut OrgTx, slug: &str) -> Result<Option<Named>> {
    let Some(stored) = store::stored(tx, slug).await? else { return Ok(None) };
    Ok(Some(Named { id: stored.id, only_requests: only_requests(&definition(&stored.text)) }))
}

/// What the first check of a stored definition is called that says nothing about answers. Nothing is compiled for that:
/// it is asked where the organisation's chain is held.
pub(super) fn only_requests(definition: &Value) -> Option<String> {
    let mut enabled = definition["checks"].as_array()?.iter().filter(|check| check["is_enabled"] != json!(false));
    let only = |check: &Value| catalogue::find(check["id"].as_str()?).filter(|known| known.only_requests);
    enabled.find_map(only).map(|known| known.label.to_owned())
}
