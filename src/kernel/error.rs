//! The one error that a caller sees: a stable code, a sentence for people, an HTTP status.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)*) => {
        /// What went wrong, by a name that never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable name, as sent to callers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// Nobody is signed in.
    SignInNeeded = "sign_in_needed", 401;
    /// Wrong e-mail or password; never says which.
    WrongCredentials = "wrong_credentials", 401;
    /// No key, a malformed one, or one that does not exist; never says which.
    InvalidApiKey = "invalid_api_key", 401;
    /// The key was disabled.
    ApiKeyDisabled = "api_key_disabled", 401;
    /// The key's time is over.
    ApiKeyExpired = "api_key_expired", 401;
    /// The key does not work yet.
    ApiKeyNotYetValid = "api_key_not_yet_valid", 401;
    /// The key was revoked, or this secret of it was rotated away.
    ApiKeyRevoked = "api_key_revoked", 401;
    /// The password was checked too long ago for this act.
    PasswordNeeded = "password_needed", 401;
    /// The caller may see the thing but not do this to it.
    PermissionDenied = "permission_denied", 403;
    /// The key does not work from the caller's address.
    AddressNotAllowed = "address_not_allowed", 403;
    /// The key breaks a rule that its organisation has for keys.
    KeyBreaksPolicy = "key_breaks_policy", 403;
    /// The key is narrowed to other prompts.
    PromptNotAllowed = "prompt_not_allowed", 403;
    /// The request did not come from this site's own pages.
    ForeignOrigin = "foreign_origin", 403;
    /// It does not exist, or the caller may not know that it does.
    NotFound = "not_found", 404;
    /// The route exists but not with this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The state of things forbids it.
    Conflict = "conflict", 409;
    /// The last active Owner cannot go.
    LastOwner = "last_owner", 409;
    /// Somebody changed the thing since it was read.
    StaleVersion = "stale_version", 409;
    /// The same request was already carried out.
    AlreadyDone = "already_done", 409;
    /// The link or invitation was used, revoked, or is too old.
    LinkSpent = "link_spent", 410;
    /// The body is larger than the limit.
    TooLarge = "too_large", 413;
    /// The body is of a kind that is not read here.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// The request cannot be read at all.
    Malformed = "malformed", 400;
    /// One or more fields are not acceptable; each is named.
    Invalid = "invalid", 422;
    /// A button of a form asked for something else than to save it.
    NotSaved = "not_saved", 422;
    /// Too many attempts; try again later.
    TooManyRequests = "too_many_requests", 429;
    /// A provider could not be reached or answered badly.
    UpstreamFailed = "upstream_failed", 502;
    /// The service cannot do this now; nothing was changed.
    Unavailable = "unavailable", 503;
    /// Too much is asked for at once, or it takes too long; nothing was changed.
    Busy = "busy", 503;
    /// A fault of the program; the log has more under the request id.
    Internal = "internal", 500;
}

/// A refusal that belongs to one field of a form or body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name in the form and in JSON.
    pub field: String,
    /// A sentence for people.
    pub message: String,
}

/// The permission that was missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its stable name, such as `api_keys.create`.
    pub permission: Box<str>,
    /// The roles that hold it, in words: `Owners and Admins`.
    pub held_by: String,
}

/// A refusal or failure as its caller sees it. Holds no secret and nothing of another organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    pub code: Code,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Box<Missing>>,
    /// Seconds to wait, with `too_many_requests` and `busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The id of what was made when the same was asked for before, with `already_done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The result of everything that a caller can ask for.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, fields: vec![], missing: None, retry_after: None, made: None, request_id: None }
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "It does not exist, or it belongs to another organisation.")
    }

    pub fn sign_in_needed() -> Self {
        Self::new(Code::SignInNeeded, "Sign in first.")
    }

    /// A save of a version that is not the stored one any more.
    pub fn stale() -> Self {
        Self::new(Code::StaleVersion, "Somebody else saved this meanwhile: what is stored is another version by now.")
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// One field is not acceptable.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut error = Self::new(Code::Invalid, message.clone());
        error.fields.push(FieldError { field: field.into(), message });
        error
    }

    /// A fault of the program. The cause goes to the log, never to the caller.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong on our side. Nothing was changed.")
    }

    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable, "This cannot be done right now. Nothing was changed. Try again in a moment.")
    }

    /// Too many read at once, or this reads too much.
    pub fn busy() -> Self {
        let message =
            "This takes too long right now. Ask for less, such as a shorter span of time, or try again in a moment.";
        Self { retry_after: Some(2), ..Self::new(Code::Busy, message) }
    }

    pub fn wait(seconds: u32, message: impl Into<String>) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(Code::TooManyRequests, message) }
    }

    /// What is said about one field, if anything.
    pub fn for_field(&self, field: &str) -> Option<String> {
        self.fields.iter().find(|f| f.field == field).map(|f| f.message.clone())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Collects the refusals of a form's fields, so that a person sees all of them at once.
#[derive(Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Keeps the value, or notes why it is refused.
    pub fn take<T>(&mut self, field: &str, parsed: std::result::Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.refuse(field, message)).ok()
    }

    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// What `make` builds of the values that were kept, or one error that names every refused field. It asks for each value
    /// with `?`: none is missing where none was refused.
    pub fn build<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T> {
        self.finish()?;
        make().ok_or_else(Error::internal)
    }

    /// All is well, or one error that names every refused field.
    pub fn finish(self) -> Result<()> {
        match self.0.as_slice() {
            [] => Ok(()),
            [only] => Err(Error::field(only.field.clone(), only.message.clone())),
            many => {
                let message = format!("{} fields need another look.", many.len());
                Err(Error { fields: self.0, ..Error::new(Code::Invalid, message) })
            }
        }
    }
}

/// Puts the refusals of two things that were read into one, so that all that is wrong is told at once.
///
/// # Errors
/// Those of both where each names fields, else the first.
pub fn both<A, B>(one: Result<A>, other: Result<B>) -> Result<(A, B)> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut error), Err(more)) if !error.fields.is_empty() && !more.fields.is_empty() => {
            error.fields.extend(more.fields);
            error.message = format!("{} fields need another look.", error.fields.len());
            Err(error)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Server functions carry this error as it is; a failure of the transport itself becomes one of its codes.
impl server_fn::error::FromServerFnError for Error {
    type Encoder = server_fn::codec::JsonEncoding;

    fn from_server_fn_error(error: server_fn::error::ServerFnErrorErr) -> Self {
        use server_fn::error::ServerFnErrorErr as Fault;
        match error {
            Fault::Args(_) | Fault::MissingArg(_) | Fault::Deserialization(_) => {
                Self::new(Code::Malformed, "The request could not be read. Reload the page and try again.")
            }
            Fault::Request(_) | Fault::Response(_) => {
                Self::new(Code::Unavailable, "Latchkey could not be reached. Check the connection and try again.")
            }
            _ => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(error: Error) -> Vec<String> {
        error.fields.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn two_refusals_of_fields_are_told_as_one() {
        let told = both::<(), ()>(Err(Error::field("name", "Too long.")), Err(Error::field("config", "No JSON.")));
        let error = told.expect_err("both are refused");
        assert_eq!(error.message, "2 fields need another look.");
        assert_eq!(names(error), ["name", "config"]);
        assert_eq!(
            names(both(Ok(()), Err::<(), _>(Error::field("config", "No JSON."))).expect_err("one is")),
            ["config"]
        );
        assert_eq!(both(Ok(1), Ok("a")).ok(), Some((1, "a")));
    }

    #[test]
    fn a_failure_that_names_no_field_is_not_counted_among_fields() {
        let first =
            both::<(), ()>(Err(Error::internal()), Err(Error::field("name", "Too long."))).expect_err("a failure");
        assert_eq!(first.code, Code::Internal);
        let later =
            both::<(), ()>(Err(Error::field("name", "Too long.")), Err(Error::internal())).expect_err("a refusal");
        assert_eq!((later.message.as_str(), names(later.clone())), ("Too long.", vec!["name".to_owned()]));
    }
}
