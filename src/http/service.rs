//! One request, from its head to its answer.

use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, ORIGIN};
use hyper::{Method, Request, Response, StatusCode};
use tracing::Instrument as _;

use super::body::{Purpose, Received, receive};
use super::cors::Cors;
use super::job::{self, JobOptions, Jobs};
use super::negotiate::{Wanted, text, wanted};
use super::request_id::Names;
use super::respond::{accepted, fail, fill, progress, read_http_date, respond, tell_version};
use super::{BASE_PATH, binary};
use crate::interactions::request::Verb;
use crate::interactions::route::Route;
use crate::interactions::{self, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::patch::MEDIA_TYPES;
use crate::store::port::Idempotency;

/// The formats of patches that are possible (RFC 5789, section 3.1).
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Answers HTTP requests.
#[derive(Debug, Clone)]
pub struct Service {
    gateway: Arc<Gateway>,
    cors: Arc<Cors>,
    jobs: Arc<Jobs>,
}

impl Service {
    /// A service over a gateway.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway, cors: Arc::default(), jobs: Arc::new(Jobs::new(JobOptions::default())) }
    }

    /// The same service with other bounds on jobs.
    #[must_use]
    pub fn with_jobs(self, options: JobOptions) -> Self {
        Self { jobs: Arc::new(Jobs::new(options)), ..self }
    }

    /// Ends all jobs and takes no more: to be called before the store is closed.
    pub fn end_jobs(&self) {
        self.jobs.close();
    }

    /// The same service for scripts of other origins.
    #[must_use]
    pub fn across(self, cors: Cors) -> Self {
        Self { cors: Arc::new(cors), ..self }
    }

    /// Answers one request; it cannot fail, since every failure is an answer.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, patch) = (request.method() == Method::HEAD, request.method() == Method::PATCH);
        let origin = request.headers().get(ORIGIN).cloned();
        let names = Names::read(request.headers());
        let mut response = match self.cors.preflight(request.method(), request.headers()) {
            Some(response) => response,
            None => self.route(request).instrument(names.span()).await,
        };
        names.mark(response.headers_mut());
        self.cors.mark(origin.as_ref(), response.headers_mut());
        if patch && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // RFC 5789, section 2.2: the answer says which formats of patches are possible.
            let possible = HeaderValue::try_from(MEDIA_TYPES.join(", "));
            response.headers_mut().extend(possible.ok().map(|possible| (ACCEPT_PATCH, possible)));
        }
        if head {
            // The length of what GET would send stays; the body goes.
            let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
            response.headers_mut().insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
            *response.body_mut() = Full::default();
        }
        response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        response
    }

    async fn route(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let Some(below) = path.strip_prefix(BASE_PATH).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            return self.outside(request.method(), path);
        };
        let below = below.trim_matches('/').to_owned();
        let query = request.uri().query().unwrap_or("").to_owned();
        let binary = binary::is_at(&below).then(|| request.headers().clone());
        let mut wanted = match wanted(request.headers(), &query, binary.is_some()) {
            Ok(wanted) => wanted,
            Err(failure) => return fail(&failure, &self.gateway, &Wanted::default()),
        };
        if let Some(id) = below.strip_prefix(job::PATH) {
            return self.job(request.method(), id, &wanted);
        }
        let outcome = match self.read(request, below, query, &wanted).await {
            Ok((route, request)) => match self.gateway.follow(route, request) {
                Ok(interaction) if wanted.prefer.respond_async && job::is_long(&interaction) => {
                    return match self.jobs.start(&self.gateway, interaction, wanted.prefer) {
                        Ok(id) => accepted(&id, &self.gateway, &wanted),
                        Err(failure) => fail(&failure, &self.gateway, &wanted),
                    };
                }
                Ok(interaction) => self.gateway.execute(interaction).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        if let (Some(headers), Ok(Answer::Resource(version)), false) = (&binary, &outcome, wanted.told)
            && let Some(body) = &version.body
        {
            match binary::tell(body, headers, self.gateway.schema(), &self.gateway.limits) {
                Ok(binary::Told::Content(mut response, content)) => {
                    tell_version(version, response.headers_mut());
                    fill(&mut response, content, &wanted);
                    return response;
                }
                Ok(binary::Told::Resource(format)) => wanted.format = format,
                Err(failure) => return fail(&failure, &self.gateway, &wanted),
            }
        }
        respond(outcome, &self.gateway, &wanted)
    }

    /// An HTTP request as the executor knows it.
    async fn read(
        &self,
        request: Request<Incoming>,
        path: String,
        query: String,
        wanted: &Wanted,
    ) -> Result<(Route, interactions::Request), Failure> {
        let (head, body) = request.into_parts();
        let verb = match head.method {
            Method::GET | Method::HEAD => Verb::Get,
            Method::POST => Verb::Post,
            Method::PUT => Verb::Put,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            _ => {
                return Err(Failure::new(
                    FailureKind::Method(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
                    IssueType::NotSupported,
                    "",
                    "This method is not served.",
                ));
            }
        };
        let path = percent_encoding::percent_decode_str(&path)
            .decode_utf8()
            .map_err(|_| Failure::invalid("", "The path is not UTF-8."))?
            .into_owned();
        // What is sent to an address that does not exist, or that takes no such method, is not looked at.
        let route = self.gateway.route(verb, &path)?;
        let received = match (verb, &route) {
            (Verb::Post | Verb::Put | Verb::Patch, route) => {
                let purpose = match route {
                    Route::Patch(_) => Purpose::Patch,
                    Route::Search(..) | Route::Compartment(_) => Purpose::Search,
                    Route::Operation(..) => Purpose::Resource,
                    _ if binary::is_at(&path) => Purpose::Binary(path.split('/').nth(1)),
                    _ => Purpose::Resource,
                };
                receive(&head.headers, body, purpose, self.gateway.schema(), &self.gateway.limits).await?
            }
            (Verb::Get | Verb::Delete, _) => Received::default(),
        };
        let owned = |name| text(&head.headers, &name).map(str::to_owned);
        let key = head.headers.get("idempotency-key").filter(|_| verb == Verb::Post);
        let request = interactions::Request {
            verb,
            head: false,
            idempotency: key.map(|key| idempotency(key.as_bytes(), &path, &received.bytes)),
            path,
            query,
            form: received.form,
            resource: received.resource,
            patch: received.patch,
            issues: received.issues,
            if_match: owned(IF_MATCH),
            if_none_match: owned(IF_NONE_MATCH),
            if_modified_since: text(&head.headers, &IF_MODIFIED_SINCE).and_then(read_http_date),
            if_none_exist: head.headers.get("if-none-exist").and_then(|value| value.to_str().ok()).map(str::to_owned),
            handling: wanted.prefer.handling.unwrap_or_default(),
        };
        Ok((route, request))
    }

    /// Tells how a job does, or ends it.
    fn job(&self, method: &Method, id: &str, wanted: &Wanted) -> Response<Full<Bytes>> {
        let refuse = |kind, told: &str| fail(&Failure::new(kind, IssueType::NotFound, "", told), &self.gateway, wanted);
        let none = || refuse(FailureKind::NotFound, "There is no such job: it never was, was ended, or its answer was kept long enough.");
        match *method {
            Method::GET | Method::HEAD => match self.jobs.progress(id, self.gateway.clock.now()) {
                Some(told) => progress(&told, &self.gateway, wanted),
                None => none(),
            },
            Method::DELETE if self.jobs.cancel(id) => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::ACCEPTED;
                response
            }
            Method::DELETE => none(),
            _ => refuse(FailureKind::Method(&["GET", "HEAD", "DELETE"]), "A job can be asked about with GET and ended with DELETE."),
        }
    }

    /// What is not FHIR: a sign of life, and a signpost for everything else.
    fn outside(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/health" if matches!(*method, Method::GET | Method::HEAD) => {
                let mut response = Response::new(Full::new(Bytes::from_static(b"{\"status\":\"up\"}")));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            "/health" => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
            _ => {
                let told = format!("The FHIR API is at {BASE_PATH}; start with {BASE_PATH}/metadata.");
                fail(&Failure::new(FailureKind::NotFound, IssueType::NotFound, "", told), &self.gateway, &Wanted::default())
            }
        }
    }
}

/// The digests by which a repeated request is known.
fn idempotency(key: &[u8], path: &str, body: &[u8]) -> Idempotency {
    let hash = |parts: &[&[u8]]| {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        out
    };
    Idempotency { key: hash(&[key]), request: hash(&[path.as_bytes(), body]) }
}
