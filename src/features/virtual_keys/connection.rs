//! Trying a virtual key: the provider's list of models, asked for with the stored credential.

use super::model::{Detail, Finding};
use crate::{
    dialect::{self, ApiError, Listing, UpstreamRequest},
    kernel::provider::Provider,
    server::outgoing::{BaseUrl, Outgoing, OutgoingError, Patience, UrlError},
};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;

/// The largest list of models that is read. Some providers name hundreds, each with its prices.
const LARGEST: usize = 4 << 20;

/// Asks, and says in our own words what came of it.
pub async fn test(outgoing: &Outgoing, key: &Detail, credential: Option<&str>) -> Finding {
    if credential.is_none() && key.provider.needs_credential() {
        return Finding::CredentialMissing;
    }
    let base = match BaseUrl::parse(&key.base_url, outgoing.allowed()) {
        Ok(base) => base,
        Err(UrlError::PlainHttp) => return Finding::PlainHttp,
        Err(_) => return Finding::AddressBlocked,
    };
    let version = Some(key.settings.api_version.as_str()).filter(|version| !version.is_empty());
    let (list, listing) = dialect::list(key.provider, version);
    // A public list says nothing of the credential.
    if key.provider == Provider::OpenRouter {
        match ask(outgoing, &base, dialect::probe(key.provider, version), credential).await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => return of_answer(listing, &answer, key.provider, credential.is_some()),
            Err(finding) => return finding,
        }
    }
    match ask(outgoing, &base, list, credential).await {
        Ok(answer) => of_answer(listing, &answer, key.provider, credential.is_some()),
        Err(finding) => finding,
    }
}

async fn ask(
    outgoing: &Outgoing,
    base: &BaseUrl,
    wanted: UpstreamRequest,
    credential: Option<&str>,
) -> Result<Response<Bytes>, Finding> {
    let uri = base.join(&wanted.path).map_err(|_| Finding::OddAnswer)?;
    let mut request = Request::new(Full::new(wanted.body));
    *request.method_mut() = wanted.method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.extend(wanted.headers);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION"))));
    if let Some(credential) = credential {
        let (name, value) = wanted.auth.header(credential).map_err(|_| Finding::CredentialRefused)?;
        headers.insert(name, value);
    }
    outgoing.fetch(request, Patience { largest: LARGEST, ..Patience::default() }).await.map_err(of_failure)
}

fn of_answer(listing: Listing, answer: &Response<Bytes>, provider: Provider, has_credential: bool) -> Finding {
    match listing.read(answer.status().as_u16(), answer.body()) {
        Ok(list) => Finding::listed(provider, has_credential, list.len(), list.iter().map(|model| model.id.as_ref())),
        Err(error) => of_refusal(answer.status().as_u16(), &error),
    }
}

fn of_refusal(status: u16, error: &ApiError) -> Finding {
    match (status, error.code.as_str()) {
        (_, "upstream_credential_refused") => Finding::CredentialRefused,
        (404 | 405, _) => Finding::NothingThere,
        (402 | 429, _) => Finding::Limited,
        (408 | 504 | 524, _) => Finding::TimedOut,
        (500..=599, _) => Finding::ProviderFault,
        _ => Finding::OddAnswer,
    }
}

fn of_failure(error: OutgoingError) -> Finding {
    match error {
        OutgoingError::Blocked(_) => Finding::AddressBlocked,
        OutgoingError::PlainHttp => Finding::PlainHttp,
        OutgoingError::NameNotFound => Finding::NameNotFound,
        OutgoingError::Unreachable => Finding::Unreachable,
        OutgoingError::Tls => Finding::Tls,
        OutgoingError::TimedOut(_) => Finding::TimedOut,
        OutgoingError::Broken | OutgoingError::TooLarge => Finding::OddAnswer,
    }
}
