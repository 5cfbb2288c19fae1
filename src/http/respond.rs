//! Answers and failures become HTTP responses, and entries of response Bundles, by one table of statuses.
//!
//! Source: <https://hl7.org/fhir/R4/http.html>; RFC 9110.

use std::io::Write as _;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED, LOCATION, RETRY_AFTER, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};

use super::format;
use super::job::{self, Progress};
use super::negotiate::Wanted;
use super::prefer::Return;
use crate::base::clock::{Instant, civil};
use crate::interactions::{Answer, Failure, FailureKind, Gateway};
use crate::model::draft::Draft;
use crate::model::outcome::{Issue, IssueType, operation_outcome};
use crate::store::port::Version;

/// Which preferences of the client were followed (RFC 7240, section 3).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Answers smaller than this are not worth compressing.
const WORTH_COMPRESSING: usize = 1400;

/// The one table of failures to statuses.
fn status(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Invalid => StatusCode::BAD_REQUEST,
        FailureKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Gone => StatusCode::GONE,
        FailureKind::Precondition => StatusCode::PRECONDITION_FAILED,
        FailureKind::Conflict => StatusCode::CONFLICT,
        FailureKind::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        FailureKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        FailureKind::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FailureKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FailureKind::Timeout => StatusCode::REQUEST_TIMEOUT,
        FailureKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        FailureKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What an answer is on the wire, whether as a response or as an entry.
struct Told {
    status: StatusCode,
    body: Option<Bytes>,
    /// The version that ETag and Last-Modified tell.
    version: Option<std::sync::Arc<Version>>,
    /// Whether Location is told: something was written, or found to be there.
    located: bool,
}

/// Where to see how far what is stored is indexed by a search parameter.
fn to_be_indexed(version: &Version) -> Option<String> {
    let defines = version.key.kind.name() == "SearchParameter";
    defines.then(|| format!("What is stored is indexed by it if it is active and new; GET {}/$status tells how far.", version.key))
}

fn tell(answer: &Answer, returns: Option<Return>, in_bundle: bool) -> Told {
    let body = |version: &Version| version.body.clone();
    match answer {
        Answer::Resource(version) => Told { status: StatusCode::OK, body: body(version), version: Some(version.clone()), located: false },
        Answer::Subset(version, part) => {
            Told { status: StatusCode::OK, body: Some(part.clone()), version: Some(version.clone()), located: false }
        }
        Answer::NotModified(version) => {
            Told { status: StatusCode::NOT_MODIFIED, body: None, version: Some(version.clone()), located: false }
        }
        Answer::Written { version, created } => {
            // In a Bundle the resource is told only when asked for; alone, unless asked not to.
            let body = match (returns, in_bundle) {
                (Some(Return::Representation), _) | (None, false) => body(version),
                (Some(Return::Outcome), _) => {
                    let told = format!("{} is now at version {}.", version.key, version.version);
                    let mut issues = vec![Issue::information(IssueType::Informational, told)];
                    issues.extend(to_be_indexed(version).map(|told| Issue::information(IssueType::Informational, told)));
                    Some(operation_outcome(&issues).into())
                }
                _ => None,
            };
            Told {
                status: if *created { StatusCode::CREATED } else { StatusCode::OK },
                body,
                version: Some(version.clone()),
                located: true,
            }
        }
        Answer::Deleted(version) => {
            let body = (returns == Some(Return::Outcome))
                .then(|| operation_outcome(&[Issue::information(IssueType::Informational, "The resource is deleted.")]).into());
            Told {
                status: if body.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT },
                body,
                version: version.clone(),
                located: false,
            }
        }
        Answer::DeletedAll(count) => {
            let body = (returns == Some(Return::Outcome)).then(|| {
                let told = format!("{count} resources are deleted.");
                operation_outcome(&[Issue::information(IssueType::Informational, told)]).into()
            });
            let status = if body.is_some() { StatusCode::OK } else { StatusCode::NO_CONTENT };
            Told { status, body, version: None, located: false }
        }
        Answer::Head(answer) => Told { body: None, ..tell(answer, returns, in_bundle) },
        Answer::Bundle(bundle) | Answer::Parameters(bundle) | Answer::Capabilities(bundle) => {
            Told { status: StatusCode::OK, body: Some(bundle.clone()), version: None, located: false }
        }
        Answer::Batch(_) | Answer::Transaction(_) => Told { status: StatusCode::OK, body: None, version: None, located: false },
    }
}

/// The response to a single request.
pub(super) fn respond(outcome: Result<Answer, Failure>, gateway: &Gateway, wanted: &Wanted) -> Response<Full<Bytes>> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => return fail(&failure, gateway, wanted),
    };
    let mut told = tell(&answer, wanted.prefer.returns, false);
    match &answer {
        Answer::Batch(answers) => told.body = Some(bundle("batch-response", answers, gateway, wanted)),
        Answer::Transaction(answers) => told.body = Some(bundle("transaction-response", answers, gateway, wanted)),
        _ => {}
    }
    let mut response = send(told.status, told.body, gateway, wanted);
    let headers = response.headers_mut();
    headers.extend(wanted.prefer.applied(&answer).map(|applied| (PREFERENCE_APPLIED, applied)));
    if let Some(version) = &told.version {
        tell_version(version, headers);
        if told.located {
            headers.insert(LOCATION, value(&location(version, gateway)));
        }
    }
    response
}

/// The response to a request that has become a job.
pub(super) fn accepted(id: &str, gateway: &Gateway, wanted: &Wanted) -> Response<Full<Bytes>> {
    let told = "The request goes on: ask at the address in Content-Location how it does.";
    let outcome = operation_outcome(&[Issue::information(IssueType::Informational, told)]);
    let mut response = send(StatusCode::ACCEPTED, Some(outcome.into()), gateway, wanted);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LOCATION, value(&format!("{}/{}{id}", gateway.base, job::PATH)));
    headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("respond-async"));
    response
}

/// The response to a question about a job.
pub(super) fn progress(progress: &Progress, gateway: &Gateway, wanted: &Wanted) -> Response<Full<Bytes>> {
    let (outcome, prefer) = match progress {
        Progress::Going(told) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::ACCEPTED;
            response.headers_mut().insert("x-progress", value(told));
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return response;
        }
        Progress::Done(outcome, prefer) => (outcome, *prefer),
    };
    let told = Wanted { prefer, ..*wanted };
    let body = match &**outcome {
        Ok(Answer::Batch(answers)) => bundle("batch-response", answers, gateway, &told),
        Ok(Answer::Transaction(answers)) => {
            let response = Answer::Bundle(bundle("transaction-response", answers, gateway, &told));
            bundle("batch-response", &[Ok(response)], gateway, &told)
        }
        outcome => bundle("batch-response", std::slice::from_ref(outcome), gateway, &told),
    };
    send(StatusCode::OK, Some(body), gateway, wanted)
}

/// ETag and Last-Modified.
pub(super) fn tell_version(version: &Version, headers: &mut HeaderMap) {
    headers.insert(ETAG, value(&format!("W/\"{}\"", version.version)));
    headers.insert(LAST_MODIFIED, value(&http_date(version.updated)));
}

/// The response to a request that failed; the cause goes to the log.
pub(super) fn fail(failure: &Failure, gateway: &Gateway, wanted: &Wanted) -> Response<Full<Bytes>> {
    log(failure);
    let mut response = send(status(failure.kind), Some(operation_outcome(&failure.issues).into()), gateway, wanted);
    if let FailureKind::Method(allowed) = failure.kind {
        response.headers_mut().insert(ALLOW, value(&allowed.join(", ")));
    }
    response
}

fn log(failure: &Failure) {
    match (&failure.cause, failure.kind) {
        (Some(cause), FailureKind::Internal | FailureKind::Full | FailureKind::Unavailable) => tracing::error!(%cause, "a request failed"),
        (Some(cause), _) => tracing::debug!(%cause, "a request was refused"),
        _ => {}
    }
}

/// The response Bundle of a batch or transaction.
fn bundle(kind: &'static str, answers: &[Result<Answer, Failure>], gateway: &Gateway, wanted: &Wanted) -> Bytes {
    let entries = answers.iter().map(|answer| match answer {
        Ok(answer) => {
            let told = tell(answer, wanted.prefer.returns, true);
            let mut response = Draft::object().with("status", line(told.status));
            if let Some(version) = &told.version {
                if told.located {
                    response.set("location", location(version, gateway));
                }
                response.set("etag", format!("W/\"{}\"", version.version));
                response.set("lastModified", version.updated.to_string());
            }
            let body = told.body.map(|body| Draft::Raw(String::from_utf8_lossy(&body).into_owned().into()));
            if wanted.prefer.returns == Some(Return::Outcome)
                && matches!(answer, Answer::Written { .. } | Answer::Deleted(_) | Answer::DeletedAll(_))
            {
                return Draft::object().with("response", response.with_some("outcome", body));
            }
            Draft::object().with_some("resource", body).with("response", response)
        }
        Err(failure) => {
            log(failure);
            let outcome = Draft::Raw(operation_outcome(&failure.issues).into());
            Draft::object().with("response", Draft::object().with("status", line(status(failure.kind))).with("outcome", outcome))
        }
    });
    let id = gateway.random.uuid();
    Draft::object().with("resourceType", "Bundle").with("id", id).with("type", kind).with("entry", Draft::array(entries)).to_json().into()
}

/// `201 Created`
fn line(status: StatusCode) -> String {
    format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or("")).trim_end().to_owned()
}

fn location(version: &Version, gateway: &Gateway) -> String {
    format!("{}/{}/_history/{}", gateway.base, version.key, version.version)
}

/// A response with a resource as its body, in the wanted format.
pub(super) fn send(status: StatusCode, body: Option<Bytes>, gateway: &Gateway, wanted: &Wanted) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    let Some(json) = body else { return response };
    let bytes = match format::write(json, wanted.format, wanted.pretty, gateway.schema(), &gateway.limits) {
        Ok(bytes) => bytes,
        Err(issues) => {
            tracing::error!(cause = ?issues, "a stored resource cannot be written in the wanted format");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            Bytes::new()
        }
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(wanted.format.media_type()));
    fill(&mut response, bytes, wanted);
    response
}

/// Puts a body into a response, compressed if that is wanted and worth it.
pub(super) fn fill(response: &mut Response<Full<Bytes>>, bytes: Bytes, wanted: &Wanted) {
    let bytes = if wanted.gzip && bytes.len() >= WORTH_COMPRESSING {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        compress(&bytes)
    } else {
        bytes
    };
    *response.body_mut() = Full::new(bytes);
}

fn compress(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
fn http_date(at: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (at.seconds().div_euclid(86_400), at.seconds().rem_euclid(86_400));
    let (year, month, day) = civil(days);
    // 1970-01-01 was a Thursday.
    let name = DAYS.get(usize::try_from(days.rem_euclid(7)).unwrap_or(0)).unwrap_or(&"Thu");
    let month = MONTHS.get(month as usize - 1).unwrap_or(&"Jan");
    format!("{name}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Reads an HTTP date of the preferred form; `None` for others, which makes the condition void (RFC 9110, section 13.1.3).
pub(super) fn read_http_date(text: &str) -> Option<Instant> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u32 = words.next()?.parse().ok()?;
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let name = words.next()?;
    let month = u32::try_from(month.iter().position(|m| *m == name)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1..=9999).contains(year))?;
    let mut time = words.next()?.split(':').map(|part| part.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    let seconds = crate::base::clock::days(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds;
    (words.next() == Some("GMT")).then_some(Instant(seconds * 1_000_000))
}
