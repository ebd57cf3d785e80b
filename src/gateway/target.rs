//! Where a call can go: a virtual key, ready to use.

use super::limits::LimitSet;
use crate::kernel::VirtualKeyId;
use crate::{
    dialect::{Auth, fixed_path},
    kernel::provider::Provider,
    server::outgoing::{BaseUrl, PathError},
};
use http::{HeaderName, HeaderValue, Uri};
use std::fmt;

/// A provider's credential as the header in which it leaves. It prints as redacted, cannot be serialised, and is wiped
/// when nobody holds it any more.
#[derive(Clone, PartialEq)]
pub struct Credential(HeaderName, HeaderValue);

impl Credential {
    /// Takes an unsealed credential for a provider.
    ///
    /// # Errors
    /// [`Unprintable`] when it could not stand in a header.
    pub fn new(provider: Provider, secret: &str) -> Result<Self, Unprintable> {
        let (name, value) = Auth::of(provider).header(secret).map_err(|_| Unprintable)?;
        Ok(Self(name, value))
    }

    /// The header, for the one place that puts it into a request. The value is not copied.
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        (self.0.clone(), self.1.clone())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(redacted)")
    }
}

/// A credential with characters that no header can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential holds characters that cannot be sent")]
pub struct Unprintable;

/// Where a virtual key's requests go: the base URL, and ready beside it the one address to which all calls go where it
/// does not depend on the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Address {
    base: BaseUrl,
    fixed: Option<(&'static str, Uri)>,
}

impl Address {
    pub fn new(provider: Provider, base: BaseUrl) -> Self {
        let fixed = fixed_path(provider).and_then(|path| Some((path, base.join(path).ok()?)));
        Self { base, fixed }
    }

    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The address of a path below the base.
    ///
    /// # Errors
    /// As [`BaseUrl::join`].
    pub fn join(&self, path: &str) -> Result<Uri, PathError> {
        match &self.fixed {
            Some((known, uri)) if *known == path => Ok(uri.clone()),
            _ => self.base.join(path),
        }
    }
}

/// What the gateway needs of a virtual key.
#[derive(Debug, Clone, PartialEq)]
pub struct CallTarget {
    pub virtual_key: VirtualKeyId,
    /// The reference that callers use, without the `@`.
    pub slug: Box<str>,
    pub provider: Provider,
    /// `None` when the stored address is not one that this server may call.
    pub address: Option<Address>,
    /// `None` for servers that want none.
    pub credential: Option<Credential>,
    /// Azure's `api-version`, where the virtual key names one.
    pub api_version: Option<Box<str>>,
    /// What may be used of it.
    pub limits: LimitSet,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::outgoing::AllowList;

    #[test]
    fn a_credential_is_never_printed() {
        let credential = Credential::new(Provider::OpenAi, "sk-very-secret").expect("a credential");
        assert!(!format!("{credential:?} {:?}", credential.header()).contains("secret"));
        assert!(Credential::new(Provider::OpenAi, "a\r\nhost: evil").is_err());
    }

    #[test]
    fn an_address_is_that_of_its_base() {
        let base = BaseUrl::parse("https://api.example.com/v1", &AllowList::default()).expect("a base");
        for provider in Provider::ALL {
            let address = Address::new(provider, base.clone());
            for path in ["/chat/completions", "/messages", "/models?limit=1000"] {
                let joined = address.join(path).expect("an address");
                assert_eq!(joined, format!("https://api.example.com/v1{path}").as_str());
            }
            assert!(address.join("/../x").is_err());
        }
    }
}
