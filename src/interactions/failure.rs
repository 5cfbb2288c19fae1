//! Why an interaction failed: a closed set, with a message for the client and one for the log.

use crate::model::outcome::{Issue, IssueType};
use crate::store::port::{StoreError, Unmet};

/// The kinds of failure; `http::respond` gives each its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The request cannot be understood.
    Invalid,
    /// It was understood, and the content breaks a rule.
    Unprocessable,
    /// No such resource, type or version.
    NotFound,
    /// The resource was there and is deleted.
    Gone,
    /// A precondition does not hold.
    Precondition,
    /// Others write the same, again and again.
    Conflict,
    /// The method is not possible here; the methods that are.
    Method(&'static [&'static str]),
    /// The wanted format is not possible.
    NotAcceptable,
    /// The format of the body is not possible.
    MediaType,
    /// The body is too large.
    TooLarge,
    /// The client took too long.
    Timeout,
    /// There is too much to do already.
    Busy,
    /// The store is closing; another try finds it open again, or another server.
    Unavailable,
    /// There is no space left.
    Full,
    /// Something went wrong here.
    Internal,
}

/// A failure.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// What the client is told.
    pub issues: Vec<Issue>,
    /// What the log is told.
    pub cause: Option<String>,
}

impl Failure {
    /// A failure with one issue.
    pub fn new(kind: FailureKind, code: IssueType, expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self { kind, issues: vec![Issue::error(code, expression, diagnostics)], cause: None }
    }

    /// A request that cannot be understood.
    pub fn invalid(expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self::new(FailureKind::Invalid, IssueType::Invalid, expression, diagnostics)
    }

    /// Puts the place of the failing entry before the places that the issues tell.
    #[must_use]
    pub fn inside(mut self, place: &str) -> Self {
        for issue in &mut self.issues {
            if issue.expression.starts_with(place) {
                continue;
            }
            issue.expression = if issue.expression.is_empty() { place.to_owned() } else { format!("{place}: {}", issue.expression) };
        }
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let cause = Some(error.to_string());
        let told = match &error {
            StoreError::Unmet(Unmet::Version { .. }) => Self::new(
                FailureKind::Precondition,
                IssueType::Conflict,
                "",
                "The resource has changed in the meantime: read it again, then send your change anew.",
            ),
            StoreError::Unmet(Unmet::Idempotency) => Self::new(
                FailureKind::Unprocessable,
                IssueType::Duplicate,
                "Idempotency-Key",
                "This Idempotency-Key was used for another request: use a new one.",
            ),
            StoreError::Unmet(Unmet::Match(_)) => {
                Self::new(FailureKind::Conflict, IssueType::Conflict, "", "Others keep changing what this request depends on: try again.")
            }
            StoreError::Unmet(Unmet::Catalog) => Self::new(
                FailureKind::Conflict,
                IssueType::Transient,
                "",
                "The search parameters of this server keep changing: try again in a moment.",
            ),
            StoreError::TooCostly(what) => Self::new(
                FailureKind::Unprocessable,
                IssueType::TooCostly,
                what.clone(),
                "No index answers this part of the search, and more resources would have to be read for it than one search may: add a condition that few resources meet, such as a patient or a code.",
            ),
            StoreError::Closed => {
                Self::new(FailureKind::Unavailable, IssueType::Transient, "", "The server is shutting down: try again in a moment.")
            }
            StoreError::Full => {
                Self::new(FailureKind::Full, IssueType::Transient, "", "The server has no space left to store this. Nothing was stored.")
            }
            StoreError::Failed(_) | StoreError::Unusable(_) => Self::new(
                FailureKind::Internal,
                IssueType::Exception,
                "",
                "The server could not do this because of a fault of its own; it has been logged.",
            ),
        };
        Self { cause, ..told }
    }
}
