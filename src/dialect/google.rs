//! Gemini's generateContent (v1beta).

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Answer, ApiError, Stamp,
    accepts::google::{MAX_CANDIDATES, Settled, settle},
    answer::{self, Chunks, Completion, Delta, Finish, ToolCall},
    error,
    request::{ChatRequest, ContentPart, ContentSource, EarlierCall, Format, ToolChoice, Turn},
    stream::Translate,
    view::{Text, View},
    writer::Writer,
};
use crate::{
    dialect::{
        sse::Event,
        usage::{GoogleUsage, Progress, Usage},
    },
    server::outgoing::encode_segment,
};

/// Google's documented word for a call whose seal the caller did not keep. Models that seal refuse a first call without any,
/// and the others do not mind it.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The path of a call, query included.
pub(super) fn path(model: &str, stream: bool) -> String {
    let model = encode_segment(model.strip_prefix("models/").unwrap_or(model));
    let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    format!("/models/{model}:{method}")
}

/// The body of the request, for a caller's body of so many bytes.
pub(super) fn request(chat: &ChatRequest<'_>, bytes: usize) -> Result<Vec<u8>, ApiError> {
    let settled = settle(chat)?;
    let mut out = Writer::sized(bytes + 1024);
    out.begin_object();
    contents(out.key("contents"), chat)?;
    if !chat.system.is_empty() {
        out.key("systemInstruction").begin_object();
        out.key("parts").begin_array();
        chat.system.iter().for_each(|said| part(&mut out, said));
        out.end_array();
        out.end_object();
    }
    if !chat.tools.is_empty() {
        tools(&mut out, chat);
    }
    generation_config(&mut out, chat, &settled);
    out.end_object();
    Ok(out.finish())
}

fn tools(out: &mut Writer, chat: &ChatRequest<'_>) {
    out.key("tools").begin_array();
    out.begin_object();
    out.key("functionDeclarations").begin_array();
    for tool in &chat.tools {
        out.begin_object();
        out.key("name").value(&tool.name);
        if let Some(description) = tool.description {
            out.key("description").text(description);
        }
        if let Some(schema) = tool.parameters.filter(|schema| has_parameters(*schema)) {
            out.key("parametersJsonSchema").view(schema);
        }
        out.end_object();
    }
    out.end_array();
    out.end_object();
    out.end_array();
    let mode = match &chat.tool_choice {
        ToolChoice::Unset => return,
        ToolChoice::Auto => "AUTO",
        ToolChoice::None => "NONE",
        ToolChoice::Required | ToolChoice::Function(_) => "ANY",
    };
    out.key("toolConfig").begin_object();
    out.key("functionCallingConfig").begin_object();
    out.key("mode").value(mode);
    if let ToolChoice::Function(name) = &chat.tool_choice {
        out.key("allowedFunctionNames").value([name]);
    }
    out.end_object();
    out.end_object();
}

/// A function without parameters must have no schema at all.
fn has_parameters(schema: View<'_>) -> bool {
    let properties = schema.get("properties").filter(|properties| properties.is_object());
    properties.is_none_or(|all| all.members().next().is_some()) && schema.members().nth(1).is_some()
}

fn generation_config(out: &mut Writer, chat: &ChatRequest<'_>, settled: &Settled) {
    let before = out.len();
    out.key("generationConfig").begin_object();
    let begun = out.len();
    if chat.n > 1 {
        out.key("candidateCount").value(chat.n);
    }
    if let Some(max_tokens) = chat.max_tokens {
        out.key("maxOutputTokens").value(max_tokens);
    }
    for (name, value) in [
        ("temperature", chat.temperature),
        ("topP", chat.top_p),
        ("presencePenalty", chat.presence_penalty),
        ("frequencyPenalty", chat.frequency_penalty),
    ] {
        if let Some(value) = value {
            out.key(name).view(value);
        }
    }
    if let Some(top_k) = chat.top_k {
        out.key("topK").value(top_k);
    }
    if !chat.stop.is_empty() {
        out.key("stopSequences").begin_array();
        chat.stop.iter().for_each(|text| out.text(*text));
        out.end_array();
    }
    if let Some(seed) = settled.seed {
        out.key("seed").value(seed);
    }
    if let Some(tokens) = settled.thinking {
        out.key("thinkingConfig").begin_object();
        out.key("thinkingBudget").value(tokens);
        out.end_object();
    }
    match chat.format {
        Format::Text => {}
        Format::Json => out.key("responseMimeType").value("application/json"),
        Format::Schema(schema) => {
            out.key("responseMimeType").value("application/json");
            out.key("responseJsonSchema").view(schema);
        }
    }
    if out.len() > begun {
        out.end_object();
    } else {
        out.truncate(before);
    }
}

/// The turns. The results of parallel calls must stand together in one content.
fn contents(out: &mut Writer, chat: &ChatRequest<'_>) -> Result<(), ApiError> {
    let (mut open, mut in_results) = (false, false);
    out.begin_array();
    for turn in &chat.turns {
        let of_results = matches!(turn, Turn::ToolResult { .. });
        let goes_on = std::mem::replace(&mut in_results, of_results) && of_results;
        if turn.is_empty() {
            continue;
        }
        if !goes_on {
            if std::mem::replace(&mut open, true) {
                end_content(out);
            }
            out.begin_object();
            out.key("role").value(if matches!(turn, Turn::Assistant { .. }) { "model" } else { "user" });
            out.key("parts").begin_array();
        }
        match turn {
            Turn::User(said) => said.iter().for_each(|said| part(out, said)),
            Turn::Assistant { parts, calls } => {
                parts.iter().for_each(|said| part(out, said));
                calls.iter().enumerate().for_each(|(at, call)| call_part(out, call, at == 0));
            }
            Turn::ToolResult { id, name, parts, .. } => {
                out.begin_object();
                out.key("functionResponse").begin_object();
                out.key("id").value(id);
                out.key("name").value(name);
                result(out.key("response"), parts);
                out.end_object();
                out.end_object();
                // A response is JSON; what is no text stands beside it.
                parts.iter().filter(|part| !matches!(part, ContentPart::Text { .. })).for_each(|said| part(out, said));
            }
        }
    }
    if !open {
        return Err(ApiError::invalid("messages", "All messages are empty."));
    }
    end_content(out);
    out.end_array();
    Ok(())
}

fn end_content(out: &mut Writer) {
    out.end_array();
    out.end_object();
}

fn call_part(out: &mut Writer, call: &EarlierCall<'_>, first: bool) {
    out.begin_object();
    out.key("functionCall").begin_object();
    out.key("id").value(&call.id);
    out.key("name").value(&call.name);
    out.key("args").json(call.arguments().trim_ascii());
    out.end_object();
    if let Some(signature) = call.signature {
        out.key("thoughtSignature").text(signature);
    } else if first {
        out.key("thoughtSignature").value(NO_SIGNATURE);
    }
    out.end_object();
}

/// A tool's result must be an object: the text itself if it is the text of one, else an object around it.
fn result(out: &mut Writer, parts: &[ContentPart<'_>]) {
    let texts: Vec<Text<'_>> = parts
        .iter()
        .filter_map(|part| match part {
            ContentPart::Text { text, .. } => Some(*text),
            ContentPart::Image { .. } | ContentPart::File { .. } => None,
        })
        .collect();
    // Most are none, which their first character tells, behind blanks and as it may be written with an escape.
    let blanks = [' ', '\\', 'n', 'r', 't'];
    let begins = texts.first().and_then(|text| text.written().trim_start_matches(blanks).bytes().next());
    if matches!(begins, Some(b'{' | b'u')) {
        let joined: Option<String> = texts.iter().map(|text| text.read()).collect();
        if let Some(joined) = joined.filter(|joined| View::object(joined.as_bytes()).is_ok()) {
            return out.json(joined.trim_ascii());
        }
    }
    out.begin_object();
    out.key("result").begin_text();
    texts.iter().for_each(|text| out.more(text.written()));
    out.end_text();
    out.end_object();
}

fn part(out: &mut Writer, part: &ContentPart<'_>) {
    out.begin_object();
    match part {
        ContentPart::Text { text, .. } => out.key("text").text(*text),
        ContentPart::Image { source, .. } | ContentPart::File { source, .. } => match source {
            ContentSource::Inline { mime, base64 } => {
                out.key("inlineData").begin_object();
                out.key("mimeType").value(mime);
                out.key("data").written(base64);
                out.end_object();
            }
            ContentSource::Url(url) => {
                out.key("fileData").begin_object();
                out.key("fileUri").text(*url);
                if let Some(mime) = url.read().and_then(|url| mime_of(&url)) {
                    out.key("mimeType").value(mime);
                }
                out.end_object();
            }
        },
    }
    out.end_object();
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

/// A candidate's number, its parts, and why it ended.
fn candidate(view: View<'_>) -> Result<(u64, View<'_>, Option<Cow<'_, str>>), ApiError> {
    let [index, content, finish] = view.pick(["index", "content", "finishReason"]);
    let index = index.map_or(Some(0), View::as_u64).filter(|index| *index < MAX_CANDIDATES);
    let parts = content.and_then(|content| content.get("parts")).unwrap_or(View::NULL);
    Ok((index.ok_or_else(ApiError::bad_answer)?, parts, finish.and_then(View::as_str)))
}

/// A part of an answer that says something. Thoughts do not.
enum Piece<'a> {
    Text(Text<'a>),
    Call { call: View<'a>, signature: Option<View<'a>> },
}

fn pieces(parts: View<'_>) -> impl Iterator<Item = Piece<'_>> {
    parts.elements().filter_map(|part| {
        let [call, signature, text, thought] = part.pick(["functionCall", "thoughtSignature", "text", "thought"]);
        match call {
            Some(call) => Some(Piece::Call { call, signature }),
            None if thought.and_then(View::as_bool) == Some(true) => None,
            None => text?.as_text().map(Piece::Text),
        }
    })
}

fn tool_call<'a>(
    call: View<'a>,
    signature: Option<View<'a>>,
    (stem, candidate, at): (&str, u64, usize),
) -> Result<ToolCall<'a>, ApiError> {
    let [id, name, args] = call.pick(["id", "name", "args"]);
    let id = id.and_then(View::as_str).filter(|id| !id.is_empty());
    Ok(ToolCall {
        id: id.unwrap_or_else(|| format!("call_{stem}_{candidate}_{at}").into()),
        name: name.and_then(View::as_str).ok_or_else(ApiError::bad_answer)?,
        arguments: ToolCall::arguments_of(args),
        signature: signature.and_then(View::as_str),
    })
}

/// Why a candidate ended. `said` tells whether there is anything in it. What is no answer is an error, whatever the model
/// had said by then: `stop` would tell the caller that it has one.
fn finish(reason: &str, said: bool) -> Result<Finish, ApiError> {
    Ok(match reason {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        "OTHER"
        | "FINISH_REASON_UNSPECIFIED"
        | "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "NO_IMAGE"
        | "IMAGE_OTHER" => {
            return Err(ApiError::unfinished(reason));
        }
        // Whatever comes later, and what is missing.
        _ if said => Finish::Stop,
        _ => return Err(ApiError::unfinished(reason)),
    })
}

/// Whether the question itself was refused.
fn is_blocked(feedback: Option<View<'_>>) -> bool {
    feedback.is_some_and(|feedback| feedback.get("blockReason").is_some())
}

/// A whole answer in OpenAI's shape. Thoughts are left out.
pub(super) fn whole(body: &[u8], mut stamp: Stamp, one_call: bool) -> Result<Answer, ApiError> {
    let generated = super::answer_view(body)?;
    let [candidates, feedback, usage, model, id, failure] = generated.pick(ANSWER);
    if let Some(failure) = failure {
        return Err(error::stream_error(failure.text().as_bytes()));
    }
    let candidates = candidates.unwrap_or(View::NULL).elements().map(candidate);
    let mut candidates = candidates.take(MAX_CANDIDATES as usize + 1).collect::<Result<Vec<_>, _>>()?;
    if candidates.len() > MAX_CANDIDATES as usize || candidates.is_empty() && !is_blocked(feedback) {
        return Err(ApiError::bad_answer());
    }
    let stem = std::mem::take(&mut stamp.id);
    stamp.id = answer::name(id).unwrap_or_else(|| stem.clone());
    stamp.model = answer::name(model).unwrap_or(stamp.model);
    candidates.sort_by_key(|(index, ..)| *index);
    let counted = usage.and_then(View::read::<GoogleUsage>);
    let usage = counted.map(Usage::from);
    let mut completion = Completion::begin(&stamp, body.len());
    for (index, parts, reason) in &candidates {
        let texts = pieces(*parts).filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Call { .. } => None,
        });
        let calls = pieces(*parts).filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Call { call, signature } => Some((call, signature)),
        });
        let calls = calls.take(if one_call { 1 } else { usize::MAX });
        let calls = calls.enumerate().map(|(at, (call, signature))| tool_call(call, signature, (&stem, *index, at)));
        let said = pieces(*parts).next().is_some();
        let end = finish(reason.as_deref().unwrap_or(""), said).map_err(|error| error.having_used(usage))?;
        completion.choice(texts, calls, |called| end.with_calls(called))?;
    }
    if candidates.is_empty() {
        completion.choice(std::iter::empty(), std::iter::empty(), |_| Finish::ContentFilter)?;
    }
    let thoughts = counted.and_then(|counted| counted.thoughts());
    Ok(Answer { body: completion.end(usage.unwrap_or_default(), thoughts).into(), usage, failed: None })
}

/// The members of an answer, or of a piece of one, that say something.
const ANSWER: [&str; 6] = ["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "error"];

/// Translates a stream: each event is a partial answer, function calls come whole, and the end is the end of the bytes.
#[derive(Debug)]
pub(super) struct Stream {
    chunks: Chunks,
    stem: String,
    named: bool,
    candidates: BTreeMap<u64, Progressed>,
    blocked: bool,
    one_call: bool,
    usage: Option<GoogleUsage>,
}

#[derive(Debug, Default)]
struct Progressed {
    calls: usize,
    /// Whether anything has been said.
    said: bool,
    /// Why it ended, as if it had no calls.
    finish: Option<Finish>,
}

impl Stream {
    pub(super) fn new(chunks: Chunks, one_call: bool) -> Self {
        let stem = chunks.stamp.id.clone();
        Self { chunks, stem, named: false, candidates: BTreeMap::new(), blocked: false, one_call, usage: None }
    }

    fn candidate(&mut self, view: View<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let (number, parts, reason) = candidate(view)?;
        let index = number as usize;
        let state = self.candidates.entry(number).or_insert_with(|| {
            self.chunks.write(out, index, Delta::role(), None);
            Progressed::default()
        });
        // Neighbouring texts go on together: each chunk repeats everything that is said of the answer.
        let mut text = String::new();
        for piece in pieces(parts) {
            state.said = true;
            match piece {
                Piece::Call { .. } if self.one_call && state.calls > 0 => {}
                Piece::Text(more) => text.push_str(&more.read().ok_or_else(ApiError::bad_answer)?),
                Piece::Call { call, signature } => {
                    let call = tool_call(call, signature, (&self.stem, number, state.calls))?;
                    if !text.is_empty() {
                        self.chunks.write(out, index, Delta::text(&std::mem::take(&mut text)), None);
                    }
                    let ToolCall { id, name, arguments, signature } = &call;
                    let delta = Delta::call(state.calls, id, name, arguments, signature.as_deref());
                    self.chunks.write(out, index, delta, None);
                    state.calls += 1;
                }
            }
        }
        if !text.is_empty() {
            self.chunks.write(out, index, Delta::text(&text), None);
        }
        if let Some(reason) = reason {
            state.finish = Some(finish(&reason, state.said)?);
        }
        Ok(())
    }
}

impl Translate for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Progress, ApiError> {
        let [candidates, feedback, usage, model, id, failure] = super::event_view(event)?.pick(ANSWER);
        if let Some(failure) = failure {
            return Err(error::stream_error(failure.text().as_bytes()));
        }
        if !std::mem::replace(&mut self.named, true) {
            if let Some(id) = answer::name(id) {
                self.chunks.stamp.id = id;
            }
            if let Some(model) = answer::name(model) {
                self.chunks.stamp.model = model;
            }
        }
        if let Some(usage) = usage.and_then(View::read::<GoogleUsage>) {
            self.usage = Some(usage);
        }
        self.blocked |= is_blocked(feedback);
        for candidate in candidates.unwrap_or(View::NULL).elements() {
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
            let finish = state.finish.unwrap_or(Finish::Stop).with_calls(state.calls > 0);
            self.chunks.write(out, *index as usize, Delta::default(), Some(finish));
        }
        let thoughts = self.usage.and_then(|usage| usage.thoughts());
        self.chunks.end(out, self.usage.unwrap_or_default().into(), thoughts);
        Ok(())
    }

    fn usage(&self) -> Option<Usage> {
        self.usage.map(Usage::from)
    }
}
