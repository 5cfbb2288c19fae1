//! Elements of type `code`: each must be of the value set that R4 requires for it.
//!
//! This is the part of validation that every write passes, since a code that nobody knows cannot be found or understood.
//! Source: <https://hl7.org/fhir/R4/terminologies.html#code>.

use super::element::location;
use crate::definitions::Definitions;
use crate::definitions::rules::{Strength, short};
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Primitive;
use crate::model::resource::Resource;
use crate::model::schema::{Kind, Name};
use crate::model::tree::{Node, Shape};
use crate::terminology::{Membership, Terminology};

/// The codes of a resource, and of those inside it, that are not in their required value sets.
#[must_use]
pub fn check(resource: &Resource, definitions: &Definitions) -> Vec<Issue> {
    let mut issues = Vec::new();
    object(resource.root(), definitions, &mut issues);
    issues
}

fn object(parent: Node<'_>, definitions: &Definitions, issues: &mut Vec<Issue>) {
    for member in parent.members().filter(|member| member.name() != Name::NONE && !member.is_shadow()) {
        member.opened().for_each(|node| value(node, parent, definitions, issues));
    }
}

fn value(node: Node<'_>, parent: Node<'_>, definitions: &Definitions, issues: &mut Vec<Issue>) {
    if node.shape() == Shape::Object {
        return object(node, definitions, issues);
    }
    if node.kind() != Kind::Primitive(Primitive::Code) || !node.is_primitive() {
        return;
    }
    let slots = definitions.schema.slots(parent.ty());
    let Some(slot) = slots.iter().find(|slot| slot.name == node.name() && slot.ty == node.ty()) else { return };
    let binding = definitions.rules(slot.element).and_then(|rules| rules.binding).filter(|binding| binding.strength == Strength::Required);
    let Some(set) = binding.map(|binding| binding.value_set) else { return };
    if Terminology::embedded().membership(set, None, &node.text()) == Membership::Out {
        let told: String = node.text().chars().take(60).collect();
        let diagnostics = format!("\"{told}\" is not a code of {}, which is required here.", short(set));
        issues.push(Issue::error(IssueType::CodeInvalid, location(node), diagnostics));
    }
}
