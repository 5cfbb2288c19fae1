//! Bundles: entries read from one that came in, and searchset and history Bundles put together from stored bytes.
//!
//! Stored resources go into a Bundle as they are, byte for byte. Source: <https://hl7.org/fhir/R4/bundle.html>.

use bytes::Bytes;

use super::request::{Handling, Request, Verb};
use super::{Failure, FailureKind};
use crate::base::budget::Limits;
use crate::base::clock::Instant;
use crate::model::draft::{Draft, write_string};
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::moment;
use crate::model::resource::Resource;
use crate::model::tree::Node;

/// An entry of a batch or transaction.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The identity by which other entries refer to its resource.
    pub full_url: Option<String>,
    /// What it asks for, or why that cannot be said.
    pub request: Result<Request, Failure>,
}

/// Reads the entries of a batch or transaction.
///
/// # Errors
/// When there are more than the limit. What is wrong with one entry stands in that entry.
pub fn entries(bundle: &Resource, limits: &Limits) -> Result<Vec<Entry>, Failure> {
    let nodes: Vec<_> = bundle.root().all("entry").collect();
    if nodes.len() > limits.entries {
        let told = format!("The Bundle has {} entries; the server takes {} at most.", nodes.len(), limits.entries);
        return Err(Failure::new(FailureKind::TooLarge, IssueType::TooLong, "Bundle.entry", told));
    }
    let entry = |(i, node): (usize, Node<'_>)| Entry {
        full_url: node.get_text("fullUrl").map(std::borrow::Cow::into_owned),
        request: request(node).map_err(|failure| failure.inside(&format!("Bundle.entry[{i}]"))),
    };
    Ok(nodes.into_iter().enumerate().map(entry).collect())
}

/// Marks the entries of a batch that issues are about as failed.
///
/// # Errors
/// The issues, if one of them is about the Bundle itself.
pub(super) fn exclude(entries: &mut [Entry], issues: Vec<Issue>) -> Result<(), Failure> {
    let entry_of = |issue: &Issue| {
        let rest = issue.expression.strip_prefix("Bundle.entry[")?;
        rest.split_once(']')?.0.parse::<usize>().ok()
    };
    if issues.iter().any(|issue| entry_of(issue).is_none_or(|i| i >= entries.len())) {
        return Err(super::refused(FailureKind::Invalid, issues));
    }
    for issue in issues {
        let Some(entry) = entry_of(&issue).and_then(|i| entries.get_mut(i)) else { continue };
        match &mut entry.request {
            // The first issue of an entry takes the place of what it asked for; the others join it.
            Err(failure) if failure.kind == FailureKind::Invalid => failure.issues.push(issue),
            other => *other = Err(super::refused(FailureKind::Invalid, vec![issue])),
        }
    }
    Ok(())
}

fn request(entry: Node<'_>) -> Result<Request, Failure> {
    let Some(told) = entry.get("request") else {
        return Err(Failure::new(
            FailureKind::Invalid,
            IssueType::Required,
            "request",
            "An entry of a batch or transaction needs a request with method and url.",
        ));
    };
    let text = |name: &str| told.get_text(name).map(std::borrow::Cow::into_owned);
    let verb = match text("method").as_deref() {
        Some("GET" | "HEAD") => Verb::Get,
        Some("POST") => Verb::Post,
        Some("PUT") => Verb::Put,
        Some("PATCH") => Verb::Patch,
        Some("DELETE") => Verb::Delete,
        other => {
            return Err(Failure::new(
                FailureKind::Invalid,
                IssueType::NotSupported,
                "request.method",
                format!("The method {} is not possible here: use GET, HEAD, POST, PUT, PATCH or DELETE.", other.unwrap_or("(none)")),
            ));
        }
    };
    let url = text("url").ok_or_else(|| {
        Failure::new(FailureKind::Invalid, IssueType::Required, "request.url", "The request needs a url, for example Patient/1.")
    })?;
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let mut request = Request::new(verb, path.trim_matches('/'), query);
    request.head = text("method").as_deref() == Some("HEAD");
    request.resource = entry.get("resource").and_then(Resource::extract);
    request.if_match = text("ifMatch");
    request.if_none_match = text("ifNoneMatch");
    request.if_none_exist = text("ifNoneExist");
    request.if_modified_since = text("ifModifiedSince").and_then(|since| moment::instant(&since)).map(|interval| Instant(interval.start));
    request.handling = Handling::Strict;
    Ok(request)
}

/// Why an entry is in a searchset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// It matched.
    Match,
    /// It is referred to by a match, or refers to one.
    Include,
    /// It is an OperationOutcome about the search.
    Outcome,
}

impl Mode {
    fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Include => "include",
            Self::Outcome => "outcome",
        }
    }
}

/// Writes a Bundle entry by entry.
pub(super) struct Writer {
    out: String,
    first: bool,
}

impl Writer {
    /// Starts a Bundle of that type with its links.
    pub(super) fn new(kind: &str, id: &str, now: Instant, total: Option<u64>, links: &[(&str, String)], size: usize) -> Self {
        let mut out = String::with_capacity(size + 512);
        out.push_str("{\"resourceType\":\"Bundle\",\"id\":\"");
        out.push_str(id);
        out.push_str("\",\"meta\":{\"lastUpdated\":\"");
        out.push_str(&now.to_string());
        out.push_str("\"},\"type\":\"");
        out.push_str(kind);
        out.push('"');
        if let Some(total) = total {
            out.push_str(",\"total\":");
            out.push_str(&total.to_string());
        }
        for (i, (relation, url)) in links.iter().enumerate() {
            out.push_str(if i == 0 { ",\"link\":[{\"relation\":\"" } else { ",{\"relation\":\"" });
            out.push_str(relation);
            out.push_str("\",\"url\":");
            write_string(url, &mut out);
            out.push('}');
        }
        if !links.is_empty() {
            out.push(']');
        }
        Self { out, first: true }
    }

    fn open(&mut self, full_url: Option<&str>) {
        self.out.push_str(if std::mem::take(&mut self.first) { ",\"entry\":[{" } else { ",{" });
        if let Some(url) = full_url {
            self.out.push_str("\"fullUrl\":");
            write_string(url, &mut self.out);
            self.out.push(',');
        }
    }

    /// Adds an entry of a searchset.
    pub(super) fn found(&mut self, full_url: Option<&str>, body: &str, mode: Mode) {
        self.open(full_url);
        self.out.push_str("\"resource\":");
        self.out.push_str(body);
        self.out.push_str(",\"search\":{\"mode\":\"");
        self.out.push_str(mode.code());
        self.out.push_str("\"}}");
    }

    /// Adds an entry of a history: a body if the version has one, and how it came about.
    pub(super) fn past(&mut self, full_url: &str, body: Option<&str>, request: &Draft, response: &Draft) {
        self.open(Some(full_url));
        if let Some(body) = body {
            self.out.push_str("\"resource\":");
            self.out.push_str(body);
            self.out.push(',');
        }
        self.out.push_str("\"request\":");
        request.write(&mut self.out);
        self.out.push_str(",\"response\":");
        response.write(&mut self.out);
        self.out.push('}');
    }

    /// The finished Bundle.
    pub(super) fn finish(mut self) -> Bytes {
        if !self.first {
            self.out.push(']');
        }
        self.out.push('}');
        self.out.into()
    }
}

/// An OperationOutcome of warnings for a searchset: what was left out of the search.
pub(super) fn warnings(issues: &[Issue]) -> String {
    let softened: Vec<_> = issues
        .iter()
        .map(|issue| Issue::warning(issue.code, issue.expression.clone(), format!("Left out of the search. {}", issue.diagnostics)))
        .collect();
    crate::model::outcome::operation_outcome(&softened)
}
