//! What can go wrong on the way out, in words that do not repeat the other side's answer.

use super::addresses::Special;
use std::error::Error as StdError;
use std::io;

/// The part of an exchange that took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Name, TCP and TLS.
    Connect,
    /// Until status and headers.
    Headers,
    /// Between two pieces of the body.
    Idle,
    /// The exchange as a whole.
    Total,
}

/// Why a request to another server brought no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// The address may not be dialled; nothing was sent.
    #[error("the address is not one that requests may go to")]
    Blocked(Option<Special>),
    /// Plain http to an address that the operator did not list; nothing was sent.
    #[error("plain http is only possible to addresses that the operator lists")]
    PlainHttp,
    #[error("the server's name could not be found")]
    NameNotFound,
    #[error("the server could not be reached")]
    Unreachable,
    #[error("no secure connection to the server could be made")]
    Tls,
    #[error("the server took too long")]
    TimedOut(Phase),
    /// The connection broke, or what came was not HTTP.
    #[error("the server's answer broke off or was not valid HTTP")]
    Broken,
    #[error("the server's answer is too large")]
    TooLarge,
}

impl OutgoingError {
    /// Finds the cause in the chain of errors of the HTTP library. `connecting` tells whether the connection was
    /// still being made, where an error that names nothing else means that the server cannot be reached.
    pub(super) fn from_chain(error: &(dyn StdError + 'static), connecting: bool) -> Self {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(ours) = current.downcast_ref::<OutgoingError>() {
                return *ours;
            }
            if current.downcast_ref::<rustls::Error>().is_some() {
                return OutgoingError::Tls;
            }
            // An `io::Error` hides the error it was made from: its `source` is that error's source.
            if let Some(inner) = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                return OutgoingError::from_chain(inner, connecting);
            }
            next = current.source();
        }
        if connecting { OutgoingError::Unreachable } else { OutgoingError::Broken }
    }
}
