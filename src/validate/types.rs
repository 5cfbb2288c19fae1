//! The types that an element may have, the profiles that its value conforms to, and where its references may lead.
//!
//! Source: <https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type>.

use super::checker::{Checker, Fit};
use super::element::Element;
use super::plan::{Allowed, Rule};
use crate::definitions::rules::canonical;
use crate::model::outcome::IssueType;
use crate::model::schema::Kind;
use crate::model::tree::Node;

impl<'c> Checker<'c> {
    /// Checks the type of an element, and what its type rule demands beyond the type.
    pub(super) fn types(&mut self, rule: &'c Rule, element: Element<'c>) {
        let Some(node) = element.value().filter(|_| !rule.types.is_empty()) else { return };
        let Some(ty) = rule.types.iter().find(|ty| ty.allows(node)) else {
            return self.error(node, IssueType::Structure, || {
                let allowed = rule.types.iter().map(|ty| ty.code).collect::<Vec<_>>().join(" or ");
                format!("The type {} is not allowed here: use {allowed}.", node.type_name())
            });
        };
        self.profiles(ty, element);
        if ty.code == "Reference" {
            self.targets(ty, element);
        }
    }

    fn profiles(&mut self, ty: &'c Allowed, element: Element<'c>) {
        if ty.code == "Extension" {
            let url = element.node.get_text("url").unwrap_or_default();
            if !ty.profiles.is_empty() && ty.profiles.iter().all(|profile| canonical(profile) != url) {
                let allowed = ty.profiles.iter().map(|profile| canonical(profile)).collect::<Vec<_>>().join(" or ");
                self.error(element.node, IssueType::Extension, || format!("This extension is not allowed here: use {allowed}."));
            }
            return;
        }
        match ty.profiles.as_slice() {
            [] => {}
            [only] => {
                if let Some(plan) = self.validator.plan(only) {
                    self.element(&plan.root, element);
                }
            }
            several => {
                if several.iter().all(|profile| self.conforms(element, profile) == Fit::No) {
                    let allowed = several.iter().map(|profile| canonical(profile)).collect::<Vec<_>>().join(" or ");
                    self.error(element.node, IssueType::Structure, || format!("This must conform to {allowed}."));
                }
            }
        }
    }
}

impl Allowed {
    /// Whether a value has this type. Types are exact (`code` is no `string` here), but for resources of any type.
    pub(super) fn allows(&self, node: Node<'_>) -> bool {
        self.id == node.ty() || self.any_resource() && node.kind() == Kind::Resource
    }

    fn any_resource(&self) -> bool {
        matches!(self.rule.code, "Resource" | "DomainResource")
    }
}

/// The same for a type that is told by its name.
pub(super) fn is_type(code: &str, node: Node<'_>) -> bool {
    code == node.type_name() || matches!(code, "Resource" | "DomainResource") && node.kind() == Kind::Resource
}
