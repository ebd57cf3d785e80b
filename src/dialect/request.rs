//! A chat-completions request of OpenAI's, read into what every provider must be told in its own words.
//!
//! Texts stay where they are in the caller's body. A field that nobody could translate is refused by its name; fields that
//! do not change what the answer may be (storage, tracing, cache and tier hints) are passed over.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    error::ApiError,
    view::{Text, View},
};

/// Longest name of a function, in bytes. It is repeated with each of the function's results.
const MAX_NAME: usize = 256;

/// The request, checked.
#[derive(Debug, Default)]
pub struct ChatRequest<'a> {
    /// Texts of the system and developer messages, in order.
    pub system: Vec<ContentPart<'a>>,
    /// Everything else that was said.
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: ToolChoice<'a>,
    pub parallel_tool_calls: Option<bool>,
    pub max_tokens: Option<u64>,
    /// A number, as the three below.
    pub temperature: Option<View<'a>>,
    pub top_p: Option<View<'a>>,
    /// Not OpenAI's own, but known to both other dialects.
    pub top_k: Option<u64>,
    pub stop: Vec<Text<'a>>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<View<'a>>,
    pub frequency_penalty: Option<View<'a>>,
    /// How many answers; 1 or more.
    pub n: u64,
    pub user: Option<Text<'a>>,
    pub format: Format<'a>,
}

/// One message.
#[derive(Debug)]
pub enum Turn<'a> {
    User(Vec<ContentPart<'a>>),
    Assistant { parts: Vec<ContentPart<'a>>, calls: Vec<EarlierCall<'a>> },
    ToolResult { id: Text<'a>, name: Cow<'a, str>, parts: Vec<ContentPart<'a>> },
}

impl Turn<'_> {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        match self {
            Turn::User(parts) => parts.is_empty(),
            Turn::Assistant { parts, calls } => parts.is_empty() && calls.is_empty(),
            Turn::ToolResult { .. } => false,
        }
    }
}

/// A piece of a message.
#[derive(Debug)]
pub enum ContentPart<'a> {
    Text { text: Text<'a>, cache_control: Option<View<'a>> },
    Image { source: ContentSource<'a>, cache_control: Option<View<'a>> },
    File { name: Option<Text<'a>>, source: ContentSource<'a> },
}

/// Where a piece's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentSource<'a> {
    /// `base64` is what stands in the body, which may hold escapes.
    Inline {
        mime: Box<str>,
        base64: &'a str,
    },
    Url(Text<'a>),
}

/// A call that the model asked for.
#[derive(Debug)]
pub struct EarlierCall<'a> {
    pub id: Text<'a>,
    pub name: Cow<'a, str>,
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

#[derive(Debug, Default, PartialEq)]
pub enum Format<'a> {
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON after this schema.
    Schema(View<'a>),
}

impl<'a> ChatRequest<'a> {
    /// Reads the body. `provider` names the provider in refusals.
    pub fn read(body: View<'a>, provider: &str) -> Result<Self, ApiError> {
        if !body.is_object() {
            return Err(ApiError::invalid("body", "The body must be a JSON object."));
        }
        let mut request = Self { n: 1, ..Self::default() };
        let (mut max_tokens, mut max_completion_tokens) = (None, None);
        let mut seen = HashSet::new();
        for (name, value) in body.members() {
            if value.is_null() {
                continue;
            }
            match &*name {
                "messages" => request.messages(value, provider)?,
                "tools" => request.tools = tools(value, provider)?,
                "tool_choice" => request.tool_choice = tool_choice(value, provider)?,
                "parallel_tool_calls" => request.parallel_tool_calls = Some(boolean(&name, value)?),
                "max_tokens" => max_tokens = Some(count(&name, value, 1)?),
                "max_completion_tokens" => max_completion_tokens = Some(count(&name, value, 1)?),
                "temperature" => request.temperature = Some(number(&name, value, 0.0, 2.0)?),
                "top_p" => request.top_p = Some(number(&name, value, 0.0, 1.0)?),
                "top_k" => request.top_k = Some(count(&name, value, 1)?),
                "presence_penalty" => request.presence_penalty = nonzero(number(&name, value, -2.0, 2.0)?),
                "frequency_penalty" => request.frequency_penalty = nonzero(number(&name, value, -2.0, 2.0)?),
                "stop" => request.stop = stop(value)?,
                "seed" => {
                    let seed = value.as_i64().ok_or_else(|| ApiError::invalid(&name, "`seed` must be an integer."))?;
                    request.seed = Some(seed);
                }
                "n" => request.n = count(&name, value, 1)?,
                "user" => request.user = Some(string(&name, value)?),
                "response_format" => request.format = format(value, provider)?,
                // Read from the raw bytes before; or hints that do not change what may be answered.
                "model"
                | "stream"
                | "stream_options"
                | "store"
                | "metadata"
                | "service_tier"
                | "prediction"
                | "prompt_cache_key"
                | "prompt_cache_retention"
                | "safety_identifier" => {}
                // Their idle values ask for nothing.
                "logprobs" if value.as_bool() == Some(false) => {}
                "top_logprobs" if value.as_u64() == Some(0) => {}
                "logit_bias" if value.is_object() && value.members().next().is_none() => {}
                "modalities" if value.is_array() && value.elements().all(|one| one.says("text")) => {}
                _ => return Err(ApiError::unsupported(&name, provider)),
            }
            if let Some(twice) = seen.replace(name) {
                return Err(ApiError::duplicate(&twice));
            }
        }
        request.max_tokens = max_completion_tokens.or(max_tokens);
        if request.turns.is_empty() {
            return Err(ApiError::invalid("messages", "`messages` must hold a message that is no system message."));
        }
        if let ToolChoice::Function(name) = &request.tool_choice
            && !request.tools.iter().any(|tool| tool.name == *name)
        {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` names a function that is not among `tools`."));
        }
        if request.tools.is_empty() && request.tool_choice == ToolChoice::Required {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` needs `tools`."));
        }
        Ok(request)
    }

    fn messages(&mut self, value: View<'a>, provider: &str) -> Result<(), ApiError> {
        if !value.is_array() {
            return Err(ApiError::invalid("messages", "`messages` must be an array."));
        }
        // The name behind the id of every call so far, for providers that match results by name.
        let mut called: HashMap<Cow<'a, str>, Cow<'a, str>> = HashMap::new();
        for (at, message) in value.elements().enumerate() {
            let path = format!("messages[{at}]");
            let [role, content, calls, function_call, call_id] =
                message.pick(["role", "content", "tool_calls", "function_call", "tool_call_id"]);
            let role = role.and_then(View::as_str).unwrap_or_default();
            let content = content.unwrap_or(View::NULL);
            match &*role {
                "system" | "developer" => {
                    let parts = parts(content, &path, provider)?;
                    if parts.iter().any(|part| !matches!(part, ContentPart::Text { .. })) {
                        return Err(ApiError::invalid(&path, "A system message may hold text only."));
                    }
                    self.system.extend(parts);
                }
                "user" => self.turns.push(Turn::User(parts(content, &path, provider)?)),
                "assistant" => {
                    let parts = parts(content, &path, provider)?;
                    if function_call.is_some() {
                        return Err(ApiError::unsupported(&format!("{path}.function_call"), provider));
                    }
                    let calls = self::calls(calls, &path, provider)?;
                    called.extend(calls.iter().filter_map(|call| Some((call.id.read()?, call.name.clone()))));
                    self.turns.push(Turn::Assistant { parts, calls });
                }
                "tool" => {
                    let id = call_id.and_then(View::as_text);
                    let name = id.and_then(Text::read).and_then(|id| called.get(&id).cloned());
                    let (Some(id), Some(name)) = (id, name) else {
                        let path = format!("{path}.tool_call_id");
                        return Err(ApiError::invalid(&path, "It is the id of no tool call before it."));
                    };
                    self.turns.push(Turn::ToolResult { id, name, parts: parts(content, &path, provider)? });
                }
                "function" => return Err(ApiError::unsupported(&format!("{path}.role"), provider)),
                _ => return Err(ApiError::invalid(&format!("{path}.role"), "`role` is none that is known.")),
            }
        }
        Ok(())
    }
}

/// Content: a text, or an array of parts. Empty texts say nothing, and some providers refuse them, so they are left out.
fn parts<'a>(content: View<'a>, path: &str, provider: &str) -> Result<Vec<ContentPart<'a>>, ApiError> {
    if content.is_null() {
        return Ok(Vec::new());
    }
    if let Some(text) = content.as_text() {
        return Ok(if text.is_empty() { Vec::new() } else { vec![ContentPart::Text { text, cache_control: None }] });
    }
    if !content.is_array() {
        return Err(ApiError::invalid(&format!("{path}.content"), "`content` must be a string or an array of parts."));
    }
    let mut parts = Vec::new();
    for (at, item) in content.elements().enumerate() {
        parts.extend(part(item, || format!("{path}.content[{at}]"), provider)?);
    }
    Ok(parts)
}

fn part<'a>(item: View<'a>, path: impl Fn() -> String, provider: &str) -> Result<Option<ContentPart<'a>>, ApiError> {
    let [kind, cache_control, text, refusal, image, file] =
        item.pick(["type", "cache_control", "text", "refusal", "image_url", "file"]);
    let cache_control = cache_control.filter(|value| value.is_object());
    let must_be_text = |name: &str| ApiError::invalid(&format!("{}.{name}", path()), "It must be a string.");
    let needed = |value: Option<View<'a>>, name: &str| value.and_then(View::as_text).ok_or_else(|| must_be_text(name));
    Ok(match &*kind.and_then(View::as_str).unwrap_or_default() {
        "text" => Some(needed(text, "text")?),
        "refusal" => Some(needed(refusal, "refusal")?),
        "image_url" => {
            let url = image.and_then(|image| image.get("url").or(Some(image)));
            let url = needed(url, "image_url.url")?;
            return Ok(Some(ContentPart::Image {
                source: source(url, || format!("{}.image_url.url", path()))?,
                cache_control,
            }));
        }
        "file" => {
            let [data, name] = file.unwrap_or(View::NULL).pick(["file_data", "filename"]);
            let Some(data) = data.and_then(View::as_text) else {
                return Err(ApiError::unsupported(&format!("{}.file.file_id", path()), provider));
            };
            let source = source(data, || format!("{}.file.file_data", path()))?;
            return Ok(Some(ContentPart::File { name: name.and_then(View::as_text), source }));
        }
        "" => return Err(ApiError::invalid(&format!("{}.type", path()), "`type` is missing.")),
        _ => return Err(ApiError::unsupported(&format!("{}.type", path()), provider)),
    }
    .filter(|text| !text.is_empty())
    .map(|text| ContentPart::Text { text, cache_control }))
}

/// Reads a `data:` URL or an https address.
fn source<'a>(url: Text<'a>, path: impl Fn() -> String) -> Result<ContentSource<'a>, ApiError> {
    let wrong = || ApiError::invalid(&path(), "It must be an https address or a base64 data URL.");
    let written = url.written();
    let comma = written.find(',').unwrap_or(written.len());
    // Only what stands before the bytes is looked at.
    let before = Text::read_written(&written[..comma]).ok_or_else(wrong)?;
    if before.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        return Ok(ContentSource::Url(url));
    }
    let header = before.split_at_checked(5).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("data:"));
    let (_, header) = header.ok_or_else(wrong)?;
    let base64 = written.get(comma + 1..).unwrap_or_default();
    let mut settings = header.split(';');
    let mime = settings.next().filter(|mime| mime.contains('/')).ok_or_else(wrong)?;
    if settings.next_back().is_none_or(|last| !last.eq_ignore_ascii_case("base64")) || base64.is_empty() {
        return Err(wrong());
    }
    Ok(ContentSource::Inline { mime: mime.into(), base64 })
}

fn calls<'a>(items: Option<View<'a>>, path: &str, provider: &str) -> Result<Vec<EarlierCall<'a>>, ApiError> {
    let Some(items) = items else { return Ok(Vec::new()) };
    if !items.is_array() {
        return Err(ApiError::invalid(&format!("{path}.tool_calls"), "`tool_calls` must be an array."));
    }
    let mut calls = Vec::new();
    for (at, item) in items.elements().enumerate() {
        let path = || format!("{path}.tool_calls[{at}]");
        let [kind, id, function, extra] = item.pick(["type", "id", "function", "extra_content"]);
        if kind.is_some_and(|kind| !kind.says("function")) {
            return Err(ApiError::unsupported(&format!("{}.type", path()), provider));
        }
        let [name, arguments] = function.unwrap_or(View::NULL).pick(["name", "arguments"]);
        let text = |value: Option<View<'a>>| value.and_then(View::as_text).filter(|text| !text.is_empty());
        let must_be_text = |name: &str| ApiError::invalid(&format!("{}.{name}", path()), "It must be a text.");
        let call = EarlierCall {
            id: text(id).ok_or_else(|| must_be_text("id"))?,
            name: named(text(name), || format!("{}.function.name", path()), "It must be a text.")?,
            arguments: text(arguments),
            signature: text(extra.and_then(|extra| extra.get("google")?.get("thought_signature"))),
        };
        if View::object(call.arguments().as_bytes()).is_err() {
            let path = format!("{}.function.arguments", path());
            return Err(ApiError::invalid(&path, "It must be the text of a JSON object."));
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

fn tools<'a>(value: View<'a>, provider: &str) -> Result<Vec<Tool<'a>>, ApiError> {
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
        let [name, parameters, description] =
            function.unwrap_or(View::NULL).pick(["name", "parameters", "description"]);
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
            cache_control: cache_control.filter(|value| value.is_object()),
        });
    }
    Ok(tools)
}

fn tool_choice<'a>(value: View<'a>, provider: &str) -> Result<ToolChoice<'a>, ApiError> {
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

fn format<'a>(value: View<'a>, provider: &str) -> Result<Format<'a>, ApiError> {
    let [kind, schema] = value.pick(["type", "json_schema"]);
    Ok(match &*kind.and_then(View::as_str).unwrap_or_default() {
        "text" => Format::Text,
        "json_object" => Format::Json,
        "json_schema" => {
            let schema = schema.and_then(|schema| schema.get("schema")).filter(|schema| schema.is_object());
            Format::Schema(schema.ok_or_else(|| {
                ApiError::invalid("response_format.json_schema.schema", "It must be a JSON Schema object.")
            })?)
        }
        _ => return Err(ApiError::unsupported("response_format", provider)),
    })
}

fn stop(value: View<'_>) -> Result<Vec<Text<'_>>, ApiError> {
    let wrong = || ApiError::invalid("stop", "`stop` must be a text or an array of texts.");
    let all = match value.as_text() {
        Some(text) => vec![text],
        None if value.is_array() => {
            value.elements().map(|item| item.as_text().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        None => return Err(wrong()),
    };
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

fn string<'a>(name: &str, value: View<'a>) -> Result<Text<'a>, ApiError> {
    value.as_text().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a string.")))
}

fn boolean(name: &str, value: View<'_>) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be true or false.")))
}

fn count(name: &str, value: View<'_>, least: u64) -> Result<u64, ApiError> {
    let fits = value.as_u64().filter(|count| (least..=i32::MAX as u64).contains(count));
    fits.ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a whole number, at least {least}.")))
}

fn number<'a>(name: &str, value: View<'a>, least: f64, most: f64) -> Result<View<'a>, ApiError> {
    if value.as_f64().is_some_and(|it| (least..=most).contains(&it)) {
        return Ok(value);
    }
    Err(ApiError::invalid(name, format!("`{name}` must be a number between {least} and {most}.")))
}

fn nonzero(number: View<'_>) -> Option<View<'_>> {
    (number.as_f64() != Some(0.0)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn refused(body: Value) -> (String, String) {
        let text = body.to_string();
        let error = ChatRequest::read(view(&text), "X").unwrap_err();
        (error.code, error.param.unwrap())
    }

    fn view(text: &str) -> View<'_> {
        View::object(text.as_bytes()).unwrap().0
    }

    #[test]
    fn what_cannot_be_translated_is_refused_by_name() {
        for (name, value) in [
            ("logprobs", json!(true)),
            ("logit_bias", json!({ "5": 1 })),
            ("modalities", json!(["text", "audio"])),
            ("functions", json!([])),
            ("reasoning_effort", json!("low")),
            ("web_search_options", json!({})),
            ("response_format", json!({ "type": "grammar" })),
            ("tool_choice", json!({ "type": "allowed_tools" })),
            ("made_up", json!(1)),
        ] {
            let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
            body[name] = value;
            assert_eq!(refused(body), ("unsupported_parameter".into(), name.into()));
        }
        let audio = json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio" }] }] });
        assert_eq!(refused(audio), ("unsupported_parameter".into(), "messages[0].content[0].type".into()));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        let user = json!({ "role": "user", "content": "hi" });
        let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "[1]" } });
        for (body, param) in [
            (json!({}), "messages"),
            (json!({ "messages": "hi" }), "messages"),
            (json!({ "messages": [{ "role": "system", "content": "x" }] }), "messages"),
            (json!({ "messages": [{ "role": "me", "content": "x" }] }), "messages[0].role"),
            (json!({ "messages": [{ "role": "user", "content": 5 }] }), "messages[0].content"),
            (json!({ "messages": [user, { "role": "tool", "tool_call_id": "c" }] }), "messages[1].tool_call_id"),
            (
                json!({ "messages": [user, { "role": "assistant", "tool_calls": [call] }] }),
                "messages[1].tool_calls[0].function.arguments",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "http://a" } }] }] }),
                "messages[0].content[0].image_url.url",
            ),
            (json!({ "messages": [user], "temperature": 2.5 }), "temperature"),
            (json!({ "messages": [user], "max_tokens": 0 }), "max_tokens"),
            (json!({ "messages": [user], "n": -1 }), "n"),
            (json!({ "messages": [user], "stop": [1] }), "stop"),
            (json!({ "messages": [user], "tool_choice": "required" }), "tool_choice"),
            (
                json!({ "messages": [user], "tools": [{ "type": "function", "function": {} }] }),
                "tools[0].function.name",
            ),
        ] {
            assert_eq!(refused(body), ("invalid_parameter".into(), param.into()));
        }
    }

    #[test]
    fn sources() {
        let read = |url: &str| {
            let text = format!("{{\"u\":\"{url}\"}}");
            let url = view(&text).get("u").and_then(View::as_text).unwrap();
            source(url, || "p".into()).map(|source| match source {
                ContentSource::Inline { mime, base64 } => (mime.into_string(), base64.to_owned()),
                ContentSource::Url(url) => ("".into(), url.written().to_owned()),
            })
        };
        let pair = |mime: &str, rest: &str| (mime.to_owned(), rest.to_owned());
        assert_eq!(read("data:image/png;base64,AAAA").unwrap(), pair("image/png", "AAAA"));
        assert_eq!(read("DATA:image/png;charset=x;BASE64,AAAA").unwrap(), pair("image/png", "AAAA"));
        assert_eq!(read("data:image\\/png;base64,A\\/AA").unwrap(), pair("image/png", "A\\/AA"));
        assert_eq!(read("https://a/b.png").unwrap(), pair("", "https://a/b.png"));
        assert_eq!(read("https:\\/\\/a/b,c").unwrap(), pair("", "https:\\/\\/a/b,c"));
        for wrong in
            ["", "data:", "data:,x", "data:image/png,AAAA", "data:image/png;base64,", "file:///etc/passwd", "dätä:"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nulls_and_idle_values_ask_for_nothing() {
        let body = json!({ "messages": [{ "role": "user", "content": "hi", "name": null }], "tools": null, "n": 1,
            "logprobs": false, "top_logprobs": 0, "logit_bias": {}, "modalities": ["text"], "frequency_penalty": 0.0,
            "max_tokens": 5, "max_completion_tokens": 7, "made_up": null });
        let body = body.to_string();
        let request = ChatRequest::read(view(&body), "X").unwrap();
        assert_eq!((request.max_tokens, request.n, request.frequency_penalty), (Some(7), 1, None));
    }

    #[test]
    fn a_field_that_stands_there_twice_is_refused() {
        let error = ChatRequest::read(view(r#"{"messages":[{"role":"user","content":"a"}],"n":1,"\u006e":1}"#), "X");
        assert_eq!(error.unwrap_err().code, "duplicate_parameter");
    }

    #[test]
    fn the_name_of_a_function_is_bounded_for_it_is_repeated() {
        let call = json!({ "id": "c", "type": "function", "function": { "name": "f".repeat(257) } });
        let body = json!({ "messages": [{ "role": "assistant", "tool_calls": [call] }] });
        assert_eq!(refused(body), ("invalid_parameter".into(), "messages[0].tool_calls[0].function.name".into()));
    }

    #[test]
    fn a_result_belongs_to_the_last_call_of_its_id() {
        let call = |id: &str, name: &str| json!({ "role": "assistant", "tool_calls": [{ "id": id, "type": "function", "function": { "name": name } }] });
        let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "x" });
        let messages =
            [call("a", "first"), call("b", "other"), result("a"), call("a", "second"), result("a"), result("b")];
        let body = json!({ "messages": messages }).to_string();
        let request = ChatRequest::read(view(&body), "X").unwrap();
        let names: Vec<&str> = request
            .turns
            .iter()
            .filter_map(|turn| match turn {
                Turn::ToolResult { name, .. } => Some(&**name),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["first", "second", "other"]);
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(body in super::super::testing::near_chat_request()) {
            let body = json!({ "k": body }).to_string();
            let _ = ChatRequest::read(view(&body).get("k").unwrap_or(View::NULL), "X");
        }
    }
}
