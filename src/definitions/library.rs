//! The definitions in the binary together with those that a site or a caller adds: profiles, value sets, code systems.
//!
//! What is added stands before what is built in under the same URL.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::archive::Kind;
use super::compile::added::{Added, added};
use super::national;
use super::rules::{Constraint, ElementRules, short};
use super::table::BrokenTable;
use super::{Definitions, Profile, sound};
use crate::base::budget::Limits;
use crate::model::codec::read_json_parts;
use crate::model::resource::Resource;
use crate::model::schema::{Schema, TypeId};
use crate::model::tree::Node;

/// The resources that define: they become tables.
const DEFINING: [&str; 3] = ["StructureDefinition", "ValueSet", "CodeSystem"];

fn resource_type(resource: &Value) -> &str {
    resource.get("resourceType").and_then(Value::as_str).unwrap_or("")
}

/// Definitions to validate by.
#[derive(Debug)]
pub struct Library {
    base: &'static Definitions,
    added: Added,
    terminology: Vec<Value>,
    /// The profiles that added ImplementationGuides demand of all resources of a type.
    globals: Vec<(String, String)>,
    /// Other resources with a canonical URL, such as Questionnaires.
    resources: HashMap<String, Resource>,
}

impl Library {
    /// The definitions in the binary, those of the national flow included, ready once.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static ONCE: OnceLock<Library> = OnceLock::new();
        ONCE.get_or_init(|| sound(Self::with(Definitions::embedded(), Vec::new())))
    }

    /// These definitions alone.
    #[must_use]
    pub fn of(base: &'static Definitions) -> Self {
        Self { base, added: Added::default(), terminology: Vec::new(), globals: Vec::new(), resources: HashMap::new() }
    }

    /// These definitions, those of the national flow, and the StructureDefinitions, ValueSets and CodeSystems among `resources`, which are JSON.
    /// Their tables stay in memory for as long as the process lives.
    ///
    /// # Errors
    /// When their invariants cannot be put into a table. What is wrong with a single profile is told by [`Self::broken`].
    pub fn with(base: &'static Definitions, resources: Vec<Value>) -> Result<Self, BrokenTable> {
        let mut others = HashMap::new();
        for resource in resources.iter().filter(|resource| !DEFINING.contains(&resource_type(resource))) {
            let read = read_json_parts(resource.to_string().as_bytes(), &base.schema, &Limits::default());
            if let (Ok((read, _)), Some(url)) = (read, resource.get("url").and_then(Value::as_str)) {
                others.insert(url.to_owned(), read);
            }
        }
        let coded = |resource: &&Value| Kind::ALL.iter().any(|(_, name)| *name == resource_type(resource));
        let terminology = resources.iter().filter(coded).cloned().collect();
        let globals = resources.iter().filter(|resource| resource_type(resource) == "ImplementationGuide");
        let globals = globals.flat_map(|guide| guide.get("global").and_then(Value::as_array).into_iter().flatten());
        let text = |global: &Value, key: &str| global.get(key).and_then(Value::as_str).map(str::to_owned);
        let globals = globals.filter_map(|global| Some((text(global, "type")?, text(global, "profile")?))).collect();
        let all = national::resources().iter().cloned().chain(resources).collect();
        Ok(Self { base, added: added(all, base)?, terminology, globals, resources: others })
    }

    /// The added profiles that cannot be read, by their URL, and why; nothing is validated by them.
    #[must_use]
    pub fn broken(&self) -> &[(String, BrokenTable)] {
        &self.added.broken
    }

    /// The types of R4.
    #[must_use]
    pub fn schema(&self) -> &'static Schema {
        &self.base.schema
    }

    /// What is built in.
    #[must_use]
    pub fn built_in(&self) -> &'static Definitions {
        self.base
    }

    /// What R4 demands of an element, by its number in the schema.
    #[must_use]
    pub fn rules(&self, element: u32) -> Option<&'static ElementRules> {
        self.base.rules(element)
    }

    /// The invariants of a type or backbone.
    #[must_use]
    pub fn constraints(&self, ty: TypeId) -> &'static [Constraint] {
        self.base.constraints(ty)
    }

    /// The profile or extension definition of that canonical URL; its version is not looked at.
    #[must_use]
    pub fn profile(&self, url: &str) -> Option<&Profile> {
        self.added.profiles.get(short(url)).or_else(|| self.base.profile(url))
    }

    /// All profiles and extension definitions, in no order.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.added.profiles.values().chain(self.base.profiles().filter(|profile| !self.added.profiles.contains_key(profile.url)))
    }

    /// The profiles that hold for all resources of a type, by an added ImplementationGuide.
    pub fn globals<'l>(&'l self, kind: &'l str) -> impl Iterator<Item = &'l str> {
        self.globals.iter().filter(move |(own, _)| own == kind).map(|(_, profile)| profile.as_str())
    }

    /// Another resource that was added, such as a Questionnaire, by its canonical URL; its version is not looked at.
    #[must_use]
    pub fn resource(&self, url: &str) -> Option<Node<'_>> {
        let url = url.split('|').next().unwrap_or(url);
        self.resources.get(url).map(Resource::root)
    }

    /// The added ValueSets, CodeSystems and ConceptMaps.
    #[must_use]
    pub fn terminology(&self) -> &[Value] {
        &self.terminology
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_broken_profile_takes_no_other_with_it() {
        let profile = |name: &str, min: Value| {
            json!({ "resourceType": "StructureDefinition", "url": format!("http://a.example/{name}"), "kind": "resource", "type": "Patient",
                "derivation": "constraint", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
                "differential": { "element": [{ "path": "Patient.name", "min": min }] } })
        };
        let library = Library::with(Definitions::embedded(), vec![profile("broken", json!("many")), profile("right", json!(1))]).unwrap();
        let broken: Vec<&str> = library.broken().iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(broken, ["http://a.example/broken"]);
        let right = library.profile("http://a.example/right").unwrap();
        assert_eq!(right.elements.iter().map(|row| (row.id, row.min, row.max)).collect::<Vec<_>>(), [("Patient.name", 1, None)]);
        assert!(library.profile("http://a.example/broken").is_none());
    }
}
