//! The terminology operations: `$expand`, `$validate-code`, `$lookup`, `$subsumes` and `$translate`, over what is built in and what is
//! stored here.
//!
//! What an answer depends on is fetched first, by canonical URL: what is stored stands before what is built in. Then the pure floor
//! `terminology` answers. Source: <https://hl7.org/fhir/R4/terminology-service.html>.

mod codes;
mod given;
mod sets;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{Level, Operation, OperationOf};
use crate::interactions::read::{alive, not_found};
use crate::interactions::{Failure, FailureKind, Gateway};
use crate::model::draft::Draft;
use crate::model::outcome::IssueType;
use crate::model::resource::Resource;
use crate::terminology::{Added, Terminology, ValueSet};
use given::Given;

/// The types that the operations are asked of.
pub(super) fn types(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::Expand => &["ValueSet"],
        Operation::ValidateCode => &["CodeSystem", "ValueSet"],
        Operation::Lookup | Operation::Subsumes => &["CodeSystem"],
        Operation::Translate => &["ConceptMap"],
        _ => &[],
    }
}

/// Most value sets, code systems and concept maps that one answer may depend on.
const MOST: usize = 300;

/// What an answer rests on.
struct Ground {
    terminology: Terminology,
    /// The resource that is asked, if it is told by its id or in the request.
    own: Option<Added>,
}

impl Gateway {
    pub(super) async fn terminology(&self, of: OperationOf) -> Result<Bytes, Failure> {
        let given = Given::read(&of)?;
        let own = self.asked_resource(&of, &given).await?;
        let kind = match &of.level {
            Level::Type(kind) => kind.name(),
            Level::Instance(key) => key.kind.name(),
            Level::System | Level::Version(..) => return Err(Failure::invalid("", "This operation is asked of a type or a resource.")),
        };
        let mut roots: Vec<(&'static str, String)> = Vec::new();
        match (&own, kind) {
            (Some(Added::ValueSet(set)), _) => roots.extend(references(set)),
            (Some(_), _) => {}
            (None, "ValueSet") => roots.push(("ValueSet", given.required("url")?.to_owned())),
            (None, "CodeSystem") => roots.extend(given.system().map(|system| ("CodeSystem", system))),
            (None, _) => roots.extend(given.text("url").map(|url| ("ConceptMap", url.to_owned()))),
        }
        let ground = Ground { terminology: self.ground(roots, own.as_ref()).await?, own };
        let answer = match (of.operation, kind) {
            (Operation::Expand, _) => sets::expand(&ground, &given, self)?,
            (Operation::ValidateCode, "ValueSet") => sets::validate(&ground, &given)?,
            (Operation::ValidateCode, _) => codes::validate(&ground, &given)?,
            (Operation::Lookup, _) => codes::lookup(&ground, &given)?,
            (Operation::Subsumes, _) => codes::subsumes(&ground, &given)?,
            _ => codes::translate(&ground, &given)?,
        };
        Ok(answer.to_json().into())
    }

    /// The resource with the id in the address, or the one in the request.
    async fn asked_resource(&self, of: &OperationOf, given: &Given<'_>) -> Result<Option<Added>, Failure> {
        let (name, resource) = match &of.level {
            Level::Instance(key) => {
                let version = alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
                (key.kind.name(), Some(self.stored(&version)?))
            }
            Level::Type(kind) => (kind.name(), given.resource.clone()),
            Level::System | Level::Version(..) => return Ok(None),
        };
        let Some(resource) = resource else { return Ok(None) };
        if resource.kind().name() != name {
            return Err(Failure::invalid("", format!("A {name} is wanted here, not a {}.", resource.kind())));
        }
        added(&resource)
    }

    /// The built-in terminology with what is stored of all that the roots depend on.
    async fn ground(&self, roots: Vec<(&'static str, String)>, own: Option<&Added>) -> Result<Terminology, Failure> {
        let (mut open, mut seen): (VecDeque<_>, HashSet<(&str, String)>) = (roots.into(), HashSet::new());
        let mut found: Vec<Added> = own.cloned().into_iter().collect();
        while let Some((kind, canonical)) = open.pop_front() {
            if !seen.insert((kind, canonical.clone())) {
                continue;
            }
            if seen.len() > MOST {
                let told = format!("This depends on more than {MOST} value sets and code systems: ask for less.");
                return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "", told));
            }
            let implicit = || ValueSet::implicit(&canonical).filter(|_| kind == "ValueSet").map(|set| Added::ValueSet(Arc::new(set)));
            let stored = self.stored_as(kind, &canonical).await?.map(|stored| added(&stored)).transpose()?.flatten().or_else(implicit);
            match &stored {
                Some(Added::ValueSet(set)) => open.extend(references(set)),
                None if kind == "ValueSet" => open.extend(Terminology::embedded().set(&canonical).into_iter().flat_map(references)),
                _ => {}
            }
            found.extend(stored);
        }
        Ok(Terminology::embedded().with(found))
    }
}

/// A resource, as terminology reads it.
fn added(resource: &Resource) -> Result<Option<Added>, Failure> {
    Added::read(resource.kind().name(), resource.text())
        .map_err(|error| Failure::new(FailureKind::Unprocessable, IssueType::Invalid, "", error.to_string()))
}

/// The value sets and code systems that a value set names.
fn references(set: &ValueSet) -> Vec<(&'static str, String)> {
    let parts = set.includes.iter().chain(&set.excludes);
    parts
        .flat_map(|part| {
            let imports = part.imports.iter().map(|import| ("ValueSet", import.clone()));
            imports.chain(part.canonical().map(|system| ("CodeSystem", system)))
        })
        .collect()
}

/// One parameter of an answer.
fn parameter(name: &str, value: &'static str, of: impl Into<Draft>) -> Draft {
    Draft::object().with("name", name).with(value, of)
}

/// An answer.
fn parameters(all: Vec<Draft>) -> Draft {
    Draft::object().with("resourceType", "Parameters").with("parameter", Draft::array(all))
}

/// A Coding.
fn coding(system: &str, code: &str, display: Option<&str>) -> Draft {
    let system = Some(system).filter(|system| !system.is_empty());
    Draft::object().with_some("system", system).with("code", code).with_some("display", display)
}

fn not_known(kind: &str, url: &str) -> Failure {
    let told = format!("The {kind} \"{url}\" is neither stored here nor built in.");
    Failure::new(FailureKind::NotFound, IssueType::NotFound, "url", told)
}
