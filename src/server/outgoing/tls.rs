//! TLS to a server that the operator names and that speaks no HTTP.

use crate::server::database::StartResult;
use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{error::Error as StdError, io, path::Path, sync::Arc};
use tokio::io::{AsyncRead, AsyncWrite};
use tower::{Service, ServiceExt};

/// Makes connections whose server has proven its name by a certificate.
#[derive(Clone, Debug)]
pub struct Tls(HttpsConnector<HttpConnector>);

/// Why a connection was not made.
#[derive(Debug)]
pub enum TlsError {
    /// The server is reached, and its certificate is not trusted, or there is no TLS.
    Refused,
    /// It is not reached.
    Unreachable(io::Error),
}

impl Tls {
    /// Trusts the certificates of this PEM file alone, if there is one; else the public authorities, as requests to providers do.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn trusting(roots: Option<&Path>) -> StartResult<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let config = match roots {
            None => config.with_webpki_roots(),
            Some(path) => config.with_root_certificates(read(path)?),
        };
        let config = config.with_no_client_auth();
        Ok(Self(HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build()))
    }

    /// Connects. `host` is a name, or an address without brackets.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn connect(
        &self,
        host: &str,
        port: u16,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, TlsError> {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let uri: Uri = format!("https://{host}:{port}/")
            .parse()
            .map_err(|_| TlsError::Unreachable(io::ErrorKind::InvalidInput.into()))?;
        let mut connector = self.0.clone();
        let connected = async { connector.ready().await?.call(uri).await };
        match connected.await {
            Ok(stream) => Ok(TokioIo::new(stream)),
            Err(error) => Err(because(&*error)),
        }
    }
}

/// The certificates of a PEM file.
fn read(path: &Path) -> StartResult<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(roots)
}

/// Finds the cause in a chain of errors.
fn because(error: &(dyn StdError + 'static)) -> TlsError {
    let (mut next, mut kind) = (Some(error), io::ErrorKind::NotConnected);
    while let Some(current) = next {
        if current.downcast_ref::<rustls::Error>().is_some() {
            return TlsError::Refused;
        }
        next = current.source();
        if let Some(error) = current.downcast_ref::<io::Error>() {
            if error.kind() != io::ErrorKind::Other {
                kind = error.kind();
            }
            // An `io::Error` hides the error it was made from: its `source` is that error's source.
            next = error.get_ref().map(|inner| inner as &(dyn StdError + 'static)).or(next);
        }
    }
    TlsError::Unreachable(kind.into())
}
