//! What is typed into the editor's form, read to a draft.

use crate::{
    features::prompts::model::{Content, Draft, Publish, Typed},
    kernel::{Error, Fields, Result},
};
use serde_json::Value;

/// Reads a form. What it has no field for stays as it is in `stored`.
///
/// # Errors
/// Fields that should hold JSON and hold none.
pub fn draft_of(typed: &Typed, stored: Option<&Content>) -> Result<Draft> {
    let mut fields = Fields::default();
    let field = |name: &str| typed.get(name).to_owned();
    let was = stored.cloned().unwrap_or_default();
    let parameters = fields.take("parameters", json(typed.get("parameters"), Value::is_object, "an object"));
    let tools = fields.take("tools", json(typed.get("tools"), Value::is_array, "a list"));
    let is_choice = |value: &Value| value.is_object() || value.is_string();
    let tool_choice = fields.take("tool_choice", json(typed.get("tool_choice"), is_choice, "an object or a text"));
    let string = match typed.blocks() {
        // As it is written where nothing else is said: no new version of other spaces.
        Some(blocks) if was.blocks().as_ref() == Some(&blocks) => was.string.clone(),
        Some(blocks) => serde_json::to_string_pretty(&blocks).map_err(|_| Error::internal())?,
        // Browsers post a line break as two characters.
        None => typed.get("string").replace("\r\n", "\n"),
    };
    let (parameters, tools, tool_choice) = fields.build(|| Some((parameters?, tools?, tool_choice?)))?;
    Ok(Draft {
        name: field("name"),
        slug: field("own_slug"),
        collection: field("collection"),
        content: Content {
            string,
            form: field("form"),
            is_raw: typed.get("is_raw") == "yes",
            model: typed.get("model").trim().to_owned(),
            virtual_key: field("virtual_key"),
            parameters,
            functions: was.functions,
            tools,
            tool_choice,
            metadata: was.metadata,
        },
        message: field("message"),
        is_strict: typed.get("is_strict") == "yes",
        publish: if typed.get("publish") == "yes" { Publish::Yes } else { Publish::No },
    })
}

fn json(text: &str, fits: impl Fn(&Value) -> bool, what: &str) -> std::result::Result<Value, String> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    match serde_json::from_str(text) {
        Ok(value) if fits(&value) => Ok(value),
        Ok(_) => Err(format!("This must be {what} of JSON.")),
        Err(error) => Err(format!("This is not valid JSON: line {}, column {}.", error.line(), error.column())),
    }
}

/// A draft for a look at its content alone.
///
/// # Errors
/// As [`draft_of`].
pub fn content_of(typed: &Typed) -> std::result::Result<Content, Error> {
    draft_of(typed, None).map(|draft| draft.content)
}
