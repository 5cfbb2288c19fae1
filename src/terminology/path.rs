//! `memberOf()`, `subsumes()` and `subsumedBy()` of FHIRPath.
//!
//! Source: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use std::borrow::Cow;

use super::lookup::{Subsumption, subsumption};
use super::system::Content;
use super::{Membership, Terminology};
use crate::fhirpath::{self, Value};
use crate::model::tree::Node;

impl fhirpath::Terminology for Terminology {
    fn member_of(&self, value: &Value<'_>, value_set: &str) -> Option<bool> {
        let set = self.set(value_set)?;
        let answers: Vec<Membership> = match value {
            Value::Node(node) if node.type_name() == "CodeableConcept" => {
                node.all("coding").map(|coding| self.member(set, Some(&of(coding, "system")), &of(coding, "code"))).collect()
            }
            Value::Node(node) if matches!(node.type_name(), "Coding" | "Quantity") => {
                vec![self.member(set, Some(&of(*node, "system")), &of(*node, "code"))]
            }
            Value::Node(node) if node.is_primitive() => vec![self.member(set, None, &node.text())],
            Value::String(code) => vec![self.member(set, None, code)],
            _ => return None,
        };
        match answers.into_iter().max() {
            Some(Membership::In) => Some(true),
            Some(Membership::Unknown) => None,
            Some(Membership::Out) | None => Some(false),
        }
    }

    fn subsumes(&self, wider: &Value<'_>, narrower: &Value<'_>) -> Option<bool> {
        let (wider, narrower) = (codings(wider), codings(narrower));
        let mut known = false;
        for (system, code) in &wider {
            for (_, other) in narrower.iter().filter(|(own, _)| own == system) {
                if code == other {
                    return Some(true);
                }
                let Some(found) = self.system(system).filter(|found| found.content == Content::Complete) else { continue };
                known = true;
                if let Some(Subsumption::Equivalent | Subsumption::Subsumes) = subsumption(found, code, other) {
                    return Some(true);
                }
            }
        }
        known.then_some(false)
    }
}

fn of<'t>(node: Node<'t>, name: &str) -> Cow<'t, str> {
    node.get_text(name).unwrap_or_default()
}

/// Systems and codes of a Coding or CodeableConcept.
fn codings<'t>(value: &Value<'t>) -> Vec<(Cow<'t, str>, Cow<'t, str>)> {
    let Some(node) = value.node() else { return Vec::new() };
    let coding = |node: Node<'t>| (of(node, "system"), of(node, "code"));
    if node.type_name() == "CodeableConcept" { node.all("coding").map(coding).collect() } else { vec![coding(node)] }
}
