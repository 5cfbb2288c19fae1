//! The ids by which clients and logs speak of one request.
//!
//! A client may name its request by `X-Request-Id`, and a chain of requests by `X-Correlation-Id`: both are told back, and stand in
//! the log.
//! Source: <https://hl7.org/fhir/R4/http.html#custom>.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tracing::Span;

/// Name of one request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Name of what several requests belong to.
pub(super) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// Longer ones are not taken: they would fill the log.
const LONGEST: usize = 128;

/// What a client calls its request.
#[derive(Debug, Default)]
pub(super) struct Names {
    request: Option<HeaderValue>,
    correlation: Option<HeaderValue>,
}

impl Names {
    /// Reads the headers; what is too long or not printable is passed over.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let read = |name| {
            let sound = |value: &&HeaderValue| value.len() <= LONGEST && value.to_str().is_ok_and(|text| !text.is_empty());
            headers.get(name).filter(sound).cloned()
        };
        Self { request: read(REQUEST_ID), correlation: read(CORRELATION_ID) }
    }

    /// What the log tells with every line about the request; nothing if the client gave no name.
    pub(super) fn span(&self) -> Span {
        let text = |value: &Option<HeaderValue>| value.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        match self {
            Self { request: None, correlation: None } => Span::none(),
            Self { request, correlation: None } => tracing::info_span!("request", id = text(request)),
            Self { request, correlation } => tracing::info_span!("request", id = text(request), correlation = text(correlation)),
        }
    }

    /// Tells the names back.
    pub(super) fn mark(self, answer: &mut HeaderMap) {
        answer.extend(self.request.map(|id| (REQUEST_ID, id)));
        answer.extend(self.correlation.map(|id| (CORRELATION_ID, id)));
    }
}
