//! GET over HTTPS, bounded in size, time and redirects.
//!
//! Source: RFC 9110 sections 9.3.1 (GET) and 15.4 (redirection).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// What one GET may cost.
#[derive(Debug, Clone, Copy)]
pub struct GetLimits {
    /// Most bytes of the body.
    pub bytes: u64,
    /// Longest silence: until the answer begins, and between two parts of its body.
    pub silence: Duration,
    /// Most redirects followed.
    pub redirects: u8,
}

impl Default for GetLimits {
    fn default() -> Self {
        Self { bytes: 64 << 20, silence: Duration::from_secs(30), redirects: 5 }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is not an absolute `http` or `https` URL.
    #[error("{0} is not an absolute http or https address")]
    Address(String),
    /// The operating system's certificates cannot be read.
    #[error("no trusted certificates: {0}")]
    Roots(std::io::Error),
    /// No connection, or it broke.
    #[error("{address}: {cause}")]
    Transport {
        /// What was asked.
        address: Uri,
        /// What happened.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server is silent.
    #[error("{0} did not answer in time")]
    Silent(Uri),
    /// The server answered, but not with what was asked for.
    #[error("{0} answered with status {1}")]
    Status(Uri, u16),
    /// The server points to where we do not go.
    #[error("{0} redirects to {1}, which is not followed")]
    Redirect(Uri, String),
    /// The body is larger than allowed.
    #[error("{0} sends more than {1} bytes")]
    TooLarge(Uri, u64),
}

/// An HTTPS client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client(Pool<HttpsConnector<HttpConnector>, Empty<Bytes>>);

impl Client {
    /// A client that trusts whom the operating system trusts.
    ///
    /// # Errors
    /// When the operating system's certificates cannot be read.
    pub fn new() -> Result<Self, OutboundError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider).map_err(OutboundError::Roots)?;
        Ok(Self(Pool::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build())))
    }

    /// The body at `address`. `progress` hears after each part how many bytes are there, and how many there will be if the server says.
    ///
    /// # Errors
    /// When there is no answer within the limits, or its status is not 200.
    pub async fn get(&self, address: &str, limits: GetLimits, mut progress: impl FnMut(u64, Option<u64>)) -> Result<Bytes, OutboundError> {
        let mut at = absolute(address).ok_or_else(|| OutboundError::Address(address.to_owned()))?;
        for _ in 0..=limits.redirects {
            let answer = self.ask(&at, limits.silence).await?;
            let status = answer.status();
            if status.is_redirection() {
                let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("");
                at = redirected(&at, location).ok_or_else(|| OutboundError::Redirect(at.clone(), location.to_owned()))?;
            } else if status.as_u16() == 200 {
                return body(&at, answer.into_body(), limits, &mut progress).await;
            } else {
                return Err(OutboundError::Status(at, status.as_u16()));
            }
        }
        Err(OutboundError::Redirect(at, "one more address than allowed".to_owned()))
    }

    async fn ask(&self, at: &Uri, silence: Duration) -> Result<Response<Incoming>, OutboundError> {
        let transport = |cause| OutboundError::Transport { address: at.clone(), cause };
        let request = Request::get(at).header(header::USER_AGENT, concat!("norn/", env!("CARGO_PKG_VERSION"))).body(Empty::new());
        let answer = self.0.request(request.map_err(|e| transport(e.into()))?);
        let answer = tokio::time::timeout(silence, answer).await.map_err(|_| OutboundError::Silent(at.clone()))?;
        answer.map_err(|e| transport(e.into()))
    }
}

async fn body(
    at: &Uri,
    mut incoming: Incoming,
    limits: GetLimits,
    progress: &mut impl FnMut(u64, Option<u64>),
) -> Result<Bytes, OutboundError> {
    let told = incoming.size_hint().exact();
    let too_large = || OutboundError::TooLarge(at.clone(), limits.bytes);
    if told.is_some_and(|bytes| bytes > limits.bytes) {
        return Err(too_large());
    }
    let (mut whole, mut received) = (BytesMut::new(), 0);
    while let Some(frame) = tokio::time::timeout(limits.silence, incoming.frame()).await.map_err(|_| OutboundError::Silent(at.clone()))? {
        let frame = frame.map_err(|e| OutboundError::Transport { address: at.clone(), cause: e.into() })?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len() as u64;
        if received > limits.bytes {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
        progress(received, told);
    }
    Ok(whole.freeze())
}

fn absolute(address: &str) -> Option<Uri> {
    let uri: Uri = address.parse().ok()?;
    (uri.authority().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
}

/// Where a redirect leads, if it may be followed: to the same server, or to any over https. Never from https to http.
fn redirected(from: &Uri, location: &str) -> Option<Uri> {
    let place = |uri: &Uri| uri.scheme().cloned().zip(uri.authority().cloned());
    if location.starts_with('/') && !location.starts_with("//") {
        let (scheme, authority) = place(from)?;
        return Uri::builder().scheme(scheme).authority(authority).path_and_query(location).build().ok();
    }
    let to = absolute(location)?;
    (to.scheme() == Some(&Scheme::HTTPS) || place(&to) == place(from)).then_some(to)
}

#[cfg(test)]
mod tests;
