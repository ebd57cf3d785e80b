//! A provider's body of which the beginning may have been looked at.

use super::room::SMALL;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A body whose first piece may have been looked at.
pub(super) struct Begun {
    first: Option<Bytes>,
    rest: Incoming,
}

impl Begun {
    pub(super) fn of(body: Incoming) -> Self {
        Self { first: None, rest: body }
    }

    /// Waits for its first bytes. Whether there are any.
    pub(super) async fn begin(&mut self) -> bool {
        while self.first.as_ref().is_none_or(Bytes::is_empty) {
            let Some(Ok(frame)) = self.rest.frame().await else { return false };
            self.first = frame.into_data().ok();
        }
        true
    }

    /// Whether it begins as events do. Waits for as much as it takes to tell.
    pub(super) async fn begins_as_events(&mut self) -> bool {
        const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        let mut seen = BytesMut::new();
        while let Some(Ok(frame)) = self.rest.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            seen.extend_from_slice(&data);
            self.first = Some(seen.clone().freeze());
            let text = seen.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&seen).trim_ascii_start();
            if FIELDS.iter().any(|field| text.starts_with(field)) {
                return true;
            }
            // As long as it may still become one of them.
            if !FIELDS.iter().any(|field| field.starts_with(text)) || seen.len() > SMALL {
                return false;
            }
        }
        false
    }
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        let mut hint = self.rest.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + first);
        }
        hint.set_lower(hint.lower() + first);
        hint
    }
}
