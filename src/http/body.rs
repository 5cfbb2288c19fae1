//! Request bodies: read whole, bounded, decompressed, and parsed into a resource.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::negotiate::{Content, content, text};
use super::{binary, format};
use crate::base::budget::Limits;
use crate::interactions::{Failure, FailureKind};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Schema;
use crate::patch;

/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came in.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) resource: Option<Resource>,
    pub(super) issues: Vec<Issue>,
    pub(super) form: Option<String>,
    pub(super) patch: Option<(patch::Format, Bytes)>,
    /// The bytes as sent, for the digest of an idempotent request.
    pub(super) bytes: Bytes,
}

/// What a body is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose<'p> {
    /// Something is to be stored: a resource.
    Resource,
    /// A search: a form.
    Search,
    /// A change: a patch document, or a resource that tells one.
    Patch,
    /// A Binary is to be stored: anything at all; under this id, if the address has one.
    Binary(Option<&'p str>),
}

impl Purpose<'_> {
    /// A sentence that says what can be sent.
    fn sentence(self) -> &'static str {
        match self {
            Self::Resource => "Send application/fhir+json or application/fhir+xml; for POST _search, application/x-www-form-urlencoded.",
            Self::Search => "Send a form to _search: application/x-www-form-urlencoded.",
            Self::Binary(_) => "Send content under its Content-Type, or a Binary as application/fhir+json or application/fhir+xml.",
            Self::Patch => {
                "Send application/json-patch+json, application/xml-patch+xml, or a Parameters resource as application/fhir+json or \
                 application/fhir+xml."
            }
        }
    }
}

/// Reads a body and parses it as far as its purpose asks.
pub(super) async fn receive(
    headers: &HeaderMap,
    body: Incoming,
    purpose: Purpose<'_>,
    schema: &'static Schema,
    limits: &Limits,
) -> Result<Received, Failure> {
    let bytes = tokio::time::timeout(PATIENCE, collect(body, limits.bytes))
        .await
        .map_err(|_| Failure::new(FailureKind::Timeout, IssueType::Timeout, "", "The body did not arrive in time."))??;
    if bytes.is_empty() {
        return Ok(Received::default());
    }
    let refuse = || Failure::new(FailureKind::MediaType, IssueType::NotSupported, "Content-Type", purpose.sentence());
    if purpose == Purpose::Patch && !headers.contains_key(CONTENT_TYPE) {
        // The same bytes mean other things in other languages of patches.
        return Err(refuse());
    }
    let content = content(headers, purpose.sentence());
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
    if let Purpose::Binary(id) = purpose {
        let (resource, issues) = binary::take(&plain, headers, content.ok(), id, schema, limits)?;
        return Ok(Received { resource: Some(resource), issues, bytes, ..Received::default() });
    }
    match (content?, purpose) {
        (Content::Form, Purpose::Search) => {
            let form = String::from_utf8(plain.to_vec()).map_err(|_| Failure::invalid("", "The form is not UTF-8."))?;
            Ok(Received { form: Some(form), bytes, ..Received::default() })
        }
        (Content::Patch(format), Purpose::Patch) => Ok(Received { patch: Some((format, plain)), bytes, ..Received::default() }),
        (Content::Resource(from), Purpose::Resource | Purpose::Patch) => {
            let (resource, issues) =
                format::read(&plain, from, schema, limits).map_err(|issues| Failure { kind: FailureKind::Invalid, issues, cause: None })?;
            Ok(Received { resource: Some(resource), issues, bytes, ..Received::default() })
        }
        _ => Err(refuse()),
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
