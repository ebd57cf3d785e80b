//! The list of a provider's models, and the cheapest call that shows whether a credential works.

use std::borrow::Cow;

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{ApiError, MAX_MODEL, ModelTarget, UpstreamRequest, upstream_error, view::View};
use crate::kernel::provider::{Dialect, Provider};

/// The most models that are taken from one provider.
const MAX_MODELS: usize = 2_000;

/// Reads the answer to [`list`].
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    provider: Provider,
}

/// The request for the models of a provider, as many as one page holds.
pub fn list(provider: Provider, api_version: Option<&str>) -> (UpstreamRequest, Listing) {
    let path = match provider.dialect() {
        Dialect::OpenAi => Cow::Borrowed("/models"),
        Dialect::Anthropic => Cow::Borrowed("/models?limit=1000"),
        Dialect::Google => Cow::Borrowed("/models?pageSize=1000"),
        Dialect::Azure => {
            let target = ModelTarget { provider, model: "", api_version };
            Cow::Owned(format!("/openai/models{}", target.azure_query()))
        }
    };
    (UpstreamRequest::get(provider, path), Listing { provider })
}

/// The request that tells whether address and credential are right, by a 2xx. It is the list of models, but for
/// OpenRouter, whose list is public.
pub fn probe(provider: Provider, api_version: Option<&str>) -> UpstreamRequest {
    match provider {
        Provider::OpenRouter => UpstreamRequest::get(provider, "/key"),
        _ => list(provider, api_version).0,
    }
}

/// A model as OpenAI's list names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Model {
    pub id: Box<str>,
    object: &'static str,
    /// Seconds since 1970.
    pub created: i64,
    pub owned_by: Box<str>,
}

impl Listing {
    /// The models in the provider's order, as many as are taken from one provider. Entries without a name are left out.
    pub fn read(&self, status: u16, body: &[u8]) -> Result<Vec<Model>, ApiError> {
        if !(200..300).contains(&status) {
            return Err(upstream_error(status, body));
        }
        // Some servers give the bare array.
        let wrapped;
        let body = match body.trim_ascii() {
            array @ [b'[', ..] => {
                wrapped = [&br#"{"data":"#[..], array, b"}"].concat();
                wrapped.as_slice()
            }
            object => object,
        };
        let (view, _) = View::object(body).map_err(|_| ApiError::bad_answer())?;
        let [data, models] = view.pick(["data", "models"]);
        let items = data.or(models).filter(|items| items.is_array()).ok_or_else(ApiError::bad_answer)?;
        Ok(items.elements().filter_map(|item| self.entry(item)).take(MAX_MODELS).collect())
    }

    fn entry(&self, item: View<'_>) -> Option<Model> {
        let [id, name, created, created_at, owner] = item.pick(["id", "name", "created", "created_at", "owned_by"]);
        let text = |value: Option<View<'_>>| {
            value.and_then(View::as_str).filter(|text| (1..=MAX_MODEL).contains(&text.len())).map(Cow::into_owned)
        };
        let id = text(id).or_else(|| text(name))?;
        let id = match self.provider.dialect() {
            Dialect::Google => id.strip_prefix("models/").unwrap_or(&id),
            _ => &id,
        };
        let created = created.or(created_at);
        let created = created.and_then(|value| value.as_i64().or_else(|| seconds(&value.as_str()?))).unwrap_or(0);
        let owned_by = text(owner).unwrap_or_else(|| self.provider.name().to_owned()).into();
        Some(Model { id: id.into(), object: "model", created, owned_by })
    }
}

fn seconds(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(provider: Provider, body: Value) -> Value {
        json!(list(provider, None).1.read(200, body.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn every_providers_list_becomes_openais() {
        let anthropic = json!({ "data": [{ "type": "model", "id": "claude-sonnet-4-5-20250929", "display_name": "Claude",
            "created_at": "2025-09-29T00:00:00Z" }], "has_more": false });
        assert_eq!(
            read(Provider::Anthropic, anthropic),
            json!([{ "id": "claude-sonnet-4-5-20250929", "object": "model", "created": 1_759_104_000, "owned_by": "anthropic" }])
        );
        let google = json!({ "models": [{ "name": "models/gemini-2.5-pro", "displayName": "Gemini" }] });
        assert_eq!(
            read(Provider::Google, google),
            json!([{ "id": "gemini-2.5-pro", "object": "model", "created": 0, "owned_by": "google" }])
        );
        let openai = json!({ "object": "list", "data": [
            { "id": "gpt-4o", "object": "model", "created": 5, "owned_by": "system", "more": 1 }, { "object": "model" }] });
        assert_eq!(
            read(Provider::OpenAi, openai),
            json!([{ "id": "gpt-4o", "object": "model", "created": 5, "owned_by": "system" }])
        );
        assert_eq!(read(Provider::OpenAiCompatible, json!([{ "id": "m" }]))[0]["id"], "m");
    }

    #[test]
    fn requests() {
        assert_eq!(list(Provider::Google, None).0.path, "/models?pageSize=1000");
        assert_eq!(list(Provider::AzureOpenAi, Some("a&b=c")).0.path, "/openai/models?api-version=a%26b%3Dc");
        assert_eq!(probe(Provider::OpenRouter, None).path, "/key");
        assert!(list(Provider::Anthropic, None).0.headers.iter().any(|(name, _)| name == "anthropic-version"));
    }

    #[test]
    fn refusals_and_nonsense() {
        let listing = list(Provider::OpenAi, None).1;
        assert_eq!(listing.read(401, b"{}").unwrap_err().code, "upstream_credential_refused");
        assert_eq!(listing.read(200, b"<html>").unwrap_err().code, "upstream_invalid_answer");
        assert_eq!(listing.read(200, b"{}").unwrap_err().code, "upstream_invalid_answer");
    }

    proptest! {
        #[test]
        fn arbitrary_json_never_panics(body in super::super::testing::near_answer()) {
            for provider in Provider::ALL {
                let _ = list(provider, None).1.read(200, body.to_string().as_bytes());
            }
        }
    }
}
