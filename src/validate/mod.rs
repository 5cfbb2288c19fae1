//! Whether a resource is what R4 and its profiles say it must be: a list of issues, each with a place and what to do there.
//!
//! The rows of `definitions` are compiled into trees of rules (`plan`), one per profile and one per R4 type; the same check runs over
//! both. References are followed through a [`Context`], which the caller gives: the entries of a Bundle, or what a store holds.
//! Source: <https://hl7.org/fhir/R4/validation.html>, <https://hl7.org/fhir/R4/profiling.html>.
//!
//! Invariant: no I/O, no clock; nothing is changed or completed; FHIRPath is bounded by its budget.

mod binding;
pub mod bundle;
mod cardinality;
mod checker;
mod coding;
mod conforms;
mod constraint;
mod contained;
mod discriminator;
mod element;
mod entries;
mod extension;
pub mod file;
mod known;
mod pattern;
mod plan;
pub mod profile;
mod questionnaire;
pub mod reference;
mod slicing;
mod types;

use std::collections::HashMap;
use std::sync::OnceLock;

pub use reference::{Context, NoContext};

use crate::definitions::Library;
use crate::definitions::rules::short;
use crate::model::schema::TypeId;
use crate::terminology::Terminology;
use known::Known;
use plan::{Plan, Rule};

/// The definitions, with the rules of a type or profile compiled when they are first needed. Keep it as long as the definitions.
#[derive(Debug)]
pub struct Validator<'d> {
    library: &'d Library,
    terminology: Terminology,
    /// Whether extensions whose definition is not known are warned of instead of refused.
    lenient: bool,
    profiles: HashMap<&'static str, OnceLock<Plan>>,
    /// By [`TypeId`].
    types: Vec<OnceLock<Rule>>,
    known: Known,
}

impl<'d> Validator<'d> {
    /// A validator by these definitions.
    #[must_use]
    pub fn new(library: &'d Library) -> Self {
        let types = (0..).map(TypeId).take_while(|ty| library.schema().facts(*ty).is_some());
        Self {
            library,
            terminology: Terminology::of_library(library),
            lenient: false,
            profiles: library.profiles().map(|profile| (profile.url, OnceLock::new())).collect(),
            types: types.map(|_| OnceLock::new()).collect(),
            known: Known::of(library.schema()),
        }
    }

    /// The same, but warning of extensions whose definition is not known: others may have use for them.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// The rules of a profile, by its URL in any form.
    fn plan(&self, url: &str) -> Option<&Plan> {
        let plan = self.profiles.get(short(url))?;
        let profile = self.library.profile(url)?;
        Some(plan.get_or_init(|| plan::of_profile(profile, self.library.schema())))
    }

    /// The rules of a type of R4: its own elements, one level deep.
    fn type_rule(&self, ty: TypeId) -> Option<&Rule> {
        Some(self.types.get(usize::from(ty.0))?.get_or_init(|| plan::of_type(ty, self.library)))
    }
}

#[cfg(test)]
mod tests;
