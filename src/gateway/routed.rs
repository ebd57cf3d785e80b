//! A call that a config leads: attempts one after another, at one target or at several, until one has answered or the
//! config says that it is enough. Where a call goes is decided by [`Run`]; here it is done. What is recorded of it stands in
//! `trail`.

mod trail;

use super::answer::judged;
use super::attempt::{About, Attempt, Call, Failure, Guarded, Outcome, attempt, build};
use super::cache::{self, Keeping, KeptAnswer};
use super::call::{Gateway, find, known, may_still_call, obeyed};
use super::directory::{Compiled, Config, Known};
use super::facts::{CallFacts, Led, Tried};
use super::guards::{self, Facts, Form, Guards, Late};
use super::narrowed;
use super::record::Open;
use super::refusals::Refused;
use super::request::{
    Asks, LONGEST_SLUG, cache_wishes, listed, metadata, named_slug, once, read_call, split_model, time_limit,
};
use super::room::{HEAVY, Share};
use super::stage::{Leaving, Said, read_head, stage};
use super::watch::Watch;
use crate::{
    dialect::MAX_MODEL,
    features::logs::model::Next,
    guardrails::HookResults,
    kernel::{VirtualKeyId, provider::Provider},
    routing::{Leaf, Next as Turn, Operand, Request, Run},
    web::refusal::Refusal,
};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use trail::Trail;
use uuid::Uuid;

const METADATA: &str = "x-portkey-metadata";

/// What is asked for, by whom.
pub(super) struct Asked<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) key: &'a Arc<Option<Known>>,
    pub(super) parts: &'a Parts,
    pub(super) share: &'a Share,
    pub(super) config: &'a Arc<Compiled>,
    pub(super) id: Uuid,
    pub(super) arrived: Instant,
}

/// Serves a call that a config leads.
pub(super) async fn serve(asked: Asked<'_>, body: Body, call: CallFacts) -> Result<Response<Body>, Refusal> {
    let (gateway, arrived) = (asked.gateway, asked.arrived);
    let mut trail = Trail::new(call);
    let served = lead(&asked, body, &mut trail).await;
    let Err(refusal) = served else { return served };
    let (status, code) = (refusal.status.as_u16(), refusal.code.clone());
    match trail.open {
        Some(mut open) => {
            open.refuses(&refusal);
            open.finish(status, Some(&code));
        }
        None => {
            let tried = trail.before;
            gateway.recorder.refused(Refused { call: trail.call, status, code, tried }, arrived).await;
        }
    }
    Err(refusal)
}

async fn lead(asked: &Asked<'_>, body: Body, trail: &mut Trail) -> Result<Response<Body>, Refusal> {
    let Asked { gateway, parts, share, config: compiled, arrived, .. } = *asked;
    let config = obeyed(compiled)?;
    // One that nobody has named only leads the call past the organisation's guardrails.
    trail.call.config = (!config.name.is_empty()).then_some(Led { saved: config.saved });
    let limit = time_limit(&parts.headers)?;
    let said = said(parts);
    // What cannot be read counts as nothing said.
    trail.call.metadata = metadata(&parts.headers).ok().flatten();
    let asks = trail.call.endpoint.asks(parts)?;
    if matches!(asks, Asks::Stored { .. }) && config.plan.leaves() > 1 {
        return Err(Refusal::many_targets());
    }
    let (body, part) = read_call(share, &asks, &parts.headers, body, gateway.limits.request).await?;
    // It stays until no attempt can follow any more.
    let body = part.hold(body).await?;
    let params = if !asks.is_json() {
        // A form's members are none of the body that conditions speak of.
        Ok(vec![])
    } else if body.len() <= HEAVY {
        Request::params_of(&config.plan, &body)
    } else {
        let (compiled, body) = (compiled.clone(), body.clone());
        let read = move || match &*compiled {
            Ok(config) => Request::params_of(&config.plan, &body),
            Err(_) => Ok(vec![]),
        };
        share.off_workers(read).await?
    };
    let params = params.map_err(|error| Refusal::from(crate::dialect::ApiError::from(error)))?;
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = Request {
        path: parts.uri.path(),
        metadata: &|name| said.get(name).cloned(),
        header: &header,
        params,
        caller: trail.call.key.0.into_bytes(),
        config: &config.name,
    };
    let is_out = |leaf: usize| config.breakers.is_open(leaf, gateway.now.get().0);
    let id = asked.id.as_u128();
    let mut run = Run::new(&config.plan, &request, (id >> 64) as u64 ^ id as u64);
    let mut next = run.first(is_out);
    // What the last attempt has come to; it is the answer if there is no other.
    let mut last: Option<Refusal> = None;
    // The same, where it was an answer in which a guardrail has found something.
    let mut answer: Option<Response<Body>> = None;
    loop {
        let (leaf, again) = match next {
            Turn::Try(leaf) => (leaf, None),
            Turn::Again(leaf, wait) => (leaf, Some(wait)),
            Turn::Done => return Err(last.unwrap_or_else(Refusal::no_condition_holds)),
            Turn::Nowhere => return Err(Refusal::no_condition_holds()),
        };
        if let Some(wait) = again {
            rest(gateway, asked.key, wait).await?;
        }
        // Attempts together have as long as one alone could have.
        if arrived.elapsed() >= gateway.limits.upstream.total
            && let Some(last) = last
        {
            // An answer is better than none.
            return match answer.zip(trail.open.take()) {
                Some((answer, open)) => {
                    open.finish(answer.status().as_u16(), None);
                    Ok(answer)
                }
                None => Err(last),
            };
        }
        let path = config.plan.path(leaf);
        let since = Instant::now();
        let mut seen = Seen::default();
        let mut doubted = None;
        let prepared = asked.prepare((config, leaf), &asks, &body, again.is_none(), trail, &mut seen).await;
        let cache = seen.cache;
        let provider = seen.provider.map(Provider::name);
        let about = |retries: i32| About { provider, cache, retries, path };
        let (refusal, failure) = match prepared {
            Ok(Ready::Kept(answer, guarded, said)) => {
                // The key was found before the caller had sent all of the body, which may be long ago.
                let before = known(asked.key)?;
                let still = may_still_call(gateway, before).await;
                if let Err(refusal) = still.and_then(|now| narrowed::is_as_before(before, &now)) {
                    trail.ended(&refusal, Next::Ended);
                    return Err(refusal);
                }
                let mut late = std::mem::take(&mut seen.late);
                let mut open = trail.begin(asked, seen.tried(path, arrived)).await?;
                if open.leaves().is_err() {
                    trail.open = Some(open);
                    return Err(Refusal::cannot_record());
                }
                open.spared(answer.usage);
                open.later(&mut late);
                if let Some(said) = said {
                    open.asks(share, said).await;
                }
                let Some(guarded) = guarded else {
                    open.gives(share, &answer.body, answer.streamed).await;
                    trail.kept(open);
                    let mut response = replayed(answer);
                    about(run.retries()).put(response.headers_mut());
                    return Ok(response);
                };
                // It was kept as the provider gave it, whoever it was given to.
                let form = if answer.streamed { Form::Events } else { Form::Json };
                match judged(share, &guarded, form, &answer.body, &mut open).await {
                    Ok((judged, found)) => {
                        let mut response = replayed(answer);
                        *response.status_mut() = judged.status();
                        response.headers_mut().extend(judged.headers().clone());
                        *response.body_mut() = judged.into_body();
                        if !guards::failed(&found) {
                            trail.kept(open);
                            about(run.retries()).put(response.headers_mut());
                            return Ok(response);
                        }
                        doubted = Some((response, open));
                        (Refusal::doubted(), Failure::of(246))
                    }
                    Err((refusal, failure)) => {
                        trail.open = Some(open);
                        (refusal, failure)
                    }
                }
            }
            Ok(Ready::ToSend(ready, guarded)) => {
                let full = gateway.meters.full(&known(asked.key)?.caller.limits, gateway.now.get());
                if let Some(reason) = full.filter(|_| trail.open.is_none()) {
                    let refusal = reason.refusal(gateway.now.get());
                    trail.unsent(seen.tried(path, arrived), &refusal);
                    return Err(refusal);
                }
                let mut late = std::mem::take(&mut seen.late);
                let mut open = trail.begin(asked, seen.tried(path, arrived)).await?;
                open.later(&mut late);
                let call = Call {
                    gateway,
                    key: asked.key,
                    share,
                    id: asked.id,
                    created: trail.call.started_at.0 / 1000,
                    since,
                    last: arrived + gateway.limits.upstream.total,
                    limit: limit.or(config.plan.leaf(leaf).timeout()),
                    awaits_piece: true,
                    guarded,
                };
                match attempt(&call, *ready, open).await {
                    Outcome::Answered(mut response) => {
                        config.breakers.note(&config.plan, leaf, 200, gateway.now.get().0);
                        about(run.retries()).put(response.headers_mut());
                        return Ok(response);
                    }
                    Outcome::Doubted(response, open) => {
                        doubted = Some((response, open));
                        (Refusal::doubted(), Failure::of(246))
                    }
                    Outcome::Failed { refusal, open, failure } => {
                        trail.open = Some(open);
                        (refusal, failure)
                    }
                }
            }
            // The request does not fit this target. It may fit another.
            Err(refusal) => {
                let failure = Failure::reading(&refusal);
                trail.unsent(seen.tried(path, arrived), &refusal);
                (refusal, failure)
            }
        };
        let Failure::Came(came) = failure else {
            trail.ended(&refusal, Next::Ended);
            return Err(refusal);
        };
        // What the caller's request is to blame for says nothing about the target.
        if trail.open.as_ref().is_some_and(Open::last_is_sent) {
            config.breakers.note(&config.plan, leaf, came.status, gateway.now.get().0);
        }
        next = run.came(came, is_out);
        if let Some((mut response, mut open)) = doubted {
            // What a guardrail says of an answer is no fault of the target.
            config.breakers.note(&config.plan, leaf, 200, gateway.now.get().0);
            if matches!(next, Turn::Done | Turn::Nowhere) {
                open.tried(None, if cache == "HIT" { Next::Kept } else { Next::Answered });
                open.finish(response.status().as_u16(), None);
                about(run.retries()).put(response.headers_mut());
                return Ok(response);
            }
            trail.open = Some(open);
            about(run.retries()).put(response.headers_mut());
            answer = Some(response);
        } else {
            answer = None;
        }
        let then = match next {
            Turn::Try(_) => Next::LedOn,
            Turn::Again(..) => Next::Retried,
            Turn::Done => Next::Answered,
            Turn::Nowhere => Next::Ended,
        };
        trail.ended(&refusal, then);
        last = Some(refusal.headers(|headers| about(run.retries()).put(headers)));
    }
}

/// Waits before the next attempt, as long as the key may call.
async fn rest(gateway: &Gateway, key: &Arc<Option<Known>>, wait: Duration) -> Result<(), Refusal> {
    let mut watch = Watch::new(gateway.clone(), key.clone());
    tokio::select! {
        biased;
        refusal = watch.ended() => Err(refusal),
        () = sleep(wait) => Ok(()),
    }
}

/// What the caller says of the call, for conditions.
fn said(parts: &Parts) -> HashMap<String, Operand> {
    let mut values = parts.headers.get_all(METADATA).iter();
    let text = values.next();
    // Which of two that differ counts, nobody can say.
    let text = text.filter(|text| values.all(|other| other == *text)).map(HeaderValue::as_bytes);
    text.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
}

/// What became known of a target on the way to its request.
struct Seen {
    virtual_key: Option<VirtualKeyId>,
    provider: Option<Provider>,
    model: Box<str>,
    cache: &'static str,
    /// What guardrails have found in the request, and what is still to come of that.
    found: HookResults,
    late: Vec<Late>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            virtual_key: None,
            provider: None,
            model: "".into(),
            cache: "DISABLED",
            found: HookResults::default(),
            late: vec![],
        }
    }
}

impl Seen {
    fn tried(self, path: &str, arrived: Instant) -> Tried {
        Tried {
            path: path.into(),
            found: self.found,
            virtual_key: self.virtual_key,
            provider: self.provider,
            model: self.model,
            began_us: u64::try_from(arrived.elapsed().as_micros()).unwrap_or(u64::MAX),
            end: None,
        }
    }
}

/// What an attempt begins with.
enum Ready {
    /// With what is to judge it, and what was asked where texts are kept.
    Kept(KeptAnswer, Option<Guarded>, Option<Bytes>),
    ToSend(Box<Attempt>, Option<Guarded>),
}

impl Asked<'_> {
    /// Puts a request together for one target, or finds the answer that is kept for it.
    async fn prepare(
        &self,
        (config, leaf): (&Config, usize),
        asks: &Asks,
        body: &Bytes,
        first: bool,
        trail: &mut Trail,
        seen: &mut Seen,
    ) -> Result<Ready, Refusal> {
        let Asked { gateway, parts, share, .. } = *self;
        let headers = &parts.headers;
        let known = known(self.key)?;
        let target = config.plan.leaf(leaf);
        let whole = if asks.is_json() { self.changed(config, leaf, body).await? } else { body.clone() };
        let first_head = read_head(share, asks, &whole).await?;
        let (inline, model) = split_model(&first_head.model);
        seen.model = model.into();
        trail.call.streamed = first_head.stream;
        // What the config names holds, whatever the request says.
        let slug = match &target.virtual_key {
            Some(slug) => slug,
            None => match (named_slug(headers)?, inline) {
                (Some(one), Some(other)) if one != other => return Err(Refusal::two_virtual_keys()),
                (one, other) => one.or(other).ok_or_else(Refusal::no_virtual_key)?,
            },
        };
        if slug.is_empty() || slug.len() > LONGEST_SLUG || model.len() > MAX_MODEL {
            return Err(Refusal::no_such_virtual_key());
        }
        let found = find(gateway, known, slug).await?;
        narrowed::may_use(known, slug, &found)?;
        narrowed::may_call_model(known, asks, model)?;
        narrowed::may_call_others(known, share, asks, &whole).await?;
        let Some(called) = &*found else {
            // Nothing else tells later what was named.
            seen.model = format!("@{slug}/{model}").into();
            return Err(Refusal::no_such_virtual_key());
        };
        (seen.virtual_key, seen.provider) = (Some(called.virtual_key), Some(called.provider));
        let version = once(headers, "anthropic-version")?;
        let beta = listed(headers, "anthropic-beta")?;
        let endpoint = trail.call.endpoint;
        let mut guarded = None;
        // What guardrails have left of the body, if they have changed it.
        let mut rewritten = None;
        if let Some(guards) = Guards::of(gateway, known, target).await? {
            let said = if asks.is_json() { &whole } else { &Bytes::new() };
            let about = (endpoint, model, called.provider, first_head.stream);
            let mut facts = Facts::new(
                (gateway, known.caller.organisation),
                share,
                about,
                trail.call.metadata.as_ref(),
                headers,
                said,
            )?;
            let mut found = HookResults::default();
            let judged = guards.request(&facts, endpoint.row().takes, &mut found, &mut seen.late).await;
            seen.found = found.clone();
            if let Some(changed) = judged? {
                let changed = share.part().hold(Bytes::from(changed)).await?;
                facts = facts.with_request(&changed);
                rewritten = Some(changed);
            }
            let judges = guards.judge_answers(endpoint);
            guarded = Some(Guarded { guards, facts, found, judges });
        }
        let second_head = match &rewritten {
            Some(body) => Some(read_head(share, asks, body).await?),
            None => None,
        };
        // Which model is called was judged before, and how the answer comes has been decided.
        if second_head.as_ref().is_some_and(|head| head.model != first_head.model || head.stream != first_head.stream) {
            return Err(Refusal::guardrail_changed_call());
        }
        let body = rewritten.as_ref().unwrap_or(&whole);
        let head = second_head.as_ref().unwrap_or(&first_head);
        let said = Said { endpoint, asks, model, version, beta: beta.as_deref() };
        let mut cache = seen.cache;
        let look_up = |body: &Bytes| {
            let Some(rule) = target.cache().filter(|_| asks.is_json() && endpoint.is_kept()) else {
                return Ok(Err(None));
            };
            let (namespace, refresh) = cache_wishes(headers)?;
            let organisation = known.caller.organisation;
            let which = config.saved.map_or_else(|| config.name.to_string(), |(id, version)| format!("{id} {version}"));
            let question = cache::Asked {
                organisation,
                permissions: known.caller.permissions.names(),
                config: which,
                virtual_key: called.virtual_key.0.into_bytes(),
                endpoint,
                namespace,
                headers: [version, beta.as_deref()],
                forwarded: forwarded(target, headers).collect(),
                body,
            };
            let question = question.question();
            let now = gateway.now.get();
            cache = if refresh { "REFRESH" } else { "MISS" };
            if first
                && !refresh
                && let Some(answer) = gateway.kept.find(organisation, &question, now)
            {
                cache = "HIT";
                return Ok(Ok(answer));
            }
            let age = i64::try_from(rule.max_age.as_millis()).unwrap_or(i64::MAX);
            let (kept, until) = (gateway.kept.clone(), now.plus(age));
            Ok(Err(Some(Keeping { kept, organisation, question, until, pieces: None })))
        };
        let staged = stage(&said, share, &found, body, head, look_up).await;
        seen.cache = cache;
        let Leaving { mut request, reader, keeping } = match staged? {
            ControlFlow::Break(answer) => {
                let said = (trail.call.keeps.is_some() && asks.is_json()).then(|| body.clone());
                return Ok(Ready::Kept(answer, guarded, said));
            }
            ControlFlow::Continue(leaving) => leaving,
        };
        // What is kept is given all the same; what would leave is refused before it takes a place in the log.
        let now = gateway.now.get();
        if let Some(reason) = gateway.meters.full(&called.limits, now) {
            return Err(reason.refusal(now));
        }
        let foreseen = asks.foreseen(endpoint, body.len(), head);
        let others = asks.others(called.provider, head, body);
        // What leaves takes the place of what was changed. The same bytes are held already.
        let same = request.body.as_ptr() == body.as_ptr();
        drop((second_head, first_head));
        drop((rewritten, whole));
        if !same {
            request.body = share.part().hold(request.body).await?;
        }
        let said = (trail.call.keeps.is_some() && asks.is_json()).then(|| request.body.clone());
        let mut request = build(called, request)?;
        let own: Vec<HeaderName> = request.headers().keys().cloned().collect();
        for (name, value) in forwarded(target, headers).filter(|(name, _)| !own.contains(name)) {
            request.headers_mut().append(name, value.clone());
        }
        let attempt = Attempt { request, foreseen, others, said, reader, target: found, keeping };
        Ok(Ready::ToSend(Box::new(attempt), guarded))
    }

    /// The body with what the config changes in it.
    async fn changed(&self, config: &Config, leaf: usize, body: &Bytes) -> Result<Bytes, Refusal> {
        let target = config.plan.leaf(leaf);
        let changed = if body.len().saturating_mul(1 + target.drops()) <= HEAVY {
            target.changed(body)
        } else {
            let (compiled, whole) = (self.config.clone(), body.clone());
            let change = move || match &*compiled {
                Ok(config) => config.plan.leaf(leaf).changed(&whole),
                Err(_) => Ok(None),
            };
            self.share.off_workers(change).await?
        };
        match changed.map_err(|error| Refusal::from(crate::dialect::ApiError::from(error)))? {
            Some(changed) => Ok(self.share.part().hold(changed.into()).await?),
            None => Ok(body.clone()),
        }
    }
}

/// The caller's headers that a target is handed on.
fn forwarded<'h>(target: &'h Leaf, headers: &'h HeaderMap) -> impl Iterator<Item = (HeaderName, &'h HeaderValue)> {
    let names = target.forward.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    names.flat_map(|name| headers.get_all(&name).iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>())
}

/// A kept answer as it was given the first time.
fn replayed(answer: KeptAnswer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    let headers = response.headers_mut();
    if answer.streamed {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
