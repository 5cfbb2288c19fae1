//! The server under test, and requests to it as bytes.

use std::io::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Failure;
use crate::arguments::Prefer;

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where requests go.
#[derive(Debug)]
pub(crate) struct Target {
    /// Name or address of the server; an IPv6 address without brackets.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Path of the base URL, without a slash at its end.
    prefix: String,
    /// End of the request line, and the header fields of every request.
    every: String,
    /// The further header fields of every write.
    write: String,
}

impl Target {
    /// Reads a base URL; only plain HTTP is spoken.
    pub(crate) fn new(base: &str, prefer: Prefer, headers: &[String]) -> Result<Self, Failure> {
        let rest = base.strip_prefix("http://").ok_or("the base URL must start with http://")?;
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse()?),
            _ => (authority, 80),
        };
        let mut every = format!(" HTTP/1.1\r\nHost: {authority}\r\nAccept: application/fhir+json\r\n");
        for header in headers {
            every.push_str(header.trim());
            every.push_str("\r\n");
        }
        let prefer = match prefer {
            Prefer::Minimal => "Prefer: return=minimal\r\n",
            Prefer::Representation => "Prefer: return=representation\r\n",
            Prefer::None => "",
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            prefix: path.trim_end_matches('/').to_owned(),
            every,
            write: format!("Content-Type: application/fhir+json\r\n{prefer}Content-Length: "),
        })
    }

    /// The path on the server of `relative` to the base URL.
    pub(crate) fn path(&self, relative: &str) -> String {
        match (self.prefix.as_str(), relative) {
            ("", "") => "/".to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, relative) => format!("{prefix}/{relative}"),
        }
    }

    /// Writes a GET of a path into `out`.
    pub(crate) fn get(&self, out: &mut Vec<u8>, path: &str) {
        for piece in ["GET ", path, &self.every, "\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// Writes a request with a JSON body into `out`.
    pub(crate) fn send(&self, out: &mut Vec<u8>, method: &str, path: &str, body: &[u8]) {
        for piece in [method, " ", path, &self.every, &self.write] {
            out.extend_from_slice(piece.as_bytes());
        }
        // Writing into memory cannot fail.
        let _ = write!(out, "{}\r\n\r\n", body.len());
        out.extend_from_slice(body);
    }
}

/// The value of a query parameter, safe to stand in a URL.
pub(crate) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, RESERVED).to_string()
}
