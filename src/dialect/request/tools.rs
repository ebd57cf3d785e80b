//! Functions: those that the model may call, and the calls that it has made.

use std::{borrow::Cow, collections::HashSet};

use super::{
    super::{
        error::ApiError,
        view::{Text, View},
    },
    content::mark,
};

/// Longest name of a function, in bytes. It is repeated with each of the function's results.
const MAX_NAME: usize = 256;

/// A call that the model asked for.
#[derive(Debug)]
pub struct EarlierCall<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub cache_control: Option<View<'a>>,
    arguments: Option<Text<'a>>,
    /// Gemini's seal on the thought behind the call, if the caller has sent it back.
    pub signature: Option<Text<'a>>,
}

impl EarlierCall<'_> {
    /// The text of a JSON object.
    pub fn arguments(&self) -> Cow<'_, str> {
        match self.arguments.and_then(Text::read) {
            Some(text) if !text.trim_ascii().is_empty() => text,
            _ => Cow::Borrowed("{}"),
        }
    }
}

/// A function that the model may call.
#[derive(Debug)]
pub struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Option<Text<'a>>,
    /// JSON Schema.
    pub parameters: Option<View<'a>>,
    pub cache_control: Option<View<'a>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    #[default]
    Unset,
    Auto,
    None,
    Required,
    Function(Cow<'a, str>),
}

pub(super) fn calls<'a>(items: Option<View<'a>>, path: &str, provider: &str) -> Result<Vec<EarlierCall<'a>>, ApiError> {
    let Some(items) = items else { return Ok(Vec::new()) };
    if !items.is_array() {
        return Err(ApiError::invalid(&format!("{path}.tool_calls"), "`tool_calls` must be an array."));
    }
    let mut calls = Vec::new();
    for (at, item) in items.elements().enumerate() {
        let path = || format!("{path}.tool_calls[{at}]");
        let [kind, id, function, extra, cache_control] =
            item.pick(["type", "id", "function", "extra_content", "cache_control"]);
        if kind.is_some_and(|kind| !kind.says("function")) {
            return Err(ApiError::unsupported(&format!("{}.type", path()), provider));
        }
        let [name, arguments] = function.unwrap_or(View::NULL).pick(["name", "arguments"]);
        let text = |value: Option<View<'a>>| value.and_then(View::as_text).filter(|text| !text.is_empty());
        let must_be_text = |name: &str| ApiError::invalid(&format!("{}.{name}", path()), "It must be a string.");
        let call = EarlierCall {
            id: text(id).and_then(Text::read).ok_or_else(|| must_be_text("id"))?,
            cache_control: mark(cache_control, path)?,
            name: named(text(name), || format!("{}.function.name", path()), "It must be a string.")?,
            arguments: text(arguments),
            signature: text(extra.and_then(|extra| extra.get("google")?.get("thought_signature"))),
        };
        if View::object(call.arguments().as_bytes()).is_err() {
            let path = format!("{}.function.arguments", path());
            return Err(ApiError::invalid(&path, "It must be a JSON object, written as a string."));
        }
        calls.push(call);
    }
    Ok(calls)
}

/// The name of a function.
fn named<'a>(name: Option<Text<'a>>, path: impl Fn() -> String, missing: &str) -> Result<Cow<'a, str>, ApiError> {
    let name = name.and_then(Text::read).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ApiError::invalid(&path(), missing))?;
    if name.len() > MAX_NAME {
        return Err(ApiError::invalid(&path(), "It is longer than 256 bytes."));
    }
    Ok(name)
}

pub(super) fn tools<'a>(value: View<'a>, provider: &str) -> Result<Vec<Tool<'a>>, ApiError> {
    if !value.is_array() {
        return Err(ApiError::invalid("tools", "`tools` must be an array."));
    }
    let mut names = HashSet::new();
    let mut tools = Vec::new();
    for (at, item) in value.elements().enumerate() {
        let [kind, function, cache_control] = item.pick(["type", "function", "cache_control"]);
        if kind.is_some_and(|kind| !kind.says("function")) {
            return Err(ApiError::unsupported(&format!("tools[{at}].type"), provider));
        }
        let path = format!("tools[{at}].function");
        let [name, parameters, description, inner] =
            function.unwrap_or(View::NULL).pick(["name", "parameters", "description", "cache_control"]);
        let name = named(name.and_then(View::as_text), || format!("{path}.name"), "`name` is missing.")?;
        if !names.insert(name.clone()) {
            return Err(ApiError::invalid(&format!("{path}.name"), "Two tools have the same name."));
        }
        if parameters.is_some_and(|schema| !schema.is_object()) {
            return Err(ApiError::invalid(&format!("{path}.parameters"), "`parameters` must be a JSON Schema object."));
        }
        tools.push(Tool {
            name,
            description: description.and_then(View::as_text),
            parameters,
            cache_control: mark(cache_control.or(inner), || format!("tools[{at}]"))?,
        });
    }
    Ok(tools)
}

pub(super) fn tool_choice<'a>(value: View<'a>, provider: &str) -> Result<ToolChoice<'a>, ApiError> {
    if let Some(word) = value.as_str() {
        return Ok(match &*word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(ApiError::invalid("tool_choice", "It must be none, auto, required or one function.")),
        });
    }
    let [kind, function] = value.pick(["type", "function"]);
    if !kind.is_some_and(|kind| kind.says("function")) {
        return Err(ApiError::unsupported("tool_choice", provider));
    }
    let name = function.and_then(|function| function.get("name")?.as_str());
    Ok(ToolChoice::Function(name.ok_or_else(|| ApiError::invalid("tool_choice.function.name", "It is missing."))?))
}
