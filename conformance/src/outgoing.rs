//! The request that a step describes: its URL, headers and body with the variables filled in.

use std::io::Write as _;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::case::Step;
use crate::client::Request;
use crate::template::{Variables, wire_form};

/// The media type that is sent and asked for when a step says nothing.
pub const FHIR_JSON: &str = "application/fhir+json";

/// The request of a step against the server at `base`.
///
/// # Errors
/// If a variable is unknown.
pub fn request(base: &str, step: &Step, variables: &Variables) -> Result<Request, String> {
    let line = variables.fill(&step.request)?;
    let (method, target) = line.split_once(' ').unwrap_or((&line, ""));
    let mut headers = Vec::new();
    let mut default = |name: &str, needed: bool| {
        if needed && !step.headers.keys().any(|given| given.eq_ignore_ascii_case(name)) {
            headers.push((name.to_owned(), FHIR_JSON.to_owned()));
        }
    };
    default("Accept", true);
    default("Content-Type", step.body.is_some());
    if step.gzip {
        headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
    }
    for (name, value) in &step.headers {
        let value = variables.fill(value)?;
        if !value.is_empty() {
            headers.push((name.clone(), value));
        }
    }
    let body = step.body.as_deref().map(|body| variables.fill(body)).transpose()?;
    let body = match body {
        Some(body) if step.gzip => Some(zip(&body)?),
        other => other.map(Bytes::from),
    };
    Ok(Request { method: method.to_owned(), url: url(base, target.trim()), headers, body })
}

/// The absolute URL of a target: as it is, or below `base`.
#[must_use]
pub fn url(base: &str, target: &str) -> String {
    let target = wire_form(target);
    if target.starts_with("http://") || target.starts_with("https://") {
        target
    } else if target.is_empty() || target.starts_with('?') {
        format!("{base}{target}")
    } else {
        format!("{base}/{}", target.trim_start_matches('/'))
    }
}

fn zip(body: &str) -> Result<Bytes, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let zipped = encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish());
    zipped.map(Bytes::from).map_err(|error| format!("cannot compress the body: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_requests() {
        let check = |step: &str, expected: &str| {
            let mut variables = Variables::default();
            variables.set("id", "4 2");
            let built = request("http://x/fhir", &toml::from_str(step).unwrap(), &variables).unwrap();
            let headers: Vec<String> = built.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let body = built.body.map_or(String::new(), |body| format!(" {}", String::from_utf8_lossy(&body)));
            assert_eq!(format!("{} {} [{}]{body}", built.method, built.url, headers.join(", ")), expected);
        };
        check("request = 'GET Patient/{{id}}'", "GET http://x/fhir/Patient/4%202 [Accept: application/fhir+json]");
        check(
            "request = 'POST'\nbody = '{ }'",
            "POST http://x/fhir [Accept: application/fhir+json, Content-Type: application/fhir+json] { }",
        );
        check("request = 'GET ?_id={{id}}'\nheaders = { accept = '' }", "GET http://x/fhir?_id=4%202 []");
        check(
            "request = 'GET https://y/z'\nheaders = { If-Match = '{{id}}' }",
            "GET https://y/z [Accept: application/fhir+json, If-Match: 4 2]",
        );
    }
}
