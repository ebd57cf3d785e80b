//! Answers that are files, which come piece by piece and are not kept in the meantime.

use crate::kernel::Error;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use futures_util::{Stream, StreamExt};
use leptos::prelude::use_context;
use std::pin::Pin;

/// A file on its way. A piece that fails ends the connection, so that nobody takes what has come for the whole.
pub struct Download {
    /// Its name for whoever saves it: letters, digits, hyphens and a dot.
    pub name: String,
    /// Its content type.
    pub kind: &'static str,
    pub pieces: Pin<Box<dyn Stream<Item = Result<String, Error>> + Send>>,
}

impl Download {
    fn put_on(&self, headers: &mut HeaderMap) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", self.name)) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
    }

    /// The answer of a server function.
    pub fn announce(&self) {
        let Some(options) = use_context::<leptos_axum::ResponseOptions>() else { return };
        let mut headers = HeaderMap::new();
        self.put_on(&mut headers);
        for (name, value) in &headers {
            options.insert_header(name.clone(), value.clone());
        }
    }

    /// The whole answer.
    pub fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        self.put_on(&mut headers);
        let mut response = Response::new(Body::from_stream(self.pieces.map(|piece| piece.map(Bytes::from))));
        response.headers_mut().extend(headers);
        response
    }
}

/// Whether an answer is a file that comes piece by piece.
pub fn is_download(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_DISPOSITION)
}
