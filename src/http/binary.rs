//! Binary in its native form: content goes out under its own type, and content of any type comes in.
//!
//! The one resource type that HTTP treats specially, since the specification says so.
//! Source: <https://hl7.org/fhir/R4/binary.html#rest>, <https://hl7.org/fhir/R4/http.html#2.21.0.6>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response};

use super::negotiate::{Content, Format, accepted, not_acceptable, ranges, text};
use crate::base::budget::Limits;
use crate::interactions::{Failure, FailureKind};
use crate::model::codec::{read_json, read_json_parts, read_xml_parts};
use crate::model::draft::Draft;
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Schema;

/// Name of the type.
const BINARY: &str = "Binary";

/// Which resource decides who may see the content.
const SECURITY_CONTEXT: HeaderName = HeaderName::from_static("x-security-context");

/// Whether a path, below the base, is that of Binary or of one of its resources.
pub(super) fn is_at(path: &str) -> bool {
    path.split('/').next() == Some(BINARY) && !path.contains('$') && !path.ends_with("_search") && !path.ends_with("_history")
}

/// What a client wants of a Binary.
enum Form {
    Native,
    Resource(Format),
}

/// Whether the client wants the content itself. FHIR's own media types ask for the resource, whatever else they may be; all
/// others are about the content.
fn form(headers: &HeaderMap, content_type: &str) -> Result<Form, Failure> {
    let Some(accept) = text(headers, &ACCEPT) else { return Ok(Form::Native) };
    let own = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let family = own.split_once('/').map_or_else(String::new, |(family, _)| format!("{family}/*"));
    let mut best: Option<(u16, Form)> = None;
    for (name, weight) in ranges(accept).filter(|(_, weight)| *weight > 0) {
        let form = match name.to_ascii_lowercase().as_str() {
            "application/fhir+json" | "application/json+fhir" => Some(Form::Resource(Format::Json)),
            "application/fhir+xml" | "application/xml+fhir" => Some(Form::Resource(Format::Xml)),
            name if name == "*/*" || name == own || name == family => Some(Form::Native),
            _ => None,
        };
        if let Some(form) = form.filter(|_| best.as_ref().is_none_or(|(top, _)| weight > *top)) {
            best = Some((weight, form));
        }
    }
    match best {
        Some((_, form)) => Ok(form),
        // `application/json` and the like, for content that is something else, can only mean the resource.
        None => accepted(Some(accept)).map(Form::Resource).map_err(|_| {
            not_acceptable(&format!("This Binary is {content_type}; it can also be had as application/fhir+json or application/fhir+xml."))
        }),
    }
}

/// What a stored Binary is answered with.
pub(super) enum Told {
    /// Its content: the head of the response, and the bytes.
    Content(Response<Full<Bytes>>, Bytes),
    /// The resource, in this format.
    Resource(Format),
}

/// Answers a read of a Binary as it is stored.
pub(super) fn tell(stored: &Bytes, headers: &HeaderMap, schema: &'static Schema, limits: &Limits) -> Result<Told, Failure> {
    let broken = |issues: Vec<Issue>| Failure {
        cause: Some(format!("a stored Binary cannot be read: {issues:?}")),
        ..Failure::new(FailureKind::Internal, IssueType::Exception, BINARY, "The stored content cannot be read; it has been logged.")
    };
    let resource = read_json(stored, schema, limits).map_err(broken)?;
    let root = resource.root();
    let content_type = root.get_text("contentType").unwrap_or_default();
    match form(headers, &content_type)? {
        Form::Resource(format) => Ok(Told::Resource(format)),
        Form::Native => {
            let data: String = root.get_text("data").unwrap_or_default().split_ascii_whitespace().collect();
            let content = BASE64.decode(data).map_err(|error| broken(vec![Issue::error(IssueType::Value, "data", error.to_string())]))?;
            let mut response = Response::new(Full::default());
            let headers = response.headers_mut();
            let kind = HeaderValue::from_str(&content_type).ok().filter(|_| content_type.contains('/'));
            headers.insert(CONTENT_TYPE, kind.unwrap_or_else(|| HeaderValue::from_static("application/octet-stream")));
            // Foreign content must not run in the name of this server: no scripts, no display in place.
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
            let context = root.get("securityContext").and_then(|context| context.get_text("reference"));
            headers.extend(context.and_then(|context| HeaderValue::from_str(&context).ok()).map(|context| (SECURITY_CONTEXT, context)));
            Ok(Told::Content(response, content.into()))
        }
    }
}

/// Makes a Binary of a body: a Binary that the client has put together, or the bytes as they are under their Content-Type.
pub(super) fn take(
    plain: &Bytes,
    headers: &HeaderMap,
    content: Option<Content>,
    id: Option<&str>,
    schema: &'static Schema,
    limits: &Limits,
) -> Result<(Resource, Vec<Issue>), Failure> {
    let refuse = |issues| Failure { kind: FailureKind::Invalid, issues, cause: None };
    let read = match content {
        Some(Content::Resource(Format::Json)) => Some((Format::Json, read_json_parts(plain, schema, limits))),
        Some(Content::Resource(Format::Xml)) => Some((Format::Xml, read_xml_parts(plain, schema, limits))),
        _ => None,
    };
    match read {
        Some((_, Ok((resource, issues)))) if resource.kind().name() == BINARY => return Ok((resource, issues)),
        Some((format, Err(issues))) if means_binary(plain, format) => return Err(refuse(issues)),
        _ => {}
    }
    // As base64 it takes a third more, and must still be readable.
    let most = limits.bytes / 4 * 3;
    if plain.len() > most {
        let told = format!("The content is larger than {most} bytes, the most that this server takes as a Binary.");
        return Err(Failure::new(FailureKind::TooLarge, IssueType::TooLong, "", told));
    }
    let content_type = text(headers, &CONTENT_TYPE).unwrap_or("application/octet-stream");
    let context = match headers.get(SECURITY_CONTEXT).map(HeaderValue::to_str) {
        None => None,
        Some(Ok(context)) => Some(Draft::object().with("reference", context.trim())),
        Some(Err(_)) => return Err(Failure::invalid("X-Security-Context", "This is not a reference: write for example Patient/1.")),
    };
    let data = (!plain.is_empty()).then(|| BASE64.encode(plain));
    let draft = Draft::object()
        .with("resourceType", BINARY)
        .with_some("id", id)
        .with("contentType", content_type)
        .with_some("securityContext", context)
        .with_some("data", data);
    Ok((read_json(draft.to_json().as_bytes(), schema, limits).map_err(refuse)?, Vec::new()))
}

/// Whether a body that cannot be read was meant as a Binary resource: then what is wrong with it is told.
fn means_binary(plain: &[u8], format: Format) -> bool {
    match format {
        Format::Json => {
            serde_json::from_slice::<serde_json::Value>(plain).is_ok_and(|json| json.get("resourceType").is_some_and(|kind| kind == BINARY))
        }
        Format::Xml => {
            let start = String::from_utf8_lossy(plain.get(..1024).unwrap_or(plain));
            start.contains("<Binary") && start.contains("http://hl7.org/fhir")
        }
    }
}
