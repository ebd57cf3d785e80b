//! Calls that name a prompt: it is filled with the caller's variables, and answered as it is or led on as a chat or a
//! completion. What leads such a call on, judges and logs it is the way of every call.

use super::call::{self, Gateway, authenticate, begun, finish, go, known, may_call, standing};
use super::directory::{Known, Runnable};
use super::endpoints::Endpoint;
use super::facts::{CallFacts, Runs};
use super::narrowed;
use super::refusals::Refused;
use super::request::{Asks, VIRTUAL_KEY, metadata, named_slug, read_call};
use super::room::{HEAVY, Share};
use crate::{
    kernel::RequestId,
    policy::Permission,
    prompts::{Output, Refusal as Unfilled, Rendered, Variables},
    web::{refusal::Refusal, request::trace_id},
};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use uuid::Uuid;

/// The longest address of a prompt, in bytes.
const LONGEST_ADDRESS: usize = 300;

/// Fills a prompt and answers with the request that would leave.
pub(super) async fn render(gateway: &Gateway, request_id: RequestId, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let trace = trace_id(&parts.headers, request_id.0);
    finish(rendered(gateway, &parts, body).await, request_id, &trace)
}

async fn rendered(gateway: &Gateway, parts: &Parts, body: Body) -> Result<Response<Body>, Refusal> {
    let found = authenticate(gateway, parts).await?;
    let known = known(&found)?;
    standing(gateway, known)?;
    narrowed::comes_from(gateway, known, parts)?;
    may_see(known)?;
    let share = gateway.room.share(known.caller.organisation, known.caller.key);
    let filled = filled(gateway, known, &share, parts, body).await?;
    gateway.directory.used(known, Permission::PromptsView);
    let data = filled.request();
    let warnings: Vec<Value> =
        filled.rendered.warnings.iter().filter_map(|told| serde_json::to_value(told).ok()).collect();
    let text = format!(r#"{{"success":true,"data":{data},"warnings":{}}}"#, Value::from(warnings));
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Fills a prompt and calls the model with it.
pub(super) async fn run(gateway: &Gateway, request_id: RequestId, request: Request<Body>) -> Response<Body> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let trace = trace_id(&parts.headers, request_id.0);
    finish(serve(gateway, parts, body, (request_id.0, &trace), arrived).await, request_id, &trace)
}

async fn serve(
    gateway: &Gateway,
    mut parts: Parts,
    body: Body,
    (id, trace): (Uuid, &str),
    arrived: Instant,
) -> Result<Response<Body>, Refusal> {
    let found = authenticate(gateway, &parts).await?;
    let known = known(&found)?;
    let mut call = begun(gateway, known, Endpoint::ChatCompletions, (id, trace));
    match prepared(gateway, known, &mut parts, body, &mut call).await {
        Ok(body) => go(gateway, &found, (&parts, body), call, arrived).await,
        Err(refusal) => {
            let (status, code) = (refusal.status.as_u16(), refusal.code.clone());
            gateway.recorder.refused(Refused { call, status, code, tried: vec![] }, arrived).await;
            Err(refusal)
        }
    }
}

/// Makes of a call that names a prompt the one that the prompt stands for: its address, headers and body.
async fn prepared(
    gateway: &Gateway,
    known: &Known,
    parts: &mut Parts,
    body: Body,
    call: &mut CallFacts,
) -> Result<Body, Refusal> {
    may_call(gateway, known)?;
    narrowed::comes_from(gateway, known, parts)?;
    may_see(known)?;
    let share = gateway.room.share(call.organisation, call.key);
    let filled = filled(gateway, known, &share, parts, body).await?;
    let prompt = &filled.prompt;
    call.prompt = Some(Box::new(Runs { prompt: prompt.id, version: prompt.version, label: prompt.label.clone() }));
    call.endpoint = match filled.rendered.output {
        Output::Messages(_) => Endpoint::ChatCompletions,
        Output::Text(_) => Endpoint::Completions,
    };
    parts.uri = Uri::from_static(call.endpoint.row().path);
    for header in [CONTENT_LENGTH, CONTENT_ENCODING] {
        parts.headers.remove(header);
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let names_one = named_slug(&parts.headers)?.is_some() || filled.model().is_some_and(|model| model.starts_with('@'));
    if !names_one
        && !prompt.virtual_key.is_empty()
        && let Ok(slug) = HeaderValue::from_str(&prompt.virtual_key)
    {
        parts.headers.insert(VIRTUAL_KEY, slug);
    }
    Ok(Body::from(filled.request()))
}

/// Whether the key may see prompts: who may not can fill and run none.
fn may_see(known: &Known) -> Result<(), Refusal> {
    let holds = known.caller.permissions.contains(Permission::PromptsView);
    if holds { Ok(()) } else { Err(Refusal::may_not_see_prompts()) }
}

/// A prompt with the caller's values in it.
struct Filled {
    prompt: Arc<Runnable>,
    rendered: Rendered,
    /// The members of the body that win over the prompt's own.
    overrides: Map<String, Value>,
}

impl Filled {
    /// The JSON text of the request.
    fn request(&self) -> String {
        self.prompt.prompt.request(&self.rendered.output, &self.overrides)
    }

    /// The model that is asked for.
    fn model(&self) -> Option<&str> {
        self.overrides.get("model").or_else(|| self.prompt.prompt.settings().get("model")).and_then(Value::as_str)
    }
}

async fn filled(gateway: &Gateway, known: &Known, share: &Share, parts: &Parts, body: Body) -> Result<Filled, Refusal> {
    let asks = Asks::Json { needs_model: false };
    let (body, part) = read_call(share, &asks, &parts.headers, body, gateway.limits.request).await?;
    let body = part.hold(body).await?;
    let address = address(&parts.uri).ok_or_else(Refusal::no_such_prompt)?;
    let found = gateway.directory.prompt(known, &address).await.map_err(|_| Refusal::cannot_verify())?;
    narrowed::may_run(known, &address, found.as_deref())?;
    let prompt = tried(found.ok_or_else(Refusal::no_such_prompt)?, parts)?;
    let names = prompt.prompt.names();
    // Rounds and partials can make much of little.
    let is_light = body.len() <= HEAVY && names.sections.is_empty() && prompt.partials.is_empty();
    let (rendered, overrides) = if is_light {
        fill(&prompt, &body)?
    } else {
        let prompt = prompt.clone();
        share.off_workers(move || fill(&prompt, &body)).await??
    };
    // The body came in meanwhile, and what the key may do can have changed.
    let again = gateway.directory.again(known).await.map_err(|_| Refusal::cannot_verify())?;
    let again = call::known(&again)?;
    standing(gateway, again)?;
    may_see(again)?;
    narrowed::may_run(again, &address, Some(&prompt))?;
    Ok(Filled { prompt, rendered, overrides })
}

/// Of two versions that a label's calls run the one for this call: the same for all that say the same of themselves.
fn tried(prompt: Arc<Runnable>, parts: &Parts) -> Result<Arc<Runnable>, Refusal> {
    let Some((trial, other)) = &prompt.trial else { return Ok(prompt) };
    let said = if trial.sticky_by.is_empty() { None } else { metadata(&parts.headers)? };
    let share = match said.as_ref().and_then(|said| said.get(&trial.sticky_by)) {
        Some(value) => {
            let hash = Sha256::new().chain_update(prompt.id.0).chain_update([0]).chain_update(value).finalize();
            u64::from_be_bytes(std::array::from_fn(|at| hash[at])) % 100
        }
        None => Uuid::new_v4().as_u128() as u64 % 100,
    };
    let is_tried = i64::try_from(share).is_ok_and(|share| share < trial.percent);
    Ok(if is_tried { other.clone() } else { prompt })
}

/// The address of the prompt in `/v1/prompts/{address}/…`.
fn address(uri: &Uri) -> Option<String> {
    let written = uri.path().split('/').nth(3)?;
    let address = percent_decode_str(written).decode_utf8().ok()?;
    (!address.is_empty() && address.len() <= LONGEST_ADDRESS).then(|| address.into_owned())
}

/// Reads a body and fills the prompt with it.
fn fill(prompt: &Runnable, body: &Bytes) -> Result<(Rendered, Map<String, Value>), Refusal> {
    let mut members: BTreeMap<String, Box<RawValue>> = match body.is_empty() {
        true => BTreeMap::new(),
        false => serde_json::from_slice(body).map_err(|_| Refusal::not_json())?,
    };
    let variables = match members.remove("variables") {
        None => Ok(Variables::default()),
        Some(told) if told.get() == "null" => Ok(Variables::default()),
        Some(told) => Variables::read(told.get()),
    };
    let is_strict = match members.remove("strict").map(|told| told.get().to_owned()).as_deref() {
        None | Some("null") => prompt.is_strict,
        Some("true") => true,
        // What a prompt asks of its callers none of them can waive.
        Some("false") => prompt.is_strict,
        Some(_) => return Err(Refusal::prompt_refused("bad_strict", "`strict` is true or false.".into(), Map::new())),
    };
    // What a client says of itself.
    members.remove("prompt_id");
    let overrides = members
        .into_iter()
        .map(|(name, told)| Ok((name, serde_json::from_str(told.get()).map_err(|_| Refusal::not_json())?)))
        .collect::<Result<Map<String, Value>, Refusal>>()?;
    let find = |slug: &str, number: Option<u32>| prompt.partials.get(&(slug.to_owned(), number)).cloned().flatten();
    let rendered = variables.and_then(|variables| prompt.prompt.render(&variables, &find, is_strict));
    Ok((rendered.map_err(refused)?, overrides))
}

fn refused(refusal: Unfilled) -> Refusal {
    let mut told = Map::new();
    if let Unfilled::Unfilled { missing, unknown, missing_partials } = &refusal {
        let lists = [("missing", missing), ("unknown", unknown), ("missing_partials", missing_partials)];
        told.extend(lists.map(|(name, names)| (name.to_owned(), Value::from(names.clone()))));
    }
    Refusal::prompt_refused(refusal.code(), refusal.message(), told)
}
