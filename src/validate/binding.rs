//! Bindings: whether codes belong to the value set that is required.
//!
//! A concept fits a required binding if one of its codings does; text alone does not.
//! A weaker binding may name a widest value set, and no coding may lie outside of that.
//! Where terminology cannot tell whether a code belongs to a value set, nothing is said against it.
//! Source: <https://hl7.org/fhir/R4/terminologies.html#strength>.

use super::checker::{Checker, Fit};
use super::element::Element;
use super::plan::Rule;
use crate::definitions::rules::{Binding, Strength};
use crate::model::outcome::IssueType;
use crate::model::tree::Node;
use crate::terminology::expand::Wanted;
use crate::terminology::{Membership, Terminology, ValueSet};

/// Value sets up to this size are listed in the message.
const LISTED: usize = 12;

impl<'c> Checker<'c> {
    /// Checks the codes of an element.
    pub(super) fn binding(&mut self, rule: &'c Rule, element: Element<'c>) {
        let (Some(binding), Some(node)) = (&rule.binding, element.value()) else { return };
        if self.bound(binding, element) == Fit::No && !is_erratum(binding, node) {
            let set = value_set(binding);
            let terminology = &self.validator.terminology;
            self.error(node, IssueType::CodeInvalid, || {
                let codes = terminology.set(set).and_then(|set| terminology.expand(set, &Wanted::default(), LISTED).ok());
                let listed = codes.map(|codes| {
                    let mut codes: Vec<&str> = codes.iter().map(|code| code.code).collect();
                    codes.sort_unstable();
                    codes.join(", ")
                });
                let instead = listed.map_or(String::new(), |listed| format!(": {listed}"));
                if node.type_name() == "CodeableConcept" && codings(node).is_empty() {
                    format!("A text alone does not do here: add a coding of the value set {set}{instead}.")
                } else {
                    format!("{} is not in the value set {set}, as it must be here: use one of its codes{instead}.", told(node))
                }
            });
        }
    }

    /// Whether the codes of an element fit a binding.
    pub(super) fn bound(&self, binding: &Binding, element: Element<'c>) -> Fit {
        let Some(node) = element.value() else { return Fit::Unknown };
        let terminology = &self.validator.terminology;
        let required = binding.strength == Strength::Required;
        if node.type_name() == "CodeableConcept" && codings(node).is_empty() {
            // An extension may say why there is no code.
            return if required && node.get("extension").is_none() { Fit::No } else { Fit::Unknown };
        }
        let Some(set) = terminology.set(value_set(binding)) else { return Fit::Unknown };
        let answers: Vec<Membership> = match node.type_name() {
            "CodeableConcept" => codings(node).into_iter().map(|coding| of_coding(terminology, set, coding)).collect(),
            "Coding" | "Quantity" if node.get("code").is_none() => return Fit::Unknown,
            "Coding" | "Quantity" => vec![of_coding(terminology, set, node)],
            _ if node.is_primitive() => vec![terminology.member(set, None, &node.text())],
            _ => return Fit::Unknown,
        };
        let some = |wanted| answers.contains(&wanted);
        match required {
            true if some(Membership::In) => Fit::Yes,
            true if some(Membership::Unknown) => Fit::Unknown,
            false if !some(Membership::Out) => Fit::Unknown,
            _ => Fit::No,
        }
    }
}

/// R4 binds the components of all vital signs to the units of the vital signs themselves, though a flow of oxygen has another unit;
/// later versions of FHIR recommend these units only.
fn is_erratum(binding: &Binding, node: Node<'_>) -> bool {
    binding.value_set.starts_with("http://hl7.org/fhir/ValueSet/ucum-vitals-common")
        && node.parent().is_some_and(|above| above.type_name() == "Observation.component")
}

/// A code as it is told to people: the text of a primitive, the code of a coding.
fn told(node: Node<'_>) -> String {
    let code = match node.type_name() {
        "CodeableConcept" => codings(node).first().and_then(|coding| coding.get_text("code")),
        "Coding" | "Quantity" => node.get_text("code"),
        _ => Some(node.text()),
    };
    let code: String = code.unwrap_or_default().chars().take(60).collect();
    format!("The code \"{code}\"")
}

/// The value set that must not be left.
fn value_set(binding: &Binding) -> &'static str {
    if binding.strength == Strength::Required { binding.value_set } else { binding.widest.unwrap_or(binding.value_set) }
}

/// The codings of a concept that have a code.
fn codings(concept: Node<'_>) -> Vec<Node<'_>> {
    concept.all("coding").filter(|coding| coding.get("code").is_some()).collect()
}

fn of_coding(terminology: &Terminology, set: &ValueSet, coding: Node<'_>) -> Membership {
    // A coding without a system is of no system, not of any.
    let system = coding.get_text("system").unwrap_or_default();
    terminology.member(set, Some(&system), &coding.get_text("code").unwrap_or_default())
}
