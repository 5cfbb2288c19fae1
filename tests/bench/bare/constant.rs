//! The ceiling for reads: one constant body, no lookup, no parsing.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};

use crate::sample::chance::Chance;
use crate::sample::observation::Observations;
use crate::serve::Answer;

/// The body, and the header fields that FHIR asks of a read (R4, section "RESTful API, read").
#[derive(Debug, Clone)]
pub(crate) struct Page(Bytes);

impl Page {
    /// Renders the body once.
    pub(crate) fn new() -> Self {
        let mut body = Vec::new();
        Observations::new().write(&mut body, Some("example"), "Patient/example", &mut Chance::new(0, 0));
        Self(Bytes::from(body))
    }

    /// The answer to any request.
    pub(crate) fn answer(&self) -> Answer {
        let mut answer = Response::new(Full::new(self.0.clone()));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json"));
        headers.insert(ETAG, HeaderValue::from_static("W/\"1\""));
        headers.insert(LAST_MODIFIED, HeaderValue::from_static("Mon, 01 Jan 2024 00:00:00 GMT"));
        answer
    }
}
