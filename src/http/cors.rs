//! Cross-origin requests of browsers: which origins may read answers.
//!
//! Without configuration no origin may. Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use hyper::{HeaderMap, Method, Response, StatusCode};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Accept-Charset, Accept-Language, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, \
     If-Modified-Since, If-None-Exist, If-None-Match, Prefer, X-Correlation-Id, X-Request-Id, X-Requested-With, X-Security-Context",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept-Patch, Allow, Content-Disposition, Content-Location, ETag, Last-Modified, Link, Location, Preference-Applied, \
     Retry-After, X-Correlation-Id, X-Progress, X-Request-Id, X-Security-Context",
);

/// Whose scripts may read answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    seconds: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Origins {
    #[default]
    None,
    Any,
    These(Vec<HeaderValue>),
}

impl Cors {
    /// Allows these origins (`https://app.example`, or `*` alone for any); browsers may send credentials along if `credentials`,
    /// and may remember for `seconds` what they may do.
    ///
    /// # Errors
    /// A sentence that says which origin is none, or why the choice is unsafe.
    pub fn new(origins: &[String], credentials: bool, seconds: u32) -> Result<Self, String> {
        let origins = match origins {
            [] => Origins::None,
            [any] if any == "*" && credentials => {
                return Err("any origin (\"*\") cannot be allowed together with credentials: name the origins".to_owned());
            }
            [any] if any == "*" => Origins::Any,
            these => Origins::These(these.iter().map(|origin| read(origin)).collect::<Result<_, _>>()?),
        };
        Ok(Self { origins, credentials, seconds })
    }

    /// Answers a preflight request; `None` if the request is none, or cross-origin requests are not configured.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
        let asks = *method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || self.origins == Origins::None {
            return None;
        }
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        // Without these headers the browser takes the answer for a refusal.
        if self.allows(headers) {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.seconds));
        }
        Some(response)
    }

    /// Tells the browser whether the script that asked may read the answer.
    pub(super) fn mark(&self, asked: Option<&HeaderValue>, answer: &mut HeaderMap) {
        let Some(allowed) = self.allowed(asked) else {
            if matches!(self.origins, Origins::These(_)) {
                answer.append(VARY, HeaderValue::from_static("Origin"));
            }
            return;
        };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
        if self.credentials {
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if self.origins != Origins::Any {
            answer.append(VARY, HeaderValue::from_static("Origin"));
        }
    }

    /// Whether any origin may read answers.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.origins != Origins::None
    }

    fn allows(&self, headers: &HeaderMap) -> bool {
        self.allowed(headers.get(ORIGIN)).is_some()
    }

    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match (&self.origins, origin) {
            (Origins::Any, Some(_)) => Some(HeaderValue::from_static("*")),
            (Origins::These(these), Some(origin)) => these.contains(origin).then(|| origin.clone()),
            _ => None,
        }
    }
}

/// An origin as browsers send it: scheme, host and perhaps port, no path.
fn read(origin: &str) -> Result<HeaderValue, String> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or("");
    let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]_".contains(&b));
    let wrong =
        || format!("\"{origin}\" is not an origin: write for example https://app.hospital.example, in lower case and without a path");
    HeaderValue::from_str(origin).ok().filter(|_| plain).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read() {
        for (origins, credentials, good) in [
            (&[][..], true, true),
            (&["*"], false, true),
            (&["*"], true, false),
            (&["https://app.example", "http://localhost:3000"], true, true),
            (&["https://app.example/"], false, false),
            (&["app.example"], false, false),
            (&["https://App.example"], false, false),
            (&["*", "https://app.example"], false, false),
        ] {
            let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
            assert_eq!(Cors::new(&origins, credentials, 600).is_ok(), good, "{origins:?}");
        }
    }
}
