//! Contained resources: each is referred to, and each reference into the resource finds its target.
//!
//! These are the invariants dom-3 and ref-1, said of the places that people have to mend. As FHIRPath they would walk over the whole
//! resource for each contained one. Source: <https://hl7.org/fhir/R4/references.html#contained>.

use super::checker::Checker;
use super::element::Element;
use super::reference::Resolution;
use crate::model::outcome::IssueType;
use crate::model::tree::Node;

impl<'c> Checker<'c> {
    /// Checks the contained resources of a resource.
    pub(super) fn contained(&mut self, resource: Node<'c>) {
        for contained in resource.all("contained") {
            let Some(id) = contained.get_text("id") else { continue };
            let json = resource.json();
            // A reference, a URI, or a link in a narrative, whose quotes are escaped in JSON.
            let referred = [format!("\"#{id}\""), format!("\\\"#{id}\\\"")].iter().any(|told| json.contains(told));
            if !referred && !contained.json().contains("\"#\"") {
                self.error(resource, IssueType::Invariant, || {
                    format!("Nothing refers to the contained resource {id}: refer to it by #{id}, or take it away (dom-3).")
                });
            }
        }
    }

    /// Checks that a Reference of the form `#id` leads somewhere.
    pub(super) fn dangling(&mut self, reference: Element<'c>) {
        let inside = reference.node.get_text("reference").is_some_and(|text| text.starts_with('#'));
        if inside && matches!(self.resolve(reference), Resolution::Dangling) {
            self.error(reference.node, IssueType::NotFound, || {
                "No contained resource has this id: contain it, or refer to a resource outside (ref-1).".to_owned()
            });
        }
    }
}
