//! What rooms need of HTTP: the context of a request of the console, the registration of calls for programs, and the answer
//! to what is refused.

pub mod api;
pub mod assets;
mod context;
pub mod credential;
pub mod files;
pub mod forwarded;
pub mod headers;
pub mod models;
pub mod refusal;
pub mod request;

pub use context::{
    Models, RequestContext, access, cookie_name, establish, forget_session, keep_session, keep_theme, kept, kept_theme,
    member, models, nobody, origin, redirect, request, saved_as,
};
pub use headers::Security;

use crate::kernel::Result;
use serde_json::Value as Json;

/// Bodies of management calls, and the most that a handler reads of any other: 1 MiB.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// What became of a form that the browser posted by itself; given to the page that is rendered as the answer.
#[derive(Clone, Debug)]
pub struct FormOutcome {
    /// The server function's path, `/fn/…`.
    pub path: String,
    pub result: Result<Json>,
    /// What was typed, less what is secret.
    pub values: Vec<(String, String)>,
}
