//! Reading a caller's request: what it may carry, and which virtual key and model it means.

use super::endpoints::Endpoint;
use super::limits::Foreseen;
use super::room::{ReadError, RoomPart, Share};
use crate::{
    dialect::{ApiError, FormKind, Head, MAX_MODEL},
    features::logs::model::Metadata,
    kernel::provider::Provider,
    web::{
        refusal::Refusal,
        request::{check, check_length, of_body, within},
    },
};
use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use std::time::Duration;

const METADATA: &str = "x-portkey-metadata";
pub(super) const VIRTUAL_KEY: &str = "x-portkey-virtual-key";
const PROVIDER: &str = "x-portkey-provider";
const CONFIG: &str = "x-portkey-config";
const CUSTOM_HOST: &str = "x-portkey-custom-host";
const FORWARD: &str = "x-portkey-forward-headers";
const NAMESPACE: &str = "x-portkey-cache-namespace";
const REFRESH: &str = "x-portkey-cache-force-refresh";
const TIMEOUT: &str = "x-portkey-request-timeout";
const DEBUG: &str = "x-portkey-debug";
/// The longest slug of a virtual key, in bytes.
pub const LONGEST_SLUG: usize = 128;

/// What a request brings beside its headers.
#[derive(Debug, Clone)]
pub enum Asks {
    Json {
        needs_model: bool,
    },
    Form(FormKind),
    /// No body: the id of a response, and a query.
    Stored {
        id: Box<str>,
        query: Box<str>,
        streamed: bool,
    },
}

impl Asks {
    /// What a call may use that asks so, with so many bytes.
    pub fn foreseen(&self, endpoint: Endpoint, bytes: usize, head: &Head<'_>) -> Foreseen {
        match (self, endpoint) {
            // What was answered before was paid for then; to count, and to judge, costs nothing.
            (Asks::Stored { .. }, _) | (_, Endpoint::CountTokens | Endpoint::Moderations) => Foreseen::nothing(),
            // Files are no text.
            (Asks::Form(_), _) => Foreseen::new(0, None),
            (Asks::Json { .. }, _) => {
                let is_background = endpoint == Endpoint::Responses && head.background;
                Foreseen::new(bytes, head.most_output).in_background(is_background)
            }
        }
    }

    /// The models that may answer in place of the one that is asked for: some providers lead calls on to others by
    /// themselves. None: nobody knows which.
    pub fn others(&self, provider: Provider, head: &Head<'_>, body: &[u8]) -> Option<Vec<Box<str>>> {
        match provider {
            Provider::OpenRouter | Provider::OpenAiCompatible if self.is_json() => head.others(body),
            _ => Some(vec![]),
        }
    }

    pub fn is_json(&self) -> bool {
        matches!(self, Asks::Json { .. })
    }

    /// Reads what must be known of the body.
    ///
    /// # Errors
    /// As [`Head::read`] and [`FormKind::head`].
    pub fn head<'a>(&self, body: &'a [u8]) -> Result<Head<'a>, ApiError> {
        match self {
            Asks::Json { needs_model } => Head::read_as(body, *needs_model),
            Asks::Form(kind) => kind.head(body),
            Asks::Stored { streamed, .. } => Ok(Head::of_nothing(*streamed)),
        }
    }
}

/// Reads the body of a call, of at most `largest` bytes, and takes its part of the room.
pub async fn read_call(
    share: &Share,
    asks: &Asks,
    headers: &HeaderMap,
    body: Body,
    largest: usize,
) -> Result<(Bytes, RoomPart), Refusal> {
    match asks {
        Asks::Json { .. } => check(headers, largest)?,
        Asks::Form(_) => check_length(headers, largest)?,
        Asks::Stored { .. } => return Ok((Bytes::new(), share.part())),
    }
    let (patience, end) = within(largest);
    share.read_request(body, patience, end).await.map_err(|error| match error {
        ReadError::NoRoom => Refusal::no_room(),
        ReadError::Other(error) => of_body(error),
    })
}

/// The virtual key and the model that a request means.
#[derive(Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    pub slug: &'a str,
    /// The model as the provider knows it.
    pub model: &'a str,
}

/// Finds the virtual key that the headers name, if they name one. No header chooses a host.
pub fn named_slug(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    if headers.contains_key(CUSTOM_HOST) {
        return Err(Refusal::header(CUSTOM_HOST, "A request cannot choose its host; the virtual key does."));
    }
    let named = once(headers, VIRTUAL_KEY)?.map(|text| text.strip_prefix('@').unwrap_or(text));
    // A bare provider's name says nothing about which credential is meant.
    let provider = once(headers, PROVIDER)?.and_then(|text| text.strip_prefix('@'));
    match (named, provider) {
        (Some(one), Some(other)) if one != other => Err(Refusal::two_virtual_keys()),
        (one, other) => Ok(one.or(other)),
    }
}

/// The config that the headers name, by its slug or as JSON.
pub fn named_config(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut values = headers.get_all(CONFIG).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(Refusal::header(CONFIG, "This header is given twice, with different values."));
    }
    let text = std::str::from_utf8(first.as_bytes()).map_err(|_| Refusal::header(CONFIG, NOT_PLAIN))?.trim();
    Ok((!text.is_empty()).then_some(text))
}

/// Whether the caller wants nothing kept of what is said, whatever the settings say. It can only take away.
pub fn keeps_nothing(headers: &HeaderMap) -> bool {
    headers.get_all(DEBUG).iter().any(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"false"))
}

/// Refuses what a request brings of its own, where it may only name what is saved.
pub fn names_saved_only(headers: &HeaderMap) -> Result<(), Refusal> {
    if named_config(headers)?.is_some_and(|text| text.starts_with('{')) {
        return Err(Refusal::only_saved("inline_config_blocked", CONFIG));
    }
    if once(headers, PROVIDER)?.is_some_and(|text| !text.starts_with('@')) {
        return Err(Refusal::only_saved("inline_provider_blocked", PROVIDER));
    }
    if headers.contains_key(CUSTOM_HOST) {
        return Err(Refusal::only_saved("inline_custom_host_blocked", CUSTOM_HOST));
    }
    if headers.contains_key(FORWARD) {
        return Err(Refusal::only_saved("inline_forward_headers_blocked", FORWARD));
    }
    Ok(())
}

/// What the headers say about kept answers.
pub fn cache_wishes(headers: &HeaderMap) -> Result<(Option<&str>, bool), Refusal> {
    let refresh = once(headers, REFRESH)?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    Ok((once(headers, NAMESPACE)?, refresh))
}

/// Joins what the headers name with a model of the form `@slug/model`.
pub fn destination<'a>(named: Option<&'a str>, head: &'a Head<'_>) -> Result<Destination<'a>, Refusal> {
    let (inline, model) = split_model(&head.model);
    let slug = match (named, inline) {
        (Some(one), Some(other)) if one != other => return Err(Refusal::two_virtual_keys()),
        (one, other) => one.or(other).ok_or_else(Refusal::no_virtual_key)?,
    };
    if slug.is_empty() || slug.len() > LONGEST_SLUG || model.len() > MAX_MODEL {
        return Err(Refusal::no_such_virtual_key());
    }
    Ok(Destination { slug, model })
}

/// A model with the virtual key's slug before it, if there is one: `@slug/model`.
pub fn split_model(model: &str) -> (Option<&str>, &str) {
    match model.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((slug, model)) => (Some(slug), model),
        None => (None, model),
    }
}

/// What the caller says of the call. Its bytes are UTF-8, though clients may write letters beyond ASCII as escapes.
pub fn metadata(headers: &HeaderMap) -> Result<Option<Metadata>, Refusal> {
    let mut values = headers.get_all(METADATA).iter();
    let Some(value) = values.next().filter(|value| !value.is_empty()) else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(Refusal::header(METADATA, "This header is given twice, with different values."));
    }
    Metadata::parse(value.as_bytes()).map(Some).map_err(|sentence| Refusal::header(METADATA, sentence))
}

/// The caller's own limit for the call, from a header in milliseconds.
pub fn time_limit(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(text) = once(headers, TIMEOUT)? else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(ms) if ms > 0 => Ok(Some(Duration::from_millis(ms.into()))),
        _ => Err(Refusal::header(TIMEOUT, "The time limit must be a number of milliseconds above 0.")),
    }
}

/// A header that is a list, whose lines are one.
pub fn listed(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str());
    let lines: Vec<&str> = lines.collect::<Result<_, _>>().map_err(|_| Refusal::header(name, NOT_PLAIN))?;
    Ok((!lines.is_empty()).then(|| lines.join(",")))
}

const NOT_PLAIN: &str = "This header can hold only plain text.";

/// A header that may be given once.
pub fn once<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) {
        return Err(Refusal::header(name, "This header is given twice, with different values."));
    }
    let text = first.to_str().map_err(|_| Refusal::header(name, NOT_PLAIN))?.trim();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        map
    }

    fn resolve(pairs: &[(&str, &str)], model: &str) -> Result<(String, String), String> {
        let headers = headers(pairs);
        let body = serde_json::json!({ "model": model }).to_string();
        let head = Head::read(body.as_bytes()).expect("a head");
        let found = named_slug(&headers)
            .and_then(|named| destination(named, &head).map(|found| (found.slug.to_owned(), found.model.to_owned())));
        found.map_err(|refusal| refusal.code.to_string())
    }

    #[test]
    fn a_virtual_key_is_named_in_three_ways() {
        let found = |slug: &str, model: &str| Ok((slug.to_owned(), model.to_owned()));
        assert_eq!(resolve(&[("x-portkey-virtual-key", "main")], "gpt-4o"), found("main", "gpt-4o"));
        assert_eq!(resolve(&[("x-portkey-virtual-key", "@main")], "gpt-4o"), found("main", "gpt-4o"));
        assert_eq!(resolve(&[("x-portkey-provider", "@main")], "gpt-4o"), found("main", "gpt-4o"));
        assert_eq!(resolve(&[], "@main/gpt-4o"), found("main", "gpt-4o"));
        assert_eq!(resolve(&[], "@main/meta/llama"), found("main", "meta/llama"));
        assert_eq!(resolve(&[("x-portkey-virtual-key", "main")], "meta/llama"), found("main", "meta/llama"));
        assert_eq!(resolve(&[("x-portkey-virtual-key", "main")], "@main/gpt-4o"), found("main", "gpt-4o"));
        let both = [("x-portkey-virtual-key", "main"), ("x-portkey-provider", "openai")];
        assert_eq!(resolve(&both, "gpt-4o"), found("main", "gpt-4o"));
    }

    #[test]
    fn no_line_of_a_list_is_passed_over() {
        let two = headers(&[("anthropic-beta", "a-1"), ("anthropic-beta", "b-2,c-3")]);
        assert_eq!(listed(&two, "anthropic-beta").expect("a list").as_deref(), Some("a-1,b-2,c-3"));
        assert_eq!(listed(&headers(&[]), "anthropic-beta"), Ok(None));
        let mut odd = two;
        odd.append("anthropic-beta", HeaderValue::from_bytes(b"\xff").expect("a value"));
        assert_eq!(
            listed(&odd, "anthropic-beta").map_err(|refusal| refusal.code.to_string()),
            Err("invalid_header".into())
        );
    }

    #[test]
    fn what_names_none_or_two_is_refused() {
        let refused = |code: &str| Err(code.to_owned());
        assert_eq!(resolve(&[], "gpt-4o"), refused("virtual_key_missing"));
        assert_eq!(resolve(&[("x-portkey-provider", "openai")], "gpt-4o"), refused("virtual_key_missing"));
        assert_eq!(resolve(&[("x-portkey-virtual-key", "a")], "@b/gpt-4o"), refused("virtual_key_conflict"));
        let two = [("x-portkey-virtual-key", "a"), ("x-portkey-provider", "@b")];
        assert_eq!(resolve(&two, "gpt-4o"), refused("virtual_key_conflict"));
        let two = [("x-portkey-virtual-key", "a"), ("x-portkey-virtual-key", "b")];
        assert_eq!(resolve(&two, "gpt-4o"), refused("invalid_header"));
        assert_eq!(resolve(&[], "@/gpt-4o"), refused("virtual_key_not_found"));
        let host = [("x-portkey-virtual-key", "a"), ("x-portkey-custom-host", "https://evil.example")];
        assert_eq!(resolve(&host, "gpt-4o"), refused("invalid_header"));
    }
}
