//! What a key is narrowed to beside its permissions, judged on the way of a call. What a narrowed key may not use and what
//! there is not are the same to it: no refusal tells what else there is.

use super::call::Gateway;
use super::directory::{Compiled, Known, Runnable};
use super::request::Asks;
use super::room::{HEAVY, Share};
use super::target::CallTarget;
use crate::{
    features::api_keys::narrowing::{Narrowing, not_from, not_yet},
    kernel::VirtualKeyId,
    web::{forwarded, refusal::Refusal},
};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::request::Parts;
use serde::Deserialize;
use std::net::SocketAddr;

/// What a key is narrowed to, if it is.
fn own(known: &Known) -> Option<&Narrowing> {
    known.caller.bounds.as_deref().map(|bounds| &bounds.own)
}

/// Whether the key works at this moment: its time has come, and it keeps its organisation's rules.
pub(super) fn works(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
    let Some(bounds) = &known.caller.bounds else { return Ok(()) };
    match (bounds.own.not_before, &bounds.breaks) {
        (Some(from), _) if gateway.now.get() < from => Err(Refusal::key_not_yet_valid(not_yet(from))),
        (_, Some(breaks)) => Err(Refusal::key_breaks_policy(breaks.clone())),
        _ => Ok(()),
    }
}

/// Whether the key works for whoever sent this request. Where it comes from is asked only if that matters.
pub(super) fn comes_from(gateway: &Gateway, known: &Known, parts: &Parts) -> Result<(), Refusal> {
    let Some(bounds) = known.caller.bounds.as_deref().filter(|bounds| bounds.asks_where()) else { return Ok(()) };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|connection| connection.0.ip());
    let address = peer.map(|peer| forwarded::caller(peer, &parts.headers, &gateway.proxies));
    match bounds.lets_address(address) {
        true => Ok(()),
        false => Err(Refusal::address_not_allowed(not_from(address))),
    }
}

/// Whether the key may call at this virtual key.
pub(super) fn may_use(known: &Known, slug: &str, found: &Option<CallTarget>) -> Result<(), Refusal> {
    let Some(own) = own(known).filter(|own| !own.virtual_keys.is_empty()) else { return Ok(()) };
    match found {
        Some(target) if own.lets_virtual_key(target.virtual_key) => Ok(()),
        _ => Err(Refusal::virtual_key_not_allowed(slug)),
    }
}

/// Whether the key has this virtual key, for lists.
pub(super) fn lets_virtual_key(known: &Known, id: VirtualKeyId) -> bool {
    own(known).is_none_or(|own| own.lets_virtual_key(id))
}

/// Whether the key may call this model, which is the one that the provider is asked for. A call that leaves the model to the
/// provider could be answered by any; one that only asks for a stored response calls none.
pub(super) fn may_call_model(known: &Known, asks: &Asks, model: &str) -> Result<(), Refusal> {
    match own(known) {
        Some(own) if !matches!(asks, Asks::Stored { .. }) && !own.lets_model(model) => {
            Err(Refusal::model_not_allowed(model))
        }
        _ => Ok(()),
    }
}

/// Whether the key may call the other models that a body names: providers that lead calls on to others take a list of them
/// beside the one that is asked for.
pub(super) async fn may_call_others(known: &Known, share: &Share, asks: &Asks, body: &Bytes) -> Result<(), Refusal> {
    if !asks.is_json() || own(known).is_none_or(|own| own.models.is_empty()) {
        return Ok(());
    }
    let others = match body.len() <= HEAVY {
        true => others(body),
        false => {
            let body = body.clone();
            share.off_workers(move || others(&body)).await?
        }
    };
    match others {
        Some(others) if others.iter().all(|model| lets_model(known, model)) => Ok(()),
        _ => Err(Refusal::other_models_not_allowed()),
    }
}

/// The models that a body names beside the one that is asked for. None: they cannot be read.
fn others(body: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Others {
        #[serde(default)]
        models: Option<Vec<String>>,
    }
    serde_json::from_slice::<Others>(body).ok().map(|others| others.models.unwrap_or_default())
}

/// Whether the key has this model, for lists.
pub(super) fn lets_model(known: &Known, model: &str) -> bool {
    own(known).is_none_or(|own| own.lets_model(model))
}

/// Whether a call of the key may bring a config of its own: not where it may name certain ones only.
pub(super) fn may_bring_config(known: &Known) -> Result<(), Refusal> {
    match own(known) {
        Some(own) if !own.configs.is_empty() => Err(Refusal::config_not_allowed(None)),
        _ => Ok(()),
    }
}

/// Whether the key may be led by the config that was found under this slug.
pub(super) fn may_name_config(known: &Known, slug: &str, found: Option<&Compiled>) -> Result<(), Refusal> {
    let Some(own) = own(known).filter(|own| !own.configs.is_empty()) else { return Ok(()) };
    match found {
        Some(Ok(config)) if config.saved.is_some_and(|(id, _)| own.lets_config(id)) => Ok(()),
        _ => Err(Refusal::config_not_allowed(Some(slug))),
    }
}

/// Whether the key may fill and run the prompt that was found at this address.
pub(super) fn may_run(known: &Known, address: &str, found: Option<&Runnable>) -> Result<(), Refusal> {
    let Some(own) = own(known).filter(|own| !own.prompts.is_empty()) else { return Ok(()) };
    match found {
        Some(prompt) if own.lets_prompt(prompt.id) => Ok(()),
        _ => Err(Refusal::prompt_not_allowed(address)),
    }
}

/// Whether the key is bounded as it was when the call was prepared: else what was judged then says nothing now.
pub(super) fn is_as_before(before: &Known, now: &Option<Known>) -> Result<(), Refusal> {
    match now {
        Some(now) if now.caller.bounds == before.caller.bounds => Ok(()),
        Some(_) => Err(Refusal::key_changed()),
        None => Err(Refusal::no_such_key()),
    }
}
