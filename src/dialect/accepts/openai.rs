//! What servers that speak OpenAI's language refuse of it, and what is sent instead. Most of a body stays as it came; for a
//! server that takes everything it is not looked at.
//!
//! Only what has a known counterpart, or says nothing about the answer, is changed here. A field with a meaning goes on: its
//! server says itself whether it knows it.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

use super::{
    super::{MAX_VALUES, error::ApiError, view::View, writer::Writer},
    ids::{Ids, fingerprint},
};
use crate::kernel::provider::Provider;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// It goes under another name.
    Rename(&'static str),
    /// It is a hint that says nothing about the answer, and the server refuses fields that it does not know.
    Omit,
    /// It is refused even where it asks for nothing; with a meaning it goes on.
    OmitIdle,
}

use Rule::{Omit, OmitIdle, Rename};

/// What a server refuses.
#[derive(Debug)]
struct Server {
    fields: &'static [(&'static str, Rule)],
    /// Of each message.
    of_messages: &'static [(&'static str, Rule)],
    /// Only a message of a tool may have a `name`; elsewhere it is a hint about who speaks.
    names_of_tools_only: bool,
    /// Ids of calls have nine letters and digits ("Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9").
    short_ids: bool,
}

/// The older name of the bound on an answer, which everybody but OpenAI knows: elsewhere the newer one is refused, or passed
/// over so that there is no bound at all.
const BOUND: (&str, Rule) = ("max_completion_tokens", Rename("max_tokens"));

/// `extra_forbidden`: Mistral refuses every field that it does not know.
const MISTRAL: Server = Server {
    fields: &[
        BOUND,
        ("seed", Rename("random_seed")),
        ("user", Omit),
        ("store", Omit),
        ("metadata", Omit),
        ("service_tier", Omit),
        ("safety_identifier", Omit),
        ("prompt_cache_key", Omit),
        ("prompt_cache_retention", Omit),
        ("verbosity", Omit),
        // It counts without being asked.
        ("stream_options", Omit),
        ("logprobs", OmitIdle),
        ("top_logprobs", OmitIdle),
        ("logit_bias", OmitIdle),
        ("modalities", OmitIdle),
        ("audio", OmitIdle),
        ("functions", OmitIdle),
        ("function_call", OmitIdle),
    ],
    of_messages: &[
        // Clients send answers back with all that stood in them.
        ("refusal", OmitIdle),
        ("annotations", OmitIdle),
        ("audio", OmitIdle),
        ("function_call", OmitIdle),
    ],
    names_of_tools_only: true,
    short_ids: true,
};

/// "property … is unsupported".
const GROQ: Server = Server {
    fields: &[
        ("store", Omit),
        ("metadata", Omit),
        ("safety_identifier", Omit),
        ("prompt_cache_key", Omit),
        ("prompt_cache_retention", Omit),
        ("verbosity", Omit),
        ("logprobs", OmitIdle),
        ("top_logprobs", OmitIdle),
        ("logit_bias", OmitIdle),
    ],
    of_messages: &[("refusal", OmitIdle), ("annotations", OmitIdle), ("audio", OmitIdle), ("function_call", OmitIdle)],
    names_of_tools_only: true,
    short_ids: false,
};

/// Servers of open models: they follow the language as it was before it had two names for a bound and for a system message.
const OPEN: Server = Server { fields: &[BOUND], of_messages: &[], names_of_tools_only: false, short_ids: false };

fn server(provider: Provider) -> Option<&'static Server> {
    match provider {
        Provider::Mistral => Some(&MISTRAL),
        Provider::Groq => Some(&GROQ),
        Provider::Ollama | Provider::OpenAiCompatible => Some(&OPEN),
        // OpenRouter translates for the servers behind it.
        Provider::OpenAi | Provider::AzureOpenAi | Provider::OpenRouter | Provider::Anthropic | Provider::Google => {
            None
        }
    }
}

/// The body as this provider's server takes it; `None` if it takes it as it is. Fails with `too_many_values` if the body,
/// which holds so many values, is too large to be written anew.
pub(in super::super) fn rewritten(provider: Provider, body: &Bytes, values: usize) -> Result<Option<Bytes>, ApiError> {
    let Some(server) = server(provider) else { return Ok(None) };
    if !server.concerns(body) {
        return Ok(None);
    }
    if values > MAX_VALUES {
        return Err(ApiError::too_many_values(provider.label()));
    }
    let request = View::checked(body)?;
    let mut out = Writer::sized(body.len() + 256);
    server.write(request, &mut out);
    Ok(Some(out.finish().into()))
}

impl Server {
    /// Whether any of its words stands somewhere in the body. A search is cheaper than a look at every value.
    fn concerns(&self, body: &[u8]) -> bool {
        let stands = |word: &str| memmem::find(body, word.as_bytes()).is_some();
        let named = |(name, _): &(&str, Rule)| stands(&format!("\"{name}\""));
        // What was written with escapes is nobody's plain word; it goes on, and the server says what it makes of it.
        stands("\"developer\"")
            || self.short_ids && stands("\"tool_call")
            || self.names_of_tools_only && stands("\"name\"")
            || self.fields.iter().chain(self.of_messages).any(named)
    }

    fn write(&self, request: View<'_>, out: &mut Writer) {
        let ids = if self.short_ids { short_ids(request) } else { Ids::default() };
        out.begin_object();
        for (name, value) in kept(request, self.fields) {
            out.name(&name);
            if name == "messages" && value.is_array() {
                out.begin_array();
                value.elements().for_each(|message| self.message(message, &ids, out));
                out.end_array();
            } else {
                out.view(value);
            }
        }
        out.end_object();
    }

    fn message(&self, message: View<'_>, ids: &Ids, out: &mut Writer) {
        if !message.is_object() {
            return out.view(message);
        }
        let nameless = self.names_of_tools_only && !message.get("role").is_some_and(|role| role.says("tool"));
        out.begin_object();
        for (name, value) in kept(message, self.of_messages) {
            if nameless && name == "name" {
                continue;
            }
            out.name(&name);
            match &*name {
                "role" if value.says("developer") => out.value("system"),
                "tool_call_id" => write_id(value, ids, out),
                "tool_calls" if value.is_array() => {
                    out.begin_array();
                    for call in value.elements() {
                        if !call.is_object() {
                            out.view(call);
                            continue;
                        }
                        out.begin_object();
                        for (name, value) in call.members() {
                            out.name(&name);
                            if name == "id" { write_id(value, ids, out) } else { out.view(value) }
                        }
                        out.end_object();
                    }
                    out.end_array();
                }
                _ => out.view(value),
            }
        }
        out.end_object();
    }
}

/// The members that go on, under their names there. Of two that would get one name the newer counts.
fn kept<'a>(
    object: View<'a>,
    rules: &'static [(&'static str, Rule)],
) -> impl Iterator<Item = (Cow<'a, str>, View<'a>)> {
    let rule = move |name: &str| rules.iter().find(|(known, _)| *known == name).map(|(_, rule)| *rule);
    let renamed: Vec<&str> = object
        .members()
        .filter_map(|(name, value)| match rule(&name) {
            Some(Rename(new)) if !value.is_null() => Some(new),
            _ => None,
        })
        .collect();
    object.members().filter_map(move |(name, value)| match rule(&name) {
        Some(Rename(_)) if value.is_null() => None,
        Some(Rename(new)) => Some((Cow::Borrowed(new), value)),
        Some(Omit) => None,
        Some(OmitIdle) if is_idle(value) => None,
        _ if renamed.contains(&&*name) => None,
        _ => Some((name, value)),
    })
}

/// Whether a value asks for nothing.
fn is_idle(value: View<'_>) -> bool {
    let text_alone = value.is_array() && value.elements().all(|one| one.says("text"));
    let empty = value.is_object() && value.members().next().is_none();
    matches!(value.text(), "null" | "false" | "0" | "\"\"" | "\"none\"") || text_alone || empty
}

fn write_id(value: View<'_>, ids: &Ids, out: &mut Writer) {
    match value.as_str().as_deref().and_then(|id| ids.instead_of(id)) {
        Some(new) => out.value(new),
        None => out.view(value),
    }
}

fn short_ids(request: View<'_>) -> Ids {
    fn fits(id: &str) -> bool {
        id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }
    let messages = request.get("messages").unwrap_or(View::NULL);
    let mut all: Vec<Cow<'_, str>> = Vec::new();
    for message in messages.elements() {
        let [calls, of_result] = message.pick(["tool_calls", "tool_call_id"]);
        let called = calls.unwrap_or(View::NULL);
        all.extend(called.elements().filter_map(|call| call.get("id")?.as_str()));
        all.extend(of_result.and_then(View::as_str));
    }
    Ids::of(all.iter().map(|id| &**id), fits, |id, number| fingerprint(id, number, 9))
}
