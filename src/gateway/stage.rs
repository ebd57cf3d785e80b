//! From what a caller says to a request that may leave: the same for every kind of call, with and without a config.

use super::answer::Reader;
use super::cache::Keeping;
use super::endpoints::{Endpoint, Speaks};
use super::request::Asks;
use super::room::{HEAVY, Share};
use super::target::CallTarget;
use crate::{
    dialect::{self, ApiError, Head, UpstreamRequest},
    web::refusal::Refusal,
};
use bytes::Bytes;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What a call asks of a provider, beside its body.
pub(super) struct Said<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) asks: &'a Asks,
    /// The model as the provider knows it.
    pub(super) model: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) beta: Option<&'a str>,
}

/// What comes of a call that is ready: a request that leaves, or an answer that is kept for it, with which it is over.
pub(super) type Staged<K> = ControlFlow<K, Leaving>;

/// A request in its provider's words, and who reads the answer.
pub(super) struct Leaving {
    pub(super) request: UpstreamRequest,
    pub(super) reader: Reader,
    /// Where the answer is kept, if it is.
    pub(super) keeping: Option<Keeping>,
}

/// Looks for a kept answer where none is kept.
pub(super) fn nothing_kept(_: &Bytes) -> Result<Result<Infallible, Option<Keeping>>, Refusal> {
    Ok(Err(None))
}

/// Takes a call whose target is found and whose body is as it is to be: nothing changes it any more but the provider's own
/// language. What a call says is judged here, before `look_up` finds an answer that is kept for it (or says where its
/// answer is to be kept) and before it is put into the provider's words.
pub(super) async fn stage<K>(
    said: &Said<'_>,
    share: &Share,
    found: &Arc<Option<CallTarget>>,
    body: &Bytes,
    head: &Head<'_>,
    look_up: impl FnOnce(&Bytes) -> Result<Result<K, Option<Keeping>>, Refusal>,
) -> Result<Staged<K>, Refusal> {
    let keeping = match look_up(body)? {
        Ok(kept) => return Ok(ControlFlow::Break(kept)),
        Err(keeping) => keeping,
    };
    let (request, reader) = said.translate(share, found, body, head).await?;
    Ok(ControlFlow::Continue(Leaving { request, reader, keeping }))
}

/// Reads the head of a body, a large one off the threads that serve connections.
pub(super) async fn read_head<'a>(share: &Share, asks: &Asks, body: &'a Bytes) -> Result<Head<'a>, Refusal> {
    if body.len() <= HEAVY {
        return Ok(asks.head(body)?);
    }
    let (asks, body) = (asks.clone(), body.clone());
    Ok(share.off_workers(move || asks.head(&body).map(Head::into_owned)).await??)
}

impl Said<'_> {
    /// Puts the call into the provider's words, a large one off the threads that serve connections.
    async fn translate(
        &self,
        share: &Share,
        found: &Arc<Option<CallTarget>>,
        body: &Bytes,
        head: &Head<'_>,
    ) -> Result<(UpstreamRequest, Reader), Refusal> {
        if body.len() <= HEAVY {
            return self.put(found, body, head);
        }
        let (found, head, body) = (found.clone(), head.clone().into_owned(), body.clone());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (endpoint, asks, model) = (self.endpoint, self.asks.clone(), self.model.to_owned());
        let (version, beta) = (owned(self.version), owned(self.beta));
        let put = move || {
            let (version, beta) = (version.as_deref(), beta.as_deref());
            Said { endpoint, asks: &asks, model: &model, version, beta }.put(&found, &body, &head)
        };
        share.off_workers(put).await.flatten()
    }

    /// Puts the call into the provider's words.
    fn put(
        &self,
        found: &Option<CallTarget>,
        body: &Bytes,
        head: &Head<'_>,
    ) -> Result<(UpstreamRequest, Reader), Refusal> {
        let target = found.as_ref().ok_or_else(Refusal::no_such_virtual_key)?;
        let to = dialect::ModelTarget {
            provider: target.provider,
            model: self.model,
            api_version: target.api_version.as_deref(),
        };
        let passed = |(request, passed)| (request, Reader::Passed(passed));
        let put: Result<_, ApiError> = match (self.endpoint.row().speaks, self.asks) {
            (Speaks::Chat, _) => dialect::chat(&to, body, head).map(|(request, chat)| (request, Reader::Chat(chat))),
            (Speaks::Messages, _) => dialect::messages(&to, body, head, self.version, self.beta)
                .map(|(request, messages)| (request, Reader::Messages(messages))),
            (Speaks::CountTokens, _) => dialect::count_tokens(&to, body, head, self.version, self.beta).map(passed),
            (Speaks::Passed(interface), asks) => {
                let form = if let Asks::Form(kind) = asks { Some(kind) } else { None };
                dialect::passed(&to, interface, body, head, form).map(passed)
            }
            (Speaks::Stored(asked), Asks::Stored { id, query, streamed }) => {
                dialect::stored(&to, asked, (id, query), *streamed).map(passed)
            }
            (Speaks::Stored(_) | Speaks::Models | Speaks::Model | Speaks::Render | Speaks::Run, _) => {
                return Err(Refusal::not_found());
            }
        };
        Ok(put?)
    }
}
