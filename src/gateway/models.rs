//! The list of models: of one virtual key, or of all that the key's organisation has.

use super::call::{Gateway, authenticate, build, find, finish, known, standing};
use super::dialect;
use super::directory::Unavailable;
use super::errors::Refusal;
use super::request::{named_slug, request_id, trace_id};
use super::target::Target;
use crate::server::outgoing::{BaseUrl, OutgoingError, Patience};
use axum::body::Body;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use moka::sync::Cache;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// Providers asked at a time.
const AT_ONCE: usize = 8;
/// How long a provider's list is remembered.
const LASTS: Duration = Duration::from_secs(60);
/// Models remembered, of all providers together.
const REMEMBERED: u64 = 10_000;

/// The lists that providers have given, by virtual key and address. Clones share them.
#[derive(Debug, Clone)]
pub struct Models(Cache<(Uuid, BaseUrl), Arc<Vec<Value>>>);

impl Default for Models {
    fn default() -> Self {
        let weight = |_: &(Uuid, BaseUrl), list: &Arc<Vec<Value>>| u32::try_from(list.len().max(1)).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(REMEMBERED).weigher(weight).time_to_live(LASTS).build())
    }
}

/// Serves the list of models.
pub(super) async fn list(gateway: &Gateway, request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let id = request_id(&parts.extensions);
    let trace = trace_id(&parts.headers, id.0);
    let served = serve(gateway, &parts).await.map(|list| {
        let mut response = Response::new(Body::from(list.to_string()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    });
    finish(served, id, &trace)
}

async fn serve(gateway: &Gateway, parts: &Parts) -> Result<Value, Refusal> {
    let found = authenticate(gateway, parts).await?;
    let known = known(&found)?;
    standing(gateway, known)?;
    if !known.caller.may_complete {
        return Err(Refusal::may_not_complete());
    }
    if let Some(slug) = named_slug(&parts.headers)? {
        let target = find(gateway, known, slug).await?;
        let target = target.as_ref().as_ref().ok_or_else(Refusal::no_such_virtual_key)?;
        let models = models(gateway, target).await?;
        return Ok(json!({ "object": "list", "total": models.len(), "data": *models }));
    }
    let end = Instant::now() + gateway.limits.models;
    let targets = timeout_at(end, gateway.directory.targets(known)).await;
    let targets = targets.unwrap_or(Err(Unavailable)).map_err(|_| Refusal::cannot_verify())?;
    // A provider that does not answer is left out rather than spoiling the list.
    let lists: Vec<Vec<Value>> = stream::iter(targets)
        .map(|found| async move {
            let Some(target) = &*found else { return Vec::new() };
            let Ok(Ok(models)) = timeout_at(end, models(gateway, target)).await else { return Vec::new() };
            models.iter().filter_map(|model| entry(target, model)).collect()
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let data: Vec<Value> = lists.into_iter().flatten().collect();
    Ok(json!({ "object": "list", "total": data.len(), "data": data }))
}

/// A model as a caller would write it.
fn entry(target: &Target, model: &Value) -> Option<Value> {
    let id = model.get("id")?.as_str()?;
    Some(json!({
        "id": format!("@{}/{id}", target.slug),
        "slug": id,
        "canonical_slug": id,
        "object": "model",
        "created": model.get("created"),
        "owned_by": model.get("owned_by"),
    }))
}

async fn models(gateway: &Gateway, target: &Target) -> Result<Arc<Vec<Value>>, Refusal> {
    let address = target.address.as_ref().ok_or(OutgoingError::Blocked(None))?;
    let place = (target.virtual_key, address.base().clone());
    if let Some(models) = gateway.models.0.get(&place) {
        return Ok(models);
    }
    let (request, listing) = dialect::list(target.provider, target.api_version.as_deref());
    let patience = Patience { total: Duration::from_secs(10), largest: 4 << 20, ..Patience::default() };
    let answer = gateway.outgoing.fetch(build(target, request)?, patience).await?;
    let mut list = listing.read(answer.status().as_u16(), answer.body())?;
    let models = match list["data"].take() {
        Value::Array(models) => Arc::new(models),
        _ => Arc::default(),
    };
    gateway.models.0.insert(place, models.clone());
    Ok(models)
}
