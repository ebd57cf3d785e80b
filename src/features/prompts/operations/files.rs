//! Prompts and partials as files: JSON with the names that the interface for programs uses, so that what one writes the other
//! reads.

use super::{create, drafted_virtual_key};
use crate::{
    features::prompts::model::{Content, Detail, Draft, EXPORT_LIMIT, FILE_LIMIT, Kind, Publish, Saved},
    kernel::{Error, Result},
    server::access::Access,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What a file holds. Whatever else stands in it is passed over: answers of programs' interfaces hold more.
#[derive(Serialize, Deserialize)]
struct File {
    /// `prompt` or `partial`.
    #[serde(default, deserialize_with = "or_empty")]
    object: String,
    name: String,
    #[serde(default, deserialize_with = "or_empty")]
    slug: String,
    string: String,
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    form: String,
    #[serde(default, skip_serializing_if = "is_no")]
    is_raw_template: Value,
    #[serde(default, skip_serializing_if = "is_no")]
    strict: Value,
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    model: String,
    #[serde(default, deserialize_with = "or_empty", skip_serializing_if = "String::is_empty")]
    virtual_key: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    parameters: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    functions: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    tools: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    tool_choice: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    template_metadata: Value,
}

/// A text, of which `null` is the empty one.
fn or_empty<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Option::<String>::deserialize(from).map(Option::unwrap_or_default)
}

fn is_yes(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_i64() == Some(1))
}

fn is_no(value: &Value) -> bool {
    !is_yes(value)
}

/// The address of a file with a prompt in the version that is shown; empty where that is too long for a page.
pub fn export(prompt: &Detail) -> String {
    let content = prompt.content.clone();
    // Only where the text itself does not say it.
    let usual = if content.string.trim_start().starts_with('[') { "chat" } else { "text" };
    let form = if content.form == usual { String::new() } else { content.form };
    let file = File {
        object: prompt.kind.name().to_owned(),
        name: prompt.name.clone(),
        slug: prompt.slug.clone(),
        string: content.string,
        form,
        is_raw_template: content.is_raw.into(),
        strict: prompt.is_strict.into(),
        model: content.model,
        virtual_key: content.virtual_key,
        parameters: content.parameters,
        functions: content.functions,
        tools: content.tools,
        tool_choice: content.tool_choice,
        template_metadata: content.metadata,
    };
    match serde_json::to_string_pretty(&file) {
        Ok(text) if text.len() <= EXPORT_LIMIT => {
            format!("data:application/json;charset=utf-8,{}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
        }
        _ => String::new(),
    }
}

/// Makes the prompt or partial that a file holds. It is not published, and keeps its slug where that is free. A virtual key
/// that the organisation does not have is left out.
///
/// # Errors
/// A text that cannot be read, and whatever [`create`] refuses.
pub async fn import(access: &Access, text: &str) -> Result<(Kind, Saved)> {
    let file = read(text);
    let kind = match &file {
        Ok(file) if file.object == Kind::Partial.name() => Kind::Partial,
        _ => Kind::Prompt,
    };
    let known = match &file {
        Ok(file) if !file.virtual_key.is_empty() => {
            drafted_virtual_key(access, kind.acts().create, &file.virtual_key).await
        }
        _ => Ok(String::new()),
    };
    let draft = known.and_then(|virtual_key| Ok(draft_of(file?, virtual_key)));
    let made = create(access, kind, draft).await.map_err(in_file)?;
    Ok((kind, made))
}

fn read(text: &str) -> Result<File> {
    if text.len() > FILE_LIMIT {
        return Err(Error::field("file", format!("A file has at most {} KiB.", FILE_LIMIT >> 10)));
    }
    serde_json::from_str(text).map_err(|error| {
        Error::field("file", format!("This is not a prompt in JSON with `name` and `string`: {error}."))
    })
}

fn draft_of(file: File, virtual_key: String) -> Draft {
    Draft {
        name: file.name,
        slug: file.slug,
        collection: String::new(),
        content: Content {
            string: file.string,
            form: file.form,
            is_raw: is_yes(&file.is_raw_template),
            model: file.model,
            virtual_key,
            parameters: file.parameters,
            functions: file.functions,
            tools: file.tools,
            tool_choice: file.tool_choice,
            metadata: file.template_metadata,
        },
        message: "Imported".to_owned(),
        is_strict: is_yes(&file.strict),
        publish: Publish::No,
    }
}

/// The page has one field for all of it.
fn in_file(mut error: Error) -> Error {
    for field in &mut error.fields {
        if field.field != "file" {
            field.message = format!("{}: {}", field.field, field.message);
            "file".clone_into(&mut field.field);
        }
    }
    error
}
