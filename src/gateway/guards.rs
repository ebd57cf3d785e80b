//! The guardrails of a call: which hold, what they find in the request and in the answer, and what the caller is told of it.
//!
//! Those of the organisation come first, then those of the config. Each judges what the ones before it have left, and all
//! of them judge, so that the log tells of each. One that is asynchronous judges beside the call, once nothing else has
//! refused it.

use super::call::Gateway;
use super::directory::{Guard, Known};
use super::endpoints::{Endpoint, Takes};
use super::room::{HEAVY, RoomPart, Share};
use super::stream::closing_at;
use crate::{
    features::logs::model::Metadata,
    guardrails::{About, Guardrail, GuardrailResult, HashKey, HookResults, Judged, Reading, Shape, Side, judge},
    kernel::{OrganisationId, Timestamp, provider::Provider},
    routing::{Guarding, Leaf},
    web::refusal::Refusal,
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// What the caller reads of what guardrails found, where it does not read the body.
pub(super) const FOUND: HeaderName = HeaderName::from_static("x-latchkey-guardrails");
const STRICT: &str = "x-portkey-strict-open-ai-compliance";
/// The most bytes of a stream that is not held back and is judged at its end.
pub(super) const LARGEST_FLOWING: usize = 4 << 20;
/// Bytes times checks from which on judging is done off the threads that serve connections.
const HEAVY_WORK: usize = 32 << 10;

/// A guardrail that holds for a call.
#[derive(Clone)]
struct Held {
    id: Arc<str>,
    version: Option<i64>,
    guardrail: Which,
}

#[derive(Clone)]
enum Which {
    Saved(Arc<Guard>),
    Inline(Arc<Guardrail>),
}

impl Held {
    fn guardrail(&self) -> Result<&Guardrail, Refusal> {
        match &self.guardrail {
            Which::Saved(guard) => guard.guardrail.as_ref().ok_or_else(Refusal::guardrail_broken),
            Which::Inline(guardrail) => Ok(guardrail),
        }
    }
}

/// A result that comes later, and what it is about.
pub(super) type Late = JoinHandle<(Side, GuardrailResult)>;

/// What is known of a call, without anything borrowed: a task of its own may judge it.
#[derive(Clone)]
pub(super) struct Facts {
    gateway: Gateway,
    share: Share,
    shape: Shape,
    model: Arc<str>,
    provider: &'static str,
    metadata: Arc<BTreeMap<String, String>>,
    headers: Arc<HeaderMap>,
    /// The body that the provider is sent, before it is put into its words.
    request: Arc<str>,
    streamed: bool,
    now: Timestamp,
    organisation: OrganisationId,
    hash_key: HashKey,
    /// Whether the caller takes members that its interface does not have.
    tells: bool,
    /// The room that the copy of the request takes.
    _room: Arc<RoomPart>,
}

/// The guardrails of one attempt.
#[derive(Clone)]
pub(super) struct Guards {
    requests: Arc<[Held]>,
    answers: Arc<[Held]>,
    /// How many of them, the first, are the organisation's.
    everywhere: [usize; 2],
}

impl Guards {
    /// Those that hold for a target.
    pub(super) async fn of(gateway: &Gateway, known: &Known, leaf: &Leaf) -> Result<Option<Self>, Refusal> {
        let mut requests = vec![];
        let mut answers = vec![];
        let held = |guard: &Arc<Guard>| Held {
            id: (&*guard.slug).into(),
            version: Some(guard.version),
            guardrail: Which::Saved(guard.clone()),
        };
        if known.caller.guarded {
            let everywhere = gateway.directory.everywhere(known).await.map_err(|_| Refusal::cannot_verify())?;
            requests.extend(everywhere.requests.iter().map(held));
            answers.extend(everywhere.answers.iter().map(held));
        }
        let everywhere = [requests.len(), answers.len()];
        for (named, found) in [(&leaf.guards_in, &mut requests), (&leaf.guards_out, &mut answers)] {
            for guarding in named.iter() {
                match guarding {
                    Guarding::Inline(id, guardrail) => {
                        found.push(Held { id: id.clone(), version: None, guardrail: Which::Inline(guardrail.clone()) })
                    }
                    // Once is enough.
                    Guarding::Named(slug) if found.iter().any(|held| held.version.is_some() && held.id == *slug) => {}
                    Guarding::Named(slug) => {
                        let guard = gateway.directory.guardrail(known, slug).await;
                        let guard = guard.map_err(|_| Refusal::cannot_verify())?;
                        found.push(held(&guard.ok_or_else(|| Refusal::no_such_guardrail(slug))?));
                    }
                }
            }
        }
        for held in requests.iter().chain(&answers) {
            held.guardrail()?;
        }
        let some = !requests.is_empty() || !answers.is_empty();
        Ok(some.then(|| Self { requests: requests.into(), answers: answers.into(), everywhere }))
    }

    /// Judges a request; gives its body, if that was changed.
    pub(super) async fn request(
        &self,
        facts: &Facts,
        takes: Takes,
        found: &mut HookResults,
        late: &mut Vec<Late>,
    ) -> Result<Option<String>, Refusal> {
        if self.requests.is_empty() {
            return Ok(None);
        }
        let reading = match takes {
            Takes::Json | Takes::JsonWithoutModel => facts.read(Side::Request, false, facts.request.clone()).await?,
            Takes::Form => Reading::wordless(),
            Takes::Id => Reading::nothing(),
        };
        let all = Judging { held: &self.requests, everywhere: self.everywhere[0], facts, side: Side::Request };
        let (changed, denied) = all.judge(reading, &mut found.before_request_hooks, late).await?;
        if denied {
            return Err(refused(found));
        }
        Ok(changed)
    }

    /// Whether an answer of this kind is looked at.
    pub(super) fn judge_answers(&self, endpoint: Endpoint) -> bool {
        !self.answers.is_empty() && endpoint.answers_in_words()
    }

    /// Whether a stream has to be there before any of it goes to the caller.
    pub(super) fn hold_back(&self) -> bool {
        self.answers.iter().any(|held| held.guardrail().is_ok_and(Guardrail::holds_back))
    }

    /// Whether a stream goes to the caller sentence by sentence.
    pub(super) fn by_sentence(&self) -> bool {
        !self.hold_back() && self.answers.iter().any(|held| held.guardrail().is_ok_and(Guardrail::by_sentence))
    }

    /// Judges what has come of a stream so far, by those that deny. Whether it may go to the caller: it has passed, and each of
    /// its texts has come to the end of a sentence. `found` gets what has denied it.
    pub(super) async fn so_far(&self, facts: &Facts, body: &Bytes, found: &mut HookResults) -> Result<bool, Refusal> {
        let text: Arc<str> = String::from_utf8_lossy(body).into();
        let reading = Arc::new(facts.read(Side::Answer, true, text).await?);
        if !reading.ends_a_sentence() {
            return Ok(false);
        }
        let all = Judging { held: &self.answers, everywhere: self.everywhere[1], facts, side: Side::Answer };
        for one in self.answers.iter() {
            let actions = one.guardrail()?.actions();
            if !actions.deny || actions.asynchronous {
                continue;
            }
            let Judged { result, .. } = all.one(one, &reading).await?;
            if result.denies() {
                found.after_request_hooks.push(result);
                return Err(refused(found));
            }
        }
        Ok(true)
    }

    /// Judges an answer; gives the one that goes to the caller, if that was changed. `found` holds what was found in the
    /// request.
    pub(super) async fn answer(
        &self,
        facts: &Facts,
        form: Form,
        body: &Bytes,
        found: &mut HookResults,
        late: &mut Vec<Late>,
    ) -> Result<Option<Bytes>, Refusal> {
        let reading = match form {
            Form::Text => Reading::plain(body),
            Form::Json | Form::Events => {
                // What is no text cannot be judged, and is not passed over.
                let text: Arc<str> = String::from_utf8_lossy(body).into();
                facts.read(Side::Answer, form == Form::Events, text).await?
            }
        };
        let all = Judging { held: &self.answers, everywhere: self.everywhere[1], facts, side: Side::Answer };
        let (changed, denied) = all.judge(reading, &mut found.after_request_hooks, late).await?;
        if denied { Err(refused(found)) } else { Ok(changed.map(Bytes::from)) }
    }
}

/// The form in which an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Events,
    Text,
}

impl Facts {
    /// `said` is the body that is judged, empty where it is no JSON.
    ///
    /// # Errors
    /// When there is no room for a copy of it.
    pub(super) fn new(
        (gateway, organisation): (&Gateway, OrganisationId),
        share: &Share,
        (endpoint, model, provider, streamed): (Endpoint, &str, Provider, bool),
        metadata: Option<&Metadata>,
        headers: &HeaderMap,
        said: &Bytes,
    ) -> Result<Self, Refusal> {
        let mut room = share.part();
        if !room.resize(said.len()) {
            return Err(Refusal::no_room());
        }
        Ok(Self {
            gateway: gateway.clone(),
            share: share.clone(),
            shape: endpoint.shape(),
            model: model.into(),
            provider: provider.name(),
            metadata: Arc::new(metadata.cloned().map(Metadata::into_texts).unwrap_or_default()),
            headers: Arc::new(headers.clone()),
            request: String::from_utf8_lossy(said).into(),
            streamed,
            now: gateway.now.get(),
            organisation,
            hash_key: gateway.outside.hash_key(organisation),
            tells: headers.get(STRICT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"false")),
            _room: Arc::new(room),
        })
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// The same about another body of the request.
    pub(super) fn with_request(self, request: &Bytes) -> Self {
        Self { request: String::from_utf8_lossy(request).into(), ..self }
    }

    /// Whether the caller takes members that its interface does not have.
    pub(super) fn tells(&self) -> bool {
        self.tells
    }

    /// Finds the texts of a body, a large one off the threads that serve connections.
    async fn read(&self, side: Side, events: bool, text: Arc<str>) -> Result<Reading, Refusal> {
        let shape = self.shape;
        let read = move || match (side, events) {
            (Side::Request, _) => Reading::request(shape, text.as_bytes()),
            (Side::Answer, true) => Reading::stream(shape, text.as_bytes()),
            (Side::Answer, false) => Reading::answer(shape, text.as_bytes()),
        };
        if self.request.len() <= HEAVY && side == Side::Request {
            Ok(read())
        } else {
            self.share.off_workers(read).await
        }
    }

    async fn one(&self, held: &Held, side: Side, reading: &Reading) -> Result<Judged, Refusal> {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let about = About {
            side,
            shape: self.shape,
            model: &self.model,
            provider: self.provider,
            metadata: &self.metadata,
            header: &header,
            request: &self.request,
            streamed: self.streamed,
            status: if side == Side::Answer { 200 } else { 0 },
            now: self.now,
            hash_key: &self.hash_key,
        };
        let outside = self.gateway.outside.of(self.organisation, self.now);
        Ok(judge(held.guardrail()?, (&held.id, held.version), &about, reading, &outside).await)
    }
}

/// Guardrails of one side at work.
struct Judging<'a> {
    held: &'a Arc<[Held]>,
    /// How many of them, the first, are the organisation's.
    everywhere: usize,
    facts: &'a Facts,
    side: Side,
}

impl Judging<'_> {
    /// Runs all of them; gives what they have left of the body, if they have changed it, and whether one denies it.
    async fn judge(
        &self,
        reading: Reading,
        found: &mut Vec<GuardrailResult>,
        late: &mut Vec<Late>,
    ) -> Result<(Option<String>, bool), Refusal> {
        let Self { held, everywhere, facts, side } = *self;
        found.clear();
        let mut beside = vec![];
        let mut left = Arc::new(reading);
        let mut changed = false;
        // Whether a config's guardrails have changed what the organisation's had let pass.
        let mut after = false;
        for (number, one) in held.iter().enumerate() {
            let guardrail = one.guardrail()?;
            if guardrail.actions().asynchronous {
                beside.push(number);
                continue;
            }
            let Judged { result, reading } = self.one(one, &left).await?;
            found.push(result);
            if let Some(reading) = reading {
                (left, changed) = (Arc::new(reading), true);
                after |= number >= everywhere;
            }
        }
        if after {
            // What a config puts in must not go round them.
            for one in &held[..everywhere] {
                if one.guardrail()?.actions().asynchronous {
                    continue;
                }
                let Judged { result, reading } = self.one(one, &left).await?;
                if let Some(reading) = reading {
                    left = Arc::new(reading);
                }
                match found.iter_mut().find(|earlier| earlier.id == result.id && earlier.version == result.version) {
                    Some(earlier) if earlier.verdict => *earlier = result,
                    _ => {}
                }
            }
        }
        let denied = found.iter().any(GuardrailResult::denies);
        if !denied {
            for number in beside {
                // Too many that wait for webhooks would fill the memory.
                let Some(place) = facts.gateway.outside.place() else {
                    tracing::warn!("a guardrail beside a call has found no place and has not judged");
                    continue;
                };
                // They see what is left, not what was taken out.
                let (held, facts, left) = (held.clone(), facts.clone(), left.clone());
                late.push(tokio::spawn(async move {
                    let _place = place;
                    match facts.one(&held[number], side, &left).await {
                        Ok(judged) => (side, judged.result),
                        Err(_) => unreachable!("only guardrails that can be read are begun"),
                    }
                }));
            }
        }
        Ok((changed.then(|| left.body().to_owned()), denied))
    }

    /// Runs one, off the threads that serve connections where that may take a while.
    async fn one(&self, one: &Held, left: &Arc<Reading>) -> Result<Judged, Refusal> {
        let (facts, side) = (self.facts, self.side);
        let guardrail = one.guardrail()?;
        let heavy = left.body().len().saturating_mul(guardrail.checks()) > HEAVY_WORK;
        if !heavy || !guardrail.asks_nobody() {
            return facts.one(one, side, left).await;
        }
        let (one, facts, left) = (one.clone(), facts.clone(), left.clone());
        let share = self.facts.share.clone();
        // It waits for nothing.
        let judge = move || facts.one(&one, side, &left).now_or_never();
        share.off_workers(judge).await?.unwrap_or_else(|| Err(Refusal::cannot_verify()))
    }
}

fn refused(found: &HookResults) -> Refusal {
    Refusal::denied(told(found)).headers(|headers| {
        headers.insert(FOUND, HeaderValue::from_static("denied"));
    })
}

/// What is said of results in one word: of those that the caller is told of.
pub(super) fn word(found: &HookResults) -> Option<&'static str> {
    let mut told = found.all().filter(|result| result.is_told()).peekable();
    told.peek()?;
    Some(if told.all(|result| result.verdict) { "passed" } else { "failed" })
}

/// Whether the caller is told that something did not pass.
pub(super) fn failed(found: &HookResults) -> bool {
    found.all().any(|result| result.is_told() && !result.verdict)
}

/// What the caller is told.
pub(super) fn told(found: &HookResults) -> Value {
    let of = |results: &[GuardrailResult]| -> Vec<Value> {
        results.iter().filter(|result| result.is_told()).map(|result| json!(result)).collect()
    };
    json!({
        "before_request_hooks": of(&found.before_request_hooks),
        "after_request_hooks": of(&found.after_request_hooks),
    })
}

/// A JSON object with what was found as one more member.
pub(super) fn with_results(body: &Bytes, found: &HookResults) -> Bytes {
    let Some(end) = body.iter().rposition(|byte| *byte == b'}') else { return body.clone() };
    let before = body[..end].trim_ascii_end();
    let comma = if before.ends_with(b"{") { "" } else { "," };
    let mut new = before.to_vec();
    new.extend_from_slice(format!("{comma}\"hook_results\":{}}}", told(found)).as_bytes());
    new.into()
}

/// What every chunk of a stream says of itself, in the words of OpenAI's completions.
#[derive(Default)]
pub(super) struct Common(Map<String, Value>);

impl Common {
    /// Of the first event that there is, if it is one.
    pub(super) fn of(events: &[u8]) -> Option<Self> {
        let mut lines = events.split(|byte| *byte == b'\n');
        let first = lines.find_map(|line| line.strip_prefix(b"data:")).unwrap_or_default();
        let Ok(Value::Object(mut chunk)) = serde_json::from_slice(first) else { return None };
        chunk.retain(|name, _| matches!(name.as_str(), "id" | "created" | "model"));
        Some(Self(chunk))
    }
}

/// The same as an event of its own, in the form of each interface. A chunk has a choice, which says nothing: many callers take
/// the first choice of each without looking whether there is one.
pub(super) fn event(shape: Shape, common: &Common, found: &HookResults) -> Bytes {
    let results = told(found);
    let chunk = |kind: &str, choice: Value| {
        let mut chunk = common.0.clone();
        chunk.insert("object".into(), kind.into());
        chunk.insert("choices".into(), json!([choice]));
        chunk.insert("hook_results".into(), results.clone());
        format!("data: {}\n\n", Value::Object(chunk))
    };
    let text = match shape {
        Shape::Chat => chunk("chat.completion.chunk", json!({ "index": 0, "delta": {}, "finish_reason": null })),
        Shape::Completions => {
            let choice = json!({ "index": 0, "text": "", "logprobs": null, "finish_reason": null });
            chunk("text_completion", choice)
        }
        _ => {
            format!("event: hook_results\ndata: {}\n\n", json!({ "type": "hook_results", "hook_results": results }))
        }
    };
    text.into()
}

/// A stream that is there as a whole, or the rest of one, with what was found as an event before its [end](closing_at).
/// `all` begins with its first event.
pub(super) fn with_event(shape: Shape, all: &[u8], rest: &[u8], found: &HookResults) -> Bytes {
    let (before, closing) = rest.split_at(closing_at(shape, rest));
    [before, &event(shape, &Common::of(all).unwrap_or_default(), found), closing].concat().into()
}

/// Puts the one word into the headers.
pub(super) fn note(headers: &mut HeaderMap, found: &HookResults) {
    if let Some(word) = word(found) {
        headers.insert(FOUND, HeaderValue::from_static(word));
    }
}
