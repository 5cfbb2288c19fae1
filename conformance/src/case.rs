//! What a case file says: requests to send and what must be true of the answers.
//!
//! The form is explained in `docs/conformance.md`, section "How to write a case".

use std::collections::BTreeMap;

use serde::Deserialize;

/// One file of cases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaseFile {
    /// What the cases of this file are about, in a sentence.
    pub about: String,
    /// Texts that every case of the file may use.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// Named groups of resources; every case that says `use = "name"` creates its own copies.
    #[serde(default, rename = "set")]
    pub sets: BTreeMap<String, Vec<Given>>,
    /// The cases, in the order of the file.
    #[serde(rename = "case")]
    pub cases: Vec<Case>,
}

/// One rule, shown by a few requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The rule as a sentence.
    pub name: String,
    /// Where the rule stands.
    pub spec: String,
    /// A check on the server's CapabilityStatement; the case is skipped if it does not hold.
    #[serde(default)]
    pub only_if: Option<String>,
    /// Name of the set of resources that it starts with.
    #[serde(default, rename = "use")]
    pub uses: Option<String>,
    /// Texts of its own, which may contain other variables.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// Resources that are created before the first step, after those of the set.
    #[serde(default)]
    pub given: Vec<Given>,
    /// What is sent and expected, in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A resource that a case starts with: created by POST, its id kept in a variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The variable that holds the id which the server gave.
    #[serde(rename = "as")]
    pub name: String,
    /// The resource as JSON text.
    pub resource: String,
}

/// One request and what is expected of its answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Method and target: `GET Patient/{{id}}`; the target is relative to the base URL, or absolute.
    pub request: String,
    /// Request headers; an empty value takes a default header away.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Request body.
    #[serde(default)]
    pub body: Option<String>,
    /// Whether the body is sent compressed.
    #[serde(default)]
    pub gzip: bool,
    /// How often the request is sent, all at the same time; every answer must be as expected.
    #[serde(default)]
    pub at_once: u8,
    /// The allowed status codes; 200 if nothing is said.
    #[serde(default)]
    pub status: Statuses,
    /// Checks on response headers: `ETag equals W/"1"`.
    #[serde(default)]
    pub header: Vec<String>,
    /// Checks on the JSON body: `issue[*].severity equals error`.
    #[serde(default)]
    pub check: Vec<String>,
    /// Checks on the body as text: `contains <Patient`.
    #[serde(default)]
    pub text: Vec<String>,
    /// The answer is an OperationOutcome with an error whose location or expression contains this text.
    #[serde(default)]
    pub issue: Option<String>,
    /// The answer is an OperationOutcome with an error that mentions this text anywhere.
    #[serde(default)]
    pub says: Option<String>,
    /// The matches of a search over all its pages, in any order: names of variables that hold ids.
    #[serde(default)]
    pub finds: Option<String>,
    /// Like `finds`, in this order.
    #[serde(default)]
    pub order: Option<String>,
    /// The resources that came along by `_include` or `_revinclude`, in any order.
    #[serde(default)]
    pub included: Option<String>,
    /// Variables to fill from the answer: `vid = "header Location | version"`.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

/// Status codes that an answer may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// Exactly this one.
    One(u16),
    /// Any of these.
    Many(Vec<u16>),
}

impl Default for Statuses {
    fn default() -> Self {
        Self::One(200)
    }
}

impl Statuses {
    /// Whether `status` is allowed.
    #[must_use]
    pub fn allow(&self, status: u16) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::Many(many) => many.contains(&status),
        }
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(one) => write!(f, "{one}"),
            Self::Many(many) => f.write_str(&many.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ")),
        }
    }
}
