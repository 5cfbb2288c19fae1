//! Request bodies: read whole, bounded, decompressed, and parsed into a resource.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::CONTENT_ENCODING;

use super::format;
use super::negotiate::{Content, content, text};
use crate::base::budget::Limits;
use crate::interactions::{Failure, FailureKind};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Schema;

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came in.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) resource: Option<Resource>,
    pub(super) issues: Vec<Issue>,
    pub(super) form: Option<String>,
    /// The bytes as sent, for the digest of an idempotent request.
    pub(super) bytes: Bytes,
}

/// Reads and parses a body: a form for `_search`, a resource elsewhere.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Incoming,
    is_search: bool,
    schema: &'static Schema,
    limits: &Limits,
) -> Result<Received, Failure> {
    let bytes = tokio::time::timeout(PATIENCE, collect(body, limits.bytes))
        .await
        .map_err(|_| Failure::new(FailureKind::Timeout, IssueType::Timeout, "", "The body did not arrive in time."))??;
    if bytes.is_empty() {
        return Ok(Received::default());
    }
    let content = content(headers)?;
    let plain = match text(headers, &CONTENT_ENCODING) {
        None | Some("identity") => bytes.clone(),
        Some("gzip" | "x-gzip") => gunzip(&bytes, limits.bytes)?,
        Some(_) => {
            return Err(Failure::new(
                FailureKind::MediaType,
                IssueType::NotSupported,
                "Content-Encoding",
                "Only gzip is possible as Content-Encoding.",
            ));
        }
    };
    match content {
        Content::Form if !is_search => Err(Failure::new(
            FailureKind::MediaType,
            IssueType::NotSupported,
            "Content-Type",
            "Only _search takes a form: send application/fhir+json or application/fhir+xml.",
        )),
        Content::Form => {
            let form = String::from_utf8(plain.to_vec()).map_err(|_| Failure::invalid("", "The form is not UTF-8."))?;
            Ok(Received { form: Some(form), bytes, ..Received::default() })
        }
        Content::Resource(from) => {
            if is_search {
                let told = "Send a form to _search: application/x-www-form-urlencoded.";
                return Err(Failure::new(FailureKind::MediaType, IssueType::NotSupported, "Content-Type", told));
            }
            let (resource, issues) =
                format::read(&plain, from, schema, limits).map_err(|issues| Failure { kind: FailureKind::Invalid, issues, cause: None })?;
            Ok(Received { resource: Some(resource), issues, form: None, bytes })
        }
    }
}

async fn collect(mut body: Incoming, most: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > most as u64 {
        return Err(too_large(most));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure { cause: Some(error.to_string()), ..Failure::invalid("", "The body broke off.") })?;
        let Ok(data) = frame.into_data() else { continue };
        if rest.len() + first.as_ref().map_or(0, Bytes::len) + data.len() > most {
            return Err(too_large(most));
        }
        // A body in one piece is used as it is; only several pieces are copied together.
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(piece) => {
                rest.extend_from_slice(&piece);
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}

fn gunzip(bytes: &[u8], most: usize) -> Result<Bytes, Failure> {
    let mut plain = Vec::new();
    let limit = most as u64 + 1;
    flate2::read::GzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| Failure::invalid("Content-Encoding", "The body is not gzip."))?;
    if plain.len() > most { Err(too_large(most)) } else { Ok(plain.into()) }
}

fn too_large(most: usize) -> Failure {
    Failure::new(
        FailureKind::TooLarge,
        IssueType::TooLong,
        "",
        format!("The body is larger than {most} bytes, the most that this server takes."),
    )
}
