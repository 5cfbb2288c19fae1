//! `conformsTo()` of FHIRPath, answered by the profiles that are known here.
//!
//! Source: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use super::{NoContext, Validator};
use crate::definitions::rules::short;
use crate::fhirpath::Profiles;
use crate::model::outcome::{Issue, Severity};
use crate::model::resource::Resource;
use crate::model::tree::Node;

impl Profiles for Validator<'_> {
    fn conforms(&self, node: Node<'_>, url: &str) -> Option<bool> {
        let name = short(url);
        let right = |issues: Vec<Issue>| issues.iter().all(|issue| issue.severity > Severity::Error);
        if node.tree().schema().type_named(name).is_some() {
            if node.type_name() != name {
                return Some(false);
            }
            // What was read at all has the structure that R4 demands of its type; resources are looked at as a whole.
            let Some(resource) = node.resource_type().and_then(|_| Resource::extract(node)) else { return Some(true) };
            return Some(right(self.plain(&resource)));
        }
        self.plan(url)?;
        let resource = Resource::extract(node)?;
        Some(right(self.profile(&resource, url, &NoContext)))
    }
}
