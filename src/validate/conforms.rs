//! `conformsTo()` of FHIRPath, answered by the profiles that are known here.
//!
//! Source: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use super::{NoContext, Validator};
use crate::definitions::rules::short;
use crate::fhirpath::Profiles;
use crate::model::outcome::Severity;
use crate::model::resource::Resource;
use crate::model::tree::Node;

impl Profiles for Validator<'_> {
    fn conforms(&self, node: Node<'_>, url: &str) -> Option<bool> {
        let name = short(url);
        // What was read at all has the structure that R4 demands of its type.
        if node.tree().schema().type_named(name).is_some() {
            return Some(node.type_name() == name);
        }
        self.plan(url)?;
        let resource = Resource::extract(node)?;
        Some(self.profile(&resource, url, &NoContext).iter().all(|issue| issue.severity != Severity::Error))
    }
}
