//! Gemini's generateContent (v1beta).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, ApiError, Stamp,
    answer::{self, Choice, Chunks, Delta, Finish, ToolCall},
    error,
    request::{Call, ChatRequest, Format, Part, Source, ToolChoice, Turn},
    stream::Translate,
};
use crate::gateway::{
    sse::Event,
    usage::{GoogleUsage, Progress, Usage},
};
use crate::server::outgoing::encode_segment;

const LABEL: &str = "Google Gemini";

/// Most answers of one request.
const MAX_CANDIDATES: u64 = 8;

/// Google's documented word for a call whose seal the caller did not keep. Gemini 3 refuses a first call without any.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The path of a call, query included.
pub(super) fn path(model: &str, stream: bool) -> String {
    let model = encode_segment(model.strip_prefix("models/").unwrap_or(model));
    let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    format!("/models/{model}:{method}")
}

/// The body of the request.
pub(super) fn request(chat: &ChatRequest<'_>, model: &str) -> Result<Value, ApiError> {
    let mut body = json!({ "contents": contents(chat, model)? });
    if !chat.system.is_empty() {
        body["systemInstruction"] = json!({ "parts": parts(&chat.system) });
    }
    if !chat.tools.is_empty() {
        if chat.parallel_tool_calls == Some(false) {
            return Err(ApiError::unsupported("parallel_tool_calls", LABEL));
        }
        let functions: Vec<Value> = chat
            .tools
            .iter()
            .map(|tool| {
                let mut function = json!({ "name": tool.name });
                if let Some(description) = tool.description {
                    function["description"] = description.into();
                }
                // A function without parameters must have no schema at all.
                let properties = tool.parameters.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
                if let Some(schema) = tool.parameters.filter(|_| properties.is_none_or(|all| !all.is_empty()))
                    && schema.as_object().is_some_and(|schema| schema.len() > 1)
                {
                    function["parametersJsonSchema"] = schema.clone();
                }
                function
            })
            .collect();
        body["tools"] = json!([{ "functionDeclarations": functions }]);
        let config = match chat.tool_choice {
            ToolChoice::Unset => None,
            ToolChoice::Auto => Some(json!({ "mode": "AUTO" })),
            ToolChoice::None => Some(json!({ "mode": "NONE" })),
            ToolChoice::Required => Some(json!({ "mode": "ANY" })),
            ToolChoice::Function(name) => Some(json!({ "mode": "ANY", "allowedFunctionNames": [name] })),
        };
        if let Some(config) = config {
            body["toolConfig"] = json!({ "functionCallingConfig": config });
        }
    }
    let config = generation_config(chat)?;
    if config.as_object().is_some_and(|config| !config.is_empty()) {
        body["generationConfig"] = config;
    }
    Ok(body)
}

fn generation_config(chat: &ChatRequest<'_>) -> Result<Value, ApiError> {
    let mut config = json!({});
    if chat.n > MAX_CANDIDATES {
        return Err(ApiError::invalid("n", "`n` must be between 1 and 8."));
    }
    if chat.n > 1 {
        config["candidateCount"] = chat.n.into();
    }
    if let Some(max_tokens) = chat.max_tokens {
        config["maxOutputTokens"] = max_tokens.into();
    }
    for (name, value) in [
        ("temperature", chat.temperature),
        ("topP", chat.top_p),
        ("presencePenalty", chat.presence_penalty),
        ("frequencyPenalty", chat.frequency_penalty),
    ] {
        if let Some(value) = value {
            config[name] = value.clone().into();
        }
    }
    if let Some(top_k) = chat.top_k {
        config["topK"] = top_k.into();
    }
    if !chat.stop.is_empty() {
        config["stopSequences"] = chat.stop.clone().into();
    }
    if let Some(seed) = chat.seed {
        let seed = i32::try_from(seed).map_err(|_| ApiError::invalid("seed", "`seed` must fit into 32 bits."))?;
        config["seed"] = seed.into();
    }
    match chat.format {
        Format::Text => {}
        Format::Json => config["responseMimeType"] = "application/json".into(),
        Format::Schema(schema) => {
            config["responseMimeType"] = "application/json".into();
            config["responseJsonSchema"] = schema.clone();
        }
    }
    Ok(config)
}

/// The turns. The results of parallel calls must stand together in one content.
fn contents(chat: &ChatRequest<'_>, model: &str) -> Result<Vec<Value>, ApiError> {
    let mut all: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut in_results = false;
    for turn in &chat.turns {
        let was_in_results = std::mem::replace(&mut in_results, matches!(turn, Turn::ToolResult { .. }));
        let (role, content) = match turn {
            Turn::User(said) => ("user", parts(said)),
            Turn::Assistant { parts: said, calls } => {
                let mut content = parts(said);
                content.extend(calls.iter().enumerate().map(|(at, call)| call_part(call, at == 0, model)));
                ("model", content)
            }
            Turn::ToolResult { id, name, parts } => {
                let response = json!({ "id": id, "name": name, "response": result(parts)? });
                let content = json!({ "functionResponse": response });
                if was_in_results && let Some((_, before)) = all.last_mut() {
                    before.push(content);
                    continue;
                }
                ("user", vec![content])
            }
        };
        if !content.is_empty() {
            all.push((role, content));
        }
    }
    if all.is_empty() {
        return Err(ApiError::invalid("messages", "All messages are empty."));
    }
    Ok(all.into_iter().map(|(role, parts)| json!({ "role": role, "parts": parts })).collect())
}

fn call_part(call: &Call<'_>, first: bool, model: &str) -> Value {
    let mut part = json!({ "functionCall": { "id": call.id, "name": call.name, "args": call.arguments } });
    let missing = (first && model.contains("gemini-3")).then_some(NO_SIGNATURE);
    if let Some(signature) = call.signature.or(missing) {
        part["thoughtSignature"] = signature.into();
    }
    part
}

/// A tool's result must be an object: the text itself if it is the text of one, else an object around it.
fn result(parts: &[Part<'_>]) -> Result<Value, ApiError> {
    let mut joined = String::new();
    for part in parts {
        match part {
            Part::Text { text, .. } => joined.push_str(text),
            Part::Image { .. } | Part::File { .. } => {
                return Err(ApiError::unsupported("messages.content.image_url", LABEL));
            }
        }
    }
    Ok(match serde_json::from_str(&joined) {
        Ok(object @ Value::Object(_)) => object,
        _ => json!({ "result": joined }),
    })
}

fn parts(parts: &[Part<'_>]) -> Vec<Value> {
    parts
        .iter()
        .map(|part| match part {
            Part::Text { text, .. } => json!({ "text": text }),
            Part::Image { source, .. } | Part::File { source, .. } => match source {
                Source::Inline { mime, base64 } => json!({ "inlineData": { "mimeType": mime, "data": base64 } }),
                Source::Url(url) => {
                    let mut file = json!({ "fileUri": url });
                    if let Some(mime) = mime_of(url) {
                        file["mimeType"] = mime.into();
                    }
                    json!({ "fileData": file })
                }
            },
        })
        .collect()
}

/// The type that an address's ending tells.
fn mime_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next()?;
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<GoogleUsage>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    index: u64,
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Piece>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    function_call: Option<FunctionCall>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: String,
    args: Option<Value>,
}

impl FunctionCall {
    fn into_call(self, stem: &str, candidate: u64, at: usize, signature: Option<String>) -> ToolCall {
        ToolCall {
            id: self.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{stem}_{candidate}_{at}")),
            name: self.name,
            arguments: self.args.filter(Value::is_object).map_or("{}".into(), |args| args.to_string()),
            signature,
        }
    }
}

fn finish(reason: &str, called: bool) -> Finish {
    match reason {
        "MAX_TOKENS" => Finish::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            Finish::ContentFilter
        }
        _ if called => Finish::ToolCalls,
        // STOP, OTHER, MALFORMED_FUNCTION_CALL, and whatever comes later.
        _ => Finish::Stop,
    }
}

/// A whole answer in OpenAI's shape. Thoughts are left out.
pub(super) fn whole(body: &[u8], mut stamp: Stamp) -> Result<Answer, ApiError> {
    let mut generated: Generated = serde_json::from_slice(body).map_err(|_| ApiError::bad_answer())?;
    if let Some(failure) = generated.error {
        return Err(error::stream_error(&json!({ "error": failure })));
    }
    let blocked = generated.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    if generated.candidates.is_empty() && !blocked {
        return Err(ApiError::bad_answer());
    }
    let stem = std::mem::take(&mut stamp.id);
    generated.candidates.sort_by_key(|candidate| candidate.index);
    let mut choices = Vec::new();
    for candidate in generated.candidates {
        let (mut text, mut calls) = (None::<String>, Vec::new());
        for piece in candidate.content.map(|content| content.parts).unwrap_or_default() {
            if let Some(call) = piece.function_call {
                calls.push(call.into_call(&stem, candidate.index, calls.len(), piece.thought_signature));
            } else if let Some(more) = piece.text.filter(|_| !piece.thought) {
                text.get_or_insert_default().push_str(&more);
            }
        }
        if calls.is_empty() {
            text.get_or_insert_default();
        }
        let finish = finish(candidate.finish_reason.as_deref().unwrap_or(""), !calls.is_empty());
        choices.push(Choice { text, calls, finish });
    }
    if choices.is_empty() {
        choices.push(Choice { text: Some(String::new()), calls: Vec::new(), finish: Finish::ContentFilter });
    }
    stamp.id = generated.response_id.unwrap_or(stem);
    stamp.model = generated.model_version.unwrap_or(stamp.model);
    let usage = generated.usage_metadata.map(Usage::from);
    Ok(Answer { body: answer::completion(&stamp, &choices, usage.unwrap_or_default()).into(), usage })
}

/// Translates a stream: each event is a partial answer, function calls come whole, and the end is the end of the bytes.
#[derive(Debug)]
pub(super) struct Stream {
    chunks: Chunks,
    stem: String,
    named: bool,
    candidates: BTreeMap<u64, Progressed>,
    blocked: bool,
    usage: Option<Usage>,
}

#[derive(Debug, Default)]
struct Progressed {
    calls: usize,
    finish: Option<String>,
}

impl Stream {
    pub(super) fn new(chunks: Chunks) -> Self {
        let stem = chunks.stamp.id.clone();
        Self { chunks, stem, named: false, candidates: BTreeMap::new(), blocked: false, usage: None }
    }

    fn candidate(&mut self, candidate: Candidate, out: &mut Vec<u8>) -> Result<(), ApiError> {
        if candidate.index >= MAX_CANDIDATES {
            return Err(ApiError::bad_answer());
        }
        let index = candidate.index as usize;
        let state = self.candidates.entry(candidate.index).or_insert_with(|| {
            self.chunks.write(out, index, Delta::role(), None);
            Progressed::default()
        });
        for piece in candidate.content.map(|content| content.parts).unwrap_or_default() {
            if let Some(call) = piece.function_call {
                let call = call.into_call(&self.stem, candidate.index, state.calls, piece.thought_signature);
                let delta = Delta::call(state.calls, &call.id, &call.name, &call.arguments, call.signature.as_deref());
                self.chunks.write(out, index, delta, None);
                state.calls += 1;
            } else if let Some(text) = piece.text.filter(|text| !piece.thought && !text.is_empty()) {
                self.chunks.write(out, index, Delta::text(&text), None);
            }
        }
        state.finish = candidate.finish_reason.or(state.finish.take());
        Ok(())
    }
}

impl Translate for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Progress, ApiError> {
        let generated: Generated = serde_json::from_str(&event.data).map_err(|_| ApiError::bad_answer())?;
        if let Some(failure) = generated.error {
            return Err(error::stream_error(&json!({ "error": failure })));
        }
        if !std::mem::replace(&mut self.named, true) {
            if let Some(id) = generated.response_id {
                self.chunks.stamp.id = id;
            }
            if let Some(model) = generated.model_version {
                self.chunks.stamp.model = model;
            }
        }
        if let Some(usage) = generated.usage_metadata {
            self.usage = Some(usage.into());
        }
        self.blocked |= generated.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        for candidate in generated.candidates {
            self.candidate(candidate, out)?;
        }
        Ok(Progress::Running)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError> {
        if self.candidates.is_empty() && self.blocked {
            self.chunks.write(out, 0, Delta::role(), None);
            self.chunks.write(out, 0, Delta::default(), Some(Finish::ContentFilter));
        } else if self.candidates.is_empty() || self.candidates.values().any(|state| state.finish.is_none()) {
            return Err(ApiError::broken_stream());
        }
        for (index, state) in &self.candidates {
            let finish = finish(state.finish.as_deref().unwrap_or(""), state.calls > 0);
            self.chunks.write(out, *index as usize, Delta::default(), Some(finish));
        }
        self.chunks.end(out, self.usage.unwrap_or_default());
        Ok(())
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}
