//! Compartments: the resources that belong to a patient, an encounter, a person, a practitioner or a device.
//!
//! Reads `compartments.tsv`: `name  url`, and below it `type  parameters` for each type that can be a member.
//! Source: <https://hl7.org/fhir/R4/compartmentdefinition.html>.

use super::table::{BrokenTable, lines};
use crate::model::schema::{ResourceType, Schema};

/// A compartment.
#[derive(Debug)]
pub struct Compartment {
    /// Type of the resource that it is around: `Patient`.
    pub name: &'static str,
    /// Canonical URL of the CompartmentDefinition.
    pub url: &'static str,
    /// The types that can be members, and the parameters that make them so.
    pub members: Vec<(ResourceType, Vec<&'static str>)>,
}

impl Compartment {
    /// The search parameters by which a resource of that type belongs to the compartment; empty when it never does.
    /// `{def}` stands for the resource that the compartment is around.
    #[must_use]
    pub fn parameters(&self, ty: ResourceType) -> &[&'static str] {
        self.members.iter().find(|(member, _)| *member == ty).map_or(&[], |(_, parameters)| parameters)
    }
}

/// The compartments, sorted by name.
pub(super) fn load(text: &'static str, schema: &Schema) -> Result<Vec<Compartment>, BrokenTable> {
    let mut all: Vec<Compartment> = Vec::new();
    for line in lines("compartments", text) {
        let [name, more] = line.cells()?;
        if line.inner {
            let ty = schema.resource_type(name).ok_or_else(|| line.broken("a member is not a resource type"))?;
            let Some(owner) = all.last_mut() else { return Err(line.broken("a member stands before the first compartment")) };
            owner.members.push((ty, more.split(' ').collect()));
        } else {
            all.push(Compartment { name, url: more, members: Vec::new() });
        }
    }
    Ok(all)
}
