//! Keys of the installation, digests of secrets, sealed credentials, passwords.

mod keyring;
mod password;
mod places;
mod signing;
mod token;
mod webhooks;

pub use keyring::{Digest, Keyring, Sealed};
pub use password::{Passwords, check_new_password};
pub use signing::{PublicKey, Signature, SigningKey};
pub use token::{ApiKeySecret, KeyKind, link_token};
pub use webhooks::{WebhookSecret, WebhookSigner};

use crate::kernel::{Error, Result};

/// So many random bytes.
///
/// # Errors
/// When there are no random numbers.
pub fn random(bytes: usize) -> Result<Vec<u8>> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|_| Error::internal())?;
    Ok(random)
}
