//! The list of models: of one virtual key, or of all that the key's organisation has; and one model of it.
//!
//! A request for all of them asks many providers, so it is bounded: in time, in the providers that an organisation has
//! asked at once, and in models. Providers that do not answer are left alone for a while, and those that did are asked
//! before others. What is left out is told in [`LEFT_OUT`].

use super::attempt::build;
use super::call::{Gateway, find, finish, known, may_still_call, permitted};
use super::directory::Known;
use super::narrowed;
use super::request::{named_slug, split_model};
use super::room::{HEAVY, Share};
use super::target::CallTarget;
use crate::kernel::{OrganisationId, VirtualKeyId};
use crate::{
    dialect::{self, Model},
    policy::Permission,
    server::outgoing::{BaseUrl, OutgoingError, Patience},
    web::{
        refusal::Refusal,
        request::{request_id, trace_id},
    },
};
use axum::body::Body;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use moka::sync::Cache;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

/// How many virtual keys' models are not in the list, because their providers did not answer in time or the list was full.
const LEFT_OUT: HeaderName = HeaderName::from_static("x-latchkey-left-out");

/// Where one model stands. Names may have slashes, which clients escape or not.
pub(super) const BY_NAME: &str = "/v1/models/{*id}";
/// Providers that one organisation asks at a time.
const AT_ONCE: usize = 64;
/// Virtual keys looked up at a time, for one list.
const LOOKED_UP: usize = 8;
/// How long a provider may take when all are asked, and when it is the only one.
const EACH: Duration = Duration::from_secs(2);
const ALONE: Duration = Duration::from_secs(10);
/// How long a provider's list is taken as it is, and how long one that failed is left alone.
const FRESH: Duration = Duration::from_secs(60);
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// How long it is remembered at all.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Models remembered of all providers together, and the most in one answer.
const MODELS: u64 = 10_000;
const LISTED: usize = 10_000;
/// Organisations whose share of the asking is remembered.
const ORGANISATIONS: u64 = 10_000;
/// The most bytes of a provider's list.
const LARGEST: usize = 4 << 20;

/// What providers have answered, by virtual key and address. Clones share it.
#[derive(Debug, Clone)]
pub struct Models {
    answers: Cache<Place, Answered>,
    shares: Cache<OrganisationId, Arc<Semaphore>>,
}

type Place = (VirtualKeyId, BaseUrl);
type List = Arc<[Model]>;

#[derive(Debug, Clone)]
struct Answered {
    at: Instant,
    /// `None` if there was no list.
    list: Option<List>,
}

impl Default for Models {
    fn default() -> Self {
        let weight = |_: &Place, answered: &Answered| {
            u32::try_from(answered.list.as_ref().map_or(1, |list| list.len().max(1))).unwrap_or(u32::MAX)
        };
        Self {
            answers: Cache::builder().max_capacity(MODELS).weigher(weight).time_to_live(REMEMBERED).build(),
            shares: Cache::builder().max_capacity(ORGANISATIONS).time_to_idle(REMEMBERED).build(),
        }
    }
}

impl Models {
    fn remember(&self, place: Place, list: Option<List>) {
        self.answers.insert(place, Answered { at: Instant::now(), list });
    }

    fn share(&self, organisation: OrganisationId) -> Arc<Semaphore> {
        self.shares.get_with(organisation, || Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// What is known of a provider's list. The order is that in which providers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// It gave one before.
    First,
    Second,
    /// It failed, some time ago.
    Last,
}

/// Serves the list of models.
pub(super) async fn list(gateway: &Gateway, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let id = request_id(&parts.extensions);
    let trace = trace_id(&parts.headers, id.0);
    finish(serve(gateway, &parts).await, id, &trace)
}

/// Serves one model of the list, by its name there: that of a provider where the headers name a virtual key, else with the
/// virtual key's slug before it.
pub(super) async fn get(gateway: &Gateway, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let id = request_id(&parts.extensions);
    let trace = trace_id(&parts.headers, id.0);
    finish(serve_one(gateway, &parts).await, id, &trace)
}

async fn serve(gateway: &Gateway, parts: &Parts) -> Result<Response<Body>, Refusal> {
    let found = permitted(gateway, parts).await?;
    let known = known(&found)?;
    let list = listed(gateway, known, parts).await?;
    counted(gateway, known).await?;
    Ok(list)
}

async fn serve_one(gateway: &Gateway, parts: &Parts) -> Result<Response<Body>, Refusal> {
    let found = permitted(gateway, parts).await?;
    let known = known(&found)?;
    let model = retrieved(gateway, known, parts).await?;
    counted(gateway, known).await?;
    Ok(model)
}

/// Providers take their time. What they say is for a key that may have it now, and has used its right then.
async fn counted(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
    let now = may_still_call(gateway, known).await?;
    narrowed::is_as_before(known, &now)?;
    gateway.directory.used(known, Permission::ModelsCall);
    Ok(())
}

async fn retrieved(gateway: &Gateway, known: &Known, parts: &Parts) -> Result<Response<Body>, Refusal> {
    let written = parts.uri.path().strip_prefix("/v1/models/").unwrap_or_default();
    let name = percent_decode_str(written).decode_utf8().map_err(|_| Refusal::no_such_model(written))?;
    let (own, model) = split_model(&name);
    let named = named_slug(&parts.headers)?;
    let slug = match (named, own) {
        (Some(one), Some(other)) if one != other => return Err(Refusal::two_virtual_keys()),
        (named, own) => own.or(named),
    };
    // Without a virtual key, every model of the list has a slug before it.
    let slug = slug.ok_or_else(|| Refusal::no_such_model(&name))?;
    let target = find(gateway, known, slug).await?;
    narrowed::may_use(known, slug, &target)?;
    let target = target.as_ref().as_ref().ok_or_else(Refusal::no_such_virtual_key)?;
    let share = gateway.room.share(known.caller.organisation, known.caller.key);
    let asking = gateway.models.share(known.caller.organisation);
    let list = one(gateway, target, &share, &asking).await?;
    let found = list.iter().find(|found| *found.id == *model && narrowed::lets_model(known, &found.id));
    let found = found.ok_or_else(|| Refusal::no_such_model(&name))?;
    match own {
        Some(_) => in_json(&share, &Entry::of(target, found)),
        None => in_json(&share, found),
    }
}

async fn listed(gateway: &Gateway, known: &Known, parts: &Parts) -> Result<Response<Body>, Refusal> {
    let share = gateway.room.share(known.caller.organisation, known.caller.key);
    let asking = gateway.models.share(known.caller.organisation);
    if let Some(slug) = named_slug(&parts.headers)? {
        let target = find(gateway, known, slug).await?;
        narrowed::may_use(known, slug, &target)?;
        let target = target.as_ref().as_ref().ok_or_else(Refusal::no_such_virtual_key)?;
        let list = one(gateway, target, &share, &asking).await?;
        let listed: Vec<&Model> = list.iter().filter(|model| narrowed::lets_model(known, &model.id)).collect();
        return answer(&share, &listed, 0);
    }
    let (lists, mut left_out) = all(gateway, known, &share, &asking).await?;
    let mut entries = Vec::new();
    for (target, list) in &lists {
        let Some(target) = target.as_ref() else { continue };
        if entries.len() + list.len() <= LISTED {
            let listed = list.iter().filter(|model| narrowed::lets_model(known, &model.id));
            entries.extend(listed.map(|model| Entry::of(target, model)));
        } else {
            left_out += 1;
        }
    }
    answer(&share, &entries, left_out)
}

#[derive(Serialize)]
struct Listing<'a, T> {
    object: &'static str,
    total: usize,
    data: &'a [T],
}

/// A model as a caller would write it.
#[derive(Serialize)]
struct Entry<'a> {
    id: String,
    slug: &'a str,
    canonical_slug: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

impl<'a> Entry<'a> {
    fn of(target: &CallTarget, model: &'a Model) -> Self {
        let slug = &*model.id;
        let id = format!("@{}/{slug}", target.slug);
        Self { id, slug, canonical_slug: slug, object: "model", created: model.created, owned_by: &model.owned_by }
    }
}

fn answer<T: Serialize>(share: &Share, data: &[T], left_out: usize) -> Result<Response<Body>, Refusal> {
    let mut response = in_json(share, &Listing { object: "list", total: data.len(), data })?;
    if left_out > 0 {
        response.headers_mut().insert(LEFT_OUT, HeaderValue::from(left_out));
    }
    Ok(response)
}

fn in_json(share: &Share, told: &impl Serialize) -> Result<Response<Body>, Refusal> {
    let body = serde_json::to_vec(told).unwrap_or_default();
    let mut response = Response::new(Body::from(share.hold(body.into())?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The list of one virtual key, whatever is remembered of failures: its provider may just have been mended.
async fn one(gateway: &Gateway, target: &CallTarget, share: &Share, asking: &Semaphore) -> Result<List, Refusal> {
    let place = place(target)?;
    if let Some(Answered { at, list: Some(list) }) = gateway.models.answers.get(&place)
        && at.elapsed() < FRESH
    {
        return Ok(list);
    }
    let turn = timeout(EACH, asking.acquire()).await.ok().and_then(Result::ok).ok_or_else(Refusal::no_room)?;
    let list = ask(gateway, target, share, ALONE, turn).await?;
    gateway.models.remember(place, Some(list.clone()));
    Ok(list)
}

/// A virtual key's target, and the models behind it.
type Found = (Arc<Option<CallTarget>>, List);

/// The lists of all virtual keys that can be had in time, in the order of their slugs, and how many virtual keys have
/// none.
async fn all(
    gateway: &Gateway,
    known: &Known,
    share: &Share,
    asking: &Semaphore,
) -> Result<(Vec<Found>, usize), Refusal> {
    let end = Instant::now() + gateway.limits.models;
    let slugs = timeout_at(end, gateway.directory.slugs(known)).await;
    let slugs = slugs.map_err(|_| Refusal::cannot_verify())?.map_err(|_| Refusal::cannot_verify())?;
    let mut keys = slugs.len();
    let found = stream::iter(slugs).map(|slug| async move { gateway.directory.target(known, &slug).await });
    let mut found = std::pin::pin!(found.buffered(LOOKED_UP).enumerate());
    let (mut lists, mut waiting) = (Vec::new(), Vec::new());
    while let Ok(Some((number, target))) = timeout_at(end, found.next()).await {
        let target = target.map_err(|_| Refusal::cannot_verify())?;
        let Some(there) = target.as_ref() else {
            keys -= 1;
            continue;
        };
        if !narrowed::lets_virtual_key(known, there.virtual_key) {
            keys -= 1;
            continue;
        }
        let Ok(place) = place(there) else { continue };
        match gateway.models.answers.get(&place) {
            Some(Answered { at, list: Some(list) }) if at.elapsed() < FRESH => lists.push((number, target, list)),
            Some(Answered { at, list: None }) if at.elapsed() < LEFT_ALONE => {}
            Some(Answered { list: Some(_), .. }) => waiting.push((Turn::First, number, target)),
            None => waiting.push((Turn::Second, number, target)),
            Some(Answered { list: None, .. }) => waiting.push((Turn::Last, number, target)),
        }
    }
    waiting.sort_by_key(|(turn, number, _)| (*turn, *number));
    let asked = stream::iter(waiting).map(|(_, number, target)| async move {
        let list = in_time(gateway, target.as_ref().as_ref()?, share, asking, end).await?;
        Some((number, target, list))
    });
    let answered: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
    lists.extend(answered.into_iter().flatten());
    lists.sort_by_key(|(number, ..)| *number);
    let left_out = keys - lists.len();
    Ok((lists.into_iter().map(|(_, target, list)| (target, list)).collect(), left_out))
}

/// Asks a provider among others, and remembers whether it answered.
async fn in_time(
    gateway: &Gateway,
    target: &CallTarget,
    share: &Share,
    asking: &Semaphore,
    end: Instant,
) -> Option<List> {
    let place = place(target).ok()?;
    let turn = timeout_at(end, asking.acquire()).await.ok()?.ok()?;
    let begun = Instant::now();
    match timeout_at(end, ask(gateway, target, share, EACH, turn)).await {
        Ok(Ok(list)) => {
            gateway.models.remember(place, Some(list.clone()));
            Some(list)
        }
        // Not the provider's fault, or it was asked when the time was nearly over.
        Ok(Err(refusal)) if refusal.code == Refusal::no_room().code => None,
        Err(_) if begun.elapsed() < EACH / 2 => None,
        _ => {
            gateway.models.remember(place, None);
            None
        }
    }
}

fn place(target: &CallTarget) -> Result<Place, Refusal> {
    let address = target.address.as_ref().ok_or(OutgoingError::Blocked(None))?;
    Ok((target.virtual_key, address.base().clone()))
}

/// Asks a provider within `limit`. Its organisation's turn is over when it has answered.
async fn ask(
    gateway: &Gateway,
    target: &CallTarget,
    share: &Share,
    limit: Duration,
    _turn: SemaphorePermit<'_>,
) -> Result<List, Refusal> {
    let (request, listing) = dialect::list(target.provider, target.api_version.as_deref());
    let end = Instant::now() + limit;
    let patience = Patience { total: limit, largest: LARGEST, ..Patience::default() };
    let response = gateway.outgoing.send(build(target, request)?, patience.headers.min(limit)).await?;
    let (parts, body) = response.into_parts();
    let (body, _part) = share.read_answer(body, patience, end).await?;
    let large = body.len() > HEAVY;
    let read = move || listing.read(parts.status.as_u16(), &body);
    let models = if large { share.off_workers(read).await?? } else { read()? };
    Ok(models.into())
}
