//! Resources that define: code systems, value sets, profiles, measures and the like, held against what they say of each other.
//!
//! Only these types pay for the rules. Files must keep them; a server only warns, since it may not know all that a definition builds on.

mod code_system;
mod concept_map;
mod ecl;
mod measure;
mod search_parameter;
mod structure;
mod value_set;

use super::checker::Checker;
use crate::model::tree::Node;

impl<'c> Checker<'c> {
    /// Checks a resource that defines; of other resources nothing.
    pub(super) fn definitional(&mut self, resource: Node<'c>) {
        if !self.looks_closer() {
            return;
        }
        match resource.type_name() {
            "CodeSystem" => self.code_system(resource),
            "ValueSet" => self.value_set(resource),
            "ConceptMap" => self.concept_map(resource),
            "StructureDefinition" => self.structure(resource),
            "SearchParameter" => self.search_parameter(resource),
            "CapabilityStatement" => self.capability(resource),
            "Measure" => self.measure(resource),
            "MeasureReport" => self.measure_report(resource),
            _ => {}
        }
    }
}
