//! The definitions of FHIR R4 that the gateway works by: types, search parameters, compartments, profiles, terminology.
//!
//! They are compiled from HL7's packages into tables of facts without prose ([`compile`]), committed under `profiles/compiled`,
//! embedded in the binary and read at start. No resource type is special-cased anywhere above: what a type can do stands in these tables.
//! Source: <https://hl7.org/fhir/R4/profiling.html>, <https://hl7.org/fhir/R4/searchparameter.html>, <https://hl7.org/fhir/R4/compartmentdefinition.html>.
//!
//! Invariant: no file, no network; packages come in as bytes, tables go out as text and terminology packed.

pub mod archive;
pub mod compartment;
pub mod compile;
pub mod library;
pub mod national;
pub mod package;
pub mod parameter;
pub mod profile;
pub mod rules;
pub mod table;
mod types;

use std::collections::HashMap;
use std::sync::OnceLock;

pub use compartment::Compartment;
pub use library::Library;
pub use parameter::{Component, Parameter, ParameterKind};
pub use profile::Profile;

use crate::model::schema::{ResourceType, Schema, TypeId};
use archive::Archive;
use profile::Profiles;
use rules::{BaseRules, Constraint, Constraints, ElementRules};
use table::BrokenTable;

/// The tables as text, as they stand in `profiles/compiled`.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// `terminology.bin`.
    pub terminology: &'static [u8],
    /// `types.tsv`.
    pub types: &'static str,
    /// `search-parameters.tsv`.
    pub parameters: &'static str,
    /// `compartments.tsv`.
    pub compartments: &'static str,
    /// `constraints.tsv`.
    pub constraints: &'static str,
    /// `profiles.tsv`.
    pub profiles: &'static str,
}

/// The tables in this binary.
const EMBEDDED: Source = Source {
    terminology: include_bytes!("../../profiles/compiled/terminology.bin"),
    types: include_str!("../../profiles/compiled/types.tsv"),
    parameters: include_str!("../../profiles/compiled/search-parameters.tsv"),
    compartments: include_str!("../../profiles/compiled/compartments.tsv"),
    constraints: include_str!("../../profiles/compiled/constraints.tsv"),
    profiles: include_str!("../../profiles/compiled/profiles.tsv"),
};

/// What R4 defines, ready for use.
///
/// Types, search parameters and compartments are read at once; what only validation and mapping need is read when first asked for.
#[derive(Debug)]
pub struct Definitions {
    /// The elements of every type.
    pub schema: Schema,
    parents: HashMap<&'static str, &'static str>,
    parameters: HashMap<TypeId, Vec<Parameter>>,
    compartments: Vec<Compartment>,
    source: Source,
    constraints: OnceLock<Constraints>,
    base_rules: OnceLock<BaseRules>,
    profiles: OnceLock<Profiles>,
    archive: OnceLock<Archive>,
}

impl Definitions {
    /// The definitions in this binary, read once.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static ONCE: OnceLock<Definitions> = OnceLock::new();
        ONCE.get_or_init(|| sound(Self::load(EMBEDDED)))
    }

    /// Reads the tables.
    ///
    /// # Errors
    /// When a line is not what [`compile`] writes.
    pub fn load(source: Source) -> Result<Self, BrokenTable> {
        let (schema, parents) = types::load(source.types)?;
        let parameters = parameter::load(source.parameters, &schema)?;
        let compartments = compartment::load(source.compartments, &schema)?;
        Ok(Self {
            schema,
            parents,
            parameters,
            compartments,
            source,
            constraints: OnceLock::new(),
            base_rules: OnceLock::new(),
            profiles: OnceLock::new(),
            archive: OnceLock::new(),
        })
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
        all.binary_search_by(|parameter| (*parameter.code).cmp(code)).ok().and_then(|i| all.get(i))
    }

    /// The resource types that a base type stands for: itself, or all that descend from `Resource` or `DomainResource`.
    #[must_use]
    pub fn heirs(&self, name: &str) -> Vec<ResourceType> {
        parameter::heirs(name, &self.schema)
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

    /// What R4 demands of an element, by its number in the schema ([`crate::model::schema::Slot::element`]).
    #[must_use]
    pub fn rules(&self, element: u32) -> Option<&ElementRules> {
        self.base_rules().elements.get(usize::try_from(element).ok()?)
    }

    /// The value set whose codes an element of type `code` must have.
    #[must_use]
    pub fn required_set(&self, element: u32) -> Option<&'static str> {
        let binding = self.rules(element)?.binding.filter(|binding| binding.strength == rules::Strength::Required)?;
        Some(binding.value_set)
    }

    /// The invariants that hold for every value of a type or backbone, those of its parents included.
    #[must_use]
    pub fn constraints(&self, ty: TypeId) -> &[Constraint] {
        self.base_rules().types.get(self.schema.type_name(ty)).map_or(&[], Vec::as_slice)
    }

    /// The invariants of all types and elements of R4.
    pub fn type_constraints(&self) -> impl Iterator<Item = &Constraint> {
        let rules = self.base_rules();
        rules.types.values().flatten().chain(rules.elements.iter().flat_map(|element| &element.constraints))
    }

    /// The profile or extension definition of that canonical URL (its version is not looked at: there is one).
    #[must_use]
    pub fn profile(&self, url: &str) -> Option<&Profile> {
        profile::find(self.all_profiles(), url)
    }

    /// All profiles and extension definitions, in no order.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.all_profiles().values()
    }

    /// The value sets, code systems and concept maps of the packages.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        self.archive.get_or_init(|| sound(Archive::load(self.source.terminology)))
    }

    fn all_profiles(&self) -> &Profiles {
        self.profiles.get_or_init(|| sound(profile::load(self.source.profiles, self.all_constraints())))
    }

    fn base_rules(&self) -> &BaseRules {
        self.base_rules.get_or_init(|| sound(rules::load_base(self.source.types, self.all_constraints())))
    }

    fn all_constraints(&self) -> &Constraints {
        self.constraints.get_or_init(|| sound(rules::load_constraints(self.source.constraints)))
    }
}

/// The tables are part of the binary; the tests of this module read every line of them.
#[expect(clippy::panic, reason = "a broken table is a broken build, and going on without its rules would accept wrong data")]
fn sound<T>(loaded: Result<T, BrokenTable>) -> T {
    match loaded {
        Ok(loaded) => loaded,
        Err(broken) => panic!("the embedded definitions cannot be read: {broken}"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
