//! Where a call can go: a virtual key, ready to use.

use super::provider::Provider;
use crate::server::outgoing::BaseUrl;
use http::HeaderValue;
use std::fmt;
use uuid::Uuid;

/// A provider's credential in the clear. It prints as redacted, cannot be serialised, and leaves only as a header.
#[derive(Clone)]
pub struct Credential(Box<str>);

impl Credential {
    /// Takes an unsealed credential.
    ///
    /// # Errors
    /// [`Unprintable`] when it could not stand in a header.
    pub fn new(secret: &str) -> Result<Self, Unprintable> {
        HeaderValue::from_str(secret).map_err(|_| Unprintable)?;
        Ok(Self(secret.into()))
    }

    /// The secret itself, for the one place that puts it into a request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.0.zeroize();
    }
}

/// A credential with characters that no header can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential holds characters that cannot be sent")]
pub struct Unprintable;

/// What the gateway needs of a virtual key.
#[derive(Debug, Clone)]
pub struct Target {
    pub virtual_key: Uuid,
    /// The reference that callers use, without the `@`.
    pub slug: Box<str>,
    pub provider: Provider,
    /// `None` when the stored address is not one that this server may call.
    pub base: Option<BaseUrl>,
    /// `None` for servers that want none.
    pub credential: Option<Credential>,
    /// Azure's `api-version`, where the virtual key names one.
    pub api_version: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_never_printed() {
        let credential = Credential::new("sk-very-secret").expect("a credential");
        assert!(!format!("{credential:?}").contains("secret"));
        assert!(Credential::new("a\r\nhost: evil").is_err());
    }
}
