//! Calls that people make from the console: with their own right to call models, on the way of every call.

use super::{
    call::{Gateway, begun, finish, go, known},
    endpoints::Endpoint,
    prices,
    request::VIRTUAL_KEY,
};
use crate::{
    dialect::usage::Usage,
    kernel::provider::Provider,
    server::access::SignedInMember,
    web::{
        models::{ModelCall, ModelCalls},
        refusal::Refusal,
    },
};
use async_trait::async_trait;
use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};
use tokio::time::Instant;

#[async_trait]
impl ModelCalls for Gateway {
    async fn call(&self, call: ModelCall) -> Response<Body> {
        let arrived = Instant::now();
        let (id, trace) = (call.id, call.id.to_string());
        finish(serve(self, call, &trace, arrived).await, id, &trace)
    }

    async fn cost(&self, member: &SignedInMember, provider: Provider, model: &str, usage: Usage) -> Option<i64> {
        let found = self.directory.member(*member).await.ok().flatten();
        let own = found.as_ref().and_then(|found| (**found).as_ref()).and_then(|known| known.caller.prices.as_deref());
        prices::cost(own, provider, model, usage)
    }
}

async fn serve(gateway: &Gateway, call: ModelCall, trace: &str, arrived: Instant) -> Result<Response<Body>, Refusal> {
    let ModelCall { member, id, path, virtual_key, body } = call;
    let found = gateway.directory.member(member).await.map_err(|_| Refusal::cannot_verify())?;
    let found = found.ok_or_else(Refusal::signed_out)?;
    let endpoint = Endpoint::of(&Method::POST, path).ok_or_else(Refusal::not_found)?;
    let mut request = Request::post(path).header(CONTENT_TYPE, "application/json");
    if let Some(slug) = virtual_key.and_then(|slug| HeaderValue::try_from(slug).ok()) {
        request = request.header(VIRTUAL_KEY, slug);
    }
    let (parts, ()) = request.body(()).map_err(|_| Refusal::not_found())?.into_parts();
    let facts = begun(gateway, known(&found)?, endpoint, (id.0, trace));
    go(gateway, &found, (&parts, Body::from(body)), facts, arrived).await
}
