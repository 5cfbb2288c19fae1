//! Every write is validated before anything is stored: against R4, and against the profiles that the resource claims.
//!
//! Extensions whose definition is not known are kept, as FHIR asks of servers; a profile that is not known is a warning.
//! Source: <https://hl7.org/fhir/R4/validation.html>, <https://hl7.org/fhir/R4/extensibility.html#exchange>.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use super::{Failure, FailureKind, Gateway, refused};
use crate::definitions::{Definitions, Library};
use crate::model::outcome::{Issue, Severity};
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::search::plan::{Filter, Plan};
use crate::store::port::StoreError;
use crate::validate::{NoContext, Validator};

/// The types whose resources change what is validated by.
const DEFINING: [&str; 5] = ["StructureDefinition", "ValueSet", "CodeSystem", "Questionnaire", "ImplementationGuide"];

/// Between one load of the stored definitions and the next.
const REST: Duration = Duration::from_secs(1);

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
    validator: RwLock<Arc<Validator<'static>>>,
    built_in: Arc<Validator<'static>>,
    usual: Enforcement,
    types: HashMap<String, Enforcement>,
    /// A definition was written.
    news: Notify,
}

impl Validation {
    /// Validation by the built-in definitions; `types` are exceptions from the `usual`, by resource type.
    #[must_use]
    pub fn new(usual: Enforcement, types: HashMap<String, Enforcement>) -> Self {
        let built_in = Arc::new(Validator::new(Library::embedded()).lenient());
        Self { validator: RwLock::new(Arc::clone(&built_in)), built_in, usual, types, news: Notify::new() }
    }

    /// What checks resources.
    pub(super) fn validator(&self) -> Arc<Validator<'static>> {
        Arc::clone(&self.validator.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears that a definition was written.
    pub(super) fn changed(&self) {
        self.news.notify_one();
    }

    /// Validates by other definitions from now on. They stay in memory for as long as the process lives.
    fn take(&self, library: Library) {
        let validator = Arc::new(Validator::new(Box::leak(Box::new(library))).lenient());
        *self.validator.write().unwrap_or_else(PoisonError::into_inner) = validator;
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
        let issues = self.validator().refused(resource, &NoContext);
        if issues.is_empty() {
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

impl Gateway {
    /// Takes the definitions that are stored here into what is validated by: at the start, and when one has changed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn take_definitions(&self) -> Result<(), StoreError> {
        let mut stored = Vec::new();
        for kind in DEFINING.iter().filter_map(|name| self.schema().resource_type(name)) {
            let filter = Filter::All(Vec::new());
            let mut plan =
                Plan { of: vec![self.catalog().of(kind).searched()], filter, sort: Vec::new(), after: None, limit: 1000, total: false };
            loop {
                let page = self.store.search(&plan).await?;
                let bodies = page.hits.iter().filter_map(|hit| hit.version.body.as_deref());
                stored.extend(bodies.filter_map(|body| serde_json::from_slice::<Value>(body).ok()));
                plan.after = page.hits.last().map(|hit| hit.place.clone());
                if !page.more {
                    break;
                }
            }
        }
        if stored.is_empty() && Arc::ptr_eq(&self.validation.validator(), &self.validation.built_in) {
            return Ok(());
        }
        match Library::with(Definitions::embedded(), stored) {
            Ok(library) => {
                for (url, broken) in library.broken() {
                    tracing::warn!(url, "nothing is validated by this profile: {broken}");
                }
                self.validation.take(library);
            }
            Err(broken) => tracing::warn!("the stored definitions cannot be used to validate by: {broken}"),
        }
        Ok(())
    }

    /// Keeps what is validated by as it is stored: one load after the other, with a rest in between, however many definitions come.
    pub async fn keep_defined(self: Arc<Self>) {
        loop {
            self.validation.news.notified().await;
            match self.take_definitions().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!("the stored definitions could not be read: {error}"),
            }
            tokio::time::sleep(REST).await;
        }
    }
}

/// Whether resources of a type change what is validated by.
pub(super) fn defines(kind: ResourceType) -> bool {
    DEFINING.contains(&kind.name())
}

fn is_error(issue: &Issue) -> bool {
    issue.severity <= Severity::Error
}
