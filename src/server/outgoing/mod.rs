//! The one way out: every request that Latchkey sends to somebody else's server (providers, webhooks, tests of a
//! connection) goes through [`Outgoing`].
//!
//! The address check lives inside it. A name is resolved and every address of the answer is checked in the same step
//! that dials, so neither a second DNS answer nor a caller that forgot to ask can reach an inner network. Redirects
//! are never followed and no proxy setting of the environment is read.

mod addresses;
mod client;
mod connect;
mod error;
mod tls;
mod url;

pub use addresses::{AllowList, Special, special};
pub use client::{Connection, Meter, Outgoing, Patience, read_metered};
pub use connect::{Addresses, Resolve, SystemResolver};
pub use error::{OutgoingError, Phase};
pub use tls::{Tls, TlsError};
pub use url::{BaseUrl, PathError, UrlError, encode_segment};

#[cfg(test)]
mod tests;
