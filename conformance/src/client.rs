//! The HTTP client: sends one request, gives back one answer, and shows both for a report.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde_json::Value;

/// The largest answer that is read.
const LARGEST: usize = 256 << 20;

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, in capitals.
    pub method: String,
    /// Absolute URL in its form on the wire.
    pub url: String,
    /// Headers in the order in which they are sent.
    pub headers: Vec<(String, String)>,
    /// Body, if there is one.
    pub body: Option<Bytes>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// Body after decompression.
    pub body: Bytes,
}

impl Reply {
    /// The value of a header; several are joined by commas (RFC 9110, section 5.3).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<String> =
            self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        if values.is_empty() { None } else { Some(values.join(", ")) }
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Duration,
}

impl Client {
    /// A client that waits `patience` for an answer. The machine's root certificates are read if `https` is needed.
    ///
    /// # Errors
    /// If the root certificates cannot be read.
    pub fn new(https: bool, patience: Duration) -> Result<Self, String> {
        let builder = HttpsConnectorBuilder::new();
        let builder = if https {
            let roots = builder.with_provider_and_native_roots(aws_lc_rs::default_provider());
            roots.map_err(|error| format!("cannot read the root certificates of this machine: {error}"))?
        } else {
            let tls = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into());
            let tls = tls.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
            builder.with_tls_config(tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        };
        let pool = Pool::builder(TokioExecutor::new()).build(builder.https_or_http().enable_http1().build());
        Ok(Self { pool, patience })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn send(&self, request: &Request) -> Result<Reply, String> {
        let mut builder = hyper::Request::builder().method(request.method.as_str()).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let body = Full::new(request.body.clone().unwrap_or_default());
        let request = builder.body(body).map_err(|error| format!("this request cannot be sent: {error}"))?;
        match tokio::time::timeout(self.patience, self.exchange(request)).await {
            Ok(reply) => reply,
            Err(_) => Err(format!("no answer within {} s", self.patience.as_secs())),
        }
    }

    async fn exchange(&self, request: hyper::Request<Full<Bytes>>) -> Result<Reply, String> {
        let response = self.pool.request(request).await.map_err(|error| chain(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LARGEST)
            .collect()
            .await
            .map_err(|error| format!("the answer broke off: {}", chain(error.as_ref())))?
            .to_bytes();
        let zipped = head.headers.get(CONTENT_ENCODING).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let body = if zipped && !body.is_empty() { unzip(&body)? } else { body };
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }
}

fn unzip(body: &[u8]) -> Result<Bytes, String> {
    let mut plain = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    GzDecoder::new(body).take(limit).read_to_end(&mut plain).map_err(|error| format!("the answer says gzip and is none: {error}"))?;
    Ok(plain.into())
}

/// An error with what caused it, since the outermost one often says no more than "client error".
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = inner.source();
    }
    told
}

/// Request and answer as one reads them.
#[must_use]
pub fn transcript(request: &Request, reply: &Result<Reply, String>) -> String {
    let mut told = format!("> {} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        let _ = writeln!(told, "> {name}: {value}");
    }
    if let Some(body) = &request.body {
        quote(&mut told, '>', body);
    }
    match reply {
        Err(problem) => {
            let _ = writeln!(told, "< {problem}");
        }
        Ok(reply) => {
            let _ = writeln!(told, "< {}", reply.status);
            for (name, value) in &reply.headers {
                let _ = writeln!(told, "< {name}: {}", String::from_utf8_lossy(value.as_bytes()));
            }
            quote(&mut told, '<', &reply.body);
        }
    }
    told
}

/// A body, JSON laid out in lines, cut when it is very long.
fn quote(told: &mut String, mark: char, body: &[u8]) {
    const LONGEST: usize = 400;
    if body.is_empty() {
        return;
    }
    let json = serde_json::from_slice::<Value>(body).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = json.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let _ = writeln!(told, "{mark}");
    for line in text.lines().take(LONGEST) {
        let _ = writeln!(told, "{mark} {line}");
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        let _ = writeln!(told, "{mark} … ({} more lines)", lines - LONGEST);
    }
}
