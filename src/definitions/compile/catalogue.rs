//! The definitions of all packages at hand, without their prose, found by canonical URL.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json::{list, tail, text};
use super::terminology::{self, Kept};
use super::{CompileError, PACKAGES, Package, R4};
use crate::definitions::archive::Kind;

/// What of an element is a fact; the rest explains it.
const FACTS: [&str; 12] =
    ["id", "path", "min", "max", "base", "type", "contentReference", "binding", "constraint", "isModifier", "isSummary", "slicing"];

/// Stems of the elements whose names end in a type.
const TYPED_FACTS: [&str; 5] = ["fixed", "pattern", "minValue", "maxValue", "maxLength"];

/// All that is compiled.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// StructureDefinitions with a snapshot: types, profiles, extensions.
    pub(super) structures: BTreeMap<String, Value>,
    /// SearchParameters of R4.
    pub(super) parameters: BTreeMap<String, Value>,
    /// CompartmentDefinitions of R4.
    pub(super) compartments: Vec<Value>,
    /// All ValueSets, CodeSystems and ConceptMaps.
    pub(super) terminology: Kept,
}

impl Catalogue {
    /// Reads the packages.
    pub(super) fn read(packages: &[Package]) -> Result<Self, CompileError> {
        let mut all = Self::default();
        for (number, name) in PACKAGES.into_iter().enumerate() {
            let package = packages.iter().find(|package| package.name == name).ok_or(CompileError::Missing(name))?;
            // A few examples of definitions have no snapshot.
            package.resources("StructureDefinition", |structure| {
                if structure.get("snapshot").is_some() {
                    all.add(structure);
                }
            })?;
            for (kind, name) in Kind::ALL {
                package.resources(name, |resource| terminology::keep(&mut all.terminology, kind, number, &resource))?;
            }
            if name == R4 {
                package.resources("SearchParameter", |parameter| {
                    all.parameters.insert(url(&parameter), parameter);
                })?;
                package.resources("CompartmentDefinition", |compartment| all.compartments.push(compartment))?;
            }
        }
        Ok(all)
    }

    /// Takes in a structure; other resources are passed over.
    pub(super) fn add(&mut self, resource: Value) {
        match text(&resource, "resourceType") {
            // Logical models describe other things than resources.
            "StructureDefinition" if text(&resource, "kind") != "logical" => {
                let url = url(&resource);
                let mut structure = without_prose(resource);
                // Where an extension could stand in R4 it still can: newer packages tell other places for newer versions of FHIR.
                if let (Some(old), Some(new)) =
                    (self.structures.get(&url).map(|old| list(old, "context").to_vec()), contexts(&mut structure))
                {
                    let more: Vec<Value> = old.into_iter().filter(|context| !new.contains(context)).collect();
                    new.extend(more);
                }
                self.structures.insert(url, structure);
            }
            _ => {}
        }
    }

    /// The structures that narrow a type.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Value> {
        self.structures.values().filter(|structure| text(structure, "derivation") == "constraint")
    }

    /// Structures that call themselves a specialization, but narrow a type of R4 as profiles do: what they define is not a type.
    pub(super) fn misnamed(&self) -> impl Iterator<Item = &Value> {
        self.structures.values().filter(|structure| {
            let (ty, url) = (text(structure, "type"), text(structure, "url"));
            text(structure, "derivation") == "specialization" && tail(url) != ty && tail(text(structure, "baseDefinition")) == ty
        })
    }

    /// The elements of all structures.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Value> {
        self.structures.values().flat_map(|structure| match snapshot(structure) {
            [] => structure.get("differential").map_or(&[][..], |differential| list(differential, "element")),
            whole => whole,
        })
    }
}

/// The elements of a structure's snapshot.
pub(super) fn snapshot(structure: &Value) -> &[Value] {
    structure.get("snapshot").map_or(&[], |snapshot| list(snapshot, "element"))
}

fn url(of: &Value) -> String {
    text(of, "url").to_owned()
}

fn contexts(structure: &mut Value) -> Option<&mut Vec<Value>> {
    structure.get_mut("context")?.as_array_mut()
}

fn without_prose(mut structure: Value) -> Value {
    let whole = structure.get("snapshot").is_some();
    if let Some(object) = structure.as_object_mut() {
        let spare = |key: &str| matches!(key, "text" | "contained" | "mapping" | "extension") || whole && key == "differential";
        object.retain(|key, _| !spare(key));
    }
    let elements = structure.get_mut("snapshot").and_then(|snapshot| snapshot.get_mut("element")).and_then(Value::as_array_mut);
    for element in elements.into_iter().flatten().filter_map(Value::as_object_mut) {
        element.retain(|key, _| FACTS.contains(&key.as_str()) || TYPED_FACTS.iter().any(|stem| key.starts_with(stem)));
    }
    structure
}
