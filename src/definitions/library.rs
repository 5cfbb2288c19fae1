//! The definitions in the binary together with those that a site or a caller adds: profiles, value sets, code systems.
//!
//! What is added stands before what is built in under the same URL.

use std::sync::OnceLock;

use serde_json::Value;

use super::compile::added::{Added, added};
use super::rules::{Constraint, ElementRules, short};
use super::table::BrokenTable;
use super::value_set;
use super::{CodeSystem, Definitions, Profile, ValueSet};
use crate::model::schema::{Schema, TypeId};

/// Definitions to validate by.
#[derive(Debug)]
pub struct Library {
    base: &'static Definitions,
    added: Added,
}

impl Library {
    /// The definitions in the binary, ready once.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static ONCE: OnceLock<Library> = OnceLock::new();
        ONCE.get_or_init(|| Self::of(Definitions::embedded()))
    }

    /// The definitions in the binary alone.
    #[must_use]
    pub fn of(base: &'static Definitions) -> Self {
        Self { base, added: Added::default() }
    }

    /// The definitions in the binary and the StructureDefinitions, ValueSets and CodeSystems among `resources`, which are JSON.
    /// Their tables stay in memory for as long as the process lives.
    ///
    /// # Errors
    /// When a definition lacks what every definition must have.
    pub fn with(base: &'static Definitions, resources: Vec<Value>) -> Result<Self, BrokenTable> {
        Ok(Self { base, added: added(resources, base)? })
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

    /// The value set of that canonical URL, if its content is known.
    #[must_use]
    pub fn value_set(&self, url: &str) -> Option<&ValueSet> {
        value_set::find(&self.added.value_sets, url).or_else(|| self.base.value_set(url))
    }

    /// The code system of that URL, if it is known whole.
    #[must_use]
    pub fn code_system(&self, url: &str) -> Option<&CodeSystem> {
        self.added.code_systems.get(url).or_else(|| self.base.code_system(url))
    }
}
