//! The server functions of feedback.

use super::model::OnCall;
use crate::kernel::Error;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{
        model::{Draft, NOTE_LIMIT},
        operations,
    },
    crate::{kernel::text, site::routes, web},
};

/// The feedback on the trace of a call.
#[server(prefix = "/fn", endpoint = "feedback/list")]
pub async fn load_feedback(slug: String, id: String) -> Result<OnCall, Error> {
    operations::on_call(&web::member(&slug).await?, &id).await
}

/// Gives feedback on the trace of a call: a value, a weight (nothing: 1), and a note (`metadata.note`).
#[server(prefix = "/fn", endpoint = "feedback/give")]
pub async fn give_feedback(
    slug: String,
    id: String,
    #[server(default)] value: String,
    #[server(default)] weight: String,
    #[server(default)] note: String,
) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    let draft = typed(&value, &weight, &note)?;
    operations::give_to_call(&access, &id, &draft).await?;
    if let Ok(call) = id.parse() {
        web::redirect(&routes::log(&slug, call).with("done", "feedback_given"));
    }
    Ok(())
}

/// What was typed.
#[cfg(feature = "ssr")]
fn typed(value: &str, weight: &str, note: &str) -> Result<Draft, Error> {
    let value = value.trim().replace('−', "-");
    let value = value.parse().map_err(|_| Error::field("value", "A value is a whole number from -10 to 10."))?;
    let weight = match weight.trim() {
        "" => None,
        typed => Some(typed.parse().map_err(|_| Error::field("weight", "A weight is a number from 0 to 1."))?),
    };
    let note = text::optional_line("A note", note, NOTE_LIMIT).map_err(|message| Error::field("note", message))?;
    let metadata = (!note.is_empty()).then(|| serde_json::json!({ "note": note }));
    Ok(Draft { trace_id: String::new(), value, weight, metadata })
}
