//! `$lookup` and `$subsumes`: what a code system tells of a concept, and how two concepts stand to each other.
//!
//! Source: <https://hl7.org/fhir/R4/codesystem-operation-lookup.html>, <https://hl7.org/fhir/R4/codesystem-operation-subsumes.html>.

use super::Terminology;
use super::system::{CodeSystem, Concept, Designation, Property};

/// What is told of a concept.
#[derive(Debug)]
pub struct Found<'a> {
    /// Its system.
    pub system: &'a CodeSystem,
    /// The concept.
    pub concept: &'a Concept,
    /// What supplements add.
    more: Vec<&'a Concept>,
}

impl<'a> Found<'a> {
    /// All its other names.
    pub fn designations(&self) -> impl Iterator<Item = &'a Designation> {
        self.concept.designations.iter().chain(self.more.iter().flat_map(|more| &more.designations))
    }

    /// All its properties.
    pub fn properties(&self) -> impl Iterator<Item = &'a Property> {
        self.concept.properties.iter().chain(self.more.iter().flat_map(|more| &more.properties))
    }

    /// What to show people, in a language if it is there.
    #[must_use]
    pub fn display(&self, language: Option<&str>) -> Option<&'a str> {
        let spoken = |told: &&Designation| {
            language.is_some_and(|wanted| told.language.as_deref().is_some_and(|own| super::expand::speaks(own, wanted)))
        };
        self.designations().find(spoken).map(|told| &*told.value).or(self.concept.display.as_deref())
    }
}

/// How two codes stand to each other (value set concept-subsumption-outcome).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subsumption {
    /// They mean the same.
    Equivalent,
    /// The second is a kind of the first.
    Subsumes,
    /// The first is a kind of the second.
    SubsumedBy,
    /// Neither.
    NotSubsumed,
}

impl Subsumption {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Equivalent => "equivalent",
            Self::Subsumes => "subsumes",
            Self::SubsumedBy => "subsumed-by",
            Self::NotSubsumed => "not-subsumed",
        }
    }
}

impl Terminology {
    /// What a code system tells of a code; nothing if it has none such.
    #[must_use]
    pub fn lookup<'a>(&'a self, system: &'a CodeSystem, code: &str) -> Option<Found<'a>> {
        let concept = system.concept(code)?;
        let more = self.supplements(&system.url).filter_map(|more| more.concept(&concept.code)).collect();
        Some(Found { system, concept, more })
    }
}

/// How two codes of a system stand to each other; nothing if it does not have both.
#[must_use]
pub fn subsumption(system: &CodeSystem, a: &str, b: &str) -> Option<Subsumption> {
    let (a, b) = (system.concept(a)?, system.concept(b)?);
    Some(match (system.is_a(&b.code, &a.code), system.is_a(&a.code, &b.code)) {
        (true, true) => Subsumption::Equivalent,
        (true, false) => Subsumption::Subsumes,
        (false, true) => Subsumption::SubsumedBy,
        (false, false) => Subsumption::NotSubsumed,
    })
}
