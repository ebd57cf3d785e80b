//! Typed identifiers: a key's id cannot be passed where an organisation's is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A typed identifier: a UUID that says what it is of.
pub trait Id: Copy + Into<Uuid> + FromStr<Err = uuid::Error> + fmt::Display {}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl Id for $name {}

        impl $name {
            /// An id that sorts by the moment it was made (UUID version 7, RFC 9562).
            #[cfg(feature = "ssr")]
            #[expect(clippy::new_without_default, reason = "a default id would look like a constant")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// An id that a test knows beforehand.
            #[cfg(test)]
            pub const fn numbered(number: u128) -> Self {
                Self(Uuid::from_u128(number))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )*};
}

ids! {
    /// An organisation: the wall around data, keys and people.
    OrganisationId,
    /// A person's account, across organisations.
    UserId,
    /// An API key; stable across rotations of its secret.
    KeyId,
    /// One secret of an API key: a rotation makes another.
    SecretId,
    /// A review of who has access.
    AccessReviewId,
    /// A stored provider credential.
    VirtualKeyId,
    /// A config: how a call finds its provider; the same in all its versions.
    ConfigId,
    /// A guardrail: what requests and answers are checked for; the same in all its versions.
    GuardrailId,
    /// A saved export of the log of calls: what it shall hold.
    ExportId,
    /// A prompt or partial; the same in all its versions.
    PromptId,
    /// A folder of prompts.
    CollectionId,
    /// A text that a guardrail is tried with on each save.
    SampleId,
    /// Values that a prompt is tried with.
    ValuesId,
    /// A price that an organisation has set for a model.
    PriceId,
    /// A filter of the log that is kept under a name.
    FilterId,
    /// A limit or budget on calls.
    LimitId,
    /// An invitation to an organisation.
    InvitationId,
    /// One model call through the gateway.
    CallId,
    /// One entry of feedback on model calls.
    FeedbackId,
    /// A sign-in session, by its public id (never the cookie's value).
    SessionId,
    /// One request, as its answer, its events and the program's own log name it.
    RequestId,
}

impl OrganisationId {
    /// The installation itself: the audit chain of accounts, which belong to no organisation.
    pub const INSTALLATION: Self = Self(Uuid::nil());
}
