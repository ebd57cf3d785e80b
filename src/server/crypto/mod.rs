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
