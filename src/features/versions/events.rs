//! What events say of things that have versions. Texts stand in them by their digests.

use super::NewVersion;
use crate::server::audit::event::{Event, Subject};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Of one that is made, with the text of its first version.
pub fn made(subject: Subject, name: &str, text: &str) -> Event {
    Event::of(subject).with("name", name).with("version", 1).with("text_sha256", digest(text))
}

/// Goes on about a version that follows the text that was.
pub fn followed(event: Event, was: &str, new: &NewVersion<'_>) -> Event {
    event.change("text_sha256", digest(was), digest(new.text)).with("message", new.message)
}

/// Of one that is deleted, with the number and the text of its newest version.
pub fn deleted(subject: Subject, slug: &str, number: i64, text: &str) -> Event {
    let event = Event::of(subject).change("slug", slug, Value::Null).change("version", number, Value::Null);
    event.change("text_sha256", digest(text), Value::Null)
}

/// By which a reader of the log knows a text again.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
