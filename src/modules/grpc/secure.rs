//! TLS for a connection: whom it trusts, and how it says who it is.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::status::Status;

use crate::error::{Error, Result};
use crate::lua::bytes::Blob;

/// Texts in PEM.
#[derive(Clone, Default)]
pub(super) struct Pem {
    pub(super) ca: Option<Blob>,
    pub(super) cert: Option<Blob>,
    pub(super) key: Option<Blob>,
}

/// The settings of TLS. The content of certificates and keys is not in the error.
pub(super) fn config(pem: &Pem) -> Result<Arc<ClientConfig>> {
    let wrong = |what: &str| tls(&format!("`{what}` has none in PEM"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(&e.to_string()))?;
    let builder = if let Some(ca) = &pem.ca {
        let mut roots = RootCertStore::empty();
        for one in certificates(ca).ok_or_else(|| wrong("ca"))? {
            roots.add(one).map_err(|e| tls(&format!("`ca`: {e}")))?;
        }
        builder.with_root_certificates(roots)
    } else {
        let system = rustls_platform_verifier::Verifier::new(provider);
        let system = system.map_err(|e| tls(&e.to_string()))?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(system))
    };
    let mut config = match (&pem.cert, &pem.key) {
        (Some(cert), Some(key)) => {
            let chain = certificates(cert).ok_or_else(|| wrong("cert"))?;
            let key = PrivateKeyDer::from_pem_slice(&key.0).map_err(|_| wrong("key"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| tls(&format!("`cert` and `key`: {e}")))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// What bytes travel on, whatever is below.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Begins TLS with a host.
pub(super) async fn begin(
    config: &Arc<ClientConfig>,
    host: &str,
    stream: Box<dyn Wire>,
) -> std::result::Result<TlsStream<Box<dyn Wire>>, Status> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Status::lost("the host is no name that a certificate has"))?;
    let connector = TlsConnector::from(config.clone());
    let begun = connector.connect(name, stream).await;
    begun.map_err(|error| Status::lost(format!("TLS: {error}")))
}

fn certificates(pem: &Blob) -> Option<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.0).collect();
    found.ok().filter(|list| !list.is_empty())
}

fn tls(message: &str) -> Error {
    Error::new("grpc.connection", "tls", message)
}
