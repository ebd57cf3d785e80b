//! The body of a form, bounded before anything is made of it: in bytes, in fields, and in the time it may take to arrive.

use crate::{
    features::team::invitations::model::TEXT_LIMIT,
    kernel::{Code, Error, Result},
    policy::Operation,
};
use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    http::{HeaderMap, header},
};
use std::time::Duration;

/// Bytes of a form that has no field of many lines.
const BYTES: usize = 64 * 1024;
/// Bytes of a form with a text that is written at length, from somebody who is signed in.
const TEXT_BYTES: usize = 1024 * 1024;
/// Fields of any form. What reads them takes time and memory for each, however short it is.
const FIELDS: usize = 256;
/// How long a form may take to arrive.
const TIME: Duration = Duration::from_secs(30);

/// The most bytes of an operation's form.
fn room(operation: Operation, is_person: bool) -> usize {
    use Operation as O;
    match operation {
        O::PromptCreate
        | O::PromptUpdate
        | O::PromptCheck
        | O::PromptFill
        | O::PromptTry
        | O::PromptKeepValues
        | O::PartialCreate
        | O::PartialUpdate
        | O::ConfigCreate
        | O::ConfigUpdate
        | O::ConfigCheck
        | O::ConfigTry
        | O::GuardrailCreate
        | O::GuardrailUpdate
        | O::GuardrailTry
            if is_person =>
        {
            TEXT_BYTES
        }
        // A character takes up to four bytes, and each of them three once it is encoded.
        Operation::Invite | Operation::InviteCheck => BYTES + 12 * TEXT_LIMIT,
        _ => BYTES,
    }
}

/// Reads the body of this operation's form; `is_person`: somebody is signed in.
///
/// # Errors
/// `unsupported_media_type` for what is no form, `too_large` beyond the bounds, `malformed` for one that does not arrive.
pub async fn read(headers: &HeaderMap, body: Body, operation: Operation, is_person: bool) -> Result<Bytes> {
    let room = room(operation, is_person);
    if !is_form(headers, body.is_end_stream()) {
        let message = "A form must be sent as application/x-www-form-urlencoded, in UTF-8.";
        return Err(Error::new(Code::UnsupportedMediaType, message));
    }
    let too_large = || Error::new(Code::TooLarge, format!("The form is larger than {} KiB.", room / 1024));
    if body.size_hint().lower() > room as u64 {
        return Err(too_large());
    }
    let late = |_| Error::new(Code::Malformed, "The form did not arrive in time.");
    let bytes = tokio::time::timeout(TIME, to_bytes(body, room)).await.map_err(late)?.map_err(|_| too_large())?;
    if bytes.iter().filter(|byte| **byte == b'&').count() >= FIELDS {
        return Err(Error::new(Code::TooLarge, format!("The form has more than {FIELDS} fields.")));
    }
    Ok(bytes)
}

/// Whether the body is what a form sends. Nothing at all needs no name.
fn is_form(headers: &HeaderMap, is_empty: bool) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        return is_empty && !headers.contains_key(header::CONTENT_TYPE);
    };
    let mut parts = kind.to_str().unwrap_or_default().split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        && parts.all(|part| ["charset=utf-8", "charset=\"utf-8\""].iter().any(|utf8| part.eq_ignore_ascii_case(utf8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::convert::Infallible;

    const FORM: &str = "application/x-www-form-urlencoded";

    async fn read_as(kind: Option<&str>, body: String, operation: Operation) -> std::result::Result<usize, Code> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        read(&headers, Body::from(body), operation, false).await.map(|bytes| bytes.len()).map_err(|error| error.code)
    }

    #[tokio::test]
    async fn bytes_and_fields_are_bounded() {
        let form = async |body: String| read_as(Some(FORM), body, Operation::SignIn).await;
        assert_eq!(form("x".repeat(BYTES)).await, Ok(BYTES));
        assert_eq!(form("x".repeat(BYTES + 1)).await, Err(Code::TooLarge));
        assert_eq!(form("a&".repeat(FIELDS - 1)).await, Ok(2 * FIELDS - 2));
        assert_eq!(form("a&".repeat(FIELDS)).await, Err(Code::TooLarge));
        let stream = Body::from_stream(futures_util::stream::iter(std::iter::repeat_n(
            Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1024])),
            65,
        )));
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, FORM.parse().unwrap())]);
        assert_eq!(
            read(&headers, stream, Operation::SignIn, false).await.unwrap_err().code,
            Code::TooLarge,
            "no length said"
        );
    }

    #[tokio::test]
    async fn long_texts_fit_of_people_alone() {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, FORM.parse().unwrap())]);
        for (length, is_person, fits) in [
            (BYTES + 1, true, true),
            (TEXT_BYTES, true, true),
            (TEXT_BYTES + 1, true, false),
            (BYTES + 1, false, false),
        ] {
            let read = read(&headers, Body::from("x".repeat(length)), Operation::PromptUpdate, is_person).await;
            assert_eq!(read.is_ok(), fits, "{length} {is_person}");
        }
    }

    #[tokio::test]
    async fn the_longest_list_of_addresses_fits() {
        let longest = format!("addresses={}", "%F0%9F%94%91".repeat(TEXT_LIMIT));
        assert_eq!(read_as(Some(FORM), longest.clone(), Operation::Invite).await, Ok(longest.len()));
    }

    #[tokio::test]
    async fn only_forms_are_read() {
        let kind = async |kind| read_as(kind, "a=b".to_owned(), Operation::SignIn).await;
        assert!(kind(Some("Application/X-WWW-Form-URLencoded; charset=UTF-8")).await.is_ok());
        for other in [
            None,
            Some("application/json"),
            Some("multipart/form-data; boundary=x"),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded; charset=utf-16"),
            Some("application/x-www-form-urlencodedx"),
        ] {
            assert_eq!(kind(other).await, Err(Code::UnsupportedMediaType), "{other:?}");
        }
        assert_eq!(read_as(None, String::new(), Operation::SignOut).await, Ok(0));
    }
}
