//! Values that every room speaks: typed ids, time, money, and the one error that a caller sees. Pure, for server and browser.

pub mod error;
pub mod fault;
pub mod id;
#[cfg(feature = "ssr")]
pub mod json;
pub mod listing;
pub mod many;
pub mod money;
pub mod price;
pub mod provider;
pub mod secret;
pub mod text;
pub mod time;

pub use error::{Code, Error, FieldError, Fields, Missing, Result, both};
pub use fault::Fault;
pub use id::{
    AccessReviewId, CallId, CollectionId, ConfigId, ExportId, FeedbackId, FilterId, GuardrailId, Id, InvitationId,
    KeyId, LimitId, OrganisationId, PriceId, PromptId, RequestId, SampleId, SecretId, SessionId, UserId, ValuesId,
    VirtualKeyId,
};
pub use listing::{Asked, Window};
pub use secret::Secret;
pub use time::Timestamp;
