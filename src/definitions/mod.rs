//! The definitions of FHIR R4 that the gateway works by: types, search parameters, compartments.
//!
//! They are compiled from HL7's packages into tables of facts without prose ([`compile`]), committed under `profiles/compiled`,
//! embedded in the binary and read at start. No resource type is special-cased anywhere above: what a type can do stands in these tables.
//! Source: <https://hl7.org/fhir/R4/profiling.html>, <https://hl7.org/fhir/R4/searchparameter.html>, <https://hl7.org/fhir/R4/compartmentdefinition.html>.
//!
//! Invariant: no file, no network; packages come in as bytes and tables go out as text.

pub mod compartment;
pub mod compile;
pub mod package;
pub mod parameter;
pub mod table;
pub mod types;

use std::collections::HashMap;
use std::sync::OnceLock;

pub use compartment::Compartment;
pub use parameter::{Component, Parameter, ParameterKind};

use crate::model::schema::{ResourceType, Schema, TypeId};
use table::BrokenTable;

/// The tables as text, as they stand in `profiles/compiled`.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// `types.tsv`.
    pub types: &'static str,
    /// `search-parameters.tsv`.
    pub parameters: &'static str,
    /// `compartments.tsv`.
    pub compartments: &'static str,
}

/// The tables in this binary.
const EMBEDDED: Source = Source {
    types: include_str!("../../profiles/compiled/types.tsv"),
    parameters: include_str!("../../profiles/compiled/search-parameters.tsv"),
    compartments: include_str!("../../profiles/compiled/compartments.tsv"),
};

/// What R4 defines, ready for use.
#[derive(Debug)]
pub struct Definitions {
    /// The elements of every type.
    pub schema: Schema,
    parents: HashMap<&'static str, &'static str>,
    parameters: HashMap<TypeId, Vec<Parameter>>,
    compartments: Vec<Compartment>,
}

impl Definitions {
    /// The definitions in this binary, read once.
    #[must_use]
    #[expect(
        clippy::panic,
        reason = "the tables are part of the binary: a broken one is a broken build, which the tests of this module catch"
    )]
    pub fn embedded() -> &'static Self {
        static ONCE: OnceLock<Definitions> = OnceLock::new();
        ONCE.get_or_init(|| match Self::load(EMBEDDED) {
            Ok(definitions) => definitions,
            Err(broken) => panic!("the embedded definitions cannot be read: {broken}"),
        })
    }

    /// Reads the tables.
    ///
    /// # Errors
    /// When a line is not what [`compile`] writes.
    pub fn load(source: Source) -> Result<Self, BrokenTable> {
        let (schema, parents) = types::load(source.types)?;
        let parameters = parameter::load(source.parameters, &schema)?;
        let compartments = compartment::load(source.compartments, &schema)?;
        Ok(Self { schema, parents, parameters, compartments })
    }

    /// The type that `name` specialises: `Observation` -> `DomainResource`, `Age` -> `Quantity`, `code` -> `string`.
    #[must_use]
    pub fn parent(&self, name: &str) -> Option<&'static str> {
        self.parents.get(name).copied()
    }

    /// The search parameters of a resource type, sorted by code; those of all resources (`_id` …) included.
    #[must_use]
    pub fn parameters(&self, ty: ResourceType) -> &[Parameter] {
        self.parameters.get(&ty.id()).map_or(&[], Vec::as_slice)
    }

    /// The search parameter `code` of a resource type.
    #[must_use]
    pub fn parameter(&self, ty: ResourceType, code: &str) -> Option<&Parameter> {
        let all = self.parameters(ty);
        all.binary_search_by(|parameter| parameter.code.cmp(code)).ok().and_then(|i| all.get(i))
    }

    /// The compartment of that name: `Patient`, `Encounter`, `RelatedPerson`, `Practitioner` or `Device`.
    #[must_use]
    pub fn compartment(&self, name: &str) -> Option<&Compartment> {
        self.compartments.iter().find(|compartment| compartment.name == name)
    }

    /// All compartments, sorted by name.
    #[must_use]
    pub fn compartments(&self) -> &[Compartment] {
        &self.compartments
    }
}

#[cfg(test)]
mod tests;
