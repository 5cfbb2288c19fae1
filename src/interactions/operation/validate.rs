//! `$validate`: what is wrong with a resource, without storing it.
//!
//! The resource comes as the body or as the parameter `resource` of a Parameters resource; without either, the stored one is looked at.
//! References are followed to what is stored here. Source: <https://hl7.org/fhir/R4/resource-operation-validate.html>.

use std::collections::HashMap;

use bytes::Bytes;

use super::{Level, OperationOf, simple};
use crate::interactions::read::{alive, not_found};
use crate::interactions::{Failure, FailureKind, Gateway};
use crate::model::outcome::{Issue, IssueType, operation_outcome};
use crate::model::reference::{Key, local};
use crate::model::resource::Resource;
use crate::model::tree::Node;
use crate::validate::bundle::Entries;
use crate::validate::{Context, file};

/// The targets of at most so many references are read.
const MOST_NEIGHBOURS: usize = 256;

impl Gateway {
    pub(super) async fn validate(&self, of: OperationOf) -> Result<Bytes, Failure> {
        let mut parameters = of.parameters;
        let mut body = of.body;
        let mut issues = of.issues;
        // A Parameters resource is what is asked with, unless it holds no resource: then it is itself what is asked about.
        if let Some((place, inner)) = body.as_ref().and_then(wrapped) {
            parameters.extend(body.as_ref().map(simple).transpose()?.into_iter().flatten());
            let kind = inner.kind().name();
            for issue in &mut issues {
                if let Some(rest) = issue.expression.strip_prefix(&place) {
                    issue.expression = format!("{kind}{rest}");
                }
            }
            body = Some(inner);
        }
        let asked = |name: &str| parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let mode = asked("mode").unwrap_or("");
        if !matches!(mode, "" | "create" | "update" | "delete" | "profile") {
            return Err(Failure::invalid("mode", format!("There is no mode \"{mode}\": use create, update, delete or profile.")));
        }
        if mode == "delete" {
            return self.validate_deletion(&of.level).await;
        }
        let resource = match (body, &of.level) {
            (Some(resource), _) => resource,
            (None, Level::Instance(key)) => {
                let version = alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
                self.stored(&version)?
            }
            (None, _) => {
                return Err(Failure::new(
                    FailureKind::Invalid,
                    IssueType::Required,
                    "resource",
                    "Send the resource that is to be validated.",
                ));
            }
        };
        if let Level::Type(kind) = &of.level
            && resource.kind() != *kind
        {
            let told = format!("This is a {}, but it was sent to the address of {kind}.", resource.kind());
            issues.push(Issue::error(IssueType::Invalid, resource.kind().name(), told));
        }
        issues.extend(placing(mode, &of.level, &resource));
        let neighbours = Neighbours { stored: self.neighbours(&resource).await?, entries: Entries::of(&resource) };
        let profile = asked("profile");
        if mode == "profile" && profile.is_none() {
            return Err(Failure::new(
                FailureKind::Invalid,
                IssueType::Required,
                "profile",
                "The mode profile needs the parameter profile.",
            ));
        }
        let validator = self.validation.validator();
        file::add(&mut issues, validator.asked(&resource, profile.as_slice(), &neighbours));
        Ok(operation_outcome(&issues).into())
    }

    async fn validate_deletion(&self, level: &Level) -> Result<Bytes, Failure> {
        let Level::Instance(key) = level else {
            return Err(Failure::invalid("mode", "The mode delete is asked of a resource: Type/id/$validate?mode=delete."));
        };
        alive(self.store.read(key).await?.ok_or_else(|| not_found(key))?)?;
        Ok(operation_outcome(&[]).into())
    }

    /// The stored resources that a resource refers to.
    async fn neighbours(&self, resource: &Resource) -> Result<HashMap<String, Resource>, Failure> {
        let mut keys = Vec::new();
        references(resource.root(), &mut keys);
        let mut found = HashMap::new();
        for key in keys.into_iter().take(MOST_NEIGHBOURS) {
            if let Some(version) = self.store.read(&key).await?
                && let Ok(version) = alive(version)
            {
                found.insert(key.to_string(), self.stored(&version)?);
            }
        }
        Ok(found)
    }
}

/// The resource that a Parameters resource holds, and its place there.
fn wrapped(body: &Resource) -> Option<(String, Resource)> {
    if body.kind().name() != "Parameters" {
        return None;
    }
    let (number, parameter) =
        body.root().all("parameter").enumerate().find(|(_, one)| one.get_text("name").is_some_and(|name| name == "resource"))?;
    Some((format!("Parameters.parameter[{number}].resource"), Resource::extract(parameter.get("resource")?)?))
}

/// What the place to which a resource is meant says of its id.
fn placing(mode: &str, level: &Level, resource: &Resource) -> Option<Issue> {
    let place = format!("{}.id", resource.kind());
    match (mode, level, resource.id()) {
        ("create", _, Some(_)) => {
            Some(Issue::warning(IssueType::Informational, place, "A create gives a new id: this one will not be kept."))
        }
        ("update", Level::Instance(key), id) if id != Some(&key.id) => {
            Some(Issue::error(IssueType::Invalid, place, format!("An update of {key} needs the id \"{}\".", key.id)))
        }
        _ => None,
    }
}

/// The local references in a resource, each once.
fn references(node: Node<'_>, found: &mut Vec<Key>) {
    if node.type_name() == "Reference"
        && let Some(key) = node.get_text("reference").and_then(|text| local(&text, node.tree().schema()).map(|(key, _)| key))
        && !found.contains(&key)
    {
        found.push(key);
    }
    node.children().for_each(|child| references(child, found));
}

/// What is in the same Bundle, and what is stored.
struct Neighbours<'r> {
    stored: HashMap<String, Resource>,
    entries: Entries<'r>,
}

impl Context for Neighbours<'_> {
    fn resolve(&self, reference: &str, from: Node<'_>) -> Option<Node<'_>> {
        let unversioned = reference.split("/_history/").next().unwrap_or(reference);
        self.entries.resolve(reference, from).or_else(|| self.stored.get(unversioned).map(Resource::root))
    }
}
