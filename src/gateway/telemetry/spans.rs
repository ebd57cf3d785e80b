//! A call as spans, in the JSON of OpenTelemetry's protocol (OTLP) and the words of its conventions for generative AI. No
//! text of a call is in it, and no metadata that callers give.

use crate::features::logs::model::CallOutcome;
use crate::gateway::endpoints::Endpoint;
use crate::gateway::facts::{CallEnd, CallFacts, Led, Runs, Tried};
use crate::gateway::target::CallTarget;
use crate::kernel::{CallId, OrganisationId, VirtualKeyId, provider::Provider};
use http::Uri;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use uuid::Uuid;

/// A call that has ended.
#[derive(Debug)]
pub struct Ended {
    pub call: Arc<CallFacts>,
    pub end: CallEnd,
}

impl Ended {
    /// How many spans it becomes.
    pub fn spans(&self) -> u64 {
        spans_of(&self.end)
    }
}

/// What is told of a virtual key besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub slug: Box<str>,
    /// Where its calls go: host and port.
    pub server: Option<(Box<str>, u16)>,
}

impl Target {
    pub fn of(target: &CallTarget) -> Self {
        let origin = target.address.as_ref().and_then(|address| address.base().origin().parse::<Uri>().ok());
        let server = origin.as_ref().and_then(|origin| {
            let usual = if origin.scheme_str() == Some("https") { 443 } else { 80 };
            Some((origin.host()?.into(), origin.port_u16().unwrap_or(usual)))
        });
        Self { slug: target.slug.clone(), server }
    }
}

/// Finds what is known of a virtual key, without waiting for anything.
pub type Find = Arc<dyn Fn(OrganisationId, VirtualKeyId) -> Option<Target> + Send + Sync>;

/// What was found.
type Targets = HashMap<(OrganisationId, VirtualKeyId), Option<Target>>;

/// How many spans a call with this end becomes: its own, and one for each attempt that its config made.
pub fn spans_of(end: &CallEnd) -> u64 {
    1 + end.tried.len() as u64
}

/// The body of a request that exports these calls, as this process.
pub fn request(instance: Uuid, calls: &[Ended], find: &Find) -> Vec<u8> {
    let mut targets = Targets::new();
    for Ended { call, end } in calls {
        let used = end.tried.iter().map(|tried| tried.virtual_key).chain([call.virtual_key]);
        for virtual_key in used.flatten() {
            let place = (call.organisation, virtual_key);
            targets.entry(place).or_insert_with(|| find(call.organisation, virtual_key));
        }
    }
    let resource = vec![
        text("service.name", "latchkey"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", instance.to_string()),
    ];
    let scope = Scope { name: "latchkey.gateway", version: env!("CARGO_PKG_VERSION") };
    let mut spans = Vec::with_capacity(calls.len());
    for call in calls {
        spans_into(call, &targets, &mut spans);
    }
    let request = Request {
        resource_spans: [ResourceSpans {
            resource: Resource { attributes: resource },
            scope_spans: [ScopeSpans { scope, spans }],
        }],
    };
    // Nothing in it can fail to be written.
    serde_json::to_vec(&request).unwrap_or_default()
}

fn spans_into<'a>(Ended { call, end }: &'a Ended, targets: &'a Targets, spans: &mut Vec<Span<'a>>) {
    let trace_id = Hex(trace_id(call.organisation, &call.trace).to_be_bytes());
    let own = span_id(call.id, 0);
    let arrived = u64::try_from(call.started_at.0).unwrap_or(0).saturating_mul(1_000_000);
    let nanos = |micros: u64| Decimal(arrived.saturating_add(micros.saturating_mul(1_000)));
    let (provider, model) = match &end.went {
        Some(went) => (went.provider, &*went.model),
        None => (call.provider, &*call.model),
    };
    let operation = operation(call.endpoint);
    let name = if model.is_empty() { operation.into() } else { format!("{operation} {model}").into() };
    spans.push(Span {
        trace_id,
        span_id: Hex(own.to_be_bytes()),
        parent_span_id: None,
        name,
        kind: CLIENT,
        start_time_unix_nano: nanos(0),
        end_time_unix_nano: nanos(end.latency_us),
        attributes: attributes(call, end, (operation, provider, model), targets),
        status: Status::of(fault(end)),
    });
    for (number, tried) in end.tried.iter().enumerate() {
        let took = tried.end.as_ref().map_or(0, |end| end.took_us);
        spans.push(Span {
            trace_id,
            span_id: Hex(span_id(call.id, number + 1).to_be_bytes()),
            parent_span_id: Some(Hex(own.to_be_bytes())),
            name: "attempt".into(),
            kind: CLIENT,
            start_time_unix_nano: nanos(tried.began_us),
            end_time_unix_nano: nanos(tried.began_us.saturating_add(took)),
            attributes: of_attempt(number + 1, tried, call.organisation, targets),
            status: Status::of(tried.end.as_ref().and_then(|end| end.error.as_deref())),
        });
    }
}

/// What is told of a call.
fn attributes<'a>(
    call: &'a CallFacts,
    end: &'a CallEnd,
    (operation, provider, model): (&'static str, Option<Provider>, &'a str),
    targets: &'a Targets,
) -> Vec<Attribute<'a>> {
    let mut all = Vec::with_capacity(32);
    all.push(text("gen_ai.operation.name", operation));
    if let Some(provider) = provider {
        all.push(text("gen_ai.provider.name", conventional(provider)));
        all.push(text("latchkey.provider", provider.name()));
    }
    if !model.is_empty() {
        all.push(text("gen_ai.request.model", model));
    }
    if *call.model != *model && !call.model.is_empty() {
        all.push(text("latchkey.model.asked", &*call.model));
    }
    if let Some(usage) = end.usage {
        all.push(number("gen_ai.usage.input_tokens", usage.input_tokens));
        all.push(number("gen_ai.usage.output_tokens", usage.output_tokens));
        all.push(number("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens));
        all.push(number("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens));
    }
    if let Some(status) = end.upstream_status {
        all.push(number("http.response.status_code", status));
    }
    if let Some(fault) = fault(end) {
        all.push(text("error.type", fault));
    }
    all.push(text("latchkey.call.id", call.id.to_string()));
    all.push(text("latchkey.trace.id", &*call.trace));
    all.push(text("latchkey.organisation.id", call.organisation.to_string()));
    // Of a person in the console both hold ids of theirs.
    match call.person {
        Some(person) => all.push(text("latchkey.person.id", person.to_string())),
        None => all.push(text("latchkey.key.id", call.key.to_string())),
    }
    let virtual_key = end.went.as_ref().map_or(call.virtual_key, |went| went.virtual_key);
    used(virtual_key, call.organisation, targets, &mut all);
    all.push(text("latchkey.endpoint", call.endpoint.name()));
    all.push(text("latchkey.outcome", end.kind().name()));
    all.push(number("latchkey.status_code", end.status));
    all.push(truth("latchkey.streamed", call.streamed));
    all.push(truth("latchkey.sent", end.sent));
    all.push(number(
        "latchkey.attempts",
        if end.tried.is_empty() { u64::from(end.sent) } else { end.tried.len() as u64 },
    ));
    if end.count > 1 {
        all.push(number("latchkey.count", end.count));
    }
    if let Some(first) = end.first_byte_us {
        all.push(decimal("latchkey.first_byte_seconds", first as f64 / 1e6));
    }
    if let Some(cost) = end.cost {
        all.push(decimal("latchkey.cost_dollars", cost as f64 / 1e8));
    }
    if let Some(saved) = end.saved {
        all.push(decimal("latchkey.saved_dollars", saved as f64 / 1e8));
    }
    if let Some(id) = &end.upstream_id {
        all.push(text("latchkey.upstream_request_id", &**id));
    }
    if let Some(Led { saved: Some((config, version)) }) = call.config {
        all.push(text("latchkey.config.id", config.to_string()));
        all.push(number("latchkey.config.version", version));
    }
    if let Some(Runs { prompt, version, .. }) = call.prompt.as_deref() {
        all.push(text("latchkey.prompt.id", prompt.to_string()));
        all.push(number("latchkey.prompt.version", *version));
    }
    all
}

/// What is told of an attempt. Tokens and cost stand on the call alone, so that nobody counts them twice.
fn of_attempt<'a>(
    at: usize,
    tried: &'a Tried,
    organisation: OrganisationId,
    targets: &'a Targets,
) -> Vec<Attribute<'a>> {
    let mut all = vec![number("latchkey.attempt.number", at), text("latchkey.attempt.path", &*tried.path)];
    if let Some(provider) = tried.provider {
        all.push(text("latchkey.provider", provider.name()));
    }
    if !tried.model.is_empty() {
        all.push(text("latchkey.model.sent", &*tried.model));
    }
    used(tried.virtual_key, organisation, targets, &mut all);
    if let Some(end) = &tried.end {
        all.push(truth("latchkey.sent", end.sent));
        all.push(text("latchkey.attempt.next", end.then.name()));
        if let Some(status) = end.status {
            all.push(number("http.response.status_code", status));
        }
        if let Some(error) = &end.error {
            all.push(text("error.type", &**error));
        }
    }
    all
}

/// The virtual key that was used, and where it leads.
fn used<'a>(
    virtual_key: Option<VirtualKeyId>,
    organisation: OrganisationId,
    targets: &'a Targets,
    all: &mut Vec<Attribute<'a>>,
) {
    let Some(id) = virtual_key else { return };
    all.push(text("latchkey.virtual_key.id", id.to_string()));
    let Some(Some(Target { slug, server })) = targets.get(&(organisation, id)) else { return };
    all.push(text("latchkey.virtual_key.slug", &**slug));
    if let Some((host, port)) = server {
        all.push(text("server.address", &**host));
        all.push(number("server.port", *port));
    }
}

/// What went wrong with a call, if anything did.
fn fault(end: &CallEnd) -> Option<&str> {
    let kind = end.kind();
    (kind != CallOutcome::Ok).then(|| end.error.as_deref().unwrap_or(kind.name()))
}

/// The kind of operation in the words of the conventions, where they have one.
fn operation(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::Responses => "chat",
        Endpoint::Completions => "text_completion",
        other => other.name(),
    }
}

/// A provider's name in the words of the conventions, where they have one.
fn conventional(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "gcp.gemini",
        Provider::AzureOpenAi => "azure.ai.openai",
        Provider::Mistral => "mistral_ai",
        other => other.name(),
    }
}

/// The trace that a call belongs to: the one that its caller names, if that is an id as OpenTelemetry has it or a UUID;
/// else one that is the same for all calls of the organisation with this word.
fn trace_id(organisation: OrganisationId, trace: &str) -> u128 {
    let named = Uuid::try_parse(trace).ok().map(|id| id.as_u128()).filter(|id| *id != 0);
    named.unwrap_or_else(|| {
        let digest = Sha256::new().chain_update(organisation.0.as_bytes()).chain_update(trace).finalize();
        // An id of zeros would be none.
        digest.iter().take(16).fold(0_u128, |id, byte| id << 8 | u128::from(*byte)).max(1)
    })
}

/// The id of a call's own span (0) or of an attempt's, from the part of the call's id that is random.
fn span_id(call: CallId, number: usize) -> u64 {
    let random = call.0.as_u128() as u64;
    random.wrapping_add((number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1)
}

/// `SPAN_KIND_CLIENT` and `STATUS_CODE_ERROR`.
const CLIENT: u8 = 3;
const ERROR: u8 = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    trace_id: Hex<16>,
    span_id: Hex<8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Hex<8>>,
    name: Cow<'a, str>,
    kind: u8,
    start_time_unix_nano: Decimal<u64>,
    end_time_unix_nano: Decimal<u64>,
    attributes: Vec<Attribute<'a>>,
    status: Status<'a>,
}

/// Nothing where all went well: to say "ok" is for whoever knows better.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> Status<'a> {
    fn of(fault: Option<&'a str>) -> Self {
        Self { code: fault.map(|_| ERROR), message: fault }
    }
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: Value<'a>,
}

#[derive(Serialize)]
enum Value<'a> {
    #[serde(rename = "stringValue")]
    Text(Cow<'a, str>),
    #[serde(rename = "intValue")]
    Number(Decimal<i64>),
    #[serde(rename = "doubleValue")]
    Real(f64),
    #[serde(rename = "boolValue")]
    Truth(bool),
}

fn text<'a>(key: &'static str, value: impl Into<Cow<'a, str>>) -> Attribute<'a> {
    Attribute { key, value: Value::Text(value.into()) }
}

fn number<'a>(key: &'static str, value: impl TryInto<i64>) -> Attribute<'a> {
    Attribute { key, value: Value::Number(Decimal(value.try_into().unwrap_or(i64::MAX))) }
}

fn decimal<'a>(key: &'static str, value: f64) -> Attribute<'a> {
    Attribute { key, value: Value::Real(value) }
}

fn truth<'a>(key: &'static str, value: bool) -> Attribute<'a> {
    Attribute { key, value: Value::Truth(value) }
}

/// An id, in hexadecimal digits.
#[derive(Clone, Copy)]
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::server::database::hex(&self.0))
    }
}

/// A 64-bit number, which JSON holds as a text: readers in JavaScript would round it.
struct Decimal<T>(T);

impl<T: Display> Serialize for Decimal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
#[path = "spans_tests.rs"]
pub(super) mod tests;
