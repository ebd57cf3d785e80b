//! The way from a page to a model: that of every call, for a person who is signed in.

use crate::{
    dialect::usage::Usage,
    kernel::{RequestId, provider::Provider},
    server::access::SignedInMember,
};
use async_trait::async_trait;
use axum::body::Body;
use http::Response;

/// A call of a model, from the console.
#[derive(Debug)]
pub struct ModelCall {
    /// Who calls. Their right to is asked for anew.
    pub member: SignedInMember,
    /// The call's, by which it is found in the log.
    pub id: RequestId,
    /// Such as `/v1/chat/completions`.
    pub path: &'static str,
    /// The slug of the virtual key, unless the model names one.
    pub virtual_key: Option<String>,
    /// A JSON object.
    pub body: String,
}

/// What pages ask of the gateway.
#[async_trait]
pub trait ModelCalls: Send + Sync + 'static {
    /// Calls a model as a program would: past the organisation's guardrails, into its log. Refusals are answers too.
    async fn call(&self, call: ModelCall) -> Response<Body>;

    /// What a call of this person costs, in micro-cents; none where no price is known.
    async fn cost(&self, member: &SignedInMember, provider: Provider, model: &str, usage: Usage) -> Option<i64>;
}
