//! OperationOutcome: what was wrong, where, and what to do.
//!
//! Source: <https://hl7.org/fhir/R4/operationoutcome.html>.

use std::fmt;

/// How bad an issue is (`OperationOutcome.issue.severity`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The action failed and could not be checked further.
    Fatal,
    /// The action failed.
    Error,
    /// The action succeeded, with something to look at.
    Warning,
    /// For your information.
    Information,
}

impl Severity {
    /// The code of the value set issue-severity.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

/// What kind of issue it is (`OperationOutcome.issue.code`): the codes of the value set issue-type that Norn uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "the codes say themselves")]
pub enum IssueType {
    Invalid,
    Structure,
    Required,
    Value,
    Invariant,
    Security,
    Login,
    Forbidden,
    Processing,
    NotSupported,
    Duplicate,
    MultipleMatches,
    NotFound,
    Deleted,
    TooLong,
    CodeInvalid,
    Extension,
    TooCostly,
    BusinessRule,
    Conflict,
    Transient,
    Timeout,
    Exception,
    Throttled,
    Informational,
}

impl IssueType {
    /// The code of the value set issue-type.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::Security => "security",
            Self::Login => "login",
            Self::Forbidden => "forbidden",
            Self::Processing => "processing",
            Self::NotSupported => "not-supported",
            Self::Duplicate => "duplicate",
            Self::MultipleMatches => "multiple-matches",
            Self::NotFound => "not-found",
            Self::Deleted => "deleted",
            Self::TooLong => "too-long",
            Self::CodeInvalid => "code-invalid",
            Self::Extension => "extension",
            Self::TooCostly => "too-costly",
            Self::BusinessRule => "business-rule",
            Self::Conflict => "conflict",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::Exception => "exception",
            Self::Throttled => "throttled",
            Self::Informational => "informational",
        }
    }
}

/// One thing that was noticed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: IssueType,
    /// Where: a FHIRPath such as `Patient.name[0].given`, or the name of a parameter or header; empty if nowhere.
    pub expression: String,
    /// Where in the text, if it cannot be read as a resource at all: `line 3, column 14`, both from 1; else empty.
    pub location: String,
    /// A sentence that says what to do.
    pub diagnostics: String,
}

impl Issue {
    /// An issue of severity error.
    pub fn error(code: IssueType, expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, expression: expression.into(), location: String::new(), diagnostics: diagnostics.into() }
    }

    /// An issue of severity warning.
    pub fn warning(code: IssueType, expression: impl Into<String>, diagnostics: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, expression, diagnostics) }
    }

    /// An issue of severity information.
    pub fn information(code: IssueType, diagnostics: impl Into<String>) -> Self {
        Self { severity: Severity::Information, ..Self::error(code, "", diagnostics) }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.expression.is_empty() { f.write_str(&self.diagnostics) } else { write!(f, "{}: {}", self.expression, self.diagnostics) }
    }
}

/// The OperationOutcome resource, as JSON, that tells `issues`. It always has at least one issue, as the profile wants.
#[must_use]
pub fn operation_outcome(issues: &[Issue]) -> String {
    use super::draft::Draft;
    let all_good = [Issue::information(IssueType::Informational, "All went well.")];
    let issues = if issues.is_empty() { all_good.as_slice() } else { issues };
    let told = issues.iter().map(|issue| {
        let mut told = Draft::object().with("severity", issue.severity.code()).with("code", issue.code.code());
        if !issue.diagnostics.is_empty() {
            told = told.with("diagnostics", issue.diagnostics.as_str());
        }
        for (name, place) in [("location", &issue.location), ("expression", &issue.expression)] {
            if !place.is_empty() {
                told = told.with(name, Draft::array([place.as_str()]));
            }
        }
        told
    });
    Draft::object().with("resourceType", "OperationOutcome").with("issue", Draft::array(told)).to_json()
}
