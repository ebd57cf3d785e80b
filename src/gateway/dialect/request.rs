//! A chat-completions request of OpenAI's, read into what every provider must be told in its own words.
//!
//! Long texts stay borrowed from the parsed body. A field that nobody could translate is refused by its name; fields that
//! do not change what the answer may be (storage, tracing, cache and tier hints) are passed over.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};

use super::error::ApiError;

/// The request, checked.
#[derive(Debug, Default)]
pub struct ChatRequest<'a> {
    /// Texts of the system and developer messages, in order.
    pub system: Vec<Part<'a>>,
    /// Everything else that was said.
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: ToolChoice<'a>,
    pub parallel_tool_calls: Option<bool>,
    pub max_tokens: Option<u64>,
    pub temperature: Option<&'a Number>,
    pub top_p: Option<&'a Number>,
    /// Not OpenAI's own, but known to both other dialects.
    pub top_k: Option<u64>,
    pub stop: Vec<&'a str>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<&'a Number>,
    pub frequency_penalty: Option<&'a Number>,
    /// How many answers; 1 or more.
    pub n: u64,
    pub user: Option<&'a str>,
    pub format: Format<'a>,
}

/// One message.
#[derive(Debug)]
pub enum Turn<'a> {
    User(Vec<Part<'a>>),
    Assistant { parts: Vec<Part<'a>>, calls: Vec<Call<'a>> },
    ToolResult { id: &'a str, name: &'a str, parts: Vec<Part<'a>> },
}

/// A piece of a message.
#[derive(Debug)]
pub enum Part<'a> {
    Text { text: &'a str, cache_control: Option<&'a Value> },
    Image { source: Source<'a>, cache_control: Option<&'a Value> },
    File { name: Option<&'a str>, source: Source<'a> },
}

/// Where a piece's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    Inline { mime: &'a str, base64: &'a str },
    Url(&'a str),
}

/// A call that the model asked for.
#[derive(Debug)]
pub struct Call<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: Map<String, Value>,
    /// Gemini's seal on the thought behind the call, if the caller has sent it back.
    pub signature: Option<&'a str>,
}

/// A function that the model may call.
#[derive(Debug)]
pub struct Tool<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    /// JSON Schema.
    pub parameters: Option<&'a Value>,
    pub cache_control: Option<&'a Value>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    #[default]
    Unset,
    Auto,
    None,
    Required,
    Function(&'a str),
}

#[derive(Debug, Default, PartialEq)]
pub enum Format<'a> {
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON after this schema.
    Schema(&'a Value),
}

impl<'a> ChatRequest<'a> {
    /// Reads the parsed body. `provider` names the provider in refusals.
    pub fn read(body: &'a Value, provider: &str) -> Result<Self, ApiError> {
        let fields = body.as_object().ok_or_else(|| ApiError::invalid("body", "The body must be a JSON object."))?;
        let mut request = Self { n: 1, ..Self::default() };
        let (mut max_tokens, mut max_completion_tokens) = (None, None);
        for (name, value) in fields {
            if value.is_null() {
                continue;
            }
            match name.as_str() {
                "messages" => request.messages(value, provider)?,
                "tools" => request.tools = tools(value, provider)?,
                "tool_choice" => request.tool_choice = tool_choice(value, provider)?,
                "parallel_tool_calls" => request.parallel_tool_calls = Some(boolean(name, value)?),
                "max_tokens" => max_tokens = Some(count(name, value, 1)?),
                "max_completion_tokens" => max_completion_tokens = Some(count(name, value, 1)?),
                "temperature" => request.temperature = Some(number(name, value, 0.0, 2.0)?),
                "top_p" => request.top_p = Some(number(name, value, 0.0, 1.0)?),
                "top_k" => request.top_k = Some(count(name, value, 1)?),
                "presence_penalty" => request.presence_penalty = nonzero(number(name, value, -2.0, 2.0)?),
                "frequency_penalty" => request.frequency_penalty = nonzero(number(name, value, -2.0, 2.0)?),
                "stop" => request.stop = stop(value)?,
                "seed" => {
                    let seed = value.as_i64().ok_or_else(|| ApiError::invalid(name, "`seed` must be an integer."))?;
                    request.seed = Some(seed);
                }
                "n" => request.n = count(name, value, 1)?,
                "user" => request.user = Some(string(name, value)?),
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
                "logprobs" if *value == Value::Bool(false) => {}
                "top_logprobs" if value.as_u64() == Some(0) => {}
                "logit_bias" if value.as_object().is_some_and(Map::is_empty) => {}
                "modalities" if value.as_array().is_some_and(|all| all.iter().all(|one| one == "text")) => {}
                _ => return Err(ApiError::unsupported(name, provider)),
            }
        }
        request.max_tokens = max_completion_tokens.or(max_tokens);
        if request.turns.is_empty() {
            return Err(ApiError::invalid("messages", "`messages` must hold a message that is no system message."));
        }
        if let ToolChoice::Function(name) = request.tool_choice
            && !request.tools.iter().any(|tool| tool.name == name)
        {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` names a function that is not among `tools`."));
        }
        if request.tools.is_empty() && request.tool_choice == ToolChoice::Required {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` needs `tools`."));
        }
        Ok(request)
    }

    fn messages(&mut self, value: &'a Value, provider: &str) -> Result<(), ApiError> {
        let messages = value.as_array().ok_or_else(|| ApiError::invalid("messages", "`messages` must be an array."))?;
        // The name behind the id of every call so far, for providers that match results by name.
        let mut called: HashMap<&str, &str> = HashMap::new();
        for (at, message) in messages.iter().enumerate() {
            let path = format!("messages[{at}]");
            let role = message.get("role").and_then(Value::as_str).unwrap_or("");
            let content = message.get("content").unwrap_or(&Value::Null);
            match role {
                "system" | "developer" => {
                    let parts = parts(content, &path, provider)?;
                    if parts.iter().any(|part| !matches!(part, Part::Text { .. })) {
                        return Err(ApiError::invalid(&path, "A system message may hold text only."));
                    }
                    self.system.extend(parts);
                }
                "user" => self.turns.push(Turn::User(parts(content, &path, provider)?)),
                "assistant" => {
                    let parts = parts(content, &path, provider)?;
                    let calls = calls(message, &path, provider)?;
                    called.extend(calls.iter().map(|call| (call.id, call.name)));
                    self.turns.push(Turn::Assistant { parts, calls });
                }
                "tool" => {
                    let id = message.get("tool_call_id").and_then(Value::as_str).unwrap_or("");
                    let Some(name) = called.get(id) else {
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
fn parts<'a>(content: &'a Value, path: &str, provider: &str) -> Result<Vec<Part<'a>>, ApiError> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text { text, cache_control: None }]),
        Value::Array(items) => {
            let mut parts = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let path = format!("{path}.content[{at}]");
                parts.extend(part(item, &path, provider)?);
            }
            Ok(parts)
        }
        _ => Err(ApiError::invalid(&format!("{path}.content"), "`content` must be a string or an array of parts.")),
    }
}

fn part<'a>(item: &'a Value, path: &str, provider: &str) -> Result<Option<Part<'a>>, ApiError> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("");
    let cache_control = item.get("cache_control").filter(|value| value.is_object());
    let text = |name: &str| {
        item.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::invalid(&format!("{path}.{name}"), "It must be a string."))
    };
    Ok(match kind {
        "text" => Some(text("text")?),
        "refusal" => Some(text("refusal")?),
        "image_url" => {
            let at = format!("{path}.image_url.url");
            let url = item.pointer("/image_url/url").or_else(|| item.get("image_url")).and_then(Value::as_str);
            let url = url.ok_or_else(|| ApiError::invalid(&at, "It must be a string."))?;
            return Ok(Some(Part::Image { source: source(url, &at)?, cache_control }));
        }
        "file" => {
            let at = format!("{path}.file.file_data");
            let Some(data) = item.pointer("/file/file_data").and_then(Value::as_str) else {
                return Err(ApiError::unsupported(&format!("{path}.file.file_id"), provider));
            };
            let name = item.pointer("/file/filename").and_then(Value::as_str);
            return Ok(Some(Part::File { name, source: source(data, &at)? }));
        }
        "" => return Err(ApiError::invalid(&format!("{path}.type"), "`type` is missing.")),
        _ => return Err(ApiError::unsupported(&format!("{path}.type"), provider)),
    }
    .filter(|text| !text.is_empty())
    .map(|text| Part::Text { text, cache_control }))
}

/// Reads a `data:` URL or an https address.
fn source<'a>(url: &'a str, path: &str) -> Result<Source<'a>, ApiError> {
    if url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        return Ok(Source::Url(url));
    }
    let wrong = || ApiError::invalid(path, "It must be an https address or a base64 data URL.");
    let scheme = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).ok_or_else(wrong)?;
    let (header, base64) = url[scheme.len()..].split_once(',').ok_or_else(wrong)?;
    let mut settings = header.split(';');
    let mime = settings.next().filter(|mime| mime.contains('/')).ok_or_else(wrong)?;
    if settings.next_back().is_none_or(|last| !last.eq_ignore_ascii_case("base64")) || base64.is_empty() {
        return Err(wrong());
    }
    Ok(Source::Inline { mime, base64 })
}

fn calls<'a>(message: &'a Value, path: &str, provider: &str) -> Result<Vec<Call<'a>>, ApiError> {
    if message.get("function_call").is_some_and(|call| !call.is_null()) {
        return Err(ApiError::unsupported(&format!("{path}.function_call"), provider));
    }
    let items = match message.get("tool_calls") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(ApiError::invalid(&format!("{path}.tool_calls"), "`tool_calls` must be an array.")),
    };
    let mut calls = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let path = format!("{path}.tool_calls[{at}]");
        if item.get("type").is_some_and(|kind| kind != "function") {
            return Err(ApiError::unsupported(&format!("{path}.type"), provider));
        }
        let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |pointer: &str, name: &str| {
            text(pointer).ok_or_else(|| ApiError::invalid(&format!("{path}.{name}"), "It must be a text."))
        };
        let arguments = match text("/function/arguments").map(str::trim) {
            None | Some("") => Map::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| {
                ApiError::invalid(&format!("{path}.function.arguments"), "It must be the text of a JSON object.")
            })?,
        };
        calls.push(Call {
            id: needed("/id", "id")?,
            name: needed("/function/name", "function.name")?,
            arguments,
            signature: text("/extra_content/google/thought_signature"),
        });
    }
    Ok(calls)
}

fn tools<'a>(value: &'a Value, provider: &str) -> Result<Vec<Tool<'a>>, ApiError> {
    let items = value.as_array().ok_or_else(|| ApiError::invalid("tools", "`tools` must be an array."))?;
    let mut names = HashSet::new();
    let mut tools = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        if item.get("type").is_some_and(|kind| kind != "function") {
            return Err(ApiError::unsupported(&format!("tools[{at}].type"), provider));
        }
        let path = format!("tools[{at}].function");
        let name = item.pointer("/function/name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| ApiError::invalid(&format!("{path}.name"), "`name` is missing."))?;
        if !names.insert(name) {
            return Err(ApiError::invalid(&format!("{path}.name"), "Two tools have the same name."));
        }
        let parameters = item.pointer("/function/parameters").filter(|schema| !schema.is_null());
        if parameters.is_some_and(|schema| !schema.is_object()) {
            return Err(ApiError::invalid(&format!("{path}.parameters"), "`parameters` must be a JSON Schema object."));
        }
        tools.push(Tool {
            name,
            description: item.pointer("/function/description").and_then(Value::as_str),
            parameters,
            cache_control: item.get("cache_control").filter(|value| value.is_object()),
        });
    }
    Ok(tools)
}

fn tool_choice<'a>(value: &'a Value, provider: &str) -> Result<ToolChoice<'a>, ApiError> {
    Ok(match value {
        Value::String(word) => match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(ApiError::invalid("tool_choice", "It must be none, auto, required or one function.")),
        },
        _ if value.get("type").is_some_and(|kind| kind == "function") => {
            let name = value.pointer("/function/name").and_then(Value::as_str);
            ToolChoice::Function(name.ok_or_else(|| ApiError::invalid("tool_choice.function.name", "It is missing."))?)
        }
        _ => return Err(ApiError::unsupported("tool_choice", provider)),
    })
}

fn format<'a>(value: &'a Value, provider: &str) -> Result<Format<'a>, ApiError> {
    Ok(match value.get("type").and_then(Value::as_str) {
        Some("text") => Format::Text,
        Some("json_object") => Format::Json,
        Some("json_schema") => {
            let schema = value.pointer("/json_schema/schema").filter(|schema| schema.is_object());
            Format::Schema(schema.ok_or_else(|| {
                ApiError::invalid("response_format.json_schema.schema", "It must be a JSON Schema object.")
            })?)
        }
        _ => return Err(ApiError::unsupported("response_format", provider)),
    })
}

fn stop(value: &Value) -> Result<Vec<&str>, ApiError> {
    let wrong = || ApiError::invalid("stop", "`stop` must be a text or an array of texts.");
    let all: Vec<&str> = match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?,
        _ => return Err(wrong()),
    };
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

fn string<'a>(name: &str, value: &'a Value) -> Result<&'a str, ApiError> {
    value.as_str().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a string.")))
}

fn boolean(name: &str, value: &Value) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be true or false.")))
}

fn count(name: &str, value: &Value, least: u64) -> Result<u64, ApiError> {
    let fits = value.as_u64().filter(|count| (least..=i32::MAX as u64).contains(count));
    fits.ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a whole number, at least {least}.")))
}

fn number<'a>(name: &str, value: &'a Value, least: f64, most: f64) -> Result<&'a Number, ApiError> {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|it| (least..=most).contains(&it)) => Ok(number),
        _ => Err(ApiError::invalid(name, format!("`{name}` must be a number between {least} and {most}."))),
    }
}

fn nonzero(number: &Number) -> Option<&Number> {
    (number.as_f64() != Some(0.0)).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn refused(body: Value) -> (String, String) {
        let error = ChatRequest::read(&body, "X").unwrap_err();
        (error.code, error.param.unwrap())
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
        let read = |url| source(url, "p");
        let inline = Source::Inline { mime: "image/png", base64: "AAAA" };
        assert_eq!(read("data:image/png;base64,AAAA").unwrap(), inline);
        assert_eq!(read("DATA:image/png;charset=x;BASE64,AAAA").unwrap(), inline);
        assert_eq!(read("https://a/b.png").unwrap(), Source::Url("https://a/b.png"));
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
        let request = ChatRequest::read(&body, "X").unwrap();
        assert_eq!((request.max_tokens, request.n, request.frequency_penalty), (Some(7), 1, None));
    }

    #[test]
    fn a_result_belongs_to_the_last_call_of_its_id() {
        let call = |id: &str, name: &str| json!({ "role": "assistant", "tool_calls": [{ "id": id, "type": "function", "function": { "name": name } }] });
        let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "x" });
        let messages =
            [call("a", "first"), call("b", "other"), result("a"), call("a", "second"), result("a"), result("b")];
        let body = json!({ "messages": messages });
        let request = ChatRequest::read(&body, "X").unwrap();
        let names: Vec<&str> = request
            .turns
            .iter()
            .filter_map(|turn| match turn {
                Turn::ToolResult { name, .. } => Some(*name),
                _ => None,
            })
            .collect();
        assert_eq!(names, ["first", "second", "other"]);
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(body in super::super::testing::near_chat_request()) {
            let _ = ChatRequest::read(&body, "X");
        }
    }
}
