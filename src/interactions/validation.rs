//! Every write is validated before anything is stored: against R4, and against the profiles that the resource claims.
//!
//! Extensions whose definition is not known are kept, as FHIR asks of servers; a profile that is not known is a warning.
//! Source: <https://hl7.org/fhir/R4/validation.html>, <https://hl7.org/fhir/R4/extensibility.html#exchange>.

use std::collections::HashMap;

use super::{Failure, FailureKind, refused};
use crate::definitions::Library;
use crate::model::outcome::{Issue, Severity};
use crate::model::resource::Resource;
use crate::validate::{NoContext, Validator};

/// What becomes of a write whose resource breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcement {
    /// It is refused (422), and nothing is stored.
    #[default]
    Enforce,
    /// It is stored, and the log tells where rules are broken.
    Warn,
    /// Nothing is checked beyond what any FHIR reader checks.
    Off,
}

/// How writes are validated.
#[derive(Debug)]
pub struct Validation {
    validator: Validator<'static>,
    usual: Enforcement,
    types: HashMap<String, Enforcement>,
}

impl Validation {
    /// Validation by the built-in definitions; `types` are exceptions from the `usual`, by resource type.
    #[must_use]
    pub fn new(usual: Enforcement, types: HashMap<String, Enforcement>) -> Self {
        Self { validator: Validator::new(Library::embedded()).lenient(), usual, types }
    }

    /// What checks resources.
    pub(super) fn validator(&self) -> &Validator<'static> {
        &self.validator
    }

    /// Checks a resource that is to be stored.
    ///
    /// # Errors
    /// All that is wrong with it, where rules are enforced.
    pub(super) fn check(&self, resource: &Resource) -> Result<(), Failure> {
        let kind = resource.kind().name();
        let enforcement = self.types.get(kind).copied().unwrap_or(self.usual);
        if enforcement == Enforcement::Off {
            return Ok(());
        }
        let issues = self.validator.claimed(resource, &NoContext);
        if !issues.iter().any(is_error) {
            return Ok(());
        }
        if enforcement == Enforcement::Warn {
            // The places alone: what stands there may be about a patient.
            let places: Vec<&str> = issues.iter().filter(|issue| is_error(issue)).map(|issue| issue.expression.as_str()).collect();
            tracing::warn!(kind, ?places, "a resource that breaks rules is stored");
            return Ok(());
        }
        Err(refused(FailureKind::Unprocessable, issues))
    }
}

fn is_error(issue: &Issue) -> bool {
    issue.severity <= Severity::Error
}
