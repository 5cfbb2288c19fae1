//! TLS for the server: certificate chain and key from PEM files, TLS 1.2 and 1.3 only.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("the certificate {0} cannot be read: {1}")]
    Certificate(String, rustls::pki_types::pem::Error),
    /// The key file cannot be read.
    #[error("the private key {0} cannot be read: {1}")]
    Key(String, rustls::pki_types::pem::Error),
    /// Certificate and key do not work together.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Sets up TLS from a PEM certificate chain and a PEM private key.
///
/// # Errors
/// When a file cannot be read or the two do not fit.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::Certificate(certificate.display().to_string(), error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Key(key.display().to_string(), error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
